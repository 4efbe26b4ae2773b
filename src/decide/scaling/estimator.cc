#include "decide/scaling/estimator.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/go_sort.h"
#include "decide/scaling/pods.h"

namespace gputide::scaling {
namespace {

const char* const kHostname = "kubernetes.io/hostname";

// The share that a pod's containers ask of a resource of the node, 0 when the node has none.
double share(const model::Pod& pod, const model::Node& node, const char* resource, bool in_milli) {
  const auto offered = node.status.allocatable.find(resource);
  if (offered == node.status.allocatable.end()) return 0;
  Quantity sum;
  for (const model::Container& container : pod.spec->containers) {
    const auto at = container.resources.requests.find(resource);
    if (at != container.resources.requests.end()) sum.add(at->second);
  }
  const std::int64_t whole = in_milli ? offered->second.milli_value() : offered->second.value();
  if (whole <= 0) return 0;
  const std::int64_t part = in_milli ? sum.milli_value() : sum.value();
  return static_cast<double>(part) / static_cast<double>(whole);
}

double score(const model::Pod& pod, const model::Node& node, const Semantics& semantics) {
  double sum = share(pod, node, "cpu", true) + share(pod, node, "memory", false);
  if (!semantics.gpu_in_pod_order) return sum;
  for (const auto& [name, amount] : node.status.allocatable)
    if (is_gpu_resource(name, semantics)) sum += share(pod, node, name.c_str(), false);
  return sum;
}

std::vector<const PodGroup*> largest_first(std::span<const PodGroup* const> groups,
                                           const model::Node& node, const Semantics& semantics) {
  std::vector<std::pair<double, const PodGroup*>> scored;
  scored.reserve(groups.size());
  for (const PodGroup* group : groups)
    scored.emplace_back(score(*group->pods.front(), node, semantics), group);
  GoSorter([&](std::size_t i, std::size_t j) { return scored[i].first > scored[j].first; },
           [&](std::size_t i, std::size_t j) { std::swap(scored[i], scored[j]); })
      .sort(scored.size());
  std::vector<const PodGroup*> ordered;
  ordered.reserve(scored.size());
  for (const auto& [value, group] : scored) ordered.push_back(group);
  return ordered;
}

// One estimate under way. The nodes it adds have ids from `first_` on.
class Packing {
 public:
  Packing(TemplateCopies& node, std::int64_t max_nodes, const Semantics& semantics,
          Simulation& simulation)
      : template_(node),
        max_nodes_(max_nodes),
        semantics_(semantics),
        simulation_(simulation),
        first_(simulation.end()) {}

  void place(const PodGroup& group) {
    std::size_t next = 0;
    while (next < group.pods.size() && place_on_added(group.pods[next])) ++next;
    while (next < group.pods.size() && place_on_last_or_new(group.pods[next])) ++next;
  }
  Estimate take() { return std::move(result_); }

 private:
  bool place_on_added(const PodRef& pod) {
    if (last_ == kNoNode) return false;
    const NodeId node = simulation_.first_fit(pod, {.first = first_});
    if (node != kNoNode) put(pod, node);
    return node != kNoNode;
  }

  // False: the rest of the group is given up.
  bool place_on_last_or_new(const PodRef& pod) {
    if (last_ != kNoNode) {
      const std::optional<Rejection> rejection = simulation_.check(pod, last_);
      if (!rejection) {
        put(pod, last_);
        return true;
      }
      if (semantics_.hostname_second_try && rejection->by_host && place_on_added(pod)) return true;
      if (!used_[index(last_)]) return false;
    }
    if (static_cast<std::int64_t>(used_.size()) >= max_nodes_) return false;
    last_ = simulation_.add_node(template_.thought_of(used_.size()), template_.node().pods,
                                 template_.entries(simulation_));
    used_.push_back(false);
    if (simulation_.check(pod, last_)) return false;
    put(pod, last_);
    return true;
  }

  void put(const PodRef& pod, NodeId node) {
    simulation_.add_pod(pod, node);
    result_.pods.push_back(pod);
    if (!used_[index(node)]) ++result_.nodes;
    used_[index(node)] = true;
  }
  std::size_t index(NodeId node) const { return static_cast<std::size_t>(node - first_); }

