// The cluster as a scheduler sees it: nodes, the pods on them, and sums kept up to date as both
// change. Forks cost what is changed in them, so that "what if" is cheap.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/node.h"
#include "model/pod.h"
#include "state/objects.h"
#include "state/pod_kinds.h"
#include "state/text_hash.h"

namespace gputide::state {

using NodeRef = std::shared_ptr<const model::Node>;
using PodRef = std::shared_ptr<const model::Pod>;

using NodeId = std::int32_t;
inline constexpr NodeId kNoNode = -1;

/// A value of a topology key, numbered per key.
using DomainId = std::int32_t;
inline constexpr DomainId kNoDomain = -1;
using TopologyId = std::uint32_t;

struct NodeState {
  NodeRef object;  // nullptr: no node has this id now
  /// In the order in which they came.
  std::vector<PodRef> pods;
  std::vector<PodEntry> entries;  // of the pods
  bool unschedulable = false;     // the object's
  std::int64_t allowed_pods = 0;
  std::int64_t scored_cpu = 0;  // sums of SpecInfo's
  std::int64_t scored_memory = 0;
  std::uint32_t with_anti_affinity = 0;  // pods with required anti-affinity
  std::uint32_t with_any_affinity = 0;
  /// Host ports that are taken. A set, as upstream keeps it: of two pods with one port, the first
  /// to go frees it.
  std::vector<HostPort> ports;
  /// Different for each node object that was ever here.
  std::uint32_t object_version = 0;
};

class Cluster {
 public:
  /// What becomes of the ids of nodes that are gone. Where they are used again, ids stay small
  /// however many nodes come and go; where they are not, they grow in the order of addition.
  enum class Ids { UsedAgain, Growing };

  explicit Cluster(Ids ids = Ids::Growing);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  NodeId add_node(NodeRef node);
  /// Replaces the object; its pods stay.
  void update_node(NodeId id, NodeRef node);
  /// Its pods go with it.
  void remove_node(NodeId id);
  void add_pod(const PodRef& pod, NodeId node) { add_pod(pod, entry_of(*pod), node); }
  /// `entry` is entry_of(*pod).
  void add_pod(const PodRef& pod, const PodEntry& entry, NodeId node);
  /// Several, in order: one change.
  void add_pods(std::span<const PodRef> pods, NodeId node) { add_pods(pods, {}, node); }
  /// `entries`: entry_of each of them, or none.
  void add_pods(std::span<const PodRef> pods, std::span<const PodEntry> entries, NodeId node);
  /// Removes this very object, which must be there.
  void remove_pod(const PodRef& pod, NodeId node);
  /// Several, given in the order in which they are on the node: one change.
  void remove_pods(std::span<const PodRef> pods, NodeId node);
  /// Puts `now` in the place of `before`, which must be there. `same_spec`: it is known that their
  /// specs read the same to a scheduler.
  void replace_pod(const PodRef& before, PodRef now, NodeId node, bool same_spec = false);

  /// kNoNode when there is none of that name.
  NodeId find(std::string_view name) const;
  const NodeState& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  bool exists(NodeId id) const { return node(id).object != nullptr; }
  /// One more than the largest id so far.
  NodeId end() const { return static_cast<NodeId>(nodes_.size()); }
  std::int32_t node_count() const { return node_count_; }
  std::int32_t pods_with_anti_affinity() const { return with_anti_affinity_; }
  /// The kinds of the pods on nodes that have (anti-)affinity to pods, and how many there are of
  /// each.
  using Kinds = std::map<std::pair<SpecId, ClassId>, std::int64_t>;
  const Kinds& kinds_with_affinity() const { return with_affinity_; }
  /// Of the pods on nodes; the largest int32 when there are none.
  std::int32_t lowest_priority() const {
    return priorities_.empty() ? INT32_MAX : priorities_.front().first;
  }

  /// By resource, resources().count() of them; valid until a node comes or a resource is first
  /// seen.
  const std::int64_t* allocatable(NodeId id) const { return allocatable_.data() + row(id); }
  const std::int64_t* requested(NodeId id) const { return requested_.data() + row(id); }

  /// Changes after fork() are undone by revert(), or kept by commit(). Forks nest. `objects()` and
  /// numbers that were given out are not undone.
  void fork();
  void revert();
  void commit();

