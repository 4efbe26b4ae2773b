// Taking nodes away, step by step: taint and cordon, wait, evict, wait until the pods are gone, end
// the instance; and putting everything back when that fails. Source: Cluster Autoscaler 1.31.5
// core/scaledown/actuation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/autoscaler/cluster_view.h"
#include "decide/scaling/scale_down.h"
#include "port/controller.h"

namespace gputide::autoscaler {

/// How one removal ended.
struct RemovalEnd {
  std::string node;
  std::string group;
  bool removed = false;
  bool at_start = false;  // it failed before anything was evicted
};

/// A node's place in the cloud.
struct InstanceOfNode {
  std::string id;
  std::string group;
};

class Removals {
 public:
  using AskCloud = std::function<std::uint64_t(port::CloudRequest)>;

  Removals(const scaling::Options& options, const ClusterView& cluster);

  /// Starts to take the node away. `why`: one sentence, for the timeline.
  void start(const scaling::Removable& node, bool drain, InstanceOfNode instance, std::string why,
             const scaling::Utilization* used, Instant now, port::Commands& commands);
  /// Does what is due. Ended removals are appended to `ended`.
  void advance(Instant now, const AskCloud& ask, port::Commands& commands,
               std::vector<RemovalEnd>& ended);

  void evict_answered(const port::EvictAnswered& answer, Instant now);
  /// False: it is none of ours.
  bool cloud_answered(std::uint64_t call, const port::CloudAnswer& answer, port::Commands& commands,
                      std::vector<RemovalEnd>& ended);

  /// When `advance` must be called; nullopt: only after an event.
  std::optional<Instant> due() const;
  bool empty() const { return removals_.empty(); }
  /// What is under way, as decisions see it.
  scaling::Deletions under_way() const;

 private:
  enum class Stage { Tainted, Evicting, Leaving, Held, Ending };
  enum class Progress { Done, Waits, TimedOut };
  struct Eviction {
    scaling::PodRef pod;
    bool best_effort = false;  // nothing waits for it
    std::size_t band = 0;      // of `bands_`
    bool accepted = false;
    bool asked = false;  // and not answered yet
    Instant retry_at = {};
  };
  struct Removal {
    std::string node;
    InstanceOfNode instance;
    bool drain = false;
    std::string why;
    Stage stage = Stage::Tainted;
    std::size_t band = 0;  // whose pods leave now
    Instant due;
    Instant deadline;
    std::vector<Eviction> evictions;
    std::uint64_t call = 0;
  };

  void plan_eviction(Removal& removal, const scaling::PodRef& pod, bool daemon) const;
  /// False: the removal is over.
  bool step(Removal& removal, Instant now, const AskCloud& ask, port::Commands& commands,
            std::vector<RemovalEnd>& ended);
  void add_late_pods(Removal& removal) const;
  /// Goes on with the first band from `band` on that has pods; when there is none, the node waits
  /// for whoever holds it.
  void begin_band(Removal& removal, std::size_t band, Instant now) const;
  Progress evict_band(Removal& removal, Instant now, port::Commands& commands) const;
  Progress await_band(Removal& removal, Instant now) const;
  bool pods_gone(const Removal& removal) const;
  bool held_by_annotation(const std::string& node) const;
  bool holds_node(const model::Pod& pod) const;
  /// What stands in the way of the removal as planned; empty: nothing.
  std::string intruder(const Removal& removal) const;
  void fail(Removal& removal, const std::string& why, port::Commands& commands,
            std::vector<RemovalEnd>& ended);
  std::size_t band_of(const model::Pod& pod) const;
  Duration grace_of(const Eviction& eviction) const;

  const scaling::Options& options_;
  const ClusterView& cluster_;
  const std::vector<scaling::DrainBand> bands_;
  const bool occupied_await_daemons_;  // pods of DaemonSets are waited for like the others
  const bool empty_await_daemons_;
  std::map<std::string, Removal> removals_;  // by node
};

/// Takes the deletion taint and the cordon off again.
port::PatchNode give_back_node(const std::string& node, bool uncordon);

}  // namespace gputide::autoscaler
