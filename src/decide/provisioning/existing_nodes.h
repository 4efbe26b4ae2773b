// Nodes that are there, and claims that become nodes, as a plan sees them. Semantics are
// Karpenter's.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "decide/provisioning/provision.h"
#include "model/karpenter.h"
#include "model/node.h"

namespace gputide::provisioning {

/// A node that shows all of itself. A cordoned one has the taint that says so, whether its object
/// has it already or not.
ProvisionNode ready_node(const model::Node& node);

/// A claim whose node (nullptr: not registered) has not shown all of itself: it counts as what it
/// was bought as, without the taints that go away by themselves.
ProvisionNode coming_node(const model::NodeClaim& claim, const model::Node* node);

/// Whether somebody takes the node away: its object is being deleted, or Cluster Autoscaler's or
/// Karpenter's taint says so.
bool is_leaving(const model::Node& node);

struct ExistingNodes {
  std::vector<ProvisionNode> nodes;  // that pods may go to, as their taints allow
  std::set<std::string> leaving;     // names of nodes that go: they take no pod and keep none
};

/// What is there, by objects alone. Claims without a node that is initialized are coming nodes; so
/// is a node that carries karpenter.sh/nodepool, is not initialized, and whose claim is not among
/// them, but with no more than it shows. Any other node that is not Ready keeps its pods and has
/// the taint that says so.
ExistingNodes existing_nodes(std::span<const std::shared_ptr<const model::Node>> nodes,
                             std::span<const std::shared_ptr<const model::NodeClaim>> claims);

}  // namespace gputide::provisioning
