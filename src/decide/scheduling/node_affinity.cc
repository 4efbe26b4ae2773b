#include "decide/scheduling/node_affinity.h"

#include <algorithm>

#include "base/text.h"

namespace gputide::scheduling {
namespace {

using model::Problems;
using model::Selector;
using Operator = Selector::Operator;

constexpr std::string_view kNameField = "metadata.name";

bool is_empty(const model::NodeSelectorTerm& term) {
  return term.matchExpressions.empty() && term.matchFields.empty();
}

std::optional<Operator> operator_of(std::string_view name) {
  if (name == "In") return Operator::In;
  if (name == "NotIn") return Operator::NotIn;
  if (name == "Exists") return Operator::Exists;
  if (name == "DoesNotExist") return Operator::DoesNotExist;
  if (name == "Gt") return Operator::GreaterThan;
  if (name == "Lt") return Operator::LessThan;
  return std::nullopt;
}

std::string unsupported(const std::string& path, std::string_view op, std::string_view supported) {
  return path + ".operator: Unsupported value: " + quote(op) +
         ": supported values: " + std::string(supported);
}

}  // namespace

const model::NodeSelector* required_node_affinity(const model::PodSpec& spec) {
  if (!spec.affinity || !spec.affinity->nodeAffinity) return nullptr;
  const auto& selector =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  return selector ? &*selector : nullptr;
}

NodeTerm::NodeTerm(const model::NodeSelectorTerm& term, const std::string& path) {
  const auto place = [&](const char* list, std::size_t i) {
    return path + "." + list + "[" + std::to_string(i) + "]";
  };
  std::vector<Selector::Requirement> requirements;
  for (std::size_t i = 0; i < term.matchExpressions.size(); ++i) {
    const model::NodeSelectorRequirement& each = term.matchExpressions[i];
    const std::string at = place("matchExpressions", i);
    const std::optional<Operator> op = operator_of(each.operator_);
    if (!op) {
      problems_.push_back(unsupported(at, each.operator_,
                                      R"("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")"));
      continue;
    }
    if (auto made = Selector::requirement(each.key, *op, each.values, at, problems_))
      requirements.push_back(std::move(*made));
  }
  for (std::size_t i = 0; i < term.matchFields.size(); ++i) {
    const model::NodeSelectorRequirement& each = term.matchFields[i];
    const std::string at = place("matchFields", i);
    if (each.operator_ != "In" && each.operator_ != "NotIn")
      problems_.push_back(unsupported(at, each.operator_, R"("In", "NotIn")"));
    else if (each.values.size() != 1)
      problems_.push_back(at + ".values: Invalid value: " + model::go_list(each.values) +
                          ": must have one element");
    else
      names_.push_back({each.key, each.operator_ == "In", each.values.front()});
  }
  if (problems_.empty()) labels_ = Selector::all_of(std::move(requirements));
}

bool NodeTerm::matches(const model::StringMap& labels, const std::string& name) const {
  if (!problems_.empty() || !labels_.matches(labels)) return false;
  if (name.empty()) return true;  // without any field set, fields are not looked at
  return std::all_of(names_.begin(), names_.end(), [&](const NameTest& test) {
    const std::string_view value = test.field == kNameField ? std::string_view(name) : "";
    return (value == test.value) == test.equal;
  });
}

RequiredNodeAffinity::RequiredNodeAffinity(const model::PodSpec& spec) {
  if (!spec.nodeSelector.empty()) {
    std::vector<Selector::Requirement> equal;  // not validated, as upstream
    for (const auto& [key, value] : spec.nodeSelector)
      equal.push_back({key, Operator::Equals, {value}, 0});
    selector_ = Selector::all_of(std::move(equal));
  }
  const model::NodeSelector* selector = required_node_affinity(spec);
  if (selector == nullptr) return;
  affinity_.emplace();
  for (std::size_t i = 0; i < selector->nodeSelectorTerms.size(); ++i)
    if (!is_empty(selector->nodeSelectorTerms[i]))
      affinity_->emplace_back(selector->nodeSelectorTerms[i],
                              "nodeSelectorTerms[" + std::to_string(i) + "]");
}

bool RequiredNodeAffinity::matches(const model::StringMap& labels, const std::string& name) const {
  if (!selector_.matches(labels)) return false;
  return !affinity_ || std::any_of(affinity_->begin(), affinity_->end(), [&](const NodeTerm& term) {
    return term.matches(labels, name);
  });
}

Result<bool> RequiredNodeAffinity::match(const model::StringMap& labels,
                                         const std::string& name) const {
  if (matches(labels, name)) return true;
  if (!affinity_ || !selector_.matches(labels)) return false;
  Problems problems;
  for (const NodeTerm& term : *affinity_)
    problems.insert(problems.end(), term.problems().begin(), term.problems().end());
  if (problems.empty()) return false;
  return fail(model::aggregate(problems));
}

std::optional<std::set<std::string>> named_nodes(const model::PodSpec& spec) {
  const model::NodeSelector* selector = required_node_affinity(spec);
  if (selector == nullptr || selector->nodeSelectorTerms.empty()) return std::nullopt;
  std::set<std::string> out;
  for (const model::NodeSelectorTerm& term : selector->nodeSelectorTerms) {
    std::optional<std::set<std::string>> names;
    for (const model::NodeSelectorRequirement& each : term.matchFields) {
      if (each.key != kNameField || each.operator_ != "In") continue;
      std::set<std::string> listed(each.values.begin(), each.values.end());
      if (names) std::erase_if(listed, [&](const auto& name) { return !names->contains(name); });
      names = std::move(listed);
    }
    if (!names) return std::nullopt;
    out.merge(*names);
  }
  return out;
}

Result<PreferredNodeAffinity> PreferredNodeAffinity::compile(
    const std::vector<model::PreferredSchedulingTerm>& terms) {
  PreferredNodeAffinity out;
  Problems problems;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].weight == 0 || is_empty(terms[i].preference)) continue;
    NodeTerm term(terms[i].preference, "[" + std::to_string(i) + "]");
    problems.insert(problems.end(), term.problems().begin(), term.problems().end());
    out.terms_.push_back({std::move(term), terms[i].weight});
  }
  if (!problems.empty()) return fail(model::aggregate(problems));
  return out;
}

std::int64_t PreferredNodeAffinity::score(const model::StringMap& labels,
                                          const std::string& name) const {
  std::int64_t sum = 0;
  for (const Weighted& each : terms_)
    if (each.term.matches(labels, name)) sum += each.weight;
  return sum;
}

}  // namespace gputide::scheduling
