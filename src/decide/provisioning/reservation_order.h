// What costs nothing more, as small prices: by these the engine takes no more instances of
// reservations than it needs, and of several reservations the one that is worth least otherwise.
#pragma once

#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// By node kind, what to add to the prices of its offers; empty where nothing is reserved. A
/// hundred-thousandth of what such an instance costs on demand, where Karpenter counts a
/// ten-millionth, which micro-dollars cannot say. Where weights decide, a hundredth for pools that
/// are not of the highest: after pools of higher weight, before all else that their own pool may
/// buy.
std::vector<Money> reservation_shifts(const ProvisionProblem& problem, const Compiled& compiled);

}  // namespace gputide::provisioning
