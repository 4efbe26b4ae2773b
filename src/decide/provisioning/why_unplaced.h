// Why a plan leaves pods without a node, and what would help.
#pragma once

#include <string>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// Why no node at all can have what the pod asks; "" = one could.
std::string impossible(const model::PodSpec& spec);

/// What keeps pods of class k, which are possible, off the pool that comes nearest to taking them:
/// one sentence, with the remedy after a semicolon. `plan` is what left them out.
std::string why_unplaced(const ProvisionProblem& problem, const Compiled& compiled,
                         const PackPlan& plan, std::uint32_t k);

}  // namespace gputide::provisioning
