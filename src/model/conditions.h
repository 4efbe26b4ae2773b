// What pods and nodes say of themselves: the few questions that every controller asks.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "model/node.h"
#include "model/pod.h"

namespace gputide::model {

/// nullptr: there is none of that type.
template <class Condition>
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  for (const Condition& condition : conditions)
    if (condition.type == type) return &condition;
  return nullptr;
}

/// The condition of that type, for writing; a new one, of which only the type is set, if there is
/// none.
template <class Condition>
Condition& condition_of(std::vector<Condition>& conditions, std::string_view type) {
  for (Condition& condition : conditions)
    if (condition.type == type) return condition;
  Condition& added = conditions.emplace_back();
  added.type = type;
  return added;
}

/// Sets the condition of its type, or adds it. As in Kubernetes, lastTransitionTime moves only when
/// the status does, and false comes back, with nothing changed, where status, reason and message
/// are what they were. Source: UpdatePodCondition (k8s.io/kubernetes, pkg/api/v1/pod).
template <class Condition>
bool set_condition(std::vector<Condition>& conditions, Condition now) {
  Condition& known = condition_of(conditions, now.type);
  if (known.status == now.status) {
    if (known.reason == now.reason && known.message == now.message) return false;
    now.lastTransitionTime = known.lastTransitionTime;
  }
  known = std::move(now);
  return true;
}

inline const PodCondition* find_condition(const Pod& pod, std::string_view type) {
  return find_condition(pod.status.conditions, type);
}

/// By the condition Ready alone.
template <class Object>
bool is_ready(const Object& object) {
  const auto* condition = find_condition(object.status.conditions, "Ready");
  return condition != nullptr && condition->status == "True";
}

/// Its containers have ended for good.
inline bool is_finished(const Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

/// Of a DaemonSet, or a static pod's mirror: it comes and goes with its node.
inline bool belongs_to_node(const Pod& pod) {
  const OwnerReference* owner = pod.metadata.controller();
  return owner != nullptr && (owner->kind == "DaemonSet" || owner->kind == "Node");
}

/// The scheduler found no node for it.
inline bool is_unschedulable(const Pod& pod) {
  const PodCondition* condition = find_condition(pod, "PodScheduled");
  return condition != nullptr && condition->status == "False" &&
         condition->reason == "Unschedulable";
}

}  // namespace gputide::model
