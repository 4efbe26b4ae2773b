// PodTopologySpread as a score: the fewer like pods a node's domains hold, the better.
// Semantics: kube-scheduler 1.31, with its default constraints for pods of services and
// controllers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "decide/scheduling/domain_tally.h"
#include "decide/scheduling/node_fit.h"
#include "decide/scheduling/topology_spread.h"
#include "state/cluster.h"

namespace gputide::scheduling {

/// What services and controllers that select the pod select by together; empty when there are
/// none.
model::Selector default_selector(const model::Pod& pod, const state::Objects& objects);

class SpreadScore {
 public:
  /// The constraints that say ScheduleAnyway; of a pod without constraints the default ones.
  SpreadScore(const model::Pod& pod, state::Cluster& cluster);

  bool empty() const { return constraints_.empty(); }
  /// Counts the node anew.
  void update(state::Cluster& cluster, NodeRules& rules, state::NodeId node);
  /// The node's id is no longer in use.
  void forget(state::NodeId node);
  void clear();
  /// Scores `nodes`, which are all that are feasible; both spans are of their size.
  void score(state::Cluster& cluster, std::span<const state::NodeId> nodes,
             std::span<std::int64_t> raw, std::span<std::int64_t> normalized) const;

 private:
  bool has_all_keys(const state::Cluster& cluster, state::NodeId node) const;
  state::DomainId domain(state::Cluster& cluster, std::size_t constraint, state::NodeId node) const;
  std::vector<double> domain_weights(state::Cluster& cluster, std::span<const state::NodeId> nodes,
                                     std::vector<std::uint8_t>& ignored) const;

  std::string namespace_;
  bool require_all_ = true;  // false for default constraints: nodes without a zone count too
  std::vector<SpreadConstraint> constraints_;
  std::vector<std::uint8_t> by_host_;
  std::vector<std::size_t> tally_of_;  // constraints of one topology key share a tally
  std::vector<DomainTally> tallies_;
  std::vector<std::vector<std::int64_t>> on_node_;  // of constraints by host
};

}  // namespace gputide::scheduling
