// How much of a node is asked for. Doubles, as upstream defines it: threshold comparisons must
// agree to the bit. Source: Cluster Autoscaler 1.31.5 simulator/utilization/info.go.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "decide/scaling/node_template.h"
#include "decide/scaling/semantics.h"
#include "state/pod_kinds.h"

namespace gputide::scaling {

struct Utilization {
  double cpu = 0;
  double memory = 0;
  double gpu = 0;
  std::string dominant;  // the resource that decides
  double value = 0;      // its share
  bool of_gpu = false;   // measured by its GPUs alone
};

/// The GPU resource that a node is measured by: nodes with the accelerator label or with GPUs to
/// allocate; "" for others.
std::string gpu_resource_of(const model::Node& node, const Semantics& semantics);

struct UtilizationOptions {
  bool ignore_daemonsets = false;
  bool ignore_mirror_pods = false;
  Semantics semantics;
};

/// Requests over allocatable: of the GPU alone on a GPU node (0 while it shows none), else the
/// larger of cpu and memory. Ignored pods leave the numerator and the denominator; pods long in
/// termination leave the numerator. Errors: cpu or memory missing or zero. `entries`: what is known
/// of each pod without looking at it, or none.
Result<Utilization> utilization(const model::Node& node, std::span<const PodRef> pods,
                                std::span<const state::PodEntry> entries,
                                const UtilizationOptions& options, Instant now);

}  // namespace gputide::scaling
