// NodePools that buy of capacity reservations.
#include <map>

#include <gtest/gtest.h>

#include "control/provisioner/provisioner_fixture.h"

namespace gputide::provisioner {
namespace {

model::CapacityReservation reserved(std::int64_t count) {
  model::CapacityReservation made;
  made.id = "cr-1";
  made.instance_type = "g4dn.xlarge";
  made.zone = "us-west-2a";
  made.total = made.available = count;
  made.match_criteria = "targeted";
  made.tags = {{"team", "ml"}};
  return made;
}

void select_reservations(Bench& bench, const std::string& team = "ml") {
  auto node_class = std::make_shared<model::EC2NodeClass>(*gpu_class());
  node_class->spec.capacityReservationSelectorTerms = {{{{"team", team}}, "", "", ""}};
  bench.apply(std::shared_ptr<const model::EC2NodeClass>(std::move(node_class)));
  bench.run(Duration::seconds(3));
}

std::shared_ptr<const model::NodePool> reserved_pool(std::vector<std::string> markets) {
  auto pool = std::make_shared<model::NodePool>(*gpu_pool());
  pool->spec.template_.spec.requirements[1].values = std::move(markets);
  return pool;
}

// A pod runs on the node that took the only slot of cr-1.
void run_one_reserved(Bench& bench) {
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(1));
}

constexpr const char* kCapacityType = "karpenter.sh/capacity-type";
constexpr const char* kId = "karpenter.k8s.aws/capacity-reservation-id";
constexpr const char* kType = "karpenter.k8s.aws/capacity-reservation-type";

TEST(Reservations, AreBoughtOfFirstAndNeverBeyondWhatTheyHold) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(2)};
  select_reservations(bench);
  for (const char* name : {"a", "b", "c"}) bench.add_pod(name);
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  EXPECT_EQ(lines_with(bench, " in cr-1"), 2u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 3u);
  EXPECT_EQ(
      lines_with(bench, "2 × g4dn.xlarge (reserved, us-west-2a) of capacity reservation cr-1"), 1u);
  EXPECT_EQ(lines_with(bench, "full"), 0u);
  std::map<std::string, int> of;
  for (const char* node : {"node-i-1", "node-i-2", "node-i-3"}) {
    const bool in = bench.node_label(node, kCapacityType) == "reserved";
    ++of[bench.node_label(node, kCapacityType)];
    EXPECT_EQ(bench.node_label(node, kId), in ? "cr-1" : "");
    EXPECT_EQ(bench.node_label(node, kType), in ? "default" : "");
    EXPECT_EQ(bench.claim_label(node, kId), in ? "cr-1" : "");
  }
  EXPECT_EQ(of, (std::map<std::string, int>{{"on-demand", 1}, {"reserved", 2}}));
  const model::Value* told = bench.class_status.find("capacityReservations");
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->as_list().at(0).text_at("id"), "cr-1");
  EXPECT_EQ(told->as_list().at(0).text_at("state"), "active");
  bench.run(Duration::minutes(10));
  EXPECT_EQ(lines_with(bench, "launch"), 3u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Reservations, ThatTurnOutToBeFullAreLeftForAMinute) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  bench.reservations_full = true;
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(30));
  EXPECT_EQ(lines_with(bench, "full"), 2u) << "AWS's answer, and the event";
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-1"), 1u);
  bench.run(Duration::seconds(60));
  bench.bind_pods();
  bench.reservations_full = false;
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u) << "cheaper, and free now";
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Reservations, ThatAreAllThereIsKeepPodsWaitingUntilASlotIsFree) {
  Bench bench({}, reserved_pool({"reserved"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.log.clear();
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.add_pod("b");
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(lines_with(bench, "the capacity reservations that it may use are taken"), 1u);
  EXPECT_EQ(lines_with(bench, "NotReady"), 0u);
  bench.reservations[0].total = 2;
  bench.reservations[0].available = 1;
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u);
}

TEST(Reservations, TakeOverFromOnDemandNodesWhenThereAreAny) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  bench.reservations = {reserved(1)};
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  bench.run(Duration::minutes(10));
  EXPECT_EQ(lines_with(bench, "launch"), 2u) << "and stay";
}

TEST(Reservations, ThatAreOverLeaveOnDemandNodes) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  run_one_reserved(bench);
  bench.reservations[0].state = "expired";
  bench.reservations[0].available = 0;
  bench.run(Duration::minutes(2));
  EXPECT_EQ(bench.node_label("node-i-1", kCapacityType), "on-demand");
  EXPECT_EQ(bench.node_label("node-i-1", kId), "");
  EXPECT_EQ(bench.claim_label("node-i-1", kCapacityType), "on-demand");
  EXPECT_EQ(lines_with(bench, "capacity reservation cr-1 is over"), 1u);
  EXPECT_EQ(bench.condition("Drifted"), "");
  EXPECT_TRUE(bench.class_status.find("capacityReservations")->as_list().empty());
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
}

TEST(Reservations, ThatAreNotSelectedAnyMoreAreDrift) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  run_one_reserved(bench);
  EXPECT_EQ(bench.condition("Drifted"), "");
  select_reservations(bench, "web");
  EXPECT_EQ(bench.condition("Drifted"), "CapacityReservationDrift");
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2"), 1u);
  EXPECT_EQ(lines_with(bench, " in cr-1"), 1u);
}

TEST(Reservations, OfCapacityBlocksAreEmptiedFortyMinutesBeforeTheirEnd) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  bench.reservations[0].type = "capacity-block";
  bench.reservations[0].end = kStart + Duration::minutes(60);
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  EXPECT_EQ(bench.node_label("node-i-1", kType), "capacity-block");
  bench.run(Duration::minutes(17));
  EXPECT_EQ(lines_with(bench, "terminate"), 0u);
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "capacity block cr-1 ends in"), 1u);
  bench.add_pod("b");
  bench.run(Duration::minutes(2));
  EXPECT_EQ(lines_with(bench, " in cr-1"), 1u) << "nothing more is launched into it";
  EXPECT_GE(lines_with(bench, "launch g4dn.xlarge as i-2"), 1u);
}

TEST(Reservations, AreLeftAloneWithoutTheGate) {
  Options options;
  options.reserved_capacity = false;
  Bench bench(options, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-1"), 1u);
  EXPECT_EQ(lines_with(bench, " in cr-1"), 0u);
}

TEST(Reservations, AreFilledByReplicasToo) {
  Options options;
  options.static_capacity = true;
  auto pool = std::make_shared<model::NodePool>(*reserved_pool({"reserved", "on-demand"}));
  pool->spec.replicas = 3;
  Bench bench(options, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(2)};
  select_reservations(bench);
  bench.apply(std::shared_ptr<const model::NodePool>(pool));
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, " in cr-1"), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 3u);
}

}  // namespace
}  // namespace gputide::provisioner
