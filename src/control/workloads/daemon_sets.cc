#include "control/workloads/daemon_sets.h"

#include <algorithm>

#include "base/hashed.h"
#include "control/workloads/template_hash.h"
#include "decide/scheduling/tolerations.h"
#include "model/int_or_string.h"

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

bool is_current(const model::Pod& pod, const std::string& hash) {
  const auto label = pod.metadata.labels.find(kHashLabel);
  return label != pod.metadata.labels.end() && label->second == hash;
}

// Of several pods on a node the first one counts.
const model::Pod* oldest(const std::map<std::string, PodRef>& pods) {
  const model::Pod* first = nullptr;
  for (const auto& [name, pod] : pods)
    if (first == nullptr || pod->metadata.creationTimestamp < first->metadata.creationTimestamp)
      first = pod.get();
  return first;
}

NodeCounts& operator+=(NodeCounts& sum, const NodeCounts& part) {
  sum.desired += part.desired;
  sum.current += part.current;
  sum.misscheduled += part.misscheduled;
  sum.ready += part.ready;
  sum.available += part.available;
  sum.updated += part.updated;
  return sum;
}

NodeCounts minus(const NodeCounts& counts) {
  return {-counts.desired, -counts.current,   -counts.misscheduled,
          -counts.ready,   -counts.available, -counts.updated};
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

void DaemonSets::create(Entry& entry, Place here, Desk& desk) {
  auto pod = pod_of(*entry.object, "apps/v1", "DaemonSet");
  pod->metadata.labels[kHashLabel] = entry.hash;
  pod->spec = entry.spec;
  pin_to_node(pod->spec.edit(), here->first);
  here->second.creating = true;
  desk.create(std::move(pod));
}

// `found`: the node's place so far. Returns the one that it has now.
DaemonSets::Place DaemonSets::reconcile(Entry& entry, Place found, const NodeRef& node,
                                        Desk& desk) {
  const auto tolerates = [&](scheduling::Effects effects) {
    return scheduling::untolerated_taint(node->spec.taints, entry.spec->tolerations, effects) ==
           nullptr;
  };
  const bool eligible = entry.affinity->matches(*node);
  const bool starts = eligible && tolerates(scheduling::Effects::DoNotSchedule);
  if (found == entry.on_node.end()) {
    if (!starts) return found;
    found = entry.on_node.try_emplace(node->metadata.name).first;
  }
  OnNode& here = found->second;
  here.wanted = starts;
  bool present = here.creating;
  const bool stays = here.pods.empty() || (eligible && tolerates(scheduling::Effects::NoExecute));
  for (const auto& [name, pod] : here.pods) {
    present = true;
    if (pod->metadata.deletionTimestamp) continue;
    // A daemon that ended is made anew.
    if (!stays || is_finished(*pod)) desk.remove("Pod", pod->metadata);
  }
  if (!present && starts) create(entry, found, desk);
  return found;
}

// What the node is to the set's status. Its place may go.
void DaemonSets::count(Entry& entry, Place found, Desk& desk) {
  if (found == entry.on_node.end()) return;
  const std::string& node = found->first;
  OnNode& here = found->second;
  if (here.waits) entry.waiting.erase({*here.waits, node});
  here.waits.reset();
  NodeCounts now;
  const model::Pod* pod = oldest(here.pods);
  if (pod != nullptr && !nodes_.contains(node)) pod = nullptr;
  if (!here.wanted) {
    now.misscheduled = pod != nullptr ? 1 : 0;
  } else {
    now.desired = 1;
    now.current = pod != nullptr ? 1 : 0;
    now.updated = pod != nullptr && is_current(*pod, entry.hash) ? 1 : 0;
    now.ready = pod != nullptr && is_ready(*pod) ? 1 : 0;
    const auto at =
        pod == nullptr ? std::nullopt : available_at(*pod, min_ready(entry.object->spec));
    now.available = at && *at <= desk.now() ? 1 : 0;
    if (at && *at > desk.now()) here.waits = at;
  }
  if (here.waits) entry.waiting.insert({*here.waits, node});
  entry.counts += minus(here.counted);
  entry.counts += now;
  here.counted = now;
  if (here.pods.empty() && !here.creating && !here.wanted) entry.on_node.erase(found);
}

void DaemonSets::counted(const Entry& entry, Desk& desk) {
  const std::string& uid = entry.object->metadata.uid;
  alarms_.set(uid,
              entry.waiting.empty() ? std::nullopt : std::optional(entry.waiting.begin()->first),
              desk);
  if (entry.said == entry.counts || untrue_.contains(uid)) return;
  untrue_.insert(uid);
  desk.arm_once(Part::Statuses, 0, desk.now() + kStatusDelay);
}

void DaemonSets::write_statuses(Desk& desk) {
  for (const std::string& uid : std::exchange(untrue_, {})) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) continue;
    if (found->second.said == found->second.counts) continue;
    auto next = std::make_shared<model::DaemonSet>(*found->second.object);
    next->status = daemon_set_status(*next, found->second.counts);
    desk.replace_current(std::move(next));
  }
}

