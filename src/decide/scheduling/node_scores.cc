#include "decide/scheduling/node_scores.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "decide/scheduling/tolerations.h"
#include "model/pod_requests.h"
#include "state/deep.h"

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;

namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;
constexpr std::int64_t kMinImageBytes = 23 * kMegabyte;
constexpr std::int64_t kMaxContainerImageBytes = 1000 * kMegabyte;

Usage usage(const WeighedResource& wanted, const Cluster& cluster, NodeId node) {
  const state::ResourceId id = wanted.resource;
  if (id >= state::kFirstScalar && wanted.request == 0) return {};
  std::int64_t taken = cluster.requested(node)[id];
  if (id == state::kCpu) taken = cluster.node(node).scored_cpu;
  if (id == state::kMemory) taken = cluster.node(node).scored_memory;
  return {taken + wanted.request, cluster.allocatable(node)[id]};
}

std::int64_t along(std::span<const ShapePoint> shape, std::int64_t utilization) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (utilization > shape[i].utilization) continue;
    if (i == 0) return shape[0].score;
    const ShapePoint& a = shape[i - 1];
    const ShapePoint& b = shape[i];
    return a.score +
           (b.score - a.score) * (utilization - a.utilization) / (b.utilization - a.utilization);
  }
  return shape.back().score;
}

template <class Score>
std::int64_t weighted_mean(std::span<const WeighedResource> resources, const Cluster& cluster,
                           NodeId node, Score&& score) {
  std::int64_t sum = 0;
  std::int64_t weights = 0;
  for (const WeighedResource& each : resources) {
    const Usage used = usage(each, cluster, node);
    if (used.capacity == 0) continue;
    sum += score(used) * each.weight;
    weights += each.weight;
  }
  return weights == 0 ? 0 : sum / weights;
}

// An image without a tag is the one that is tagged latest.
std::string with_tag(const std::string& image) {
  const std::size_t colon = image.rfind(':');
  const std::size_t slash = image.rfind('/');
  const auto place = [](std::size_t at) {
    return at == std::string::npos ? -1 : static_cast<std::int64_t>(at);
  };
  return place(colon) <= place(slash) ? image + ":latest" : image;
}

}  // namespace

std::vector<WeighedResource> weigh(const model::PodSpec& spec,
                                   std::span<const std::pair<std::string, std::int64_t>> weights,
                                   Cluster& cluster) {
  static const model::ResourceList kMissing{
      {"cpu", Quantity::from_milli(100)},
      {"memory", Quantity::from_value(200 * kMegabyte, Quantity::Format::BinarySI)}};
  model::PodRequestOptions options;
  options.missing = &kMissing;
  const model::ResourceList requests = model::pod_requests(spec, options);
  std::vector<WeighedResource> out;
  for (const auto& [name, weight] : weights) {
    const state::ResourceId id = cluster.resource(name);
    const auto at = requests.find(name);
    out.push_back(
        {id, weight, at == requests.end() ? 0 : state::Resources::amount(id, at->second)});
  }
  return out;
}

std::int64_t least_allocated(std::span<const WeighedResource> resources, const Cluster& cluster,
                             NodeId node) {
  return weighted_mean(resources, cluster, node, [](const Usage& used) {
    if (used.requested > used.capacity) return std::int64_t{0};
    return (used.capacity - used.requested) * kMaxScore / used.capacity;
  });
}

std::int64_t most_allocated(std::span<const WeighedResource> resources, const Cluster& cluster,
                            NodeId node) {
  return weighted_mean(resources, cluster, node, [](const Usage& used) {
    return std::min(used.requested, used.capacity) * kMaxScore / used.capacity;
  });
}

std::int64_t requested_to_capacity_ratio(std::span<const WeighedResource> resources,
                                         std::span<const ShapePoint> shape, const Cluster& cluster,
                                         NodeId node) {
  std::int64_t sum = 0;
  std::int64_t weights = 0;
  for (const WeighedResource& each : resources) {
    const Usage used = usage(each, cluster, node);
    if (used.capacity == 0) continue;
    const bool over = used.requested > used.capacity;
    const std::int64_t score =
        along(shape, over ? kMaxScore : used.requested * kMaxScore / used.capacity);
    if (score <= 0) continue;
    sum += score * each.weight;
    weights += each.weight;
  }
  if (weights == 0) return 0;
  return static_cast<std::int64_t>(
      std::round(static_cast<double>(sum) / static_cast<double>(weights)));
}

std::int64_t balanced_allocation(const state::SpecInfo& spec, const Cluster& cluster, NodeId node) {
  double fractions[2];
  std::size_t count = 0;
  for (const state::ResourceId id : {state::kCpu, state::kMemory}) {
    const std::int64_t capacity = cluster.allocatable(node)[id];
    if (capacity == 0) continue;
    std::int64_t requested = cluster.requested(node)[id];
    for (const state::Amount& request : spec.requests)
      if (request.resource == id) requested += request.amount;
    fractions[count++] =
        std::min(static_cast<double>(requested) / static_cast<double>(capacity), 1.0);
  }
  const double deviation = count == 2 ? std::abs((fractions[0] - fractions[1]) / 2) : 0.0;
  return static_cast<std::int64_t>((1 - deviation) * static_cast<double>(kMaxScore));
}

void normalize(std::span<std::int64_t> scores, bool reverse) {
  std::int64_t most = 0;
  for (const std::int64_t score : scores) most = std::max(most, score);
  for (std::int64_t& score : scores) {
    if (most != 0) score = kMaxScore * score / most;
    if (reverse) score = most == 0 ? kMaxScore : kMaxScore - score;
  }
}

