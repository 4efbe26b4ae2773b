#include "decide/provisioning/node_ask.h"

#include <algorithm>

#include "base/text.h"
#include "decide/provisioning/node_constraints.h"

namespace gputide::provisioning {

std::vector<Requirements> node_alternatives(const model::PodSpec& spec) {
  const Requirements base = Requirements::from_labels(spec.nodeSelector);
  if (!spec.affinity || !spec.affinity->nodeAffinity) return {base};
  const auto& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return {base};
  std::vector<Requirements> out;
  for (const model::NodeSelectorTerm& term : required->nodeSelectorTerms) {
    Requirements all = base;
    all.add(Requirements::from_node_selector(term.matchExpressions));
    out.push_back(std::move(all));
  }
  return out;
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

}  // namespace gputide::provisioning
