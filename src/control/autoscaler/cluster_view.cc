#include "control/autoscaler/cluster_view.h"

#include <algorithm>

#include "decide/scaling/pods.h"
#include "decide/scaling/priority_config.h"
#include "model/conditions.h"

namespace gputide::autoscaler {
namespace {

using port::Change;
using scaling::NodeRef;
using scaling::PodRef;

constexpr Duration kFresh = Duration::seconds(10);

std::string key_of(const model::ObjectMeta& meta) {
  return meta.namespace_ + "/" + meta.name;
}

bool same_taints(const std::vector<model::Taint>& a, const std::vector<model::Taint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.key == y.key && x.value == y.value && x.effect == y.effect;
  });
}

bool same_conditions(const model::Node& a, const model::Node& b) {
  return std::equal(a.status.conditions.begin(), a.status.conditions.end(),
                    b.status.conditions.begin(), b.status.conditions.end(),
                    [](const auto& x, const auto& y) {
                      return x.type == y.type && x.status == y.status && x.reason == y.reason &&
                             x.lastTransitionTime == y.lastTransitionTime;
                    });
}

// Nothing that a decision looks at differs: only heartbeats, images and the like do.
bool same(const model::Node& a, const model::Node& b) {
  return a.metadata.labels == b.metadata.labels &&
         a.metadata.annotations == b.metadata.annotations &&
         a.spec.unschedulable == b.spec.unschedulable && a.spec.providerID == b.spec.providerID &&
         same_taints(a.spec.taints, b.spec.taints) && same_conditions(a, b) &&
         a.status.allocatable == b.status.allocatable && a.status.capacity == b.status.capacity;
}

bool same_owners(const model::Pod& a, const model::Pod& b) {
  return std::equal(a.metadata.ownerReferences.begin(), a.metadata.ownerReferences.end(),
                    b.metadata.ownerReferences.begin(), b.metadata.ownerReferences.end(),
                    [](const auto& x, const auto& y) { return x.uid == y.uid; });
}

bool same(const model::Pod& a, const model::Pod& b) {
  return a.metadata.uid == b.metadata.uid &&
         a.metadata.deletionTimestamp == b.metadata.deletionTimestamp &&
         scaling::is_terminal(a) == scaling::is_terminal(b) &&
         a.spec->nodeName == b.spec->nodeName && a.metadata.labels == b.metadata.labels &&
         a.metadata.annotations == b.metadata.annotations &&
         a.status.nominatedNodeName == b.status.nominatedNodeName &&
         is_unschedulable(a) == is_unschedulable(b) && same_owners(a, b);
}

bool same(const model::ProvisioningRequest& a, const model::ProvisioningRequest& b) {
  return a.metadata.uid == b.metadata.uid &&
         std::equal(a.status.conditions.begin(), a.status.conditions.end(),
                    b.status.conditions.begin(), b.status.conditions.end(),
                    [](const auto& x, const auto& y) {
                      return x.type == y.type && x.status == y.status &&
                             x.lastTransitionTime == y.lastTransitionTime;
                    });
}

// Of the controllers of pods, only their names and replica counts matter.
template <class Set>
Impact note(scaling::Controllers::Names& names, Change change, const Set& object) {
  const scaling::Controllers::Name name{object.metadata.namespace_, object.metadata.name};
  if (change == Change::Deleted) return names.erase(name) > 0 ? Impact::Changed : Impact::None;
  return names.insert(name).second ? Impact::Changed : Impact::None;
}

template <class Set>
Impact note(scaling::Controllers::Replicas& names, Change change, const Set& object) {
  const scaling::Controllers::Name name{object.metadata.namespace_, object.metadata.name};
  if (change == Change::Deleted) return names.erase(name) > 0 ? Impact::Changed : Impact::None;
  const auto [at, added] = names.try_emplace(name, object.spec.replicas);
  if (!added && at->second == object.spec.replicas) return Impact::None;
  at->second = object.spec.replicas;
  return Impact::Changed;
}

template <class Kind>
Impact keep(state::Store<Kind>& objects, Change change, const std::shared_ptr<const Kind>& object) {
  objects.take(object, change == Change::Deleted);
  return Impact::Changed;
}

}  // namespace

