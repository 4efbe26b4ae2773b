// Which device plugin a DaemonSet is, and with which configuration it runs on a node.
// Source: NVIDIA/k8s-device-plugin 0.20 (command lines, deployments/helm, cmd/config-manager),
// awslabs/aws-virtual-gpu-device-plugin 0.1.1 (manifest).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decide/sharing/offer.h"
#include "model/core.h"
#include "model/meta.h"
#include "model/workload.h"

namespace gputide::sharing {

/// What a pod of a GPU DaemonSet does on its node.
struct PluginRole {
  PluginKind kind = PluginKind::Nvidia;
  bool offers_devices = false;    // the device plugin
  bool publishes_labels = false;  // GPU Feature Discovery
  bool runs_mps = false;          // the MPS control daemon
};

/// By images, commands and arguments of the pod's containers. nullopt: it is none of them.
std::optional<PluginRole> plugin_role(const model::PodSpec& pod);

/// The ConfigMap of that name, or nullptr.
using FindConfigMap =
    std::function<const model::ConfigMap*(std::string_view name_space, std::string_view name)>;

struct ResolvedPlugin {
  PluginRole role;
  PluginSetup setup;
  std::string config_map;  // "kube-system/nvidia-device-plugin", "" when it has none
  std::string config_key;  // the chosen key
};

/// The configuration with which the DaemonSet's pod runs on a node with `node_labels`: arguments
/// before environment before the config file, which a config manager may choose by the node's label
/// nvidia.com/device-plugin.config, DEFAULT_CONFIG, or its fallbacks (the key "default", the only
/// key, none). Errors, which keep the pod from starting: no GPU plugin, no such ConfigMap or key, a
/// text that is no configuration, a flag value that does not exist.
Result<ResolvedPlugin> resolve_plugin(const model::DaemonSet& daemon_set,
                                      const FindConfigMap& find_config_map,
                                      const model::StringMap& node_labels);

/// What GPU DaemonSets make of a machine's GPUs.
struct Devices {
  model::ResourceList resources;
  std::map<std::string, DeviceShare> shares;  // by resource; of its largest device
  model::StringMap labels;                    // where GPU Feature Discovery runs
  std::vector<std::string> errors;            // of plugins that would not start: which, and why
};

/// The devices of a node before it exists: `daemon_sets` are those whose pods would come to it
/// (others than GPU plugins are passed over), `node_labels` the labels that it will have.
Devices devices_of(const model::InstanceType& type, const model::StringMap& node_labels,
                   std::string_view node_name,
                   std::span<const std::shared_ptr<const model::DaemonSet>> daemon_sets,
                   const FindConfigMap& find_config_map);

}  // namespace gputide::sharing
