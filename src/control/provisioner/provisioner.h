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
#include "decide/provisioning/node_repair.h"
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
  /// What its subnet selectors find is asked anew, and answers that are due no longer count.
  void forget_subnets(const std::string& node_class);
  void ask_subnets(port::Commands& commands);
  void tell_pools(port::Commands& commands);
  /// Some class selects capacity reservations, or some claim runs in one.
  bool wants_reservations() const;
  void ask_reservations(Instant now, port::Commands& commands);
  void reservations_told(const port::CloudAnswer& answer, Instant now, port::Commands& commands);
  /// Claims whose reservation is over, or ends soon.
  void heed_ends(Instant now, port::Commands& commands);
  /// Writes the class's status.
  void write_reservations(const std::string& node_class, Instant now, port::Commands& commands);
  /// What was bought last is not known yet: who planned now would buy it again.
  bool is_buying() const { return !on_order_.empty() || claims_.launching(); }
  /// What AWS has not answered yet decides what can be bought.
  bool knows_offers() const { return subnet_answers_due_.empty() && reservation_call_ == 0; }

  /// The cluster's nodes, claims and pods as the planner sees them. `steady`: only nodes that are
  /// ready to take pods, and no pods that wait.
  struct View {
    provisioning::ProvisionProblem problem;
    std::vector<std::string> claim_of_node;  // "" = none
    /// Waiting pods that are left out, and why.
    std::vector<std::pair<PodRef, std::string>> refused;
  };
  /// What the problem's offers are made of: equal ones share a memo.
  struct OfferKey {
    std::uint64_t generation = 0, offers = 0;
    std::vector<bool> available;  // by offering
    bool operator==(const OfferKey&) const = default;
  };
  /// The last look at what could be consolidated, if nothing could.
  struct VainLook {
    provisioning::ProvisionProblem problem;
    std::vector<provisioning::Candidate> candidates;
  };
  View view(Instant now, bool steady);
  View view_for_move(Instant now);
  void add_pools(Instant now, View& view);
  void add_nodes(bool steady, View& view);
  void add_pods(bool steady, View& view);
  void add_waiting(const PodRef& pod, View& view);
  void plan(Instant now, port::Commands& commands);
  /// Leaves out nodes of pools that exceed their limits with their nodes that leave.
  void hold_to_limits(provisioning::ProvisionPlan& plan);
  /// None of its nodes is of such a pool.
  bool keeps_limits(const provisioning::ProvisionPlan& plan) const;
  void consolidate(Instant now, port::Commands& commands);
  /// Marks a NodePool or class with the hash of its template, as Karpenter does.
  void mark_hash(const port::ObjectChanged& event, port::Commands& commands);
  void look_for_drift(Instant now, port::Commands& commands);
  void replace_drifted(Instant now, port::Commands& commands);
  void replace_drifted(const std::string& claim, Instant now, port::Commands& commands);
  /// A warning about the claim's node, unless it was the last one too.
  void tell_kept(Claim& claim, const char* reason, const std::string& why,
                 port::Commands& commands);
  void repair(Instant now, port::Commands& commands);
  std::optional<Instant> repair_due(Instant now) const;
  std::optional<provisioning::Sickness> sickness_of(const Claim& claim) const;
  std::pair<std::int64_t, std::int64_t> count_sick(const std::string& pool) const;
  /// The nodes of these claims, to give up with their pods, as far as their price is known.
  std::vector<provisioning::Candidate> candidates(const View& view,
                                                  const std::vector<std::string>& claims) const;
  /// Buys a plan's nodes in the place of others, which go when those are ready. `why` is told with
  /// the purchase.
  void replace(const provisioning::ProvisionProblem& moved, const provisioning::ProvisionPlan& plan,
               const std::string& why, Replacement replacement, Instant now,
               port::Commands& commands);
  /// Creates the claims of a plan's new nodes; gives their names.
  std::vector<std::string> buy(const provisioning::ProvisionProblem& problem,
                               const provisioning::ProvisionPlan& plan, port::Commands& commands);
  /// Names the claim and creates it; gives the name.
  std::string create(std::shared_ptr<model::NodeClaim> claim, port::Commands& commands);
  /// NodePools with `replicas` have so many nodes.
  void keep_replicas(Instant now, port::Commands& commands);
  void keep_replicas(const model::NodePool& pool, Instant now, port::Commands& commands);
  provisioning::PlannedMachine replica_of(const model::NodePool& pool, Instant now);
  /// So many nodes more for such a pool, as far as its limit and AWS's capacity go; gives the
  /// claims' names.
  std::vector<std::string> buy_replicas(const model::NodePool& pool, std::int64_t wanted,
                                        const std::string& why, Instant now,
                                        port::Commands& commands);
  /// Its limit of nodes is reached, but some are going.
  bool leaves_room_soon(const model::NodePool& pool) const;
  std::int64_t count_nodes(const std::string& pool, bool that_stay) const;
  void tell_bought(const provisioning::ProvisionProblem& problem,
                   const provisioning::ProvisionPlan& plan, const std::string& why,
                   port::Commands& commands);
  void tell_unplaced(const model::Pod& pod, const std::string& why, port::Commands& commands);
  /// Of NodePools of which none can buy anything: what keeps them.
  std::string why_no_pool_buys();
  void plan_next(Instant now, port::Commands& commands);
  /// Pods will come to the nodes that the plan puts any on.
  void nominate(const View& view, const provisioning::ProvisionPlan& plan, Instant now);

  const Options options_;
  Rng names_;
  Cluster cluster_;
  Offers offers_;
  Claims claims_;
  Disruption disruption_;

  std::map<std::uint64_t, std::string> subnet_calls_;        // call -> class
  std::map<std::string, std::vector<model::Subnet>> found_;  // of a class, until all answered
  std::map<std::string, int> subnet_answers_due_;            // by class
  std::uint64_t reservation_call_ = 0;                       // under way
  std::optional<Instant> reservations_due_;                  // asked again then
  std::map<std::string, std::string> pools_told_;            // pool -> what was told
  std::map<std::string, std::string> unplaced_told_;         // pod uid -> reason
  std::optional<Instant> batch_since_, batch_last_;
  bool urgent_ = false;
  std::uint64_t generation_ = 1;  // of pools, classes and subnets
  OfferKey offer_key_;            // of the memo
  std::shared_ptr<provisioning::OfferMemo> offer_memo_;
  std::optional<VainLook> vain_look_;
  std::optional<Instant> drift_retry_at_;        // as below, of drifted nodes' pods
  std::map<std::string, std::string> on_order_;  // claims that were made and not seen yet -> pool
  std::optional<Instant> replica_retry_at_;      // no capacity for replicas until then
  std::optional<Instant> retry_at_;  // pods found no node, but a pool of capacity may be back then
  std::uint64_t calls_ = 0;
  std::optional<Instant> armed_;
  Instant now_;
};

}  // namespace gputide::provisioner
