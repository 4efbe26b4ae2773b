// Where a pod goes: filter, score, select; else which pods would have to go first. The answer and
// the sentence are kube-scheduler's (1.31, default profile).
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/rng.h"
#include "decide/scheduling/filters.h"
#include "decide/scheduling/nominations.h"
#include "decide/scheduling/preemption.h"
#include "decide/scheduling/ranking.h"

namespace gputide::scheduling {

/// The plugins that rejected a pod, each a bit; what may help a pod that waits depends on them.
using PluginSet = std::uint32_t;
/// 0 for a name that is none of theirs.
constexpr PluginSet plugin_bit(std::string_view plugin) {
  constexpr std::string_view kPlugins[] = {
      kNodeUnschedulable, kNodeName,         kTaintToleration,    kNodeAffinity,
      kNodePorts,         kNodeResourcesFit, kVolumeRestrictions, kNodeVolumeLimits,
      kVolumeBinding,     kVolumeZone,       kPodTopologySpread,  kInterPodAffinity};
  PluginSet bit = 1;
  for (const std::string_view each : kPlugins) {
    if (each == plugin) return bit;
    bit <<= 1;
  }
  return 0;
}

struct Placement {
  state::NodeId node = state::kNoNode;
  /// Why there is no node: "0/5 nodes are available: 3 Insufficient nvidia.com/gpu, 2 node(s) had
  /// untolerated taint {a: b}. preemption: ...", or "no nodes available to schedule pods".
  std::string message;
  PluginSet rejected_by = 0;
  /// Pods that are to be deleted so that the pod fits `nominated`; "" when there are none.
  std::string nominated;
  std::vector<state::PodRef> victims;
  /// A promise that the pod had and that no longer helps is to be taken back.
  bool clear_nomination = false;
};

class Scheduler {
 public:
  /// The cluster must outlive this.
  explicit Scheduler(state::Cluster& cluster)
      : cluster_(cluster), filters_(cluster), ranking_(filters_) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Decides; changes nothing but what it remembers. Ties between best nodes and between equally
  /// harmful preemptions are drawn from `rng`.
  Placement schedule(const model::Pod& pod, Rng& rng);

  void set_budgets(std::vector<Budget> budgets) {
    budgets_ = std::move(budgets);
    failures_.clear();
  }
  Nominations& nominations() { return nominations_; }
  Filters& filters() { return filters_; }

 private:
  // Why pods of a demand fit nowhere, good until the cluster changes.
  struct Failure {
    std::uint64_t sequence = 0;
    std::uint64_t objects_version = 0;
    std::uint64_t nominations_version = 0;
    Placement placement;
  };
  struct Diagnosis {
    std::vector<std::pair<std::string, std::int64_t>> reasons;  // and on how many nodes
    std::vector<state::NodeId> potential;                       // where pods that go might help
    PluginSet rejected_by = 0;
    std::string pre_filter;  // not empty: no node was looked at
  };
  // What all nodes of one verdict are told, and how many they are.
  struct Answer {
    std::uint64_t verdict = 0;
    Status status;
    std::int64_t nodes = 0;
  };

  bool fits(Demand& demand, const model::Pod& pod, state::NodeId node);
  void find_feasible(Demand& demand, const model::Pod& pod);
  void find_named(Demand& demand, const model::Pod& pod, const std::set<std::string>& names);
  state::NodeId select(const model::Pod& pod, Rng& rng);
  Diagnosis diagnose(const model::Pod& pod);
  Answer* answer_of(Demand& demand, state::NodeId node, std::vector<Answer>& answers) const;
  Placement explain(const model::Pod& pod, Rng& rng);
  void preempt(const model::Pod& pod, const Diagnosis& diagnosis, Rng& rng, Placement& placement);

  state::Cluster& cluster_;
  Filters filters_;
  Ranking ranking_;
  Nominations nominations_;
  std::vector<Budget> budgets_;
  state::NodeId start_ = 0;  // where the next search begins
  // Of the pod that is being scheduled; kept for their memory.
  std::vector<state::NodeId> feasible_;
  std::vector<std::int64_t> totals_;  // of feasible_
  boost::unordered_flat_map<std::uint64_t, Failure> failures_;
};

}  // namespace gputide::scheduling
