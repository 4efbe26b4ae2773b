#include "decide/provisioning/pool_cost.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "decide/provisioning/node_ask.h"
#include "model/labels.h"

namespace gputide::provisioning {
namespace {

using labels::kCapacityType;
using labels::kZone;

bool within_limits(const model::NodePool& pool, const ProviderType& type) {
  return std::all_of(pool.spec.limits.begin(), pool.spec.limits.end(), [&](const auto& limit) {
    return limit_use(type, limit.first) <= amount(limit.first, limit.second);
  });
}

// A choice with its type.
struct Offered {
  const ProviderType* type;
  Money price;
};

// The most that `limit` units can cost; nullopt: some choice takes nothing of it.
std::optional<Money> most_of(const std::string& name, std::int64_t limit,
                             const std::vector<Offered>& offered) {
  Money most;
  for (const Offered& each : offered) {
    const std::int64_t use = limit_use(*each.type, name);
    if (use <= 0 && each.price > Money()) return std::nullopt;
    if (use <= 0) continue;
    const __int128 cost = static_cast<__int128>(each.price.micros()) * limit / use;
    constexpr __int128 kMost = std::numeric_limits<std::int64_t>::max() / 4;
    most = std::max(most, Money::micros(static_cast<std::int64_t>(std::min(cost, kMost))));
  }
  return most;
}

// As many nodes as it says, whatever pods there are: of its cheapest choice.
void add_replicas(const model::NodePool& pool, pricing::CostLine& line) {
  std::int64_t nodes = std::max<std::int64_t>(*pool.spec.replicas, 0);
  const auto limit = pool.spec.limits.find("nodes");
  if (limit != pool.spec.limits.end()) nodes = std::min(nodes, limit->second.value());
  pricing::Instances each;
  each.nodes.fill(nodes);
  if (!line.choices.empty()) {
    const pricing::Choice& cheapest = line.choices.front();
    each.type = cheapest.type;
    each.market = cheapest.market;
    each.price = cheapest.price;
  }
  line.instances.push_back(std::move(each));
  pricing::add_up(line);
}

}  // namespace

pricing::CostLine node_pool_cost(const model::NodePool& pool, std::span<const ProviderType> types) {
  pricing::CostLine line;
  line.kind = pricing::CostLine::Kind::NodePool;
  line.name = pool.metadata.name;
  const Requirements asked = template_requirements(pool);
  std::vector<Offered> offered;
  std::vector<pricing::Choice> reserved;
  for (const ProviderType& type : types) {
    if (!type.requirements.intersects(asked) || !within_limits(pool, type)) continue;
    for (const ProviderType::Offering& each : type.offerings) {
      if (!each.available || !asked.get(kZone).has(each.zone) ||
          !asked.get(kCapacityType).has(each.capacity_type))
        continue;
      if (!each.reservation_id.empty()) {
        if (each.reservation_capacity > 0)
          reserved.push_back({type.name, each.capacity_type, each.price});
        continue;
      }
      line.choices.push_back({type.name, each.capacity_type, each.price});
      offered.push_back({&type, each.price});
    }
  }
  if (line.choices.empty()) line.choices = std::move(reserved);
  pricing::sort_choices(line.choices);
  if (pool.spec.replicas) {
    add_replicas(pool, line);
    return line;
  }
  std::optional<Money> most;
  for (const auto& [name, limit] : pool.spec.limits)
    if (const auto cost = most_of(name, amount(name, limit), offered))
      most = most ? std::min(*most, *cost) : *cost;
  pricing::SizeCost& greatest = line.size(pricing::Size::Maximum);
  greatest.at_most = most.has_value() && !offered.empty();
  greatest.unlimited = !most && !offered.empty();
  if (most) greatest.per_hour = *most;
  return line;
}

}  // namespace gputide::provisioning
