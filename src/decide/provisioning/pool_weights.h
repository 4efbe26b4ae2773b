// NodePools' weights, as prices: a step down in weight counts as many times dearer, so that the
// engine, which knows prices alone, buys of the pool of highest weight wherever pods may run there.
#pragma once

#include <cstdint>
#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// By how much the prices of each pool are multiplied; empty where all weights are equal. A step is
/// a factor of a thousand, less where sums of prices would not fit otherwise. Weights as Karpenter
/// has them: 1 to 100, absent = 0.
std::vector<std::int64_t> weight_factors(const ProvisionProblem& problem, const PackProblem& pack);

/// Multiplies the prices of all offers by their pools' factors.
void count_weights(const std::vector<std::int64_t>& factors, PackProblem& pack);
/// Takes that back.
void forget_weights(const std::vector<std::int64_t>& factors, PackProblem& pack);

}  // namespace gputide::provisioning
