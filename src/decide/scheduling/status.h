// What a plugin says of a pod and a node, in kube-scheduler's words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gputide::scheduling {

/// Unschedulable: room could be made by taking pods away. UnschedulableAndUnresolvable: it could
/// not.
enum class Code : std::uint8_t { Success, Unschedulable, UnschedulableAndUnresolvable };

struct Status {
  Code code = Code::Success;
  std::string_view plugin;  // the name of the plugin that rejects; "" on success
  std::vector<std::string> reasons;

  bool ok() const { return code == Code::Success; }
};

// The plugins of the default profile.
inline constexpr std::string_view kNodeUnschedulable = "NodeUnschedulable";
inline constexpr std::string_view kNodeName = "NodeName";
inline constexpr std::string_view kTaintToleration = "TaintToleration";
inline constexpr std::string_view kNodeAffinity = "NodeAffinity";
inline constexpr std::string_view kNodePorts = "NodePorts";
inline constexpr std::string_view kNodeResourcesFit = "NodeResourcesFit";
inline constexpr std::string_view kVolumeRestrictions = "VolumeRestrictions";
inline constexpr std::string_view kNodeVolumeLimits = "NodeVolumeLimits";
inline constexpr std::string_view kVolumeBinding = "VolumeBinding";
inline constexpr std::string_view kVolumeZone = "VolumeZone";
inline constexpr std::string_view kPodTopologySpread = "PodTopologySpread";
inline constexpr std::string_view kInterPodAffinity = "InterPodAffinity";

}  // namespace gputide::scheduling
