#include "control/workloads/disruption.h"

#include <algorithm>
#include <set>

#include "model/int_or_string.h"

namespace gputide::workloads {

namespace {

// Percentages of pods are rounded up, for both bounds.
std::int32_t scaled(const model::IntOrString& value, std::int32_t of) {
  return static_cast<std::int32_t>(model::scaled_value(value, of, true).value_or(0));
}

}  // namespace

std::pair<std::int32_t, std::int32_t> Disruption::expected(const Entry& entry) const {
  const model::PodDisruptionBudgetSpec& spec = entry.object->spec;
  const auto present = static_cast<std::int32_t>(entry.pods.size());
  if (!spec.maxUnavailable && spec.minAvailable && !spec.minAvailable->is_string())
    return {present, spec.minAvailable->int_value()};
  std::int32_t sum = 0;
  std::set<std::string_view> counted;
  for (const auto& [name, pod] : entry.pods) {
    const model::OwnerReference* owner = pod->metadata.controller();
    if (owner == nullptr || !counted.insert(owner->uid).second) continue;
    sum += scale_(*owner).value_or(0);
  }
  if (spec.maxUnavailable) return {sum, std::max(0, sum - scaled(*spec.maxUnavailable, sum))};
  if (spec.minAvailable) return {sum, scaled(*spec.minAvailable, sum)};
  return {present, 0};
}

void Disruption::recount(Entry& entry, Desk& desk) {
  const auto [pods, desired] = expected(entry);
  std::int32_t healthy = 0;
  for (const auto& [name, pod] : entry.pods)
    if (is_active(*pod) && is_ready(*pod)) ++healthy;
  const std::int32_t allowed = pods <= 0 ? 0 : std::max(0, healthy - desired);
  const model::PodDisruptionBudgetStatus& before = entry.object->status;
  if (before.disruptionsAllowed == allowed && before.currentHealthy == healthy &&
      before.desiredHealthy == desired && before.expectedPods == pods)
    return;
  auto now = std::make_shared<model::PodDisruptionBudget>(*entry.object);
  now->status.disruptionsAllowed = allowed;
  now->status.currentHealthy = healthy;
  now->status.desiredHealthy = desired;
  now->status.expectedPods = pods;
  entry.object = now;
  desk.replace(std::move(now));
}

void Disruption::changed(port::Change change, const Ref<model::PodDisruptionBudget>& budget,
                         Desk& desk) {
  const model::ObjectMeta& meta = budget->metadata;
  const std::string key = meta.namespace_ + "/" + meta.name;
  if (change == port::Change::Deleted) {
    entries_.erase(key);
    return;
  }
  Entry& entry = entries_[key];
  const bool known = entry.object && entry.object->spec.selector == budget->spec.selector;
  entry.object = budget;
  if (!known) {
    entry.selector = model::Selector::of(budget->spec.selector);
    entry.pods.clear();
    for (const auto& [uid, pod] : pods_)
      if (pod->metadata.namespace_ == meta.namespace_ && !is_finished(*pod) &&
          entry.selector.matches(pod->metadata.labels))
        entry.pods.emplace(pod->metadata.name, pod);
  }
  recount(entry, desk);
}

void Disruption::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const bool gone = change == port::Change::Deleted;
  if (gone)
    pods_.erase(pod->metadata.uid);
  else
    pods_[pod->metadata.uid] = pod;
  for (auto& [key, entry] : entries_) {
    if (entry.object->metadata.namespace_ != pod->metadata.namespace_) continue;
    const bool counts = !gone && !is_finished(*pod) && entry.selector.matches(pod->metadata.labels);
    if (counts)
      entry.pods[pod->metadata.name] = pod;
    else if (entry.pods.erase(pod->metadata.name) == 0)
      continue;
    recount(entry, desk);
  }
}

void Disruption::scale_changed(Desk& desk) {
  for (auto& [key, entry] : entries_) recount(entry, desk);
}

}  // namespace gputide::workloads
