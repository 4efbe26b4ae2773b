#include "decide/scheduling/topology_spread.h"

#include <algorithm>

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;

namespace {

bool has_all_keys(const Cluster& cluster, NodeId node,
                  const std::vector<SpreadConstraint>& constraints) {
  return std::all_of(constraints.begin(), constraints.end(), [&](const SpreadConstraint& c) {
    return cluster.domain(c.topology, node) != state::kNoDomain;
  });
}

}  // namespace

SpreadConstraint compile_spread(const model::TopologySpreadConstraint& constraint,
                                const model::StringMap& labels, Cluster& cluster) {
  std::optional<model::LabelSelector> selector = constraint.labelSelector;
  for (const std::string& key : constraint.matchLabelKeys) {
    const auto label = labels.find(key);
    if (label == labels.end() || !selector) continue;
    selector->matchExpressions.push_back({key, "In", {label->second}});
  }
  SpreadConstraint out;
  out.topology = cluster.topology(constraint.topologyKey);
  out.max_skew = constraint.maxSkew;
  out.min_domains = constraint.minDomains.value_or(1);
  out.honor_affinity = constraint.nodeAffinityPolicy.value_or("Honor") == "Honor";
  out.honor_taints = constraint.nodeTaintsPolicy.value_or("Ignore") == "Honor";
  out.selector = model::Selector::of(selector);
  return out;
}

std::int64_t SpreadConstraint::count(const Cluster& cluster, NodeId node,
                                     const std::string& namespace_) const {
  if (selector.empty()) return 0;
  std::int64_t count = 0;
  for (const state::PodEntry& entry : cluster.node(node).entries)
    if (!entry.terminating && memo.of(entry.pod_class, [&] {
          const state::ClassInfo& info = cluster.kinds().pod_class(entry.pod_class);
          return info.namespace_ == namespace_ && selector.matches(info.labels);
        }))
      ++count;
  return count;
}

TopologySpread::TopologySpread(const model::PodSpec& spec, const state::ClassInfo& pod_class,
                               Cluster& cluster)
    : namespace_(pod_class.namespace_) {
  for (const model::TopologySpreadConstraint& constraint : spec.topologySpreadConstraints) {
    if (constraint.whenUnsatisfiable != "DoNotSchedule") continue;
    constraints_.push_back(compile_spread(constraint, pod_class.labels, cluster));
    const SpreadConstraint& added = constraints_.back();
    matches_itself_.push_back(added.selector.matches(pod_class.labels));
    const auto known =
        std::find(topology_of_tally_.begin(), topology_of_tally_.end(), added.topology);
    tally_of_.push_back(static_cast<std::size_t>(known - topology_of_tally_.begin()));
    if (known == topology_of_tally_.end()) topology_of_tally_.push_back(added.topology);
  }
  tallies_.resize(topology_of_tally_.size());
}

void TopologySpread::clear() {
  for (DomainTally& tally : tallies_) tally.clear();
}

void TopologySpread::forget(NodeId node) {
  for (DomainTally& tally : tallies_) tally.set(node, state::kNoDomain, 0);
}

void TopologySpread::update(const Cluster& cluster, NodeRules& rules, NodeId node) {
  const bool counts = cluster.exists(node) && has_all_keys(cluster, node, constraints_);
  for (std::size_t t = 0; t < tallies_.size(); ++t) {
    state::DomainId domain = state::kNoDomain;
    std::int64_t sum = 0;
    for (std::size_t i = 0; counts && i < constraints_.size(); ++i) {
      if (tally_of_[i] != t || !constraints_[i].includes(rules.at(cluster, node))) continue;
      domain = cluster.domain(topology_of_tally_[t], node);
      sum = constraints_[i].count(cluster, node, namespace_);  // the last one with the key counts
    }
    tallies_[t].set(node, domain, sum);
  }
}

const Status* TopologySpread::check(const Cluster& cluster, NodeId node) const {
  static const Status kNoLabel{
      Code::UnschedulableAndUnresolvable,
      kPodTopologySpread,
      {"node(s) didn't match pod topology spread constraints (missing required label)"}};
  static const Status kTooMany{Code::Unschedulable,
                               kPodTopologySpread,
                               {"node(s) didn't match pod topology spread constraints"}};
  for (std::size_t i = 0; i < constraints_.size(); ++i) {
    const SpreadConstraint& constraint = constraints_[i];
    const state::DomainId domain = cluster.domain(constraint.topology, node);
    if (domain == state::kNoDomain) return &kNoLabel;
    const DomainTally& tally = tallies_[tally_of_[i]];
    const std::int64_t least = tally.domains() < constraint.min_domains ? 0 : tally.minimum();
    const std::int64_t skew = tally.sum(domain) + (matches_itself_[i] ? 1 : 0) - least;
    if (skew > constraint.max_skew) return &kTooMany;
  }
  return nullptr;
}

}  // namespace gputide::scheduling
