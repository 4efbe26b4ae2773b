// What plans and purchases without one share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioner {

/// The claim for a node: what suits the same pods of `pods` is what AWS may launch. It has no name.
std::shared_ptr<model::NodeClaim> claim_of(
    const std::vector<std::shared_ptr<const model::Pod>>& pods,
    const provisioning::PlannedMachine& machine, const model::NodePool& pool);

/// "2 × g5.xlarge (spot, us-west-2a) at $0.42 an hour, 1 × ...".
std::string machines_text(const std::vector<const provisioning::PlannedMachine*>& machines);

}  // namespace gputide::provisioner