Images::Id Images::id_of(const std::string& name) {
  const auto [at, added] = ids_.try_emplace(name, static_cast<Id>(ids_.size()));
  if (added) nodes_with_.push_back(0);
  return at->second;
}

void Images::look(const Cluster& cluster, NodeId id) {
  OnNode& here = on_node_[static_cast<std::size_t>(id)];
  static const state::NodeRef kGone;
  const state::NodeRef& now = id < cluster.end() ? cluster.node(id).object : kGone;
  if (here.object == now) return;
  const bool same = here.object != nullptr && now != nullptr &&
                    state::deep_equal(here.object->status.images, now->status.images);
  here.object = now;
  if (same) return;
  for (const auto& [image, bytes] : here.bytes) --nodes_with_[image];
  std::map<Id, std::int64_t> all;  // of several with one name the last counts
  if (now != nullptr)
    for (const model::ContainerImage& image : *now->status.images)
      for (const std::string& name : image.names) all[id_of(name)] = image.sizeBytes;
  here.bytes.assign(all.begin(), all.end());
  for (const auto& [image, bytes] : here.bytes) ++nodes_with_[image];
}

void Images::catch_up(const Cluster& cluster) {
  if (sequence_ == cluster.sequence()) return;
  const auto changes = cluster.changes_since(sequence_);
  sequence_ = cluster.sequence();
  on_node_.resize(std::max(on_node_.size(), static_cast<std::size_t>(cluster.end())));
  const std::size_t known = on_node_.size();  // nodes beyond came and went unseen
  if (changes && changes->size() < known) {
    for (const NodeId id : *changes)
      if (static_cast<std::size_t>(id) < known) look(cluster, id);
  } else {
    for (std::size_t i = 0; i < known; ++i) look(cluster, static_cast<NodeId>(i));
  }
  nodes_ = cluster.node_count();
}

std::vector<Images::Id> Images::wanted(const model::PodSpec& spec) {
  std::vector<Id> ids;
  for (const auto* containers : {&spec.initContainers, &spec.containers})
    for (const model::Container& container : *containers)
      ids.push_back(id_of(with_tag(container.image)));
  return ids;
}

// Of the bytes of the wanted images, each weighed by the share of the nodes that have it.
std::int64_t Images::sum(const OnNode& here, std::span<const Id> wanted) const {
  std::int64_t sum = 0;
  for (const Id image : wanted) {
    const auto found = std::lower_bound(here.bytes.begin(), here.bytes.end(), image,
                                        [](const auto& known, Id id) { return known.first < id; });
    if (found == here.bytes.end() || found->first != image) continue;
    const double spread = static_cast<double>(nodes_with_[image]) / static_cast<double>(nodes_);
    sum += static_cast<std::int64_t>(static_cast<double>(found->second) * spread);
  }
  return sum;
}

void Images::add_scores(std::span<const Id> wanted, std::span<const NodeId> nodes,
                        std::span<std::int64_t> to) const {
  if (std::all_of(wanted.begin(), wanted.end(), [&](Id id) { return nodes_with_[id] == 0; }))
    return;
  const std::int64_t most = kMaxContainerImageBytes * static_cast<std::int64_t>(wanted.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const std::int64_t weighed = sum(on_node_[static_cast<std::size_t>(nodes[i])], wanted);
    if (weighed <= kMinImageBytes) continue;
    to[i] += kMaxScore * (std::min(weighed, most) - kMinImageBytes) / (most - kMinImageBytes);
  }
}

NodeScores::NodeScores(const state::SpecInfo& spec, Cluster& cluster) : spec_(spec) {
  static const std::pair<std::string, std::int64_t> kDefault[] = {{"cpu", 1}, {"memory", 1}};
  resources_ = weigh(*spec.spec, kDefault, cluster);
  const auto& affinity = spec.spec->affinity;
  if (!affinity || !affinity->nodeAffinity) return;
  const auto& terms = affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution;
  if (auto compiled = PreferredNodeAffinity::compile(terms)) preferred_ = std::move(*compiled);
  prefers_nodes_ = !terms.empty();
}

void NodeScores::catch_up(const Cluster& cluster) {
  if (sequence_ == cluster.sequence() && sequence_ != 0) return;
  const auto count = static_cast<std::size_t>(cluster.end());
  const auto changes = cluster.changes_since(sequence_);
  const bool all = sequence_ == 0 || !changes || changes->size() > count;
  sequence_ = cluster.sequence();
  if (all) {
    raw_.assign(count, {});
    return;
  }
  raw_.resize(count);
  for (const NodeId node : *changes)
    if (static_cast<std::size_t>(node) < count) raw_[static_cast<std::size_t>(node)].fit = -1;
}

NodeScores::Raw NodeScores::score(const Cluster& cluster, NodeId node) const {
  const model::Node& object = *cluster.node(node).object;
  Raw raw;
  raw.fit = static_cast<std::int32_t>(least_allocated(resources_, cluster, node));
  raw.balanced = static_cast<std::int32_t>(balanced_allocation(spec_, cluster, node));
  raw.taints = static_cast<std::int32_t>(
      intolerable_preferences(object.spec.taints, spec_.spec->tolerations));
  if (prefers_nodes_) raw.affinity = preferred_.score(object);
  return raw;
}

}  // namespace gputide::scheduling
