// What PodDisruptionBudgets still allow while evictions are being planned.
// Source: Cluster Autoscaler 1.31.5 core/scaledown/pdb/basic.go.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "decide/scaling/node_template.h"
#include "model/selector.h"
#include "model/workload.h"

namespace gputide::scaling {

/// Counts down disruptionsAllowed as planned evictions take from it.
class DisruptionBudgets {
 public:
  DisruptionBudgets() = default;
  explicit DisruptionBudgets(std::span<const model::PodDisruptionBudget> budgets);

  /// Any budget covers the pod.
  bool covers(const model::Pod& pod) const;
  /// A budget that covers the pod allows no disruption.
  bool blocks(const model::Pod& pod) const;

  /// Whether every covering budget allows one of these pods to go, and whether all of them at once.
  struct Verdict {
    bool possible = true;
    bool in_parallel = true;
  };
  Verdict can_remove(std::span<const PodRef> pods) const;

  /// Takes the pods from their budgets; counts may fall below zero.
  void remove(std::span<const PodRef> pods);

  bool empty() const { return by_namespace_.empty(); }

 private:
  struct Budget {
    std::shared_ptr<const model::Selector> selector;  // of all copies
    std::int32_t allowed = 0;
  };
  std::map<std::string, std::vector<Budget>, std::less<>> by_namespace_;
};

}  // namespace gputide::scaling
