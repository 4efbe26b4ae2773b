#include "control/workloads/statuses.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gputide::workloads {

using model::Value;

namespace {

// Zero is left out, as the API server does.
void set_count(Value& status, std::string_view key, std::int32_t count) {
  if (count != 0) status.set(key, std::int64_t{count});
}

constexpr std::string_view kObserved = "observedGeneration";

// nullptr: nobody says it.
const Value* generation_of(const model::ObjectMeta& meta) {
  for (const model::Member& member : meta.kept)
    if (member.key == "generation") return &member.value;
  return nullptr;
}

void set_generation(Value& status, const model::ObjectMeta& meta) {
  if (const Value* generation = generation_of(meta)) status.set(kObserved, *generation);
}

const Value* condition_of(const Value& status, std::string_view type) {
  const Value* conditions = status.find("conditions");
  if (conditions == nullptr || !conditions->is_list()) return nullptr;
  for (const Value& each : conditions->as_list())
    if (each.text_at("type") == type) return &each;
  return nullptr;
}

// With the times of the one before, as far as it says the same. `anew`: it is said once more.
Value condition(const Value& before, std::string_view type, bool holds, std::string_view reason,
                const std::string& message, Instant now, bool anew = false) {
  const Value* old = condition_of(before, type);
  const std::string_view status = holds ? "True" : "False";
  const bool same_status = old != nullptr && old->text_at("status") == status;
  if (!anew && same_status && old->text_at("reason") == reason &&
      old->text_at("message") == message)
    return *old;
  const std::string time = now.rfc3339();
  Value made;
  made.set("type", type);
  made.set("status", status);
  made.set("lastUpdateTime", time);
  made.set("lastTransitionTime",
           same_status ? std::string(old->text_at("lastTransitionTime")) : time);
  made.set("reason", reason);
  made.set("message", message);
  return made;
}

constexpr std::string_view kAvailable = "NewReplicaSetAvailable";
constexpr std::int32_t kDefaultDeadline = 600;

std::int64_t count_of(const Value& status, std::string_view key) {
  const Value* count = status.find(key);
  return count == nullptr ? 0 : count->as_int();
}

// More pods of the newest template, fewer of others, or more that are ready or available.
bool progressed(const Value& before, const Value& now) {
  const auto grows = [&](std::string_view key) {
    return count_of(now, key) > count_of(before, key);
  };
  const auto old = [](const Value& status) {
    return count_of(status, "replicas") - count_of(status, "updatedReplicas");
  };
  return grows("updatedReplicas") || grows("readyReplicas") || grows("availableReplicas") ||
         old(now) < old(before);
}

// The condition Progressing; `counts`: the status so far.
std::optional<Value> progress_of(const model::Deployment& deployment, const Value& counts,
                                 const std::string& current, bool complete, Instant now) {
  const Value& before = deployment.status;
  const Value* old = condition_of(before, "Progressing");
  // Once all of a template are there, it stays so for this template, whatever becomes of them.
  if (old != nullptr && old->text_at("reason") == kAvailable &&
      count_of(counts, "replicas") == count_of(counts, "updatedReplicas"))
    return *old;
  if (current.empty()) return old == nullptr ? std::nullopt : std::optional(*old);
  const std::string set = fmt::format("ReplicaSet \"{}\"", current);
  if (complete)
    return condition(before, "Progressing", true, kAvailable, set + " has successfully progressed.",
                     now);
  // What was counted before is of another template.
  const bool first =
      old == nullptr || old->text_at("message").find(current) == std::string_view::npos;
  if (first ? count_of(counts, "updatedReplicas") > 0 : progressed(before, counts))
    return condition(before, "Progressing", true, "ReplicaSetUpdated", set + " is progressing.",
                     now, true);
  if (first)
    return condition(before, "Progressing", true, "NewReplicaSetCreated",
                     fmt::format("Created new replica set \"{}\"", current), now);
  const std::optional<Instant> end = progress_ends(deployment.spec, before);
  if (!end || *end > now) return *old;
  return condition(before, "Progressing", false, kProgressDeadlineExceeded,
                   set + " has timed out progressing.", now);
}

}  // namespace

Value replica_set_status(const model::ReplicaSet& set, const PodCounts& pods) {
  Value status;
  status.set("replicas", std::int64_t{pods.active});
  set_count(status, "fullyLabeledReplicas", pods.active);
  set_count(status, "readyReplicas", pods.ready);
  set_count(status, "availableReplicas", pods.available);
  set_generation(status, set.metadata);
  return status;
}

