// The node that an empty Auto Scaling group would add, from its launch data, its tags and EKS's own
// description. Source: Cluster Autoscaler 1.31.5 cloudprovider/aws/aws_manager.go (upstream), and
// what EKS's nodes really offer (ours).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "decide/scaling/instance_choice.h"
#include "decide/scaling/node_template.h"
#include "model/aws.h"

namespace gputide::scaling {

inline constexpr std::string_view kGpuLabel = "k8s.amazonaws.com/accelerator";
inline constexpr std::string_view kNvidiaGpu = "nvidia.com/gpu";

/// The managed node group that a group belongs to, by its labels: EKS is asked about it.
struct NodegroupName {
  std::string cluster;
  std::string nodegroup;
};
std::optional<NodegroupName> managed_nodegroup(const model::AutoScalingGroup& group);

struct TemplateInput {
  const model::AutoScalingGroup& group;
  const LaunchPlan& launch;
  /// nullptr: the type is unknown.
  const InstanceShape* type = nullptr;
  /// EKS's answer; nullptr when the group is not managed or the question failed.
  const model::ManagedNodegroupDescription* nodegroup = nullptr;
};

/// Upstream's template: allocatable is capacity, 110 pods, the first zone, a mirror kube-proxy. The
/// node is named
/// "<group>-asg-<suffix>". Errors: why upstream has no template, in its words.
Result<NodeTemplate> upstream_template(const TemplateInput& input, std::string_view suffix);

}  // namespace gputide::scaling
