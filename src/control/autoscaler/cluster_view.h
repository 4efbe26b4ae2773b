// The cluster as the autoscaler sees it, kept up to date from watch events. Nodes and pods that did
// not change in a way that matters keep their addresses.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "decide/scaling/observation.h"
#include "port/controller.h"

namespace gputide::autoscaler {

/// What an event meant.
enum class Impact {
  None,              // no decision can differ by it
  Changed,           // one may
  NewUnschedulable,  // a pod was just found unschedulable
};

/// Where a node belongs in the cloud.
struct Membership {
  std::int32_t group = scaling::kNoGroup;
  bool instance_gone = false;
  std::uint32_t instance = 0;  // its number in the cloud view; 0: none
  bool operator==(const Membership&) const = default;
};

class ClusterView {
 public:
  explicit ClusterView(const scaling::Options& options) : options_(options) {}

  Impact changed(const port::ObjectChanged& event, Instant now);

  /// Writes nodes, pending pods, DaemonSets, budgets, controllers and the priority ConfigMap into
  /// `seen`. `find(node, before)` answers the Membership of a node; `before` is what the answer was
  /// for this very node the last time, or nothing.
  template <class Find>
  void fill(scaling::Observation& seen, const Find& find) {
    fill_nodes(seen, find);
    fill_rest(seen);
  }
  /// The ProvisioningRequests alone, with their templates.
  void fill_requests(scaling::Observation& seen) const;
  /// A request has another status now; the watch's event of it says nothing new.
  void put(const scaling::RequestRef& request);
  /// The request of that namespace and name; nullptr: there is none.
  scaling::RequestRef request(const model::ObjectMeta& named) const;
  /// Groups are others now: every node's place is asked for again.
  void groups_changed() { memberships_stale_ = true; }
  /// Counts changes of nodes: which ones there are, and of which instances.
  std::uint64_t nodes_version() const { return nodes_version_; }

  const model::Node* node(std::string_view name) const;
  /// The pods bound to a node that have not ended, in the order in which they were bound.
  std::vector<scaling::PodRef> pods_on(std::string_view node) const;
  scaling::PodRef pod(const port::ObjectRef& ref) const;
  const model::ConfigMap* config_map(std::string_view name_space, std::string_view name) const;
  const std::vector<std::shared_ptr<const model::DaemonSet>>& daemon_sets() const {
    return daemon_sets_;
  }
  std::vector<std::string> node_names() const;
  /// Counts changes of DaemonSets and ConfigMaps: what a node's devices are called hangs on them.
  std::uint64_t setup_version() const { return setup_version_; }

 private:
  struct NodeEntry {
    scaling::NodeRef node;  // nullptr: pods are bound to it, but it is not there
    std::vector<scaling::PodRef> pods;
    std::shared_ptr<const scaling::NodeView> view;  // nullptr: to be made anew
    Membership place;
    bool place_known = false;
    std::size_t index = 0;  // in order_
  };
  struct PodEntry {
    scaling::PodRef pod;
    NodeEntry* node = nullptr;  // bound to, and not ended
    std::uint64_t pending = 0;  // its place among the pending; 0: it is none
  };

  Impact node_changed(port::Change change, const scaling::NodeRef& node);
  Impact pod_changed(port::Change change, const scaling::PodRef& pod, Instant now);
  Impact config_map_changed(port::Change change,
                            const std::shared_ptr<const model::ConfigMap>& map);
  Impact request_changed(port::Change change, const scaling::RequestRef& request);
  Impact template_changed(port::Change change,
                          const std::shared_ptr<const model::PodTemplate>& pod_template);
  bool is_pending(const model::Pod& pod) const;
  void outdated(NodeEntry& entry);
  template <class Find>
  void fill_nodes(scaling::Observation& seen, const Find& find);
  template <class Find>
  static void update(NodeEntry& entry, const Find& find);
  static void make_view(NodeEntry& entry);
  void fill_rest(scaling::Observation& seen);
  void unbind(PodEntry& entry);
  void drop_if_empty(const NodeEntry& entry, const std::string& name);

  const scaling::Options& options_;
  std::unordered_map<std::string, NodeEntry> nodes_;
  std::unordered_map<std::string, PodEntry> pods_;  // "namespace/name"
  std::vector<NodeEntry*> order_;     // the nodes that are there, in order of their coming
  std::vector<NodeEntry*> outdated_;  // without a view, each once
  std::map<std::uint64_t, scaling::PodRef> pending_;
  std::uint64_t counter_ = 0;
  std::vector<std::shared_ptr<const model::DaemonSet>> daemon_sets_;
  std::map<std::string, model::PodDisruptionBudget> budgets_;
  std::map<std::string, std::shared_ptr<const model::ConfigMap>> config_maps_;
  std::map<std::string, scaling::RequestRef> requests_;  // by "namespace/name", as templates
  std::map<std::string, std::shared_ptr<const model::PodTemplate>> templates_;
  std::shared_ptr<scaling::Controllers> controllers_ = std::make_shared<scaling::Controllers>();
  std::shared_ptr<state::Storage> storage_ = std::make_shared<state::Storage>();
  std::uint64_t setup_version_ = 1;
  std::uint64_t nodes_version_ = 1;
  bool order_stale_ = true;
  bool memberships_stale_ = true;
  bool pending_stale_ = true;
  bool budgets_stale_ = true;
  bool requests_stale_ = false;
  std::uint64_t setup_filled_ = 0;
};

template <class Find>
void ClusterView::update(NodeEntry& entry, const Find& find) {
  if (!std::exchange(entry.place_known, true)) {
    const Membership place = find(*entry.node, std::as_const(entry.place));
    if (entry.view != nullptr && !(place == entry.place)) entry.view = nullptr;
    entry.place = place;
  }
  if (entry.view == nullptr) make_view(entry);
}

template <class Find>
void ClusterView::fill_nodes(scaling::Observation& seen, const Find& find) {
  if (order_stale_ || memberships_stale_) {
    seen.nodes.resize(order_.size());
    for (NodeEntry* entry : order_) {
      if (memberships_stale_) entry->place_known = false;
      if (!entry->place_known || entry->view == nullptr) update(*entry, find);
      if (seen.nodes[entry->index] != entry->view) seen.nodes[entry->index] = entry->view;
    }
    seen.changed_nodes.reset();
  } else {
    std::vector<std::uint32_t>& changed = seen.changed_nodes.emplace();
    for (NodeEntry* entry : outdated_) {
      update(*entry, find);
      seen.nodes[entry->index] = entry->view;
      changed.push_back(static_cast<std::uint32_t>(entry->index));
    }
  }
  outdated_.clear();
  order_stale_ = false;
  memberships_stale_ = false;
}

}  // namespace gputide::autoscaler
