// Karpenter's objects in v1beta1, which Karpenter served until 1.0, and what they became in v1.
#pragma once

#include "model/karpenter.h"

namespace gputide::model::v1beta1 {

struct NodeClassRef {
  std::string apiVersion;  // "" = the provider's
  std::string kind;        // "" = EC2NodeClass
  std::string name;
};
BOOST_DESCRIBE_STRUCT(NodeClassRef, (), (apiVersion, kind, name))

/// Of a NodePool's template and of a NodeClaim.
struct NodeClaimSpec {
  std::vector<Taint> taints;
  std::vector<Taint> startupTaints;
  std::vector<NodePoolRequirement> requirements;
  NodeClaimResources resources;
  Value kubelet;
  NodeClassRef nodeClassRef;
};
BOOST_DESCRIBE_STRUCT(NodeClaimSpec, (),
                      (taints, startupTaints, requirements, resources, kubelet, nodeClassRef))

struct NodeClaimTemplate {
  NodeClaimTemplateMeta metadata;
  NodeClaimSpec spec;
};
BOOST_DESCRIBE_STRUCT(NodeClaimTemplate, (), (metadata, spec))

struct DisruptionBudget {
  std::string nodes;
  std::optional<std::string> schedule;
  std::optional<std::string> duration;
};
BOOST_DESCRIBE_STRUCT(DisruptionBudget, (), (nodes, schedule, duration))

struct Disruption {
  std::optional<std::string> consolidateAfter;
  std::optional<std::string> consolidationPolicy;  // absent = WhenUnderutilized
  std::optional<std::string> expireAfter;          // absent = 720h
  std::vector<DisruptionBudget> budgets;
};
BOOST_DESCRIBE_STRUCT(Disruption, (), (consolidateAfter, consolidationPolicy, expireAfter, budgets))

struct NodePoolSpec {
  NodeClaimTemplate template_;
  Disruption disruption;
  ResourceList limits;
  std::optional<std::int32_t> weight;
};
BOOST_DESCRIBE_STRUCT(NodePoolSpec, (), (template_, disruption, limits, weight))

struct NodePool {
  ObjectMeta metadata;
  NodePoolSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(NodePool, (), (metadata, spec, status))

struct NodeClaim {
  ObjectMeta metadata;
  NodeClaimSpec spec;
  NodeClaimStatus status;
};
BOOST_DESCRIBE_STRUCT(NodeClaim, (), (metadata, spec, status))

struct AMISelectorTerm {
  StringMap tags;
  std::string id;
  std::string name;
  std::string owner;
};
BOOST_DESCRIBE_STRUCT(AMISelectorTerm, (), (tags, id, name, owner))

struct BlockDevice {
  std::optional<bool> deleteOnTermination;
  std::optional<bool> encrypted;
  std::optional<std::int64_t> iops;
  std::string kmsKeyID;
  std::string snapshotID;
  std::optional<std::int64_t> throughput;
  std::optional<Quantity> volumeSize;
  std::string volumeType;
};
BOOST_DESCRIBE_STRUCT(BlockDevice, (),
                      (deleteOnTermination, encrypted, iops, kmsKeyID, snapshotID, throughput,
                       volumeSize, volumeType))

struct BlockDeviceMapping {
  std::string deviceName;
  BlockDevice ebs;
  bool rootVolume = false;
};
BOOST_DESCRIBE_STRUCT(BlockDeviceMapping, (), (deviceName, ebs, rootVolume))

struct EC2NodeClassSpec {
  std::vector<SubnetSelectorTerm> subnetSelectorTerms;
  std::vector<SecurityGroupSelectorTerm> securityGroupSelectorTerms;
  std::vector<AMISelectorTerm> amiSelectorTerms;
  std::string amiFamily;
  std::string role;
  std::string instanceProfile;
  std::vector<BlockDeviceMapping> blockDeviceMappings;
  std::string instanceStorePolicy;
  std::optional<MetadataOptions> metadataOptions;
  std::optional<bool> associatePublicIPAddress;
  std::optional<bool> detailedMonitoring;
  std::string userData;
  StringMap tags;
  std::string context;
};
BOOST_DESCRIBE_STRUCT(EC2NodeClassSpec, (),
                      (subnetSelectorTerms, securityGroupSelectorTerms, amiSelectorTerms, amiFamily,
                       role, instanceProfile, blockDeviceMappings, instanceStorePolicy,
                       metadataOptions, associatePublicIPAddress, detailedMonitoring, userData,
                       tags, context))

struct EC2NodeClass {
  ObjectMeta metadata;
  EC2NodeClassSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(EC2NodeClass, (), (metadata, spec, status))

/// What the conversion webhook of Karpenter 1.0 made of these objects: defaults that changed their
/// meaning are written out, and what v1 keeps elsewhere goes into the annotations that the webhook
/// used. Source: pkg/apis/v1/nodepool_conversion.go and ec2nodeclass_conversion.go of August 2024.
/// `kubelet_json` is the JSON text of template.spec.kubelet ("" when there is none) and
/// `node_class_ref_json` that of nodeClassRef: texts, as this layer writes no JSON.
model::NodePool to_v1(const NodePool& pool, const std::string& kubelet_json,
                      const std::string& node_class_ref_json);

/// Without amiSelectorTerms the family's newest image is meant: "al2@latest". A family that v1 does
/// not have becomes Custom; Ubuntu becomes AL2 with an annotation that says so.
model::EC2NodeClass to_v1(const EC2NodeClass& node_class);

/// `expire_after` is the owning pool's.
model::NodeClaim to_v1(const NodeClaim& claim, std::optional<std::string> expire_after);

}  // namespace gputide::model::v1beta1
