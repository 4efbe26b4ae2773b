// The other kinds of the core, storage and RBAC groups that something here reads.
#pragma once

#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

struct ConfigMap {
  ObjectMeta metadata;
  StringMap data;
  StringMap binaryData;
  std::optional<bool> immutable;
};
BOOST_DESCRIBE_STRUCT(ConfigMap, (), (metadata, data, binaryData, immutable))

struct Namespace {
  ObjectMeta metadata;
  static constexpr std::string_view kKept[] = {"spec", "status"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(Namespace, (), (metadata))

/// A kind of which only the metadata is read: ServiceAccount, Role, RoleBinding, ClusterRole,
/// Service ...
struct MetadataOnly {
  ObjectMeta metadata;
  static constexpr std::string_view kKept[] = {
      "spec",     "status",           "rules",
      "roleRef",  "subjects",         "aggregationRule",
      "secrets",  "imagePullSecrets", "automountServiceAccountToken",
      "data",     "stringData",       "type",
      "immutable"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(MetadataOnly, (), (metadata))

struct ServiceSpec {
  StringMap selector;
  static constexpr std::string_view kKept[] = {"ports",
                                               "clusterIP",
                                               "clusterIPs",
                                               "type",
                                               "externalIPs",
                                               "sessionAffinity",
                                               "loadBalancerIP",
                                               "loadBalancerSourceRanges",
                                               "externalName",
                                               "externalTrafficPolicy",
                                               "healthCheckNodePort",
                                               "publishNotReadyAddresses",
                                               "sessionAffinityConfig",
                                               "ipFamilies",
                                               "ipFamilyPolicy",
                                               "allocateLoadBalancerNodePorts",
                                               "loadBalancerClass",
                                               "internalTrafficPolicy",
                                               "trafficDistribution"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ServiceSpec, (), (selector))

struct Service {
  ObjectMeta metadata;
  ServiceSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(Service, (), (metadata, spec, status))

struct VolumeNodeAffinity {
  std::optional<NodeSelector> required;
};
BOOST_DESCRIBE_STRUCT(VolumeNodeAffinity, (), (required))

struct ObjectReference {
  std::string namespace_;
  std::string name;
  static constexpr std::string_view kKept[] = {"kind", "uid", "apiVersion", "resourceVersion",
                                               "fieldPath"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ObjectReference, (), (namespace_, name))

struct PersistentVolumeSpec {
  ResourceList capacity;
  std::vector<std::string> accessModes;
  std::optional<ObjectReference> claimRef;
  std::string storageClassName;
  std::optional<std::string> volumeMode;
  std::string persistentVolumeReclaimPolicy;  // Retain (default), Delete, Recycle
  std::optional<VolumeNodeAffinity> nodeAffinity;
  Value csi;
  Value awsElasticBlockStore;
  Value gcePersistentDisk;
  Value azureDisk;
  static constexpr std::string_view kKept[] = {"mountOptions",
                                               "volumeAttributesClassName",
                                               "hostPath",
                                               "nfs",
                                               "local",
                                               "iscsi",
                                               "rbd",
                                               "cephfs",
                                               "cinder",
                                               "fc",
                                               "flocker",
                                               "flexVolume",
                                               "azureFile",
                                               "vsphereVolume",
                                               "quobyte",
                                               "photonPersistentDisk",
                                               "portworxVolume",
                                               "scaleIO",
                                               "storageos",
                                               "glusterfs"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PersistentVolumeSpec, (),
                      (capacity, accessModes, claimRef, storageClassName, volumeMode,
                       persistentVolumeReclaimPolicy, nodeAffinity, csi, awsElasticBlockStore,
                       gcePersistentDisk, azureDisk))

struct PhaseStatus {
  std::string phase;
  static constexpr std::string_view kKept[] = {"message",
                                               "reason",
                                               "lastPhaseTransitionTime",
                                               "accessModes",
                                               "capacity",
                                               "conditions",
                                               "allocatedResources",
                                               "allocatedResourceStatuses",
                                               "currentVolumeAttributesClassName",
                                               "modifyVolumeStatus"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PhaseStatus, (), (phase))

struct PersistentVolume {
  ObjectMeta metadata;
  PersistentVolumeSpec spec;
  PhaseStatus status;
};
BOOST_DESCRIBE_STRUCT(PersistentVolume, (), (metadata, spec, status))

struct PersistentVolumeClaimSpec {
  std::vector<std::string> accessModes;
  std::optional<LabelSelector> selector;
  ResourceRequirements resources;
  std::string volumeName;
  std::optional<std::string> storageClassName;
  std::optional<std::string> volumeMode;
  static constexpr std::string_view kKept[] = {"dataSource", "dataSourceRef",
                                               "volumeAttributesClassName"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PersistentVolumeClaimSpec, (),
                      (accessModes, selector, resources, volumeName, storageClassName, volumeMode))

struct PersistentVolumeClaim {
  ObjectMeta metadata;
  PersistentVolumeClaimSpec spec;
  PhaseStatus status;
  static constexpr std::string_view kKept[] = {"apiVersion", "kind"};  // of a template of claims
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PersistentVolumeClaim, (), (metadata, spec, status))

struct TopologySelectorLabelRequirement {
  std::string key;
  std::vector<std::string> values;
};
BOOST_DESCRIBE_STRUCT(TopologySelectorLabelRequirement, (), (key, values))

struct TopologySelectorTerm {
  std::vector<TopologySelectorLabelRequirement> matchLabelExpressions;
};
BOOST_DESCRIBE_STRUCT(TopologySelectorTerm, (), (matchLabelExpressions))

struct StorageClass {
  ObjectMeta metadata;
  std::string provisioner;
  std::optional<std::string> volumeBindingMode;  // Immediate (default), WaitForFirstConsumer
  std::string reclaimPolicy;                     // Delete (default), Retain
  std::vector<TopologySelectorTerm> allowedTopologies;
  static constexpr std::string_view kKept[] = {"parameters", "mountOptions",
                                               "allowVolumeExpansion"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(StorageClass, (),
                      (metadata, provisioner, volumeBindingMode, reclaimPolicy, allowedTopologies))

struct VolumeNodeResources {
  std::optional<std::int32_t> count;
};
BOOST_DESCRIBE_STRUCT(VolumeNodeResources, (), (count))

struct CSINodeDriver {
  std::string name;
  std::string nodeID;
  std::vector<std::string> topologyKeys;
  std::optional<VolumeNodeResources> allocatable;
};
BOOST_DESCRIBE_STRUCT(CSINodeDriver, (), (name, nodeID, topologyKeys, allocatable))

struct CSINodeSpec {
  std::vector<CSINodeDriver> drivers;
};
BOOST_DESCRIBE_STRUCT(CSINodeSpec, (), (drivers))

struct CSINode {
  ObjectMeta metadata;
  CSINodeSpec spec;
};
BOOST_DESCRIBE_STRUCT(CSINode, (), (metadata, spec))

}  // namespace gputide::model
