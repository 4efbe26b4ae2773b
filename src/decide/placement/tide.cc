#include "decide/placement/tide.h"

#include <algorithm>
#include <map>

namespace gputide::placement {
namespace {

constexpr std::int64_t kPatience = 50;  // worth / kPatience is what waiting for one more pod costs
constexpr std::int64_t kCpuMilliPerGpuMilli = 16;

}  // namespace

RoomWorth::RoomWorth(std::span<const Demand> demand) : worth_(kWholeGpu + 1) {
  std::map<std::int64_t, std::int64_t> sizes;
  std::int64_t total = 0;
  for (const Demand& d : demand) {
    if (!d.pod.shares()) continue;
    sizes[d.pod.gpu_milli] += d.weight;
    total += d.weight;
  }
  // The worth is where the expected gain of the next pod pays for the wait: by bisection, as the
  // gain falls and the cost grows with the worth.
  for (std::int64_t left = 1; left <= kWholeGpu; ++left) {
    std::int64_t low = 0, high = left * 1000;
    while (low < high) {
      const std::int64_t worth = (low + high + 1) / 2;
      std::int64_t gain = 0;
      for (const auto& [size, weight] : sizes)
        if (size <= left)
          gain += weight * std::max<std::int64_t>(0, 1000 * size + worth_[left - size] - worth);
      if (gain * kPatience >= total * worth)
        low = worth;
      else
        high = worth - 1;
    }
    worth_[left] = total == 0 ? 0 : low;
  }
}

std::int64_t stranded(const Node& node) {
  return std::max<std::int64_t>(0, node.idle() - node.cpu_milli / kCpuMilliPerGpuMilli);
}

}  // namespace gputide::placement
