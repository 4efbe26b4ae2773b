#include "decide/provisioning/topology_compile.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "decide/provisioning/offer_memo.h"
#include "model/conditions.h"
#include "model/labels.h"

namespace gputide::provisioning {
namespace {

using labels::kHostnameLabel;

using Kind = TopologyRule::Kind;

bool hard(const model::TopologySpreadConstraint& spread) {
  return spread.whenUnsatisfiable != "ScheduleAnyway";
}

template <class Take>
void each_term(const model::PodSpec& spec, Take take) {
  if (!spec.affinity) return;
  if (spec.affinity->podAffinity)
    for (const auto& t : spec.affinity->podAffinity->requiredDuringSchedulingIgnoredDuringExecution)
      take(t, Kind::Affinity);
  if (spec.affinity->podAntiAffinity)
    for (const auto& t :
         spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution)
      take(t, Kind::AntiAffinity);
}

// Preferred terms: company, and distance that one side keeps.
template <class Take>
void each_preferred_term(const model::PodSpec& spec, Take take) {
  if (!spec.affinity) return;
  if (spec.affinity->podAffinity)
    for (const auto& t :
         spec.affinity->podAffinity->preferredDuringSchedulingIgnoredDuringExecution)
      take(t.podAffinityTerm, t.weight, Kind::Affinity);
  if (spec.affinity->podAntiAffinity)
    for (const auto& t :
         spec.affinity->podAntiAffinity->preferredDuringSchedulingIgnoredDuringExecution)
      take(t.podAffinityTerm, t.weight, Kind::Avoid);
}

// The selector with what matchLabelKeys copy from the pod's own labels.
model::LabelSelector with_keys(const std::optional<model::LabelSelector>& selector,
                               const std::vector<std::string>& in,
                               const std::vector<std::string>& not_in,
                               const model::StringMap& labels) {
  model::LabelSelector out = selector.value_or(model::LabelSelector{});
  for (const std::string& key : in)
    if (const auto at = labels.find(key); at != labels.end())
      out.matchExpressions.push_back({key, "In", {at->second}});
  for (const std::string& key : not_in)
    if (const auto at = labels.find(key); at != labels.end())
      out.matchExpressions.push_back({key, "NotIn", {at->second}});
  return out;
}

}  // namespace

TopologyCompiler::TopologyCompiler(const ProvisionProblem& problem) : problem_(problem) {
  std::set<std::string> keys;
  const auto take = [&](const model::PodSpec& spec) {
    for (const auto& spread : spec.topologySpreadConstraints)
      if (hard(spread)) keys.insert(spread.topologyKey);
    each_term(spec, [&](const auto& term, Kind) { keys.insert(term.topologyKey); });
  };
  for (const auto& pod : problem.pods) {
    take(*pod->spec);
    if (!problem.preferences) continue;
    for (const auto& spread : pod->spec->topologySpreadConstraints) keys.insert(spread.topologyKey);
    each_preferred_term(
        *pod->spec, [&](const auto& term, std::int64_t, Kind) { keys.insert(term.topologyKey); });
  }
  for (const auto& pod : problem.bound) take(*pod->spec);
  keys.erase(std::string(kHostnameLabel));
  keys_.assign(keys.begin(), keys.end());
  if (keys_.empty()) return;
  if (problem.memo == nullptr) {
    domains_ = universe();
    return;
  }
  const auto [known, fresh] = problem.memo->domains.try_emplace(keys_);
  if (fresh) known->second = universe();
  domains_ = known->second;
}

// By key: the domains that pools and their types allow, offered today or not.
std::vector<std::map<std::string, std::uint32_t>> TopologyCompiler::universe() const {
  std::vector<std::map<std::string, std::uint32_t>> all(keys_.size());
  for (std::size_t p = 0; p < problem_.pools.size(); ++p) {
    Requirements base =
        Requirements::from_node_pool(problem_.pools[p].spec.template_.spec.requirements);
    base.add(Requirements::from_labels(problem_.pools[p].spec.template_.metadata.labels));
    for (std::size_t k = 0; k < keys_.size(); ++k) {
      const Requirement allowed = base.get(keys_[k]);
      const auto add = [&](const std::vector<std::string>& values) {
        for (const std::string& value : values)
          if (allowed.has(value))
            all[k].try_emplace(value, static_cast<std::uint32_t>(all[k].size()));
      };
      if (!allowed.complement) add(allowed.values);
      for (const std::uint32_t t : problem_.pool_types[p])
        if (const Requirement* values = problem_.types[t].requirements.find(keys_[k]);
            values != nullptr && !values->complement)
          add(values->values);
    }
  }
  return all;
}

std::uint32_t TopologyCompiler::key_number(const std::string& topology_key) const {
  if (topology_key == kHostnameLabel) return kHostname;
  const auto at = std::lower_bound(keys_.begin(), keys_.end(), topology_key);
  return static_cast<std::uint32_t>(at - keys_.begin());
}

std::vector<std::uint32_t> TopologyCompiler::domains_of(const Requirements& labels) {
  std::vector<std::uint32_t> out;
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    const Requirement* value = labels.find(keys_[k]);
    const std::string* one = value == nullptr ? nullptr : value->single();
    out.push_back(one == nullptr
                      ? kNone
                      : domains_[k]
                            .try_emplace(*one, static_cast<std::uint32_t>(domains_[k].size()))
                            .first->second);
  }
  return out;
}

