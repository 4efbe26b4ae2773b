#include "decide/provisioning/pool_cost.h"

#include <gtest/gtest.h>

#include "decide/provisioning/ec2_types.h"

namespace gputide::provisioning {
namespace {

using pricing::CostLine;
using pricing::Size;

// The types that AWS sells, at prices of our own for two of them.
std::vector<ProviderType> types_for_sale() {
  const auto catalogue = pricing::Catalogue::builtin()
                             .with_on_demand("us-west-2", "g5.xlarge", Money::micros(1'000'000))
                             .with_on_demand("us-west-2", "g5.2xlarge", Money::micros(1'200'000));
  return ec2_types(catalogue, "us-west-2", {"us-west-2a", "us-west-2b"});
}

model::NodePool pool(std::vector<std::string> names, model::ResourceList limits) {
  model::NodePool pool;
  pool.metadata.name = "gpu";
  pool.spec.template_.spec.requirements = {
      {"node.kubernetes.io/instance-type", "In", std::move(names), {}},
      {"karpenter.sh/capacity-type", "In", {"on-demand"}, {}}};
  pool.spec.limits = std::move(limits);
  return pool;
}

TEST(NodePools, CostNothingUntilPodsCome) {
  const CostLine line = node_pool_cost(pool({"g5.xlarge"}, {}), types_for_sale());
  EXPECT_EQ(line.size(Size::Minimum), pricing::SizeCost());
  EXPECT_EQ(line.size(Size::Desired), pricing::SizeCost());
  EXPECT_TRUE(line.size(Size::Maximum).unlimited);
  ASSERT_EQ(line.choices.size(), 1u);  // both zones ask the same
  EXPECT_EQ(line.choices[0].price, Money::micros(1'000'000));
}

TEST(NodePools, CostAtMostWhatTheTightestLimitAllows) {
  const auto cost = [](const model::ResourceList& limits) {
    return node_pool_cost(pool({"g5.xlarge", "g5.2xlarge"}, limits), types_for_sale())
        .size(Size::Maximum);
  };
  // Eight of 4 cores at $1, or four of 8 cores at $1.20.
  EXPECT_EQ(cost({{"cpu", Quantity::from_value(32)}}).per_hour, Money::dollars(8));
  EXPECT_TRUE(cost({{"cpu", Quantity::from_value(32)}}).at_most);
  EXPECT_EQ(cost({{"cpu", Quantity::from_value(32)}, {"nvidia.com/gpu", Quantity::from_value(5)}})
                .per_hour,
            Money::micros(6'000'000));
  EXPECT_EQ(cost({{"nodes", Quantity::from_value(3)}}).per_hour, Money::micros(3'600'000));
}

// What is reserved is paid for, used or not: it is no price of the pool's, unless it has no other.
TEST(NodePools, AreNotPricedByReservations) {
  std::vector<ProviderType> all = types_for_sale();
  for (ProviderType& type : all)
    if (type.name == "g5.xlarge")
      type.offerings.push_back({"us-west-2a", "reserved", "cr-1", 2, Money(), true});
  model::NodePool any = pool({"g5.xlarge"}, {});
  any.spec.template_.spec.requirements.pop_back();
  for (const pricing::Choice& choice : node_pool_cost(any, all).choices)
    EXPECT_NE(choice.market, "reserved");
  model::NodePool only = pool({"g5.xlarge"}, {});
  only.spec.template_.spec.requirements.back().values = {"reserved"};
  for (ProviderType& type : all) type.requirements.erase("karpenter.sh/capacity-type");
  const CostLine line = node_pool_cost(only, all);
  ASSERT_EQ(line.choices.size(), 1u);
  EXPECT_EQ(line.choices[0].price, Money());
}

TEST(NodePools, WithReplicasCostTheseWhateverPodsThereAre) {
  model::NodePool kept = pool({"g5.xlarge", "g5.2xlarge"}, {});
  kept.spec.replicas = 3;
  for (const Size size : pricing::kSizes) {
    const pricing::SizeCost cost = node_pool_cost(kept, types_for_sale()).size(size);
    EXPECT_EQ(cost.nodes, 3);
    EXPECT_EQ(cost.per_hour, Money::dollars(3));
    EXPECT_FALSE(cost.at_most || cost.unlimited);
  }
  kept.spec.limits = {{"nodes", Quantity::from_value(2)}};
  EXPECT_EQ(node_pool_cost(kept, types_for_sale()).size(Size::Maximum).per_hour, Money::dollars(2));
  EXPECT_EQ(node_pool_cost(kept, {}).size(Size::Desired).unpriced, 2);
}

TEST(NodePools, DoNotBuyWhatExceedsALimitAlone) {
  const CostLine line = node_pool_cost(
      pool({"g5.xlarge", "g5.2xlarge"}, {{"cpu", Quantity::from_value(7)}}), types_for_sale());
  ASSERT_EQ(line.choices.size(), 1u);
  EXPECT_EQ(line.choices[0].type, "g5.xlarge");
  const CostLine none = node_pool_cost(
      pool({"g5.xlarge", "g5.2xlarge"}, {{"cpu", Quantity::from_value(3)}}), types_for_sale());
  EXPECT_TRUE(none.choices.empty());
  EXPECT_EQ(none.size(Size::Maximum), pricing::SizeCost());
}

// A limit on GPUs does not limit machines without them.
TEST(NodePools, AreUnlimitedWhereAChoiceUsesNothingOfALimit) {
  const CostLine line =
      node_pool_cost(pool({"g5.xlarge", "m5.large"}, {{"nvidia.com/gpu", Quantity::from_value(4)}}),
                     types_for_sale());
  EXPECT_TRUE(line.size(Size::Maximum).unlimited);
}

}  // namespace
}  // namespace gputide::provisioning
