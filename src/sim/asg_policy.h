// The arithmetic of Auto Scaling groups: how much of which market, which zone, which pool, and who
// goes. Source: the Amazon EC2 Auto Scaling user guide (mixed instances groups, allocation
// strategies, default termination policy).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/aws.h"

namespace gputide::sim {

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

/// Why pool `chosen` was taken, for a person.
std::string why_chosen(std::string_view strategy, std::int64_t spot_pools,
                       std::span<const PoolChoice> pools, std::size_t chosen, std::string_view zone,
                       std::span<const std::string> without_capacity);

/// An instance that a group might end.
struct MemberView {
  std::string_view zone;
  model::Market market = model::Market::OnDemand;
  Money price;
  std::int64_t priority = 0;
  std::int64_t template_version = 0;
  std::int64_t weight = 1;
  Instant launched;
};

/// The default termination policy: in the zone with the most instances, of the market that is above
/// its share, what the allocation strategy wants least (`policy` absent: no such step), with the
/// oldest launch template, closest to its next billing hour, launched first. `members` must not be
/// empty.
std::size_t choose_victim(std::span<const MemberView> members,
                          const model::MixedInstancesPolicy* policy, std::int64_t desired_capacity,
                          Instant now);

}  // namespace gputide::sim
