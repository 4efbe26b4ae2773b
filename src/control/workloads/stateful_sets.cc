#include "control/workloads/stateful_sets.h"

#include <algorithm>
#include <charconv>
#include <vector>

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

std::string claim_name(const model::PersistentVolumeClaim& claim, const model::StatefulSet& set,
                       std::int32_t ordinal) {
  return claim.metadata.name + "-" + set.metadata.name + "-" + std::to_string(ordinal);
}

enum class End { Scaled, Deleted };

bool removes_claims(const model::StatefulSet& set, End end) {
  const auto& policy = set.spec.persistentVolumeClaimRetentionPolicy;
  return policy && (end == End::Scaled ? policy->whenScaled : policy->whenDeleted) == "Delete";
}

}  // namespace

// Claims that an earlier pod of this name left are used again.
void StatefulSets::add_claims(const Entry& entry, std::int32_t ordinal, model::Pod& pod,
                              Desk& desk) const {
  const model::StatefulSet& set = *entry.object;
  for (const model::PersistentVolumeClaim& form : set.spec.volumeClaimTemplates) {
    const std::string name = claim_name(form, set, ordinal);
    std::vector<model::Volume>& volumes = pod.spec.edit().volumes;
    std::erase_if(volumes, [&](const auto& volume) { return volume.name == form.metadata.name; });
    model::Volume& volume = volumes.emplace_back();
    volume.name = form.metadata.name;
    volume.persistentVolumeClaim.emplace().claimName = name;
    if (volumes_.has_claim(set.metadata.namespace_, name)) continue;
    auto claim = std::make_shared<model::PersistentVolumeClaim>();
    claim->metadata.namespace_ = set.metadata.namespace_;
    claim->metadata.name = name;
    claim->metadata.annotations = form.metadata.annotations;
    claim->metadata.labels = form.metadata.labels;
    if (set.spec.selector)
      for (const auto& [key, value] : set.spec.selector->matchLabels)
        claim->metadata.labels[key] = value;
    claim->spec = form.spec;
    desk.create(std::move(claim));
  }
}

void StatefulSets::remove_claims(const Entry& entry, std::int32_t ordinal, Desk& desk) const {
  const model::StatefulSet& set = *entry.object;
  for (const model::PersistentVolumeClaim& form : set.spec.volumeClaimTemplates) {
    model::ObjectMeta claim;
    claim.namespace_ = set.metadata.namespace_;
    claim.name = claim_name(form, set, ordinal);
    if (volumes_.has_claim(claim.namespace_, claim.name))
      desk.remove("PersistentVolumeClaim", claim);
  }
}

void StatefulSets::create(Entry& entry, std::int32_t ordinal, Desk& desk) {
  auto pod = pod_of(*entry.object, "apps/v1", "StatefulSet");
  const std::string number = std::to_string(ordinal);
  pod->metadata.name = entry.object->metadata.name + "-" + number;
  pod->metadata.generateName.clear();
  pod->metadata.labels["statefulset.kubernetes.io/pod-name"] = pod->metadata.name;
  pod->metadata.labels["apps.kubernetes.io/pod-index"] = number;
  entry.creating[ordinal] = true;
  add_claims(entry, ordinal, *pod, desk);
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

// Nothing is left of a set that is gone once its pods are; claims may go then, too.
void StatefulSets::end(const std::string& uid, Desk& desk) {
  const auto found = entries_.find(uid);
  const Entry& entry = found->second;
  if (!entry.pods.empty() || !entry.creating.empty()) return;
  if (removes_claims(*entry.object, End::Deleted))
    for (std::int32_t ordinal = 0; ordinal < entry.ordinals; ++ordinal)
      remove_claims(entry, ordinal, desk);
  entries_.erase(found);
}

void StatefulSets::changed(port::Change change, const Ref<model::StatefulSet>& set, Desk& desk) {
  const std::string& uid = set->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    found->second.gone = true;
    for (const auto& [ordinal, pod] : found->second.pods)
      if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    return end(uid, desk);
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
  const bool gone = change == port::Change::Deleted;
  entry.creating.erase(ordinal);
  entry.ordinals = std::max(entry.ordinals, ordinal + 1);
  if (gone)
    entry.pods.erase(ordinal);
  else
    entry.pods[ordinal] = pod;
  if (entry.gone) {
    if (!gone && !pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    return end(entry.object->metadata.uid, desk);
  }
  if (gone && ordinal >= entry.object->spec.replicas.value_or(1) &&
      removes_claims(*entry.object, End::Scaled))
    remove_claims(entry, ordinal, desk);
  reconcile(entry, desk);
}

std::optional<std::int32_t> StatefulSets::wanted(const std::string& uid) const {
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second.gone) return std::nullopt;
  return found->second.object->spec.replicas.value_or(1);
}

}  // namespace gputide::workloads
