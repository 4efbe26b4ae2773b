#include "control/workloads/deployments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "control/workloads/statuses.h"
#include "control/workloads/template_hash.h"
#include "model/int_or_string.h"

namespace gputide::workloads {

namespace {

constexpr std::string_view kTemplateHashLabel = "pod-template-hash";

// Of so many pods; `up` says which way percentages are rounded.
std::int32_t amount(const std::optional<model::IntOrString>& wanted,
                    const model::Deployment& deployment, bool up) {
  return static_cast<std::int32_t>(
      model::scaled_value(wanted.value_or(model::IntOrString::from_string("25%")),
                          deployment.spec.replicas.value_or(1), up)
          .value_or(0));
}

std::int32_t max_surge(const model::Deployment& deployment) {
  return amount(deployment.spec.strategy.rollingUpdate.maxSurge, deployment, true);
}

std::int32_t max_unavailable(const model::Deployment& deployment) {
  if (deployment.spec.strategy.type == "Recreate") return 0;  // it is of rolling updates
  return amount(deployment.spec.strategy.rollingUpdate.maxUnavailable, deployment, false);
}

}  // namespace

std::int32_t Deployments::wanted(const Entry& entry, const model::ReplicaSet& set) const {
  const auto asked = entry.scaling.find(set.metadata.name);
  return asked != entry.scaling.end() ? asked->second : set.spec.replicas.value_or(1);
}

void Deployments::create_set(Entry& entry, std::int32_t replicas, Desk& desk) {
  const model::Deployment& deployment = *entry.object;
  auto set = std::make_shared<model::ReplicaSet>();
  const std::string key(kTemplateHashLabel);
  set->metadata.name = deployment.metadata.name + "-" + entry.hash;
  set->metadata.namespace_ = deployment.metadata.namespace_;
  set->metadata.labels = deployment.spec.template_.metadata.labels;
  set->metadata.labels[key] = entry.hash;
  set->metadata.ownerReferences.push_back(
      {"apps/v1", "Deployment", deployment.metadata.name, deployment.metadata.uid, true, true});
  set->spec.replicas = replicas;
  set->spec.selector = deployment.spec.selector.value_or(model::LabelSelector{});
  set->spec.selector->matchLabels[key] = entry.hash;
  set->spec.minReadySeconds = deployment.spec.minReadySeconds;
  set->spec.template_ = deployment.spec.template_;
  set->spec.template_.metadata.name.clear();
  set->spec.template_.metadata.labels[key] = entry.hash;
  entry.creating = entry.hash;
  desk.create(std::move(set));
}

void Deployments::scale(Entry& entry, const Ref<model::ReplicaSet>& set, std::int32_t replicas,
                        Desk& desk) {
  if (wanted(entry, *set) == replicas) return;
  entry.scaling[set->metadata.name] = replicas;
  auto now = std::make_shared<model::ReplicaSet>(*set);
  now->spec.replicas = replicas;
  desk.replace(std::move(now));
}

// Where several sets have pods, another number of replicas is shared out in proportion to what they
// have, with the surge; the largest takes what rounding leaves. True when a set changes. Source:
// kube-controller-manager 1.34, pkg/controller/deployment (sync.go, util).
bool Deployments::share_out(Entry& entry, Desk& desk) {
  const std::int32_t want = entry.object->spec.replicas.value_or(1);
  const std::int32_t before = entry.replicas.value_or(want);
  const std::int64_t most_before = entry.most;
  const std::int64_t most = want > 0 ? want + max_surge(*entry.object) : 0;
  entry.replicas = want;
  entry.most = static_cast<std::int32_t>(most);
  std::vector<std::pair<Ref<model::ReplicaSet>, std::int64_t>> active;
  std::int64_t missing = most;
  for (const auto& [name, set] : entry.sets)
    if (const std::int32_t has = wanted(entry, *set); has > 0) {
      active.emplace_back(set, has);
      missing -= has;
    }
  if (before == want || most_before <= 0 || active.size() < 2 || missing == 0) return false;
  const auto age = [](const auto& each) {
    return std::pair(each.first->metadata.creationTimestamp, each.first->metadata.name);
  };
  std::sort(active.begin(), active.end(), [&](const auto& a, const auto& b) {
    if (a.second != b.second) return a.second > b.second;
    return missing > 0 ? age(b) < age(a) : age(a) < age(b);
  });
  std::int64_t left = missing;
  for (auto& [set, has] : active) {
    const std::int64_t share = (2 * has * most + most_before) / (2 * most_before) - has;  // rounded
    const std::int64_t change = missing > 0 ? std::min(share, left) : std::max(share, left);
    has += change;
    left -= change;
  }
  active.front().second = std::max<std::int64_t>(0, active.front().second + left);
  for (const auto& [set, has] : active) scale(entry, set, static_cast<std::int32_t>(has), desk);
  return true;
}

// Grows the new set as far as the surge allows, and shrinks the old ones as far as enough pods are
// available: those that are not first.
void Deployments::roll(Entry& entry, const Ref<model::ReplicaSet>& current, Desk& desk) {
  const std::int32_t want = entry.object->spec.replicas.value_or(1);
  const std::int32_t surge = max_surge(*entry.object);
  std::int32_t unavailable = max_unavailable(*entry.object);
  if (surge == 0 && unavailable == 0) unavailable = 1;
  std::int32_t total = 0;
  std::int32_t available = 0;
  for (const auto& [name, set] : entry.sets) {
    total += wanted(entry, *set);
    available += sets_.count(set->metadata.uid).available;
  }
  const std::int32_t mine = wanted(entry, *current);
  if (mine > want) return scale(entry, current, want, desk);
  const std::int32_t room = std::min(want - mine, want + surge - total);
  if (room > 0) {
    scale(entry, current, mine + room, desk);
    total += room;
  }
  const std::int32_t missing_new =
      wanted(entry, *current) - sets_.count(current->metadata.uid).available;
  std::int32_t removable = total - (want - unavailable) - missing_new;
  std::int32_t spare = available - (want - unavailable);
  for (const auto& [name, set] : entry.sets) {
    if (set == current || removable <= 0) continue;
    const std::int32_t has = wanted(entry, *set);
    const ReplicaSets::Count count = sets_.count(set->metadata.uid);
    const std::int32_t unready = std::clamp(has - count.available, 0, removable);
    const std::int32_t down =
        std::min({has, removable, unready + std::max<std::int32_t>(0, spare)});
    if (down <= 0) continue;
    scale(entry, set, has - down, desk);
    removable -= down;
    spare -= std::max(0, down - unready);
  }
}

// Nothing new before the last old pod is gone.
void Deployments::recreate(Entry& entry, const Ref<model::ReplicaSet>& current, Desk& desk) {
  bool old_left = false;
  for (const auto& [name, set] : entry.sets) {
    if (set == current) continue;
    scale(entry, set, 0, desk);
    old_left = old_left || sets_.count(set->metadata.uid).all > 0;
  }
  if (!old_left) scale(entry, current, entry.object->spec.replicas.value_or(1), desk);
}

Ref<model::ReplicaSet> Deployments::current_set(const Entry& entry) {
  Ref<model::ReplicaSet> current;
  for (const auto& [name, set] : entry.sets) {
    const auto hash = set->metadata.labels.find(std::string(kTemplateHashLabel));
    if (hash != set->metadata.labels.end() && hash->second == entry.hash) current = set;
  }
  return current;
}

model::Value Deployments::status_of(const Entry& entry, Instant now) const {
  PodCounts all;
  for (const auto& [name, set] : entry.sets) {
    const ReplicaSets::Count count = sets_.count(set->metadata.uid);
    all.active += count.active;
    all.ready += count.ready;
    all.available += count.available;
  }
  const Ref<model::ReplicaSet> current = current_set(entry);
  const ReplicaSets::Count updated =
      current ? sets_.count(current->metadata.uid) : ReplicaSets::Count();
  return deployment_status(*entry.object, all, {updated.active, updated.ready, updated.available},
                           current ? current->metadata.name : std::string(),
                           max_unavailable(*entry.object), now);
}

void Deployments::check_status(const Entry& entry, Desk& desk) {
  const std::string& uid = entry.object->metadata.uid;
  if (untrue_.contains(uid)) return;
  const model::Value status = status_of(entry, desk.now());
  alarms_.set(uid,
              entry.object->spec.paused ? std::nullopt : progress_ends(entry.object->spec, status),
              desk);
  if (status == entry.object->status) return;
  untrue_.insert(uid);
  desk.arm_once(Part::Statuses, 0, desk.now() + kStatusDelay);
}

void Deployments::write_statuses(Desk& desk) {
  for (const std::string& uid : std::exchange(untrue_, {})) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) continue;
    auto next = std::make_shared<model::Deployment>(*found->second.object);
    next->status = status_of(found->second, desk.now());
    if (const std::string why = timed_out(next->status);
        !why.empty() && timed_out(found->second.object->status).empty())
      desk.publish("Deployment", next->metadata, true, std::string(kProgressDeadlineExceeded),
                   why.substr(0, why.rfind('.')));
    desk.replace_current(std::move(next));
  }
}

