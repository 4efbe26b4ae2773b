// What the failure of a Job's pod means to its Job.
// Source: kube-controller-manager 1.34, pkg/controller/job/pod_failure_policy.go.
#pragma once

#include <cstdint>
#include <string>

#include "model/pod.h"
#include "model/workload.h"

namespace gputide::workloads {

struct PodFailure {
  enum class Action : std::uint8_t { Count, Ignore, FailIndex, FailJob };
  Action action = Action::Count;
  std::string message;  // with FailJob: which rule held, of what
};

/// By the first rule of the Job's policy that holds of the pod. `pod` has failed, or was deleted
/// while it ran: its containers were then ended by SIGTERM, and exited with 143.
PodFailure judge_failure(const model::JobSpec& job, const model::Pod& pod);

}  // namespace gputide::workloads
