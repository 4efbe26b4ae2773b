// What the API server does to pods and claims before it stores them: defaults and admission.
#include <algorithm>

#include <fmt/format.h>

#include "decide/scheduling/volume_binding.h"
#include "model/pod_defaults.h"
#include "sim/store.h"

namespace gputide::sim {

namespace {

// Tells whether the pod already says what is to happen when the node carries `key`.
bool tolerates_key(const model::PodSpec& spec, std::string_view key) {
  return std::any_of(spec.tolerations.begin(), spec.tolerations.end(),
                     [&](const model::Toleration& toleration) {
                       return (toleration.key == key || toleration.key.empty()) &&
                              (toleration.effect == "NoExecute" || toleration.effect.empty());
                     });
}

Result<void> check_resources(const std::vector<model::Container>& containers) {
  for (const model::Container& container : containers) {
    const model::ResourceRequirements& resources = container.resources;
    for (const auto& [name, request] : resources.requests) {
      const auto limit = resources.limits.find(name);
      if (limit == resources.limits.end()) {
        if (model::is_extended_resource(name))
          return fail(
              fmt::format("container {}: resources.limits: Limit must be set for {}, which "
                          "cannot be overcommitted",
                          container.name, name));
        continue;
      }
      if (model::is_extended_resource(name) && request != limit->second)
        return fail(
            fmt::format("container {}: resources.requests: must be equal to the {} limit "
                        "of {}",
                        container.name, name, limit->second.text()));
      if (request > limit->second)
        return fail(
            fmt::format("container {}: resources.requests: {} must not be above the {} "
                        "limit of {}",
                        container.name, request.text(), name, limit->second.text()));
    }
  }
  return {};
}

}  // namespace

Result<void> Store::admit_priority(model::PodSpec& spec) const {
  const auto take = [&](std::int32_t value, const std::optional<std::string>& preemption) {
    spec.priority = value;
    if (!spec.preemptionPolicy) spec.preemptionPolicy = preemption;
  };
  if (spec.priorityClassName == "system-node-critical") return take(2000001000, {}), Result<void>();
  if (spec.priorityClassName == "system-cluster-critical")
    return take(2000000000, {}), Result<void>();
  if (!spec.priorityClassName.empty()) {
    const Ref<model::PriorityClass> named = get<model::PriorityClass>("", spec.priorityClassName);
    if (!named)
      return fail(fmt::format("no PriorityClass with name {} was found", spec.priorityClassName));
    return take(named->value, named->preemptionPolicy), Result<void>();
  }
  Ref<model::PriorityClass> chosen;
  for (const auto& [key, each] : table<model::PriorityClass>())
    if (each->globalDefault && (!chosen || each->value < chosen->value)) chosen = each;
  if (!chosen) return take(0, {}), Result<void>();
  spec.priorityClassName = chosen->metadata.name;
  return take(chosen->value, chosen->preemptionPolicy), Result<void>();
}

Result<void> Store::default_spec(model::PodSpec& spec) const {
  if (spec.containers.empty()) return fail("spec.containers: Required value");
  if (spec.restartPolicy.empty()) spec.restartPolicy = "Always";
  if (!spec.terminationGracePeriodSeconds) spec.terminationGracePeriodSeconds = 30;
  if (spec.schedulerName.empty()) spec.schedulerName = "default-scheduler";
  model::default_requests(spec);
  for (const auto* containers : {&spec.containers, &spec.initContainers})
    if (Result<void> checked = check_resources(*containers); !checked) return checked;
  if (Result<void> admitted = admit_priority(spec); !admitted) return admitted;
  for (const std::string_view key :
       {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
    if (!tolerates_key(spec, key))
      spec.tolerations.push_back({std::string(key), "Exists", "", "NoExecute", 300});
  model::tolerate_requested_devices(spec);
  return {};
}

// Claims that are bound already, of an exported cluster, stay so.
void Store::admit(model::PersistentVolumeClaim& claim) const {
  std::vector<std::string>& finalizers = claim.metadata.finalizers;
  const std::string protection(scheduling::kClaimProtection);
  if (std::find(finalizers.begin(), finalizers.end(), protection) == finalizers.end())
    finalizers.push_back(protection);
  if (claim.status.phase.empty()) claim.status.phase = "Pending";
  if (scheduling::names_class(claim)) return;
  const model::StorageClass* chosen = nullptr;
  for (const auto& [key, each] : table<model::StorageClass>())
    if (scheduling::is_default_before(*each, chosen)) chosen = each.get();
  if (chosen != nullptr) claim.spec.storageClassName = chosen->metadata.name;
}

Result<void> Store::admit(model::Pod& pod) {
  constexpr std::size_t kMostTemplates = 1024;
  pod.status = {};
  pod.status.phase = "Pending";
  const auto refusal = [&](const Error& error) {
    const std::string& name = pod.metadata.name;
    return fail(fmt::format("Pod \"{}\" is invalid: {}", name, error.message));
  };
  if (!pod.spec.shared()) {  // nobody else will come with the same spec
    if (Result<void> done = default_spec(pod.spec.edit()); !done) return refusal(done.error());
    return {};
  }
  if (defaulted_at_priority_ != priority_version_ || defaulted_.size() >= kMostTemplates)
    defaulted_.clear();
  defaulted_at_priority_ = priority_version_;
  const auto known = defaulted_.find(pod.spec.identity());
  if (known != defaulted_.end()) {
    pod.spec = known->second.spec;
    return {};
  }
  const model::Shared<model::PodSpec> original = pod.spec;
  if (Result<void> done = default_spec(pod.spec.edit()); !done) return refusal(done.error());
  defaulted_.emplace(original.identity(), Defaulted{original, pod.spec});
  return {};
}

}  // namespace gputide::sim
