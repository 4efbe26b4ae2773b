#include "sim/node_object.h"

#include "decide/pricing/allocatable.h"
#include "decide/pricing/catalogue.h"

namespace gputide::sim {

std::shared_ptr<model::Node> node_of(const CloudInstance& instance, Instant now) {
  auto node = std::make_shared<model::Node>();
  const std::string type(instance.type->name);
  const std::string arch(instance.type->arch);
  const std::string region(pricing::region_of_zone(instance.zone));
  node->metadata.name = instance.private_dns_name;
  model::StringMap& labels = node->metadata.labels;
  labels = instance.bootstrap->labels;
  labels["kubernetes.io/hostname"] = instance.private_dns_name;
  for (const std::string prefix : {"kubernetes.io/", "beta.kubernetes.io/"}) {
    labels[prefix + "arch"] = arch;
    labels[prefix + "os"] = "linux";
  }
  labels["node.kubernetes.io/instance-type"] = type;
  labels["beta.kubernetes.io/instance-type"] = type;
  labels["topology.kubernetes.io/region"] = region;
  labels["topology.kubernetes.io/zone"] = instance.zone;
  labels["topology.ebs.csi.aws.com/zone"] = instance.zone;  // by the driver's agent on the node
  labels["failure-domain.beta.kubernetes.io/region"] = region;
  labels["failure-domain.beta.kubernetes.io/zone"] = instance.zone;
  node->spec.providerID = "aws:///" + instance.zone + "/" + instance.id;
  node->spec.taints = instance.bootstrap->taints;
  node->spec.taints.push_back({"node.kubernetes.io/not-ready", "", "NoSchedule", now});
  pricing::NodeSizing sizing;
  sizing.kubelet = instance.bootstrap->kubelet;
  sizing.pods_on_local_disks = instance.bootstrap->pods_on_local_disks;
  sizing.volume_gib = instance.bootstrap->volume_gib;
  pricing::NodeResources resources = pricing::node_resources(*instance.type, sizing);
  node->status.capacity = std::move(resources.capacity);
  node->status.allocatable = std::move(resources.allocatable);
  node->status.conditions.push_back(
      {"Ready", "False", "KubeletNotReady",
       "container runtime network not ready: cni plugin not initialized", now, now});
  return node;
}

}  // namespace gputide::sim
