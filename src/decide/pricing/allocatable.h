// What a node of an instance type reports to Kubernetes: capacity, and what is left for pods.
// Sources: awslabs/amazon-eks-ami (nodeadm: max pods, kube-reserved), kubelet (eviction thresholds,
// node status).
#pragma once

#include <cstdint>
#include <optional>

#include "model/instance_type.h"
#include "model/kubelet_settings.h"
#include "model/meta.h"

namespace gputide::pricing {

/// How a node is set up, as far as its size depends on it. The defaults are those of an EKS node on
/// AL2023.
struct NodeSizing {
  model::KubeletSettings kubelet;
  std::int64_t volume_gib = 80;      // the root volume
  bool pods_on_local_disks = false;  // of types that have some: ephemeral-storage is theirs
  /// Memory that the machine keeps from the kernel, in 1/10000 of what is sold: Karpenter's
  /// estimate is 750. Absent, or where that is less: estimated_memory_kib. Types of 4 GiB keep 9 %,
  /// and whoever believes in 7.5 buys nodes on which the pods do not fit, without end.
  std::optional<std::int64_t> vm_overhead_per_10000;
};

/// A part of a node, or all of it.
struct NodeSize {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t storage_bytes = 0;  // ephemeral-storage
  std::int64_t pods = 0;
  bool operator==(const NodeSize&) const = default;
};

struct NodeSizes {
  NodeSize capacity;
  NodeSize allocatable;
};

NodeSizes node_sizes(const model::InstanceType& type, const NodeSizing& sizing = {});

struct NodeResources {
  model::ResourceList capacity;
  model::ResourceList allocatable;
};

/// node_sizes as a kubelet prints them, with its hugepages-*. Devices are not in it
/// (decide/sharing).
NodeResources node_resources(const model::InstanceType& type, const NodeSizing& sizing = {});

/// Pods that a node takes: as set (maxPods), else by its network interfaces, else 110.
std::int64_t max_pods(const model::InstanceType& type, std::optional<std::int64_t> set = {});

/// CPU that an EKS node keeps for itself, in millicores: 6 % of the first core, 1 % of the second,
/// 0.5 % of the next two, 0.25 % of each further.
std::int64_t kube_reserved_cpu_milli(std::int64_t vcpu);

/// Memory that an EKS node keeps for itself: 255 MiB and 11 for each pod that its network
/// interfaces allow, even where maxPods says otherwise.
std::int64_t kube_reserved_memory_mib(const model::InstanceType& type);

/// What the kernel sees of the memory that is sold: less 280 MiB and 2.61 %. Fitted to EKS nodes of
/// three sizes, from 32 to 512 GiB, to within 0.03 % of their memory.
std::int64_t estimated_memory_kib(const model::InstanceType& type);

}  // namespace gputide::pricing
