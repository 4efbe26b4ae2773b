// What a planned node could be instead, so that AWS may choose what it has.
#pragma once

#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// A substitute is at most a fifth dearer.
constexpr Money most_for_substitute(Money price) {
  return Money::micros(price.micros() * 120 / 100);
}

/// See ProvisionProblem::substitutes. `node`, of a plan of `pack`, is to be bought. A reserved node
/// has none.
std::vector<Substitute> substitutes_of(const ProvisionProblem& problem, const Compiled& compiled,
                                       const PackProblem& pack, const PlannedNode& node);

}  // namespace gputide::provisioning
