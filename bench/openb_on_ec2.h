// The pods of the openb trace on EC2's NVIDIA types.
#pragma once

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// Each pod that asks a part of a GPU gets a whole one; every pod `scale` times. Without offers
/// when the trace is not there.
PackProblem openb_whole(std::int64_t scale);

}  // namespace gputide::provisioning
