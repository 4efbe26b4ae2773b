#include "decide/scaling/pods.h"

namespace gputide::scaling {
namespace {

constexpr Duration kLongTerminatingMargin = Duration::seconds(30);
constexpr std::int64_t kDefaultGraceSeconds = 30;

}  // namespace

const std::string* annotation(const model::Pod& pod, std::string_view key) {
  // Few pods have many, and keys of other lengths are told apart at once.
  for (const auto& [name, value] : pod.metadata.annotations)
    if (name == key) return &value;
  return nullptr;
}

bool is_daemonset_pod(const model::Pod& pod) {
  const model::OwnerReference* owner = pod.metadata.controller();
  if (owner != nullptr && owner->kind == "DaemonSet") return true;
  const std::string* marked = annotation(pod, "cluster-autoscaler.kubernetes.io/daemonset-pod");
  return marked != nullptr && *marked == "true";
}

bool is_mirror_pod(const model::Pod& pod) {
  return annotation(pod, "kubernetes.io/config.mirror") != nullptr;
}

bool is_static_pod(const model::Pod& pod) {
  const std::string* source = annotation(pod, "kubernetes.io/config.source");
  return source != nullptr && *source != "api";
}

bool is_recreatable(const model::Pod& pod) {
  return !is_static_pod(pod) && !is_mirror_pod(pod) && !is_daemonset_pod(pod);
}

bool is_terminal(const model::Pod& pod) {
  const std::string& phase = pod.status.phase;
  if (phase == "Failed") return true;
  if (phase != "Succeeded") return false;
  return pod.spec->restartPolicy == "Never" || pod.spec->restartPolicy == "OnFailure";
}

bool is_long_terminating(const model::Pod& pod, Instant now) {
  if (!pod.metadata.deletionTimestamp) return false;
  const std::int64_t grace = pod.spec->terminationGracePeriodSeconds.value_or(kDefaultGraceSeconds);
  return *pod.metadata.deletionTimestamp + Duration::seconds(grace) + kLongTerminatingMargin < now;
}

std::int32_t priority_of(const model::Pod& pod) {
  return pod.spec->priority.value_or(0);
}

bool is_gpu_resource(std::string_view name, const Semantics& semantics) {
  if (name == "nvidia.com/gpu") return true;
  if (semantics.knows_all_gpu_names)
    for (const std::string_view known :
         {"habana.ai/gaudi", "gpu.intel.com/xe", "amd.com/gpu", "microsoft.com/directx"})
      if (name == known) return true;
  return semantics.knows_shared_gpu_names &&
         (name == "nvidia.com/gpu.shared" || name.starts_with("nvidia.com/mig-"));
}

bool requests_gpu(const model::Pod& pod, const Semantics& semantics) {
  for (const model::Container& container : pod.spec->containers)
    for (const auto& [name, quantity] : container.resources.requests)
      if (is_gpu_resource(name, semantics)) return true;
  return false;
}

}  // namespace gputide::scaling
