#include "control/workloads/stateful_sets.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "control/workloads/template_hash.h"

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

constexpr std::string_view kRevisionLabel = "controller-revision-hash";

std::string_view revision_of(const model::Pod& pod) {
  const auto label = pod.metadata.labels.find(std::string(kRevisionLabel));
  return label == pod.metadata.labels.end() ? std::string_view() : label->second;
}

bool rolls(const model::StatefulSet& set) {
  return set.spec.updateStrategy.type != "OnDelete";
}

std::optional<std::int32_t> partition_of(const model::StatefulSet& set) {
  return set.spec.updateStrategy.rollingUpdate.partition;
}

}  // namespace

std::int32_t StatefulSets::Entry::first() const {
  return object->spec.ordinals.start;
}

std::int32_t StatefulSets::Entry::end() const {
  return first() + object->spec.replicas.value_or(1);
}

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

// Of the old template where an update has not come to this ordinal yet.
void StatefulSets::create(Entry& entry, std::int32_t ordinal, Desk& desk) {
  const std::int32_t old_ones =
      partition_of(*entry.object).value_or(count(entry, desk.now()).current);
  const bool old = entry.current_revision != entry.revision && rolls(*entry.object) &&
                   ordinal < entry.first() + old_ones;
  auto pod = pod_of(old ? *entry.current : *entry.object, "apps/v1", "StatefulSet");
  const std::string number = std::to_string(ordinal);
  pod->metadata.name = entry.object->metadata.name + "-" + number;
  pod->metadata.generateName.clear();
  pod->metadata.labels["statefulset.kubernetes.io/pod-name"] = pod->metadata.name;
  pod->metadata.labels["apps.kubernetes.io/pod-index"] = number;
  pod->metadata.labels[std::string(kRevisionLabel)] = old ? entry.current_revision : entry.revision;
  entry.creating[ordinal] = true;
  add_claims(entry, ordinal, *pod, desk);
  desk.create(std::move(pod));
}

// OrderedReady: the next pod comes when all before it are available. Parallel: all at once. False:
// something must happen first.
bool StatefulSets::fill(Entry& entry, Desk& desk) {
  const bool ordered = entry.object->spec.podManagementPolicy != "Parallel";
  for (std::int32_t ordinal = entry.first(); ordinal < entry.end(); ++ordinal) {
    const auto found = entry.pods.find(ordinal);
    if (found == entry.pods.end()) {
      if (!entry.creating.contains(ordinal)) create(entry, ordinal, desk);
      if (ordered) return false;
      continue;
    }
    const model::Pod& pod = *found->second;
    if (is_finished(pod) && !pod.metadata.deletionTimestamp) desk.remove("Pod", pod.metadata);
    const auto at = available_at(pod, min_ready(entry.object->spec));
    if (ordered && (!at || *at > desk.now())) return false;
  }
  return true;
}

// Pods of ordinals that are not wanted go, the highest first; one after the other if they are
// ordered. False: one is on its way.
bool StatefulSets::condemn(Entry& entry, Desk& desk) {
  const bool ordered = entry.object->spec.podManagementPolicy != "Parallel";
  for (auto at = entry.pods.rbegin(); at != entry.pods.rend(); ++at) {
    if (entry.wants(at->first)) continue;
    if (!at->second->metadata.deletionTimestamp) desk.remove("Pod", at->second->metadata);
    if (ordered) return false;
  }
  return true;
}

// Replaces pods of another template, the highest ordinal first, each when those above it are ready.
void StatefulSets::roll(Entry& entry, Desk& desk) {
  if (!rolls(*entry.object)) return;
  const std::int32_t least = entry.first() + partition_of(*entry.object).value_or(0);
  for (std::int32_t ordinal = entry.end() - 1; ordinal >= least; --ordinal) {
    const auto found = entry.pods.find(ordinal);
    if (found == entry.pods.end()) return;
    const model::Pod& pod = *found->second;
    if (revision_of(pod) != entry.revision && !pod.metadata.deletionTimestamp)
      return desk.remove("Pod", pod.metadata);
    if (!is_active(pod) || !is_ready(pod)) return;
  }
}

void StatefulSets::reconcile(Entry& entry, Desk& desk) {
  if (fill(entry, desk) && condemn(entry, desk)) roll(entry, desk);
  counted(entry, desk);
}

