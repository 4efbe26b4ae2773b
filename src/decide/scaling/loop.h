// The whole loop as one decision: what is seen goes in, what is to be done and why comes out.
// Source: Cluster Autoscaler 1.31.5 core/static_autoscaler; 1.36 and ours where Semantics say so.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "decide/scaling/cluster_state.h"
#include "decide/scaling/known_nodes.h"
#include "decide/scaling/node_templates.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/placement.h"
#include "decide/scaling/plan.h"
#include "decide/scaling/requests.h"
#include "decide/scaling/scale_down.h"
#include "decide/scaling/scale_up.h"

namespace gputide::scaling {

/// Everything that the autoscaler remembers from loop to loop. It may be dropped at any time, as
/// when the program restarts: what is lost are timers and requests under way.
class LoopState {
 public:
  /// `add_missing_resources`: see NodeTemplates.
  explicit LoopState(const Options& options, bool add_missing_resources = true);

  const Options& options() const { return rules_.options; }
  const Semantics& semantics() const { return rules_.semantics; }
  const ScaleDownPlanner& planner() const { return planner_; }
  const ClusterState& cluster() const { return cluster_; }
  const NodeTemplates& templates() const { return templates_; }

  /// The cloud refused to grow the group by `delta`: it is backed off.
  void scale_up_refused(const std::string& group, std::int64_t delta, const ScaleUpError& error,
                        Instant now);
  /// A node could not be tainted or deleted.
  void scale_down_failed(const std::string& group, bool at_start, Instant now);

  /// False: if nothing else happens, some later loop may do something.
  bool at_rest(const Observation& seen, Instant now) const;

 private:
  friend class LoopRun;
  friend Plan decide(const Observation&, const Deletions&, LoopState&, Instant, Rng*);

  /// Since when a group may not be scaled down, with delays per group.
  struct GroupTimes {
    std::optional<Instant> added, deleted, failed;
  };

  ScaleUpRules rules_;
  TaintRules taints_;
  ClusterState cluster_;
  NodeTemplates templates_;
  ScaleDownPlanner planner_;
  Simulation simulation_;
  PodShapes shapes_;
  Placer schedulable_;
  ProvisioningRequests requests_;
  Placer requested_;     // of the pods that requests stand for
  bool requests_first_;  // where ordinary pods and a request wait, the request has its turn
  std::set<std::string, std::less<>> told_consumers_;  // pods that wait for what they were promised
  KnownNodes nodes_;                                   // of the last look
  std::vector<TemplateCopies> copies_;                 // by group
  std::vector<std::int64_t> upcoming_;                 // by group: copies on top of the simulation
  std::optional<Instant> last_added_, last_deleted_, last_failed_;
  std::map<std::string, GroupTimes, std::less<>> group_times_;
  std::map<std::string, std::string, std::less<>> told_;  // pod -> last NotTriggerScaleUp message
  std::set<std::string, std::less<>> unneeded_before_;
  std::uint64_t last_version_ = 0;
  bool settled_ = false;            // the last plan was
  std::optional<Instant> next_;     // and its next moment
  Instant last_change_;             // when an observation last was a new one
  std::optional<Instant> waiting_;  // for pods to become old enough, or a cooldown to end
  bool may_retry_ = false;  // pods are pending that no group could help for a passing reason
};

/// One loop. Equal inputs give equal plans. `rng` picks from ties between options; nullptr: the
/// smallest group id. The caller carries the plan out; in the next observation targets are what was
/// asked for.
Plan decide(const Observation& seen, const Deletions& deletions, LoopState& state, Instant now,
            Rng* rng);

}  // namespace gputide::scaling
