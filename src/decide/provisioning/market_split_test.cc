#include "decide/provisioning/market_split.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/labels.h"

namespace gputide::provisioning {
namespace {

using rc::gen::inRange;

constexpr const char* kMarket = "karpenter.sh/capacity-type";

ProviderType type(const std::string& name, std::int64_t cores, std::int64_t spot,
                  std::int64_t on_demand) {
  ProviderType out;
  out.name = name;
  out.requirements.add(Requirement::in("node.kubernetes.io/instance-type", name));
  out.requirements.add(Requirement::in(labels::kZone, "a"));
  out.requirements.add(
      Requirement::make(kMarket, "In", std::vector<std::string>{"spot", "on-demand"}));
  out.offerings = {{"a", "spot", "", 0, Money::micros(spot), true},
                   {"a", "on-demand", "", 0, Money::micros(on_demand), true}};
  out.capacity =
      out.allocatable = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
  return out;
}

// A base, then a part of what lies above it in hundredths, rounded up.
std::vector<std::int64_t> split(std::int64_t base, std::int64_t percent, std::int64_t most) {
  std::vector<std::int64_t> out;
  for (std::int64_t n = 0; n <= most; ++n)
    out.push_back(std::min(base, n) + (std::max<std::int64_t>(n - base, 0) * percent + 99) / 100);
  return out;
}

// A node group of these types with a split, and pods of one core each.
ProvisionProblem group_of(std::vector<ProviderType> types, NodeGroup group, std::int64_t pods) {
  ProvisionProblem problem;
  problem.types = std::move(types);
  problem.pools.resize(1);
  problem.pools[0].metadata.name = "mixed";
  problem.pools[0].spec.limits["nodes"] = Quantity::from_value(std::ssize(group.on_demand) - 1);
  problem.pool_types.emplace_back();
  for (std::uint32_t t = 0; t < problem.types.size(); ++t) problem.pool_types[0].push_back(t);
  problem.node_groups = {std::move(group)};
  for (std::int64_t i = 0; i < pods; ++i) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata.name = "pod-" + std::to_string(i);
    pod->metadata.namespace_ = "default";
    pod->spec.edit().containers.resize(1);
    pod->spec.edit().containers[0].resources.requests["cpu"] = Quantity::from_value(1);
    problem.pods.push_back(std::move(pod));
  }
  return problem;
}

std::int64_t on_demand(const ProvisionPlan& plan) {
  return std::count_if(plan.machines.begin(), plan.machines.end(),
                       [](const auto& each) { return each.capacity_type == "on-demand"; });
}

TEST(MarketSplit, IsKeptAndPriced) {
  const auto plan = provision(group_of({type("t", 1, 100'000, 300'000)}, {0, split(2, 25, 10)}, 7));
  EXPECT_EQ(on_demand(plan), 4);  // 2, and 2 of 5
  EXPECT_EQ(plan.per_hour, Money::micros(4 * 300'000 + 3 * 100'000));
  EXPECT_LE(plan.lower_bound, plan.per_hour);
  EXPECT_GE(plan.lower_bound, Money::micros(7 * 200'000));  // of 6 nodes 3 would be on-demand
  EXPECT_LE(plan.certified, plan.lower_bound);
}

TEST(MarketSplit, CountsTheNodesThatTheGroupHas) {
  const auto plan = provision(group_of({type("t", 1, 100'000, 300'000)}, {2, split(2, 0, 10)}, 3));
  EXPECT_EQ(on_demand(plan), 0);
  EXPECT_EQ(plan.per_hour, Money::micros(300'000));
  EXPECT_EQ(plan.lower_bound, plan.per_hour);
}

// Two large nodes on demand cost less than four small ones, of which all must be on demand.
TEST(MarketSplit, DecidesWhatIsBought) {
  const std::vector<ProviderType> types = {type("small", 1, 100'000, 300'000),
                                           type("large", 2, 250'000, 400'000)};
  EXPECT_EQ(provision(group_of(types, {0, split(0, 0, 10)}, 4)).per_hour, Money::micros(400'000));
  const auto plan = provision(group_of(types, {0, split(10, 0, 10)}, 4));
  EXPECT_EQ(on_demand(plan), 2);
  EXPECT_EQ(plan.per_hour, Money::micros(800'000));
  EXPECT_EQ(plan.lower_bound, plan.per_hour);
}

// Pods that select spot keep the group from its split: then the bound does not count on it.
TEST(MarketSplit, ThatCannotBeKeptIsNotInTheBound) {
  ProvisionProblem problem = group_of({type("t", 1, 100'000, 300'000)}, {0, split(0, 50, 10)}, 4);
  for (auto& pod : problem.pods) {
    auto copy = std::make_shared<model::Pod>(*pod);
    copy->spec.edit().nodeSelector[kMarket] = "spot";
    pod = std::move(copy);
  }
  const auto plan = provision(problem);
  EXPECT_EQ(on_demand(plan), 0);
  EXPECT_EQ(plan.per_hour, Money::micros(400'000));
  EXPECT_EQ(plan.lower_bound, plan.per_hour);
}

// Where each pod takes a node the least price is known.
RC_GTEST_PROP(MarketSplit, CostsTheLeastOfItsSplitAndNoLessThanTheBound, ()) {
  const std::int64_t base = *inRange(0, 6), percent = *inRange(0, 100), has = *inRange(0, 5),
                     pods = *inRange(1, 12);
  std::vector<ProviderType> types;
  std::int64_t spot = 1'000'000, dear = 1'000'000;
  for (int t = *inRange(1, 4); t > 0; --t) {
    const std::int64_t price = *inRange(1'000, 500'000), more = *inRange(0, 400'000);
    types.push_back(type("t" + std::to_string(t), 1, price, price + more));
    spot = std::min(spot, price);
    dear = std::min(dear, price + more);
  }
  NodeGroup group{has, split(base, percent, 20)};
  const auto of = [&](std::int64_t n) { return group.on_demand[static_cast<std::size_t>(n)]; };
  const std::int64_t wanted = of(has + pods) - of(has);
  const auto plan = provision(group_of(types, group, pods));
  RC_ASSERT(plan.unplaced.empty());
  RC_ASSERT(on_demand(plan) >= wanted);
  RC_ASSERT(plan.lower_bound <= plan.per_hour);
  RC_ASSERT(plan.certified <= plan.lower_bound);
  const Money least = Money::micros(wanted * dear + (pods - wanted) * spot);
  RC_ASSERT(plan.lower_bound <= least);
  RC_ASSERT(plan.per_hour == least);
}

}  // namespace
}  // namespace gputide::provisioning
