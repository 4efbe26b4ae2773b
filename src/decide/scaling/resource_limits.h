// --cores-total, --memory-total and --gpu-total: how much the whole cluster may have, and must
// keep. Source: Cluster Autoscaler 1.31.5 core/scaleup/resource, core/scaledown/resource.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "decide/scaling/node_template.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/options.h"

namespace gputide::scaling {

/// Amounts by resource: "cpu" (cores), "memory" (bytes), and GPU types by their label value.
using ClusterAmounts = std::map<std::string, std::int64_t>;

class ResourceLimits {
 public:
  explicit ResourceLimits(const Options& options);

  /// What one node of the template counts for.
  ClusterAmounts of_node(const NodeTemplate& node) const;
  /// What is left below the maximums; empty when no maximum can matter. Groups count with their
  /// targets, other nodes as they are.
  ClusterAmounts left(const Observation& seen,
                      const std::vector<const NodeTemplate*>& templates) const;
  /// Resources of which less is left than one node has; in order of their names.
  std::vector<std::string> exceeded(const ClusterAmounts& left, const NodeTemplate& node) const;
  /// How many of `nodes` are within what is left.
  std::int64_t cap(const ClusterAmounts& left, const NodeTemplate& node, std::int64_t nodes) const;

  /// What the cluster has above the minimums, without nodes that are being deleted; empty when no
  /// minimum can matter.
  ClusterAmounts above_minimum(const Observation& seen, Instant now) const;
  /// Takes a node that goes from `above`; false, and nothing is taken, when that would fall short.
  static bool take(ClusterAmounts& above, const model::Node& node);

  bool any() const { return any_; }

 private:
  ClusterAmounts max_;
  ClusterAmounts min_;  // those above 0
  bool any_ = false;    // a flag was set to something else than its default
};

}  // namespace gputide::scaling
