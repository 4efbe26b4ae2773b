#include "control/provisioner/provisioner.h"

#include <algorithm>
#include <gmock/gmock.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "control/provisioner/provisioner_fixture.h"

namespace gputide::provisioner {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Provisioner, BatchesPodsAndBuysTheCheapestNodes) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::milliseconds(500));
  bench.add_pod("b");
  EXPECT_EQ(lines_with(bench, "launch"), 0u);  // the batch is open
  bench.run(Duration::seconds(3));
  EXPECT_EQ(lines_with(bench, "ScaleUp: 2 × g4dn.xlarge"), 1u);
  EXPECT_EQ(lines_with(bench, "(1.00 × that)"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 2u);
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 2u);  // none twice
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, EmptyNodesGoAfterConsolidateAfter) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(5));
  bench.delete_pod("a");
  bench.run(Duration::seconds(55));
  EXPECT_EQ(bench.nodes(), 1u);
  bench.run(Duration::seconds(20));
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("Empty for 1m")));
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, AMachineThatCouldNotBeEndedIsEndedLater) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.delete_pod("a");
  bench.throttled = true;
  bench.run(Duration::minutes(2));
  EXPECT_FALSE(bench.throttled);
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, WithoutCapacityAnotherTypeIsBoughtAtOnce) {
  Bench bench;
  bench.no_capacity = {"g4dn.xlarge"};
  bench.add_pod("a");
  bench.run(Duration::seconds(3));
  EXPECT_EQ(lines_with(bench, "InsufficientCapacityError"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g5.xlarge"), 1u);
}

TEST(Provisioner, WhereThereIsNoCapacityAtAllItIsAskedEveryThreeMinutes) {
  Bench bench;
  bench.no_capacity = {"g4dn.xlarge", "g5.xlarge"};
  bench.add_pod("a");
  bench.run(Duration::minutes(1));
  EXPECT_EQ(lines_with(bench, "InsufficientCapacityError"), 2u);  // of each type once
  EXPECT_FALSE(bench.at_rest());
  bench.no_capacity = {};
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 1u);
}

// The promise of a GPU that no node keeps is believed twice, not for ever.
TEST(Provisioner, ANodeThatNeverShowsItsGpuIsReplacedOnce) {
  Bench bench;
  bench.plugin_works = false;
  bench.add_pod("a");
  bench.run(Duration::hours(3));
  EXPECT_EQ(lines_with(bench, "launch"), 2u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("never showed nvidia.com/gpu within 15m0s of its "
                                            "registration; it is replaced once")));
  EXPECT_THAT(bench.log, Contains(HasSubstr("NodePool gpu is not counted on for it any more")));
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("FailedScheduling: it asks nvidia.com/gpu")));
}

TEST(Provisioner, AnInterruptedNodesPodsGetTheirNextNodeAtTheNotice) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(1));
  bench.log.clear();
  bench.notice("i-1");
  bench.run(Duration::seconds(1));
  EXPECT_EQ(lines_with(bench, "evict a"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 1u);
}

// A node that runs pod a, bought of gpu_pool().
void start_with_one_node(Bench& bench) {
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(2));
  bench.log.clear();
}

std::shared_ptr<const model::NodePool> changed_pool(
    const std::function<void(model::NodePool&)>& change) {
  auto pool = std::make_shared<model::NodePool>(*gpu_pool());
  change(*pool);
  return pool;
}

TEST(Provisioner, ADriftedNodeGoesWhenItsReplacementIsReady) {
  Bench bench;
  start_with_one_node(bench);
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::seconds(30));
  EXPECT_EQ(bench.condition("Drifted"), "NodePoolDrifted");
  EXPECT_THAT(bench.log, Contains(HasSubstr("in place of node-i-1, which has drifted: labels or "
                                            "annotations of its NodePool changed")));
  EXPECT_EQ(lines_with(bench, "evict"), 0u);
  bench.run(Duration::seconds(75));
  EXPECT_EQ(lines_with(bench, "evict a"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, WhatDoesNotConcernItsNodesIsNoDrift) {
  Bench bench;
  start_with_one_node(bench);
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.weight = 7;
    pool.spec.limits["nvidia.com/gpu"] = Quantity::from_value(9);
    pool.spec.disruption.consolidateAfter = "5m";
  }));
  bench.run(Duration::minutes(5));
  EXPECT_THAT(bench.log, ElementsAre());
}

