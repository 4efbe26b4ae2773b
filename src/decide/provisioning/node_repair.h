// Which nodes are sick for so long that they are to be replaced. Conditions and times are those of
// Karpenter's AWS provider (gate NodeRepair); all but Ready are EKS's node monitoring agent's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "model/node.h"

namespace gputide::provisioning {

struct Sickness {
  Instant at;       // from then on the node is to be replaced
  std::string why;  // "AcceleratedHardwareReady has been False for 10m0s"
};

/// nullopt: the node is well.
std::optional<Sickness> sickness_of(const model::Node& node);

/// Whether nodes of a pool may be replaced while so many of its nodes are sick: at most a fifth of
/// them, rounded up.
bool may_repair(std::int64_t sick, std::int64_t nodes);

}  // namespace gputide::provisioning