RevisionCounts StatefulSets::count(const Entry& entry, Instant now) {
  RevisionCounts counts;
  counts.current_revision = entry.current_revision;
  counts.update_revision = entry.revision;
  for (const auto& [ordinal, pod] : entry.pods) {
    ++counts.all;
    if (is_active(*pod) && is_ready(*pod)) ++counts.ready;
    const auto at = available_at(*pod, min_ready(entry.object->spec));
    if (at && *at <= now) ++counts.available;
    if (pod->metadata.deletionTimestamp) continue;
    if (revision_of(*pod) == entry.current_revision) ++counts.current;
    if (revision_of(*pod) == entry.revision) ++counts.updated;
  }
  return counts;
}

void StatefulSets::counted(Entry& entry, Desk& desk) {
  const std::string& uid = entry.object->metadata.uid;
  RevisionCounts counts = count(entry, desk.now());
  const std::int32_t wanted = entry.object->spec.replicas.value_or(1);
  if (rolls(*entry.object) && counts.updated == wanted && counts.all == wanted &&
      counts.ready == wanted) {
    entry.current = entry.object;
    entry.current_revision = entry.revision;
    counts = count(entry, desk.now());
  }
  std::optional<Instant> next;
  for (const auto& [ordinal, pod] : entry.pods) {
    const auto at = available_at(*pod, min_ready(entry.object->spec));
    if (at && *at > desk.now() && (!next || *at < *next)) next = at;
  }
  alarms_.set(uid, next, desk);
  if (untrue_.contains(uid) || stateful_set_status(*entry.object, counts) == entry.object->status)
    return;
  untrue_.insert(uid);
  desk.arm_once(Part::Statuses, 0, desk.now() + kStatusDelay);
}

void StatefulSets::write_statuses(Desk& desk) {
  for (const std::string& uid : std::exchange(untrue_, {})) {
    const auto found = entries_.find(uid);
    if (found == entries_.end() || found->second.gone) continue;
    auto next = std::make_shared<model::StatefulSet>(*found->second.object);
    next->status = stateful_set_status(*next, count(found->second, desk.now()));
    if (!(next->status == found->second.object->status)) desk.replace_current(std::move(next));
  }
}

void StatefulSets::time_passed(const std::string& uid, Desk& desk) {
  const auto found = entries_.find(uid);
  if (found != entries_.end() && !found->second.gone) reconcile(found->second, desk);
}

// Nothing is left of a set that is gone once its pods are; claims may go then, too.
void StatefulSets::end(const std::string& uid, Desk& desk) {
  const auto found = entries_.find(uid);
  const Entry& entry = found->second;
  if (!entry.pods.empty() || !entry.creating.empty()) return;
  if (removes_claims(*entry.object, End::Deleted))
    for (const std::int32_t ordinal : entry.ordinals) remove_claims(entry, ordinal, desk);
  entries_.erase(found);
}

void StatefulSets::changed(port::Change change, const Ref<model::StatefulSet>& set, Desk& desk) {
  const std::string& uid = set->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    found->second.gone = true;
    alarms_.set(uid, std::nullopt, desk);
    for (const auto& [ordinal, pod] : found->second.pods)
      if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    return end(uid, desk);
  }
  Entry& entry = entries_[uid];
  const bool same =
      entry.object && same_template(entry.object->spec.template_, set->spec.template_);
  entry.object = set;
  if (!same) entry.revision = set->metadata.name + "-" + template_hash(set->spec.template_);
  if (!entry.current) {
    entry.current = set;
    entry.current_revision = entry.revision;
  }
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
  entry.ordinals.insert(ordinal);
  if (gone)
    entry.pods.erase(ordinal);
  else
    entry.pods[ordinal] = pod;
  if (entry.gone) {
    if (!gone && !pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    return end(entry.object->metadata.uid, desk);
  }
  if (gone && !entry.wants(ordinal) && removes_claims(*entry.object, End::Scaled))
    remove_claims(entry, ordinal, desk);
  reconcile(entry, desk);
}

std::optional<std::int32_t> StatefulSets::wanted(const std::string& uid) const {
  const auto found = entries_.find(uid);
  if (found == entries_.end() || found->second.gone) return std::nullopt;
  return found->second.object->spec.replicas.value_or(1);
}

}  // namespace gputide::workloads
