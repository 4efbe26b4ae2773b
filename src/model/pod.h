// Pods: what is to run, with all that decides where it may run.
#pragma once

#include "model/meta.h"

namespace gputide::model {

struct Taint {
  std::string key;
  std::string value;
  std::string effect;  // NoSchedule, PreferNoSchedule, NoExecute
  std::optional<Instant> timeAdded;
};
BOOST_DESCRIBE_STRUCT(Taint, (), (key, value, effect, timeAdded))

struct Toleration {
  std::string key;
  std::string operator_;  // Exists, Equal; "" = Equal
  std::string value;
  std::string effect;  // "" = every effect
  std::optional<std::int64_t> tolerationSeconds;
};
BOOST_DESCRIBE_STRUCT(Toleration, (), (key, operator_, value, effect, tolerationSeconds))

struct NodeSelectorRequirement {
  std::string key;
  std::string operator_;  // In, NotIn, Exists, DoesNotExist, Gt, Lt
  std::vector<std::string> values;
};
BOOST_DESCRIBE_STRUCT(NodeSelectorRequirement, (), (key, operator_, values))

struct NodeSelectorTerm {
  std::vector<NodeSelectorRequirement> matchExpressions;
  std::vector<NodeSelectorRequirement> matchFields;
};
BOOST_DESCRIBE_STRUCT(NodeSelectorTerm, (), (matchExpressions, matchFields))

struct NodeSelector {
  std::vector<NodeSelectorTerm> nodeSelectorTerms;
};
BOOST_DESCRIBE_STRUCT(NodeSelector, (), (nodeSelectorTerms))

struct PreferredSchedulingTerm {
  std::int32_t weight = 0;
  NodeSelectorTerm preference;
};
BOOST_DESCRIBE_STRUCT(PreferredSchedulingTerm, (), (weight, preference))

struct NodeAffinity {
  std::optional<NodeSelector> requiredDuringSchedulingIgnoredDuringExecution;
  std::vector<PreferredSchedulingTerm> preferredDuringSchedulingIgnoredDuringExecution;
};
BOOST_DESCRIBE_STRUCT(NodeAffinity, (),
                      (requiredDuringSchedulingIgnoredDuringExecution,
                       preferredDuringSchedulingIgnoredDuringExecution))

struct PodAffinityTerm {
  std::optional<LabelSelector> labelSelector;
  std::vector<std::string> namespaces;
  std::string topologyKey;
  std::optional<LabelSelector> namespaceSelector;
  std::vector<std::string> matchLabelKeys;
  std::vector<std::string> mismatchLabelKeys;
};
BOOST_DESCRIBE_STRUCT(PodAffinityTerm, (),
                      (labelSelector, namespaces, topologyKey, namespaceSelector, matchLabelKeys,
                       mismatchLabelKeys))

struct WeightedPodAffinityTerm {
  std::int32_t weight = 0;
  PodAffinityTerm podAffinityTerm;
};
BOOST_DESCRIBE_STRUCT(WeightedPodAffinityTerm, (), (weight, podAffinityTerm))

struct PodAffinity {
  std::vector<PodAffinityTerm> requiredDuringSchedulingIgnoredDuringExecution;
  std::vector<WeightedPodAffinityTerm> preferredDuringSchedulingIgnoredDuringExecution;
};
BOOST_DESCRIBE_STRUCT(PodAffinity, (),
                      (requiredDuringSchedulingIgnoredDuringExecution,
                       preferredDuringSchedulingIgnoredDuringExecution))

struct Affinity {
  std::optional<NodeAffinity> nodeAffinity;
  std::optional<PodAffinity> podAffinity;
  std::optional<PodAffinity> podAntiAffinity;
};
BOOST_DESCRIBE_STRUCT(Affinity, (), (nodeAffinity, podAffinity, podAntiAffinity))

struct TopologySpreadConstraint {
  std::int32_t maxSkew = 0;
  std::string topologyKey;
  std::string whenUnsatisfiable;  // DoNotSchedule, ScheduleAnyway
  std::optional<LabelSelector> labelSelector;
  std::optional<std::int32_t> minDomains;
  std::optional<std::string> nodeAffinityPolicy;  // Honor (default), Ignore
  std::optional<std::string> nodeTaintsPolicy;    // Honor, Ignore (default)
  std::vector<std::string> matchLabelKeys;
};
BOOST_DESCRIBE_STRUCT(TopologySpreadConstraint, (),
                      (maxSkew, topologyKey, whenUnsatisfiable, labelSelector, minDomains,
                       nodeAffinityPolicy, nodeTaintsPolicy, matchLabelKeys))

struct ResourceRequirements {
  ResourceList limits;
  ResourceList requests;
  static constexpr std::string_view kKept[] = {"claims"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ResourceRequirements, (), (limits, requests))

struct ContainerPort {
  std::string name;
  std::int32_t hostPort = 0;
  std::int32_t containerPort = 0;
  std::string protocol;  // "" = TCP
  std::string hostIP;
};
BOOST_DESCRIBE_STRUCT(ContainerPort, (), (name, hostPort, containerPort, protocol, hostIP))

struct EnvVar {
  std::string name;
  std::string value;
  Value valueFrom;
};
BOOST_DESCRIBE_STRUCT(EnvVar, (), (name, value, valueFrom))

struct VolumeMount {
  std::string name;
  std::string mountPath;
  static constexpr std::string_view kKept[] = {"readOnly", "recursiveReadOnly", "subPath",
                                               "mountPropagation", "subPathExpr"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(VolumeMount, (), (name, mountPath))

struct Container {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<ContainerPort> ports;
  std::vector<EnvVar> env;
  ResourceRequirements resources;
  std::optional<std::string> restartPolicy;  // Always on an init container makes it a sidecar
  std::vector<VolumeMount> volumeMounts;
  std::string imagePullPolicy;
  static constexpr std::string_view kKept[] = {"workingDir",
                                               "envFrom",
                                               "resizePolicy",
                                               "restartPolicyRules",
                                               "volumeDevices",
                                               "livenessProbe",
                                               "readinessProbe",
                                               "startupProbe",
                                               "lifecycle",
                                               "terminationMessagePath",
                                               "terminationMessagePolicy",
                                               "securityContext",
                                               "stdin",
                                               "stdinOnce",
                                               "tty",
                                               "targetContainerName"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(Container, (),
                      (name, image, command, args, ports, env, resources, restartPolicy,
                       volumeMounts, imagePullPolicy))

struct PersistentVolumeClaimVolumeSource {
  std::string claimName;
  bool readOnly = false;
};
BOOST_DESCRIBE_STRUCT(PersistentVolumeClaimVolumeSource, (), (claimName, readOnly))

struct HostPathVolumeSource {
  std::string path;
  std::string type;
};
BOOST_DESCRIBE_STRUCT(HostPathVolumeSource, (), (path, type))

struct EmptyDirVolumeSource {
  std::string medium;
  std::optional<Quantity> sizeLimit;
};
BOOST_DESCRIBE_STRUCT(EmptyDirVolumeSource, (), (medium, sizeLimit))

struct ConfigMapVolumeSource {
  std::string name;
  static constexpr std::string_view kKept[] = {"items", "defaultMode", "optional"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ConfigMapVolumeSource, (), (name))

struct Volume {
  std::string name;
  std::optional<PersistentVolumeClaimVolumeSource> persistentVolumeClaim;
  std::optional<HostPathVolumeSource> hostPath;
  std::optional<EmptyDirVolumeSource> emptyDir;
  std::optional<ConfigMapVolumeSource> configMap;
  Value ephemeral;
  Value gcePersistentDisk;
  Value awsElasticBlockStore;
  Value azureDisk;
  Value rbd;
  Value iscsi;
  Value csi;
  Value projected;
  static constexpr std::string_view kKept[] = {"secret",
                                               "nfs",
                                               "glusterfs",
                                               "flexVolume",
                                               "cinder",
                                               "cephfs",
                                               "fc",
                                               "flocker",
                                               "azureFile",
                                               "downwardAPI",
                                               "vsphereVolume",
                                               "quobyte",
                                               "photonPersistentDisk",
                                               "portworxVolume",
                                               "scaleIO",
                                               "storageos",
                                               "gitRepo",
                                               "image"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(Volume, (),
                      (name, persistentVolumeClaim, hostPath, emptyDir, configMap, ephemeral,
                       gcePersistentDisk, awsElasticBlockStore, azureDisk, rbd, iscsi, csi,
                       projected))

struct PodSchedulingGate {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(PodSchedulingGate, (), (name))

struct PodSpec {
  std::vector<Volume> volumes;
  std::vector<Container> initContainers;
  std::vector<Container> containers;
  std::string restartPolicy;  // "" = Always
  std::optional<std::int64_t> terminationGracePeriodSeconds;
  std::optional<std::int64_t> activeDeadlineSeconds;
  StringMap nodeSelector;
  std::string nodeName;
  bool hostNetwork = false;
  bool hostIPC = false;
  std::optional<Affinity> affinity;
  std::string schedulerName;
  std::vector<Toleration> tolerations;
  std::string priorityClassName;
  std::optional<std::int32_t> priority;
  std::optional<std::string> preemptionPolicy;  // PreemptLowerPriority (default), Never
  ResourceList overhead;
  std::vector<TopologySpreadConstraint> topologySpreadConstraints;
  std::vector<PodSchedulingGate> schedulingGates;
  static constexpr std::string_view kKept[] = {"ephemeralContainers",
                                               "dnsPolicy",
                                               "serviceAccountName",
                                               "serviceAccount",
                                               "automountServiceAccountToken",
                                               "hostPID",
                                               "shareProcessNamespace",
                                               "securityContext",
                                               "imagePullSecrets",
                                               "hostname",
                                               "subdomain",
                                               "hostAliases",
                                               "dnsConfig",
                                               "readinessGates",
                                               "runtimeClassName",
                                               "enableServiceLinks",
                                               "setHostnameAsFQDN",
                                               "os",
                                               "hostUsers",
                                               "resourceClaims",
                                               "resources",
                                               "hostnameOverride",
                                               "workloadRef"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PodSpec, (),
                      (volumes, initContainers, containers, restartPolicy,
                       terminationGracePeriodSeconds, activeDeadlineSeconds, nodeSelector, nodeName,
                       hostNetwork, hostIPC, affinity, schedulerName, tolerations,
                       priorityClassName, priority, preemptionPolicy, overhead,
                       topologySpreadConstraints, schedulingGates))

struct PodCondition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::optional<Instant> lastTransitionTime;
  static constexpr std::string_view kKept[] = {"lastProbeTime", "observedGeneration"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PodCondition, (), (type, status, reason, message, lastTransitionTime))

struct PodStatus {
  std::string phase;  // Pending, Running, Succeeded, Failed
  std::string reason;
  std::string message;
  std::vector<PodCondition> conditions;
  std::string nominatedNodeName;
  std::optional<Instant> startTime;
  static constexpr std::string_view kKept[] = {"hostIP",
                                               "hostIPs",
                                               "podIP",
                                               "podIPs",
                                               "initContainerStatuses",
                                               "containerStatuses",
                                               "qosClass",
                                               "ephemeralContainerStatuses",
                                               "resize",
                                               "resourceClaimStatuses",
                                               "observedGeneration",
                                               "allocatedResources",
                                               "resources"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PodStatus, (),
                      (phase, reason, message, conditions, nominatedNodeName, startTime))

struct Pod {
  ObjectMeta metadata;
  Shared<PodSpec> spec;
  PodStatus status;
};
BOOST_DESCRIBE_STRUCT(Pod, (), (metadata, spec, status))

struct PodTemplateSpec {
  ObjectMeta metadata;
  Shared<PodSpec> spec;
};
BOOST_DESCRIBE_STRUCT(PodTemplateSpec, (), (metadata, spec))

}  // namespace gputide::model
