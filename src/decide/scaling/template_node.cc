#include "decide/scaling/template_node.h"

#include <algorithm>

#include <fmt/core.h>

#include "decide/scaling/asg_tags.h"

namespace gputide::scaling {
namespace {

using model::ResourceList;
using model::Taint;

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;
constexpr std::int64_t kPods = 110;
constexpr std::int64_t kKubeProxyMillicores = 100;
constexpr std::int32_t kSystemCriticalPriority = 2'000'000'000;

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  for (const std::string& item : list)
    if (item == wanted) return true;
  return false;
}

// Requirements replace what the type has by their minimums. False when the GPU minimum is missing:
// upstream crashes.
bool apply_requirements(const model::InstanceRequirements& wanted, ResourceList& capacity) {
  if (wanted.vcpu_min) capacity["cpu"] = Quantity::from_value(*wanted.vcpu_min);
  if (wanted.memory_mib_min)
    capacity["memory"] = Quantity::from_value(*wanted.memory_mib_min * kMebibyte);
  if (contains(wanted.accelerator_manufacturers, "nvidia") &&
      contains(wanted.accelerator_types, "gpu")) {
    if (!wanted.accelerator_count_min) return false;
    capacity[std::string(kNvidiaGpu)] = Quantity::from_value(*wanted.accelerator_count_min);
  }
  return true;
}

// EKS's effect in Kubernetes' spelling; "" when EKS has no such effect.
std::string_view kubernetes_effect(std::string_view eks) {
  if (eks == "NO_SCHEDULE") return "NoSchedule";
  if (eks == "NO_EXECUTE") return "NoExecute";
  if (eks == "PREFER_NO_SCHEDULE") return "PreferNoSchedule";
  return {};
}

struct NodegroupFacts {
  model::StringMap labels;
  std::vector<Taint> taints;
  ResourceList resources;
};

// One effect that cannot be translated spoils the whole answer, as upstream then keeps none of it.
std::optional<NodegroupFacts> nodegroup_facts(const model::ManagedNodegroupDescription& nodegroup) {
  NodegroupFacts facts;
  if (nodegroup.disk_size_gib) facts.labels["diskSize"] = std::to_string(*nodegroup.disk_size_gib);
  if (!nodegroup.ami_type.empty()) facts.labels["amiType"] = nodegroup.ami_type;
  if (!nodegroup.capacity_type.empty())
    facts.labels["eks.amazonaws.com/capacityType"] = nodegroup.capacity_type;
  if (!nodegroup.version.empty()) facts.labels["k8sVersion"] = nodegroup.version;
  if (!nodegroup.nodegroup_name.empty())
    facts.labels["eks.amazonaws.com/nodegroup"] = nodegroup.nodegroup_name;
  for (const auto& [key, value] : nodegroup.labels) facts.labels[key] = value;
  for (const model::NodegroupTaint& taint : nodegroup.taints) {
    if (!taint.value) continue;
    const std::string_view effect = kubernetes_effect(taint.effect);
    if (effect.empty()) return std::nullopt;
    facts.taints.push_back({taint.key, *taint.value, std::string(effect), {}});
  }
  facts.resources = resources_from_tags({nodegroup.tags.begin(), nodegroup.tags.end()});
  return facts;
}

std::vector<model::NodeCondition> ready_conditions() {
  std::vector<model::NodeCondition> conditions;
  for (const auto& [type, status] :
       {std::pair{"Ready", "True"}, std::pair{"NetworkUnavailable", "False"},
        std::pair{"DiskPressure", "False"}, std::pair{"MemoryPressure", "False"}})
    conditions.push_back({type, status, {}, {}, {}, {}});
  return conditions;
}

PodRef kube_proxy(const std::string& group, std::string_view suffix) {
  model::Pod pod;
  pod.metadata.name = fmt::format("kube-proxy-{}-{}", group, suffix);
  pod.metadata.namespace_ = "kube-system";
  pod.metadata.annotations = {{"kubernetes.io/config.source", "file"},
                              {"kubernetes.io/config.mirror", "1234567890abcdef"}};
  pod.metadata.labels = {{"component", "kube-proxy"}, {"tier", "node"}};
  model::PodSpec& spec = pod.spec.edit();
  spec.containers.emplace_back().image = "kubeproxy";
  spec.containers[0].resources.requests["cpu"] = Quantity::from_milli(kKubeProxyMillicores);
  spec.priority = kSystemCriticalPriority;
  pod.status.phase = "Running";
  return std::make_shared<const model::Pod>(std::move(pod));
}

}  // namespace

