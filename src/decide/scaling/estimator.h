// How many nodes of a group would hold the pending pods. Source: Cluster Autoscaler 1.31.5
// estimator (binpacking, decreasing pod order, threshold limiter); 1.36 where Semantics say so.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "decide/scaling/pod_shape.h"
#include "decide/scaling/semantics.h"
#include "decide/scaling/simulation.h"

namespace gputide::scaling {

/// How far a group may grow: what it and the groups that share the load still have room for.
struct EstimateLimits {
  std::int64_t max_nodes_per_scale_up = 1000;
  std::int64_t group_room = 0;   // max size less target, of the group and its similar ones together
  std::int64_t cluster_max = 0;  // --max-nodes-total; 0 = none
  std::int64_t cluster_nodes = 0;  // nodes that exist or are on their way
};

/// The number of nodes that may be added; 0 = none. Absent limits do not count.
std::int64_t node_limit(const EstimateLimits& limits);

struct Estimate {
  std::int64_t nodes = 0;  // that got a pod
  std::vector<PodRef> pods;
};

/// What a group's template gives to one Simulation, made once for as long as the template stays.
class TemplateCopies {
 public:
  /// Of which template; another one than before: what was made is forgotten, and the answer false.
  bool use(const std::shared_ptr<const NodeTemplate>& node);
  const NodeTemplate& node() const { return *of_; }

  /// The template's node, under its own name.
  const NodeRef& itself();
  /// Copies by number that stand for nodes on their way.
  const NodeRef& upcoming(std::size_t number);
  /// Copies by number that stand for nodes that are only thought of.
  NodeRef thought_of(std::size_t number);
  /// entry_of each of the template's pods in the simulation, which must always be the same one.
  std::span<const state::PodEntry> entries(Simulation& simulation);

 private:
  std::shared_ptr<const NodeTemplate> of_;
  NodeRef itself_;
  std::vector<NodeRef> upcoming_;
  std::vector<NodeRef> thought_of_;
  std::vector<state::PodEntry> entries_;
};

/// The sample pods of which groups could run on a fresh node of the template. Entry i: why group i
/// could not; nullopt when it could.
std::vector<std::optional<Rejection>> try_on_template(std::span<const PodGroup> groups,
                                                      TemplateCopies& node, Simulation& simulation);
std::vector<std::optional<Rejection>> try_on_template(std::span<const PodGroup> groups,
                                                      const NodeTemplate& node,
                                                      Simulation& simulation);

/// Packs the groups, largest pods first, onto copies of the template: each pod on the first added
/// node that takes it, else on a further copy. The cluster in `simulation` counts for what looks
/// beyond a node (spread, affinity); it is left as it was.
Estimate estimate(std::span<const PodGroup* const> groups, TemplateCopies& node,
                  std::int64_t max_nodes, const Semantics& semantics, Simulation& simulation);
Estimate estimate(std::span<const PodGroup* const> groups, const NodeTemplate& node,
                  std::int64_t max_nodes, const Semantics& semantics, Simulation& simulation);

/// A copy of a template's node under another name. Host name label and name are the only
/// differences; the pods on it are shared.
NodeRef copy_of(const NodeTemplate& node, std::string name);

}  // namespace gputide::scaling
