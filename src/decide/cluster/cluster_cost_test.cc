#include "decide/cluster/cluster_cost.h"

#include <gtest/gtest.h>

namespace gputide::cluster {
namespace {

using pricing::Catalogue;
using pricing::CostLine;
using pricing::Instances;
using pricing::Size;

// Two types at prices of our own, in two zones.
Catalogue catalogue() {
  return Catalogue::builtin()
      .with_on_demand("us-west-2", "g4dn.xlarge", Money::micros(500'000))
      .with_on_demand("us-west-2", "g5.xlarge", Money::micros(1'000'000))
      .with_spot("us-west-2a", "g4dn.xlarge", Money::micros(200'000))
      .with_spot("us-west-2b", "g4dn.xlarge", Money::micros(300'000))
      .with_spot("us-west-2a", "g5.xlarge", Money::micros(250'000))
      .with_spot("us-west-2b", "g5.xlarge", Money::micros(260'000));
}

model::NodeGroupPlan mixed(std::string spot_strategy, std::int64_t base, std::int64_t percentage) {
  model::NodeGroupPlan plan;
  plan.nodegroup_name = "gpu";
  plan.launch.instance_type = "g4dn.xlarge";
  plan.group.availability_zones = {"us-west-2a", "us-west-2b"};
  plan.group.min_size = 0;
  plan.group.desired_capacity = 1;
  plan.group.max_size = 10;
  model::MixedInstancesPolicy policy;
  policy.overrides = {{"g4dn.xlarge", {}, {}}, {"g5.xlarge", {}, {}}};
  policy.distribution.on_demand_base_capacity = base;
  policy.distribution.on_demand_percentage_above_base = percentage;
  policy.distribution.spot_allocation_strategy = std::move(spot_strategy);
  plan.group.mixed_instances_policy = std::move(policy);
  return plan;
}

std::int64_t nodes(const CostLine& line, std::string_view type, std::string_view market,
                   Size size = Size::Maximum) {
  std::int64_t sum = 0;
  for (const Instances& each : line.instances)
    if (each.type == type && each.market == market)
      sum += each.nodes[static_cast<std::size_t>(size)];
  return sum;
}

TEST(NodeGroups, OfOneTypeCostItsOnDemandPrice) {
  model::NodeGroupPlan plan = mixed("", 0, 0);
  plan.group.mixed_instances_policy.reset();
  const CostLine line = node_group_cost(plan, catalogue());
  EXPECT_EQ(line.size(Size::Minimum).per_hour, Money());
  EXPECT_EQ(line.size(Size::Desired).per_hour, Money::micros(500'000));
  EXPECT_EQ(line.size(Size::Maximum).per_hour, Money::micros(5'000'000));
  EXPECT_EQ(line.choices.size(), 1u);
}

TEST(NodeGroups, SplitBetweenTheMarketsAtEachSize) {
  const CostLine line = node_group_cost(mixed("price-capacity-optimized", 2, 25), catalogue());
  // 2 of the base and a quarter of 8.
  EXPECT_EQ(nodes(line, "g4dn.xlarge", "on-demand"), 4);
  EXPECT_EQ(nodes(line, "g4dn.xlarge", "spot"), 3);  // cheapest in us-west-2a
  EXPECT_EQ(nodes(line, "g5.xlarge", "spot"), 3);    // and this one in us-west-2b
  EXPECT_EQ(line.size(Size::Maximum).per_hour,
            Money::micros(4 * 500'000 + 3 * 200'000 + 3 * 260'000));
  EXPECT_EQ(nodes(line, "g4dn.xlarge", "on-demand", Size::Desired), 1);
  EXPECT_EQ(line.size(Size::Desired).per_hour, Money::micros(500'000));
}

TEST(NodeGroups, AtLowestPriceSpreadOverTheCheapestPools) {
  model::NodeGroupPlan plan = mixed("lowest-price", 0, 0);
  plan.group.mixed_instances_policy->distribution.spot_instance_pools = 2;
  const CostLine two = node_group_cost(plan, catalogue());
  EXPECT_EQ(nodes(two, "g4dn.xlarge", "spot"), 5);
  EXPECT_EQ(nodes(two, "g5.xlarge", "spot"), 5);
  plan.group.mixed_instances_policy->distribution.spot_instance_pools = 1;
  EXPECT_EQ(node_group_cost(plan, catalogue()).size(Size::Maximum).per_hour,
            Money::micros(5 * 200'000 + 5 * 260'000));
}

TEST(NodeGroups, BuyNoSpotAboveMaxPrice) {
  model::NodeGroupPlan plan = mixed("price-capacity-optimized", 0, 0);
  plan.group.mixed_instances_policy->distribution.spot_max_price = Money::micros(220'000);
  const CostLine line = node_group_cost(plan, catalogue());
  EXPECT_EQ(nodes(line, "g4dn.xlarge", "spot"), 10);
  EXPECT_EQ(line.size(Size::Maximum).unpriced, 5);  // those of us-west-2b
  EXPECT_EQ(line.size(Size::Maximum).per_hour, Money::micros(5 * 200'000));
  EXPECT_EQ(line.choices.size(), 1u);
}

TEST(ControlPlanes, AreOfTheDefaultVersionUnlessOneIsNamed) {
  model::ClusterConfig config;
  config.metadata.name = "tide";
  EXPECT_EQ(control_plane_cost(config).version, "1.34");
  config.metadata.version = "1.31";
  EXPECT_EQ(control_plane_cost(config).size(Size::Minimum).per_hour, Money::micros(600'000));
}

}  // namespace
}  // namespace gputide::cluster
