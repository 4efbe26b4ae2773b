#include "app/plan_demand.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "app/live_objects.h"
#include "app/node_group_pools.h"
#include "codec/karpenter_conversion.h"
#include "decide/cluster/network.h"
#include "decide/provisioning/ec2_types.h"
#include "decide/provisioning/volume_topology.h"
#include "decide/sharing/device_plugin.h"
#include "model/conditions.h"
#include "model/pod_defaults.h"
#include "sim/system_pods.h"

namespace gputide::app {
namespace {

using provisioning::ProvisionProblem;

// The pods of a workload, of which `made` are among the files themselves.
void add_pods(const model::ObjectMeta& owner, const model::PodTemplateSpec& pod_template,
              std::int64_t count, std::int64_t made, Demand& demand) {
  model::Shared<model::PodSpec> spec = pod_template.spec;
  model::default_requests(spec.edit());
  model::tolerate_requested_devices(spec.edit());
  for (std::int64_t i = made; i < count; ++i) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata = pod_template.metadata;
    pod->metadata.namespace_ = owner.namespace_.empty() ? "default" : owner.namespace_;
    pod->metadata.name = fmt::format("{}-{}", owner.name, i);
    pod->spec = spec;
    demand.problem.pods.push_back(std::move(pod));
    demand.owners.push_back(owner.name);
  }
}

void add_daemon(const model::DaemonSet& daemon, ProvisionProblem& problem) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = daemon.metadata.name;
  pod->metadata.namespace_ = daemon.metadata.namespace_;
  pod->spec = daemon.spec.template_.spec;
  model::default_requests(pod->spec.edit());
  problem.daemons.push_back(std::move(pod));
}

// What EKS runs on every node, unless a file says otherwise.
void add_system_daemons(ProvisionProblem& problem) {
  for (const model::Typed& object : sim::system_objects()) {
    const auto* daemon = std::get_if<std::shared_ptr<const model::DaemonSet>>(&object);
    if (daemon == nullptr) continue;
    const bool given = std::any_of(
        problem.daemons.begin(), problem.daemons.end(),
        [&](const auto& pod) { return pod->metadata.name == (*daemon)->metadata.name; });
    if (!given) add_daemon(**daemon, problem);
  }
}

// A pod runs on a node that is there, is to be placed, or neither: it has ended, comes with its
// node, or is on a node that is not known. Pods of nodes that leave are made anew.
void add_pod(const model::Pod& pod, const LiveObjects& live, Demand& demand) {
  if (model::is_finished(pod)) return;
  auto copy = std::make_shared<model::Pod>(pod);
  if (copy->metadata.namespace_.empty()) copy->metadata.namespace_ = "default";
  model::default_requests(copy->spec.edit());
  model::tolerate_requested_devices(copy->spec.edit());
  const std::string& node = pod.spec->nodeName;
  if (live.stays(node)) {
    demand.problem.bound.push_back(std::move(copy));
    return;
  }
  if (model::belongs_to_node(pod) || pod.metadata.deletionTimestamp) return;
  if (!node.empty() && (!live.leaves(node) || pod.metadata.controller() == nullptr)) return;
  if (!node.empty()) ++demand.moved;
  copy->spec.edit().nodeName.clear();
  demand.owners.push_back(workload_name(pod));
  demand.problem.pods.push_back(std::move(copy));
}

void add_workload(const model::Object& object, const LiveObjects& live, Demand& demand) {
  const auto add = [&](const auto& of, std::int64_t count) {
    if (!live.has_maker(of.metadata))
      add_pods(of.metadata, of.spec.template_, count, live.made(object.kind, of.metadata), demand);
  };
  if (const auto* deployment = object.as<model::Deployment>()) {
    add(*deployment, deployment->spec.replicas.value_or(1));
  } else if (const auto* set = object.as<model::ReplicaSet>()) {
    add(*set, set->spec.replicas.value_or(1));
  } else if (const auto* stateful = object.as<model::StatefulSet>()) {
    add(*stateful, stateful->spec.replicas.value_or(1));
  } else if (const auto* job = object.as<model::Job>()) {
    if (job->spec.suspend.value_or(false)) return;
    const std::int64_t parallelism = job->spec.parallelism.value_or(1);
    const std::int64_t left =
        job->spec.completions.value_or(parallelism) - live.succeeded(object.kind, job->metadata);
    add(*job, std::min(parallelism, left));
  }
}

