#include "control/workloads/daemon_sets.h"

#include <algorithm>

#include "control/workloads/template_hash.h"
#include "decide/scheduling/tolerations.h"

namespace gputide::workloads {

namespace {

constexpr std::string_view kHashLabel = "controller-revision-hash";

// Daemons stay through what drives other pods away.
void add_tolerations(model::PodSpec& spec) {
  const auto add = [&](std::string_view key, std::string_view effect) {
    std::erase_if(spec.tolerations, [&](const model::Toleration& old) {
      return old.key == key && old.effect == effect && old.operator_ == "Exists";
    });
    spec.tolerations.push_back({std::string(key), "Exists", "", std::string(effect), {}});
  };
  add("node.kubernetes.io/not-ready", "NoExecute");
  add("node.kubernetes.io/unreachable", "NoExecute");
  add("node.kubernetes.io/disk-pressure", "NoSchedule");
  add("node.kubernetes.io/memory-pressure", "NoSchedule");
  add("node.kubernetes.io/pid-pressure", "NoSchedule");
  add("node.kubernetes.io/unschedulable", "NoSchedule");
  if (spec.hostNetwork) add("node.kubernetes.io/network-unavailable", "NoSchedule");
}

// The template's own required terms have been checked already; upstream puts the node's name in
// their place.
void pin_to_node(model::PodSpec& spec, const std::string& node) {
  if (!spec.affinity) spec.affinity.emplace();
  if (!spec.affinity->nodeAffinity) spec.affinity->nodeAffinity.emplace();
  model::NodeSelector& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution.emplace();
  required.nodeSelectorTerms.resize(1);
  required.nodeSelectorTerms.front().matchFields.push_back({"metadata.name", "In", {node}});
}

bool same_taints(const std::vector<model::Taint>& a, const std::vector<model::Taint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const model::Taint& x, const model::Taint& y) {
                      return x.key == y.key && x.value == y.value && x.effect == y.effect;
                    });
}

}  // namespace

std::string daemon_node_of(const model::Pod& pod) {
  if (!pod.spec->nodeName.empty()) return pod.spec->nodeName;
  if (!pod.spec->affinity || !pod.spec->affinity->nodeAffinity) return {};
  const auto& required =
      pod.spec->affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return {};
  for (const model::NodeSelectorTerm& term : required->nodeSelectorTerms)
    for (const model::NodeSelectorRequirement& need : term.matchFields)
      if (need.key == "metadata.name" && need.values.size() == 1) return need.values.front();
  return {};
}

void DaemonSets::create(Entry& entry, const std::string& node, Desk& desk) {
  auto pod = pod_of(*entry.object, "apps/v1", "DaemonSet");
  pod->metadata.labels[std::string(kHashLabel)] = entry.hash;
  pod->spec = entry.spec;
  pin_to_node(pod->spec.edit(), node);
  entry.on_node[node].creating = true;
  desk.create(std::move(pod));
}

void DaemonSets::reconcile(Entry& entry, const NodeRef& node, Desk& desk) {
  const std::string& name = node->metadata.name;
  const auto tolerates = [&](scheduling::Effects effects) {
    return scheduling::untolerated_taint(node->spec.taints, entry.spec->tolerations, effects) ==
           nullptr;
  };
  const bool eligible = entry.affinity->matches(*node);
  const bool starts = eligible && tolerates(scheduling::Effects::DoNotSchedule);
  const bool stays = eligible && tolerates(scheduling::Effects::NoExecute);
  const auto found = entry.on_node.find(name);
  bool present = found != entry.on_node.end() && found->second.creating;
  if (found != entry.on_node.end()) {
    for (const auto& [pod_name, pod] : found->second.pods) {
      present = true;
      if (pod->metadata.deletionTimestamp) continue;
      // A daemon that ended is made anew.
      if (!stays || is_finished(*pod)) desk.remove("Pod", pod->metadata);
    }
  }
  if (!present && starts) create(entry, name, desk);
}

// Replaces pods of an older template, one node at a time.
void DaemonSets::roll(Entry& entry, Desk& desk) {
  if (!entry.rolling) return;
  const model::Pod* old = nullptr;
  for (const auto& [node, here] : entry.on_node) {
    if (here.creating) return;
    for (const auto& [name, pod] : here.pods) {
      if (!is_active(*pod)) return;
      const auto hash = pod->metadata.labels.find(std::string(kHashLabel));
      const bool current = hash != pod->metadata.labels.end() && hash->second == entry.hash;
      if (current && !is_ready(*pod)) return;
      if (!current && old == nullptr) old = pod.get();
    }
  }
  entry.rolling = old != nullptr;
  if (old != nullptr) desk.remove("Pod", old->metadata);
}

void DaemonSets::changed(port::Change change, const Ref<model::DaemonSet>& set, Desk& desk) {
  const std::string& uid = set->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    for (const auto& [node, here] : found->second.on_node)
      for (const auto& [name, pod] : here.pods)
        if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    entries_.erase(found);
    return;
  }
  Entry& entry = entries_[uid];
  const std::string before = entry.hash;
  entry.object = set;
  entry.hash = template_hash(set->spec.template_);
  if (entry.hash == before) return;
  entry.spec = set->spec.template_.spec;
  add_tolerations(entry.spec.edit());
  entry.affinity.emplace(*entry.spec);
  for (const auto& [name, node] : nodes_) reconcile(entry, node, desk);
  entry.rolling = !before.empty();
  roll(entry, desk);
}

void DaemonSets::node_changed(port::Change change, const NodeRef& node, Desk& desk) {
  const std::string& name = node->metadata.name;
  if (change == port::Change::Deleted) {
    nodes_.erase(name);
    return;
  }
  NodeRef& held = nodes_[name];
  const bool same = held && same_taints(held->spec.taints, node->spec.taints) &&
                    held->metadata.labels == node->metadata.labels;
  held = node;
  if (same) return;
  for (auto& [uid, entry] : entries_) reconcile(entry, node, desk);
}

void DaemonSets::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const auto found = entries_.find(pod->metadata.controller()->uid);
  if (found == entries_.end()) {
    if (change != port::Change::Deleted && !pod->metadata.deletionTimestamp)
      desk.remove("Pod", pod->metadata);
    return;
  }
  Entry& entry = found->second;
  const std::string name = daemon_node_of(*pod);
  OnNode& here = entry.on_node[name];
  const auto [at, added] = here.pods.try_emplace(pod->metadata.name, pod);
  if (added) here.creating = false;
  const bool was_ready = !added && is_ready(*at->second);
  at->second = pod;
  const bool gone = change == port::Change::Deleted;
  if (gone) {
    here.pods.erase(at);
    if (here.pods.empty() && !here.creating) entry.on_node.erase(name);
  }
  const auto node = nodes_.find(name);
  if ((gone || is_finished(*pod)) && node != nodes_.end()) reconcile(entry, node->second, desk);
  if (!gone && is_ready(*pod) && !was_ready) roll(entry, desk);
}

}  // namespace gputide::workloads
