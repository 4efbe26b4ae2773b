// What a node offers: the one place that knows what a replica is. Everything that asks about shared
// GPUs (the kubelet, the template of a node that is not there yet, the price of a slice) asks here.
// Source: NVIDIA/k8s-device-plugin 0.20 (api/config/v1, internal/rm, internal/lm),
// awslabs/aws-virtual-gpu-device-plugin 0.1.1.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "decide/sharing/gpu.h"
#include "model/meta.h"
#include "model/plugin_config.h"

namespace gputide::sharing {

inline constexpr std::string_view kNvidiaGpu = "nvidia.com/gpu";
inline constexpr std::string_view kAwsVgpu = "k8s.amazonaws.com/vgpu";
/// The label that chooses a key of the plugin's ConfigMap, and the one that chooses a MIG layout.
inline constexpr std::string_view kConfigLabel = "nvidia.com/device-plugin.config";
inline constexpr std::string_view kMigConfigLabel = "nvidia.com/mig.config";

enum class PluginKind {
  Nvidia,   // as NVIDIA's plugin does: `devices` and `rename` of the config are dropped
  AwsVgpu,  // k8s.amazonaws.com/vgpu
  Gputide   // gputide-agent: honours the whole config
};

/// Which GPU a replica is taken from: the one with the fewest taken, or the one with the most.
enum class AllocationPolicy { Distributed, Packed };

struct PluginSetup {
  PluginKind kind = PluginKind::Nvidia;
  model::PluginConfig config;
  std::int64_t vgpus = 10;  // AwsVgpu: --vgpu, for each GPU
  AllocationPolicy allocation = AllocationPolicy::Distributed;
  /// The driver's CUDA version; it bounds the clients of an MPS server and whether their memory can
  /// be limited.
  int cuda_major = 12;
  int cuda_minor = 8;
};

enum class Replication { None, TimeSlicing, Mps };

/// What the MPS daemon gives each client by default.
struct MpsLimits {
  std::int64_t memory_mib = 0;  // 0: no limit (CUDA before 11.5)
  std::int64_t thread_percentage = 0;
};

struct Device {
  std::string id;          // as advertised: GPU-..., GPU-...::3, MIG-...
  std::string hardware;    // the GPU or MIG device behind it, as containers see it
  std::uint32_t gpu = 0;   // index of the GPU
  std::int64_t parts = 1;  // how much of a GPU it is, in NodeOffer::parts_per_gpu
  std::optional<MpsLimits> limits;
};

struct ResourceOffer {
  std::string name;             // nvidia.com/gpu, nvidia.com/gpu.shared, nvidia.com/mig-1g.5gb
  std::vector<Device> devices;  // by GPU, then MIG start, then replica
  Replication replication = Replication::None;
  std::int64_t replicas = 1;    // of each GPU or MIG device (the most, where they differ)
  bool fail_above_one = false;  // failRequestsGreaterThanOne
};

struct NodeOffer {
  std::vector<ResourceOffer> resources;  // in byte order of their names
  /// GPU Feature Discovery's labels, for nodes on which it runs.
  model::StringMap labels;
  std::int64_t parts_per_gpu = 1;
  std::int64_t gpus = 0;
  bool needs_mps_daemon = false;      // nothing is offered before NVIDIA's MPS control daemon runs
  std::vector<std::string> warnings;  // what the plugin logs and then ignores

  const ResourceOffer* find(std::string_view resource) const;
  /// Name -> number of devices, for a node's capacity and allocatable.
  model::ResourceList resource_list() const;
  std::int64_t parts() const { return parts_per_gpu * gpus; }
};

/// What a plugin advertises on a machine with these GPUs. Errors are those with which the plugin
/// does not start: a replica count below 2, no resources to replicate, MPS beside MIG, more
/// replicas than the GPU's MPS server takes clients, a MIG state that the strategy does not allow.
Result<NodeOffer> offer(std::span<const Gpu> gpus, const PluginSetup& setup);

/// The same for a machine of `type`; `machine` makes the device ids, `mig_config` is the value of
/// its label nvidia.com/mig.config ("" leaves MIG off).
Result<NodeOffer> offer(const model::InstanceType& type, const PluginSetup& setup,
                        std::string_view machine = {}, std::string_view mig_config = {});

/// GPU Feature Discovery's labels alone: it runs, and says "INVALID", where the plugin does not
/// start.
model::StringMap feature_labels(std::span<const Gpu> gpus, const PluginSetup& setup);

/// Whether the plugin would start with this config on any machine; the first reason if not.
Result<void> check_config(const PluginSetup& setup);

/// Clients that one MPS server takes on a GPU: 16 before Volta, 48 from Volta, 60 from CUDA 13.1.
/// NVIDIA's plugin counts Volta (7.0 to 7.4) with the older ones and knows no 60.
std::int64_t mps_clients(const Gpu& gpu, const PluginSetup& setup);

/// What part of all GPUs of its node a device is.
struct DeviceShare {
  std::int64_t parts = 0;
  std::int64_t of = 1;
};

/// The price an hour of a device of a node that costs `node_price`: its share of the node's GPUs,
/// rounded half up. The GPUs carry the whole price of the node.
Money device_price(Money node_price, const DeviceShare& share);

/// How many of `slots` equal slots give a container at least `fraction` of a GPU.
std::int64_t slots_for(std::int64_t numerator, std::int64_t denominator, std::int64_t slots);

}  // namespace gputide::sharing
