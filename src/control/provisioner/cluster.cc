#include "control/provisioner/cluster.h"

#include <algorithm>
#include <tuple>

#include "model/selector.h"

namespace gputide::provisioner {
namespace {

using port::Change;

constexpr const char* kStatus = "cluster-autoscaler.kubernetes.io/last-updated";
constexpr std::string_view kDoNotDisrupt = "karpenter.sh/do-not-disrupt";

std::string key_of(const model::ObjectMeta& meta) {
  return meta.namespace_ + "/" + meta.name;
}

bool same_taints(const model::Node& a, const model::Node& b) {
  return std::equal(a.spec.taints.begin(), a.spec.taints.end(), b.spec.taints.begin(),
                    b.spec.taints.end(), [](const auto& x, const auto& y) {
                      return x.key == y.key && x.value == y.value && x.effect == y.effect;
                    });
}

// Only a heartbeat or the like differs.
bool same(const model::Node& a, const model::Node& b) {
  return a.metadata.labels == b.metadata.labels &&
         a.metadata.annotations == b.metadata.annotations &&
         a.status.allocatable == b.status.allocatable && is_ready(a) == is_ready(b) &&
         a.spec.providerID == b.spec.providerID && same_taints(a, b);
}

template <class Kind>
void keep(std::map<std::string, std::shared_ptr<const Kind>>& table, Change change,
          const std::shared_ptr<const Kind>& object, const std::string& key) {
  if (change == Change::Deleted)
    table.erase(key);
  else
    table[key] = object;
}

template <class Kind>
Impact keep(state::Store<Kind>& objects, Change change, const std::shared_ptr<const Kind>& object) {
  objects.take(object, change == Change::Deleted);
  return {.storage = true};
}

std::string_view disrupt_annotation(const model::ObjectMeta& meta) {
  const auto found = meta.annotations.find(std::string(kDoNotDisrupt));
  return found == meta.annotations.end() ? std::string_view() : found->second;
}

// Whatever the number of pods.
bool lets_none_go(const model::PodDisruptionBudget& budget) {
  const auto& [most, least] = std::tie(budget.spec.maxUnavailable, budget.spec.minAvailable);
  return most == model::IntOrString::from_int(0) || most == model::IntOrString::from_string("0%") ||
         least == model::IntOrString::from_string("100%");
}

// nullopt: it names no time. What is no duration protects nothing.
std::optional<Duration> span_of(std::string_view told) {
  if (told.empty() || told == "true") return std::nullopt;
  const auto span = Duration::parse(told);
  return span && *span > Duration() ? std::optional(*span) : std::nullopt;
}

}  // namespace

bool is_waiting(const model::Pod& pod) {
  return pod.spec->nodeName.empty() && !pod.metadata.deletionTimestamp && !is_finished(pod) &&
         pod.status.nominatedNodeName.empty() && !belongs_to_node(pod) && is_unschedulable(pod);
}

bool must_not_be_disrupted(const model::Node& node) {
  return disrupt_annotation(node.metadata) == "true";
}

bool must_not_be_disrupted(const model::Pod& pod, Instant now) {
  const std::string_view told = disrupt_annotation(pod.metadata);
  const auto span = span_of(told);
  if (!span) return told == "true";
  return !pod.status.startTime || now - *pod.status.startTime < *span;
}

Impact Cluster::changed(const port::ObjectChanged& event) {
  return std::visit(
      [&]<class Held>(const Held& held) -> Impact {
        if constexpr (std::is_same_v<Held, PodRef>) {
          return pod_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held, NodeRef>) {
          return node_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held, PoolRef>) {
          keep(pools_, event.change, held, held->metadata.name);
          return {.setup = true};
        } else if constexpr (std::is_same_v<Held, ClassRef>) {
          const ClassRef before = class_ref(held->metadata.name);
          keep(classes_, event.change, held, held->metadata.name);
          // Who writes a status writes nothing else.
          const bool status_alone = event.change == Change::Modified && before != nullptr &&
                                    !(before->status == held->status);
          return {.setup = !status_alone};
        } else if constexpr (std::is_same_v<Held, OverlayRef>) {
          keep(overlays_, event.change, held, held->metadata.name);
          return {.setup = true};
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::ConfigMap>>) {
          // What Cluster Autoscaler writes every few seconds is nobody's configuration.
          if (held->metadata.annotations.contains(kStatus)) return {};
          keep(config_maps_, event.change, held, key_of(held->metadata));
          return {.setup = true};
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::DaemonSet>>) {
          return daemon_set_changed(event.change, held);
        } else if constexpr (std::is_same_v<Held,
                                            std::shared_ptr<const model::PodDisruptionBudget>>) {
          keep(budgets_, event.change, held, key_of(held->metadata));
          return {.other = true};
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::Namespace>>) {
          if (event.change == Change::Deleted)
            namespaces_.erase(held->metadata.name);
          else
            namespaces_[held->metadata.name] = held->metadata.labels;
          return {};
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::PersistentVolume>>) {
          return keep(storage_.volumes, event.change, held);
        } else if constexpr (std::is_same_v<Held,
                                            std::shared_ptr<const model::PersistentVolumeClaim>>) {
          return keep(storage_.claims, event.change, held);
        } else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::StorageClass>>) {
          return keep(storage_.storage_classes, event.change, held);
        } else {
          return {};
        }
      },
      event.object);
}

