// What a planned machine will be as a node.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "decide/provisioning/provision.h"
#include "model/karpenter.h"
#include "model/node.h"

namespace gputide::provisioning {

/// The labels by which nodes of a reservation are known, and what they are on a node of this
/// offering; "" = it has none.
std::array<std::pair<std::string_view, std::string>, 3> reservation_labels(
    const ProviderType::Offering& offering);

/// The labels that only the pool's requirements name: the node gets values that its pods, of
/// `pods`, ask for, else any that are allowed.
model::StringMap own_labels(const std::vector<std::shared_ptr<const model::Pod>>& pods,
                            const PlannedMachine& machine, const model::NodePool& pool);

/// The node, ready, of a machine that the problem's plan buys: labels, taints and allocatable, as
/// far as pods ask for them.
model::Node planned_node(const ProvisionProblem& problem, const PlannedMachine& machine,
                         const std::string& name);

/// The pods of DaemonSets that come to it.
std::vector<std::shared_ptr<const model::Pod>> daemons_of(const ProvisionProblem& problem,
                                                          const PlannedMachine& machine);

}  // namespace gputide::provisioning
