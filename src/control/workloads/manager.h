// The controller manager: the control plane's controllers that make, replace and remove pods.
#pragma once

#include <memory>
#include <unordered_map>

#include "control/workloads/alarms.h"
#include "control/workloads/daemon_sets.h"
#include "control/workloads/deployments.h"
#include "control/workloads/desk.h"
#include "control/workloads/disruption.h"
#include "control/workloads/jobs.h"
#include "control/workloads/node_lifecycle.h"
#include "control/workloads/persistent_volumes.h"
#include "control/workloads/replica_sets.h"
#include "control/workloads/stateful_sets.h"

namespace gputide::workloads {

/// "kube-controller-manager". Watches every kind that it acts on: workloads, pods, nodes, claims
/// and volumes, and PodDisruptionBudgets. Reacts to each event at once; what an event cost does not
/// grow with the number of pods. Differs from upstream: orphans are not adopted, and
/// ReplicationControllers get no status.
class ControllerManager final : public port::Controller {
 public:
  ControllerManager();
  std::string_view name() const override { return "kube-controller-manager"; }
  void step(const port::Event& event, Instant now, port::Commands& commands) override;
  bool at_rest() const override { return armed_.empty(); }

 private:
  void object_changed(const port::ObjectChanged& event, Desk& desk);
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  void timer_fired(std::uint64_t key, Desk& desk);
  void owner_due(const std::string& uid, Desk& desk);

  Alarms alarms_;
  ReplicaSets sets_;
  Deployments deployments_;
  DaemonSets daemons_;
  Jobs jobs_;
  PersistentVolumes volumes_;
  StatefulSets stateful_;
  Disruption disruption_;
  NodeLifecycle nodes_;
  std::unordered_map<std::uint64_t, Instant> armed_;  // timers, by key
};

}  // namespace gputide::workloads