Value deployment_status(const model::Deployment& deployment, const PodCounts& all,
                        const PodCounts& updated, const std::string& current,
                        std::int32_t unavailable, Instant now) {
  const std::int32_t wanted = deployment.spec.replicas.value_or(1);
  const Value& before = deployment.status;
  Value status;
  set_generation(status, deployment.metadata);
  set_count(status, "replicas", all.active);
  set_count(status, "updatedReplicas", updated.active);
  set_count(status, "readyReplicas", all.ready);
  set_count(status, "availableReplicas", all.available);
  set_count(status, "unavailableReplicas", std::max(0, all.active - all.available));
  const bool enough = all.available >= wanted - unavailable;
  Value::List conditions;
  conditions.push_back(condition(before, "Available", enough,
                                 enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                                 enough ? "Deployment has minimum availability."
                                        : "Deployment does not have minimum availability.",
                                 now));
  const bool complete = updated.active == wanted && all.active == wanted && all.available == wanted;
  if (auto progress = progress_of(deployment, status, current, complete, now))
    conditions.push_back(std::move(*progress));
  status.set("conditions", Value(std::move(conditions)));
  return status;
}

std::optional<Instant> progress_ends(const model::DeploymentSpec& spec, const Value& status) {
  const std::int32_t seconds = spec.progressDeadlineSeconds.value_or(kDefaultDeadline);
  const Value* progress = condition_of(status, "Progressing");
  if (progress == nullptr || seconds == std::numeric_limits<std::int32_t>::max() ||
      progress->text_at("reason") == kAvailable ||
      progress->text_at("reason") == kProgressDeadlineExceeded)
    return std::nullopt;
  const Result<Instant> since = Instant::parse_rfc3339(progress->text_at("lastUpdateTime"));
  if (!since) return std::nullopt;
  return *since + Duration::seconds(seconds) + Duration::seconds(1);
}

std::string timed_out(const Value& status) {
  const Value* progress = condition_of(status, "Progressing");
  if (progress == nullptr || progress->text_at("reason") != kProgressDeadlineExceeded) return {};
  return std::string(progress->text_at("message"));
}

namespace {

struct Count {
  std::string_view key;
  std::int32_t count;
  bool always;  // said when it is zero, too
};

// In the order in which they are written; the generation comes after the fourth.
std::array<Count, 7> counts_of(const NodeCounts& nodes) {
  return {{{"currentNumberScheduled", nodes.current, true},
           {"numberMisscheduled", nodes.misscheduled, true},
           {"desiredNumberScheduled", nodes.desired, true},
           {"numberReady", nodes.ready, true},
           {"updatedNumberScheduled", nodes.updated, false},
           {"numberAvailable", nodes.available, false},
           {"numberUnavailable", nodes.desired - nodes.available, false}}};
}

// Whether the status is the one that daemon_set_status makes, without making it.
bool says(const model::DaemonSet& set, const NodeCounts& nodes) {
  if (!set.status.is_map()) return false;
  std::size_t members = 0;
  for (const Count& each : counts_of(nodes)) {
    if (!each.always && each.count == 0) continue;
    const Value* said = set.status.find(each.key);
    if (said == nullptr || said->kind() != Value::Kind::Int || said->as_int() != each.count)
      return false;
    ++members;
  }
  if (const Value* generation = generation_of(set.metadata)) {
    const Value* said = set.status.find(kObserved);
    if (said == nullptr || *said != *generation) return false;
    ++members;
  }
  return set.status.as_map().size() == members;
}

}  // namespace

Value daemon_set_status(const model::DaemonSet& set, const NodeCounts& nodes) {
  const std::array<Count, 7> counts = counts_of(nodes);
  Value::Map status;
  status.reserve(counts.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i == 4)
      if (const Value* generation = generation_of(set.metadata))
        status.push_back({std::string(kObserved), *generation, {}});
    if (counts[i].always || counts[i].count != 0)
      status.push_back({std::string(counts[i].key), std::int64_t{counts[i].count}, {}});
  }
  return status;
}

std::optional<NodeCounts> counts_said(const model::DaemonSet& set) {
  const auto said = [&](std::string_view key) {
    return static_cast<std::int32_t>(count_of(set.status, key));
  };
  const NodeCounts counts{said("desiredNumberScheduled"), said("currentNumberScheduled"),
                          said("numberMisscheduled"),     said("numberReady"),
                          said("numberAvailable"),        said("updatedNumberScheduled")};
  return says(set, counts) ? std::optional(counts) : std::nullopt;
}

Value stateful_set_status(const model::StatefulSet& set, const RevisionCounts& pods) {
  Value status;
  set_generation(status, set.metadata);
  status.set("replicas", std::int64_t{pods.all});
  set_count(status, "readyReplicas", pods.ready);
  set_count(status, "currentReplicas", pods.current);
  set_count(status, "updatedReplicas", pods.updated);
  status.set("currentRevision", pods.current_revision);
  status.set("updateRevision", pods.update_revision);
  status.set("collisionCount", std::int64_t{0});
  status.set("availableReplicas", std::int64_t{pods.available});
  return status;
}

}  // namespace gputide::workloads
