// The price expander: what an option costs for what it places. Ours; integers only.
#pragma once

#include <span>
#include <vector>

#include "decide/scaling/expander.h"

namespace gputide::scaling {

/// What the pods' requests are worth an hour at reference prices of one vCPU, one GiB and one GPU.
/// It weighs pods against each other when options place different ones; where all place the same,
/// the cost alone decides.
Money reference_value(std::span<const PodRef> pods);

/// The options of least cost per placed value; of those, the ones with the fewest nodes. Options
/// without a price count only when none has one: then the least waste of cpu, memory and GPUs
/// decides.
Survivors cheapest(std::span<const ExpansionOption> options, const Survivors& among);

}  // namespace gputide::scaling
