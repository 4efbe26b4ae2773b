// The Node object with which a kubelet on EKS registers its machine.
#pragma once

#include <memory>

#include "model/node.h"
#include "sim/cloud.h"

namespace gputide::sim {

/// Not ready, with the labels that kubelet, cloud provider and node group give, the group's taints,
/// and the size that such a machine reports. Devices come later.
std::shared_ptr<model::Node> node_of(const CloudInstance& instance, Instant now);

}  // namespace gputide::sim
