// How a mixed instances group buys: which types, how much of which market, which pool first.
// Source: the Amazon EC2 Auto Scaling user guide (mixed instances groups, allocation strategies).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "model/aws.h"

namespace gputide::cluster {

/// The types that the group may launch, in order of priority.
std::vector<std::string> instance_types(const model::AutoScalingGroup& group,
                                        const model::LaunchTemplateData& launch);

/// The markets that the group buys in, on-demand first.
std::vector<model::Market> markets(const model::AutoScalingGroup& group);

struct MarketSplit {
  std::int64_t on_demand = 0;
  std::int64_t spot = 0;
};

/// How `capacity` is split: the base is on-demand, of what lies above it the percentage, rounded up
/// in favour of on-demand.
MarketSplit split_capacity(const model::InstancesDistributionPolicy& policy, std::int64_t capacity);

/// A pool that a launch may come from.
struct PoolChoice {
  std::string_view instance_type;
  std::int64_t priority = 0;  // place in the list of overrides, from 0
  Money price;                // an hour, per unit of capacity
  int depth = 3;              // how much capacity AWS sees: 0 none, 1 little, 2 enough, 3 plenty
  std::int64_t ours = 0;      // instances that the launcher has there already
};

/// The order in which a launch tries pools of one zone, as indexes. `spot_pools` counts for
/// lowest-price alone: instances spread evenly over that many of the cheapest; the others follow.
/// Unknown strategies are taken as lowest-price.
std::vector<std::size_t> rank_pools(std::string_view strategy, std::int64_t spot_pools,
                                    std::span<const PoolChoice> pools);

}  // namespace gputide::cluster
