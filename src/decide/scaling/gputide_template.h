// The node that an empty group will really add, as far as it can be known before it exists: what
// EKS nodes of its types have left for pods, and the GPUs as the device plugin that runs there will
// offer them. Ours; upstream_template is what upstream believes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "decide/scaling/template_node.h"
#include "decide/sharing/device_plugin.h"
#include "model/instance_type.h"

namespace gputide::scaling {

struct LaunchPossibilities {
  const model::AutoScalingGroup& group;
  /// Every type that the group may launch, the preferred one first; not empty.
  std::vector<const model::InstanceType*> types;
  /// EKS's answer; nullptr when the group is not managed or the question failed.
  const model::ManagedNodegroupDescription* nodegroup = nullptr;
  std::int64_t volume_gib = 0;  // of the root volume; 0: the usual
  /// What may run on its nodes.
  std::span<const std::shared_ptr<const model::DaemonSet>> daemon_sets;
  sharing::FindConfigMap find_config_map;
};

/// Of several types, the least that each of them offers. GPUs appear only if a device plugin's
/// DaemonSet would run on the node and would start; tags for resources override all of it. Errors:
/// those of upstream_template.
Result<NodeTemplate> gputide_template(const LaunchPossibilities& from, std::string_view suffix);

}  // namespace gputide::scaling
