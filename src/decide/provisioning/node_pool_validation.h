// What Karpenter refuses of NodePools and pods before it plans, with its texts; what a NodePool's
// drift hash is; and whether its limits are exceeded. Source: karpenter core (June 2026).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "decide/provisioning/requirements.h"
#include "model/karpenter.h"
#include "model/pod.h"

namespace gputide::provisioning {

using Errors = std::vector<std::string>;

/// Why a label may not be set or asked for: "" = it may.
std::string restricted_label(std::string_view key);

Errors validate_requirement(const model::NodePoolRequirement& requirement);
/// The checks that the API server's schema does not make.
Errors validate_node_pool(const model::NodePoolSpec& spec);
/// Why a pending pod is left out of planning.
Errors validate_pod(const model::PodSpec& spec);

/// The nodepool-hash annotation, version v3: nodes of a pool whose hash changed have drifted.
std::string node_pool_hash(const model::NodeClaimTemplate& spec);

/// One sentence for each resource of which more is used than the limit says.
Errors exceeded_limits(const model::ResourceList& limits, const model::ResourceList& usage);

}  // namespace gputide::provisioning
