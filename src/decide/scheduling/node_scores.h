// Scores that look at one node alone: how full it is, which images it has, which taints and labels
// the pod would rather do without or have. Semantics: kube-scheduler 1.31 (NodeResourcesFit,
// NodeResourcesBalancedAllocation, ImageLocality, TaintToleration, NodeAffinity).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "decide/scheduling/node_affinity.h"
#include "state/cluster.h"
#include "state/text_hash.h"

namespace gputide::scheduling {

inline constexpr std::int64_t kMaxScore = 100;

/// What a pod would take of a node's resources once it runs there, and what there is.
struct Usage {
  std::int64_t requested = 0;
  std::int64_t capacity = 0;  // 0: the resource does not count
};

/// A resource that NodeResourcesFit weighs, and what a pod requests of it.
struct WeighedResource {
  state::ResourceId resource = 0;
  std::int64_t weight = 1;
  std::int64_t request = 0;
};
/// With defaults for containers that request no CPU or memory.
std::vector<WeighedResource> weigh(const model::PodSpec& spec,
                                   std::span<const std::pair<std::string, std::int64_t>> weights,
                                   state::Cluster& cluster);

/// A point of RequestedToCapacityRatio's shape; scores are 0..100 here.
struct ShapePoint {
  std::int64_t utilization = 0;
  std::int64_t score = 0;
};

std::int64_t least_allocated(std::span<const WeighedResource> resources,
                             const state::Cluster& cluster, state::NodeId node);
std::int64_t most_allocated(std::span<const WeighedResource> resources,
                            const state::Cluster& cluster, state::NodeId node);
std::int64_t requested_to_capacity_ratio(std::span<const WeighedResource> resources,
                                         std::span<const ShapePoint> shape,
                                         const state::Cluster& cluster, state::NodeId node);
/// How far CPU and memory would be used alike.
std::int64_t balanced_allocation(const state::SpecInfo& spec, const state::Cluster& cluster,
                                 state::NodeId node);

/// Scales scores so that the largest becomes 100; `reverse`: the largest becomes 0.
void normalize(std::span<std::int64_t> scores, bool reverse);

/// The images of all nodes: how many nodes have each, and how large each is there.
class Images {
 public:
  using Id = std::uint32_t;
  void catch_up(const state::Cluster& cluster);
  /// The images of a pod's containers, one each.
  std::vector<Id> wanted(const model::PodSpec& spec);
  /// Adds ImageLocality's scores of a pod that wants these: 0 where a node has none of them.
  void add_scores(std::span<const Id> wanted, std::span<const state::NodeId> nodes,
                  std::span<std::int64_t> to) const;

 private:
  struct OnNode {
    state::NodeRef object;
    std::vector<std::pair<Id, std::int64_t>> bytes;  // by id
  };
  std::int64_t sum(const OnNode& here, std::span<const Id> wanted) const;
  Id id_of(const std::string& name);
  void look(const state::Cluster& cluster, state::NodeId id);

  state::TextMap<Id> ids_;
  std::vector<std::int32_t> nodes_with_;  // by id
  std::vector<OnNode> on_node_;           // by node
  std::uint64_t sequence_ = 0;
  std::int32_t nodes_ = 0;
};

/// These scores for one spec and every node, before they are normalized.
class NodeScores {
 public:
  NodeScores(const state::SpecInfo& spec, state::Cluster& cluster);

  struct Raw {
    std::int32_t fit = -1;  // -1: not known
    std::int32_t balanced = 0;
    std::int32_t taints = 0;
    std::int64_t affinity = 0;
  };
  void catch_up(const state::Cluster& cluster);
  const Raw& of(const state::Cluster& cluster, state::NodeId node) {
    Raw& known = raw_[static_cast<std::size_t>(node)];
    if (known.fit < 0) known = score(cluster, node);
    return known;
  }
  /// Whether NodeAffinity takes part.
  bool prefers_nodes() const { return prefers_nodes_; }
  std::vector<Images::Id> images;  // of the spec's containers

 private:
  Raw score(const state::Cluster& cluster, state::NodeId node) const;

  const state::SpecInfo& spec_;
  std::vector<WeighedResource> resources_;
  PreferredNodeAffinity preferred_;
  bool prefers_nodes_ = false;
  std::uint64_t sequence_ = 0;
  std::vector<Raw> raw_;
};

}  // namespace gputide::scheduling