void Deployments::reconcile(Entry& entry, Desk& desk) {
  const Ref<model::ReplicaSet> current = current_set(entry);
  if (entry.object->spec.paused) {  // no template is rolled out, and one set keeps its number
    if (entry.sets.size() == 1)
      scale(entry, entry.sets.begin()->second, entry.object->spec.replicas.value_or(1), desk);
    return;
  }
  if (!current) {
    if (entry.creating == entry.hash) return;
    const bool first = entry.sets.empty();
    return create_set(entry, first ? entry.object->spec.replicas.value_or(1) : 0, desk);
  }
  if (current->spec.minReadySeconds != entry.object->spec.minReadySeconds) {
    auto next = std::make_shared<model::ReplicaSet>(*current);
    next->spec.minReadySeconds = entry.object->spec.minReadySeconds;
    next->spec.replicas = wanted(entry, *current);
    return desk.replace(std::move(next));  // and on, when it has changed
  }
  if (entry.object->spec.strategy.type == "Recreate")
    recreate(entry, current, desk);
  else if (entry.sets.size() == 1)
    scale(entry, current, entry.object->spec.replicas.value_or(1), desk);
  else if (!share_out(entry, desk))
    roll(entry, current, desk);
}

void Deployments::changed(port::Change change, const Ref<model::Deployment>& deployment,
                          Desk& desk) {
  const std::string& uid = deployment->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    for (const auto& [name, set] : found->second.sets) desk.remove("ReplicaSet", set->metadata);
    entries_.erase(found);
    alarms_.set(uid, std::nullopt, desk);
    return;
  }
  Entry& entry = entries_[uid];
  const bool same = entry.object != nullptr &&
                    same_template(entry.object->spec.template_, deployment->spec.template_);
  entry.object = deployment;
  if (!same) entry.hash = template_hash(deployment->spec.template_);
  reconcile(entry, desk);
  check_status(entry, desk);
}

