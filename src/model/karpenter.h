// Karpenter's objects in v1: NodePool, NodeClaim (karpenter.sh) and EC2NodeClass
// (karpenter.k8s.aws). The older spelling is in karpenter_v1beta1.h, with the way from it to here.
#pragma once

#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

/// A node selector requirement that may also ask for a number of distinct values.
struct NodePoolRequirement {
  std::string key;
  std::string operator_;  // In, NotIn, Exists, DoesNotExist, Gt, Lt, Gte, Lte
  std::vector<std::string> values;
  std::optional<std::int64_t> minValues;
};
BOOST_DESCRIBE_STRUCT(NodePoolRequirement, (), (key, operator_, values, minValues))

struct NodeClassRef {
  std::string group;
  std::string kind;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(NodeClassRef, (), (group, kind, name))

struct NodeClaimTemplateMeta {
  StringMap labels;
  StringMap annotations;
};
BOOST_DESCRIBE_STRUCT(NodeClaimTemplateMeta, (), (labels, annotations))

struct NodeClaimTemplateSpec {
  std::vector<Taint> taints;
  std::vector<Taint> startupTaints;
  std::vector<NodePoolRequirement> requirements;
  NodeClassRef nodeClassRef;
  std::optional<std::string> terminationGracePeriod;
  std::optional<std::string> expireAfter;  // a duration or "Never"; absent = 720h
};
BOOST_DESCRIBE_STRUCT(NodeClaimTemplateSpec, (),
                      (taints, startupTaints, requirements, nodeClassRef, terminationGracePeriod,
                       expireAfter))

struct NodeClaimTemplate {
  NodeClaimTemplateMeta metadata;
  NodeClaimTemplateSpec spec;
};
BOOST_DESCRIBE_STRUCT(NodeClaimTemplate, (), (metadata, spec))

struct DisruptionBudget {
  std::string nodes;                 // "10" or "10%"
  std::vector<std::string> reasons;  // Underutilized, Empty, Drifted; empty = all
  std::optional<std::string> schedule;
  std::optional<std::string> duration;
};
BOOST_DESCRIBE_STRUCT(DisruptionBudget, (), (nodes, reasons, schedule, duration))

struct Disruption {
  std::optional<std::string> consolidateAfter;     // a duration or "Never"; absent = 0s
  std::optional<std::string> consolidationPolicy;  // absent = WhenEmptyOrUnderutilized
  std::vector<DisruptionBudget> budgets;           // empty = one of 10 %
};
BOOST_DESCRIBE_STRUCT(Disruption, (), (consolidateAfter, consolidationPolicy, budgets))

struct NodePoolSpec {
  NodeClaimTemplate template_;
  Disruption disruption;
  ResourceList limits;
  std::optional<std::int32_t> weight;  // 1 to 100; absent = 0
  std::optional<std::int64_t> replicas;
};
BOOST_DESCRIBE_STRUCT(NodePoolSpec, (), (template_, disruption, limits, weight, replicas))

struct NodePool {
  ObjectMeta metadata;
  NodePoolSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(NodePool, (), (metadata, spec, status))

struct NodeClaimResources {
  ResourceList requests;
};
BOOST_DESCRIBE_STRUCT(NodeClaimResources, (), (requests))

struct NodeClaimSpec : NodeClaimTemplateSpec {
  NodeClaimResources resources;
};
BOOST_DESCRIBE_STRUCT(NodeClaimSpec, (NodeClaimTemplateSpec), (resources))

struct NodeClaimStatus {
  std::string nodeName;
  std::string providerID;
  std::string imageID;
  ResourceList capacity;
  ResourceList allocatable;
  Value conditions;
  std::optional<Instant> lastPodEventTime;
};
BOOST_DESCRIBE_STRUCT(NodeClaimStatus, (),
                      (nodeName, providerID, imageID, capacity, allocatable, conditions,
                       lastPodEventTime))

struct NodeClaim {
  ObjectMeta metadata;
  NodeClaimSpec spec;
  NodeClaimStatus status;
};
BOOST_DESCRIBE_STRUCT(NodeClaim, (), (metadata, spec, status))

/// What to believe of instance types instead of what AWS tells.
struct NodeOverlaySpec {
  std::vector<NodeSelectorRequirement> requirements;  // which offerings; none = all
  std::optional<std::string> price;                   // dollars an hour: "1.25"
  std::optional<std::string> priceAdjustment;         // "+10%", "-0.5" dollars
  ResourceList capacity;                              // in the place of the type's own
  std::optional<std::int32_t> weight;                 // 1 to 10000; absent = 0
};
BOOST_DESCRIBE_STRUCT(NodeOverlaySpec, (), (requirements, price, priceAdjustment, capacity, weight))

struct NodeOverlay {
  ObjectMeta metadata;
  NodeOverlaySpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(NodeOverlay, (), (metadata, spec, status))

struct SubnetSelectorTerm {
  StringMap tags;  // "*" as value matches any
  std::string id;
};
BOOST_DESCRIBE_STRUCT(SubnetSelectorTerm, (), (tags, id))

struct SecurityGroupSelectorTerm {
  StringMap tags;
  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(SecurityGroupSelectorTerm, (), (tags, id, name))

struct AMISelectorTerm {
  std::string alias;  // family@version; excludes all else
  StringMap tags;
  std::string id;
  std::string name;
  std::string owner;
  std::string ssmParameter;
};
BOOST_DESCRIBE_STRUCT(AMISelectorTerm, (), (alias, tags, id, name, owner, ssmParameter))

struct CapacityReservationSelectorTerm {
  StringMap tags;
  std::string id;  // excludes all else
  std::string ownerID;
  std::string instanceMatchCriteria;  // open, targeted; "" = either
};
BOOST_DESCRIBE_STRUCT(CapacityReservationSelectorTerm, (),
                      (tags, id, ownerID, instanceMatchCriteria))

struct BlockDevice {
  std::optional<bool> deleteOnTermination;
  std::optional<bool> encrypted;
  std::optional<std::int64_t> iops;
  std::string kmsKeyID;
  std::string snapshotID;
  std::optional<std::int64_t> throughput;
  std::optional<std::int64_t> volumeInitializationRate;
  std::optional<Quantity> volumeSize;
  std::string volumeType;
};
BOOST_DESCRIBE_STRUCT(BlockDevice, (),
                      (deleteOnTermination, encrypted, iops, kmsKeyID, snapshotID, throughput,
                       volumeInitializationRate, volumeSize, volumeType))

struct BlockDeviceMapping {
  std::string deviceName;
  BlockDevice ebs;
  bool rootVolume = false;
};
BOOST_DESCRIBE_STRUCT(BlockDeviceMapping, (), (deviceName, ebs, rootVolume))

struct MetadataOptions {
  std::optional<std::string> httpEndpoint;
  std::optional<std::string> httpProtocolIPv6;
  std::optional<std::int64_t> httpPutResponseHopLimit;
  std::optional<std::string> httpTokens;
};
BOOST_DESCRIBE_STRUCT(MetadataOptions, (),
                      (httpEndpoint, httpProtocolIPv6, httpPutResponseHopLimit, httpTokens))

struct EC2NodeClassSpec {
  std::vector<SubnetSelectorTerm> subnetSelectorTerms;
  std::vector<SecurityGroupSelectorTerm> securityGroupSelectorTerms;
  std::vector<AMISelectorTerm> amiSelectorTerms;
  std::vector<CapacityReservationSelectorTerm> capacityReservationSelectorTerms;
  std::string amiFamily;
  std::string role;
  std::string instanceProfile;
  Value kubelet;
  std::vector<BlockDeviceMapping> blockDeviceMappings;
  std::string instanceStorePolicy;
  std::optional<MetadataOptions> metadataOptions;
  std::optional<bool> associatePublicIPAddress;
  std::optional<bool> detailedMonitoring;
  std::string userData;
  StringMap tags;
  std::string context;
  static constexpr std::string_view kKept[] = {"placementGroupSelector", "networkInterfaces",
                                               "ipPrefixCount", "connectionTracking", "cpuOptions"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(EC2NodeClassSpec, (),
                      (subnetSelectorTerms, securityGroupSelectorTerms, amiSelectorTerms,
                       capacityReservationSelectorTerms, amiFamily, role, instanceProfile, kubelet,
                       blockDeviceMappings, instanceStorePolicy, metadataOptions,
                       associatePublicIPAddress, detailedMonitoring, userData, tags, context))

struct EC2NodeClass {
  ObjectMeta metadata;
  EC2NodeClassSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(EC2NodeClass, (), (metadata, spec, status))

}  // namespace gputide::model
