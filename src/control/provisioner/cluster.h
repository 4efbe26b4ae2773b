// The cluster as the provisioner sees it, kept up to date from watch events.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/conditions.h"
#include "model/workload.h"
#include "port/controller.h"
#include "state/objects.h"

namespace gputide::provisioner {

using PodRef = std::shared_ptr<const model::Pod>;
using NodeRef = std::shared_ptr<const model::Node>;
using PoolRef = std::shared_ptr<const model::NodePool>;
using ClassRef = std::shared_ptr<const model::EC2NodeClass>;
using OverlayRef = std::shared_ptr<const model::NodeOverlay>;
using ClaimRef = std::shared_ptr<const model::NodeClaim>;

/// For a node: the scheduler found none, and none is being cleared for it by preemption.
bool is_waiting(const model::Pod& pod);
/// Karpenter's annotation karpenter.sh/do-not-disrupt: nobody may empty the node of his own accord.
bool must_not_be_disrupted(const model::Node& node);
/// The same of a pod, for ever ("true") or as long after its start as the annotation says ("30m").
bool must_not_be_disrupted(const model::Pod& pod, Instant now);

/// What an event changed, as far as plans hang on it.
struct Impact {
  bool waiting = false;  // a pod waits that did not
  bool setup = false;    // what pools' nodes will be: pools, classes, plugins and their ConfigMaps
  bool storage = false;  // claims, volumes and their classes
  bool other = false;    // where pods are, and which nodes there are
};

class Cluster {
 public:
  Impact changed(const port::ObjectChanged& event);

  const std::map<std::string, NodeRef>& nodes() const { return nodes_; }
  const std::map<std::string, PodRef>& pods() const { return pods_; }  // by namespace/name
  const std::map<std::string, PoolRef>& pools() const { return pools_; }
  const std::map<std::string, ClassRef>& classes() const { return classes_; }
  const std::map<std::string, OverlayRef>& overlays() const { return overlays_; }
  const model::EC2NodeClass* node_class(const std::string& name) const;
  /// nullptr: there is none.
  ClassRef class_ref(const std::string& name) const;
  const std::vector<std::shared_ptr<const model::DaemonSet>>& daemon_sets() const {
    return daemon_sets_;
  }
  const model::ConfigMap* config_map(std::string_view name_space, std::string_view name) const;
  const std::map<std::string, model::StringMap>& namespaces() const { return namespaces_; }

  const state::Storage& storage() const { return storage_; }

  PodRef pod(const port::ObjectRef& ref) const;
  NodeRef node(const std::string& name) const;
  /// By spec.providerID; nullptr when it has not registered.
  NodeRef node_of(const std::string& provider_id) const;
  /// Bound to the node and not finished, in order of namespace/name.
  std::vector<PodRef> pods_on(const std::string& node) const;
  /// Of those: none would have to move. And none is to come for whom the scheduler made room.
  bool is_empty(const std::string& node) const;
  /// When the last of the node's pods loses the protection that it has for a time; nullopt: there
  /// is none. Protection for ever does not count.
  std::optional<Instant> protected_until(const std::string& node) const;
  /// Some PodDisruptionBudget lets no pod like this go now.
  bool is_blocked(const model::Pod& pod) const;
  /// Who drains its node waits for the pod to end: it must not be disrupted now, or some
  /// PodDisruptionBudget never lets any go.
  bool stays(const model::Pod& pod, Instant now) const;

 private:
  Impact pod_changed(port::Change change, const PodRef& pod);
  Impact node_changed(port::Change change, const NodeRef& node);
  Impact daemon_set_changed(port::Change change,
                            const std::shared_ptr<const model::DaemonSet>& set);
  void take_off(const std::string& key, const model::Pod& pod);
  template <class Is>
  bool any_budget(const model::Pod& pod, const Is& is) const;
  void unprotect(const std::string& node, const std::string& pod);

  std::map<std::string, NodeRef> nodes_;
  std::map<std::string, std::string> node_of_provider_;
  std::map<std::string, PodRef> pods_;
  struct OnNode {
    std::map<std::string, PodRef> pods;  // by namespace/name
    std::size_t movable = 0;             // of them: those that do not belong to the node
  };
  std::map<std::string, OnNode> on_node_;
  std::map<std::string, std::string> promised_;  // waiting pod -> the node where others made room
  // Pods that are protected for a time, by node, with its end.
  std::map<std::string, std::map<std::string, Instant>> protected_;
  std::map<std::string, PoolRef> pools_;
  std::map<std::string, ClassRef> classes_;
  std::map<std::string, OverlayRef> overlays_;
  std::vector<std::shared_ptr<const model::DaemonSet>> daemon_sets_;  // by namespace/name
  std::map<std::string, std::shared_ptr<const model::ConfigMap>> config_maps_;
  std::map<std::string, std::shared_ptr<const model::PodDisruptionBudget>> budgets_;
  std::map<std::string, model::StringMap> namespaces_{{"default", {}}};
  state::Storage storage_;
};

}  // namespace gputide::provisioner
