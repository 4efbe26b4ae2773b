// PodTopologySpread as a filter: how unevenly pods of a kind may lie over the domains of a
// topology. Semantics: kube-scheduler 1.31, with minDomains, node inclusion policies and
// matchLabelKeys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "decide/scheduling/class_memo.h"
#include "decide/scheduling/domain_tally.h"
#include "decide/scheduling/node_fit.h"
#include "decide/scheduling/status.h"
#include "model/selector.h"
#include "state/cluster.h"

namespace gputide::scheduling {

/// One constraint of a pod, ready to count with.
struct SpreadConstraint {
  state::TopologyId topology = 0;
  std::int32_t max_skew = 1;
  std::int32_t min_domains = 1;
  bool honor_affinity = true;
  bool honor_taints = false;
  model::Selector selector;
  ClassMemo memo;  // of count()

  /// Whether the node's pods count, as far as the inclusion policies say.
  bool includes(const NodeRules::Verdict& rules) const {
    return (!honor_affinity || rules.affinity_matches) && (!honor_taints || rules.taints_tolerated);
  }
  /// How many of the node's pods the constraint counts for a pod of `namespace_`: those that are
  /// not being deleted. An empty selector counts none.
  std::int64_t count(const state::Cluster& cluster, state::NodeId node,
                     const std::string& namespace_) const;
};

/// Compiles a constraint for pods of a class; the labels named by matchLabelKeys come from it.
SpreadConstraint compile_spread(const model::TopologySpreadConstraint& constraint,
                                const model::StringMap& labels, state::Cluster& cluster);

class TopologySpread {
 public:
  /// Keeps the constraints that say DoNotSchedule.
  TopologySpread(const model::PodSpec& spec, const state::ClassInfo& pod_class,
                 state::Cluster& cluster);

  bool empty() const { return constraints_.empty(); }
  /// Counts the node anew.
  void update(const state::Cluster& cluster, NodeRules& rules, state::NodeId node);
  /// The node's id is no longer in use.
  void forget(state::NodeId node);
  void clear();
  /// nullptr: the node may take the pod.
  const Status* check(const state::Cluster& cluster, state::NodeId node) const;

 private:
  std::string namespace_;
  std::vector<SpreadConstraint> constraints_;
  std::vector<bool> matches_itself_;
  std::vector<std::size_t> tally_of_;  // constraints of one topology key share a tally, as upstream
  std::vector<DomainTally> tallies_;
  std::vector<state::TopologyId> topology_of_tally_;
};

}  // namespace gputide::scheduling
