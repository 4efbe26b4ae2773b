#include "decide/scheduling/filters.h"

#include <algorithm>

namespace gputide::scheduling {

using state::NodeId;

namespace {

// Demands that are kept; the least used go.
constexpr std::size_t kMaxDemands = 2048;
// The class of demands to which it is all the same what pods are labelled.
constexpr state::ClassId kAnyClass = UINT32_MAX;

}  // namespace

Demand::Demand(Filters& filters, state::SpecId spec, state::ClassId pod_class)
    : filters_(filters),
      cluster_(filters.cluster_),
      spec_(spec),
      class_(pod_class),
      info_(cluster_.kinds().spec(spec)),
      fit_(filters.node_fit(spec)) {
  if (pod_class == kAnyClass) return;
  auto spread = std::make_unique<TopologySpread>(*info_.spec, cluster_.kinds().pod_class(pod_class),
                                                 cluster_);
  if (!spread->empty()) spread_ = std::move(spread);
  if (has_claims(*info_.spec))
    volumes_ = std::make_unique<Volumes>(info_.spec, cluster_.kinds().pod_class(class_).namespace_);
  if (info_.any_pod_affinity)
    affinity_ =
        std::make_unique<PodAffinity>(filters_.terms_.of(cluster_, spec, pod_class), class_);
}

void Demand::update(NodeId node) {
  if (spread_) spread_->update(cluster_, fit_->rules(), node);
  if (affinity_) affinity_->update(cluster_, filters_.terms_, node);
}

void Demand::catch_up() {
  fit_->catch_up(cluster_);
  if (!affinity_ && class_ != kAnyClass && cluster_.pods_with_anti_affinity() > 0) {
    affinity_ = std::make_unique<PodAffinity>(filters_.terms_.of(cluster_, spec_, class_), class_);
    sequence_ = 0;
  }
  if (!spread_ && !affinity_) return;
  const std::uint64_t version = cluster_.objects().namespaces.version();
  if (sequence_ == cluster_.sequence() && sequence_ != 0 && objects_version_ == version) return;
  const auto changes = cluster_.changes_since(sequence_);
  const bool all = sequence_ == 0 || objects_version_ != version || !changes ||
                   changes->size() > static_cast<std::size_t>(cluster_.end());
  sequence_ = cluster_.sequence();
  objects_version_ = version;
  if (all) {
    if (spread_) spread_->clear();
    if (affinity_) affinity_->clear();
    for (NodeId node = 0; node < cluster_.end(); ++node) update(node);
  } else {
    for (const NodeId node : *changes) {
      if (node < cluster_.end())
        update(node);
      else
        forget(node);
    }
  }
}

void Demand::forget(NodeId node) {
  if (spread_) spread_->forget(node);
  if (affinity_) affinity_->forget(node);
}

Status Demand::pre_filter() const {
  const auto& names = node_names();
  if (names && names->empty())
    return {Code::UnschedulableAndUnresolvable, kNodeAffinity, {"pod affinity terms conflict"}};
  if (checks_volumes())
    if (Status status = volumes_->pre_filter(cluster_); !status.ok()) return status;
  if (affinity_ && !affinity_->error().empty())
    return {Code::UnschedulableAndUnresolvable, kInterPodAffinity, {affinity_->error()}};
  return {};
}

bool Demand::fits_beyond(NodeId node) const {
  return (!checks_volumes() || volumes_->check(cluster_, node).ok()) &&
         (!spread_ || spread_->check(cluster_, node) == nullptr) &&
         (!affinity_ || affinity_->check(cluster_, node) == nullptr);
}

bool Demand::fits(NodeId node) {
  return fit_->fits(cluster_, node) && fits_beyond(node);
}

Status Demand::check(NodeId node) {
  if (Status status = fit_->status(cluster_, node); !status.ok()) return status;
  if (checks_volumes())
    if (Status status = volumes_->check(cluster_, node); !status.ok()) return status;
  if (spread_)
    if (const Status* status = spread_->check(cluster_, node)) return *status;
  if (affinity_)
    if (const Status* status = affinity_->check(cluster_, node)) return *status;
  return {};
}

NodeId Demand::next(NodeId from, NodeId to, const state::NodeSet* among) {
  for (;;) {
    const NodeId node = fit_->next(cluster_, from, to, among);
    if (node == state::kNoNode || fits_beyond(node)) return node;
    from = node + 1;
  }
}

void Demand::find(NodeId from, NodeId to, std::size_t enough, std::vector<NodeId>& out) {
  if (looks_beyond_node())
    fit_->find(cluster_, from, to, enough, out, [&](NodeId node) { return fits_beyond(node); });
  else
    fit_->find(cluster_, from, to, enough, out, [](NodeId) { return true; });
}

Status check_node_name(const model::Pod& pod, const model::Node& node) {
  if (pod.spec->nodeName.empty() || pod.spec->nodeName == node.metadata.name) return {};
  return {Code::UnschedulableAndUnresolvable,
          kNodeName,
          {"node(s) didn't match the requested node name"}};
}

Status check(Demand& demand, const model::Pod& pod, const state::Cluster& cluster, NodeId node) {
  Status named = check_node_name(pod, *cluster.node(node).object);
  Status status = demand.check(node);
  return named.ok() || status.plugin == kNodeUnschedulable ? std::move(status) : std::move(named);
}

std::shared_ptr<NodeFit> Filters::node_fit(state::SpecId spec) {
  std::weak_ptr<NodeFit>& kept = fits_[spec];
  if (auto known = kept.lock()) return known;
  const state::SpecInfo& info = cluster_.kinds().spec(spec);
  auto& alike = rules_[NodeRules::hash(*info.spec)];
  std::shared_ptr<NodeRules> rules;
  for (const auto& [other, held] : alike)
    if (NodeRules::same(*cluster_.kinds().spec(other).spec, *info.spec))
      if (rules = held.lock(); rules != nullptr) break;
  if (rules == nullptr) {
    rules = std::make_shared<NodeRules>(info.spec);
    std::erase_if(alike, [](const auto& entry) { return entry.second.expired(); });
    alike.emplace_back(spec, rules);
  }
  auto made = std::make_shared<NodeFit>(info, std::move(rules));
  kept = made;
  return made;
}

void Filters::drop_old() {
  std::vector<std::uint64_t> uses;
  for (const auto& entry : demands_) uses.push_back(entry.second->used_);
  const auto middle = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 2);
  std::nth_element(uses.begin(), middle, uses.end());
  const std::uint64_t limit = *middle;
  boost::unordered::erase_if(demands_, [&](const auto& e) { return e.second->used_ < limit; });
  boost::unordered::erase_if(fits_, [](const auto& entry) { return entry.second.expired(); });
}

bool Filters::is_told_by_class(const state::SpecInfo& info) const {
  return info.any_pod_affinity || info.claims || info.spreads ||
         cluster_.pods_with_anti_affinity() > 0;
}

Demand& Filters::demand(state::SpecId spec, state::ClassId pod_class) {
  if (!is_told_by_class(cluster_.kinds().spec(spec))) pod_class = kAnyClass;
  const std::uint64_t key = static_cast<std::uint64_t>(spec) << 32 | pod_class;
  if (last_ == nullptr || last_->key() != key) {
    auto at = demands_.find(key);
    if (at == demands_.end()) {
      if (demands_.size() >= kMaxDemands) drop_old();
      at = demands_.emplace(key, std::unique_ptr<Demand>(new Demand(*this, spec, pod_class))).first;
    }
    last_ = at->second.get();
  }
  last_->used_ = ++uses_;
  last_->catch_up();
  return *last_;
}

Demand& Filters::demand(const model::Pod& pod) {
  const state::SpecId spec = cluster_.spec_of(pod);
  const bool by_class = is_told_by_class(cluster_.kinds().spec(spec));
  return demand(spec, by_class ? cluster_.class_of(pod) : kAnyClass);
}

}  // namespace gputide::scheduling
