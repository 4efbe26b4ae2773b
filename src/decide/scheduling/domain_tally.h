// A number per node, summed over the nodes of each topology domain.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "state/cluster.h"

namespace gputide::scheduling {

class DomainTally {
 public:
  /// Replaces what the node counted for; kNoDomain: it counts nowhere.
  void set(state::NodeId node, state::DomainId domain, std::int64_t weight) {
    const auto at = static_cast<std::size_t>(node);
    if (at >= nodes_.size()) {
      if (domain == state::kNoDomain) return;
      nodes_.resize(at + 1);
    }
    Share& share = nodes_[at];
    if (share.domain == domain && share.weight == weight) return;
    minimum_known_ = false;
    if (share.domain != state::kNoDomain) {
      add(share.domain, -share.weight);
      if (--members_[static_cast<std::size_t>(share.domain)] == 0) --domains_;
    }
    share = {domain, weight};
    if (domain == state::kNoDomain) return;
    const auto slot = static_cast<std::size_t>(domain);
    if (slot >= sums_.size()) {
      sums_.resize(slot + 1);
      members_.resize(slot + 1);
    }
    add(domain, weight);
    if (members_[slot]++ == 0) ++domains_;
  }
  void clear() { *this = DomainTally(); }

  std::int64_t sum(state::DomainId domain) const {
    const auto slot = static_cast<std::size_t>(domain);
    return domain == state::kNoDomain || slot >= sums_.size() ? 0 : sums_[slot];
  }
  bool has(state::DomainId domain) const {
    const auto slot = static_cast<std::size_t>(domain);
    return domain != state::kNoDomain && slot < members_.size() && members_[slot] > 0;
  }
  /// Some domain's sum is not 0.
  bool any() const { return nonzero_ > 0; }
  /// How many domains have a node that counts.
  std::int32_t domains() const { return domains_; }
  /// The smallest sum of those; the largest int32 when there are none, as upstream has it.
  std::int64_t minimum() const {
    if (!minimum_known_) {
      minimum_ = std::numeric_limits<std::int32_t>::max();
      for (std::size_t i = 0; i < sums_.size(); ++i)
        if (members_[i] > 0) minimum_ = std::min(minimum_, sums_[i]);
      minimum_known_ = true;
    }
    return minimum_;
  }

 private:
  struct Share {
    state::DomainId domain = state::kNoDomain;
    std::int64_t weight = 0;
  };
  void add(state::DomainId domain, std::int64_t weight) {
    std::int64_t& sum = sums_[static_cast<std::size_t>(domain)];
    nonzero_ -= sum != 0 ? 1 : 0;
    sum += weight;
    nonzero_ += sum != 0 ? 1 : 0;
  }

  std::vector<Share> nodes_;
  std::vector<std::int64_t> sums_;
  std::vector<std::int32_t> members_;  // nodes of the domain
  std::int32_t domains_ = 0;
  std::int32_t nonzero_ = 0;
  mutable std::int64_t minimum_ = 0;
  mutable bool minimum_known_ = false;
};

}  // namespace gputide::scheduling
