#include "decide/provisioning/shared_gpus.h"

#include <algorithm>

namespace gputide::provisioning {

std::uint32_t fullest_with(const std::vector<std::int64_t>& gpus, std::int64_t share) {
  std::uint32_t best = kNone;
  for (std::uint32_t i = 0; i < gpus.size(); ++i)
    if (gpus[i] >= share && gpus[i] < kGpuThousandths && (best == kNone || gpus[i] < gpus[best]))
      best = i;
  return best;
}

std::uint32_t put_share(std::vector<std::int64_t>& gpus, std::uint32_t gpu, std::int64_t share) {
  if (gpu == kNone)
    gpu = static_cast<std::uint32_t>(std::find(gpus.begin(), gpus.end(), kGpuThousandths) -
                                     gpus.begin());
  if (gpu >= gpus.size()) gpus.resize(gpu + 1, kGpuThousandths);
  gpus[gpu] -= share;
  return gpu;
}

}  // namespace gputide::provisioning
