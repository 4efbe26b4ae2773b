#include "decide/pricing/allocatable.h"

#include <algorithm>
#include <string_view>

namespace gputide::pricing {
namespace {

constexpr std::int64_t kKib = 1024;
constexpr std::int64_t kMib = 1024 * kKib;
constexpr std::int64_t kGib = 1024 * kMib;
constexpr std::string_view kEvictionMemory = "100Mi", kEvictionStorage = "10%";
// What partitions and the filesystem take from an AL2023 root volume.
constexpr std::int64_t kVolumeOverheadKib = 77844;
constexpr std::int64_t kDefaultMaxPods = 110;

std::int64_t memory_bytes(const model::InstanceType& type, const NodeSizing& sizing) {
  const std::int64_t estimate = estimated_memory_kib(type) * kKib;
  if (!sizing.vm_overhead_per_10000) return estimate;
  const std::int64_t kept = type.memory_mib * *sizing.vm_overhead_per_10000;
  return std::min(estimate, (type.memory_mib - (kept + 9999) / 10000) * kMib);
}

std::int64_t storage_bytes(const model::InstanceType& type, const NodeSizing& sizing) {
  if (sizing.pods_on_local_disks && type.local_nvme_gb > 0)
    return type.local_nvme_gb * 1'000'000'000;
  return std::max<std::int64_t>(sizing.volume_gib * kGib - kVolumeOverheadKib * kKib, 0);
}

std::int64_t pods_of(const model::InstanceType& type, const model::KubeletSettings& kubelet) {
  const std::int64_t most = max_pods(type, kubelet.max_pods);
  return kubelet.pods_per_core > 0 ? std::min(most, kubelet.pods_per_core * type.vcpu) : most;
}

// Bytes that must stay free of `capacity`.
std::int64_t threshold(const model::KubeletSettings& kubelet, std::string_view signal,
                       std::int64_t capacity, std::string_view usual) {
  const auto set = kubelet.eviction_hard.find(signal);
  const std::string_view said = set == kubelet.eviction_hard.end() ? usual : set->second;
  return model::eviction_threshold(said, capacity).value_or(0);
}

// What the kubelet's configuration says is kept of the resource for Kubernetes and the system, else
// `usual`, in the unit of `amount`.
template <class Amount>
std::int64_t reserved(const model::KubeletSettings& kubelet, std::string_view resource,
                      std::int64_t usual, Amount amount) {
  const auto of = [&](const model::ResourceList& list, std::int64_t otherwise) {
    const auto set = list.find(resource);
    return set == list.end() ? otherwise : amount(set->second);
  };
  return of(kubelet.kube_reserved, usual) + of(kubelet.system_reserved, 0);
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
  const auto positive = [](std::int64_t amount) { return std::max<std::int64_t>(amount, 0); };
  NodeSize capacity;
  capacity.cpu_milli = type.vcpu * 1000;
  capacity.memory_bytes = memory_bytes(type, sizing);
  capacity.storage_bytes = storage_bytes(type, sizing);
  capacity.pods = pods_of(type, sizing.kubelet);

  NodeSize allocatable = capacity;
  const model::KubeletSettings& kubelet = sizing.kubelet;
  const auto bytes = [](const Quantity& amount) { return amount.value(); };
  allocatable.cpu_milli = positive(
      capacity.cpu_milli - reserved(kubelet, "cpu", kube_reserved_cpu_milli(type.vcpu),
                                    [](const Quantity& amount) { return amount.milli_value(); }));
  allocatable.memory_bytes =
      positive(capacity.memory_bytes -
               reserved(kubelet, "memory", kube_reserved_memory_mib(type) * kMib, bytes) -
               threshold(kubelet, "memory.available", capacity.memory_bytes, kEvictionMemory));
  // kube-reserved has one GiB of the volume.
  allocatable.storage_bytes =
      positive(capacity.storage_bytes - reserved(kubelet, "ephemeral-storage", kGib, bytes) -
               threshold(kubelet, "nodefs.available", capacity.storage_bytes, kEvictionStorage));
  return {capacity, allocatable};
}

}  // namespace gputide::pricing
