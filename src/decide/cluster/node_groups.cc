#include "decide/cluster/node_groups.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "base/rng.h"
#include "base/text.h"
#include "decide/cluster/instance_selector.h"
#include "decide/cluster/network.h"

namespace gputide::cluster {
namespace {

using model::AutoScalingGroup;
using model::ClusterConfig;
using model::InstanceType;
using model::ManagedNodeGroup;
using model::NodeGroup;
using model::NodeGroupBase;
using model::NodeGroupPlan;
using model::StringMap;
using model::Value;

constexpr std::string_view kEnabledTag = "k8s.io/cluster-autoscaler/enabled";
constexpr std::string_view kClusterNameLabel = "alpha.eksctl.io/cluster-name";
constexpr std::string_view kGroupNameLabel = "alpha.eksctl.io/nodegroup-name";
constexpr std::string_view kTemplateTag = "k8s.io/cluster-autoscaler/node-template/";
constexpr std::size_t kMostTags = 50;   // of an Auto Scaling group
constexpr std::size_t kMostTypes = 20;  // of an instancesDistribution

// Random parts of AWS's names, the same for the same names.
std::string name_part(std::string_view cluster, std::string_view group, std::size_t length,
                      std::string_view alphabet) {
  Rng rng(fnv1a(cluster), group);
  std::string part;
  for (std::size_t i = 0; i < length; ++i) part += alphabet[rng.below(alphabet.size())];
  return part;
}

// One group's entry in the document: errors go to the line of the field they are about.
class Entry {
 public:
  Entry(const Value& source, std::string_view list, std::size_t index, const std::string& file,
        const std::string& name, Diagnostics& diagnostics)
      : file_(file), name_(name), diagnostics_(diagnostics) {
    const Value* items = source.find(list);
    if (items != nullptr && items->is_list() && index < items->as_list().size())
      value_ = &items->as_list()[index];
  }

  template <class... Keys>
  void error(std::string code, std::string what, std::string remedy, Keys... keys) {
    failed_ = true;
    diagnostics_.error(file_, place(keys...), std::move(code),
                       fmt::format("node group {}: {}", name_, what), std::move(remedy));
  }
  bool failed() const { return failed_; }

 private:
  template <class... Keys>
  Span place(Keys... keys) const {
    if (value_ == nullptr) return {};
    if constexpr (sizeof...(keys) > 0)
      if (const Value* found = value_->at(keys...); found != nullptr && found->where.line != 0)
        return found->where;
    return value_->where;
  }

  const std::string& file_;
  const std::string& name_;
  Diagnostics& diagnostics_;
  const Value* value_ = nullptr;
  bool failed_ = false;
};

// capacityReservation and instanceMarketOptions, as eksctl puts them into the launch template.
void set_reservation(const NodeGroupBase& group, model::LaunchTemplateData& launch) {
  for (const model::Member& member : group.kept) {
    if (member.key == "instanceMarketOptions")
      launch.capacity_block = member.value.text_at("marketType") == "capacity-block";
    if (member.key != "capacityReservation") continue;
    model::CapacityReservationSpecification& to = launch.capacity_reservation;
    const std::string_view preference = member.value.text_at("capacityReservationPreference");
    if (!preference.empty()) to.preference = preference;
    if (const model::Value* target = member.value.find("capacityReservationTarget"))
      to.target_id = target->text_at("capacityReservationID");
  }
}

class Planner {
 public:
  Planner(const ClusterConfig& config, const pricing::Catalogue& catalogue, const Value& source,
          const std::string& file, Diagnostics& diagnostics)
      : config_(config),
        catalogue_(catalogue),
        source_(source),
        file_(file),
        diagnostics_(diagnostics),
        network_(plan_network(config)),
        region_(config.metadata.region.empty() ? "us-west-2" : config.metadata.region) {}

