// All filters of kube-scheduler's default profile, for any pod and node of one cluster. What was
// worked out is kept and caught up as the cluster changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scheduling/node_fit.h"
#include "decide/scheduling/pod_affinity.h"
#include "decide/scheduling/status.h"
#include "decide/scheduling/topology_spread.h"
#include "decide/scheduling/volumes.h"
#include "state/cluster.h"

namespace gputide::scheduling {

class Filters;

/// What pods of one spec and class ask of nodes, compiled against a cluster. The node name in a
/// pod's spec is no part of it: see check_node_name.
class Demand {
 public:
  state::SpecId spec() const { return spec_; }
  state::ClassId pod_class() const { return class_; }
  const state::SpecInfo& info() const { return info_; }
  /// Equal for pods that are treated alike in the cluster as it is.
  std::uint64_t key() const { return static_cast<std::uint64_t>(spec_) << 32 | class_; }

  /// Why no node can take the pod whatever they are; ok otherwise.
  Status pre_filter() const;
  /// The nodes that the search is narrowed to, by name; nullopt: all.
  const std::optional<std::set<std::string>>& node_names() const {
    return fit_->rules().node_names();
  }
  bool fits(state::NodeId node);
  /// The first filter that rejects the pod on the node, in the default order.
  Status check(state::NodeId node);
  /// The first node of [from, to), and of `among` where that is given, that takes the pod; kNoNode
  /// when there is none.
  state::NodeId next(state::NodeId from, state::NodeId to, const state::NodeSet* among = nullptr);
  /// Appends the nodes of [from, to) that take the pod, in order, until `out` has `enough`.
  void find(state::NodeId from, state::NodeId to, std::size_t enough,
            std::vector<state::NodeId>& out);

  NodeFit& node_fit() { return *fit_; }
  /// What a node's verdict cannot be told from the node alone.
  bool looks_beyond_node() const {
    return volumes_ != nullptr || spread_ != nullptr || affinity_ != nullptr;
  }

 private:
  friend class Filters;
  Demand(Filters& filters, state::SpecId spec, state::ClassId pod_class);
  void catch_up();
  void update(state::NodeId node);
  void forget(state::NodeId node);
  bool fits_beyond(state::NodeId node) const;
  bool checks_volumes() const { return volumes_ != nullptr && cluster_.objects().knows_storage; }

  Filters& filters_;
  state::Cluster& cluster_;
  const state::SpecId spec_;
  const state::ClassId class_;
  const state::SpecInfo& info_;
  std::shared_ptr<NodeFit> fit_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<TopologySpread> spread_;
  std::unique_ptr<PodAffinity> affinity_;
  std::uint64_t sequence_ = 0;
  std::uint64_t objects_version_ = 0;
  std::uint64_t used_ = 0;
};

/// NodeName's answer: whether the pod asks for another node by name. It comes after
/// NodeUnschedulable and before all others.
Status check_node_name(const model::Pod& pod, const model::Node& node);

/// The whole of what the filters say of a pod and a node.
Status check(Demand& demand, const model::Pod& pod, const state::Cluster& cluster,
             state::NodeId node);

class Filters {
 public:
  /// The cluster must outlive this.
  explicit Filters(state::Cluster& cluster) : cluster_(cluster) {}
  Filters(const Filters&) = delete;
  Filters& operator=(const Filters&) = delete;

  /// Current, and valid until the cluster changes or another demand is asked for.
  Demand& demand(const model::Pod& pod);
  Demand& demand(state::SpecId spec, state::ClassId pod_class);

  state::Cluster& cluster() { return cluster_; }
  AffinityTermCache& terms() { return terms_; }

 private:
  friend class Demand;
  std::shared_ptr<NodeFit> node_fit(state::SpecId spec);
  bool is_told_by_class(const state::SpecInfo& info) const;
  void drop_old();

  state::Cluster& cluster_;
  AffinityTermCache terms_;
  boost::unordered_flat_map<std::uint64_t,
                            std::vector<std::pair<state::SpecId, std::weak_ptr<NodeRules>>>>
      rules_;
  boost::unordered_flat_map<state::SpecId, std::weak_ptr<NodeFit>> fits_;
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<Demand>> demands_;
  Demand* last_ = nullptr;  // that was asked for: pods of one kind come in a row
  std::uint64_t uses_ = 0;
};

}  // namespace gputide::scheduling
