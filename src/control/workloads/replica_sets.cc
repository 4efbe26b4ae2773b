#include "control/workloads/replica_sets.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <type_traits>
#include <utility>
#include <vector>

#include "control/workloads/statuses.h"
#include "model/conditions.h"

namespace gputide::workloads {

namespace {

int phase_rank(const model::Pod& pod) {
  if (pod.status.phase == "Pending") return 0;
  return pod.status.phase == "Running" ? 2 : 1;
}

std::int32_t deletion_cost(const model::Pod& pod) {
  const auto found = pod.metadata.annotations.find("controller.kubernetes.io/pod-deletion-cost");
  std::int32_t cost = 0;
  if (found != pod.metadata.annotations.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), cost);
  return cost;
}

// Ages count by their order of magnitude, so that which of a burst goes first is arbitrary.
int age_rank(std::optional<Instant> since, Instant now) {
  if (!since || *since >= now) return -1;
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>((now - *since).nanoseconds())));
}

}  // namespace

bool goes_first(const model::Pod& a, std::int32_t same_node_a, const model::Pod& b,
                std::int32_t same_node_b, Instant now) {
  if (a.spec->nodeName.empty() != b.spec->nodeName.empty()) return a.spec->nodeName.empty();
  if (phase_rank(a) != phase_rank(b)) return phase_rank(a) < phase_rank(b);
  if (is_ready(a) != is_ready(b)) return !is_ready(a);
  if (deletion_cost(a) != deletion_cost(b)) return deletion_cost(a) < deletion_cost(b);
  if (same_node_a != same_node_b) return same_node_a > same_node_b;
  if (is_ready(a)) {
    const int rank_a = age_rank(find_condition(a, "Ready")->lastTransitionTime, now);
    const int rank_b = age_rank(find_condition(b, "Ready")->lastTransitionTime, now);
    if (rank_a != rank_b) return rank_a < rank_b;
  }
  const int created_a = age_rank(a.metadata.creationTimestamp, now);
  const int created_b = age_rank(b.metadata.creationTimestamp, now);
  if (created_a != created_b) return created_a < created_b;
  return a.metadata.uid < b.metadata.uid;
}

void ReplicaSets::remove_some(Set& set, std::int32_t surplus, Desk& desk) {
  std::vector<const model::Pod*> candidates;
  std::map<std::string_view, std::int32_t> on_node;
  for (const auto& [name, pod] : set.pods) {
    if (!is_active(*pod) || set.being_deleted.contains(name)) continue;
    candidates.push_back(pod.get());
    ++on_node[pod->spec->nodeName];
  }
  const auto first = [&](const model::Pod* a, const model::Pod* b) {
    return goes_first(*a, on_node[a->spec->nodeName], *b, on_node[b->spec->nodeName], desk.now());
  };
  const std::size_t count = std::min(candidates.size(), static_cast<std::size_t>(surplus));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates.end(), first);
  for (std::size_t i = 0; i < count; ++i) {
    set.being_deleted[candidates[i]->metadata.name] = true;
    desk.remove("Pod", candidates[i]->metadata);
  }
}

void ReplicaSets::reconcile(Set& set, Desk& desk) {
  const auto leaving = static_cast<std::int32_t>(set.being_deleted.size());
  const std::int32_t missing = set.wanted - (set.active - leaving) - set.creating;
  for (std::int32_t i = 0; i < missing; ++i) desk.create(set.make());
  if (missing > 0) set.creating += missing;
  // What is still to come is not taken back; it is removed once it is there.
  const std::int32_t surplus = set.active - leaving - set.wanted;
  if (surplus > 0) remove_some(set, surplus, desk);
}

void ReplicaSets::check_status(const Set& set, Desk& desk) {
  if (set.object == nullptr || untrue_.contains(set.object->metadata.uid) ||
      replica_set_status(*set.object, {set.active, set.ready, set.available()}) ==
          set.object->status)
    return;
  untrue_.insert(set.object->metadata.uid);
  desk.arm_once(Part::Statuses, 0, desk.now() + kStatusDelay);
}

void ReplicaSets::write_statuses(Desk& desk) {
  for (const std::string& uid : std::exchange(untrue_, {})) {
    const auto found = sets_.find(uid);
    if (found == sets_.end()) continue;
    const Set& set = found->second;
    auto next = std::make_shared<model::ReplicaSet>(*set.object);
    next->status = replica_set_status(*next, {set.active, set.ready, set.available()});
    desk.replace_current(std::move(next));
  }
}