  std::vector<NodeGroupPlan> plan() {
    for (std::size_t i = 0; i < config_.nodeGroups.size(); ++i) {
      const NodeGroup& group = config_.nodeGroups[i];
      Entry entry(source_, "nodeGroups", i, file_, group.name, diagnostics_);
      NodeGroupPlan plan = self_managed(group, entry);
      if (!entry.failed()) plans_.push_back(std::move(plan));
    }
    for (std::size_t i = 0; i < config_.managedNodeGroups.size(); ++i) {
      const ManagedNodeGroup& group = config_.managedNodeGroups[i];
      Entry entry(source_, "managedNodeGroups", i, file_, group.name, diagnostics_);
      NodeGroupPlan plan = managed(group, entry);
      if (!entry.failed()) plans_.push_back(std::move(plan));
    }
    return std::move(plans_);
  }

 private:
  // What both kinds have in common.
  NodeGroupPlan common(const NodeGroupBase& group, Entry& entry);
  void set_sizes(const NodeGroupBase& group, AutoScalingGroup& asg, Entry& entry);
  void set_zones(const NodeGroupBase& group, NodeGroupPlan& plan, Entry& entry);
  void check_taints(const NodeGroupBase& group, Entry& entry);
  std::vector<std::string> types_of(const NodeGroupBase& group,
                                    const std::vector<std::string>& listed, Entry& entry);
  void check_types(const std::vector<std::string>& types, Entry& entry);
  bool brings_driver(const NodeGroupBase& group, const std::vector<std::string>& types) const;
  void propagate(const NodeGroupBase& group, const StringMap& labels, StringMap& tags,
                 Entry& entry) const;

  NodeGroupPlan self_managed(const NodeGroup& group, Entry& entry);
  model::MixedInstancesPolicy mixed_policy(const model::InstancesDistribution& distribution,
                                           const std::vector<std::string>& types,
                                           const std::string& launch_template, Entry& entry);
  void check_distribution(const model::InstancesDistribution& distribution,
                          const model::InstancesDistributionPolicy& to, Entry& entry);
  NodeGroupPlan managed(const ManagedNodeGroup& group, Entry& entry);
  std::string ami_type(const ManagedNodeGroup& group, const std::vector<std::string>& types) const;
  StringMap stack_tags(const NodeGroupBase& group, std::string_view kind) const;

  const std::string& cluster() const { return config_.metadata.name; }

