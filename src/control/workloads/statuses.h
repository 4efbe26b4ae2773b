// What ReplicaSets and Deployments say of themselves.
// Source: kube-controller-manager 1.34, pkg/controller/replicaset and deployment (sync, progress).
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/workload.h"

namespace gputide::workloads {

/// How long changes are gathered before a status is written.
inline constexpr Duration kStatusDelay = Duration::seconds(1);

/// Pods of a workload that are active, and how many of those are ready. Ready pods count as
/// available: minReadySeconds is not waited for.
struct PodCounts {
  std::int32_t active = 0;
  std::int32_t ready = 0;
};

model::Value replica_set_status(const model::ReplicaSet& set, const PodCounts& pods);

/// `updated`: of the set of the newest template, which is named `current` ("" before there is one).
/// `unavailable`: how many pods may be missing while the Deployment counts as available. A time
/// limit on progress is not kept.
model::Value deployment_status(const model::Deployment& deployment, const PodCounts& all,
                               const PodCounts& updated, const std::string& current,
                               std::int32_t unavailable, Instant now);

}  // namespace gputide::workloads
