// What pods and nodes say of themselves: the few questions that every controller asks.
#pragma once

#include <string_view>
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
