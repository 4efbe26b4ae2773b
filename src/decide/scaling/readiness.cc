#include "decide/scaling/readiness.h"

#include <algorithm>
#include <optional>

#include "decide/scaling/template_node.h"

namespace gputide::scaling {
namespace {

using model::Node;

bool shows(const Node& node, const char* resource) {
  const auto at = node.status.allocatable.find(resource);
  return at != node.status.allocatable.end() && !at->second.is_zero();
}

// Upstream's sign of a node whose GPU driver is still coming up: the label says GPU, the node
// offers none.
bool labelled_without_gpu(const Node& node, const Semantics& semantics) {
  if (!node.metadata.labels.contains(std::string(kGpuLabel))) return false;
  if (shows(node, "nvidia.com/gpu") || shows(node, "microsoft.com/directx")) return false;
  if (!semantics.knows_all_gpu_names) return true;
  return !shows(node, "habana.ai/gaudi") && !shows(node, "gpu.intel.com/xe") &&
         !shows(node, "amd.com/gpu");
}

// Why a node that says it is ready is not; "" when it is.
std::string_view override_reason(const Node& node, const ReadinessRules& rules) {
  if (rules.semantics.hold_expected_resources) {
    if (rules.expected != nullptr && !missing_resource(node, *rules.expected).empty())
      return kResourceUnready;
  } else if (labelled_without_gpu(node, rules.semantics)) {
    return kResourceUnready;
  }
  const bool starting = std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                                    [&](const auto& t) { return rules.taints.is_startup(t.key); });
  return starting ? kStartupUnready : std::string_view();
}

// `ready_since`: takes the place of the Ready condition, which then says False since that moment.
NodeReadiness by_conditions(const Node& node, const std::optional<Instant>& ready_since) {
  NodeReadiness result;
  bool can_be_ready = !ready_since;
  bool found = ready_since.has_value();
  Instant last = ready_since.value_or(Instant::from_nanoseconds(INT64_MIN));
  for (const model::NodeCondition& condition : node.status.conditions) {
    const bool is_ready = condition.type == "Ready";
    if (is_ready && ready_since) continue;
    if (!is_ready && condition.type != "DiskPressure" && condition.type != "NetworkUnavailable")
      continue;
    found = found || is_ready;
    if (is_ready && (condition.status == "False" || condition.status == "Unknown")) {
      can_be_ready = false;
      result.reason = condition.reason;
    }
    if (!is_ready && condition.status == "True") can_be_ready = false;
    if (condition.lastTransitionTime) last = std::max(last, *condition.lastTransitionTime);
  }
  for (const model::Taint& taint : node.spec.taints) {
    if (taint.key != "node.kubernetes.io/not-ready" &&
        taint.key != "node.kubernetes.io/disk-pressure" &&
        taint.key != "node.kubernetes.io/network-unavailable")
      continue;
    can_be_ready = false;
    if (taint.timeAdded) last = std::max(last, *taint.timeAdded);
  }
  if (!found) return {};
  result.ready = can_be_ready;
  result.last_transition = last;
  return result;
}

}  // namespace

NodeReadiness condition_readiness(const Node& node) {
  return by_conditions(node, std::nullopt);
}

std::string missing_resource(const Node& node, const model::ResourceList& expected) {
  for (const auto& [name, amount] : expected) {
    if (name.find('/') == std::string::npos || amount.is_zero()) continue;
    const auto at = node.status.allocatable.find(name);
    if (at == node.status.allocatable.end() || at->second.is_zero()) return name;
  }
  return {};
}

NodeReadiness readiness(const Node& node, const ReadinessRules& rules) {
  NodeReadiness result = condition_readiness(node);
  if (!result.ready || node.spec.unschedulable) return result;
  const std::string_view reason = override_reason(node, rules);
  if (reason.empty()) return result;
  result = by_conditions(node, node.metadata.creationTimestamp.value_or(Instant()));
  result.reason = reason;
  return result;
}

}  // namespace gputide::scaling
