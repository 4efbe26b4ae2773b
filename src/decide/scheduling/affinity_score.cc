#include "decide/scheduling/affinity_score.h"

#include <algorithm>
#include <limits>

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;

namespace {

constexpr std::int64_t kHardAffinityWeight = 1;
constexpr std::int64_t kMaxAffinityScore = 100;

}  // namespace

void AffinityScore::clear() {
  tallies_.clear();
  active_.clear();
  active_nodes_ = 0;
  shares_.clear();
}

void AffinityScore::set_active(NodeId node, bool active) {
  const auto at = static_cast<std::size_t>(node);
  if (at >= active_.size()) active_.resize(at + 1);
  active_nodes_ += (active ? 1 : 0) - active_[at];
  active_[at] = active ? 1 : 0;
}

void AffinityScore::forget(NodeId node) {
  set_active(node, false);
  for (ByTopology& each : tallies_) each.tally.set(node, state::kNoDomain, 0);
}

DomainTally& AffinityScore::tally(state::TopologyId topology) {
  for (ByTopology& each : tallies_)
    if (each.topology == topology) return each.tally;
  return tallies_.emplace_back(topology, DomainTally()).tally;
}

// What one pod that runs adds to the domains of its node.
const AffinityScore::Shares& AffinityScore::shares_of(Cluster& cluster, AffinityTermCache& cache,
                                                      const state::PodEntry& entry) {
  const std::uint64_t key = static_cast<std::uint64_t>(entry.spec) << 32 | entry.pod_class;
  const auto [at, added] = shares_.try_emplace(key);
  if (!added) return at->second;
  Shares shares;
  const auto& kinds = cluster.kinds();
  const state::ClassInfo& other = kinds.pod_class(entry.pod_class);
  const state::ClassInfo& self = kinds.pod_class(class_);
  const auto add = [&](const AffinityTerm& term, std::int64_t weight) {
    shares.emplace_back(term.topology, weight);
  };
  for (const AffinityTerm& term : terms_.preferred)
    if (term.covers(other, cluster.objects())) add(term, term.weight);
  for (const AffinityTerm& term : terms_.preferred_anti)
    if (term.covers(other, cluster.objects())) add(term, -term.weight);
  if (kinds.spec(entry.spec).any_pod_affinity) {
    const AffinityTerms& theirs = cache.of(cluster, entry.spec, entry.pod_class);
    for (const AffinityTerm& term : theirs.required)
      if (term.covers_incoming(self, cluster.objects())) add(term, kHardAffinityWeight);
    for (const AffinityTerm& term : theirs.preferred)
      if (term.covers_incoming(self, cluster.objects())) add(term, term.weight);
    for (const AffinityTerm& term : theirs.preferred_anti)
      if (term.covers_incoming(self, cluster.objects())) add(term, -term.weight);
  }
  at->second = std::move(shares);
  return at->second;
}

void AffinityScore::update(Cluster& cluster, AffinityTermCache& cache, NodeId node) {
  if (!cluster.exists(node)) return forget(node);
  const bool likes = !terms_.preferred.empty() || !terms_.preferred_anti.empty();
  const state::NodeState& state = cluster.node(node);
  Shares sums;
  if (likes || state.with_any_affinity > 0)
    for (const state::PodEntry& entry : state.entries)
      for (const auto& [topology, weight] : shares_of(cluster, cache, entry)) {
        if (cluster.domain(topology, node) == state::kNoDomain) continue;
        auto at = sums.begin();
        while (at != sums.end() && at->first != topology) ++at;
        if (at == sums.end())
          sums.emplace_back(topology, weight);
        else
          at->second += weight;
      }
  const std::size_t index = static_cast<std::size_t>(node);
  if (sums.empty() && (index >= active_.size() || active_[index] == 0)) return;
  forget(node);
  if (sums.empty()) return;
  set_active(node, true);
  for (const auto& [topology, weight] : sums)
    tally(topology).set(node, cluster.domain(topology, node), weight);
}

void AffinityScore::score(const Cluster& cluster, std::span<const NodeId> nodes,
                          std::span<std::int64_t> raw, std::span<std::int64_t> normalized) const {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = std::numeric_limits<std::int64_t>::min();
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    raw[n] = 0;
    for (const ByTopology& each : tallies_)
      raw[n] += each.tally.sum(cluster.domain(each.topology, nodes[n]));
    least = std::min(least, raw[n]);
    most = std::max(most, raw[n]);
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const double share = static_cast<double>(raw[n] - least) / static_cast<double>(most - least);
    normalized[n] = most > least
                        ? static_cast<std::int64_t>(static_cast<double>(kMaxAffinityScore) * share)
                        : 0;
  }
}

}  // namespace gputide::scheduling
