// What the tests of the loop share.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/node.h"

namespace gputide::scaling {

inline constexpr Instant kNow = Instant::from_seconds(1'767'225'600);

/// Ready for an hour, 8 cores and 32 GiB.
inline model::Node node_of(const std::string& name, std::int64_t gpus) {
  model::Node node;
  node.metadata.name = name;
  node.metadata.creationTimestamp = kNow - Duration::hours(1);
  node.metadata.labels["kubernetes.io/hostname"] = name;
  node.status.allocatable = {{"cpu", Quantity::from_value(8)},
                             {"memory", Quantity::from_value(std::int64_t{32} << 30)},
                             {"pods", Quantity::from_value(110)}};
  if (gpus > 0) node.status.allocatable["nvidia.com/gpu"] = Quantity::from_value(gpus);
  node.status.capacity = node.status.allocatable;
  model::NodeCondition ready;
  ready.type = "Ready";
  ready.status = "True";
  ready.lastTransitionTime = kNow - Duration::hours(1);
  node.status.conditions = {ready};
  return node;
}

}  // namespace gputide::scaling
