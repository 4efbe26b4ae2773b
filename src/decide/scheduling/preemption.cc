#include "decide/scheduling/preemption.h"

#include <algorithm>
#include <limits>

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;
using state::PodRef;

namespace {

std::int32_t priority_of(const model::Pod& pod) {
  return pod.spec->priority.value_or(0);
}

// A pod that has not started counts as starting now: later than any other.
std::int64_t start_of(const model::Pod& pod) {
  return pod.status.startTime ? pod.status.startTime->nanoseconds()
                              : std::numeric_limits<std::int64_t>::max();
}

bool is_being_preempted(const model::Pod& pod) {
  if (!pod.metadata.deletionTimestamp) return false;
  return std::any_of(pod.status.conditions.begin(), pod.status.conditions.end(),
                     [](const model::PodCondition& condition) {
                       return condition.type == "DisruptionTarget" && condition.status == "True" &&
                              condition.reason == "PreemptionByScheduler";
                     });
}

std::int64_t earliest_start(const Candidate& candidate) {
  std::int32_t top = std::numeric_limits<std::int32_t>::min();
  std::int64_t earliest = 0;
  for (const PodRef& pod : candidate.victims) {
    const std::int32_t priority = priority_of(*pod);
    if (priority > top || (priority == top && start_of(*pod) < earliest)) earliest = start_of(*pod);
    top = std::max(top, priority);
  }
  return earliest;
}

std::int64_t sum_of_priorities(const Candidate& candidate) {
  // Shifted, so that fewer pods of negative priority are better than more.
  std::int64_t sum = 0;
  for (const PodRef& pod : candidate.victims)
    sum += std::int64_t{priority_of(*pod)} + std::numeric_limits<std::int32_t>::max() + 1;
  return sum;
}

template <class Key>
void keep_smallest(std::vector<std::size_t>& left, Key&& key) {
  if (left.size() < 2) return;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const std::size_t i : left) least = std::min<std::int64_t>(least, key(i));
  std::erase_if(left, [&](std::size_t i) { return key(i) != least; });
}

}  // namespace

Budget compile_budget(const model::PodDisruptionBudget& budget) {
  Budget out{budget.metadata.namespace_,
             model::Selector::of(budget.spec.selector),
             budget.status.disruptionsAllowed,
             {}};
  for (const auto& entry : budget.status.disruptedPods) out.disrupted.push_back(entry.first);
  return out;
}

bool more_important(const model::Pod& a, const model::Pod& b) {
  if (priority_of(a) != priority_of(b)) return priority_of(a) > priority_of(b);
  return start_of(a) < start_of(b);
}

std::vector<bool> violations(std::span<const PodRef> pods, std::span<const Budget> budgets) {
  std::vector<std::int32_t> left;
  for (const Budget& budget : budgets) left.push_back(budget.allowed);
  std::vector<bool> out;
  for (const PodRef& pod : pods) {
    bool violated = false;
    for (std::size_t i = 0; !pod->metadata.labels.empty() && i < budgets.size(); ++i) {
      const Budget& budget = budgets[i];
      if (budget.namespace_ != pod->metadata.namespace_ || budget.selector.empty() ||
          !budget.selector.matches(pod->metadata.labels) ||
          std::find(budget.disrupted.begin(), budget.disrupted.end(), pod->metadata.name) !=
              budget.disrupted.end())
        continue;
      violated = --left[i] < 0 || violated;
    }
    out.push_back(violated);
  }
  return out;
}

Status check_with_nominated(Filters& filters, const Nominations& nominations, const model::Pod& pod,
                            NodeId node) {
  Cluster& cluster = filters.cluster();
  std::vector<PodRef> promised;
  if (!nominations.empty())
    for (const PodRef& other : nominations.on(cluster.node(node).object->metadata.name))
      if (priority_of(*other) >= priority_of(pod) &&
          (other->metadata.name != pod.metadata.name ||
           other->metadata.namespace_ != pod.metadata.namespace_))
        promised.push_back(other);
  if (!promised.empty()) {
    cluster.fork();
    for (const PodRef& other : promised) cluster.add_pod(other, node);
    Status status = check(filters.demand(pod), pod, cluster, node);
    cluster.revert();
    if (!status.ok()) return status;
  }
  return check(filters.demand(pod), pod, cluster, node);
}

std::string not_eligible(const model::Pod& pod, const Cluster& cluster,
                         const std::string& nominated, const Status& on_nominated) {
  if (pod.spec->preemptionPolicy == "Never") return "not eligible due to preemptionPolicy=Never.";
  if (nominated.empty() || on_nominated.code == Code::UnschedulableAndUnresolvable) return "";
  const NodeId node = cluster.find(nominated);
  if (node == state::kNoNode) return "";
  for (const PodRef& other : cluster.node(node).pods)
    if (priority_of(*other) < priority_of(pod) && is_being_preempted(*other))
      return "not eligible due to a terminating pod on the nominated node.";
  return "";
}

Status select_victims(Filters& filters, const Nominations& nominations, const model::Pod& pod,
                      NodeId node, std::span<const Budget> budgets, Candidate& out) {
  Cluster& cluster = filters.cluster();
  std::vector<PodRef> lesser;
  for (const PodRef& other : cluster.node(node).pods)
    if (priority_of(*other) < priority_of(pod)) lesser.push_back(other);
  if (lesser.empty())
    return {
        Code::UnschedulableAndUnresolvable, "", {"No preemption victims found for incoming pod"}};
  std::stable_sort(lesser.begin(), lesser.end(),
                   [](const auto& a, const auto& b) { return more_important(*a, *b); });
  cluster.fork();
  for (const PodRef& other : lesser) cluster.remove_pod(other, node);
  Status status = check_with_nominated(filters, nominations, pod, node);
  if (!status.ok()) {
    cluster.revert();
    return status;
  }
  out = {node, {}, 0};
  const std::vector<bool> violated = violations(lesser, budgets);
  // Of those whose going would violate a budget as many as possible are spared first.
  for (const bool pass : {true, false})
    for (std::size_t i = 0; i < lesser.size(); ++i) {
      if (violated[i] != pass) continue;
      cluster.add_pod(lesser[i], node);
      if (check_with_nominated(filters, nominations, pod, node).ok()) continue;
      cluster.remove_pod(lesser[i], node);
      out.victims.push_back(lesser[i]);
      out.budget_violations += pass ? 1 : 0;
    }
  cluster.revert();
  std::stable_sort(out.victims.begin(), out.victims.end(),
                   [](const auto& a, const auto& b) { return more_important(*a, *b); });
  return status;
}

std::vector<std::size_t> least_harmful(std::span<const Candidate> candidates) {
  std::vector<std::size_t> left(candidates.size());
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
  keep_smallest(left, [&](std::size_t i) { return candidates[i].budget_violations; });
  keep_smallest(left, [&](std::size_t i) { return priority_of(*candidates[i].victims.front()); });
  keep_smallest(left, [&](std::size_t i) { return sum_of_priorities(candidates[i]); });
  keep_smallest(
      left, [&](std::size_t i) { return static_cast<std::int64_t>(candidates[i].victims.size()); });
  keep_smallest(left, [&](std::size_t i) { return -earliest_start(candidates[i]); });
  return left;
}

}  // namespace gputide::scheduling
