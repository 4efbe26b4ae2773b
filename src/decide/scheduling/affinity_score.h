// InterPodAffinity as a score: near to the pods that are liked, far from those that are not, by the
// terms of the incoming pod and by those of pods that run. Semantics: kube-scheduler 1.31,
// hardPodAffinityWeight 1.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scheduling/domain_tally.h"
#include "decide/scheduling/pod_affinity.h"
#include "state/cluster.h"

namespace gputide::scheduling {

class AffinityScore {
 public:
  AffinityScore(const AffinityTerms& terms, state::ClassId class_id)
      : terms_(terms), class_(class_id) {}

  /// No pod is liked or disliked.
  bool empty() const { return active_nodes_ == 0; }
  /// Counts the node anew.
  void update(state::Cluster& cluster, AffinityTermCache& cache, state::NodeId node);
  /// The node's id is no longer in use.
  void forget(state::NodeId node);
  void clear();
  /// Scores `nodes`, which are all that are feasible; both spans are of their size.
  void score(const state::Cluster& cluster, std::span<const state::NodeId> nodes,
             std::span<std::int64_t> raw, std::span<std::int64_t> normalized) const;

 private:
  using Shares = std::vector<std::pair<state::TopologyId, std::int64_t>>;
  struct ByTopology {
    state::TopologyId topology = 0;
    DomainTally tally;
  };
  const Shares& shares_of(state::Cluster& cluster, AffinityTermCache& cache,
                          const state::PodEntry& entry);
  DomainTally& tally(state::TopologyId topology);
  void set_active(state::NodeId node, bool active);

  const AffinityTerms& terms_;
  const state::ClassId class_;
  std::vector<ByTopology> tallies_;
  std::vector<std::uint8_t> active_;  // by node: a pod there is liked or disliked
  std::int32_t active_nodes_ = 0;
  boost::unordered_flat_map<std::uint64_t, Shares> shares_;
};

}  // namespace gputide::scheduling