// A pod is ready first and available later.
void ReplicaSets::await(const std::string& uid, Set& set, const model::Pod* before,
                        const model::Pod* after, Desk& desk) {
  if (set.min_ready <= Duration()) return;
  const auto at_of = [&](const model::Pod* pod) {
    return pod == nullptr ? std::nullopt : available_at(*pod, set.min_ready);
  };
  if (const auto at = at_of(before)) set.waiting.erase({*at, before->metadata.name});
  if (const auto at = at_of(after); at && *at > desk.now())
    set.waiting.insert({*at, after->metadata.name});
  alarms_.set(uid, set.waiting.empty() ? std::nullopt : std::optional(set.waiting.begin()->first),
              desk);
}

void ReplicaSets::wait_anew(const std::string& uid, Set& set, Duration min_ready, Desk& desk) {
  if (set.min_ready == min_ready) return;
  set.min_ready = min_ready;
  set.waiting.clear();
  alarms_.set(uid, std::nullopt, desk);
  for (const auto& [name, pod] : set.pods) await(uid, set, nullptr, pod.get(), desk);
}

std::string ReplicaSets::time_passed(const std::string& uid, Desk& desk) {
  const auto found = sets_.find(uid);
  if (found == sets_.end()) return {};
  Set& set = found->second;
  while (!set.waiting.empty() && set.waiting.begin()->first <= desk.now())
    set.waiting.erase(set.waiting.begin());
  await(uid, set, nullptr, nullptr, desk);
  check_status(set, desk);
  return set.parent;
}

template <class Kind>
bool ReplicaSets::take(port::Change change, const Ref<Kind>& object, const std::string& kind,
                       Desk& desk) {
  const std::string& uid = object->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = sets_.find(uid);
    if (found == sets_.end()) return false;
    for (const auto& [name, pod] : found->second.pods)
      if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    sets_.erase(found);
    alarms_.set(uid, std::nullopt, desk);
    return true;
  }
  const auto [at, added] = sets_.try_emplace(uid);
  Set& set = at->second;
  set.kind = kind;
  if constexpr (std::is_same_v<Kind, model::ReplicaSet>) set.object = object;
  if (const model::OwnerReference* owner = object->metadata.controller()) set.parent = owner->uid;
  const std::int32_t before = std::exchange(set.wanted, object->spec.replicas.value_or(1));
  const std::string api_version = kind == "ReplicaSet" ? "apps/v1" : "v1";
  set.make = [object, api_version, kind] { return pod_of(*object, api_version, kind); };
  wait_anew(uid, set, min_ready(object->spec), desk);
  reconcile(set, desk);
  check_status(set, desk);
  return added || before != set.wanted;
}

bool ReplicaSets::changed(port::Change change, const Ref<model::ReplicaSet>& set, Desk& desk) {
  return take(change, set, "ReplicaSet", desk);
}

bool ReplicaSets::changed(port::Change change, const Ref<model::ReplicationController>& set,
                          Desk& desk) {
  return take(change, set, "ReplicationController", desk);
}

std::string ReplicaSets::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const auto found = sets_.find(pod->metadata.controller()->uid);
  if (found == sets_.end()) {  // its set is gone
    if (change != port::Change::Deleted && !pod->metadata.deletionTimestamp)
      desk.remove("Pod", pod->metadata);
    return {};
  }
  Set& set = found->second;
  const std::string& name = pod->metadata.name;
  const auto [at, added] = set.pods.try_emplace(name);
  const bool was_active = at->second && is_active(*at->second);
  const bool was_ready = was_active && is_ready(*at->second);
  const bool gone = change == port::Change::Deleted;
  const bool active = !gone && is_active(*pod);
  const bool ready = active && is_ready(*pod);
  if (added && set.creating > 0) --set.creating;
  set.active += static_cast<int>(active) - static_cast<int>(was_active);
  set.ready += static_cast<int>(ready) - static_cast<int>(was_ready);
  await(found->first, set, at->second.get(), gone ? nullptr : pod.get(), desk);
  if (!active && !set.being_deleted.empty()) set.being_deleted.erase(name);
  if (gone)
    set.pods.erase(at);
  else
    at->second = pod;
  if (active != was_active || added) reconcile(set, desk);
  if (active != was_active || ready != was_ready) check_status(set, desk);
  return active != was_active || ready != was_ready || gone ? set.parent : std::string();
}

ReplicaSets::Count ReplicaSets::count(const std::string& uid) const {
  const auto found = sets_.find(uid);
  if (found == sets_.end()) return {};
  const Set& set = found->second;
  return {set.wanted, set.active, set.ready, set.available(),
          static_cast<std::int32_t>(set.pods.size())};
}

std::optional<std::int32_t> ReplicaSets::wanted(const std::string& uid) const {
  const auto found = sets_.find(uid);
  if (found == sets_.end()) return std::nullopt;
  return found->second.wanted;
}

}  // namespace gputide::workloads
