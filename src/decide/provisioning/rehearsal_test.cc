#include "decide/provisioning/rehearsal.h"

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

ProviderType type_of(const std::string& name, std::int64_t cores) {
  ProviderType out;
  out.name = name;
  out.requirements.add(Requirement::in("node.kubernetes.io/instance-type", name));
  out.requirements.add(Requirement::in("disk", cores > 4 ? "large" : "small"));
  out.allocatable = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
  out.capacity = out.allocatable;
  return out;
}

std::shared_ptr<model::Pod> pod_of(const std::string& name, std::int64_t cores) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = name;
  model::Container container;
  container.resources.requests = {{"cpu", Quantity::from_value(cores)}};
  pod->spec.edit().containers = {container};
  return pod;
}

struct Stage {
  ProvisionProblem problem;
  ProvisionPlan plan;

  Stage() {
    problem.pools.emplace_back().metadata.name = "main";
    problem.types = {type_of("two", 2), type_of("four", 4), type_of("eight", 8)};
    problem.pool_types = {{0, 1, 2}};
  }
  void buy(const std::string& type, const std::vector<std::int64_t>& pods) {
    PlannedMachine machine;
    machine.pool = "main";
    machine.type = type;
    machine.zone = "a";
    machine.capacity_type = "on-demand";
    for (const std::int64_t cores : pods) {
      machine.pods.push_back(static_cast<std::uint32_t>(problem.pods.size()));
      problem.pods.push_back(pod_of("pod-" + std::to_string(problem.pods.size()), cores));
    }
    plan.machines.push_back(std::move(machine));
  }
  void add_node(const std::string& name, std::int64_t cores) {
    ProvisionNode node;
    node.name = name;
    node.allocatable = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
    problem.nodes.push_back(std::move(node));
  }
  void run_on(const std::string& node, std::int64_t cores) {
    auto pod = pod_of("on-" + node, cores);
    pod->spec.edit().nodeName = node;
    problem.bound.push_back(std::move(pod));
  }
  bool places_all(const std::vector<std::string>& gone = {}) {
    return Rehearsal(problem).places_all(problem, plan, gone);
  }
};

TEST(Rehearsal, WhatFitsInAnyOrderIsPlaced) {
  Stage stage;
  stage.buy("four", {2, 2});
  stage.buy("four", {2, 2});
  EXPECT_TRUE(stage.places_all());
}

// The small pods go where most is free, and the large one fits nowhere any more.
TEST(Rehearsal, APlanThatTheSchedulerSpoilsFails) {
  Stage stage;
  stage.buy("eight", {8});
  stage.buy("four", {1, 1, 1, 1});
  EXPECT_FALSE(stage.places_all());
}

TEST(Rehearsal, NodesThatGoTakeNoPod) {
  Stage stage;
  stage.add_node("stays", 2);
  stage.add_node("goes", 8);
  stage.problem.pods.push_back(pod_of("a", 4));
  EXPECT_TRUE(stage.places_all());
  EXPECT_FALSE(stage.places_all({"goes"}));
}

TEST(Rehearsal, WhatRunsKeepsItsRoom) {
  Stage stage;
  stage.add_node("there", 4);
  stage.problem.pods.push_back(pod_of("a", 3));
  EXPECT_TRUE(stage.places_all());
  stage.run_on("there", 2);
  EXPECT_FALSE(stage.places_all());
}

TEST(Rehearsal, DaemonSetsComeToWhatIsBought) {
  Stage stage;
  stage.buy("two", {2});
  EXPECT_TRUE(stage.places_all());
  stage.problem.daemons.push_back(pod_of("agent", 1));
  EXPECT_FALSE(stage.places_all());
}

TEST(Rehearsal, NodesHaveTheLabelsOfTheirTypeAndPool) {
  Stage stage;
  stage.buy("eight", {1});
  auto pod = pod_of("b", 1);
  pod->spec.edit().nodeSelector = {{"disk", "large"}, {"karpenter.sh/nodepool", "main"}};
  stage.problem.pods.push_back(pod);
  EXPECT_TRUE(stage.places_all());
  pod->spec.edit().nodeSelector["disk"] = "small";
  EXPECT_FALSE(stage.places_all());
}

TEST(Rehearsal, NodesOfAReservationSayWhich) {
  Stage stage;
  stage.problem.types[2].offerings.push_back({"a", "reserved", "cr-1", 1, Money(), true});
  stage.buy("eight", {1});
  auto pod = pod_of("b", 1);
  pod->spec.edit().nodeSelector = {{"karpenter.k8s.aws/capacity-reservation-id", "cr-1"}};
  stage.problem.pods.push_back(pod);
  EXPECT_FALSE(stage.places_all());
  stage.plan.machines[0].reservation_id = "cr-1";
  EXPECT_TRUE(stage.places_all());
}

}  // namespace
}  // namespace gputide::provisioning
