#include "decide/scheduling/ranking.h"

#include <algorithm>

namespace gputide::scheduling {

using state::NodeId;

namespace {

constexpr std::size_t kMaxKept = 2048;
// With more kinds of pods that may like others, what they like is kept instead of asked anew.
constexpr std::size_t kFewKinds = 64;

enum Plugin : std::size_t {
  kTaints,
  kAffinity,
  kSpread,
  kPods,
  kFit,
  kBalanced,
  kImages,
  kPluginCount
};

std::vector<PluginScores> plugins() {
  std::vector<PluginScores> out(kPluginCount);
  const auto set = [&](Plugin plugin, std::string_view name, std::int64_t weight) {
    out[plugin].plugin = name;
    out[plugin].weight = weight;
  };
  set(kTaints, kTaintToleration, 3);
  set(kAffinity, kNodeAffinity, 2);
  set(kSpread, kPodTopologySpread, 2);
  set(kPods, kInterPodAffinity, 2);
  set(kFit, kNodeResourcesFit, 1);
  set(kBalanced, kBalancedAllocation, 1);
  set(kImages, kImageLocality, 1);
  return out;
}

}  // namespace

Ranking::Likes::Likes(const model::Pod& pod, Filters& filters, Demand& demand)
    : spread(std::make_unique<SpreadScore>(pod, filters.cluster())) {
  if (spread->empty()) spread = nullptr;
  const state::ClassId pod_class = filters.cluster().class_of(pod);
  affinity = std::make_unique<AffinityScore>(
      filters.terms().of(filters.cluster(), demand.spec(), pod_class), pod_class);
}

NodeScores& Ranking::node_scores(const Demand& demand) {
  if (node_scores_.size() > kMaxKept) node_scores_.clear();
  std::unique_ptr<NodeScores>& kept = node_scores_[demand.spec()];
  if (kept == nullptr) {
    kept = std::make_unique<NodeScores>(demand.info(), cluster_);
    kept->images = images_.wanted(*demand.info().spec);
  }
  kept->catch_up(cluster_);
  return *kept;
}

Ranking::Likes& Ranking::likes(const model::Pod& pod, Demand& demand) {
  // The owner counts beside spec and class: default spreading selects by it.
  std::string key =
      std::to_string(demand.spec()) + "/" + std::to_string(cluster_.class_of(pod)) + "/";
  if (const model::OwnerReference* owner = pod.metadata.controller())
    key += owner->kind + "/" + owner->name;
  if (likes_.size() > kMaxKept) likes_.clear();
  std::unique_ptr<Likes>& kept = likes_[key];
  const state::Objects& objects = cluster_.objects();
  const std::uint64_t version = objects.selecting_version() + objects.namespaces.version();
  if (kept == nullptr || kept->objects_version != version) {
    kept = std::make_unique<Likes>(pod, filters_, demand);
    kept->objects_version = version;
  }
  catch_up(*kept, demand);
  return *kept;
}

void Ranking::catch_up(Likes& likes, Demand& demand) {
  if (likes.sequence == cluster_.sequence() && likes.sequence != 0) return;
  const auto changes = cluster_.changes_since(likes.sequence);
  const bool all =
      likes.sequence == 0 || !changes || changes->size() > static_cast<std::size_t>(cluster_.end());
  likes.sequence = cluster_.sequence();
  const auto update = [&](NodeId node) {
    if (likes.spread) likes.spread->update(cluster_, demand.node_fit().rules(), node);
    if (likes.affinity) likes.affinity->update(cluster_, filters_.terms(), node);
  };
  const auto forget = [&](NodeId node) {
    if (likes.spread) likes.spread->forget(node);
    if (likes.affinity) likes.affinity->forget(node);
  };
  if (!all) {
    for (const NodeId node : *changes) node < cluster_.end() ? update(node) : forget(node);
    return;
  }
  if (likes.spread) likes.spread->clear();
  if (likes.affinity) likes.affinity->clear();
  for (NodeId node = 0; node < cluster_.end(); ++node) update(node);
}

std::span<const PluginScores> Ranking::score(const model::Pod& pod,
                                             std::span<const NodeId> feasible) {
  if (scores_.empty()) scores_ = plugins();
  Demand& demand = filters_.demand(pod);
  NodeScores& of_nodes = node_scores(demand);
  const Likes* of_pods = likes_nothing(pod, demand) ? nullptr : &likes(pod, demand);
  images_.catch_up(cluster_);
  const std::size_t count = feasible.size();
  for (PluginScores& scores : scores_) {
    scores.raw.assign(count, 0);
    scores.normalized.assign(count, 0);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const NodeScores::Raw& raw = of_nodes.of(cluster_, feasible[i]);
    scores_[kTaints].raw[i] = raw.taints;
    scores_[kAffinity].raw[i] = raw.affinity;
    scores_[kFit].raw[i] = raw.fit;
    scores_[kBalanced].raw[i] = raw.balanced;
  }
  images_.add_scores(of_nodes.images, feasible, scores_[kImages].raw);
  for (const Plugin plugin : {kTaints, kAffinity, kFit, kBalanced, kImages})
    scores_[plugin].normalized = scores_[plugin].raw;
  normalize(scores_[kTaints].normalized, true);
  normalize(scores_[kAffinity].normalized, false);
  scores_[kAffinity].skipped = !of_nodes.prefers_nodes();
  scores_[kSpread].skipped = of_pods == nullptr || of_pods->spread == nullptr;
  if (!scores_[kSpread].skipped)
    of_pods->spread->score(cluster_, feasible, scores_[kSpread].raw, scores_[kSpread].normalized);
  scores_[kPods].skipped = of_pods == nullptr || of_pods->affinity->empty();
  if (!scores_[kPods].skipped)
    of_pods->affinity->score(cluster_, feasible, scores_[kPods].raw, scores_[kPods].normalized);
  return scores_;
}

std::string Ranking::error(const model::Pod& pod) const {
  const auto& affinity = pod.spec->affinity;
  if (!affinity || !affinity->nodeAffinity) return "";
  const auto compiled = PreferredNodeAffinity::compile(
      affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution);
  if (compiled) return "";
  return "running PreScore plugin \"NodeAffinity\": " + compiled.error().message;
}

// Whether a term of a pod on some node covers pods of the class; true where telling takes long.
bool Ranking::may_be_liked(state::ClassId pod_class) {
  const state::Cluster::Kinds& kinds = cluster_.kinds_with_affinity();
  if (kinds.size() > kFewKinds) return true;
  const state::ClassInfo& self = cluster_.kinds().pod_class(pod_class);
  const auto cover = [&](const std::vector<AffinityTerm>& terms) {
    return std::any_of(terms.begin(), terms.end(), [&](const AffinityTerm& term) {
      return term.covers_incoming(self, cluster_.objects());
    });
  };
  return std::any_of(kinds.begin(), kinds.end(), [&](const auto& entry) {
    const auto [spec, other] = entry.first;
    const AffinityTerms& terms = filters_.terms().of(cluster_, spec, other);
    return cover(terms.required) || cover(terms.preferred) || cover(terms.preferred_anti);
  });
}

// No plugin that looks at other pods has anything to say.
bool Ranking::likes_nothing(const model::Pod& pod, const Demand& demand) {
  if (demand.info().any_pod_affinity || demand.info().spreads) return false;
  const auto& services = cluster_.objects().services.all();
  const auto first = services.lower_bound({pod.metadata.namespace_, ""});
  if (first != services.end() && first->first.first == pod.metadata.namespace_) return false;
  const model::OwnerReference* owner = pod.metadata.controller();
  if (owner != nullptr && (owner->kind == "ReplicaSet" || owner->kind == "StatefulSet" ||
                           owner->kind == "ReplicationController"))
    return false;
  return cluster_.kinds_with_affinity().empty() || !may_be_liked(cluster_.class_of(pod));
}

// What total() comes to when only the nodes' resources and images tell them apart; false when they
// do not.
bool Ranking::total_by_fullness(Demand& demand, std::span<const NodeId> feasible,
                                std::vector<std::int64_t>& totals) {
  NodeScores& of_nodes = node_scores(demand);
  if (of_nodes.prefers_nodes()) return false;
  constexpr std::int64_t kNoTaints = 3 * kMaxScore;
  for (std::size_t i = 0; i < feasible.size(); ++i) {
    const NodeScores::Raw& raw = of_nodes.of(cluster_, feasible[i]);
    if (raw.taints != 0) return false;
    totals[i] = kNoTaints + raw.fit + raw.balanced;
  }
  images_.add_scores(of_nodes.images, feasible, totals);
  return true;
}

void Ranking::total(const model::Pod& pod, std::span<const NodeId> feasible,
                    std::vector<std::int64_t>& totals) {
  totals.assign(feasible.size(), 0);
  images_.catch_up(cluster_);
  Demand& demand = filters_.demand(pod);
  if (likes_nothing(pod, demand) && total_by_fullness(demand, feasible, totals)) return;
  totals.assign(feasible.size(), 0);
  for (const PluginScores& scores : score(pod, feasible)) {
    if (scores.skipped) continue;
    for (std::size_t i = 0; i < totals.size(); ++i)
      totals[i] += scores.normalized[i] * scores.weight;
  }
}

}  // namespace gputide::scheduling