std::uint32_t TopologyCompiler::group(const std::string& topology_key,
                                      const model::LabelSelector& selector,
                                      std::set<std::string> namespaces) {
  Group fresh{key_number(topology_key), std::move(namespaces), "", model::Selector::of(selector)};
  fresh.text = fresh.selector.selects_nothing() ? "(nothing)" : fresh.selector.text();
  for (std::uint32_t g = 0; g < groups_.size(); ++g)
    if (groups_[g].key == fresh.key && groups_[g].namespaces == fresh.namespaces &&
        groups_[g].text == fresh.text)
      return g;
  groups_.push_back(std::move(fresh));
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

std::uint32_t TopologyCompiler::affinity_group(const model::Pod& pod,
                                               const model::PodAffinityTerm& term) {
  std::set<std::string> namespaces(term.namespaces.begin(), term.namespaces.end());
  if (term.namespaceSelector) {
    const model::Selector selector = model::Selector::of(term.namespaceSelector);
    for (const auto& [name, labels] : problem_.namespaces)
      if (selector.matches(labels)) namespaces.insert(name);
  } else if (namespaces.empty()) {
    namespaces.insert(pod.metadata.namespace_);
  }
  if (!term.labelSelector)  // selects no pod
    return group(term.topologyKey, {{}, {{"", "In", {}}}}, {});
  return group(term.topologyKey,
               with_keys(term.labelSelector, term.matchLabelKeys, term.mismatchLabelKeys,
                         pod.metadata.labels),
               std::move(namespaces));
}

std::uint32_t TopologyCompiler::spread_group(const model::Pod& pod,
                                             const model::TopologySpreadConstraint& spread) {
  if (!spread.labelSelector) return group(spread.topologyKey, {{}, {{"", "In", {}}}}, {});
  return group(spread.topologyKey,
               with_keys(spread.labelSelector, spread.matchLabelKeys, {}, pod.metadata.labels),
               {pod.metadata.namespace_});
}

bool TopologyCompiler::counts(std::uint32_t group, const model::Pod& pod) const {
  return groups_[group].namespaces.contains(pod.metadata.namespace_) &&
         groups_[group].selector.matches(pod.metadata.labels);
}

// Whether some node there is or could be is in the domain and has what is asked.
bool TopologyCompiler::reaches(const std::string& key, const std::string& value,
                               const Requirements& asked) const {
  for (const ProvisionNode& node : problem_.nodes) {
    const Requirements labels = Requirements::from_labels(node.labels);
    if (labels.has(key) && labels.get(key).has(value) && labels.is_compatible(asked)) return true;
  }
  for (std::size_t p = 0; p < problem_.pools.size(); ++p) {
    const model::NodePool& pool = problem_.pools[p];
    Requirements all = Requirements::from_node_pool(pool.spec.template_.spec.requirements);
    all.add(Requirements::from_labels(pool.spec.template_.metadata.labels));
    all.add(Requirement::in("karpenter.sh/nodepool", pool.metadata.name));
    if (!all.get(key).has(value) || !all.is_compatible(asked, problem_.well_known)) continue;
    all.add(asked);
    all.add(Requirement::in(key, value));
    for (const std::uint32_t t : problem_.pool_types[p])
      if (problem_.types[t].requirements.intersects(all)) return true;
  }
  return false;
}

// Domains that the pod could be in by its own labels (unless nodeAffinityPolicy is Ignore), and,
// for nodeTaintsPolicy Honor, by its tolerations.
std::vector<std::uint32_t> TopologyCompiler::spread_domains(
    const model::TopologySpreadConstraint& spread, const model::Pod& pod,
    const std::vector<Requirements>& alternatives) const {
  const std::uint32_t key = key_number(spread.topologyKey);
  if (key == kHostname) return {};
  const bool by_affinity = spread.nodeAffinityPolicy.value_or("Honor") != "Ignore";
  const bool by_taints = spread.nodeTaintsPolicy.value_or("Ignore") == "Honor";
  std::vector<std::uint32_t> out;
  for (const auto& [value, number] : domains_[key]) {
    bool allowed = !by_affinity;
    for (const Requirements& each : alternatives)
      allowed = allowed || (each.get(spread.topologyKey).has(value) &&
                            (alternatives.size() == 1 || reaches(spread.topologyKey, value, each)));
    if (allowed && by_taints) {
      bool tolerated = false;
      const auto try_one = [&](const Requirements& labels,
                               const std::vector<model::Taint>& taints) {
        std::vector<model::Taint> kept;
        for (const model::Taint& t : taints)
          if (t.effect != "PreferNoSchedule") kept.push_back(t);
        tolerated = tolerated || (labels.get(spread.topologyKey).has(value) &&
                                  untolerated(kept, pod.spec->tolerations).empty());
      };
      for (const model::NodePool& pool : problem_.pools)
        try_one(Requirements::from_node_pool(pool.spec.template_.spec.requirements),
                pool.spec.template_.spec.taints);
      for (const ProvisionNode& node : problem_.nodes)
        try_one(Requirements::from_labels(node.labels), node.taints);
      allowed = tolerated;
    }
    if (allowed) out.push_back(number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Every group there is, once; those of rules first.
void TopologyCompiler::collect() {
  if (collected_) return;
  collected_ = true;
  const auto take = [&](const model::Pod& each) {
    for (const auto& spread : each.spec->topologySpreadConstraints)
      if (hard(spread)) spread_group(each, spread);
    each_term(*each.spec, [&](const auto& term, Kind) { affinity_group(each, term); });
  };
  for (const auto& each : problem_.pods) take(*each);
  for (const auto& each : problem_.bound) take(*each);
  rule_groups_ = groups_.size();
  if (!problem_.preferences) return;
  for (const auto& pod : problem_.pods) {
    for (const auto& spread : pod->spec->topologySpreadConstraints) spread_group(*pod, spread);
    each_preferred_term(*pod->spec,
                        [&](const auto& term, std::int64_t, Kind) { affinity_group(*pod, term); });
  }
}

TopologyRule TopologyCompiler::spread_rule(const model::Pod& pod,
                                           const model::TopologySpreadConstraint& spread,
                                           const std::vector<Requirements>& alternatives) {
  TopologyRule rule;
  rule.kind = Kind::Spread;
  rule.group = spread_group(pod, spread);
  rule.counts_itself = counts(rule.group, pod);
  rule.max_skew = spread.maxSkew;
  rule.min_domains = spread.minDomains.value_or(0);
  rule.domains = spread_domains(spread, pod, alternatives);
  return rule;
}

std::vector<TopologyCompiler::Wish> TopologyCompiler::wishes_of(
    const model::Pod& pod, const std::vector<Requirements>& alternatives, PackClass& out) {
  collect();
  for (std::size_t g = rule_groups_; g < groups_.size(); ++g)
    if (counts(static_cast<std::uint32_t>(g), pod))
      out.counted_in.push_back(static_cast<std::uint32_t>(g));
  std::vector<Wish> wishes;
  const auto pods_text = [&](std::uint32_t g) {
    return groups_[g].text.empty() ? std::string("any pods") : "pods " + groups_[g].text;
  };
  for (const auto& spread : pod.spec->topologySpreadConstraints) {
    if (hard(spread)) continue;
    TopologyRule rule = spread_rule(pod, spread, alternatives);
    wishes.push_back({fmt::format("spread of {} over {}, maxSkew {}", pods_text(rule.group),
                                  spread.topologyKey, spread.maxSkew),
                      kUnweighted, std::move(rule)});
  }
  each_preferred_term(
      *pod.spec, [&](const model::PodAffinityTerm& term, std::int64_t weight, Kind kind) {
        TopologyRule rule;
        rule.kind = kind;
        rule.group = affinity_group(pod, term);
        rule.counts_itself = counts(rule.group, pod);
        wishes.push_back({fmt::format("{} {}, by {}", kind == Kind::Avoid ? "apart from" : "near",
                                      pods_text(rule.group), term.topologyKey),
                          weight, std::move(rule)});
      });
  return wishes;
}

void TopologyCompiler::rules_of(const model::Pod& pod,
                                const std::vector<Requirements>& alternatives, PackClass& out) {
  collect();
  for (std::uint32_t g = 0; g < rule_groups_; ++g)
    if (counts(g, pod)) out.counted_in.push_back(g);
  for (const auto& spread : pod.spec->topologySpreadConstraints) {
    if (!hard(spread)) continue;
    out.rules.push_back(spread_rule(pod, spread, alternatives));
  }
  each_term(*pod.spec, [&](const model::PodAffinityTerm& term, Kind kind) {
    TopologyRule rule;
    rule.kind = kind;
    rule.group = affinity_group(pod, term);
    rule.counts_itself = counts(rule.group, pod);
    out.rules.push_back(std::move(rule));
  });
}

void TopologyCompiler::finish(PackProblem& pack, bool wishes) {
  collect();
  const std::size_t count = wishes ? groups_.size() : rule_groups_;
  for (const Group& each : std::span(groups_).first(count)) {
    TopologyGroup group;
    group.key = each.key;
    if (each.key == kHostname) {
      group.node_counts.assign(problem_.nodes.size(), 0);
      group.node_anti_owners.assign(problem_.nodes.size(), 0);
    } else {
      group.counts.assign(domains_[each.key].size(), 0);
      group.anti_owners.assign(domains_[each.key].size(), 0);
    }
    pack.groups.push_back(std::move(group));
  }
  for (const auto& pod : problem_.bound) {
    if (is_finished(*pod) || pod->metadata.deletionTimestamp) continue;
    std::size_t n = 0;
    while (n < problem_.nodes.size() && problem_.nodes[n].name != pod->spec->nodeName) ++n;
    if (n == problem_.nodes.size()) continue;
    const auto tally = [&](std::uint32_t g, bool repels) {
      TopologyGroup& group = pack.groups[g];
      if (group.key == kHostname) {
        ++(repels ? group.node_anti_owners : group.node_counts)[n];
      } else if (const std::uint32_t d = pack.existing[n].domains[group.key]; d != kNone) {
        ++(repels ? group.anti_owners : group.counts)[d];
      }
    };
    for (std::uint32_t g = 0; g < count; ++g)
      if (counts(g, *pod)) tally(g, false);
    each_term(*pod->spec, [&](const model::PodAffinityTerm& term, Kind kind) {
      if (kind == Kind::AntiAffinity) tally(affinity_group(*pod, term), true);
    });
  }
}

}  // namespace gputide::provisioning
