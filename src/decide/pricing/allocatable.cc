#include "decide/pricing/allocatable.h"

#include <algorithm>

namespace gputide::pricing {
namespace {

constexpr std::int64_t kKib = 1024;
constexpr std::int64_t kMib = 1024 * kKib;
constexpr std::int64_t kGib = 1024 * kMib;
constexpr std::int64_t kEvictionMemory = 100 * kMib;
// What partitions and the filesystem take from an AL2023 root volume.
constexpr std::int64_t kVolumeOverheadKib = 77844;
constexpr std::int64_t kDefaultMaxPods = 110;

std::int64_t memory_bytes(const model::InstanceType& type, const NodeSizing& sizing) {
  const std::int64_t estimate = estimated_memory_kib(type) * kKib;
  if (!sizing.vm_overhead_per_10000) return estimate;
  const std::int64_t kept = type.memory_mib * *sizing.vm_overhead_per_10000;
  return std::min(estimate, (type.memory_mib - (kept + 9999) / 10000) * kMib);
}

// The kubelet keeps the threshold of 10 % as a float of single precision.
std::int64_t eviction_storage(std::int64_t capacity) {
  return static_cast<std::int64_t>(static_cast<double>(capacity) * static_cast<double>(0.1F));
}

}  // namespace

std::int64_t max_pods(const model::InstanceType& type, std::optional<std::int64_t> set) {
  return set.value_or(type.eni_max_pods().value_or(kDefaultMaxPods));
}

std::int64_t kube_reserved_cpu_milli(std::int64_t vcpu) {
  std::int64_t tenths = 0;
  for (std::int64_t core = 1; core <= vcpu; ++core)
    tenths += core == 1 ? 600 : core == 2 ? 100 : core <= 4 ? 50 : 25;
  return tenths / 10;
}

std::int64_t kube_reserved_memory_mib(const model::InstanceType& type) {
  return 255 + 11 * max_pods(type);
}

std::int64_t estimated_memory_kib(const model::InstanceType& type) {
  const std::int64_t sold = type.memory_mib * 1024;
  return std::max<std::int64_t>(sold - std::int64_t{280} * 1024 - sold * 261 / 10000, 0);
}

NodeSizes node_sizes(const model::InstanceType& type, const NodeSizing& sizing) {
  const auto positive = [](std::int64_t bytes) { return std::max<std::int64_t>(bytes, 0); };
  NodeSize capacity;
  capacity.cpu_milli = type.vcpu * 1000;
  capacity.memory_bytes = memory_bytes(type, sizing);
  capacity.storage_bytes = positive(sizing.volume_gib * kGib - kVolumeOverheadKib * kKib);
  capacity.pods = max_pods(type, sizing.max_pods);

  NodeSize allocatable = capacity;
  allocatable.cpu_milli -= kube_reserved_cpu_milli(type.vcpu);
  allocatable.memory_bytes =
      positive(capacity.memory_bytes - kube_reserved_memory_mib(type) * kMib - kEvictionMemory);
  // kube-reserved has one GiB of the volume.
  allocatable.storage_bytes =
      positive(capacity.storage_bytes - kGib - eviction_storage(capacity.storage_bytes));
  return {capacity, allocatable};
}

}  // namespace gputide::pricing