  const ClusterConfig& config_;
  const pricing::Catalogue& catalogue_;
  const Value& source_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  const Network network_;
  const std::string region_;
  std::set<std::string> names_;
  std::vector<NodeGroupPlan> plans_;
};

void Planner::set_sizes(const NodeGroupBase& group, AutoScalingGroup& asg, Entry& entry) {
  constexpr std::int32_t kDefaultNodes = 2;
  const std::int32_t min = group.minSize.value_or(group.desiredCapacity.value_or(kDefaultNodes));
  const std::int32_t max = group.maxSize.value_or(group.desiredCapacity.value_or(min));
  const std::int32_t desired = group.desiredCapacity.value_or(min);
  if (min < 0)
    entry.error("node-group-size", fmt::format("minSize {} is below zero", min), "write 0 or more",
                "minSize");
  else if (min > max)
    entry.error("node-group-size", fmt::format("minSize {} is above maxSize {}", min, max),
                "lower minSize or raise maxSize", "minSize");
  else if (desired < min)
    entry.error("node-group-size",
                fmt::format("desiredCapacity {} is below minSize {}", desired, min),
                fmt::format("write {} or more", min), "desiredCapacity");
  else if (desired > max)
    entry.error("node-group-size",
                fmt::format("desiredCapacity {} is above maxSize {}", desired, max),
                fmt::format("write {} or less", max), "desiredCapacity");
  asg.min_size = min;
  asg.max_size = max;
  asg.desired_capacity = desired;
}

void Planner::set_zones(const NodeGroupBase& group, NodeGroupPlan& plan, Entry& entry) {
  plan.group.availability_zones =
      group.availabilityZones.empty() ? network_.zones : group.availabilityZones;
  for (const std::string& zone : plan.group.availability_zones) {
    const auto index = network_.zone_index(zone);
    if (!index) {
      entry.error("unknown-zone", fmt::format("the cluster has no subnet in {}", zone),
                  fmt::format("write one of {}, or add the zone to the cluster's availabilityZones",
                              join(network_.zones, ", ")),
                  "availabilityZones");
      continue;
    }
    plan.subnet_cidrs.push_back(group.privateNetworking ? network_.private_cidrs[*index]
                                                        : network_.public_cidrs[*index]);
  }
}

void Planner::check_taints(const NodeGroupBase& group, Entry& entry) {
  for (const model::Taint& taint : group.taints.list)
    if (taint.effect != "NoSchedule" && taint.effect != "PreferNoSchedule" &&
        taint.effect != "NoExecute")
      entry.error("bad-taint",
                  fmt::format("the effect {} of taint {} is none that Kubernetes knows",
                              quote(taint.effect), taint.key),
                  "write NoSchedule, PreferNoSchedule or NoExecute", "taints");
}

std::vector<std::string> Planner::types_of(const NodeGroupBase& group,
                                           const std::vector<std::string>& listed, Entry& entry) {
  std::vector<std::string> types = listed;
  if (types.empty() && !group.instanceType.empty() && group.instanceType != "mixed")
    types.push_back(group.instanceType);
  if (!group.instanceSelector) return types;
  auto selected = select_types(*group.instanceSelector, catalogue_, region_);
  if (!selected) {
    entry.error("instance-selector", selected.error().message,
                "change the filters so that they match 1 to 40 types", "instanceSelector");
    return types;
  }
  if (!types.empty() &&
      std::set(types.begin(), types.end()) != std::set(selected->begin(), selected->end()))
    entry.error("instance-selector", "the types that are listed are not what the filters match",
                "remove either instanceSelector or the types", "instanceSelector");
  return std::move(*selected);
}

void Planner::check_types(const std::vector<std::string>& types, Entry& entry) {
  std::set<std::string_view> architectures;
  for (const std::string& name : types) {
    const auto type = catalogue_.get(name);
    if (!type)
      entry.error("unknown-instance-type", type.error().message,
                  type.error().message.ends_with("?") ? "" : "write the name of a type");
    else
      architectures.insert((*type)->arch);
  }
  if (architectures.size() > 1)
    entry.error("mixed-architectures",
                "its instance types are both amd64 and arm64, and one image cannot boot both",
                "make two node groups");
}

bool Planner::brings_driver(const NodeGroupBase& group,
                            const std::vector<std::string>& types) const {
  const std::string family = to_lower(group.amiFamily);
  if (family.starts_with("ubuntu") || family.starts_with("windows")) return false;
  return std::any_of(types.begin(), types.end(), [&](const std::string& name) {
    const InstanceType* type = catalogue_.find(name);
    return type != nullptr && type->has_nvidia();
  });
}

// propagateASGTags. eksctl writes a taint's value alone: without ":effect" Cluster Autoscaler does
// not see the taint.
void Planner::propagate(const NodeGroupBase& group, const StringMap& labels, StringMap& tags,
                        Entry& entry) const {
  if (!group.propagateASGTags) return;
  for (const auto& [key, value] : labels)
    tags[fmt::format("{}label/{}", kTemplateTag, key)] = value;
  for (const model::Taint& taint : group.taints.list)
    tags[fmt::format("{}taint/{}", kTemplateTag, taint.key)] = taint.value;
  if (tags.size() > kMostTags)
    entry.error("too-many-tags",
                fmt::format("its Auto Scaling group would have {} tags with those that "
                            "propagateASGTags adds, and AWS allows {}",
                            tags.size(), kMostTags),
                "remove labels, taints or tags, or propagateASGTags", "propagateASGTags");
}

NodeGroupPlan Planner::common(const NodeGroupBase& group, Entry& entry) {
  NodeGroupPlan plan;
  plan.nodegroup_name = group.name;
  if (group.name.empty())
    entry.error("missing-name", "it has no name", "give it a name that is unique in the cluster");
  else if (!names_.insert(group.name).second)
    entry.error("duplicate-name", "the name is taken by another node group",
                "give it a name that is unique in the cluster", "name");
  set_sizes(group, plan.group, entry);
  set_zones(group, plan, entry);
  check_taints(group, entry);
  plan.group.suspended_processes = group.asgSuspendProcesses;

  plan.bootstrap.cluster_name = cluster();
  plan.bootstrap.labels = group.labels;
  plan.bootstrap.labels[std::string(kClusterNameLabel)] = cluster();
  plan.bootstrap.labels[std::string(kGroupNameLabel)] = group.name;
  plan.bootstrap.taints = group.taints.list;
  plan.bootstrap.kubelet.max_pods = group.maxPodsPerNode;
  plan.bootstrap.volume_gib = group.volumeSize.value_or(80);
  if (plan.bootstrap.volume_gib <= 0)
    entry.error("volume-size", fmt::format("volumeSize {} is not positive", *group.volumeSize),
                "write the size in GiB", "volumeSize");
  if (group.maxPodsPerNode && *group.maxPodsPerNode <= 0)
    entry.error("max-pods", fmt::format("maxPodsPerNode {} is not positive", *group.maxPodsPerNode),
                "remove it to get what the instance type allows", "maxPodsPerNode");
  plan.launch.volume_gib = plan.bootstrap.volume_gib;
  set_reservation(group, plan.launch);
  if (group.ami.starts_with("ami-")) plan.launch.image_id = group.ami;
  return plan;
}

StringMap Planner::stack_tags(const NodeGroupBase& group, std::string_view kind) const {
  StringMap tags = config_.metadata.tags;
  for (const auto& [key, value] : group.tags) tags[key] = value;
  tags[std::string(kClusterNameLabel)] = cluster();
  tags[std::string(kGroupNameLabel)] = group.name;
  tags["alpha.eksctl.io/nodegroup-type"] = kind;
  tags["eksctl.cluster.k8s.io/v1alpha1/cluster-name"] = cluster();
  tags["eksctl.io/v1alpha2/nodegroup-name"] = group.name;
  return tags;
}

void Planner::check_distribution(const model::InstancesDistribution& distribution,
                                 const model::InstancesDistributionPolicy& to, Entry& entry) {
  static constexpr std::string_view kField = "instancesDistribution";
  static constexpr std::string_view kStrategies[] = {
      "lowest-price", "diversified", "capacity-optimized", "capacity-optimized-prioritized",
      "price-capacity-optimized"};
  if (to.on_demand_base_capacity < 0)
    entry.error("out-of-range", "onDemandBaseCapacity is below zero", "write 0 or more", kField,
                "onDemandBaseCapacity");
  if (to.on_demand_percentage_above_base < 0 || to.on_demand_percentage_above_base > 100)
    entry.error("out-of-range", "onDemandPercentageAboveBaseCapacity is not within 0 to 100",
                "write a percentage; 0 makes all of them spot instances", kField,
                "onDemandPercentageAboveBaseCapacity");
  if (to.spot_instance_pools < 1 || to.spot_instance_pools > 20)
    entry.error("out-of-range", "spotInstancePools is not within 1 to 20",
                "write how many of the cheapest pools to spread over", kField, "spotInstancePools");
  if (to.spot_max_price && *to.spot_max_price <= Money())
    entry.error("out-of-range", "maxPrice is not positive",
                "write dollars an hour, or remove it to pay at most the on-demand price", kField,
                "maxPrice");
  if (std::find(std::begin(kStrategies), std::end(kStrategies), to.spot_allocation_strategy) ==
      std::end(kStrategies))
    entry.error(
        "unknown-strategy",
        fmt::format("there is no spotAllocationStrategy {}", quote(to.spot_allocation_strategy)),
        "write price-capacity-optimized, which AWS advises, or lowest-price, diversified, "
        "capacity-optimized or capacity-optimized-prioritized",
        kField, "spotAllocationStrategy");
  else if (distribution.spotInstancePools &&
           to.spot_allocation_strategy.starts_with("capacity-optimized"))
    entry.error(
        "conflicting-fields",
        fmt::format("spotInstancePools cannot be used with {}", to.spot_allocation_strategy),
        "remove spotInstancePools", kField, "spotInstancePools");
}

model::MixedInstancesPolicy Planner::mixed_policy(const model::InstancesDistribution& distribution,
                                                  const std::vector<std::string>& types,
                                                  const std::string& launch_template,
                                                  Entry& entry) {
  model::MixedInstancesPolicy policy;
  policy.launch_template = {launch_template, "1"};
  for (const std::string& type : types) policy.overrides.push_back({type, std::nullopt, {}});
  model::InstancesDistributionPolicy& to = policy.distribution;
  to.on_demand_base_capacity = distribution.onDemandBaseCapacity.value_or(0);
  to.on_demand_percentage_above_base =
      distribution.onDemandPercentageAboveBaseCapacity.value_or(100);
  to.spot_instance_pools = distribution.spotInstancePools.value_or(2);
  to.spot_allocation_strategy = distribution.spotAllocationStrategy.value_or("lowest-price");
  if (distribution.maxPrice)
    to.spot_max_price = Money::micros(std::llround(*distribution.maxPrice * 1e6));

  check_distribution(distribution, to, entry);
  return policy;
}

NodeGroupPlan Planner::self_managed(const NodeGroup& group, Entry& entry) {
  NodeGroupPlan plan = common(group, entry);
  const auto& distribution = group.instancesDistribution;
  if ((distribution || group.instanceSelector) && !group.instanceType.empty() &&
      group.instanceType != "mixed")
    entry.error("conflicting-fields",
                fmt::format("instanceType {} stands beside {}", group.instanceType,
                            distribution ? "instancesDistribution" : "instanceSelector"),
                "write \"mixed\" or leave instanceType out", "instanceType");
  std::vector<std::string> types = types_of(
      group, distribution ? distribution->instanceTypes : std::vector<std::string>(), entry);
  if (types.empty()) {
    if (distribution || group.instanceType == "mixed")
      entry.error("no-instance-types", "its instancesDistribution names no instance type",
                  "list at least one type in instancesDistribution.instanceTypes",
                  "instancesDistribution");
    types = {"m5.large"};
  }
  if (!group.instanceSelector && types.size() > kMostTypes)
    entry.error(
        "too-many-types",
        fmt::format("{} instance types are listed, and {} are allowed", types.size(), kMostTypes),
        "remove some", "instancesDistribution", "instanceTypes");
  check_types(types, entry);

  const std::string stack = fmt::format("eksctl-{}-nodegroup-{}", cluster(), group.name);
  AutoScalingGroup& asg = plan.group;
  asg.name =
      fmt::format("{}-NodeGroup-{}", stack,
                  name_part(cluster(), group.name, 12, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"));
  plan.launch.instance_type = types.front();
  plan.bootstrap.nvidia_driver = brings_driver(group, types);
  if (distribution || types.size() > 1) {
    asg.mixed_instances_policy =
        mixed_policy(distribution.value_or(model::InstancesDistribution{}), types, stack, entry);
    asg.capacity_rebalance = distribution && distribution->capacityRebalance.value_or(false);
  } else {
    asg.launch_template = model::LaunchTemplateRef{stack, "1"};
  }

  StringMap tags = stack_tags(group, "unmanaged");
  tags["Name"] = fmt::format("{}-{}-Node", cluster(), group.name);
  tags[fmt::format("kubernetes.io/cluster/{}", cluster())] = "owned";
  if (group.iam && group.iam->withAddonPolicies.autoScaler.value_or(false)) {
    tags.emplace(kEnabledTag, "true");
    tags.emplace(fmt::format("k8s.io/cluster-autoscaler/{}", cluster()), "owned");
  }
  propagate(group, plan.bootstrap.labels, tags, entry);
  asg.tags.edit().assign(tags.begin(), tags.end());
  return plan;
}

std::string Planner::ami_type(const ManagedNodeGroup& group,
                              const std::vector<std::string>& types) const {
  if (group.ami.starts_with("ami-")) return "CUSTOM";
  const InstanceType* first = catalogue_.find(types.front());
  const bool arm = first != nullptr && first->arch == "arm64";
  const bool nvidia = brings_driver(group, types);
  const std::string family = to_lower(group.amiFamily);
  if (family == "bottlerocket")
    return fmt::format("BOTTLEROCKET_{}{}", arm ? "ARM_64" : "x86_64", nvidia ? "_NVIDIA" : "");
  if (family == "amazonlinux2")
    return arm ? "AL2_ARM_64" : nvidia ? "AL2_x86_64_GPU" : "AL2_x86_64";
  return fmt::format("AL2023_{}_{}", arm ? "ARM_64" : "x86_64", nvidia ? "NVIDIA" : "STANDARD");
}

NodeGroupPlan Planner::managed(const ManagedNodeGroup& group, Entry& entry) {
  NodeGroupPlan plan = common(group, entry);
  if (plan.group.max_size < 1)
    entry.error("node-group-size", "maxSize of a managed node group must be 1 or more",
                "write maxSize: 1 or more", "maxSize");
  if (!group.instanceTypes.empty() && !group.instanceType.empty() && group.instanceType != "mixed")
    entry.error("conflicting-fields", "instanceType and instanceTypes are both given",
                "keep instanceTypes", "instanceType");
  std::vector<std::string> types = types_of(group, group.instanceTypes, entry);
  if (types.empty()) types = {"m5.large"};
  check_types(types, entry);

  static constexpr std::string_view kHex = "0123456789abcdef";
  const std::string hex = name_part(cluster(), group.name, 32, kHex);
  AutoScalingGroup& asg = plan.group;
  asg.name = fmt::format("eks-{}-{}-{}-{}-{}-{}", group.name, hex.substr(0, 8), hex.substr(8, 4),
                         hex.substr(12, 4), hex.substr(16, 4), hex.substr(20, 12));
  plan.launch.instance_type = types.front();
  plan.bootstrap.nvidia_driver = brings_driver(group, types);

  // EKS always makes a mixed policy, and picks the strategies itself.
  model::MixedInstancesPolicy policy;
  policy.launch_template = {fmt::format("eks-{}", hex), "1"};
  for (const std::string& type : types) policy.overrides.push_back({type, std::nullopt, {}});
  policy.distribution.on_demand_percentage_above_base = group.spot ? 0 : 100;
  policy.distribution.on_demand_allocation_strategy = "prioritized";
  policy.distribution.spot_allocation_strategy = "price-capacity-optimized";
  asg.mixed_instances_policy = std::move(policy);
  asg.capacity_rebalance = group.spot;

  StringMap tags = {{std::string(kEnabledTag), "true"},
                    {fmt::format("k8s.io/cluster-autoscaler/{}", cluster()), "owned"},
                    {fmt::format("kubernetes.io/cluster/{}", cluster()), "owned"},
                    {"eks:cluster-name", cluster()},
                    {"eks:nodegroup-name", group.name}};
  propagate(group, plan.bootstrap.labels, tags, entry);
  asg.tags.edit().assign(tags.begin(), tags.end());

  model::ManagedNodegroupDescription& eks = plan.managed.emplace();
  eks.cluster_name = cluster();
  eks.nodegroup_name = group.name;
  eks.ami_type = ami_type(group, types);
  eks.capacity_type = group.spot                   ? "SPOT"
                      : plan.launch.capacity_block ? "CAPACITY_BLOCK"
                                                   : "ON_DEMAND";
  eks.version = config_.metadata.version.value_or(std::string(kDefaultVersion));
  eks.labels = plan.bootstrap.labels;
  for (const model::Taint& taint : group.taints.list)
    eks.taints.push_back({taint.key,
                          taint.value.empty() ? std::nullopt : std::optional(taint.value),
                          taint.effect == "NoSchedule"         ? "NO_SCHEDULE"
                          : taint.effect == "PreferNoSchedule" ? "PREFER_NO_SCHEDULE"
                                                               : "NO_EXECUTE"});
  eks.tags = stack_tags(group, "managed");
  // What EKS tells the kubelet besides.
  plan.bootstrap.labels["eks.amazonaws.com/nodegroup"] = group.name;
  plan.bootstrap.labels["eks.amazonaws.com/capacityType"] = eks.capacity_type;
  return plan;
}

}  // namespace

std::vector<NodeGroupPlan> plan_node_groups(const ClusterConfig& config,
                                            const pricing::Catalogue& catalogue,
                                            const Value& source, const std::string& file,
                                            Diagnostics& diagnostics) {
  return Planner(config, catalogue, source, file, diagnostics).plan();
}

}  // namespace gputide::cluster
