// One scale-up: for the pending pods, which groups could help, by how much, which of them does, and
// how that is split between groups that are alike. Source: Cluster Autoscaler 1.31.5
// core/scaleup/orchestrator.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/rng.h"
#include "decide/scaling/cluster_state.h"
#include "decide/scaling/estimator.h"
#include "decide/scaling/expander.h"
#include "decide/scaling/node_templates.h"
#include "decide/scaling/plan.h"
#include "decide/scaling/resource_limits.h"
#include "decide/scaling/similarity.h"

namespace gputide::scaling {

/// What does not change from scale-up to scale-up.
struct ScaleUpRules {
  explicit ScaleUpRules(const Options& from);
  Options options;
  Semantics semantics;
  Likeness alike;
  ResourceLimits limits;
  std::vector<std::string> expanders;
};

struct ScaleUpInput {
  const Observation& seen;
  const NodeTemplates& templates;
  const ClusterState& cluster;
  /// Target sizes: those seen, and what was added to them since.
  const std::vector<std::int64_t>& targets;
  /// Of the templates of all groups that have one, by group.
  std::vector<TemplateCopies>& copies;
  /// Ready nodes and nodes on their way.
  std::int64_t cluster_nodes = 0;
  Instant now;
  bool all_or_nothing = false;  // room for all of the pods is bought, or none
};

/// Why a pod that nobody can help is not helped.
struct Unhelped {
  PodRef pod;
  std::string message;  // "1 Insufficient cpu, 2 max node group size reached"
};

struct ScaleUpResult {
  std::vector<SetSize> resize;     // empty: nothing can help
  std::vector<PodRef> helped;      // that the chosen option places
  std::vector<Unhelped> unhelped;  // filled when nothing can help
  std::vector<PlanEvent> events;
  bool at_cluster_limit = false;  // max-nodes-total leaves no room
  std::string why_not_all;        // of all or nothing, that it is nothing; for people
};

/// `rng` picks from ties; nullptr: the smallest group id. The simulation holds the cluster with
/// what is on its way and is left as it was.
ScaleUpResult scale_up(std::span<const PodRef> pods, const ScaleUpInput& input,
                       const ScaleUpRules& rules, Simulation& simulation, PodShapes& shapes,
                       Rng* rng);

/// Groups that are below their minimum are raised to it (--enforce-node-group-min-size).
std::vector<SetSize> raise_to_minimum(const ScaleUpInput& input, const ScaleUpRules& rules);

/// "3 pods (ReplicaSet default/train)" and the like: for whom something is bought.
std::string describe_pods(std::span<const PodRef> pods);

}  // namespace gputide::scaling
