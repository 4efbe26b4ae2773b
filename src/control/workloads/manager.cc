#include "control/workloads/manager.h"

namespace gputide::workloads {

ControllerManager::ControllerManager()
    : sets_(alarms_),
      deployments_(sets_, alarms_),
      daemons_(alarms_),
      stateful_(volumes_, alarms_),
      disruption_([this](const model::OwnerReference& owner) -> std::optional<std::int32_t> {
        if (owner.kind == "ReplicaSet" || owner.kind == "ReplicationController")
          return sets_.wanted(owner.uid);
        if (owner.kind == "StatefulSet") return stateful_.wanted(owner.uid);
        return std::nullopt;
      }) {}

void ControllerManager::step(const port::Event& event, Instant now, port::Commands& commands) {
  Desk desk(now, commands, armed_);
  if (const auto* change = std::get_if<port::ObjectChanged>(&event))
    object_changed(*change, desk);
  else if (const auto* timer = std::get_if<port::TimerFired>(&event))
    timer_fired(timer->key, desk);
}

void ControllerManager::timer_fired(std::uint64_t key, Desk& desk) {
  armed_.erase(key);
  const auto part = static_cast<Part>(key >> 56);
  const std::uint64_t id = key & ((std::uint64_t{1} << 56) - 1);
  switch (part) {
    case Part::Jobs:
    case Part::JobEnds:
      return jobs_.timer(part, id, desk);
    case Part::JobStatuses:
      return jobs_.write_statuses(desk);
    case Part::Evictions:
    case Part::OrphanedPods:
      return nodes_.timer(part, id, desk);
    case Part::Volumes:
      return volumes_.timer(id, desk);
    case Part::Statuses:
      sets_.write_statuses(desk);
      deployments_.write_statuses(desk);
      daemons_.write_statuses(desk);
      return stateful_.write_statuses(desk);
    case Part::Alarms:
      for (const std::string& uid : alarms_.due(desk)) owner_due(uid, desk);
  }
}

// Which kind of owner it is, its uid does not say.
void ControllerManager::owner_due(const std::string& uid, Desk& desk) {
  const std::string deployment = sets_.time_passed(uid, desk);
  if (!deployment.empty()) deployments_.counts_changed(deployment, desk);
  deployments_.time_passed(uid, desk);
  daemons_.time_passed(uid, desk);
  stateful_.time_passed(uid, desk);
}

void ControllerManager::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  if (const model::OwnerReference* owner = pod->metadata.controller()) {
    if (owner->kind == "ReplicaSet" || owner->kind == "ReplicationController") {
      const std::string deployment = sets_.pod_changed(change, pod, desk);
      if (!deployment.empty()) deployments_.counts_changed(deployment, desk);
    } else if (owner->kind == "Job") {
      jobs_.pod_changed(change, pod, desk);
    } else if (owner->kind == "DaemonSet") {
      daemons_.pod_changed(change, pod, desk);
    } else if (owner->kind == "StatefulSet") {
      stateful_.pod_changed(change, pod, desk);
    }
  }
  disruption_.pod_changed(change, pod, desk);
  nodes_.pod_changed(change, pod, desk);
  volumes_.pod_changed(change, pod, desk);
}

void ControllerManager::object_changed(const port::ObjectChanged& event, Desk& desk) {
  const port::Change change = event.change;
  const auto held = [&]<class Kind>(std::type_identity<Kind>) -> const Ref<Kind>* {
    return std::get_if<Ref<Kind>>(&event.object);
  };
  if (const auto* pod = held(std::type_identity<model::Pod>())) {
    pod_changed(change, *pod, desk);
  } else if (const auto* node = held(std::type_identity<model::Node>())) {
    nodes_.node_changed(change, *node, desk);
    daemons_.node_changed(change, *node, desk);
    volumes_.node_changed(change, *node, desk);
  } else if (const auto* set = held(std::type_identity<model::ReplicaSet>())) {
    const bool scaled = sets_.changed(change, *set, desk);
    if ((*set)->metadata.controller() != nullptr) deployments_.set_changed(change, *set, desk);
    if (scaled) disruption_.scale_changed(desk);
  } else if (const auto* old = held(std::type_identity<model::ReplicationController>())) {
    if (sets_.changed(change, *old, desk)) disruption_.scale_changed(desk);
  } else if (const auto* deployment = held(std::type_identity<model::Deployment>())) {
    deployments_.changed(change, *deployment, desk);
  } else if (const auto* daemon = held(std::type_identity<model::DaemonSet>())) {
    daemons_.changed(change, *daemon, desk);
  } else if (const auto* job = held(std::type_identity<model::Job>())) {
    jobs_.changed(change, *job, desk);
  } else if (const auto* stateful = held(std::type_identity<model::StatefulSet>())) {
    stateful_.changed(change, *stateful, desk);
    disruption_.scale_changed(desk);
  } else if (const auto* budget = held(std::type_identity<model::PodDisruptionBudget>())) {
    disruption_.changed(change, *budget, desk);
  } else if (const auto* claim = held(std::type_identity<model::PersistentVolumeClaim>())) {
    volumes_.changed(change, *claim, desk);
  } else if (const auto* volume = held(std::type_identity<model::PersistentVolume>())) {
    volumes_.changed(change, *volume, desk);
  } else if (const auto* storage_class = held(std::type_identity<model::StorageClass>())) {
    volumes_.changed(change, *storage_class, desk);
  }
}

}  // namespace gputide::workloads
