#include "control/workloads/node_fit.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace gputide::workloads {

namespace {

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool holds(const model::NodeSelectorRequirement& need, const std::string* value) {
  const auto named = [&] {
    return value != nullptr &&
           std::find(need.values.begin(), need.values.end(), *value) != need.values.end();
  };
  if (need.operator_ == "In") return named();
  if (need.operator_ == "NotIn") return !named();
  if (need.operator_ == "Exists") return value != nullptr;
  if (need.operator_ == "DoesNotExist") return value == nullptr;
  if (value == nullptr || need.values.size() != 1) return false;
  const auto have = number(*value);
  const auto bound = number(need.values.front());
  if (!have || !bound) return false;
  return need.operator_ == "Gt" ? *have > *bound : need.operator_ == "Lt" && *have < *bound;
}

bool holds(const model::NodeSelectorTerm& term, const model::Node& node) {
  if (term.matchExpressions.empty() && term.matchFields.empty()) return false;
  const model::StringMap& labels = node.metadata.labels;
  for (const model::NodeSelectorRequirement& need : term.matchExpressions) {
    const auto label = labels.find(need.key);
    if (!holds(need, label == labels.end() ? nullptr : &label->second)) return false;
  }
  return std::all_of(term.matchFields.begin(), term.matchFields.end(),
                     [&](const model::NodeSelectorRequirement& need) {
                       return need.key == "metadata.name" && holds(need, &node.metadata.name);
                     });
}

}  // namespace

bool selects_node(const model::PodSpec& spec, const model::Node& node) {
  for (const auto& [key, value] : spec.nodeSelector) {
    const auto label = node.metadata.labels.find(key);
    if (label == node.metadata.labels.end() || label->second != value) return false;
  }
  if (!spec.affinity || !spec.affinity->nodeAffinity) return true;
  const auto& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  return std::any_of(required->nodeSelectorTerms.begin(), required->nodeSelectorTerms.end(),
                     [&](const model::NodeSelectorTerm& term) { return holds(term, node); });
}

bool tolerates(const model::Toleration& toleration, const model::Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  if (toleration.operator_ == "Exists") return true;
  return !toleration.key.empty() && toleration.value == taint.value;
}

const model::Taint* untolerated(const model::PodSpec& spec, const model::Node& node,
                                std::string_view effect) {
  for (const model::Taint& taint : node.spec.taints) {
    const bool counts =
        taint.effect == effect || (effect == "NoSchedule" && taint.effect == "NoExecute");
    if (counts && std::none_of(spec.tolerations.begin(), spec.tolerations.end(),
                               [&](const model::Toleration& t) { return tolerates(t, taint); }))
      return &taint;
  }
  return nullptr;
}

}  // namespace gputide::workloads
