#include "decide/provisioning/node_ask.h"

#include <algorithm>

#include "base/text.h"
#include "decide/provisioning/node_constraints.h"

namespace gputide::provisioning {
namespace {

// Each thing that one alternative asks, uncombined.
std::vector<std::vector<Requirement>> asked(const model::PodSpec& spec) {
  std::vector<Requirement> base;
  for (const auto& [key, value] : spec.nodeSelector) base.push_back(Requirement::in(key, value));
  if (!spec.affinity || !spec.affinity->nodeAffinity) return {base};
  const auto& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return {base};
  std::vector<std::vector<Requirement>> out;
  for (const model::NodeSelectorTerm& term : required->nodeSelectorTerms) {
    out.push_back(base);
    for (const model::NodeSelectorRequirement& r : term.matchExpressions)
      out.back().push_back(Requirement::make(r.key, r.operator_, r.values));
  }
  return out;
}

}  // namespace

std::vector<Requirements> node_alternatives(const model::PodSpec& spec) {
  std::vector<Requirements> out;
  for (const std::vector<Requirement>& list : asked(spec)) {
    if (!contradiction(list).empty()) continue;
    Requirements all;
    for (const Requirement& each : list) all.add(each);
    out.push_back(std::move(all));
  }
  return out;
}

std::vector<NodePreference> node_preferences(const model::PodSpec& spec) {
  std::vector<NodePreference> out;
  if (!spec.affinity || !spec.affinity->nodeAffinity) return out;
  for (const auto& term :
       spec.affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution) {
    std::vector<Requirement> list;
    for (const model::NodeSelectorRequirement& r : term.preference.matchExpressions)
      list.push_back(Requirement::make(r.key, r.operator_, r.values));
    if (list.empty() || !contradiction(list).empty()) continue;
    out.push_back({term.weight, {}});
    for (Requirement& each : list) out.back().asked.add(std::move(each));
  }
  return out;
}

std::string contradiction(std::span<const Requirement> asked) {
  for (const Requirement& first : asked) {
    Requirement together = first;
    bool present = false;  // no node without the label meets all
    std::vector<std::string> texts;
    for (const Requirement& each : asked) {
      if (each.key != first.key) continue;
      together = together.intersection(each);
      present = present || !each.allows_absence();
      texts.push_back(each.text());
    }
    if (present && together.op() == "DoesNotExist") return join(texts, " and ");
  }
  return {};
}

std::string contradiction(const model::PodSpec& spec) {
  std::string first;
  for (const std::vector<Requirement>& list : asked(spec)) {
    const std::string found = contradiction(list);
    if (found.empty()) return {};
    if (first.empty()) first = found;
  }
  return first;
}

std::string contradiction(const model::NodePool& pool) {
  std::vector<Requirement> list;
  for (const auto& [key, value] : pool.spec.template_.metadata.labels)
    list.push_back(Requirement::in(key, value));
  for (const model::NodePoolRequirement& r : pool.spec.template_.spec.requirements)
    list.push_back(Requirement::make(r.key, r.operator_, r.values));
  return contradiction(list);
}

std::vector<model::Taint> hard_taints(const std::vector<model::Taint>& taints) {
  std::vector<model::Taint> out;
  for (const model::Taint& taint : taints)
    if (taint.effect != "PreferNoSchedule") out.push_back(taint);
  return out;
}

Requirements template_requirements(const model::NodePool& pool) {
  const model::NodeClaimTemplate& t = pool.spec.template_;
  Requirements out = Requirements::from_node_pool(t.spec.requirements);
  out.add(Requirements::from_labels(t.metadata.labels));
  out.add(Requirement::in("karpenter.sh/nodepool", pool.metadata.name));
  const model::NodeClassRef& ref = t.spec.nodeClassRef;
  if (!ref.kind.empty()) out.add(Requirement::in(ref.group + "/" + to_lower(ref.kind), ref.name));
  return out;
}

bool comes_to(const model::PodSpec& daemon, const Requirements& node,
              const std::vector<model::Taint>& taints, const ProviderType& type,
              const LabelSet& well_known) {
  if (!untolerated(hard_taints(taints), daemon.tolerations).empty()) return false;
  const std::vector<Requirements> asks = node_alternatives(daemon);
  return std::any_of(asks.begin(), asks.end(), [&](const Requirements& each) {
    Requirements both = node;
    both.add(each);
    return node.is_compatible(each, well_known) && type.requirements.intersects(both);
  });
}

std::int64_t amount(std::string_view resource, const Quantity& quantity) {
  constexpr std::int64_t kMost = std::int64_t{1} << 58;
  const double exact = quantity.to_double() * (resource == "cpu" ? 1000.0 : 1.0);
  if (exact >= static_cast<double>(kMost)) return kMost;
  if (exact <= -static_cast<double>(kMost)) return -kMost;
  return resource == "cpu" ? quantity.milli_value() : quantity.value();
}

std::int64_t limit_use(const ProviderType& type, const std::string& limit) {
  if (limit == "nodes") return 1;
  const auto has = type.capacity.find(limit);
  return has == type.capacity.end() ? 0 : amount(limit, has->second);
}

std::int64_t limit_used(const ProvisionProblem& problem, std::size_t pool,
                        const std::string& limit) {
  if (const NodeGroup* group = node_group(problem, pool))
    return limit == "nodes" ? group->nodes : 0;
  std::int64_t used = 0;
  for (const ProvisionNode& node : problem.nodes) {
    const auto of = node.labels.find("karpenter.sh/nodepool");
    if (of == node.labels.end() || of->second != problem.pools[pool].metadata.name) continue;
    const auto has = node.capacity.find(limit);
    if (limit == "nodes")
      ++used;
    else if (has != node.capacity.end())
      used += amount(limit, has->second);
  }
  return used;
}

}  // namespace gputide::provisioning
