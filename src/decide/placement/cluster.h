// GPU nodes that exist, and pods that ask for parts of them: the objects of a placement.
#pragma once

#include <array>
#include <cstdint>

namespace gputide::placement {

inline constexpr int kMaxGpus = 8;
inline constexpr std::int64_t kWholeGpu = 1000;  // thousandths

/// What is free on a node.
struct Node {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::uint8_t model = 0;                     ///< GPU model, 0 ... 15
  std::uint8_t gpus = 0;                      ///< devices, 0 ... kMaxGpus
  std::array<std::int16_t, kMaxGpus> left{};  ///< thousandths free on each device

  std::int64_t idle() const {
    std::int64_t sum = 0;
    for (int d = 0; d < gpus; ++d) sum += left[d];
    return sum;
  }
  /// Devices with at least `milli` left.
  int devices_with(std::int64_t milli) const {
    int count = 0;
    for (int d = 0; d < gpus; ++d) count += left[d] >= milli ? 1 : 0;
    return count;
  }
  /// A node on which nothing runs.
  static Node empty(std::int64_t cpu_milli, std::int64_t memory_mib, int gpus, int model) {
    Node node;
    node.cpu_milli = cpu_milli;
    node.memory_mib = memory_mib;
    node.model = static_cast<std::uint8_t>(model);
    node.gpus = static_cast<std::uint8_t>(gpus);
    for (int d = 0; d < gpus; ++d) node.left[d] = kWholeGpu;
    return node;
  }
};

/// What a pod asks for. A part of a GPU is asked of one device only.
struct Pod {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::int64_t gpu_milli = 0;     ///< of each device, 0 ... kWholeGpu; kWholeGpu when gpus > 1
  int gpus = 0;                   ///< devices; 0: none, and gpu_milli is 0
  std::uint16_t models = 0xffff;  ///< bit m: GPU model m will do

  bool shares() const { return gpus == 1 && gpu_milli < kWholeGpu; }
  std::int64_t gpu_total() const { return gpus * gpu_milli; }
  auto operator<=>(const Pod&) const = default;
};

/// Whether `pod` can run on `node` now: model, processors, memory, devices.
inline bool fits(const Node& node, const Pod& pod) {
  if (node.cpu_milli < pod.cpu_milli || node.memory_mib < pod.memory_mib) return false;
  if (pod.gpus == 0) return true;
  return (pod.models >> node.model & 1) != 0 && node.devices_with(pod.gpu_milli) >= pod.gpus;
}

/// `node` with `pod` on the devices of the bit mask `devices`. The pod must fit there.
inline Node with(Node node, const Pod& pod, unsigned devices) {
  node.cpu_milli -= pod.cpu_milli;
  node.memory_mib -= pod.memory_mib;
  for (int d = 0; d < node.gpus; ++d)
    if ((devices >> d & 1) != 0)
      node.left[d] = static_cast<std::int16_t>(node.left[d] - pod.gpu_milli);
  return node;
}

}  // namespace gputide::placement