void add_object(const model::Object& object, const LiveObjects& live, Demand& demand) {
  ProvisionProblem& problem = demand.problem;
  add_workload(object, live, demand);
  if (const auto* pod = object.as<model::Pod>()) {
    add_pod(*pod, live, demand);
  } else if (const auto* daemon = object.as<model::DaemonSet>()) {
    demand.daemon_sets.push_back(std::make_shared<const model::DaemonSet>(*daemon));
    add_daemon(*daemon, problem);
  } else if (const auto* map = object.as<model::ConfigMap>()) {
    demand.config_maps[{map->metadata.namespace_, map->metadata.name}] = *map;
  } else if (const auto* name_space = object.as<model::Namespace>()) {
    problem.namespaces[name_space->metadata.name] = name_space->metadata.labels;
  } else if (const auto* pool = object.as<model::NodePool>()) {
    problem.pools.push_back(*pool);
  } else if (const auto* old = object.as<model::v1beta1::NodePool>()) {
    problem.pools.push_back(codec::to_v1(*old));
  } else if (const auto* overlay = object.as<model::NodeOverlay>()) {
    demand.overlays.push_back(*overlay);
  } else if (const auto* node_class = object.as<model::EC2NodeClass>()) {
    demand.node_classes[node_class->metadata.name] = *node_class;
  } else if (const auto* old_class = object.as<model::v1beta1::EC2NodeClass>()) {
    demand.node_classes[old_class->metadata.name] = model::v1beta1::to_v1(*old_class);
  }
}

// The region that the NodePools' zones name; "" when they name none.
std::string region_of(const std::vector<model::NodePool>& pools) {
  for (const model::NodePool& pool : pools)
    for (const auto& each : pool.spec.template_.spec.requirements) {
      if (each.operator_ != "In" || each.values.empty()) continue;
      if (each.key == "topology.kubernetes.io/region") return each.values.front();
      if (each.key == "topology.kubernetes.io/zone")
        return std::string(pricing::region_of_zone(each.values.front()));
    }
  return {};
}

// Without --zones: those of the cluster; without a cluster a, b and c of the region. Those that the
// NodePools ask for by name, too.
std::vector<std::string> zones_of(const PlanOptions& options, const std::string& region,
                                  const Checked& checked,
                                  const std::vector<model::NodePool>& pools) {
  if (!options.zones.empty()) return options.zones;
  std::set<std::string> zones;
  for (const model::Object* object : checked.input.objects())
    if (const auto* config = object->as<model::ClusterConfig>())
      for (const std::string& zone : cluster::plan_network(*config).zones)
        if (pricing::region_of_zone(zone) == region) zones.insert(zone);
  if (zones.empty()) zones = {region + "a", region + "b", region + "c"};
  for (const model::NodePool& pool : pools)
    for (const auto& each : pool.spec.template_.spec.requirements)
      if (each.key == "topology.kubernetes.io/zone" && each.operator_ == "In")
        for (const std::string& zone : each.values)
          if (pricing::region_of_zone(zone) == region) zones.insert(zone);
  return {zones.begin(), zones.end()};
}

// Adds the types of the problem's last pool.
Result<void> add_types(std::vector<provisioning::ProviderType> types,
                       const std::vector<std::string>& errors, ProvisionProblem& problem) {
  if (!errors.empty()) return fail(errors.front());
  std::vector<std::uint32_t> own;
  for (provisioning::ProviderType& type : types) {
    own.push_back(static_cast<std::uint32_t>(problem.types.size()));
    problem.types.push_back(std::move(type));
  }
  problem.pool_types.push_back(std::move(own));
  return {};
}

// The node groups, after the NodePools.
Result<void> add_node_groups(const Checked& checked, const LiveObjects& live, Demand& demand) {
  Diagnostics told;  // by the checks before
  const auto around = surroundings(checked, demand);
  for (const model::Object* object : checked.input.objects()) {
    if (object->as<model::ClusterConfig>() == nullptr) continue;
    for (NodeGroupPool& group :
         node_group_pools(*object, checked.catalogue, checked.reservations, told)) {
      std::vector<std::string> errors;
      if (has_plugin(demand))
        for (provisioning::ProviderType& type : group.types)
          provisioning::offer_devices(around, group.pool, type, errors);
      demand.problem.node_groups.resize(demand.problem.pools.size());
      group.group.nodes = live.nodes_of_group(group.pool.metadata.name);
      demand.splits.resize(demand.problem.pools.size());
      demand.splits.push_back(std::move(group.split));
      demand.problem.node_groups.push_back(std::move(group.group));
      demand.problem.pools.push_back(std::move(group.pool));
      if (const auto added = add_types(std::move(group.types), errors, demand.problem); !added)
        return added;
    }
  }
  return {};
}

std::string cluster_region(const Input& input) {
  for (const model::Object* object : input.objects())
    if (const auto* cluster = object->as<model::ClusterConfig>()) return cluster->metadata.region;
  return {};
}

