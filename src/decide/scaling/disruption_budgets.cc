#include "decide/scaling/disruption_budgets.h"

namespace gputide::scaling {

DisruptionBudgets::DisruptionBudgets(std::span<const model::PodDisruptionBudget> budgets) {
  for (const model::PodDisruptionBudget& budget : budgets)
    by_namespace_[budget.metadata.namespace_].push_back(
        {std::make_shared<const model::Selector>(model::Selector::of(budget.spec.selector)),
         budget.status.disruptionsAllowed});
}

bool DisruptionBudgets::covers(const model::Pod& pod) const {
  const auto at = by_namespace_.find(pod.metadata.namespace_);
  if (at == by_namespace_.end()) return false;
  for (const Budget& budget : at->second)
    if (budget.selector->matches(pod.metadata.labels)) return true;
  return false;
}

bool DisruptionBudgets::blocks(const model::Pod& pod) const {
  const auto at = by_namespace_.find(pod.metadata.namespace_);
  if (at == by_namespace_.end()) return false;
  for (const Budget& budget : at->second)
    if (budget.allowed < 1 && budget.selector->matches(pod.metadata.labels)) return true;
  return false;
}

DisruptionBudgets::Verdict DisruptionBudgets::can_remove(std::span<const PodRef> pods) const {
  Verdict verdict;
  for (const auto& [name, budgets] : by_namespace_) {
    for (const Budget& budget : budgets) {
      std::int32_t count = 0;
      for (const PodRef& pod : pods) {
        if (pod->metadata.namespace_ != name || !budget.selector->matches(pod->metadata.labels))
          continue;
        if (budget.allowed < 1) return {false, false};
        if (budget.allowed < ++count) verdict.in_parallel = false;
      }
    }
  }
  return verdict;
}

void DisruptionBudgets::remove(std::span<const PodRef> pods) {
  for (const PodRef& pod : pods) {
    const auto at = by_namespace_.find(pod->metadata.namespace_);
    if (at == by_namespace_.end()) continue;
    for (Budget& budget : at->second)
      if (budget.selector->matches(pod->metadata.labels)) --budget.allowed;
  }
}

}  // namespace gputide::scaling