void DaemonSets::time_passed(const std::string& uid, Desk& desk) {
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  while (!entry.waiting.empty() && entry.waiting.begin()->first <= desk.now())
    count(entry, entry.on_node.find(entry.waiting.begin()->second), desk);
  roll(entry, desk);
  counted(entry, desk);
}

// How many pods that are available may be taken away now: maxUnavailable, without the nodes that
// have none already.
std::int32_t DaemonSets::may_go(const Entry& entry, Instant now) {
  const auto& most = entry.object->spec.updateStrategy.rollingUpdate.maxUnavailable;
  const std::int64_t allowed = model::scaled_value(most.value_or(model::IntOrString::from_int(1)),
                                                   entry.counts.desired, true)
                                   .value_or(1);
  std::int64_t missing = 0;
  for (const auto& [node, here] : entry.on_node) {
    const bool runs = std::any_of(here.pods.begin(), here.pods.end(), [&](const auto& pod) {
      const auto at = available_at(*pod.second, min_ready(entry.object->spec));
      return at && *at <= now && !entry.replacing.contains(pod.first);
    });
    if (here.wanted && !runs) ++missing;
  }
  return static_cast<std::int32_t>(std::max<std::int64_t>(allowed, 1) - missing);
}

// Replaces pods of an older template: those that are not available at once, of the others as many
// as may be missing.
void DaemonSets::roll(Entry& entry, Desk& desk) {
  if (!entry.rolling) return;
  if (entry.object->spec.updateStrategy.type == "OnDelete") return;
  std::int32_t budget = may_go(entry, desk.now());
  bool old_left = false;
  for (const Place place : in_key_order(entry.on_node))
    for (const auto& [name, pod] : place->second.pods) {
      if (is_current(*pod, entry.hash)) continue;
      old_left = true;
      if (!is_active(*pod) || entry.replacing.contains(name)) continue;
      const auto at = available_at(*pod, min_ready(entry.object->spec));
      if (at && *at <= desk.now() && budget-- <= 0) continue;
      entry.replacing.insert(name);
      desk.remove("Pod", pod->metadata);
    }
  entry.rolling = old_left;
}

void DaemonSets::count_all(Entry& entry, Desk& desk) {
  for (const Place place : in_key_order(entry.on_node)) count(entry, place, desk);
}

void DaemonSets::changed(port::Change change, const Ref<model::DaemonSet>& set, Desk& desk) {
  const std::string& uid = set->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    for (const Place place : in_key_order(found->second.on_node))
      for (const auto& [name, pod] : place->second.pods)
        if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    entries_.erase(found);
    alarms_.set(uid, std::nullopt, desk);
    return;
  }
  Entry& entry = entries_[uid];
  const std::string before = entry.hash;
  const bool same =
      entry.object && same_template(entry.object->spec.template_, set->spec.template_);
  const bool as_long = entry.object && min_ready(entry.object->spec) == min_ready(set->spec);
  entry.object = set;
  entry.said = counts_said(*set);
  if (!same) entry.hash = template_hash(set->spec.template_);
  if (entry.hash == before) {
    if (!as_long) count_all(entry, desk);
    roll(entry, desk);
    return counted(entry, desk);
  }
  entry.spec = set->spec.template_.spec;
  add_tolerations(entry.spec.edit());
  entry.affinity.emplace(*entry.spec);
  for (const auto& place : in_key_order(nodes_))
    reconcile(entry, entry.on_node.find(place->first), place->second, desk);
  count_all(entry, desk);
  entry.rolling = !before.empty();
  roll(entry, desk);
  counted(entry, desk);
}

void DaemonSets::node_changed(port::Change change, const NodeRef& node, Desk& desk) {
  const std::string& name = node->metadata.name;
  if (change == port::Change::Deleted) {
    nodes_.erase(name);
    for (auto& [uid, entry] : entries_) {
      const auto found = entry.on_node.find(name);
      if (found == entry.on_node.end()) continue;
      found->second.wanted = false;
      count(entry, found, desk);
      roll(entry, desk);
      counted(entry, desk);
    }
    return;
  }
  NodeRef& held = nodes_[name];
  const bool same = held && same_taints(held->spec.taints, node->spec.taints) &&
                    held->metadata.labels == node->metadata.labels;
  held = node;
  if (same) return;
  for (auto& [uid, entry] : entries_) {
    count(entry, reconcile(entry, entry.on_node.find(name), node, desk), desk);
    counted(entry, desk);
  }
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
  const Place place = entry.on_node.try_emplace(name).first;
  OnNode& here = place->second;
  const auto [at, added] = here.pods.try_emplace(pod->metadata.name, pod);
  if (added) here.creating = false;
  at->second = pod;
  const bool gone = change == port::Change::Deleted;
  if (gone || !is_active(*pod)) entry.replacing.erase(pod->metadata.name);
  if (gone) here.pods.erase(at);
  const std::int32_t before = entry.counts.available;
  if (gone || is_finished(*pod))
    if (const auto node = nodes_.find(name); node != nodes_.end())
      reconcile(entry, place, node->second, desk);
  count(entry, place, desk);
  if (entry.counts.available > before) roll(entry, desk);
  counted(entry, desk);
}

}  // namespace gputide::workloads