void Deployments::set_changed(port::Change change, const Ref<model::ReplicaSet>& set, Desk& desk) {
  const auto found = entries_.find(set->metadata.controller()->uid);
  if (found == entries_.end()) {
    if (change != port::Change::Deleted) desk.remove("ReplicaSet", set->metadata);
    return;
  }
  Entry& entry = found->second;
  if (change == port::Change::Deleted) {
    entry.sets.erase(set->metadata.name);
    entry.scaling.erase(set->metadata.name);
    reconcile(entry, desk);
    return check_status(entry, desk);
  }
  entry.creating.clear();
  const auto asked = entry.scaling.find(set->metadata.name);
  if (asked != entry.scaling.end() && asked->second == set->spec.replicas.value_or(1))
    entry.scaling.erase(asked);
  entry.sets[set->metadata.name] = set;
  reconcile(entry, desk);
  check_status(entry, desk);
}

void Deployments::time_passed(const std::string& uid, Desk& desk) {
  if (const auto found = entries_.find(uid); found != entries_.end())
    check_status(found->second, desk);
}

void Deployments::counts_changed(const std::string& uid, Desk& desk) {
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  // With one set there is nothing to roll: the set keeps its number itself.
  if (found->second.sets.size() > 1) reconcile(found->second, desk);
  check_status(found->second, desk);
}

}  // namespace gputide::workloads
