#include "control/workloads/statuses.h"

#include <algorithm>
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

void set_generation(Value& status, const model::ObjectMeta& meta) {
  for (const model::Member& member : meta.kept)
    if (member.key == "generation") status.set("observedGeneration", member.value);
}

const Value* condition_of(const Value& status, std::string_view type) {
  const Value* conditions = status.find("conditions");
  if (conditions == nullptr || !conditions->is_list()) return nullptr;
  for (const Value& each : conditions->as_list())
    if (each.text_at("type") == type) return &each;
  return nullptr;
}

// With the times of the one before, as far as it says the same.
Value condition(const Value& before, std::string_view type, bool holds, std::string_view reason,
                const std::string& message, Instant now) {
  const Value* old = condition_of(before, type);
  const std::string_view status = holds ? "True" : "False";
  const bool same_status = old != nullptr && old->text_at("status") == status;
  if (same_status && old->text_at("reason") == reason && old->text_at("message") == message)
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

}  // namespace

Value replica_set_status(const model::ReplicaSet& set, const PodCounts& pods) {
  Value status;
  status.set("replicas", std::int64_t{pods.active});
  set_count(status, "fullyLabeledReplicas", pods.active);
  set_count(status, "readyReplicas", pods.ready);
  set_count(status, "availableReplicas", pods.ready);
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
  set_count(status, "availableReplicas", all.ready);
  set_count(status, "unavailableReplicas", std::max(0, all.active - all.ready));
  const bool enough = all.ready >= wanted - unavailable;
  Value::List conditions;
  conditions.push_back(condition(before, "Available", enough,
                                 enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                                 enough ? "Deployment has minimum availability."
                                        : "Deployment does not have minimum availability.",
                                 now));
  // Once all of a template are there, it stays so for this template, whatever becomes of them.
  const Value* progress = condition_of(before, "Progressing");
  const bool was_there =
      progress != nullptr && progress->text_at("reason") == "NewReplicaSetAvailable";
  const bool complete = updated.active == wanted && all.active == wanted && all.ready == wanted;
  if (was_there && all.active == updated.active)
    conditions.push_back(*progress);
  else if (!current.empty())
    conditions.push_back(condition(
        before, "Progressing", true, complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
        fmt::format("ReplicaSet \"{}\" {}", current,
                    complete ? "has successfully progressed." : "is progressing."),
        now));
  status.set("conditions", Value(std::move(conditions)));
  return status;
}

}  // namespace gputide::workloads
