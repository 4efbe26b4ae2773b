// Capacity for one ProvisioningRequest: room on the nodes that there are, or one scale-up, for all
// of its pods or for none. Source: Cluster Autoscaler 1.36.1 provisioningrequest/checkcapacity,
// provisioningrequest/besteffortatomic.
#pragma once

#include <cstddef>

#include "decide/scaling/placement.h"
#include "decide/scaling/requests.h"
#include "decide/scaling/scale_up.h"

namespace gputide::scaling {

/// What a request is tried on; what comes of it is told to `requests`.
struct RequestTrial {
  ProvisioningRequests& requests;
  Placer& placer;
  Simulation& simulation;
  PodShapes& shapes;
};

/// True: all of its pods found room, and are in the simulation now.
bool check_capacity(const RequestTrial& trial, std::size_t request);

/// What is to be bought for those of its pods that find no room: for all of them, or nothing. The
/// simulation is left as it was. `input` asks for all or nothing.
ScaleUpResult provision_at_once(const RequestTrial& trial, std::size_t request,
                                const ScaleUpInput& input, const ScaleUpRules& rules, Rng* rng);

}  // namespace gputide::scaling
