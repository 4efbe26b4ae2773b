// What the spot market does to instances: herds taken back, notices, hints, prices.
#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "sim/ec2.h"

namespace gputide::sim {

using port::InstanceNotice;
using port::RecordKind;

namespace {

using Regime = CapacityPhase::Regime;

void shuffle(std::vector<std::uint32_t>& list, Rng& draws) {
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[draws.below(i)]);
}

std::string pool_name(const Pool& pool) {
  return fmt::format("{}/{}", pool.type->name, pool.zone);
}

}  // namespace

void Ec2::watch(Pool& pool) {
  if (pool.watched) return;
  pool.watched = true;
  pools_.look(pool, heap_.now());
  pool.told = pool.phase.regime;
  pool.told_price = pool.spot_price->at(heap_.now());
  plan_hint(pool);
  pool.wake_at = std::min(pool.phase.until, pool.spot_price->next_change(heap_.now()));
  if (pool.hint_at) pool.wake_at = std::min(pool.wake_at, *pool.hint_at);
  if (pool.wake_at != kNever)
    heap_.at(pool.wake_at, Priority::Cloud, *this,
             (static_cast<std::uint64_t>(Timer::PoolChanges) << 56) | pool.number);
}

void Ec2::pool_changes(Pool& pool) {
  pool.watched = false;
  if (pool.spot_instances.empty()) return;  // nobody looks: it costs nothing until somebody does
  const Instant now = heap_.now();
  if (pool.hint_at && *pool.hint_at <= now) hint(pool);
  pool.hint_at.reset();
  price_moves(pool);
  pools_.look(pool, now);
  herd(pool);
  const Regime told = pool.phase.regime;
  const Money price = pool.told_price;
  watch(pool);
  pool.told = told;
  pool.told_price = price;
}

// A hint goes out before one outage in two; how long before is random. An outage's draws follow
// from when it begins.
void Ec2::plan_hint(Pool& pool) {
  pool.hint_at.reset();
  if (pool.phase.regime != Regime::Full || pool.phase.until == kNever) return;
  Rng draws(options_.seed + static_cast<std::uint64_t>(pool.phase.until.nanoseconds()),
            "hint/" + pool_name(pool));
  const std::uint64_t kind = draws.below(100);
  if (kind < 50) return;
  const std::int64_t lead = kind < 85 ? draws.between(60, 600) : draws.between(600, 2400);
  const Instant at = pool.phase.until - Duration::seconds(lead);
  if (at > heap_.now()) pool.hint_at = at;
}

void Ec2::hint(Pool& pool) {
  const std::vector<Number> held = pool.spot_instances;
  for (const Number number : held) {
    Instance& instance = instances_[number];
    Rng draws = stream(instance, "hint");
    if (!instance.hinted && !instance.reclaim_at && draws.chance({4, 5})) recommend(instance);
  }
}

void Ec2::recommend(Instance& instance) {
  instance.hinted = true;
  tell(RecordKind::RebalanceRecommendation, fmt::format("instance {}", instance.id),
       fmt::format("AWS expects to take back {} in {} sooner than others", instance.type->name,
                   instance.zone),
       {{"instance", instance.id}});
  listener_.instance_notice(
      {InstanceNotice::Kind::RebalanceRecommendation, instance.id, std::nullopt, {}});
  if (instance.group_number == kNone) return;
  Group& group = groups_[instance.group_number];
  if (group.facts.capacity_rebalance) wake(group, Duration::seconds(2));
}

void Ec2::price_moves(Pool& pool) {
  const Money price = pool.spot_price->at(heap_.now());
  if (price == pool.told_price) return;
  tell(RecordKind::PriceChanged, fmt::format("pool {}", pool_name(pool)),
       fmt::format("spot {} in {} is ${}/h now, was ${}", pool.type->name, pool.zone, price.text(4),
                   pool.told_price.text(4)),
       {{"type", pool.type->name},
        {"zone", pool.zone},
        {"market", "spot"},
        {"price_micros", price.micros()}});
  pool.told_price = price;
  std::vector<Number> too_dear;
  for (const Number number : pool.spot_instances)
    if (const Instance& instance = instances_[number];
        instance.max_price && *instance.max_price < price && !instance.reclaim_at)
      too_dear.push_back(number);
  Rng draws(options_.seed, fmt::format("too-dear/{}/{}", pool_name(pool), pool.reclaims++));
  take_back(too_dear, EndReason::SpotInterruption, draws);
}

