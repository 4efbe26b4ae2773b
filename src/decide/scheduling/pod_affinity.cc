#include "decide/scheduling/pod_affinity.h"

#include <algorithm>

#include "base/text.h"

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;

namespace {

std::uint64_t pair_key(state::SpecId spec, state::ClassId pod_class) {
  return static_cast<std::uint64_t>(spec) << 32 | pod_class;
}

Result<AffinityTerm> compile_term(const model::PodAffinityTerm& term, std::int32_t weight,
                                  const std::string& namespace_, Cluster& cluster) {
  AffinityTerm out;
  out.weight = weight;
  auto selector = model::Selector::compile(term.labelSelector);
  if (!selector) return tl::unexpected(selector.error());
  out.selector = std::move(*selector);
  out.topology = cluster.topology(term.topologyKey);
  out.namespaces.insert(term.namespaces.begin(), term.namespaces.end());
  if (term.namespaces.empty() && !term.namespaceSelector) out.namespaces.insert(namespace_);
  if (!term.namespaceSelector) return out;
  auto namespaces = model::Selector::compile(term.namespaceSelector);
  if (!namespaces) return tl::unexpected(namespaces.error());
  out.namespace_selector = std::move(*namespaces);
  return out;
}

// Of a kind of terms with a wrong one none counts.
class TermCompiler {
 public:
  TermCompiler(const std::string& namespace_, Cluster& cluster)
      : namespace_(namespace_), cluster_(cluster) {}

  std::vector<AffinityTerm> required(const std::optional<model::PodAffinity>& from,
                                     const char* kind) {
    std::vector<AffinityTerm> out;
    if (!from) return out;
    for (const auto& term : from->requiredDuringSchedulingIgnoredDuringExecution)
      if (!add(term, 0, kind, out)) return {};
    return out;
  }
  std::vector<AffinityTerm> preferred(const std::optional<model::PodAffinity>& from,
                                      const char* kind) {
    std::vector<AffinityTerm> out;
    if (!from) return out;
    for (const auto& term : from->preferredDuringSchedulingIgnoredDuringExecution)
      if (!add(term.podAffinityTerm, term.weight, kind, out)) return {};
    return out;
  }
  std::string error() const {
    if (errors_.empty()) return "";
    return "parsing pod: " + (errors_.size() == 1 ? errors_[0] : "[" + join(errors_, ", ") + "]");
  }

 private:
  bool add(const model::PodAffinityTerm& term, std::int32_t weight, const char* kind,
           std::vector<AffinityTerm>& out) {
    auto compiled = compile_term(term, weight, namespace_, cluster_);
    if (!compiled) {
      errors_.push_back(std::string(kind) + ": " + compiled.error().message);
      return false;
    }
    out.push_back(std::move(*compiled));
    return true;
  }

  const std::string& namespace_;
  Cluster& cluster_;
  std::vector<std::string> errors_;
};

}  // namespace

bool AffinityTerm::covers(const state::ClassInfo& other, const state::Objects& objects) const {
  if (!namespaces.contains(other.namespace_)) {
    if (!namespace_selector) return false;
    if (!namespace_selector->empty()) {
      const model::Namespace* found = objects.namespaces.find("", other.namespace_);
      if (found == nullptr || !namespace_selector->matches(found->metadata.labels)) return false;
    }
  }
  return selector.matches(other.labels);
}

bool AffinityTerm::covers_incoming(const state::ClassInfo& incoming,
                                   const state::Objects& objects) const {
  if (!namespaces.contains(incoming.namespace_)) {
    if (!namespace_selector) return false;
    static const model::StringMap kNoLabels;
    const model::Namespace* found = objects.namespaces.find("", incoming.namespace_);
    if (!namespace_selector->matches(found == nullptr ? kNoLabels : found->metadata.labels))
      return false;
  }
  return selector.matches(incoming.labels);
}

AffinityTerms compile_affinity(const model::PodSpec& spec, const std::string& namespace_,
                               Cluster& cluster) {
  AffinityTerms out;
  if (!spec.affinity) return out;
  TermCompiler compiler(namespace_, cluster);
  const auto& [node, pro, anti] = *spec.affinity;
  out.required = compiler.required(pro, "requiredAffinityTerms");
  out.required_anti = compiler.required(anti, "requiredAntiAffinityTerms");
  out.preferred = compiler.preferred(pro, "preferredAffinityTerms");
  out.preferred_anti = compiler.preferred(anti, "preferredAntiAffinityTerms");
  out.error = compiler.error();
  return out;
}

const AffinityTerms& AffinityTermCache::of(Cluster& cluster, state::SpecId spec,
                                           state::ClassId pod_class) {
  std::unique_ptr<AffinityTerms>& known = terms_[pair_key(spec, pod_class)];
  if (known == nullptr)
    known = std::make_unique<AffinityTerms>(
        compile_affinity(*cluster.kinds().spec(spec).spec,
                         cluster.kinds().pod_class(pod_class).namespace_, cluster));
  return *known;
}

PodAffinity::PodAffinity(const AffinityTerms& terms, state::ClassId class_id)
    : terms_(terms),
      class_(class_id),
      anti_(terms.required_anti.size()),
      required_tallies_(terms.required.size()),
      anti_tallies_(terms.required_anti.size()) {}

void PodAffinity::clear() {
  for (DomainTally& tally : required_tallies_) tally.clear();
  for (DomainTally& tally : anti_tallies_) tally.clear();
  all_required_.clear();
  for (ClassMemo& memo : anti_) memo.clear();
  repelled_.clear();
  repels_.clear();
  repelled_by_.clear();
}

