// What the bound tells the packing engine.
#pragma once

#include <vector>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// What a pod, a unit and a node are worth: what greedy construction goes by.
struct PackPrices {
  std::vector<double> class_value;               // dollars a pod, by the problem's classes
  std::vector<double> unit_worth;                // dollars a unit of each dimension, over all
  std::vector<std::vector<double>> offer_value;  // kind, offer: worth of a full node for its price
};

/// A bound on what pack() may answer: resources, labels and "one of these a node"; other topology
/// rules are left out.
struct RelaxedBound {
  LowerBound bound;
  PlacementProblem placement;
  std::vector<std::uint32_t> class_of;  // the problem's class -> the placement's
  std::vector<std::size_t> gpu_rows;    // the placement's dimensions of shared GPUs
};

struct PackBound : PackPrices, RelaxedBound {};

/// The bound of which the prices are made. Pods that some existing node could take count nothing,
/// as if there were as many such nodes as they need.
PackBound pack_bound(const PackProblem& problem);

/// The better bound where all pods are known to have a place: existing nodes are offers without a
/// price, of which there are as many as there are, as there are of reservations. Where they differ
/// in more ways than a few, those that take the same pods count as one large node.
RelaxedBound bound_beside_existing(const PackProblem& problem);

/// What the bound's certificate proves, computed afresh from the placement alone; of GPUs also that
/// pods count for no more in it than they take.
Money certified(const PackProblem& problem, const RelaxedBound& bound);

}  // namespace gputide::provisioning