// The types of the NodePools: in the region that is named, or that the files tell.
Result<void> add_node_pools(const PlanOptions& options, const Checked& checked, Demand& demand) {
  std::string region = options.region;
  if (region.empty()) region = region_of(demand.problem.pools);
  if (region.empty()) region = cluster_region(checked.input);
  if (region.empty())
    return fail("the NodePools name no zone, so the region is not known; name it with --region");
  const auto known = checked.catalogue.regions();
  if (std::find(known.begin(), known.end(), region) == known.end())
    return fail(fmt::format("no prices are known for the region \"{}\"", region));
  for (const std::string& zone : options.zones)
    if (pricing::region_of_zone(zone) != region)
      return fail(fmt::format("--zones: {} is not a zone of {}", zone, region));
  auto around = surroundings(checked, demand);
  around.region = region;
  around.overlays = demand.overlays;
  around.zones = zones_of(options, region, checked, demand.problem.pools);
  for (const model::NodePool& pool : demand.problem.pools) {
    const auto found = demand.node_classes.find(pool.spec.template_.spec.nodeClassRef.name);
    provisioning::PoolTypes types = provisioning::types_of_pool(
        around, pool, found == demand.node_classes.end() ? nullptr : &found->second);
    const auto added = add_types(std::move(types.types), types.errors, demand.problem);
    if (!added) return added;
  }
  return {};
}

// Pods run where the volumes of claims among the files are; of other claims nothing is known.
void place_by_volumes(const Checked& checked, ProvisionProblem& problem) {
  state::Storage storage;
  for (const model::Object* object : checked.input.objects()) {
    if (const auto* claim = object->as<model::PersistentVolumeClaim>()) {
      auto copy = std::make_shared<model::PersistentVolumeClaim>(*claim);
      if (copy->metadata.namespace_.empty()) copy->metadata.namespace_ = "default";
      storage.claims.set(std::move(copy));
    } else if (const auto* volume = object->as<model::PersistentVolume>()) {
      storage.volumes.set(std::make_shared<model::PersistentVolume>(*volume));
    } else if (const auto* kind = object->as<model::StorageClass>()) {
      storage.storage_classes.set(std::make_shared<model::StorageClass>(*kind));
    }
  }
  for (auto* pods : {&problem.pods, &problem.bound})
    for (auto& pod : *pods) pod = provisioning::with_volume_topology(pod, storage).value_or(pod);
}

bool has_pods(const Input& input) {
  const auto objects = input.objects();
  return std::any_of(objects.begin(), objects.end(), [](const model::Object* object) {
    return object->as<model::Pod>() != nullptr;
  });
}

}  // namespace

provisioning::PoolSurroundings surroundings(const Checked& checked, const Demand& demand) {
  const sharing::FindConfigMap find = [&demand](std::string_view space, std::string_view name) {
    const auto at = demand.config_maps.find({std::string(space), std::string(name)});
    return at == demand.config_maps.end() ? nullptr : &at->second;
  };
  return {checked.catalogue, {}, {}, demand.daemon_sets, find, true, {}, checked.reservations};
}

bool has_plugin(const Demand& demand) {
  return std::any_of(demand.daemon_sets.begin(), demand.daemon_sets.end(), [](const auto& set) {
    return sharing::plugin_role(*set->spec.template_.spec).has_value();
  });
}

Result<Demand> read_demand(const PlanOptions& options, const Checked& checked) {
  Demand demand;
  demand.problem.weights = true;
  demand.problem.well_known = provisioning::ec2_well_known_labels();
  demand.problem.namespaces["default"] = {};
  const LiveObjects live(checked.input);
  demand.problem.nodes = live.nodes().nodes;
  demand.leaving = std::ssize(live.nodes().leaving);
  for (const model::Object* object : checked.input.objects()) add_object(*object, live, demand);
  place_by_volumes(checked, demand.problem);
  add_system_daemons(demand.problem);
  if (!demand.problem.pools.empty())
    if (const auto added = add_node_pools(options, checked, demand); !added)
      return tl::unexpected(added.error());
  if (const auto added = add_node_groups(checked, live, demand); !added)
    return tl::unexpected(added.error());
  return demand;
}

void forget_existing(Demand& demand) {
  demand.problem.nodes.clear();
  demand.problem.bound.clear();
  for (auto& group : demand.problem.node_groups)
    if (group) group->nodes = 0;
}

Result<Demand> demand_of(const PlanOptions& options, const Checked& checked) {
  Result<Demand> demand = read_demand(options, checked);
  if (!demand) return demand;
  if (demand->problem.pods.empty())
    return fail(has_pods(checked.input)
                    ? "no pod among the files waits for a node: those that there are have one, "
                      "have ended, or come with their node"
                    : "no pods are among the files; give Pods, Deployments, Jobs or StatefulSets "
                      "with -f");
  if (demand->problem.pools.empty() && demand->problem.nodes.empty())
    return fail("no NodePool and no node group is among the files; give one with -f");
  return demand;
}

}  // namespace gputide::app
