// What a planned node could be instead, so that AWS may choose what it has.
#pragma once

#include <span>
#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// A substitute is at most a fifth dearer.
constexpr Money most_for_substitute(Money price) {
  return Money::micros(price.micros() * 120 / 100);
}

/// See ProvisionProblem::substitutes. `node`, of a plan of `pack`, is to be bought. A reserved node
/// has none. `wishes`: by class of `pack`, or empty; a substitute grants what the node grants.
std::vector<Substitute> substitutes_of(const ProvisionProblem& problem, const Compiled& compiled,
                                       const PackProblem& pack,
                                       std::span<const std::vector<PackWish>> wishes,
                                       const PlannedNode& node);

}  // namespace gputide::provisioning
