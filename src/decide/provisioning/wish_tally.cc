#include "decide/provisioning/wish_tally.h"

#include <algorithm>
#include <numeric>

namespace gputide::provisioning {

WishTally::WishTally(const WishProblem& problem, std::span<const PlannedNode> nodes)
    : problem_(&problem), nodes_(nodes) {
  for (const TopologyGroup& group : problem.pack.groups) {
    totals_.push_back(
        std::accumulate(group.counts.begin(), group.counts.end(), std::int64_t{0}) +
        std::accumulate(group.node_counts.begin(), group.node_counts.end(), std::int64_t{0}));
    counts_.push_back(group.counts);
    if (group.key != kHostname) continue;
    counts_.back().assign(nodes.size(), 0);
    for (std::size_t n = 0; n < nodes.size(); ++n)
      if (nodes[n].kind == kNone && nodes[n].offer < group.node_counts.size())
        counts_.back()[n] = group.node_counts[nodes[n].offer];
  }
}

std::uint32_t WishTally::where(std::uint32_t group, std::uint32_t node) const {
  const std::uint32_t key = problem_->pack.groups[group].key;
  if (key == kHostname) return node;
  const PlannedNode& each = nodes_[node];
  return each.kind == kNone ? problem_->pack.existing[each.offer].domains[key]
                            : problem_->pack.kinds[each.kind].domains[key];
}

std::int64_t WishTally::least(const TopologyRule& rule) const {
  if (problem_->pack.groups[rule.group].key == kHostname || rule.domains.empty() ||
      static_cast<std::int64_t>(rule.domains.size()) < rule.min_domains)
    return 0;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const std::uint32_t d : rule.domains) least = std::min(least, counts_[rule.group][d]);
  return least;
}

bool WishTally::grants(const PackWish& wish, std::uint32_t node) const {
  if (!wish.rule) {
    const PlannedNode& each = nodes_[node];
    if (each.kind == kNone) return wish.existing[each.offer];
    const std::vector<std::uint64_t>& bits = wish.offers[each.kind];
    return !bits.empty() && (bits[each.offer / 64] >> (each.offer % 64) & 1) != 0;
  }
  const TopologyRule& rule = *wish.rule;
  const std::uint32_t at = where(rule.group, node);
  if (at == kNone) return false;
  const std::int64_t here = counts_[rule.group][at];
  switch (rule.kind) {
    case TopologyRule::Kind::Spread: {
      const bool counts =
          problem_->pack.groups[rule.group].key == kHostname ||
          std::find(rule.domains.begin(), rule.domains.end(), at) != rule.domains.end();
      return counts && here + (rule.counts_itself ? 1 : 0) - least(rule) <= rule.max_skew;
    }
    case TopologyRule::Kind::Affinity:
      return here > 0 || (rule.counts_itself && totals_[rule.group] == 0);
    case TopologyRule::Kind::AntiAffinity:
    case TopologyRule::Kind::Avoid:
      return here == 0;
  }
  return false;
}

void WishTally::add(std::uint32_t k, std::uint32_t node, std::int64_t times) {
  for (const std::uint32_t group : problem_->pack.classes[k].counted_in) {
    totals_[group] += times;
    if (const std::uint32_t at = where(group, node); at != kNone) counts_[group][at] += times;
  }
}

}  // namespace gputide::provisioning
