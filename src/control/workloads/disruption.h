// PodDisruptionBudgets: how many of the pods that they select may go now.
// Source: kube-controller-manager 1.34, pkg/controller/disruption.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "control/workloads/desk.h"
#include "model/selector.h"

namespace gputide::workloads {

class Disruption {
 public:
  /// How many pods the controller of a pod wants, nullopt when it has none with a scale.
  using Scale = std::function<std::optional<std::int32_t>(const model::OwnerReference& owner)>;
  explicit Disruption(Scale scale) : scale_(std::move(scale)) {}

  void changed(port::Change change, const Ref<model::PodDisruptionBudget>& budget, Desk& desk);
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// The scale of a workload may have changed.
  void scale_changed(Desk& desk);

 private:
  struct Entry {
    Ref<model::PodDisruptionBudget> object;
    model::Selector selector;
    std::map<std::string, PodRef> pods;  // that it selects, by name
  };
  void recount(Entry& entry, Desk& desk);
  /// Pods that ought to be there, and how many of them must stay.
  std::pair<std::int32_t, std::int32_t> expected(const Entry& entry) const;

  Scale scale_;
  std::map<std::string, Entry> entries_;          // by namespace/name
  std::unordered_map<std::string, PodRef> pods_;  // all, by uid: for budgets that come later
};

}  // namespace gputide::workloads
