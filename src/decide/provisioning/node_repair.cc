#include "decide/provisioning/node_repair.h"

#include <fmt/core.h>

namespace gputide::provisioning {
namespace {

struct Policy {
  const char* type;
  const char* status;
  Duration bears;
};

constexpr Policy kPolicies[] = {{"Ready", "False", Duration::minutes(30)},
                                {"Ready", "Unknown", Duration::minutes(30)},
                                {"AcceleratedHardwareReady", "False", Duration::minutes(10)},
                                {"StorageReady", "False", Duration::minutes(30)},
                                {"NetworkingReady", "False", Duration::minutes(30)},
                                {"KernelReady", "False", Duration::minutes(30)},
                                {"ContainerRuntimeReady", "False", Duration::minutes(30)}};

}  // namespace

std::optional<Sickness> sickness_of(const model::Node& node) {
  std::optional<Sickness> found;
  for (const model::NodeCondition& condition : node.status.conditions)
    for (const Policy& policy : kPolicies) {
      if (condition.type != policy.type || condition.status != policy.status) continue;
      const Instant at = condition.lastTransitionTime.value_or(Instant()) + policy.bears;
      if (!found || at < found->at)
        found = {at, fmt::format("{} has been {} for {}", condition.type, condition.status,
                                 policy.bears.text())};
    }
  return found;
}

bool may_repair(std::int64_t sick, std::int64_t nodes) {
  return sick <= (nodes + 4) / 5;
}

}  // namespace gputide::provisioning
