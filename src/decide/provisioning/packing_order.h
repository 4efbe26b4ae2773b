// Whether a plan survives a scheduler that does not know it.
#pragma once

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// The pods that a plan places on new nodes also fit when the largest nodes are filled first, and
/// with the smallest pods: nobody tells the scheduler which pods a node was bought for. Rules
/// between pods are left out. False where GPUs are shared: which of them a pod gets is not told
/// either.
bool fits_in_any_order(const PackProblem& problem, const PackPlan& plan);

}  // namespace gputide::provisioning
