// What a ClusterConfig's control plane and node groups cost.
#pragma once

#include "decide/pricing/catalogue.h"
#include "decide/pricing/cost_sheet.h"
#include "model/aws.h"
#include "model/cluster_config.h"

namespace gputide::cluster {

pricing::CostLine control_plane_cost(const model::ClusterConfig& config);

/// A node group at its three sizes, as AWS launches it when every pool has capacity: the market
/// split of its policy, a zone after the other, the pool that the allocation strategy tries first
/// (lowest-price spreads over spotInstancePools). Spot at the catalogue's price for the zone; above
/// maxPrice there is none. Instances without a price are counted and named, not guessed.
pricing::CostLine node_group_cost(const model::NodeGroupPlan& plan,
                                  const pricing::Catalogue& catalogue);

}  // namespace gputide::cluster
