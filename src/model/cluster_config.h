// eksctl's ClusterConfig (eksctl.io/v1alpha5): the cluster and the node groups that people write.
#pragma once

#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

struct ClusterMeta {
  std::string name;
  std::string region;
  std::optional<std::string> version;
  StringMap tags;
  StringMap annotations;
  static constexpr std::string_view kKept[] = {"forceUpdateVersion", "rollbackConfig"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ClusterMeta, (), (name, region, version, tags, annotations))

/// instancesDistribution: which types an Auto Scaling group may buy, and how. Unset numbers mean
/// AWS's defaults: base 0, 100 % on-demand above it, lowest-price over 2 pools.
struct InstancesDistribution {
  std::vector<std::string> instanceTypes;
  std::optional<double> maxPrice;  // dollars per hour; absent = the on-demand price
  std::optional<std::int32_t> onDemandBaseCapacity;
  std::optional<std::int32_t> onDemandPercentageAboveBaseCapacity;
  std::optional<std::int32_t> spotInstancePools;
  std::optional<std::string> spotAllocationStrategy;
  std::optional<bool> capacityRebalance;
};
BOOST_DESCRIBE_STRUCT(InstancesDistribution, (),
                      (instanceTypes, maxPrice, onDemandBaseCapacity,
                       onDemandPercentageAboveBaseCapacity, spotInstancePools,
                       spotAllocationStrategy, capacityRebalance))

struct WithAddonPolicies {
  std::optional<bool> autoScaler;
  static constexpr std::string_view kKept[] = {
      "imageBuilder", "externalDNS", "certManager", "appMesh",    "appMeshPreview",
      "ebs",          "fsx",         "efs",         "albIngress", "awsLoadBalancerController",
      "xRay",         "cloudWatch"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(WithAddonPolicies, (), (autoScaler))

struct NodeGroupIam {
  std::vector<std::string> attachPolicyARNs;
  WithAddonPolicies withAddonPolicies;
  static constexpr std::string_view kKept[] = {"attachPolicy", "instanceProfileARN",
                                               "instanceRoleARN", "instanceRoleName",
                                               "instanceRolePermissionsBoundary"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(NodeGroupIam, (), (attachPolicyARNs, withAddonPolicies))

struct NodeGroupSsh {
  std::optional<bool> allow;
  std::optional<bool> enableSsm;
  static constexpr std::string_view kKept[] = {"publicKeyPath", "publicKey", "publicKeyName",
                                               "sourceSecurityGroupIds"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(NodeGroupSsh, (), (allow, enableSsm))

struct InstanceSelector {
  std::optional<std::int32_t> vCPUs;
  std::optional<std::string> memory;
  std::optional<std::int32_t> gpus;
  std::optional<std::string> cpuArchitecture;
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  static constexpr std::string_view kKept[] = {"neuron_devices"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(InstanceSelector, (), (vCPUs, memory, gpus, cpuArchitecture, allow, deny))

/// Taints of a node group: a list of {key, value, effect}, or eksctl's older map of key:
/// "value:Effect".
struct NodeGroupTaints {
  std::vector<Taint> list;
  bool empty() const { return list.empty(); }
};

struct NodeGroupBase {
  std::string name;
  std::string amiFamily;
  std::string ami;
  std::string instanceType;
  std::optional<InstanceSelector> instanceSelector;
  std::optional<std::int32_t> desiredCapacity;
  std::optional<std::int32_t> minSize;
  std::optional<std::int32_t> maxSize;
  std::vector<std::string> availabilityZones;
  std::optional<std::int32_t> volumeSize;  // GiB; absent = 80
  std::optional<std::string> volumeType;
  std::optional<bool> volumeEncrypted;
  std::optional<std::string> volumeKmsKeyID;
  bool privateNetworking = false;
  StringMap labels;
  NodeGroupTaints taints;
  StringMap tags;
  bool propagateASGTags = false;
  std::optional<NodeGroupIam> iam;
  std::optional<NodeGroupSsh> ssh;
  std::optional<std::int32_t> maxPodsPerNode;
  std::vector<std::string> asgSuspendProcesses;
  static constexpr std::string_view kKept[] = {"subnets",
                                               "volumeIOPS",
                                               "volumeThroughput",
                                               "volumeName",
                                               "additionalVolumes",
                                               "additionalEncryptedVolume",
                                               "securityGroups",
                                               "disableIMDSv1",
                                               "disablePodIMDS",
                                               "kubeletExtraConfig",
                                               "clusterDNS",
                                               "preBootstrapCommands",
                                               "overrideBootstrapCommand",
                                               "bottlerocket",
                                               "capacityReservation",
                                               "instanceMarketOptions",
                                               "efaEnabled",
                                               "placement",
                                               "enableDetailedMonitoring",
                                               "ebsOptimized",
                                               "instanceName",
                                               "instancePrefix",
                                               "outpostARN",
                                               "asgMetricsCollection",
                                               "cpuCredits",
                                               "classicLoadBalancerNames",
                                               "targetGroupARNs",
                                               "containerRuntime",
                                               "maxInstanceLifetime",
                                               "localZones",
                                               "enclaveEnabled",
                                               "instanceAmiId"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(NodeGroupBase, (),
                      (name, amiFamily, ami, instanceType, instanceSelector, desiredCapacity,
                       minSize, maxSize, availabilityZones, volumeSize, volumeType, volumeEncrypted,
                       volumeKmsKeyID, privateNetworking, labels, taints, tags, propagateASGTags,
                       iam, ssh, maxPodsPerNode, asgSuspendProcesses))

/// A self-managed node group: an Auto Scaling group of its own.
struct NodeGroup : NodeGroupBase {
  std::optional<InstancesDistribution> instancesDistribution;
  Value updateConfig;
};
BOOST_DESCRIBE_STRUCT(NodeGroup, (NodeGroupBase), (instancesDistribution, updateConfig))

/// An EKS managed node group: EKS makes and names the Auto Scaling group.
struct ManagedNodeGroup : NodeGroupBase {
  std::vector<std::string> instanceTypes;
  bool spot = false;
  Value launchTemplate;
  Value releaseVersion;
  Value updateConfig;
  Value nodeRepairConfig;
};
BOOST_DESCRIBE_STRUCT(ManagedNodeGroup, (NodeGroupBase),
                      (instanceTypes, spot, launchTemplate, releaseVersion, updateConfig,
                       nodeRepairConfig))

struct ClusterConfig {
  ClusterMeta metadata;
  std::vector<std::string> availabilityZones;
  std::vector<NodeGroup> nodeGroups;
  std::vector<ManagedNodeGroup> managedNodeGroups;
  static constexpr std::string_view kKept[] = {"kubernetesNetworkConfig",
                                               "vpc",
                                               "privateCluster",
                                               "localZones",
                                               "iam",
                                               "accessConfig",
                                               "addons",
                                               "addonsConfig",
                                               "karpenter",
                                               "autoModeConfig",
                                               "secretsEncryption",
                                               "cloudWatch",
                                               "fargateProfiles",
                                               "identityProviders",
                                               "iamIdentityMappings",
                                               "gitops",
                                               "outpost",
                                               "zonalShiftConfig",
                                               "upgradePolicy",
                                               "controlPlaneScalingConfig",
                                               "remoteNetworkConfig",
                                               "kubeAPIServerConfig",
                                               "kubeSchedulerConfig",
                                               "kubeControllerManagerConfig",
                                               "capabilities",
                                               "status"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ClusterConfig, (),
                      (metadata, availabilityZones, nodeGroups, managedNodeGroups))

}  // namespace gputide::model