void PodAffinity::forget(NodeId node) {
  for (DomainTally& tally : required_tallies_) tally.set(node, state::kNoDomain, 0);
  for (DomainTally& tally : anti_tallies_) tally.set(node, state::kNoDomain, 0);
  for (Repelled& each : repelled_) each.tally.set(node, state::kNoDomain, 0);
}

bool PodAffinity::all_required(const Cluster& cluster, state::ClassId id) const {
  return all_required_.of(id, [&] {
    const state::ClassInfo& info = cluster.kinds().pod_class(id);
    return std::all_of(terms_.required.begin(), terms_.required.end(),
                       [&](const auto& term) { return term.covers(info, cluster.objects()); });
  });
}

void PodAffinity::update(Cluster& cluster, AffinityTermCache& cache, NodeId node) {
  const bool exists = cluster.exists(node);
  static const std::vector<state::PodEntry> kNone;
  const auto& entries = exists ? cluster.node(node).entries : kNone;
  if (!terms_.required.empty()) {
    const auto near = std::count_if(entries.begin(), entries.end(), [&](const auto& entry) {
      return all_required(cluster, entry.pod_class);
    });
    for (std::size_t i = 0; i < terms_.required.size(); ++i)
      required_tallies_[i].set(
          node, exists ? cluster.domain(terms_.required[i].topology, node) : state::kNoDomain,
          near);
  }
  for (std::size_t i = 0; i < terms_.required_anti.size(); ++i) {
    const AffinityTerm& term = terms_.required_anti[i];
    const auto near = std::count_if(entries.begin(), entries.end(), [&](const auto& entry) {
      return anti_[i].of(entry.pod_class, [&] {
        return term.covers(cluster.kinds().pod_class(entry.pod_class), cluster.objects());
      });
    });
    anti_tallies_[i].set(node, exists ? cluster.domain(term.topology, node) : state::kNoDomain,
                         near);
  }
  update_repelled(cluster, cache, node);
}

void PodAffinity::update_repelled(Cluster& cluster, AffinityTermCache& cache, NodeId node) {
  const auto index = static_cast<std::size_t>(node);
  if (index >= repels_.size()) repels_.resize(index + 1);
  const bool any = cluster.exists(node) && cluster.node(node).with_anti_affinity > 0;
  if (!any && repels_[index] == 0) return;
  repels_[index] = any ? 1 : 0;
  std::vector<std::int64_t> counts(repelled_.size());
  const auto entries = any ? cluster.node(node).entries : std::vector<state::PodEntry>();
  for (const state::PodEntry& entry : entries) {
    if (!cluster.kinds().spec(entry.spec).required_anti_affinity) continue;
    const auto [at, added] = repelled_by_.try_emplace(pair_key(entry.spec, entry.pod_class));
    if (added) {
      std::vector<state::TopologyId> topologies;
      for (const AffinityTerm& term : cache.of(cluster, entry.spec, entry.pod_class).required_anti)
        if (term.covers_incoming(cluster.kinds().pod_class(class_), cluster.objects()))
          topologies.push_back(term.topology);
      at->second = std::move(topologies);
    }
    for (const state::TopologyId topology : at->second) {
      const auto found = std::find_if(repelled_.begin(), repelled_.end(),
                                      [&](const auto& r) { return r.topology == topology; });
      const auto slot = static_cast<std::size_t>(found - repelled_.begin());
      if (found == repelled_.end()) {
        repelled_.push_back({topology, {}});
        counts.push_back(0);
      }
      ++counts[slot];
    }
  }
  for (std::size_t i = 0; i < repelled_.size(); ++i)
    repelled_[i].tally.set(
        node, counts[i] > 0 ? cluster.domain(repelled_[i].topology, node) : state::kNoDomain,
        counts[i]);
}

bool PodAffinity::has_required(const Cluster& cluster, NodeId node) const {
  bool near = true;
  for (std::size_t i = 0; i < terms_.required.size(); ++i) {
    const state::DomainId domain = cluster.domain(terms_.required[i].topology, node);
    if (domain == state::kNoDomain) return false;
    near = near && required_tallies_[i].sum(domain) > 0;
  }
  if (near) return true;
  // The first of a group that wants to be together may go anywhere.
  return std::none_of(required_tallies_.begin(), required_tallies_.end(),
                      [](const DomainTally& tally) { return tally.any(); }) &&
         all_required(cluster, class_);
}

const Status* PodAffinity::check(const Cluster& cluster, NodeId node) const {
  static const Status kNotNear{Code::UnschedulableAndUnresolvable,
                               kInterPodAffinity,
                               {"node(s) didn't match pod affinity rules"}};
  static const Status kNotApart{
      Code::Unschedulable, kInterPodAffinity, {"node(s) didn't match pod anti-affinity rules"}};
  static const Status kRepelled{Code::Unschedulable,
                                kInterPodAffinity,
                                {"node(s) didn't satisfy existing pods anti-affinity rules"}};
  if (!has_required(cluster, node)) return &kNotNear;
  for (std::size_t i = 0; i < anti_tallies_.size(); ++i)
    if (anti_tallies_[i].sum(cluster.domain(terms_.required_anti[i].topology, node)) > 0)
      return &kNotApart;
  for (const Repelled& each : repelled_)
    if (each.tally.sum(cluster.domain(each.topology, node)) > 0) return &kRepelled;
  return nullptr;
}

}  // namespace gputide::scheduling