std::optional<NodegroupName> managed_nodegroup(const model::AutoScalingGroup& group) {
  const bool named = std::any_of(group.tags->begin(), group.tags->end(), [](const auto& tag) {
    return tag.first.find("eks:nodegroup-name") != std::string::npos ||
           tag.first.find("label/nodegroup-name") != std::string::npos;
  });
  if (!named) return std::nullopt;  // most groups: no labels are made for them
  const std::map<std::string, std::string> labels = labels_from_tags(*group.tags);
  const auto nodegroup = labels.find("nodegroup-name");
  const auto cluster = labels.find("cluster-name");
  if (nodegroup == labels.end() || cluster == labels.end() || nodegroup->second.empty() ||
      cluster->second.empty())
    return std::nullopt;
  return NodegroupName{cluster->second, nodegroup->second};
}

Result<NodeTemplate> upstream_template(const TemplateInput& input, std::string_view suffix) {
  const model::AutoScalingGroup& group = input.group;
  if (group.availability_zones.empty())
    return fail(fmt::format("unable to get first AvailabilityZone for ASG \"{}\"", group.name));
  if (input.launch.instance_type.empty())
    return fail(fmt::format("could not find instance type for {}", group.name));
  if (input.type == nullptr)
    return fail(fmt::format("ASG \"{}\" uses the unknown EC2 instance type \"{}\"", group.name,
                            input.launch.instance_type));
  const InstanceShape& type = *input.type;
  NodeTemplate result;
  model::Node& node = result.node;
  node.metadata.name = fmt::format("{}-asg-{}", group.name, suffix);

  ResourceList capacity;
  capacity["pods"] = Quantity::from_value(kPods);
  capacity["cpu"] = Quantity::from_value(type.vcpu);
  capacity["memory"] = Quantity::from_value(type.memory_mib * kMebibyte);
  capacity[std::string(kNvidiaGpu)] = Quantity::from_value(type.gpus);
  if (!apply_requirements(input.launch.requirements, capacity))
    return fail(fmt::format("ASG \"{}\" requires NVIDIA GPUs without a minimal count", group.name));
  for (const auto& [name, quantity] : resources_from_tags(*group.tags)) capacity[name] = quantity;

  const std::string& zone = group.availability_zones.front();
  model::StringMap& labels = node.metadata.labels;
  labels["kubernetes.io/arch"] = type.architecture;
  labels["kubernetes.io/os"] = "linux";
  labels["node.kubernetes.io/instance-type"] = type.name;
  labels["topology.kubernetes.io/region"] = zone.substr(0, zone.size() - 1);
  labels["topology.kubernetes.io/zone"] = zone;
  labels["topology.ebs.csi.aws.com/zone"] = zone;
  labels["kubernetes.io/hostname"] = node.metadata.name;
  for (const auto& [key, value] : labels_from_tags(*group.tags)) labels[key] = value;
  node.spec.taints = taints_from_tags(*group.tags);

  if (input.nodegroup != nullptr) {
    if (const auto facts = nodegroup_facts(*input.nodegroup)) {
      for (const auto& [key, value] : facts->labels) labels[key] = value;
      node.spec.taints.insert(node.spec.taints.end(), facts->taints.begin(), facts->taints.end());
      for (const auto& [name, quantity] : facts->resources) capacity[name] = quantity;
    }
  }
  node.status.capacity = capacity;
  node.status.allocatable = std::move(capacity);
  node.status.conditions = ready_conditions();
  result.pods.push_back(kube_proxy(group.name, suffix));
  return result;
}

}  // namespace gputide::scaling
