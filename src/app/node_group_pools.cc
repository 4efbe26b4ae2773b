#include "app/node_group_pools.h"

#include <algorithm>

#include "decide/cluster/mixed_instances.h"
#include "decide/cluster/node_groups.h"
#include "decide/pricing/allocatable.h"
#include "decide/provisioning/ec2_types.h"
#include "model/labels.h"

namespace gputide::app {
namespace {

using provisioning::ProviderType;

using labels::kCapacityType;

std::vector<std::string> markets_of(const model::NodeGroupPlan& plan) {
  std::vector<std::string> names;
  for (const model::Market market : cluster::markets(plan.group))
    names.emplace_back(model::market_name(market));
  return names;
}

bool is_karpenters(std::string_view label) {
  return label.starts_with("karpenter.") && label != kCapacityType;
}

// Sizes and labels of such a node in this group, where Karpenter's would differ.
void make_groups_own(const model::NodeGroupPlan& plan, const model::InstanceType& machine,
                     ProviderType& type) {
  pricing::NodeSizing sizing;
  sizing.kubelet = plan.bootstrap.kubelet;
  sizing.volume_gib = plan.bootstrap.volume_gib;
  const pricing::NodeResources size = pricing::node_resources(machine, sizing);
  for (const auto& [name, amount] : size.capacity) type.capacity[name] = amount;
  for (const auto& [name, amount] : size.allocatable) type.allocatable[name] = amount;
  for (const std::string& label : provisioning::ec2_well_known_labels())
    if (is_karpenters(label)) type.requirements.erase(label);
  if (!plan.group.mixed_instances_policy) return;
  const auto& most = plan.group.mixed_instances_policy->distribution.spot_max_price;
  for (ProviderType::Offering& offering : type.offerings)
    if (most && offering.capacity_type == "spot" && offering.price > *most)
      offering.available = false;
}

// EC2 launches them nowhere else.
void take_reserved(const model::CapacityReservation& target, const std::string& region,
                   const pricing::Catalogue& catalogue, ProviderType& type) {
  type.offerings.clear();
  if (target.instance_type != type.name || target.state != "active" ||
      !model::why_unusable(target).empty())
    return;
  const auto price = catalogue.on_demand(region, type.name);
  type.offerings.push_back({target.zone, "on-demand", target.id, target.available, Money(), true,
                            target.type, target.interruptible, price ? price->per_hour : Money()});
}

model::NodePool pool_of(const model::NodeGroupPlan& plan) {
  model::NodePool pool;
  pool.metadata.name = plan.nodegroup_name;
  model::NodeClaimTemplate& node = pool.spec.template_;
  node.metadata.labels = plan.bootstrap.labels;
  node.spec.taints = plan.bootstrap.taints;
  node.spec.requirements.push_back(
      {"topology.kubernetes.io/zone", "In", plan.group.availability_zones, {}});
  node.spec.requirements.push_back({std::string(kCapacityType), "In", markets_of(plan), {}});
  for (const std::string& label : provisioning::ec2_well_known_labels())
    if (is_karpenters(label)) node.spec.requirements.push_back({label, "DoesNotExist", {}, {}});
  pool.spec.limits["nodes"] = Quantity::from_value(plan.group.max_size);
  return pool;
}

}  // namespace

std::vector<NodeGroupPool> node_group_pools(
    const model::Object& object, const pricing::Catalogue& catalogue,
    std::span<const model::CapacityReservation> reservations, Diagnostics& diagnostics) {
  std::vector<NodeGroupPool> pools;
  const auto& config = *object.as<model::ClusterConfig>();
  for (const model::NodeGroupPlan& plan :
       cluster::plan_node_groups(config, catalogue, object.source, object.file, diagnostics)) {
    NodeGroupPool& each = pools.emplace_back(NodeGroupPool{pool_of(plan), {}, {}, {}});
    if (cluster::markets(plan.group).size() > 1) {
      constexpr std::int64_t kMostNodes = 100'000;
      each.split = plan.group.mixed_instances_policy->distribution;
      for (std::int64_t n = 0; n <= std::min(plan.group.max_size, kMostNodes); ++n)
        each.group.on_demand.push_back(cluster::split_capacity(*each.split, n).on_demand);
    }
    const std::string& wanted = plan.launch.capacity_reservation.target_id;
    const auto target = std::find_if(reservations.begin(), reservations.end(),
                                     [&](const auto& told) { return told.id == wanted; });
    const std::vector<std::string> names = cluster::instance_types(plan.group, plan.launch);
    for (ProviderType& type : provisioning::ec2_types(catalogue, config.metadata.region,
                                                      plan.group.availability_zones)) {
      if (std::find(names.begin(), names.end(), type.name) == names.end()) continue;
      make_groups_own(plan, *catalogue.find(type.name), type);
      if (target != reservations.end())
        take_reserved(*target, config.metadata.region, catalogue, type);
      each.types.push_back(std::move(type));
    }
  }
  return pools;
}

}  // namespace gputide::app
