#include "sim/asg_policy.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include <fmt/core.h>

#include "base/check.h"
#include "base/text.h"

namespace gputide::sim {
namespace {

using model::Market;

std::string ordinal(std::size_t n) {
  if (n == 1) return "the cheapest";
  if (n == 2) return "second cheapest";
  if (n == 3) return "third cheapest";
  return fmt::format("{}th cheapest", n);
}

std::size_t price_rank(std::span<const PoolChoice> pools, std::size_t chosen) {
  std::size_t rank = 1;
  for (std::size_t i = 0; i < pools.size(); ++i)
    if (std::tie(pools[i].price, pools[i].priority) <
        std::tie(pools[chosen].price, pools[chosen].priority))
      ++rank;
  return rank;
}

}  // namespace

std::string why_chosen(std::string_view strategy, std::int64_t spot_pools,
                       std::span<const PoolChoice> pools, std::size_t chosen, std::string_view zone,
                       std::span<const std::string> without_capacity) {
  const PoolChoice& pool = pools[chosen];
  const std::string what =
      fmt::format("{} at ${}/h in {}", pool.instance_type, pool.price.text(3), zone);
  std::string why;
  if (pools.size() == 1) {
    why = fmt::format("{}, the only choice", what);
  } else if (strategy == "prioritized") {
    why = fmt::format("prioritized: {} is number {} of {} in the list", what, pool.priority + 1,
                      pools.size());
  } else if (strategy == "capacity-optimized") {
    why = fmt::format("capacity-optimized: {} has the deepest of {} pools", what, pools.size());
  } else if (strategy == "capacity-optimized-prioritized") {
    why = fmt::format(
        "capacity-optimized-prioritized: {} comes first of the {} pools with enough "
        "capacity",
        what, pools.size());
  } else if (strategy == "price-capacity-optimized") {
    why = fmt::format(
        "price-capacity-optimized: {} is {} of {} pools, of those with capacity to "
        "spare",
        what, ordinal(price_rank(pools, chosen)), pools.size());
  } else if (strategy == "diversified") {
    why = fmt::format("diversified over {} pools: {}", pools.size(), what);
  } else {
    const std::size_t rank = price_rank(pools, chosen);
    const auto over = std::min<std::int64_t>(spot_pools, static_cast<std::int64_t>(pools.size()));
    const std::string how = over > 1 ? fmt::format(" over {} pools", over) : "";
    why = fmt::format("lowest-price{}: {} is {} of {}", how, what, ordinal(rank), pools.size());
    if (rank > 1 && without_capacity.empty())
      why += "; the cheaper pools have as many of ours already";
  }
  if (!without_capacity.empty())
    why += fmt::format("; no capacity for {}", join(without_capacity, ", "));
  return why;
}

namespace {

using Candidates = std::vector<std::size_t>;

// Keeps the candidates with the greatest key.
template <class Key>
void keep_greatest(Candidates& candidates, Key key) {
  if (candidates.empty()) return;
  auto best = key(candidates.front());
  for (const std::size_t i : candidates) best = std::max(best, key(i));
  std::erase_if(candidates, [&](std::size_t i) { return key(i) != best; });
}

std::optional<Market> market_above_share(std::span<const MemberView> members,
                                         const model::MixedInstancesPolicy& policy,
                                         std::int64_t desired_capacity) {
  std::int64_t on_demand = 0;
  std::int64_t spot = 0;
  for (const MemberView& member : members)
    (member.market == Market::Spot ? spot : on_demand) += member.weight;
  const MarketSplit target = cluster::split_capacity(policy.distribution, desired_capacity);
  if (on_demand > target.on_demand && on_demand - target.on_demand >= spot - target.spot)
    return Market::OnDemand;
  if (spot > target.spot) return Market::Spot;
  return std::nullopt;
}

void apply_allocation(std::span<const MemberView> members,
                      const model::MixedInstancesPolicy& policy, std::int64_t desired_capacity,
                      Candidates& candidates) {
  const auto market = market_above_share(members, policy, desired_capacity);
  if (market) {
    Candidates of_market = candidates;
    std::erase_if(of_market, [&](std::size_t i) { return members[i].market != *market; });
    if (!of_market.empty()) candidates = std::move(of_market);
  }
  const bool spot = members[candidates.front()].market == Market::Spot;
  const std::string& strategy = spot ? policy.distribution.spot_allocation_strategy
                                     : policy.distribution.on_demand_allocation_strategy;
  if (strategy == "prioritized" || strategy == "capacity-optimized-prioritized")
    keep_greatest(candidates, [&](std::size_t i) { return members[i].priority; });
  else if (strategy == "lowest-price" || strategy == "price-capacity-optimized")
    keep_greatest(candidates, [&](std::size_t i) { return members[i].price; });
}

}  // namespace

std::size_t choose_victim(std::span<const MemberView> members,
                          const model::MixedInstancesPolicy* policy, std::int64_t desired_capacity,
                          Instant now) {
  GPUTIDE_CHECK(!members.empty());
  std::map<std::string_view, std::int64_t> by_zone;
  for (const MemberView& member : members) ++by_zone[member.zone];
  Candidates candidates(members.size());
  std::iota(candidates.begin(), candidates.end(), std::size_t{0});
  keep_greatest(candidates, [&](std::size_t i) { return by_zone[members[i].zone]; });
  // Zones that tie: the first by name.
  std::string_view zone = members[candidates.front()].zone;
  for (const std::size_t i : candidates) zone = std::min(zone, members[i].zone);
  std::erase_if(candidates, [&](std::size_t i) { return members[i].zone != zone; });

  if (policy != nullptr) apply_allocation(members, *policy, desired_capacity, candidates);
  keep_greatest(candidates, [&](std::size_t i) { return -members[i].template_version; });
  constexpr std::int64_t kHour = Duration::hours(1).nanoseconds();
  keep_greatest(candidates,
                [&](std::size_t i) { return (now - members[i].launched).nanoseconds() % kHour; });
  return candidates.front();
}

}  // namespace gputide::sim
