// What every EKS cluster runs before anybody applies anything.
#pragma once

#include <vector>

#include "model/object.h"

namespace gputide::sim {

/// The DaemonSets aws-node and kube-proxy, and CoreDNS with its disruption budget, with the
/// requests, tolerations and affinity of EKS's add-ons.
std::vector<model::Typed> system_objects();

}  // namespace gputide::sim