  /// Ids of the nodes that changed, or whose pods did, since `sequence` was the value of
  /// sequence(); nullopt: too long ago to tell. An id may come several times.
  std::uint64_t sequence() const { return first_change_ + changes_.size(); }
  std::optional<std::span<const NodeId>> changes_since(std::uint64_t sequence) const;

  /// Numbers a topology key on first use.
  TopologyId topology(std::string_view key);
  DomainId domain(TopologyId topology, NodeId node) const {
    return topologies_[topology].by_node[static_cast<std::size_t>(node)];
  }
  /// The domain of a value, which is numbered on first use.
  DomainId domain_of_value(TopologyId topology, std::string_view value);
  std::size_t domain_count(TopologyId topology) const {
    return topologies_[topology].values.size();
  }

  Objects& objects() { return objects_; }
  const Objects& objects() const { return objects_; }
  const Resources& resources() const { return resources_; }
  const PodKinds& kinds() const { return kinds_; }
  /// Numbers are given out here, so that the sums have a place for every resource.
  SpecId spec_of(const model::Pod& pod);
  PodEntry entry_of(const model::Pod& pod);
  ClassId class_of(const model::Pod& pod) { return kinds_.class_of(pod); }
  ResourceId resource(std::string_view name);

 private:
  /// What a node was before a change.
  struct Before {
    NodeRef object;
    std::vector<PodRef> pods;
    std::vector<PodEntry> entries;
    std::vector<HostPort> ports;
  };
  struct Undo {
    enum class Kind : std::uint8_t {
      AddNode,
      UpdateNode,
      RemoveNode,
      AddPods,
      RemovePod,
      RemovePods
    } kind;
    NodeId node = kNoNode;
    std::uint32_t place = 0;
    PodEntry entry;
    PodRef pod;
    std::unique_ptr<Before> before;  // only where more is to be restored than that pod
  };
  /// What a node has to allocate, read from its object.
  struct Amounts {
    NodeRef of;
    std::int64_t pods = 0;
    std::vector<Amount> list;
  };
  struct Topology {
    explicit Topology(std::string_view k) : key(k) {}
    std::string key;
    Names values;
    std::vector<DomainId> by_node;
  };

  std::size_t row(NodeId id) const { return static_cast<std::size_t>(id) * stride_; }
  NodeState& at(NodeId id) { return nodes_[static_cast<std::size_t>(id)]; }
  void widen();
  void set_object(NodeId id, NodeRef object);
  void set_amounts(NodeId id);
  void read_amounts(const NodeRef& node);
  void place_domains(NodeId id);
  void count(NodeId id, std::span<const PodEntry> entries, std::int64_t sign);
  void count_all(NodeId id, std::span<const PodEntry> entries, std::int64_t sign);
  void count_kind(const PodEntry& entry, std::int64_t step);
  void count_priority(std::int32_t priority, std::int64_t times);
  std::size_t place_of(const PodRef& pod, NodeId id) const;
  void undo(Undo& entry);
  void prefetch_last_pod(NodeId id) const;
  void record(Undo undo);
  void take_ports(NodeId id, const PodEntry& entry);
  void free_ports(NodeId id, const PodEntry& entry);
  std::unique_ptr<Before> object_before(NodeId id) const;
  std::unique_ptr<Before> ports_before(NodeId id, std::span<const PodEntry> entries) const;
  void touch(NodeId id);

  const Ids ids_;
  Resources resources_;
  PodKinds kinds_{resources_};
  Objects objects_;
  std::vector<NodeState> nodes_;
  std::size_t stride_ = 8;
  Amounts amounts_;
  std::vector<std::int64_t> allocatable_;
  std::vector<std::int64_t> requested_;
  TextMap<NodeId> by_name_;
  std::vector<NodeId> free_ids_;
  std::int32_t node_count_ = 0;
  std::int32_t with_anti_affinity_ = 0;
  Kinds with_affinity_;
  std::uint32_t object_versions_ = 0;
  std::vector<std::pair<std::int32_t, std::int64_t>> priorities_;  // ascending, and how many pods

  std::deque<Topology> topologies_;
  TextMap<TopologyId> topology_ids_;

  std::vector<Undo> log_;
  std::vector<std::size_t> forks_;
  std::vector<NodeId> changes_;
  std::uint64_t first_change_ = 0;
};

}  // namespace gputide::state
