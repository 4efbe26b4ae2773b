// How long the containers of a pod run and how they end: what the Scenario says, else until they
// are deleted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/scenario.h"
#include "sim/store.h"

namespace gputide::sim {

/// Names a duration of a pod's own ("90s"); wins over the Scenario's rules.
inline constexpr std::string_view kRunForAnnotation = "gputide.dev/run-for";

class RunTimes {
 public:
  explicit RunTimes(const Store& store) : store_(store) {}

  /// The first rule that matches wins.
  void set_rules(std::vector<model::WorkloadRule> rules) { rules_ = std::move(rules); }

  /// nullopt: until the pod is deleted. Pods that may end (restartPolicy Never, OnFailure) run for
  /// 60 s unless something else is said; others never end of themselves.
  std::optional<Duration> of(const model::Pod& pod) const;
  /// With what the containers of a pod that ends of itself exit: of pods with restartPolicy Never
  /// what the first rule with an exit code says that matches, else 0.
  std::int32_t exit_code(const model::Pod& pod) const;

 private:
  bool matches(const model::WorkloadMatch& match, const model::Pod& pod) const;
  const Store& store_;
  std::vector<model::WorkloadRule> rules_;
};

/// The workload that a pod belongs to: its controller, or that one's own (the Deployment of its
/// ReplicaSet), or the pod itself.
port::ObjectRef workload_of(const Store& store, const model::Pod& pod);

}  // namespace gputide::sim
