// The provisioner of NodePools as a controller: what Karpenter is for, decided by
// decide/provisioning. It batches pods that no node takes, buys the cheapest nodes for them, and
// takes nodes away again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "control/provisioner/claims.h"
#include "control/provisioner/cluster.h"
#include "control/provisioner/disruption.h"
#include "control/provisioner/offers.h"
#include "control/provisioner/options.h"
#include "port/controller.h"

namespace gputide::provisioner {

/// Watches pods, nodes, NodePools, NodeClaims, EC2NodeClasses, DaemonSets, ConfigMaps, namespaces,
/// PodDisruptionBudgets; ClusterConfigs only tell it that subnets may have changed. NodeClaims and
/// nodes hold all that must outlive it.
class Provisioner final : public port::Controller {
 public:
  /// `seed` makes the random part of claims' names. The catalogue must outlive it.
  Provisioner(Options options, const pricing::Catalogue& catalogue, std::string region,
              std::uint64_t seed);

  std::string_view name() const override { return "gputide-provisioner"; }
  void step(const port::Event& event, Instant now, port::Commands& commands) override;
  bool at_rest() const override;

 private:
  void on(const port::ObjectChanged& event, Instant now, port::Commands& commands);
  void on(const port::TimerFired& event, Instant now, port::Commands& commands);
  void on(const port::CloudAnswered& event, Instant now, port::Commands& commands);
  void on(const port::EvictAnswered& event, Instant now, port::Commands& commands);
  void on(const port::InstanceNotice& event, Instant now, port::Commands& commands);

  Claims::Ask asker(port::Commands& commands);
  void heed(const ClaimNews& news, Instant now);
  /// Waits for more pods, as Karpenter's batcher does; `urgent`: not at all.
  void trigger(Instant now, bool urgent = false);
  void work(Instant now, port::Commands& commands);
  void ask_subnets(port::Commands& commands);
  void tell_pools(port::Commands& commands);

  /// The cluster's nodes, claims and pods as the planner sees them. `steady`: only nodes that are
  /// ready to take pods, and no pods that wait.
  struct View {
    provisioning::ProvisionProblem problem;
    std::vector<std::string> claim_of_node;  // "" = none
    /// Waiting pods that are left out, and why.
    std::vector<std::pair<PodRef, std::string>> refused;
  };
  View view(Instant now, bool steady);
  void add_pools(Instant now, View& view);
  void add_nodes(bool steady, View& view);
  void add_pods(bool steady, View& view);
  void add_waiting(const PodRef& pod, View& view);
  void plan(Instant now, port::Commands& commands);
  void consolidate(Instant now, port::Commands& commands);
  /// Creates the claims of a plan's new nodes; gives their names.
  std::vector<std::string> buy(const provisioning::ProvisionProblem& problem,
                               const provisioning::ProvisionPlan& plan, port::Commands& commands);
  void tell_bought(const provisioning::ProvisionProblem& problem,
                   const provisioning::ProvisionPlan& plan, const std::string& why,
                   port::Commands& commands);
  void tell_unplaced(const model::Pod& pod, const std::string& why, port::Commands& commands);
  void plan_next(Instant now, port::Commands& commands);

  const Options options_;
  Rng names_;
  Cluster cluster_;
  Offers offers_;
  Claims claims_;
  Disruption disruption_;

  std::map<std::uint64_t, std::string> subnet_calls_;        // call -> class
  std::map<std::string, std::vector<model::Subnet>> found_;  // of a class, until all answered
  std::map<std::string, int> subnet_answers_due_;            // by class
  std::map<std::string, std::string> pools_told_;            // pool -> what was told
  std::map<std::string, std::string> unplaced_told_;         // pod uid -> reason
  std::optional<Instant> batch_since_, batch_last_;
  bool urgent_ = false;
  std::optional<Instant> retry_at_;  // pods found no node, but a pool of capacity may be back then
  std::uint64_t calls_ = 0;
  std::optional<Instant> armed_;
  Instant now_;
};

}  // namespace gputide::provisioner
