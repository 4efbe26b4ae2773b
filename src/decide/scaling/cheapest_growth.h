// The cheapest nodes for all pending pods at once, over all groups that may grow: the packing
// engine of decide/provisioning, asked by the autoscaler. Ours; upstream estimates group by group.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/money.h"
#include "decide/scaling/node_template.h"
#include "decide/scaling/observation.h"

namespace gputide::scaling {

/// A group that may grow.
struct GrowthGroup {
  const NodeTemplate* node = nullptr;
  Money price;            // an hour, of one node
  std::int64_t room = 0;  // nodes that it may still get
};

struct GrowthPod {
  PodRef pod;
  std::vector<std::uint8_t> groups;  // by group: its nodes pass the scheduler's filters
};

struct Growth {
  std::vector<std::int64_t> nodes;   // by group
  std::vector<std::uint8_t> placed;  // by pod
  Money per_hour;
  Money lower_bound;       // no nodes of these groups could take the placed pods for less
  bool any_order = false;  // see provisioning::fits_in_any_order
};

/// Rules between pods (spread, affinity) count the nodes and pods of `seen`; places on nodes that
/// are there were given away before. Equal input gives equal growth.
Growth cheapest_growth(std::span<const GrowthGroup> groups, std::span<const GrowthPod> pods,
                       const Observation& seen);

/// What no nodes of these groups could cost less than if they took all the pods; zero: not known.
Money growth_bound(std::span<const GrowthGroup> groups, std::span<const GrowthPod> pods,
                   const Observation& seen);

}  // namespace gputide::scaling
