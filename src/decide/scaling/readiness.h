// Is a node ready, to Cluster Autoscaler? Also of nodes whose GPUs have not shown yet, and of nodes
// with startup taints. Source: Cluster Autoscaler 1.31.5 utils/kubernetes/ready.go,
// processors/customresources; the hold of expected resources is ours.
#pragma once

#include <string>
#include <string_view>

#include "decide/scaling/taints.h"
#include "model/node.h"

namespace gputide::scaling {

inline constexpr std::string_view kResourceUnready =
    "cluster-autoscaler.kubernetes.io/resource-not-ready";
inline constexpr std::string_view kStartupUnready =
    "cluster-autoscaler.kubernetes.io/startup-taint";

struct NodeReadiness {
  bool ready = false;
  Instant last_transition;  // of the youngest condition that counts
  std::string reason;       // of a Ready condition that is not True
};

/// By conditions and condition taints alone. A node without a Ready condition is not ready.
NodeReadiness condition_readiness(const model::Node& node);

struct ReadinessRules {
  const TaintRules& taints;
  const Semantics& semantics;
  /// What the node's group promises (allocatable of its template), for hold_expected_resources; may
  /// be nullptr.
  const model::ResourceList* expected = nullptr;
};

/// As condition_readiness, but a schedulable node that still misses its GPUs, or carries a startup
/// taint, is not ready.
NodeReadiness readiness(const model::Node& node, const ReadinessRules& rules);

/// A promised extended resource of which the node shows nothing; "" when it shows all.
std::string missing_resource(const model::Node& node, const model::ResourceList& expected);

}  // namespace gputide::scaling
