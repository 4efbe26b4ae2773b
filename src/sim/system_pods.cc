#include "sim/system_pods.h"

#include <memory>
#include <string>

namespace gputide::sim {

namespace {

constexpr std::string_view kRegistry = "602401143452.dkr.ecr.us-west-2.amazonaws.com/";

model::Container container(std::string name, std::string_view image, std::string_view cpu,
                           std::string_view memory = {}) {
  model::Container made;
  made.name = std::move(name);
  made.image = std::string(kRegistry) + std::string(image);
  made.imagePullPolicy = "IfNotPresent";
  made.resources.requests["cpu"] = Quantity::parse(cpu).value_or(Quantity());
  if (!memory.empty())
    made.resources.requests["memory"] = Quantity::parse(memory).value_or(Quantity());
  return made;
}

model::Toleration everything() {
  return {"", "Exists", "", "", {}};
}

std::shared_ptr<model::DaemonSet> daemon(std::string name) {
  auto set = std::make_shared<model::DaemonSet>();
  set->metadata.name = name;
  set->metadata.namespace_ = "kube-system";
  set->metadata.labels["k8s-app"] = name;
  set->spec.selector = model::LabelSelector{{{"k8s-app", name}}, {}};
  set->spec.template_.metadata.labels["k8s-app"] = name;
  model::PodSpec& spec = set->spec.template_.spec.edit();
  spec.hostNetwork = true;
  spec.priorityClassName = "system-node-critical";
  spec.tolerations = {everything()};
  return set;
}

std::shared_ptr<model::Deployment> dns() {
  auto deployment = std::make_shared<model::Deployment>();
  deployment->metadata.name = "coredns";
  deployment->metadata.namespace_ = "kube-system";
  deployment->metadata.labels["k8s-app"] = "kube-dns";
  deployment->spec.replicas = 2;
  deployment->spec.selector = model::LabelSelector{{{"k8s-app", "kube-dns"}}, {}};
  deployment->spec.template_.metadata.labels["k8s-app"] = "kube-dns";
  model::PodSpec& spec = deployment->spec.template_.spec.edit();
  spec.priorityClassName = "system-cluster-critical";
  spec.tolerations = {{"node-role.kubernetes.io/control-plane", "", "", "NoSchedule", {}},
                      {"CriticalAddonsOnly", "Exists", "", "", {}}};
  model::Container& server =
      spec.containers.emplace_back(container("coredns", "eks/coredns:v1.11.4", "100m", "70Mi"));
  server.resources.limits["memory"] = Quantity::parse("170Mi").value_or(Quantity());
  model::PodAffinityTerm apart;
  apart.labelSelector = model::LabelSelector{{}, {{"k8s-app", "In", {"kube-dns"}}}};
  apart.topologyKey = "kubernetes.io/hostname";
  spec.affinity.emplace().podAntiAffinity.emplace();
  spec.affinity->podAntiAffinity->preferredDuringSchedulingIgnoredDuringExecution.push_back(
      {100, std::move(apart)});
  return deployment;
}

}  // namespace

std::vector<model::Typed> system_objects() {
  auto network = daemon("aws-node");
  model::PodSpec& spec = network->spec.template_.spec.edit();
  spec.initContainers.push_back(
      container("aws-vpc-cni-init", "amazon-k8s-cni-init:v1.19.0", "25m"));
  spec.containers.push_back(container("aws-node", "amazon-k8s-cni:v1.19.0", "25m"));
  spec.containers.push_back(
      container("aws-eks-nodeagent", "amazon/aws-network-policy-agent:v1.1.5", "25m"));
  auto proxy = daemon("kube-proxy");
  proxy->spec.template_.spec.edit().containers.push_back(
      container("kube-proxy", "eks/kube-proxy:v1.34.0", "100m"));
  auto budget = std::make_shared<model::PodDisruptionBudget>();
  budget->metadata.name = "coredns";
  budget->metadata.namespace_ = "kube-system";
  budget->spec.selector = model::LabelSelector{{{"k8s-app", "kube-dns"}}, {}};
  budget->spec.maxUnavailable = model::IntOrString::from_int(1);
  std::vector<model::Typed> objects;
  objects.emplace_back(std::shared_ptr<const model::DaemonSet>(std::move(network)));
  objects.emplace_back(std::shared_ptr<const model::DaemonSet>(std::move(proxy)));
  objects.emplace_back(std::shared_ptr<const model::Deployment>(dns()));
  objects.emplace_back(std::shared_ptr<const model::PodDisruptionBudget>(std::move(budget)));
  return objects;
}

}  // namespace gputide::sim