Impact Cluster::pod_changed(Change change, const PodRef& pod) {
  const std::string key = key_of(pod->metadata);
  const auto known = pods_.find(key);
  const PodRef before = known == pods_.end() ? nullptr : known->second;
  if (before != nullptr && !before->spec->nodeName.empty()) {
    take_off(key, *before);
    if (!protected_.empty()) unprotect(before->spec->nodeName, key);
  }
  if (!promised_.empty()) promised_.erase(key);
  Impact impact;
  if (change == Change::Deleted) {
    if (before != nullptr) pods_.erase(known);
    impact.other = before != nullptr;
    return impact;
  }
  pods_[key] = pod;
  if (!pod->spec->nodeName.empty() && !is_finished(*pod)) {
    OnNode& on = on_node_[pod->spec->nodeName];
    on.pods[key] = pod;
    on.movable += belongs_to_node(*pod) ? 0 : 1;
  }
  if (pod->spec->nodeName.empty() && !pod->status.nominatedNodeName.empty())
    promised_[key] = pod->status.nominatedNodeName;
  if (const auto span = span_of(disrupt_annotation(pod->metadata));
      span && pod->status.startTime && !pod->spec->nodeName.empty() && !is_finished(*pod))
    protected_[pod->spec->nodeName][key] = *pod->status.startTime + *span;
  impact.waiting = is_waiting(*pod) && (before == nullptr || !is_waiting(*before) ||
                                        before->metadata.uid != pod->metadata.uid);
  impact.other = before == nullptr || before->spec->nodeName != pod->spec->nodeName ||
                 is_finished(*before) != is_finished(*pod) ||
                 before->metadata.deletionTimestamp.has_value() !=
                     pod->metadata.deletionTimestamp.has_value() ||
                 before->metadata.annotations != pod->metadata.annotations;
  return impact;
}

void Cluster::take_off(const std::string& key, const model::Pod& pod) {
  const auto on = on_node_.find(pod.spec->nodeName);
  if (on == on_node_.end() || on->second.pods.erase(key) == 0) return;
  on->second.movable -= belongs_to_node(pod) ? 0 : 1;
  if (on->second.pods.empty()) on_node_.erase(on);
}

void Cluster::unprotect(const std::string& node, const std::string& pod) {
  const auto found = protected_.find(node);
  if (found == protected_.end()) return;
  found->second.erase(pod);
  if (found->second.empty()) protected_.erase(found);
}

