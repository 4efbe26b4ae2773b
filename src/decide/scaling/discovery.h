// Which Auto Scaling groups are ours: --node-group-auto-discovery and --nodes, read as upstream
// reads them. Source: Cluster Autoscaler 1.31.5 cloudprovider/aws (aws_manager,
// auto_scaling_groups), config/dynamic.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/aws.h"

namespace gputide::scaling {

/// Tags that a group must carry; an empty value means that any value will do.
using DiscoveryTags = std::map<std::string, std::string>;

/// Reads one value of --node-group-auto-discovery: "asg:tag=KEY[=VALUE],...". Errors are upstream's
/// words.
Result<DiscoveryTags> parse_auto_discovery(std::string_view spec);

/// Several specs are one conjunction: a group must match every tag of every flag; a repeated key
/// keeps its last value.
DiscoveryTags merge_discovery(std::span<const DiscoveryTags> specs);

/// A filter of DescribeAutoScalingGroups.
struct DescribeFilter {
  std::string name;                 // "tag-key", or "tag:KEY"
  std::vector<std::string> values;  // any of these
  bool operator==(const DescribeFilter&) const = default;
};

/// The filters that AWS is asked with, one a tag, in order of the tags' keys.
std::vector<DescribeFilter> describe_filters(const DiscoveryTags& tags);

/// True when the group carries all of the tags. No tags match no group (upstream then asks for
/// none).
bool discovered(const model::AutoScalingGroup& group, const DiscoveryTags& tags);

/// One value of --nodes: "MIN:MAX:NAME".
struct NodesSpec {
  std::int64_t min_size = 0;
  std::int64_t max_size = 0;
  std::string name;  // may hold colons
};
Result<NodesSpec> parse_nodes_spec(std::string_view spec);

/// The zone and instance id of "aws:///ZONE/ID"; nullopt for other shapes (hybrid nodes, Fargate).
struct InstanceRef {
  std::string_view zone;  // both are parts of the text that was read
  std::string_view id;
};
std::optional<InstanceRef> parse_provider_id(std::string_view provider_id);

}  // namespace gputide::scaling