TEST(Provisioner, BudgetsMayLetDriftedNodesGoOnlyAtTimes) {
  Bench bench;
  start_with_one_node(bench);  // at midnight, UTC
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.metadata.labels["team"] = "b";
    pool.spec.disruption.budgets = {{"100%", {}, {}, {}}, {"0", {"Drifted"}, "0 0 * * *", "1h"}};
  }));
  bench.run(Duration::minutes(50));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_FALSE(bench.at_rest());
  bench.run(Duration::minutes(15));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_TRUE(bench.at_rest() || bench.nodes() == 1);
}

TEST(Provisioner, ADriftedNodeWithAPodThatMustNotBeDisruptedStays) {
  Bench bench;
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::hours(1));
  EXPECT_THAT(bench.log, ElementsAre(HasSubstr("NodePoolDrifted"), HasSubstr("DisruptionBlocked")));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, ProtectionForATimeEnds) {
  Bench bench;
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt", "30m");
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::minutes(29));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_FALSE(bench.at_rest());
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, WhatIsNoTimeProtectsNothing) {
  for (const char* value : {"false", "-5m", "soon"}) {
    Bench bench;
    start_with_one_node(bench);
    bench.annotate_pod("a", "karpenter.sh/do-not-disrupt", value);
    bench.apply(changed_pool(
        [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
    bench.run(Duration::minutes(10));
    EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u) << value;
  }
}

// Karpenter's eventual disruption: what forbids it holds until the grace period ends.
TEST(Provisioner, ATerminationGracePeriodOverrulesWhatKeepsADriftedNode) {
  Bench bench;
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.spec.terminationGracePeriod = "10m"; }));
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.spec.terminationGracePeriod = "10m";
    pool.spec.template_.metadata.labels["team"] = "b";
  }));
  bench.run(Duration::minutes(9));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(bench.nodes(), 2u);
  bench.run(Duration::minutes(4));
  EXPECT_EQ(lines_with(bench, "evict"), 0u);
  EXPECT_EQ(lines_with(bench, "delete Pod"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, NodesCarryTheLabelsThatRequirementsName) {
  Bench bench;
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.spec.requirements.push_back({"team", "In", {"a", "b"}, {}});
  }));
  start_with_one_node(bench);
  bench.run(Duration::hours(1));
  EXPECT_EQ(bench.condition("Drifted"), "");
  EXPECT_EQ(bench.nodes(), 1u);
}

Options with(bool Options::* gate) {
  Options options;
  options.*gate = true;
  return options;
}

TEST(Provisioner, ASickNodeIsReplacedWhateverKeepsItsPods) {
  Bench bench(with(&Options::node_repair));
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.sicken("node-i-1", "AcceleratedHardwareReady");
  bench.run(Duration::minutes(9));
  EXPECT_THAT(bench.log, ElementsAre());
  bench.run(Duration::minutes(2));
  EXPECT_THAT(bench.log, Contains(HasSubstr("AcceleratedHardwareReady has been False for 10m0s")));
  EXPECT_EQ(lines_with(bench, "delete Pod"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, SickNodesStayWhereManyAreSickAndWhereTheGateIsOff) {
  Bench two(with(&Options::node_repair)), off;
  for (Bench* bench : {&two, &off}) {
    bench->add_pod("b");
    start_with_one_node(*bench);
    bench->sicken("node-i-1", "KernelReady");
    bench->sicken("node-i-2", "KernelReady");
    bench->run(Duration::hours(1));
    EXPECT_EQ(lines_with(*bench, "terminate"), 0u);
  }
  EXPECT_EQ(lines_with(two, "NodeRepairBlocked"), 2u);
  EXPECT_TRUE(two.at_rest());
  EXPECT_THAT(off.log, ElementsAre());
}

std::shared_ptr<const model::NodePool> static_pool(std::int64_t replicas,
                                                   const std::string& team = "a") {
  return changed_pool([&](model::NodePool& pool) {
    pool.spec.replicas = replicas;
    pool.spec.limits["nodes"] = Quantity::from_value(3);
    pool.spec.template_.metadata.labels["team"] = team;
  });
}

TEST(Provisioner, ReplicasAreKept) {
  Bench bench(with(&Options::static_capacity), static_pool(2));
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_TRUE(bench.at_rest());
  bench.apply(static_pool(9));  // no more than the limit of three
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 3u);
  bench.notice("i-1");
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 3u);
  EXPECT_EQ(lines_with(bench, "launch"), 4u);
  bench.apply(static_pool(1));
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, ReplicasThatDriftAreReplacedOneByOne) {
  Bench bench(with(&Options::static_capacity), static_pool(2));
  bench.run(Duration::minutes(5));
  bench.apply(static_pool(2, "b"));
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 4u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-2"), 1u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, ReplicasWaitForCapacity) {
  Bench bench(with(&Options::static_capacity), static_pool(1));
  bench.run(Duration::minutes(5));
  bench.no_capacity = {"g4dn.xlarge", "g5.xlarge"};
  bench.notice("i-1");
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 0u);
  bench.no_capacity = {};
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, PodsBuyNothingOfAPoolWithReplicas) {
  Bench bench({}, static_pool(2));
  bench.add_pod("a");
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("the gate StaticCapacity is off")));
}

