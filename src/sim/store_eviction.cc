// The Eviction API. Source: kube-apiserver 1.34, pkg/registry/core/pod/storage/eviction.go.
#include "model/conditions.h"
#include "model/selector.h"
#include "sim/store.h"

namespace gputide::sim {

namespace {

// Such pods disrupt nobody.
bool needs_no_budget(const model::Pod& pod) {
  return pod.metadata.deletionTimestamp || pod.status.phase != "Running";
}

// Whether an unready pod may go without asking for one of the budget's disruptions.
bool may_go_unready(const model::PodDisruptionBudget& budget) {
  if (budget.spec.unhealthyPodEvictionPolicy.value_or("IfHealthyBudget") == "AlwaysAllow")
    return true;
  return budget.status.currentHealthy >= budget.status.desiredHealthy &&
         budget.status.desiredHealthy > 0;
}

}  // namespace

EvictionAnswer Store::evict(const port::ObjectRef& ref, std::optional<Duration> grace) {
  const std::string_view namespace_ =
      ref.namespace_.empty() ? std::string_view("default") : std::string_view(ref.namespace_);
  const PodRef victim = pod(namespace_, ref.name);
  if (!victim) return {true, {}};
  Ref<model::PodDisruptionBudget> budget;
  if (!needs_no_budget(*victim)) {
    for (const auto& [key, each] : table<model::PodDisruptionBudget>()) {
      if (each->metadata.namespace_ != namespace_ ||
          !model::Selector::of(each->spec.selector).matches(victim->metadata.labels))
        continue;
      if (budget)
        return {false,
                "This pod has more than one PodDisruptionBudget, which the eviction subresource "
                "does not support"};
      budget = each;
    }
  }
  const bool counts = budget && (is_ready(*victim) || !may_go_unready(*budget));
  if (counts && budget->status.disruptionsAllowed <= 0)
    return {false, "Cannot evict pod as it would violate the pod's disruption budget " +
                       budget->metadata.name};
  if (const Result<void> deleted = delete_pod(ref, grace, true); !deleted)
    return {false, deleted.error().message};
  if (counts) {
    auto now = std::make_shared<model::PodDisruptionBudget>(*budget);
    --now->status.disruptionsAllowed;
    now->status.disruptedPods[victim->metadata.name] = heap_.now().rfc3339();
    static_cast<void>(replace(Ref<model::PodDisruptionBudget>(std::move(now))));
  }
  return {true, {}};
}

}  // namespace gputide::sim
