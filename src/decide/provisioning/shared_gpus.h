// The GPUs of one node that pods share: thousandths that are free, by GPU. One that nobody uses has
// kGpuThousandths, and counts as not in use.
#pragma once

#include <cstdint>
#include <vector>

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

inline constexpr std::int64_t kGpuThousandths = 1000;

/// The fullest GPU in use that still holds the share, or kNone: it needs one more GPU.
std::uint32_t fullest_with(const std::vector<std::int64_t>& gpus, std::int64_t share);

/// Puts a share onto a GPU, or onto the first that is not in use (kNone); returns which.
std::uint32_t put_share(std::vector<std::int64_t>& gpus, std::uint32_t gpu, std::int64_t share);

}  // namespace gputide::provisioning
