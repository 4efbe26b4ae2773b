// How a scale-up is split between similar groups. Source: Cluster Autoscaler 1.31.5
// processors/nodegroupset.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gputide::scaling {

/// A group that may take a part.
struct GroupSize {
  std::string id;
  std::int64_t current = 0;  // target size
  std::int64_t max = 0;
};

/// What a group gets.
struct ScaleUp {
  std::string group;
  std::int64_t current = 0;
  std::int64_t target = 0;  // new size, above current
  std::int64_t max = 0;
  bool operator==(const ScaleUp&) const = default;
};

/// Gives one node at a time to the smallest group that is not full. What does not fit in all of
/// them is dropped. Existing imbalance stays. The order is upstream's: the smallest group first,
/// full ones before the rest.
std::vector<ScaleUp> balance(std::span<const GroupSize> groups, std::int64_t new_nodes);

}  // namespace gputide::scaling