std::optional<Instant> Cluster::protected_until(const std::string& node) const {
  const auto found = protected_.find(node);
  if (found == protected_.end()) return std::nullopt;
  std::optional<Instant> last;
  for (const auto& [pod, until] : found->second)
    if (!last || until > *last) last = until;
  return last;
}

Impact Cluster::node_changed(Change change, const NodeRef& node) {
  const std::string& name = node->metadata.name;
  if (change == Change::Deleted) {
    node_of_provider_.erase(node->spec.providerID);
    return {.other = nodes_.erase(name) > 0};
  }
  NodeRef& here = nodes_[name];
  const bool nothing_new = here != nullptr && same(*here, *node);
  here = node;
  node_of_provider_[node->spec.providerID] = name;
  return {.other = !nothing_new};
}

Impact Cluster::daemon_set_changed(Change change,
                                   const std::shared_ptr<const model::DaemonSet>& set) {
  const std::string key = key_of(set->metadata);
  const auto at = std::find_if(daemon_sets_.begin(), daemon_sets_.end(),
                               [&](const auto& each) { return key_of(each->metadata) >= key; });
  const bool known = at != daemon_sets_.end() && key_of((*at)->metadata) == key;
  if (change == Change::Deleted) {
    if (known) daemon_sets_.erase(at);
    return {.setup = true};
  }
  // Its status counts pods, which come and go with nodes.
  if (known && (*at)->spec.template_.spec.identity() == set->spec.template_.spec.identity()) {
    *at = set;
    return {};
  }
  if (known)
    *at = set;
  else
    daemon_sets_.insert(at, set);
  return {.setup = true};
}

ClassRef Cluster::class_ref(const std::string& name) const {
  const auto found = classes_.find(name);
  return found == classes_.end() ? nullptr : found->second;
}

const model::EC2NodeClass* Cluster::node_class(const std::string& name) const {
  return class_ref(name).get();
}

const model::ConfigMap* Cluster::config_map(std::string_view name_space,
                                            std::string_view name) const {
  const auto found = config_maps_.find(std::string(name_space) + "/" + std::string(name));
  return found == config_maps_.end() ? nullptr : found->second.get();
}

PodRef Cluster::pod(const port::ObjectRef& ref) const {
  const auto found = pods_.find(ref.namespace_ + "/" + ref.name);
  return found == pods_.end() ? nullptr : found->second;
}

NodeRef Cluster::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second;
}

NodeRef Cluster::node_of(const std::string& provider_id) const {
  const auto found = node_of_provider_.find(provider_id);
  return found == node_of_provider_.end() ? nullptr : node(found->second);
}

std::vector<PodRef> Cluster::pods_on(const std::string& node) const {
  std::vector<PodRef> pods;
  const auto on = on_node_.find(node);
  if (on == on_node_.end()) return pods;
  pods.reserve(on->second.pods.size());
  for (const auto& [key, pod] : on->second.pods) pods.push_back(pod);
  return pods;
}

bool Cluster::is_empty(const std::string& node) const {
  const auto on = on_node_.find(node);
  return (on == on_node_.end() || on->second.movable == 0) &&
         std::none_of(promised_.begin(), promised_.end(),
                      [&](const auto& each) { return each.second == node; });
}

template <class Is>
bool Cluster::any_budget(const model::Pod& pod, const Is& is) const {
  return std::any_of(budgets_.begin(), budgets_.end(), [&](const auto& entry) {
    const model::PodDisruptionBudget& budget = *entry.second;
    return budget.metadata.namespace_ == pod.metadata.namespace_ && is(budget) &&
           model::Selector::of(budget.spec.selector).matches(pod.metadata.labels);
  });
}

bool Cluster::is_blocked(const model::Pod& pod) const {
  return any_budget(pod, [](const auto& budget) { return budget.status.disruptionsAllowed <= 0; });
}

bool Cluster::stays(const model::Pod& pod, Instant now) const {
  return must_not_be_disrupted(pod, now) || any_budget(pod, lets_none_go);
}

}  // namespace gputide::provisioner
