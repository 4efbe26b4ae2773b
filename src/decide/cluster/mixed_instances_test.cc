#include "decide/cluster/mixed_instances.h"

#include <gtest/gtest.h>

namespace gputide::cluster {
namespace {

TEST(Split, IsAsAwsComputesIt) {
  const auto on_demand = [](std::int64_t base, std::int64_t percentage, std::int64_t capacity) {
    model::InstancesDistributionPolicy policy;
    policy.on_demand_base_capacity = base;
    policy.on_demand_percentage_above_base = percentage;
    const MarketSplit split = split_capacity(policy, capacity);
    EXPECT_EQ(split.on_demand + split.spot, capacity);
    return split.on_demand;
  };
  EXPECT_EQ(on_demand(0, 0, 10), 0);
  EXPECT_EQ(on_demand(0, 100, 10), 10);
  EXPECT_EQ(on_demand(0, 30, 10), 3);
  EXPECT_EQ(on_demand(0, 25, 10), 3);  // 2.5, in favour of on-demand
  EXPECT_EQ(on_demand(4, 50, 10), 7);
  EXPECT_EQ(on_demand(4, 0, 3), 3);  // the base comes first
}

const std::vector<PoolChoice> kPools = {{"big", 0, Money::micros(900), 3, 0},
                                        {"small", 1, Money::micros(300), 1, 0},
                                        {"middle", 2, Money::micros(600), 2, 0}};
using Order = std::vector<std::size_t>;

TEST(Strategies, OrderPools) {
  EXPECT_EQ(rank_pools("prioritized", 1, kPools), (Order{0, 1, 2}));
  EXPECT_EQ(rank_pools("lowest-price", 1, kPools), (Order{1, 2, 0}));
  EXPECT_EQ(rank_pools("capacity-optimized", 1, kPools), (Order{0, 2, 1}));
  EXPECT_EQ(rank_pools("capacity-optimized-prioritized", 1, kPools), (Order{0, 2, 1}));
  EXPECT_EQ(rank_pools("price-capacity-optimized", 1, kPools), (Order{2, 0, 1}));
  EXPECT_EQ(rank_pools("diversified", 1, kPools), (Order{0, 1, 2}));
}

TEST(Strategies, SpreadOverTheCheapestPools) {
  auto pools = kPools;
  pools[1].ours = 1;
  EXPECT_EQ(rank_pools("lowest-price", 2, pools), (Order{2, 1, 0}));
  pools[2].ours = 1;
  EXPECT_EQ(rank_pools("lowest-price", 2, pools), (Order{1, 2, 0}));
  EXPECT_EQ(rank_pools("lowest-price", 20, pools), (Order{0, 1, 2}));
}

}  // namespace
}  // namespace gputide::cluster