Impact ClusterView::changed(const port::ObjectChanged& event, Instant now) {
  const auto counted = [&](Impact impact) {
    if (impact != Impact::None) ++controllers_->version;
    return impact;
  };
  return std::visit(
      [&](const auto& held) -> Impact {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, NodeRef>) {
          return node_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held, PodRef>) {
          return pod_changed(event.change, held, now);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::ReplicaSet>>) {
          return counted(note(controllers_->replica_sets, event.change, *held));
        } else if constexpr (std::is_same_v<Held,
                                            std::shared_ptr<const model::ReplicationController>>) {
          return counted(note(controllers_->replication_controllers, event.change, *held));
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::StatefulSet>>) {
          return counted(note(controllers_->stateful_sets, event.change, *held));
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::Job>>) {
          return note(controllers_->jobs, event.change, *held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::DaemonSet>>) {
          // Its status counts pods, which come and go with nodes.
          if (event.change == Change::Modified &&
              std::any_of(daemon_sets_.begin(), daemon_sets_.end(), [&](const auto& set) {
                return set->metadata.uid == held->metadata.uid &&
                       set->spec.template_.metadata.labels ==
                           held->spec.template_.metadata.labels &&
                       set->spec.template_.spec.identity() == held->spec.template_.spec.identity();
              }))
            return Impact::None;
          std::erase_if(daemon_sets_, [&](const auto& set) {
            return key_of(set->metadata) == key_of(held->metadata);
          });
          if (event.change != Change::Deleted) {
            const auto at = std::find_if(
                daemon_sets_.begin(), daemon_sets_.end(),
                [&](const auto& set) { return key_of(set->metadata) > key_of(held->metadata); });
            daemon_sets_.insert(at, held);
          }
          ++setup_version_;
          counted(note(controllers_->daemon_sets, event.change, *held));
          return Impact::Changed;
        } else if constexpr (std::is_same_v<Held,
                                            std::shared_ptr<const model::PodDisruptionBudget>>) {
          if (event.change == Change::Deleted)
            budgets_.erase(key_of(held->metadata));
          else
            budgets_[key_of(held->metadata)] = *held;
          budgets_stale_ = true;
          return Impact::Changed;
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::ConfigMap>>) {
          return config_map_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::PersistentVolume>>) {
          return keep(storage_->volumes, event.change, held);
        } else if constexpr (std::is_same_v<Held,
                                            std::shared_ptr<const model::PersistentVolumeClaim>>) {
          return keep(storage_->claims, event.change, held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::StorageClass>>) {
          return keep(storage_->storage_classes, event.change, held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::CSINode>>) {
          return keep(storage_->csi_nodes, event.change, held);
        } else if constexpr (std::is_same_v<Held, scaling::RequestRef>) {
          return request_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::PodTemplate>>) {
          return template_changed(event.change, held);
        } else {
          return Impact::None;
        }
      },
      event.object);
}

Impact ClusterView::request_changed(Change change, const scaling::RequestRef& request) {
  if (!options_.enable_provisioning_requests) return Impact::None;
  const std::string key = key_of(request->metadata);
  if (change == Change::Deleted) {
    if (requests_.erase(key) == 0) return Impact::None;
  } else {
    scaling::RequestRef& known = requests_[key];
    if (known != nullptr && same(*known, *request)) return Impact::None;
    known = request;
  }
  requests_stale_ = true;
  return Impact::Changed;
}

Impact ClusterView::template_changed(
    Change change, const std::shared_ptr<const model::PodTemplate>& pod_template) {
  if (!options_.enable_provisioning_requests) return Impact::None;
  if (change == Change::Deleted)
    templates_.erase(key_of(pod_template->metadata));
  else
    templates_[key_of(pod_template->metadata)] = pod_template;
  requests_stale_ = true;
  return Impact::Changed;
}

void ClusterView::put(const scaling::RequestRef& request) {
  requests_[key_of(request->metadata)] = request;
}

scaling::RequestRef ClusterView::request(const model::ObjectMeta& named) const {
  const auto at = requests_.find(key_of(named));
  return at == requests_.end() ? nullptr : at->second;
}

void ClusterView::fill_requests(scaling::Observation& seen) const {
  seen.requests.clear();
  for (const auto& [key, request] : requests_) {
    scaling::RequestView& view = seen.requests.emplace_back();
    view.request = request;
    for (const model::PodSet& set : request->spec.podSets) {
      const auto at = templates_.find(request->metadata.namespace_ + "/" + set.podTemplateRef.name);
      view.templates.push_back(at == templates_.end() ? nullptr : at->second);
    }
  }
  std::stable_sort(seen.requests.begin(), seen.requests.end(), [](const auto& a, const auto& b) {
    return a.request->metadata.creationTimestamp < b.request->metadata.creationTimestamp;
  });
}

Impact ClusterView::config_map_changed(Change change,
                                       const std::shared_ptr<const model::ConfigMap>& map) {
  if (map->metadata.name == options_.status_config_map_name) return Impact::None;  // our own
  if (change == Change::Deleted)
    config_maps_.erase(key_of(map->metadata));
  else
    config_maps_[key_of(map->metadata)] = map;
  ++setup_version_;
  return Impact::Changed;
}

// Its view must be made anew.
void ClusterView::outdated(NodeEntry& entry) {
  if (entry.view == nullptr) return;
  entry.view = nullptr;
  outdated_.push_back(&entry);
}

Impact ClusterView::node_changed(Change change, const NodeRef& node) {
  const std::string& name = node->metadata.name;
  if (change == Change::Deleted) {
    const auto at = nodes_.find(name);
    if (at == nodes_.end() || at->second.node == nullptr) return Impact::None;
    NodeEntry& entry = at->second;
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(entry.index));
    for (std::size_t i = entry.index; i < order_.size(); ++i) order_[i]->index = i;
    if (entry.view == nullptr) std::erase(outdated_, &entry);
    entry.node = nullptr;
    entry.view = nullptr;
    drop_if_empty(entry, name);
    order_stale_ = true;
    ++nodes_version_;
    return Impact::Changed;
  }
  NodeEntry& entry = nodes_[name];
  if (entry.node != nullptr && same(*entry.node, *node)) return Impact::None;
  if (entry.node == nullptr) {
    entry.index = order_.size();
    order_.push_back(&entry);
    outdated_.push_back(&entry);
    order_stale_ = true;
  }
  if (entry.node == nullptr || entry.node->spec.providerID != node->spec.providerID)
    ++nodes_version_;
  entry.node = node;
  entry.place = {};
  entry.place_known = false;
  outdated(entry);
  return Impact::Changed;
}

bool ClusterView::is_pending(const model::Pod& pod) const {
  if (!pod.spec->nodeName.empty() || pod.metadata.deletionTimestamp || scaling::is_terminal(pod))
    return false;
  const std::vector<std::string>& allowed = options_.allowed_scheduler_names;
  const std::string scheduler =
      pod.spec->schedulerName.empty() ? "default-scheduler" : pod.spec->schedulerName;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), scheduler) == allowed.end())
    return false;
  if (is_unschedulable(pod)) return true;
  const std::vector<std::string>& bypassed = options_.bypassed_scheduler_names;
  return find_condition(pod, "PodScheduled") == nullptr && pod.spec->schedulingGates.empty() &&
         std::find(bypassed.begin(), bypassed.end(), scheduler) != bypassed.end();
}

