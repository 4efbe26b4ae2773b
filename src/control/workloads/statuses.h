// What ReplicaSets, Deployments, DaemonSets and StatefulSets say of themselves.
// Source: kube-controller-manager 1.34, pkg/controller/replicaset, deployment (sync, progress),
// daemon and statefulset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/workload.h"

namespace gputide::workloads {

/// How long changes are gathered before a status is written.
inline constexpr Duration kStatusDelay = Duration::seconds(1);

/// Pods of a workload that are active, how many of those are ready, and how many have been so for
/// minReadySeconds.
struct PodCounts {
  std::int32_t active = 0;
  std::int32_t ready = 0;
  std::int32_t available = 0;
};

model::Value replica_set_status(const model::ReplicaSet& set, const PodCounts& pods);

/// `updated`: of the set of the newest template, which is named `current` ("" before there is one).
/// `unavailable`: how many pods may be missing while the Deployment counts as available.
model::Value deployment_status(const model::Deployment& deployment, const PodCounts& all,
                               const PodCounts& updated, const std::string& current,
                               std::int32_t unavailable, Instant now);

inline constexpr std::string_view kProgressDeadlineExceeded = "ProgressDeadlineExceeded";
/// When a Deployment with this status will have made no progress for too long; nullopt: it is
/// complete, has no limit, or has been told already.
std::optional<Instant> progress_ends(const model::DeploymentSpec& spec, const model::Value& status);
/// The message of a status that says so; "" otherwise.
std::string timed_out(const model::Value& status);

/// Nodes of a DaemonSet.
struct NodeCounts {
  std::int32_t desired = 0;       // that should run a pod of it
  std::int32_t current = 0;       // and do
  std::int32_t misscheduled = 0;  // that run one and should not
  std::int32_t ready = 0;
  std::int32_t available = 0;
  std::int32_t updated = 0;  // of the newest template

  bool operator==(const NodeCounts&) const = default;
};
model::Value daemon_set_status(const model::DaemonSet& set, const NodeCounts& nodes);
/// The counts of which daemon_set_status would make the status that the set has; nullopt: it would
/// make it of none, as where the status is of an older generation.
std::optional<NodeCounts> counts_said(const model::DaemonSet& set);

/// Pods of a StatefulSet by what they were made of: the template that all of them had (`current`),
/// the newest one (`updated`).
struct RevisionCounts {
  std::int32_t all = 0;
  std::int32_t ready = 0;
  std::int32_t available = 0;
  std::int32_t current = 0;
  std::int32_t updated = 0;
  std::string current_revision;
  std::string update_revision;
};
model::Value stateful_set_status(const model::StatefulSet& set, const RevisionCounts& pods);

}  // namespace gputide::workloads
