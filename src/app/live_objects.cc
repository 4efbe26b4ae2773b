#include "app/live_objects.h"

#include "model/conditions.h"

namespace gputide::app {
namespace {

constexpr const char* kGroupLabels[] = {"alpha.eksctl.io/nodegroup-name",
                                        "eks.amazonaws.com/nodegroup"};

std::string in_namespace(const model::ObjectMeta& meta) {
  return meta.namespace_.empty() ? "default" : meta.namespace_;
}

// A Deployment's pods are made by its ReplicaSet, which is called after it and their template.
std::string deployment_of(const model::Pod& pod, const std::string& replica_set) {
  const auto hash = pod.metadata.labels.find("pod-template-hash");
  if (hash == pod.metadata.labels.end() || !replica_set.ends_with("-" + hash->second)) return "";
  return replica_set.substr(0, replica_set.size() - hash->second.size() - 1);
}

}  // namespace

std::string node_group_of(const model::StringMap& labels) {
  for (const char* label : kGroupLabels)
    if (const auto at = labels.find(label); at != labels.end()) return at->second;
  return {};
}

std::string workload_name(const model::Pod& pod) {
  const model::OwnerReference* owner = pod.metadata.controller();
  if (owner == nullptr) return pod.metadata.name;
  const std::string deployment =
      owner->kind == "ReplicaSet" ? deployment_of(pod, owner->name) : std::string();
  return deployment.empty() ? owner->name : deployment;
}

LiveObjects::LiveObjects(const Input& input) {
  std::vector<std::shared_ptr<const model::Node>> nodes;
  std::vector<std::shared_ptr<const model::NodeClaim>> claims;
  for (const model::Object* object : input.objects()) {
    if (const auto* node = object->as<model::Node>())
      nodes.push_back(std::make_shared<const model::Node>(*node));
    else if (const auto* claim = object->as<model::NodeClaim>())
      claims.push_back(std::make_shared<const model::NodeClaim>(*claim));
    else if (const auto* pod = object->as<model::Pod>())
      count(*pod);
    else if (const auto* deployment = object->as<model::Deployment>())
      workloads_.insert(
          {object->kind, in_namespace(deployment->metadata), deployment->metadata.name});
  }
  nodes_ = provisioning::existing_nodes(nodes, claims);
  for (const provisioning::ProvisionNode& node : nodes_.nodes) names_.insert(node.name);
  for (const auto& node : nodes) ++of_group_[node_group_of(node->metadata.labels)];
}

void LiveObjects::count(const model::Pod& pod) {
  const model::OwnerReference* owner = pod.metadata.controller();
  if (owner == nullptr || pod.status.phase == "Failed" || pod.metadata.deletionTimestamp) return;
  auto& counts = model::is_finished(pod) ? succeeded_ : made_;
  const std::string space = in_namespace(pod.metadata);
  ++counts[{owner->kind, space, owner->name}];
  if (owner->kind != "ReplicaSet") return;
  if (const std::string deployment = deployment_of(pod, owner->name); !deployment.empty())
    ++counts[{"Deployment", space, deployment}];
}

std::int64_t LiveObjects::nodes_of_group(const std::string& group) const {
  const auto found = of_group_.find(group);
  return found == of_group_.end() ? 0 : found->second;
}

std::int64_t LiveObjects::made(std::string_view kind, const model::ObjectMeta& workload) const {
  const auto found = made_.find({std::string(kind), in_namespace(workload), workload.name});
  return found == made_.end() ? 0 : found->second;
}

std::int64_t LiveObjects::succeeded(std::string_view kind,
                                    const model::ObjectMeta& workload) const {
  const auto found = succeeded_.find({std::string(kind), in_namespace(workload), workload.name});
  return found == succeeded_.end() ? 0 : found->second;
}

bool LiveObjects::has_maker(const model::ObjectMeta& workload) const {
  const model::OwnerReference* owner = workload.controller();
  return owner != nullptr &&
         workloads_.contains({owner->kind, in_namespace(workload), owner->name});
}

}  // namespace gputide::app
