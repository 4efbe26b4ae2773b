// The instance types of a NodePool as its nodes will show them: sized by the EC2NodeClass, with the
// devices that the device plugins of the cluster will offer there. No node needs to exist.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "decide/pricing/allocatable.h"
#include "decide/pricing/catalogue.h"
#include "decide/provisioning/provision.h"
#include "decide/sharing/device_plugin.h"
#include "model/capacity_reservation.h"
#include "model/karpenter.h"

namespace gputide::provisioning {

/// The size of a pool's nodes as far as its EC2NodeClass (nullptr: not known) decides it: the
/// kubelet's maxPods, also where Karpenter 1.0's conversion of a v1beta1 NodePool left it, and the
/// root volume. Memory is less by the 7.5 % that Karpenter expects the machine to keep.
pricing::NodeSizing sizing_of(const model::NodePool& pool, const model::EC2NodeClass* node_class);

/// What pools' nodes hang on, beside the pool.
struct PoolSurroundings {
  const pricing::Catalogue& catalogue;
  std::string region;
  std::vector<std::string> zones;  // where there are subnets
  std::span<const std::shared_ptr<const model::DaemonSet>> daemon_sets;
  sharing::FindConfigMap find_config_map;
  /// True: each GPU counts as one nvidia.com/gpu if no device plugin is among the DaemonSets.
  /// False: without a plugin no GPU is offered, as in a real cluster.
  bool assume_plugin = false;
  std::span<const model::NodeOverlay> overlays = {};
  /// Those of the account: a pool gets what its EC2NodeClass selects of them.
  std::span<const model::CapacityReservation> reservations = {};
};

struct PoolTypes {
  std::vector<ProviderType> types;    // in byte order of their names
  std::vector<std::string> errors;    // device plugins that would not start, each once
  std::vector<std::string> left_out;  // NodeOverlays, and why
};

/// The types that the pool's requirements allow, as the overlays would have them.
PoolTypes types_of_pool(const PoolSurroundings& from, const model::NodePool& pool,
                        const model::EC2NodeClass* node_class);

/// What the plugins of `from` will make of the GPUs of a node of this type, with the labels and
/// taints of the pool's template.
sharing::Devices devices_on(const PoolSurroundings& from, const model::NodePool& pool,
                            const ProviderType& type);

/// Puts what the plugins of `from` will offer in the place of the type's GPUs. Adds what would not
/// start to `errors`.
void offer_devices(const PoolSurroundings& from, const model::NodePool& pool, ProviderType& type,
                   std::vector<std::string>& errors);

}  // namespace gputide::provisioning
