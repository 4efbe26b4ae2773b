#include "decide/provisioning/rehearsal.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "decide/provisioning/planned_node.h"
#include "decide/scheduling/schedule.h"
#include "state/cluster.h"

namespace gputide::provisioning {
namespace {

using state::PodRef;

std::shared_ptr<const model::Node> node_of(const ProvisionNode& known) {
  auto node = std::make_shared<model::Node>();
  node->metadata.name = known.name;
  node->metadata.labels = known.labels;
  node->spec.taints = known.taints;
  node->status.allocatable = known.allocatable;
  node->status.capacity = known.capacity;
  return node;
}

}  // namespace

struct Rehearsal::Stage {
  state::Cluster cluster;
  scheduling::Scheduler scheduler{cluster};

  void buy(const ProvisionProblem& moved, const ProvisionPlan& plan);
  bool places_all(std::span<const PodRef> pods);
};

// What the plan buys, with the pods of DaemonSets.
void Rehearsal::Stage::buy(const ProvisionProblem& moved, const ProvisionPlan& plan) {
  std::size_t bought = 0;
  for (const PlannedMachine& machine : plan.machines) {
    if (!machine.existing.empty() || machine.pods.empty()) continue;
    const std::string name = "bought/" + std::to_string(bought++);  // no node is called so
    const state::NodeId node =
        cluster.add_node(std::make_shared<const model::Node>(planned_node(moved, machine, name)));
    for (const PodRef& daemon : daemons_of(moved, machine)) cluster.add_pod(daemon, node);
  }
}

bool Rehearsal::Stage::places_all(std::span<const PodRef> pods) {
  Rng ties(1, "rehearsal");
  cluster.fork();
  const bool all = std::all_of(pods.begin(), pods.end(), [&](const PodRef& pod) {
    const state::NodeId node = scheduler.schedule(*pod, ties).node;
    if (node != state::kNoNode) cluster.add_pod(pod, node);
    return node != state::kNoNode;
  });
  cluster.revert();
  return all;
}

Rehearsal::Rehearsal(const ProvisionProblem& cluster) : stage_(std::make_unique<Stage>()) {
  for (const auto& [name, labels] : cluster.namespaces) {
    auto known = std::make_shared<model::Namespace>();
    known->metadata.name = name;
    known->metadata.labels = labels;
    stage_->cluster.objects().namespaces.set(std::move(known));
  }
  for (const ProvisionNode& node : cluster.nodes) stage_->cluster.add_node(node_of(node));
  for (const PodRef& pod : cluster.bound)
    if (const state::NodeId node = stage_->cluster.find(pod->spec->nodeName);
        node != state::kNoNode)
      stage_->cluster.add_pod(pod, node);
}

Rehearsal::~Rehearsal() = default;

bool Rehearsal::places_all(const ProvisionProblem& moved, const ProvisionPlan& plan,
                           std::span<const std::string> gone) {
  state::Cluster& cluster = stage_->cluster;
  cluster.fork();
  for (const std::string& name : gone)
    if (const state::NodeId node = cluster.find(name); node != state::kNoNode)
      cluster.remove_node(node);
  stage_->buy(moved, plan);
  std::vector<PodRef> pods = moved.pods;
  bool all = stage_->places_all(pods);
  std::reverse(pods.begin(), pods.end());
  all = all && stage_->places_all(pods);
  Rng chance(1, "order");
  for (std::size_t i = pods.size(); i > 1; --i) std::swap(pods[i - 1], pods[chance.below(i)]);
  all = all && stage_->places_all(pods);
  cluster.revert();
  return all;
}

}  // namespace gputide::provisioning
