#include "control/workloads/stateful_sets.h"

#include <charconv>

namespace gputide::workloads {

namespace {

std::int32_t ordinal_of(const model::Pod& pod) {
  const std::string& name = pod.metadata.name;
  const std::size_t dash = name.rfind('-');
  std::int32_t ordinal = -1;
  if (dash != std::string::npos)
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), ordinal);
  return ordinal;
}

}  // namespace

void StatefulSets::create(Entry& entry, std::int32_t ordinal, Desk& desk) {
  auto pod = pod_of(*entry.object, "apps/v1", "StatefulSet");
  const std::string number = std::to_string(ordinal);
  pod->metadata.name = entry.object->metadata.name + "-" + number;
  pod->metadata.generateName.clear();
  pod->metadata.labels["statefulset.kubernetes.io/pod-name"] = pod->metadata.name;
  pod->metadata.labels["apps.kubernetes.io/pod-index"] = number;
  entry.creating[ordinal] = true;
  desk.create(std::move(pod));
}

// OrderedReady: the next pod comes when all before it are ready, and goes when all behind it are
// gone. Parallel: all at once.
void StatefulSets::reconcile(Entry& entry, Desk& desk) {
  const std::int32_t want = entry.object->spec.replicas.value_or(1);
  const bool ordered = entry.object->spec.podManagementPolicy != "Parallel";
  for (std::int32_t ordinal = 0; ordinal < want; ++ordinal) {
    const auto found = entry.pods.find(ordinal);
    if (found == entry.pods.end()) {
      if (!entry.creating.contains(ordinal)) create(entry, ordinal, desk);
      if (ordered) return;
      continue;
    }
    const model::Pod& pod = *found->second;
    if (is_finished(pod) && !pod.metadata.deletionTimestamp) desk.remove("Pod", pod.metadata);
    if (ordered && (!is_active(pod) || !is_ready(pod))) return;
  }
  for (auto at = entry.pods.rbegin(); at != entry.pods.rend() && at->first >= want; ++at) {
    if (!at->second->metadata.deletionTimestamp) desk.remove("Pod", at->second->metadata);
    if (ordered) return;
  }
}

void StatefulSets::changed(port::Change change, const Ref<model::StatefulSet>& set, Desk& desk) {
  const std::string& uid = set->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    for (const auto& [ordinal, pod] : found->second.pods)
      if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    entries_.erase(found);
    return;
  }
  Entry& entry = entries_[uid];
  entry.object = set;
  reconcile(entry, desk);
}

void StatefulSets::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const auto found = entries_.find(pod->metadata.controller()->uid);
  if (found == entries_.end()) {
    if (change != port::Change::Deleted && !pod->metadata.deletionTimestamp)
      desk.remove("Pod", pod->metadata);
    return;
  }
  Entry& entry = found->second;
  const std::int32_t ordinal = ordinal_of(*pod);
  entry.creating.erase(ordinal);
  if (change == port::Change::Deleted)
    entry.pods.erase(ordinal);
  else
    entry.pods[ordinal] = pod;
  reconcile(entry, desk);
}

std::optional<std::int32_t> StatefulSets::wanted(const std::string& uid) const {
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return std::nullopt;
  return found->second.object->spec.replicas.value_or(1);
}

}  // namespace gputide::workloads
