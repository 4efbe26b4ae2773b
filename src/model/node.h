// Nodes: what a machine offers and what it repels.
#pragma once

#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

struct NodeSpec {
  std::string providerID;  // aws:///<zone>/<instance id>
  bool unschedulable = false;
  std::vector<Taint> taints;
  static constexpr std::string_view kKept[] = {"podCIDR", "podCIDRs", "configSource", "externalID"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(NodeSpec, (), (providerID, unschedulable, taints))

struct NodeCondition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::optional<Instant> lastTransitionTime;
  std::optional<Instant> lastHeartbeatTime;
};
BOOST_DESCRIBE_STRUCT(NodeCondition, (),
                      (type, status, reason, message, lastTransitionTime, lastHeartbeatTime))

struct ContainerImage {
  std::vector<std::string> names;
  std::int64_t sizeBytes = 0;
};
BOOST_DESCRIBE_STRUCT(ContainerImage, (), (names, sizeBytes))

struct NodeStatus {
  ResourceList capacity;
  ResourceList allocatable;
  std::vector<NodeCondition> conditions;
  Shared<std::vector<ContainerImage>> images;
  static constexpr std::string_view kKept[] = {
      "phase",           "addresses", "daemonEndpoints", "nodeInfo", "volumesInUse",
      "volumesAttached", "config",    "runtimeHandlers", "features", "declaredFeatures"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(NodeStatus, (), (capacity, allocatable, conditions, images))

struct Node {
  ObjectMeta metadata;
  NodeSpec spec;
  NodeStatus status;
};
BOOST_DESCRIBE_STRUCT(Node, (), (metadata, spec, status))

}  // namespace gputide::model
