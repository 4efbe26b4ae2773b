// What pods ask of nodes, and what the nodes of a NodePool will be, as requirements.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "decide/provisioning/provision.h"
#include "decide/provisioning/requirements.h"
#include "model/karpenter.h"
#include "model/pod.h"

namespace gputide::provisioning {

/// What a pod's node selector and required affinity ask: alternatives, of which one must hold. An
/// affinity without terms has none; terms that contradict themselves or the selector are left out.
std::vector<Requirements> node_alternatives(const model::PodSpec& spec);

/// A label preference of a pod: its terms are one requirement each, with their weight.
struct NodePreference {
  std::int64_t weight = 0;
  Requirements asked;
};
/// Those that are no contradiction and ask anything.
std::vector<NodePreference> node_preferences(const model::PodSpec& spec);

/// What is asked of the first label that no node can meet: "KEY In [a] and KEY In [b]"; "" = none.
std::string contradiction(std::span<const Requirement> asked);
/// The same of a pod of which every alternative contradicts itself, and of a NodePool.
std::string contradiction(const model::PodSpec& spec);
std::string contradiction(const model::NodePool& pool);

/// The taints that keep pods off a node: all but PreferNoSchedule.
std::vector<model::Taint> hard_taints(const std::vector<model::Taint>& taints);

/// What every node of the pool will be: its requirements and labels, its name and its class.
Requirements template_requirements(const model::NodePool& pool);

/// Whether a DaemonSet's pod comes to nodes of `type` that have these requirements and taints.
bool comes_to(const model::PodSpec& daemon, const Requirements& node,
              const std::vector<model::Taint>& taints, const ProviderType& type,
              const LabelSet& well_known);

/// Thousandths of a core, or whole units; of absurd quantities the nearest number of which a few
/// can be added.
std::int64_t amount(std::string_view resource, const Quantity& quantity);
/// What one node of the type takes of a NodePool's limit: 1 of "nodes".
std::int64_t limit_use(const ProviderType& type, const std::string& limit);
/// What the nodes that the pool has already take of its limit.
std::int64_t limit_used(const ProvisionProblem& problem, std::size_t pool,
                        const std::string& limit);

}  // namespace gputide::provisioning