void ClusterView::drop_if_empty(const NodeEntry& entry, const std::string& name) {
  if (entry.node == nullptr && entry.pods.empty()) nodes_.erase(name);
}

void ClusterView::unbind(PodEntry& entry) {
  if (entry.node == nullptr) return;
  NodeEntry& node = *std::exchange(entry.node, nullptr);
  std::erase(node.pods, entry.pod);
  outdated(node);
  drop_if_empty(node, entry.pod->spec->nodeName);
}

Impact ClusterView::pod_changed(Change change, const PodRef& pod, Instant now) {
  const std::string key = key_of(pod->metadata);
  const auto known = pods_.find(key);
  if (change == Change::Deleted) {
    if (known == pods_.end()) return Impact::None;
    const bool mattered = known->second.node != nullptr || known->second.pending != 0;
    unbind(known->second);
    if (known->second.pending != 0) pending_.erase(known->second.pending);
    pending_stale_ = pending_stale_ || known->second.pending != 0;
    pods_.erase(known);
    return mattered ? Impact::Changed : Impact::None;
  }
  if (known != pods_.end() && same(*known->second.pod, *pod)) return Impact::None;
  PodEntry& entry = known != pods_.end() ? known->second : pods_[key];
  const bool was_pending = entry.pending != 0;
  const bool was_bound = entry.node != nullptr;
  unbind(entry);
  entry.pod = pod;
  if (!pod->spec->nodeName.empty() && !scaling::is_terminal(*pod)) {
    entry.node = &nodes_[pod->spec->nodeName];
    entry.node->pods.push_back(pod);
    outdated(*entry.node);
  }
  const bool pending = is_pending(*pod);
  if (pending && entry.pending == 0) entry.pending = ++counter_;
  if (pending) pending_[entry.pending] = pod;
  if (!pending && was_pending) pending_.erase(std::exchange(entry.pending, 0));
  pending_stale_ = pending_stale_ || pending || was_pending;
  if (pending && !was_pending && is_unschedulable(*pod)) {
    const model::PodCondition* condition = find_condition(*pod, "PodScheduled");
    if (!condition->lastTransitionTime || now - *condition->lastTransitionTime <= kFresh)
      return Impact::NewUnschedulable;
  }
  return pending || was_pending || was_bound || entry.node != nullptr ? Impact::Changed
                                                                      : Impact::None;
}

