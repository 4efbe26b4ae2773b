#include "control/workloads/pod_failure.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/conditions.h"

namespace gputide::workloads {

namespace {

struct Exit {
  std::string container;
  std::int64_t code;
};

constexpr std::int64_t kEndedBySignal = 143;

std::vector<Exit> exits_of(const model::Pod& pod) {
  std::vector<Exit> exits;
  if (pod.status.phase == "Running") {
    for (const model::Container& container : pod.spec->containers)
      exits.push_back({container.name, kEndedBySignal});
    return exits;
  }
  for (const std::string_view key : {"initContainerStatuses", "containerStatuses"})
    for (const model::Member& member : pod.status.kept) {
      if (member.key != key || !member.value.is_list()) continue;
      for (const model::Value& each : member.value.as_list()) {
        const model::Value* code = each.at("state", "terminated", "exitCode");
        if (code != nullptr && code->kind() == model::Value::Kind::Int)
          exits.push_back({std::string(each.text_at("name")), code->as_int()});
      }
    }
  return exits;
}

// A container that succeeded is never what a rule is about.
std::optional<Exit> matching(const model::PodFailureExitCodes& rule,
                             const std::vector<Exit>& exits) {
  for (const Exit& exit : exits) {
    if (exit.code == 0 || (rule.containerName && *rule.containerName != exit.container)) continue;
    const bool listed =
        std::find(rule.values.begin(), rule.values.end(), exit.code) != rule.values.end();
    if (listed == (rule.operator_ == "In")) return exit;
  }
  return std::nullopt;
}

const model::PodFailureCondition* matching(const std::vector<model::PodFailureCondition>& wanted,
                                           const model::Pod& pod) {
  for (const model::PodFailureCondition& each : wanted) {
    const model::PodCondition* condition = find_condition(pod, each.type);
    const std::string_view status = each.status.empty() ? "True" : std::string_view(each.status);
    if (condition != nullptr && condition->status == status) return &each;
  }
  return nullptr;
}

PodFailure::Action action_of(std::string_view name) {
  if (name == "FailJob") return PodFailure::Action::FailJob;
  if (name == "FailIndex") return PodFailure::Action::FailIndex;
  return name == "Ignore" ? PodFailure::Action::Ignore : PodFailure::Action::Count;
}

}  // namespace

PodFailure judge_failure(const model::JobSpec& job, const model::Pod& pod) {
  if (!job.podFailurePolicy) return {};
  const std::vector<Exit> exits = exits_of(pod);
  const std::string name = pod.metadata.namespace_ + "/" + pod.metadata.name;
  for (std::size_t i = 0; i < job.podFailurePolicy->rules.size(); ++i) {
    const model::PodFailurePolicyRule& rule = job.podFailurePolicy->rules[i];
    if (rule.onExitCodes) {
      if (const std::optional<Exit> exit = matching(*rule.onExitCodes, exits))
        return {action_of(rule.action),
                fmt::format("Container {} for pod {} failed with exit code {} matching {} rule at "
                            "index {}",
                            exit->container, name, exit->code, rule.action, i)};
    } else if (const auto* condition = matching(rule.onPodConditions, pod)) {
      return {action_of(rule.action),
              fmt::format("Pod {} has condition {} matching {} rule at index {}", name,
                          condition->type, rule.action, i)};
    }
  }
  return {};
}

}  // namespace gputide::workloads
