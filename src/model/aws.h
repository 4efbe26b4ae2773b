// What Amazon EC2, Auto Scaling and EKS say about machines, as plain data in AWS's own words.
// Field names follow the API (in snake_case); an absent optional is a field that AWS leaves out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/kubelet_settings.h"
#include "model/pod.h"

namespace gputide::model {

enum class Market { OnDemand, Spot };

/// "on-demand" or "spot", the values of karpenter.sh/capacity-type.
constexpr std::string_view market_name(Market market) {
  return market == Market::Spot ? "spot" : "on-demand";
}

/// Attributes instead of a type name: what a launch may pick from.
struct InstanceRequirements {
  std::optional<std::int64_t> vcpu_min;  // AWS requires it and memory_mib_min; 0 is a value
  std::optional<std::int64_t> vcpu_max;
  std::optional<std::int64_t> memory_mib_min;
  std::optional<std::int64_t> memory_mib_max;
  std::optional<std::int64_t> accelerator_count_min;
  std::optional<std::int64_t> accelerator_count_max;
  std::vector<std::string> accelerator_manufacturers;  // nvidia, amd, ...
  std::vector<std::string> accelerator_types;          // gpu, fpga, inference

  bool operator==(const InstanceRequirements&) const = default;
};

struct LaunchTemplateRef {
  std::string name;
  std::optional<std::string> version;  // "7", "$Default", "$Latest"; absent = $Default

  bool operator==(const LaunchTemplateRef&) const = default;
};

/// Whether instances run in a capacity reservation, and in which.
struct CapacityReservationSpecification {
  std::string preference = "open";  // open, none, capacity-reservations-only
  std::string target_id;            // cr-...; "" = any open one that matches

  bool operator==(const CapacityReservationSpecification&) const = default;
};

/// The part of a launch template's data that decides what a node will be.
struct LaunchTemplateData {
  std::string instance_type;  // "" when requirements are given or overrides decide
  std::optional<InstanceRequirements> requirements;
  std::string image_id;
  std::int64_t volume_gib = 0;  // root volume; 0 = the image's own size
  CapacityReservationSpecification capacity_reservation = {};
  bool capacity_block = false;  // InstanceMarketOptions.MarketType is capacity-block

  bool operator==(const LaunchTemplateData&) const = default;
};

struct LaunchTemplateOverride {
  std::string instance_type;  // "" when requirements are given
  std::optional<InstanceRequirements> requirements;
  std::optional<std::int64_t> weighted_capacity;

  bool operator==(const LaunchTemplateOverride&) const = default;
};

/// How a group splits between on-demand and spot, and how it picks pools. AWS's defaults are the
/// initial values.
struct InstancesDistributionPolicy {
  std::int64_t on_demand_base_capacity = 0;
  std::int64_t on_demand_percentage_above_base = 100;
  std::string on_demand_allocation_strategy = "prioritized";  // prioritized, lowest-price
  std::string spot_allocation_strategy =
      "lowest-price";  // ..., capacity-optimized(-prioritized), price-capacity-optimized
  std::int64_t spot_instance_pools = 2;  // lowest-price only
  std::optional<Money> spot_max_price;   // per hour; absent = the on-demand price

  bool operator==(const InstancesDistributionPolicy&) const = default;
};

struct MixedInstancesPolicy {
  LaunchTemplateRef launch_template;
  std::vector<LaunchTemplateOverride> overrides;  // in order of priority
  InstancesDistributionPolicy distribution;

  bool operator==(const MixedInstancesPolicy&) const = default;
};

enum class LifecycleState { Pending, InService, Terminating, Terminated };

/// An instance as a group lists it.
struct GroupInstance {
  std::string id;  // i-0123456789abcdef0
  std::string instance_type;
  std::string zone;
  Market market = Market::OnDemand;
  LifecycleState state = LifecycleState::Pending;
  bool healthy = true;
  Instant launched;

  bool operator==(const GroupInstance&) const = default;
};

/// An Auto Scaling group. Exactly one of the launch fields is set in groups that AWS accepts.
struct AutoScalingGroup {
  std::string name;
  std::int64_t min_size = 0;
  std::int64_t max_size = 0;
  std::int64_t desired_capacity = 0;
  std::vector<std::string> availability_zones;
  std::string launch_configuration;
  std::optional<LaunchTemplateRef> launch_template;
  std::optional<MixedInstancesPolicy> mixed_instances_policy;
  Shared<std::vector<std::pair<std::string, std::string>>> tags;  // key, value; in AWS's order
  std::vector<std::string> suspended_processes;  // Launch, Terminate, AZRebalance ...
  bool capacity_rebalance = false;
  std::vector<GroupInstance> instances;

  const std::string* tag(std::string_view key) const {
    for (const auto& [k, v] : *tags)
      if (k == key) return &v;
    return nullptr;
  }

  bool operator==(const AutoScalingGroup&) const = default;
};

/// What a group tried to do. `status_code`: InProgress, Successful, Failed, ...
struct ScalingActivity {
  std::string id;
  std::string group;
  Instant start;
  std::optional<Instant> end;
  std::string status_code;
  std::string status_message;  // "Could not launch Spot Instances. UnfulfillableCapacity - ..."
  std::string cause;
  std::string description;
};

/// A subnet, as ec2:DescribeSubnets tells of it.
struct Subnet {
  std::string id;
  std::string zone;
  std::string cidr;
  StringMap tags;

  bool operator==(const Subnet&) const = default;
};

/// A taint in EKS's words.
struct NodegroupTaint {
  std::string key;
  std::optional<std::string> value;
  std::string effect;  // NO_SCHEDULE, NO_EXECUTE, PREFER_NO_SCHEDULE

  bool operator==(const NodegroupTaint&) const = default;
};

/// What eks:DescribeNodegroup tells of a managed node group.
struct ManagedNodegroupDescription {
  std::string cluster_name;
  std::string nodegroup_name;
  std::string ami_type;
  std::string capacity_type;  // ON_DEMAND, SPOT, CAPACITY_BLOCK
  std::optional<std::int64_t> disk_size_gib;
  std::string version;
  StringMap labels;
  std::vector<NodegroupTaint> taints;
  StringMap tags;

  bool operator==(const ManagedNodegroupDescription&) const = default;
};

/// What an instance's kubelet is told at boot (eksctl and nodeadm: --node-labels,
/// --register-with-taints, maxPods), and what its image brings.
struct NodeBootstrap {
  std::string cluster_name;
  StringMap labels;
  std::vector<Taint> taints;
  KubeletSettings kubelet;
  std::int64_t volume_gib = 80;      // root volume
  bool pods_on_local_disks = false;  // made one array (RAID0), where the type has some
  /// The image brings NVIDIA's driver and container runtime (an accelerated AMI).
  bool nvidia_driver = false;
};

/// A node group as it will exist in AWS: what eksctl (and EKS, for managed ones) makes of a
/// ClusterConfig entry.
struct NodeGroupPlan {
  std::string nodegroup_name;  // as the person wrote it
  AutoScalingGroup group;
  LaunchTemplateData launch;
  NodeBootstrap bootstrap;
  /// CIDR of the subnet in each of group.availability_zones, in their order.
  std::vector<std::string> subnet_cidrs;
  /// What eks:DescribeNodegroup answers; absent for self-managed groups.
  std::optional<ManagedNodegroupDescription> managed;
};

}  // namespace gputide::model
