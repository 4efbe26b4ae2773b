#include "control/workloads/node_lifecycle.h"

#include <algorithm>
#include <optional>

#include "decide/scheduling/tolerations.h"
#include "model/conditions.h"

namespace gputide::workloads {

namespace {

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
constexpr std::string_view kUnreachable = "node.kubernetes.io/unreachable";
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";
// Pods of a node that is gone get this time, in case that it comes back.
constexpr Duration kQuarantine = Duration::seconds(40);

std::string_view ready_status(const model::Node& node) {
  const auto* condition = model::find_condition(node.status.conditions, "Ready");
  return condition == nullptr ? std::string_view("False") : condition->status;
}

bool has(const model::Node& node, std::string_view key, std::string_view effect) {
  return std::any_of(
      node.spec.taints.begin(), node.spec.taints.end(),
      [&](const model::Taint& taint) { return taint.key == key && taint.effect == effect; });
}

// How long the pod bears all NoExecute taints of the node: nullopt for ever, zero not at all.
std::optional<Instant> leaves_at(const model::Pod& pod, const model::Node& node, Instant now) {
  std::optional<Instant> earliest;
  for (const model::Taint& taint : node.spec.taints) {
    if (taint.effect != "NoExecute") continue;
    bool tolerated = false;
    std::optional<std::int64_t> seconds;
    for (const model::Toleration& toleration : pod.spec->tolerations) {
      if (!scheduling::tolerates(toleration, taint)) continue;
      tolerated = true;
      if (toleration.tolerationSeconds)
        seconds = std::min(seconds.value_or(INT64_MAX), *toleration.tolerationSeconds);
    }
    std::optional<Instant> at;
    if (!tolerated)
      at = now;
    else if (seconds)
      at = taint.timeAdded.value_or(now) + Duration::seconds(std::max<std::int64_t>(0, *seconds));
    if (at && (!earliest || *at < *earliest)) earliest = at;
  }
  return earliest;
}

// Whether "namespace/name" of the one comes first.
bool comes_before(const PodRef& a, const PodRef& b) {
  const model::ObjectMeta& x = a->metadata;
  const model::ObjectMeta& y = b->metadata;
  const std::string& one = x.namespace_;
  const std::string& other = y.namespace_;
  if (one == other) return x.name < y.name;
  const auto [i, j] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  return (i == one.end() ? '/' : *i) < (j == other.end() ? '/' : *j);
}

// Where the pod is, or belongs.
std::vector<PodRef>::iterator place_of(std::vector<PodRef>& pods, const PodRef& pod) {
  return std::lower_bound(pods.begin(), pods.end(), pod, comes_before);
}

bool same_name(const model::Pod& a, const model::Pod& b) {
  return a.metadata.name == b.metadata.name && a.metadata.namespace_ == b.metadata.namespace_;
}

}  // namespace

NodeLifecycle::Entry& NodeLifecycle::entry(const std::string& name) {
  Entry& entry = entries_[name];
  if (entry.id == 0) {
    entry.id = next_id_++;
    by_id_[entry.id] = name;
  }
  return entry;
}

// Conditions and cordons become taints.
void NodeLifecycle::mark(const NodeRef& node, Desk& desk) {
  port::PatchNode patch;
  const auto keep = [&](std::string_view key, std::string_view effect, bool wanted) {
    const bool present = has(*node, key, effect);
    if (wanted && !present)
      patch.add_taints.push_back({std::string(key), "", std::string(effect), desk.now()});
    else if (!wanted && present)
      patch.remove_taint_keys.emplace_back(key);
  };
  const std::string_view ready = ready_status(*node);
  for (const std::string_view effect : {"NoSchedule", "NoExecute"}) {
    keep(kNotReady, effect, ready == "False");
    keep(kUnreachable, effect, ready == "Unknown");
  }
  keep(kUnschedulable, "NoSchedule", node->spec.unschedulable);
  if (patch.add_taints.empty() && patch.remove_taint_keys.empty()) return;
  patch.name = node->metadata.name;
  desk.command(std::move(patch));
}

void NodeLifecycle::evict(Entry& entry, Desk& desk) {
  desk.disarm(Part::Evictions, entry.id);
  if (!entry.object) return;
  const std::vector<model::Taint>& taints = entry.object->spec.taints;
  if (std::none_of(taints.begin(), taints.end(),
                   [](const model::Taint& taint) { return taint.effect == "NoExecute"; }))
    return;
  std::optional<Instant> next;
  for (const PodRef& pod : entry.pods) {
    if (pod->metadata.deletionTimestamp) continue;
    const std::optional<Instant> at = leaves_at(*pod, *entry.object, desk.now());
    if (!at) continue;
    if (*at <= desk.now()) {
      desk.publish("Pod", pod->metadata, true, "TaintManagerEviction",
                   "Deleted, for it does not tolerate a taint of its node any longer");
      desk.replace_current(disrupted(*pod, "DeletionByTaintManager",
                                     "Taint manager: deleting due to NoExecute taint", desk.now()));
      desk.remove("Pod", pod->metadata);
    } else if (!next || *at < *next) {
      next = at;
    }
  }
  if (next) desk.arm(Part::Evictions, entry.id, *next);
}

void NodeLifecycle::orphan(Entry& entry, Desk& desk) {
  desk.disarm(Part::OrphanedPods, entry.id);
  if (!entry.object && !entry.pods.empty())
    desk.arm(Part::OrphanedPods, entry.id, desk.now() + kQuarantine);
}

void NodeLifecycle::node_changed(port::Change change, const NodeRef& node, Desk& desk) {
  Entry& here = entry(node->metadata.name);
  if (change == port::Change::Deleted) {
    here.object.reset();
    desk.disarm(Part::Evictions, here.id);
    if (!here.pods.empty()) return orphan(here, desk);
    by_id_.erase(here.id);
    entries_.erase(node->metadata.name);
    return;
  }
  if (!here.object) desk.disarm(Part::OrphanedPods, here.id);
  here.object = node;
  mark(node, desk);
  evict(here, desk);
}

void NodeLifecycle::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const std::string& name = pod->spec->nodeName;
  if (name.empty()) return;
  if (change == port::Change::Deleted || is_finished(*pod)) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    Entry& here = found->second;
    const auto at = place_of(here.pods, pod);
    if (at != here.pods.end() && same_name(**at, *pod)) here.pods.erase(at);
    if (here.object || !here.pods.empty()) return;
    desk.disarm(Part::OrphanedPods, here.id);
    by_id_.erase(here.id);
    entries_.erase(found);
    return;
  }
  Entry& here = entry(name);
  const auto at = place_of(here.pods, pod);
  if (at != here.pods.end() && same_name(**at, *pod)) {
    *at = pod;
    return;
  }
  here.pods.insert(at, pod);
  if (!here.object)
    orphan(here, desk);
  else
    evict(here, desk);
}

void NodeLifecycle::timer(Part part, std::uint64_t id, Desk& desk) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Entry& here = entries_.at(found->second);
  if (part == Part::Evictions) return evict(here, desk);
  if (here.object) return;
  for (const PodRef& pod : here.pods) {
    auto failed = disrupted(*pod, "DeletionByPodGC", "PodGC: node no longer exists", desk.now());
    failed->status.phase = "Failed";
    failed->status.reason = "NodeLost";
    failed->status.message = "PodGC: node no longer exists";
    desk.replace(std::move(failed));
    desk.remove("Pod", pod->metadata, Duration());
  }
}

}  // namespace gputide::workloads
