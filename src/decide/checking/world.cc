#include "decide/checking/world.h"

#include <algorithm>

#include <fmt/core.h>

#include "decide/cluster/node_groups.h"
#include "decide/scheduling/node_affinity.h"
#include "decide/scheduling/tolerations.h"
#include "model/pod_defaults.h"

namespace gputide::checking {
namespace {

using model::InstanceType;
using model::StringMap;

GroupView group_view(const ClusterView& cluster, const model::NodeGroupBase& written,
                     std::string_view list, std::size_t index, model::NodeGroupPlan plan,
                     const pricing::Catalogue& catalogue) {
  GroupView view{&cluster,        &written, nullptr, nullptr, Place(*cluster.object)[list][index],
                 std::move(plan), {},       {}};
  const auto add = [&](const std::string& name) {
    if (const InstanceType* type = catalogue.find(name)) view.types.push_back(type);
  };
  if (const auto& policy = view.plan.group.mixed_instances_policy) {
    for (const auto& override : policy->overrides) add(override.instance_type);
  } else {
    add(view.plan.launch.instance_type);
  }
  for (const InstanceType* type : view.types)
    for (const std::string& zone : view.plan.group.availability_zones)
      view.nodes.push_back(node_labels(view, *type, zone));
  return view;
}

// Plans come in the order of the groups; those that eksctl would refuse are left out.
template <class Group>
void add_groups(World& world, const ClusterView& cluster, const std::vector<Group>& written,
                std::string_view list, std::vector<model::NodeGroupPlan>& plans, std::size_t& next,
                const pricing::Catalogue& catalogue) {
  for (std::size_t i = 0; i < written.size() && next < plans.size(); ++i) {
    if (plans[next].nodegroup_name != written[i].name) continue;
    GroupView view = group_view(cluster, written[i], list, i, std::move(plans[next++]), catalogue);
    if constexpr (std::same_as<Group, model::NodeGroup>)
      view.self_managed = &written[i];
    else
      view.managed = &written[i];
    world.groups.push_back(std::move(view));
  }
}

void add_cluster(World& world, const ClusterView& cluster, const pricing::Catalogue& catalogue,
                 Diagnostics& diagnostics) {
  std::vector<model::NodeGroupPlan> plans = cluster::plan_node_groups(
      *cluster.config, catalogue, cluster.object->source, cluster.object->file, diagnostics);
  std::size_t next = 0;
  add_groups(world, cluster, cluster.config->nodeGroups, "nodeGroups", plans, next, catalogue);
  add_groups(world, cluster, cluster.config->managedNodeGroups, "managedNodeGroups", plans, next,
             catalogue);
}

void add_template(World& world, const model::Object& object,
                  const model::PodTemplateSpec& pod_template, std::int64_t count) {
  const Place place = Place(object)["spec"]["template"];
  world.pods.push_back({&object, &pod_template.metadata, &*pod_template.spec, place["spec"],
                        place["metadata"], count});
}

void add_pods(World& world, const model::Object& object) {
  if (const auto* pod = object.as<model::Pod>()) {
    world.pods.push_back({&object, &pod->metadata, &*pod->spec, Place(object)["spec"],
                          Place(object)["metadata"], 1});
  } else if (const auto* deployment = object.as<model::Deployment>()) {
    add_template(world, object, deployment->spec.template_, deployment->spec.replicas.value_or(1));
  } else if (const auto* set = object.as<model::ReplicaSet>()) {
    add_template(world, object, set->spec.template_, set->spec.replicas.value_or(1));
  } else if (const auto* stateful = object.as<model::StatefulSet>()) {
    add_template(world, object, stateful->spec.template_, stateful->spec.replicas.value_or(1));
  } else if (const auto* controller = object.as<model::ReplicationController>()) {
    add_template(world, object, controller->spec.template_, controller->spec.replicas.value_or(1));
  } else if (const auto* daemons = object.as<model::DaemonSet>()) {
    add_template(world, object, daemons->spec.template_, 1);
  } else if (const auto* job = object.as<model::Job>()) {
    add_template(world, object, job->spec.template_, job->spec.parallelism.value_or(1));
  } else if (const auto* pattern = object.as<model::PodTemplate>()) {  // makes no pods by itself
    const model::PodTemplateSpec& spec = pattern->template_;
    const Place place = Place(object)["template"];
    world.pods.push_back(
        {&object, &spec.metadata, &*spec.spec, place["spec"], place["metadata"], 0});
  }
}

}  // namespace

bool GroupView::has_nvidia() const {
  return std::any_of(types.begin(), types.end(),
                     [](const auto* type) { return type->has_nvidia(); });
}

Place GroupView::type_place(std::string_view type) const {
  for (const Place& list :
       {place["instancesDistribution"]["instanceTypes"], place["instanceTypes"]}) {
    const model::Value* items = list.get();
    if (items == nullptr || !items->is_list()) continue;
    for (std::size_t i = 0; i < items->as_list().size(); ++i)
      if (items->as_list()[i].is_string() && items->as_list()[i].as_string() == type)
        return list[i];
  }
  return place["instanceType"].exists() ? place["instanceType"] : place["name"];
}

std::string PodView::name() const {
  if (object->metadata.name.empty()) return object->kind;
  return fmt::format("{} {}", object->kind, object->metadata.name);
}

bool World::asks_for(std::string_view resource) const {
  return std::any_of(pods.begin(), pods.end(), [&](const PodView& pod) {
    const auto asking = containers(pod);
    return std::any_of(asking.begin(), asking.end(), [&](const ContainerView& each) {
      return requests(*each.container).contains(std::string(resource));
    });
  });
}

World look_at(std::span<const model::Object* const> objects, const pricing::Catalogue& catalogue,
              Diagnostics& diagnostics) {
  World world;
  for (const model::Object* object : objects) {
    world.objects.push_back(object);
    add_pods(world, *object);
    world.has_node_pools = world.has_node_pools || object->kind == "NodePool";
    if (const auto* config = object->as<model::ClusterConfig>())
      world.clusters.push_back(
          {object, config,
           config->metadata.region.empty() ? "us-west-2" : config->metadata.region});
  }
  // The views point at the clusters, which must have come to rest.
  for (const ClusterView& cluster : world.clusters)
    add_cluster(world, cluster, catalogue, diagnostics);
  return world;
}

std::vector<ContainerView> containers(const PodView& pod) {
  std::vector<ContainerView> all;
  const auto add = [&](const std::vector<model::Container>& from, std::string_view list) {
    for (std::size_t i = 0; i < from.size(); ++i) all.push_back({&from[i], pod.place[list][i]});
  };
  add(pod.spec->initContainers, "initContainers");
  add(pod.spec->containers, "containers");
  return all;
}

model::ResourceList requests(const model::Container& container) {
  model::ResourceList all = container.resources.requests;
  all.insert(container.resources.limits.begin(), container.resources.limits.end());
  return all;
}

bool wants_gpu(const PodView& pod) {
  const auto all = containers(pod);
  return std::any_of(all.begin(), all.end(), [](const ContainerView& view) {
    const auto asked = requests(*view.container);
    return std::any_of(asked.begin(), asked.end(), [](const auto& each) {
      return each.first.starts_with("nvidia.com/") && each.second.sign() > 0;
    });
  });
}

model::PodSpec admitted_spec(const PodView& pod) {
  model::PodSpec spec = *pod.spec;
  model::default_requests(spec);
  model::tolerate_requested_devices(spec);
  return spec;
}

StringMap node_labels(const GroupView& group, const InstanceType& type, std::string_view zone) {
  StringMap labels = group.plan.bootstrap.labels;
  const std::string arch(type.arch);
  const std::string name(type.name);
  const std::string region(pricing::region_of_zone(zone));
  for (const char* key : {"kubernetes.io/arch", "beta.kubernetes.io/arch"}) labels[key] = arch;
  for (const char* key : {"kubernetes.io/os", "beta.kubernetes.io/os"}) labels[key] = "linux";
  for (const char* key : {"node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"})
    labels[key] = name;
  for (const char* key : {"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"})
    labels[key] = zone;
  for (const char* key :
       {"topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"})
    labels[key] = region;
  return labels;
}

bool selects(const model::PodSpec& spec, const StringMap& labels) {
  return scheduling::RequiredNodeAffinity(spec).matches(labels, {});
}

bool tolerates(const model::PodSpec& spec, std::span<const model::Taint> taints) {
  return scheduling::untolerated_taint(taints, spec.tolerations,
                                       scheduling::Effects::DoNotSchedule) == nullptr;
}

}  // namespace gputide::checking
