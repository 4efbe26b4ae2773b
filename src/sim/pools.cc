#include "sim/pools.h"

#include <algorithm>

#include <fmt/core.h>

namespace gputide::sim {

using model::Market;

namespace {
using Regime = CapacityPhase::Regime;
}

PoolTable::PoolTable(const pricing::Catalogue& catalogue, std::uint64_t seed, Instant start,
                     const MarketOptions& options)
    : catalogue_(catalogue),
      seed_(seed),
      start_(start),
      calm_(options.kind == MarketOptions::Kind::Calm),
      model_(seed, start, options) {}

Pool* PoolTable::get(std::string_view type, std::string_view zone) {
  if (const auto of_type = by_name_.find(type); of_type != by_name_.end())
    if (const auto found = of_type->second.find(zone); found != of_type->second.end())
      return found->second;
  const model::InstanceType* known = catalogue_.find(type);
  if (known == nullptr) return nullptr;
  auto pool = make(*known, zone);
  pool->number = static_cast<std::uint32_t>(pools_.size());
  Pool* made = pools_.emplace_back(std::move(pool)).get();
  by_name_[std::string(type)].emplace(zone, made);
  return made;
}

std::unique_ptr<Pool> PoolTable::make(const model::InstanceType& type,
                                      std::string_view zone) const {
  auto pool = std::make_unique<Pool>();
  pool->type = &type;
  pool->zone = zone;
  pool->region = pricing::region_of_zone(zone);
  const PoolFacts facts{type.name,
                        pool->zone,
                        pool->region,
                        catalogue_.interruption_class(pool->region, type.name)
                            .value_or(type.visible_gpus() > 0 ? 4 : 2),
                        type.visible_gpus(),
                        type.vcpu};
  const auto listed = catalogue_.on_demand(pool->region, type.name);
  if (listed) {
    pool->on_demand_price = std::make_unique<PriceProcess>(start_, listed->per_hour);
    pool->on_demand_capacity = model_.on_demand(facts);
  }
  if (const auto spot = catalogue_.spot(pool->region, zone, type.name)) {
    pool->spot_price =
        calm_ ? std::make_unique<PriceProcess>(start_, spot->per_hour)
              : std::make_unique<PriceProcess>(
                    start_, spot->per_hour, listed ? listed->per_hour : spot->per_hour * 2,
                    Rng(seed_, fmt::format("price/{}/{}", type.name, zone)));
    pool->spot_capacity = model_.spot(facts);
    pool->told_price = pool->spot_price->at(start_);
  }
  pool->phase.until = Instant::from_nanoseconds(INT64_MIN);
  return pool;
}

bool PoolTable::look(Pool& pool, Instant now) const {
  if (!pool.spot_capacity) return false;
  const CapacityPhase& phase = pool.spot_capacity->at(now);
  if (phase.until == pool.phase.until && phase.regime == pool.phase.regime) return false;
  const Regime before = pool.phase.regime;
  const std::int64_t limit_before = pool.limit;
  pool.phase = phase;
  switch (phase.regime) {
    case Regime::Full:
      pool.limit = INT64_MAX;
      break;
    case Regime::None:
      pool.limit = 0;
      break;
    case Regime::Partial: {
      const auto held = static_cast<std::int64_t>(pool.spot_instances.size());
      pool.limit = std::max(phase.slots, held * phase.keep_permille / 1000);
      break;
    }
  }
  return phase.regime != before || pool.limit != limit_before;
}

bool PoolTable::has_capacity(Pool& pool, Market market, Instant now) const {
  if (market == Market::OnDemand)
    return pool.on_demand_capacity && pool.on_demand_capacity->at(now).regime == Regime::Full;
  if (!pool.spot_capacity) return false;
  look(pool, now);
  return static_cast<std::int64_t>(pool.spot_instances.size()) < pool.limit;
}

int PoolTable::depth(Pool& pool, Instant now) const {
  if (!pool.spot_capacity) return 0;
  look(pool, now);
  if (pool.phase.regime == Regime::None) return 0;
  if (pool.phase.regime == Regime::Partial) return 1;
  if (calm_) return 3;
  // What lies ahead, blurred: in three hours of ten the view is one step off.
  const Duration ahead = pool.phase.until - now;
  int depth = ahead < Duration::minutes(20) ? 1 : ahead < Duration::hours(3) ? 2 : 3;
  const std::int64_t hour = (now - start_).whole_seconds() / 3600;
  Rng blur(seed_ + static_cast<std::uint64_t>(hour),
           fmt::format("depth/{}/{}", pool.type->name, pool.zone));
  const std::uint64_t off = blur.below(20);
  if (off < 3) ++depth;
  if (off >= 17) --depth;
  return std::clamp(depth, 1, 3);
}

}  // namespace gputide::sim
