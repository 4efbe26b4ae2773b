// What a NodePool costs: nothing without pods, and at most what its limits allow; one with replicas
// what these cost.
#pragma once

#include <span>

#include "decide/pricing/cost_sheet.h"
#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// `types` are the pool's, as its nodes will show them. The choices are the offerings that the
/// pool's requirements allow and of which one node is within its limits; capacity reservations,
/// which are paid for, used or not, only where there is nothing else. At the greatest size
/// stands a bound: for each limit, the dearest way to use it up in parts of nodes; the least of
/// these counts. A pool of which no limit binds every choice is unlimited. One with `replicas` has
/// so many nodes (at most limits.nodes) of its cheapest choice at every size.
pricing::CostLine node_pool_cost(const model::NodePool& pool, std::span<const ProviderType> types);

}  // namespace gputide::provisioning
