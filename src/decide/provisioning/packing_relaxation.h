// The packing problem without what lies between nodes: which pods and which offers are alike.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/packing.h"
#include "decide/provisioning/packing_patterns.h"

namespace gputide::provisioning {

/// Resources, labels and "one of these a node" of a PackProblem. Offers of the same size and price
/// are one, whatever their kind; so are those of a reservation, of which there are as many as its
/// stock, and classes that differ in other topology rules only. Where GPUs are shared their
/// dimension counts kGpuUnits, and a share what it takes when GPUs are cut best.
struct Relaxation {
  PlacementProblem placement;
  std::size_t resources = 0;            // dimensions before those of "one of these a node"
  std::vector<std::uint32_t> slots;     // the groups of those
  std::vector<std::uint32_t> class_of;  // the problem's class -> the placement's
  std::vector<std::vector<std::uint32_t>> offer_of;  // kind, offer -> the placement's
  Shares shares;
  /// The placement's offer -> kind and offer of each that it stands for.
  std::vector<std::vector<std::pair<std::uint32_t, std::uint32_t>>> members;
};

/// By the placement's classes, for share_dimensions().
std::vector<Share> shares_of(const Relaxation& relaxed);

Relaxation relax(const PackProblem& problem);

}  // namespace gputide::provisioning
