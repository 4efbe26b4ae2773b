// Which pods would have to go so that a more important one fits, and on which node that hurts
// least. Semantics: DefaultPreemption of kube-scheduler 1.31.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "decide/scheduling/filters.h"
#include "decide/scheduling/nominations.h"
#include "model/selector.h"
#include "model/workload.h"

namespace gputide::scheduling {

/// A budget, ready to match with.
struct Budget {
  std::string namespace_;
  model::Selector selector;
  std::int32_t allowed = 0;
  std::vector<std::string> disrupted;  // pods that the API server has counted already
};
Budget compile_budget(const model::PodDisruptionBudget& budget);

/// Pods that would have to go from one node, the most important first.
struct Candidate {
  state::NodeId node = state::kNoNode;
  std::vector<state::PodRef> victims;
  std::int32_t budget_violations = 0;
};

/// Whether more of a budget would be taken than it allows, pod by pod in this order.
std::vector<bool> violations(std::span<const state::PodRef> pods, std::span<const Budget> budgets);

/// Nearly Pod.spec.priority and start time: whether `a` is kept before `b`.
bool more_important(const model::Pod& a, const model::Pod& b);

/// Fits, with and without the pods that were promised the node and are as important as the pod.
Status check_with_nominated(Filters& filters, const Nominations& nominations, const model::Pod& pod,
                            state::NodeId node);

/// "" or why the pod may not preempt at all. `on_nominated` is what the filters say of the node
/// that it was promised, if any.
std::string not_eligible(const model::Pod& pod, const state::Cluster& cluster,
                         const std::string& nominated, const Status& on_nominated);

/// The victims on one node; an ok status with a candidate, or why there are none.
Status select_victims(Filters& filters, const Nominations& nominations, const model::Pod& pod,
                      state::NodeId node, std::span<const Budget> budgets, Candidate& out);

/// The candidates that hurt least, all equally: fewest violated budgets, then the lowest highest
/// priority, the lowest sum of priorities, the fewest pods, the latest start.
std::vector<std::size_t> least_harmful(std::span<const Candidate> candidates);

}  // namespace gputide::scheduling
