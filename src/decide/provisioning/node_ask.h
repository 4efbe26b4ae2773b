// What pods ask of nodes, and what the nodes of a NodePool will be, as requirements.
#pragma once

#include <span>
#include <vector>

#include "decide/provisioning/provision.h"
#include "decide/provisioning/requirements.h"
#include "model/karpenter.h"
#include "model/pod.h"

namespace gputide::provisioning {

/// What a pod's node selector and required affinity ask: alternatives, of which one must hold. An
/// affinity without terms has none.
std::vector<Requirements> node_alternatives(const model::PodSpec& spec);

/// The taints that keep pods off a node: all but PreferNoSchedule.
std::vector<model::Taint> hard_taints(const std::vector<model::Taint>& taints);

/// What every node of the pool will be: its requirements and labels, its name and its class.
Requirements template_requirements(const model::NodePool& pool);

/// Whether a DaemonSet's pod comes to nodes of `type` that have these requirements and taints.
bool comes_to(const model::PodSpec& daemon, const Requirements& node,
              const std::vector<model::Taint>& taints, const ProviderType& type,
              const LabelSet& well_known);

}  // namespace gputide::provisioning