void ClusterView::make_view(NodeEntry& entry) {
  auto view = std::make_shared<scaling::NodeView>();
  view->node = entry.node;
  view->group = entry.place.group;
  view->instance_gone = entry.place.instance_gone;
  view->instance = entry.place.instance;
  view->pods = entry.pods;
  entry.view = std::move(view);
}

void ClusterView::fill_rest(scaling::Observation& seen) {
  if (pending_stale_) {
    seen.pending.clear();
    for (const auto& [order, pod] : pending_) seen.pending.push_back(pod);
    pending_stale_ = false;
  }
  if (seen.daemon_sets != daemon_sets_) seen.daemon_sets = daemon_sets_;
  seen.controllers = controllers_;
  seen.storage = storage_;
  if (std::exchange(budgets_stale_, false)) {
    seen.budgets.clear();
    ++seen.budgets_version;
    for (const auto& [key, budget] : budgets_) seen.budgets.push_back(budget);
  }
  if (std::exchange(requests_stale_, false)) fill_requests(seen);
  if (std::exchange(setup_filled_, setup_version_) != setup_version_) {
    const model::ConfigMap* map =
        config_map(options_.config_namespace, scaling::kPriorityConfigMap);
    seen.priority_config = map == nullptr ? std::nullopt : std::optional(map->data);
  }
}

const model::Node* ClusterView::node(std::string_view name) const {
  const auto at = nodes_.find(std::string(name));
  return at == nodes_.end() ? nullptr : at->second.node.get();
}

std::vector<PodRef> ClusterView::pods_on(std::string_view node) const {
  const auto at = nodes_.find(std::string(node));
  return at == nodes_.end() ? std::vector<PodRef>() : at->second.pods;
}

PodRef ClusterView::pod(const port::ObjectRef& ref) const {
  const auto at = pods_.find(ref.namespace_ + "/" + ref.name);
  return at == pods_.end() ? nullptr : at->second.pod;
}

const model::ConfigMap* ClusterView::config_map(std::string_view name_space,
                                                std::string_view name) const {
  const auto at = config_maps_.find(std::string(name_space) + "/" + std::string(name));
  return at == config_maps_.end() ? nullptr : at->second.get();
}

std::vector<std::string> ClusterView::node_names() const {
  std::vector<std::string> names;
  for (const NodeEntry* entry : order_) names.push_back(entry->node->metadata.name);
  return names;
}

}  // namespace gputide::autoscaler
