// Who is where, as far as wishes look at it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decide/provisioning/preferences.h"

namespace gputide::provisioning {

/// Counts pods by topology group, where each group looks: at its nodes or its domains.
class WishTally {
 public:
  /// `nodes` must outlive it; their kinds may change while none of their pods is counted.
  WishTally(const WishProblem& problem, std::span<const PlannedNode> nodes);

  /// Where a group finds a node: the node's number, a domain, or kNone.
  std::uint32_t where(std::uint32_t group, std::uint32_t node) const;
  std::int64_t count(std::uint32_t group, std::uint32_t where) const {
    return counts_[group][where];
  }
  /// The least count of a spread's domains; 0 per host, or when there are fewer than it wants.
  std::int64_t least(const TopologyRule& rule) const;
  /// Whether one more pod with the wish would have it granted on the node now.
  bool grants(const PackWish& wish, std::uint32_t node) const;
  void add(std::uint32_t k, std::uint32_t node, std::int64_t times = 1);

 private:
  const WishProblem* problem_;
  std::span<const PlannedNode> nodes_;
  std::vector<std::vector<std::int64_t>> counts_;  // group -> where
  std::vector<std::int64_t> totals_;               // group -> everywhere
};

}  // namespace gputide::provisioning
