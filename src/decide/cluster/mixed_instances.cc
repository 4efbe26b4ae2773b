#include "decide/cluster/mixed_instances.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace gputide::cluster {
namespace {

using model::Market;

// Capacity beyond "enough" does not count where price or priority also matter.
int enough(int depth) {
  return std::min(depth, 2);
}

void spread_over_cheapest(std::span<const PoolChoice> pools, std::int64_t spot_pools,
                          std::vector<std::size_t>& order) {
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(pools[a].price, pools[a].priority) <
           std::tie(pools[b].price, pools[b].priority);
  });
  const auto count = std::min(order.size(), static_cast<std::size_t>(spot_pools));
  std::stable_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count),
                   [&](std::size_t a, std::size_t b) { return pools[a].ours < pools[b].ours; });
}

}  // namespace

std::vector<std::string> instance_types(const model::AutoScalingGroup& group,
                                        const model::LaunchTemplateData& launch) {
  std::vector<std::string> types;
  if (group.mixed_instances_policy)
    for (const auto& each : group.mixed_instances_policy->overrides)
      if (!each.instance_type.empty()) types.push_back(each.instance_type);
  if (types.empty()) types.push_back(launch.instance_type);
  return types;
}

std::vector<Market> markets(const model::AutoScalingGroup& group) {
  if (!group.mixed_instances_policy) return {Market::OnDemand};
  const auto& how = group.mixed_instances_policy->distribution;
  if (how.on_demand_percentage_above_base == 100) return {Market::OnDemand};
  if (how.on_demand_percentage_above_base == 0 && how.on_demand_base_capacity == 0)
    return {Market::Spot};
  return {Market::OnDemand, Market::Spot};
}

MarketSplit split_capacity(const model::InstancesDistributionPolicy& policy,
                           std::int64_t capacity) {
  const std::int64_t base = std::min(policy.on_demand_base_capacity, capacity);
  const std::int64_t above = capacity - base;
  const std::int64_t on_demand = base + (above * policy.on_demand_percentage_above_base + 99) / 100;
  return {on_demand, capacity - on_demand};
}

std::vector<std::size_t> rank_pools(std::string_view strategy, std::int64_t spot_pools,
                                    std::span<const PoolChoice> pools) {
  std::vector<std::size_t> order(pools.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto sort_by = [&](auto key) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return key(pools[a]) < key(pools[b]); });
  };
  if (strategy == "prioritized")
    sort_by([](const PoolChoice& p) { return p.priority; });
  else if (strategy == "capacity-optimized")
    sort_by([](const PoolChoice& p) { return std::tuple(-p.depth, p.priority); });
  else if (strategy == "capacity-optimized-prioritized")
    sort_by([](const PoolChoice& p) { return std::tuple(-enough(p.depth), p.priority); });
  else if (strategy == "price-capacity-optimized")
    sort_by([](const PoolChoice& p) { return std::tuple(-enough(p.depth), p.price, p.priority); });
  else if (strategy == "diversified")
    sort_by([](const PoolChoice& p) { return std::tuple(p.ours, p.priority); });
  else
    spread_over_cheapest(pools, std::max<std::int64_t>(spot_pools, 1), order);
  return order;
}

}  // namespace gputide::cluster