void Ec2::herd(Pool& pool) {
  std::vector<Number> held;
  for (const Number number : pool.spot_instances)
    if (!instances_[number].reclaim_at) held.push_back(number);
  const auto count = static_cast<std::int64_t>(held.size());
  const std::int64_t taken = std::max<std::int64_t>(0, count - std::min(pool.limit, count));
  if (pool.phase.regime != pool.told) {
    const std::string means =
        pool.phase.regime == Regime::Full ? std::string("there is capacity again")
        : taken == 0                      ? std::string("ours may stay")
                     : fmt::format("AWS takes back {} of our {}", taken, count);
    tell(RecordKind::CapacityChanged, fmt::format("pool {}", pool_name(pool)),
         fmt::format("spot capacity of {} in {}: {}; {}", pool.type->name, pool.zone,
                     regime_name(pool.phase.regime), means),
         {{"type", pool.type->name},
          {"zone", pool.zone},
          {"regime", regime_name(pool.phase.regime)},
          {"capacity", pool.limit == INT64_MAX ? std::int64_t{-1} : pool.limit}});
    pool.told = pool.phase.regime;
  }
  if (taken == 0) return;
  Rng draws(options_.seed, fmt::format("reclaim/{}/{}", pool_name(pool), pool.reclaims++));
  shuffle(held, draws);
  held.resize(static_cast<std::size_t>(taken));
  take_back(held, EndReason::SpotInterruption, draws);
}

void Ec2::take_back(const std::vector<Number>& victims, EndReason reason, Rng& draws) {
  for (const Number number : victims) {
    Instance& instance = instances_[number];
    Duration delay;  // a scenario's interruption comes at once
    if (reason == EndReason::SpotInterruption)
      delay = Duration::milliseconds(draws.chance({92, 100}) ? draws.between(0, 180'000)
                                                             : draws.between(180'000, 600'000));
    instance.reclaim_at = heap_.now() + delay;
    instance.reason = reason;
    ++awaited_;
    set_timer(delay, Timer::Notice, number);
  }
}

void Ec2::notice(Instance& instance) {
  if (!alive(instance)) {
    --awaited_;
    return;
  }
  Rng draws = stream(instance, "notice");
  const std::uint64_t kind = draws.below(100);
  std::int64_t seconds = 120;
  if (instance.reason == EndReason::SpotInterruption && kind >= 97)
    seconds = kind == 99 ? 0 : draws.between(5, 115);
  set_timer(Duration::seconds(seconds), Timer::Reclaim, instance.number);
  if (seconds == 0) return;  // best effort: this one comes without
  instance.ends_at = heap_.now() + Duration::seconds(seconds);
  tell(RecordKind::SpotNotice, fmt::format("instance {}", instance.id),
       fmt::format("AWS takes back {} in {} in {} seconds", instance.type->name, instance.zone,
                   seconds),
       {{"instance", instance.id}, {"ends_in_seconds", seconds}});
  if (!instance.hinted) {  // the recommendation comes together with the notice
    instance.hinted = true;
    listener_.instance_notice(
        {InstanceNotice::Kind::RebalanceRecommendation, instance.id, std::nullopt, {}});
  }
  listener_.instance_notice(
      {InstanceNotice::Kind::SpotInterruption, instance.id, instance.ends_at, {}});
}

void Ec2::interrupt(const std::string& zone, const std::string& instance_type, double fraction) {
  std::vector<Number> matching;
  for (const Number number : live_) {
    const Instance& instance = instances_[number];
    if (alive(instance) && instance.market == model::Market::Spot && !instance.reclaim_at &&
        (zone.empty() || instance.zone == zone) &&
        (instance_type.empty() || instance.type->name == instance_type))
      matching.push_back(number);
  }
  const double wanted = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(matching.size());
  Rng draws(options_.seed, fmt::format("scenario-interrupt/{}", scenario_interruptions_++));
  shuffle(matching, draws);
  matching.resize(static_cast<std::size_t>(std::llround(wanted)));
  take_back(matching, EndReason::Scenario, draws);
}

}  // namespace gputide::sim
