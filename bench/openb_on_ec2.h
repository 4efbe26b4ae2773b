// The pods of the openb trace on EC2's NVIDIA types.
#pragma once

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// What pods get that ask a part of a GPU.
enum class GpuParts { Whole, Shared };

/// Every pod `scale` times. Without offers when the trace is not there.
PackProblem openb(std::int64_t scale, GpuParts parts);

}  // namespace gputide::provisioning