  TemplateCopies& template_;
  const std::int64_t max_nodes_;
  const Semantics& semantics_;
  Simulation& simulation_;
  const NodeId first_;
  NodeId last_ = kNoNode;
  std::vector<bool> used_;
  Estimate result_;
};

TemplateCopies copies_of(const NodeTemplate& node) {
  TemplateCopies copies;
  copies.use(std::make_shared<const NodeTemplate>(node));
  return copies;
}

}  // namespace

bool TemplateCopies::use(const std::shared_ptr<const NodeTemplate>& node) {
  if (of_ == node) return true;
  *this = {};
  of_ = node;
  return false;
}

const NodeRef& TemplateCopies::itself() {
  if (itself_ == nullptr) {
    const model::ObjectMeta& meta = of_->node.metadata;
    const auto host = meta.labels.find(kHostname);
    const bool named =
        host != meta.labels.end() && host->second == meta.name && meta.uid == meta.name;
    itself_ = named ? NodeRef(of_, &of_->node) : copy_of(*of_, meta.name);
  }
  return itself_;
}

const NodeRef& TemplateCopies::upcoming(std::size_t number) {
  while (upcoming_.size() <= number)
    upcoming_.push_back(
        copy_of(*of_, of_->node.metadata.name + "-upcoming-" + std::to_string(upcoming_.size())));
  return upcoming_[number];
}

NodeRef TemplateCopies::thought_of(std::size_t number) {
  constexpr std::size_t kKept = 16;
  if (number < thought_of_.size()) return thought_of_[number];
  NodeRef made = copy_of(*of_, "e-" + of_->node.metadata.name + "-" + std::to_string(number));
  if (number == thought_of_.size() && number < kKept) thought_of_.push_back(made);
  return made;
}

std::span<const state::PodEntry> TemplateCopies::entries(Simulation& simulation) {
  if (entries_.empty())
    for (const PodRef& pod : of_->pods) entries_.push_back(simulation.entry_of(*pod));
  return entries_;
}

NodeRef copy_of(const NodeTemplate& node, std::string name) {
  auto copy = std::make_shared<model::Node>(node.node);
  copy->metadata.labels[kHostname] = name;
  copy->metadata.uid = name;
  copy->metadata.name = std::move(name);
  return copy;
}

std::int64_t node_limit(const EstimateLimits& limits) {
  std::int64_t limit = limits.group_room;
  if (limits.max_nodes_per_scale_up > 0) limit = std::min(limit, limits.max_nodes_per_scale_up);
  if (limits.cluster_max > 0) limit = std::min(limit, limits.cluster_max - limits.cluster_nodes);
  return std::max<std::int64_t>(limit, 0);
}

std::vector<std::optional<Rejection>> try_on_template(std::span<const PodGroup> groups,
                                                      TemplateCopies& node,
                                                      Simulation& simulation) {
  std::vector<std::optional<Rejection>> verdicts;
  verdicts.reserve(groups.size());
  simulation.fork();
  const NodeId id = simulation.add_node(node.itself(), node.node().pods, node.entries(simulation));
  boost::unordered_flat_map<PodShapes::Id, std::size_t> first_of_shape;
  for (const PodGroup& group : groups) {
    const auto [first, added] = first_of_shape.emplace(group.shape, verdicts.size());
    verdicts.push_back(added ? simulation.check(group.pods.front(), id) : verdicts[first->second]);
  }
  simulation.revert();
  return verdicts;
}

std::vector<std::optional<Rejection>> try_on_template(std::span<const PodGroup> groups,
                                                      const NodeTemplate& node,
                                                      Simulation& simulation) {
  TemplateCopies copies = copies_of(node);
  return try_on_template(groups, copies, simulation);
}

Estimate estimate(std::span<const PodGroup* const> groups, TemplateCopies& node,
                  std::int64_t max_nodes, const Semantics& semantics, Simulation& simulation) {
  simulation.fork();
  Packing packing(node, max_nodes, semantics, simulation);
  for (const PodGroup* group : largest_first(groups, node.node().node, semantics))
    packing.place(*group);
  simulation.revert();
  return packing.take();
}

Estimate estimate(std::span<const PodGroup* const> groups, const NodeTemplate& node,
                  std::int64_t max_nodes, const Semantics& semantics, Simulation& simulation) {
  TemplateCopies copies = copies_of(node);
  return estimate(groups, copies, max_nodes, semantics, simulation);
}

}  // namespace gputide::scaling
