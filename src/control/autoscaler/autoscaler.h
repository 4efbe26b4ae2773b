// The autoscaler of node groups as a controller: Cluster Autoscaler, upstream's or ours. It looks
// every scan interval as upstream does, but sleeps over looks that could not decide anything else.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/autoscaler/cloud_view.h"
#include "control/autoscaler/cluster_view.h"
#include "control/autoscaler/removals.h"
#include "control/autoscaler/status_map.h"
#include "decide/scaling/loop.h"
#include "port/controller.h"

namespace gputide::autoscaler {

/// Watches nodes, pods, the controllers of pods, DaemonSets, PodDisruptionBudgets, ConfigMaps and,
/// where they are switched on, ProvisioningRequests with their PodTemplates.
/// ClusterConfigs and instance notices only tell it that groups may have changed. All that it
/// remembers is lost with it, as when upstream restarts.
class Autoscaler final : public port::Controller {
 public:
  /// `name`: who it is in timelines. `seed` decides what is drawn from ties. The catalogue must
  /// outlive it.
  Autoscaler(scaling::Options options, std::string name, const pricing::Catalogue& catalogue,
             std::uint64_t seed);

  std::string_view name() const override { return name_; }
  void step(const port::Event& event, Instant now, port::Commands& commands) override;
  bool at_rest() const override;

 private:
  void on(const port::ObjectChanged& event, Instant now, port::Commands& commands);
  void on(const port::TimerFired& event, Instant now, port::Commands& commands);
  void on(const port::CloudAnswered& event, Instant now, port::Commands& commands);
  void on(const port::EvictAnswered& event, Instant now, port::Commands& commands);
  void on(const port::InstanceNotice& event, Instant now, port::Commands& commands);

  void tick(Instant now, port::Commands& commands);
  void look(Instant now, port::Commands& commands);
  void clean_up(port::Commands& commands);
  /// The expander whose server is not there, once.
  void tell_of_expander(port::Commands& commands) const;
  void act(const scaling::Plan& plan, Instant now, port::Commands& commands);
  void drop(const scaling::DropInstances& drop, Instant now, port::Commands& commands);
  void resize(const scaling::SetSize& size, Instant now, port::Commands& commands);
  void put(const scaling::RequestRef& request, port::Commands& commands);
  void remove(const scaling::Plan& plan, Instant now, port::Commands& commands);
  void tell(const scaling::PlanEvent& event, port::Commands& commands) const;
  void resized(std::uint64_t call, const port::CloudAnswer& answer, Instant now,
               port::Commands& commands);
  void ended(const std::vector<RemovalEnd>& list, Instant now);
  void advance_removals(Instant now, port::Commands& commands);
  Ask asker(port::Commands& commands);

  /// Something that a decision depends on changed: the next look is due.
  void changed() { dirty_ = true; }
  void plan_next(Instant now, port::Commands& commands);
  /// The first moment of the scan grid at or after `at` that is after the last look.
  Instant on_grid(Instant at) const;
  void arm(std::optional<Instant> at, port::Commands& commands);
  port::ObjectRef status_ref() const;

  const scaling::Options options_;
  const std::string name_;
  Rng rng_;
  ClusterView cluster_;
  CloudView cloud_;
  Removals removals_;
  StatusMap status_;
  scaling::LoopState state_;
  scaling::Observation seen_;

  struct Resizing {
    scaling::SetSize size;
    bool drops = false;  // lowered because instances were given up
  };
  std::map<std::uint64_t, Resizing> resizing_;
  std::uint64_t calls_ = 0;
  std::optional<Instant> last_look_;  // the scan grid counts from here
  std::optional<Instant> soon_;       // a look outside the grid is asked for
  std::optional<Instant> wake_;       // the last plan's next moment
  std::optional<Instant> armed_;
  bool dirty_ = false;
  bool settled_ = false;
  bool ticking_ = false;  // waits for AWS's answers before it looks
  bool cleaned_ = false;
};

}  // namespace gputide::autoscaler