// What an earlier run of the program held in memory alone is taken back.
TEST(Provisioner, TakesOverNodesThatItFinds) {
  auto claim = std::make_shared<model::NodeClaim>();
  claim->metadata.name = "gpu-abcde";
  claim->metadata.labels["karpenter.sh/nodepool"] = "gpu";
  claim->status.providerID = "aws:///us-west-2a/i-9";
  auto node = std::make_shared<model::Node>();
  node->metadata.name = "node-9";
  node->spec.providerID = claim->status.providerID;
  node->spec.taints = {{"gputide.dev/closed", "", "NoSchedule", {}}};
  node->status.conditions = {{"Ready", "True", "", "", kStart, kStart}};
  Provisioner controller({}, pricing::Catalogue::builtin(), "us-west-2", 1);
  port::Commands commands;
  controller.step(
      port::ObjectChanged{port::Change::Added, std::shared_ptr<const model::Node>(node)}, kStart,
      commands);
  controller.step(
      port::ObjectChanged{port::Change::Added, std::shared_ptr<const model::NodeClaim>(claim)},
      kStart, commands);
  std::vector<std::string> removed;
  bool launched = false;
  for (const port::Command& command : commands) {
    if (const auto* patch = std::get_if<port::PatchNode>(&command))
      removed.insert(removed.end(), patch->remove_taint_keys.begin(),
                     patch->remove_taint_keys.end());
    launched = launched || std::holds_alternative<port::CloudCall>(command);
  }
  EXPECT_THAT(removed, Contains("gputide.dev/closed"));
  EXPECT_FALSE(launched);
}

TEST(Provisioner, SaysWhyAPoolCanBuyNothing) {
  port::Commands commands;
  Provisioner controller({}, pricing::Catalogue::builtin(), "us-west-2", 1);
  controller.step(port::ObjectChanged{port::Change::Added, gpu_pool()}, kStart, commands);
  controller.step(port::TimerFired{1}, kStart + Duration::seconds(2), commands);
  std::vector<std::string> told;
  for (const port::Command& command : commands)
    if (const auto* event = std::get_if<port::Publish>(&command)) told.push_back(event->message);
  EXPECT_THAT(told, ElementsAre("there is no EC2NodeClass gpu; apply it"));
}

TEST(ProvisionerOptions, FlagsComeBeforeTheEnvironmentAndUnknownOnesAreRefused) {
  const std::vector<std::string> environment{"BATCH_IDLE_DURATION=3s", "CLUSTER_NAME=a",
                                             "HOME=/root"};
  const auto options = parse_options(
      std::vector<std::string>{"--batch-idle-duration", "2s", "--log-level=debug"}, environment);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->batch_idle, Duration::seconds(2));
  EXPECT_EQ(options->cluster_name, "a");
  const auto gates = parse_options(
      std::vector<std::string>{"--feature-gates=NodeRepair=true,SpotToSpotConsolidation=true"}, {});
  ASSERT_TRUE(gates);
  EXPECT_TRUE(gates->node_repair);
  EXPECT_FALSE(gates->static_capacity);
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--feature-gates=NodeRepair"}, {}));
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--no-such-flag"}, {}));
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--batch-max-duration=soon"}, {}));
}

}  // namespace
}  // namespace gputide::provisioner
