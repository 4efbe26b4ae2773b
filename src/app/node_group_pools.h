// The node groups of a ClusterConfig as something to buy from: a NodePool each, with its own types.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "decide/pricing/catalogue.h"
#include "decide/provisioning/provision.h"
#include "model/capacity_reservation.h"
#include "model/object.h"

namespace gputide::app {

/// What nodes may be bought of a group, of which sort, and how many.
struct NodeGroupPool {
  model::NodePool pool;  // limit "nodes": the group's maxSize
  std::vector<provisioning::ProviderType> types;
  provisioning::NodeGroup group;                            // without nodes
  std::optional<model::InstancesDistributionPolicy> split;  // where it buys in two markets
};

/// A pool for each node group of the ClusterConfig that `object` is, in eksctl's order; groups in
/// which something is wrong add errors. A type's size is what a node of the group reports, its GPUs
/// one nvidia.com/gpu each. Karpenter's labels are on none of the nodes, but for the market's. A
/// group that targets one of the reservations gets the instances of that, and no others.
std::vector<NodeGroupPool> node_group_pools(
    const model::Object& object, const pricing::Catalogue& catalogue,
    std::span<const model::CapacityReservation> reservations, Diagnostics& diagnostics);

}  // namespace gputide::app
