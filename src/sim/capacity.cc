#include "sim/capacity.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/check.h"
#include "sim/spot_price.h"

namespace gputide::sim {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

using Regime = CapacityPhase::Regime;

class Plenty final : public CapacityProcess {
 public:
  const CapacityPhase& at(Instant) override { return phase_; }

 private:
  CapacityPhase phase_{kNever, Regime::Full, 0, 0};
};

// What an outage does to a pool: half of them take everything at once, some a part first, some only
// a part. Calibrated to the drops of the 16-instance traces (market_test.cc).
struct Outage {
  Instant since = Instant::from_nanoseconds(INT64_MIN);  // which outage of its cause
  Instant partial_until;
  std::int64_t keep_permille = 0;
  std::int64_t slots = 0;
};

Outage draw_outage(Rng rng, Instant from, Instant until) {
  Outage outage{from, from, 0, 0};
  const std::uint64_t kind = rng.below(100);
  if (kind < 50) return outage;
  outage.keep_permille = rng.between(200, 940);
  outage.slots = rng.between(0, 3);
  outage.partial_until = kind < 82 ? from + (until - from) / 4 : until;
  return outage;
}

class Layered final : public CapacityProcess {
 public:
  Layered(Alternating own, Alternating& regional, Alternating& global, std::uint64_t seed,
          const std::string& name)
      : own_(own),
        layers_{{{&own_, name + "/own-depth", {}},
                 {&regional, name + "/regional-depth", {}},
                 {&global, name + "/global-depth", {}}}},
        seed_(seed) {}

  const CapacityPhase& at(Instant now) override {
    if (now < phase_.until) return phase_;
    phase_ = {kNever, Regime::Full, INT64_MAX, 1000};
    for (Layer& layer : layers_) {
      layer.cause->advance(now);
      phase_.until = std::min(phase_.until, layer.cause->until());
      if (!layer.cause->up()) worsen(layer, now);
    }
    return phase_;
  }

 private:
  struct Layer {
    Alternating* cause;
    std::string depth;
    Outage outage;
  };

  void worsen(Layer& layer, Instant now) {
    const Instant since = layer.cause->since();
    // An outage's depth follows from when it began: it is the same whoever looks, and when.
    if (layer.outage.since != since)
      layer.outage =
          draw_outage(Rng(seed_ + static_cast<std::uint64_t>(since.nanoseconds()), layer.depth),
                      since, layer.cause->until());
    const Outage& outage = layer.outage;
    if (now >= outage.partial_until) {
      phase_ = {phase_.until, Regime::None, 0, 0};
    } else if (phase_.regime != Regime::None) {
      phase_ = {std::min(phase_.until, outage.partial_until), Regime::Partial,
                std::min(phase_.slots, outage.slots),
                std::min(phase_.keep_permille, outage.keep_permille)};
    }
  }

  Alternating own_;
  std::array<Layer, 3> layers_;
  std::uint64_t seed_;
  CapacityPhase phase_{Instant::from_nanoseconds(INT64_MIN), Regime::Full, 0, 0};
};

// One Alternating alone.
class Simple final : public CapacityProcess {
 public:
  explicit Simple(Alternating process) : process_(process) {}
  const CapacityPhase& at(Instant now) override {
    process_.advance(now);
    phase_ = {process_.until(), process_.up() ? Regime::Full : Regime::None, 0, 0};
    return phase_;
  }

 private:
  Alternating process_;
  CapacityPhase phase_;
};

class Replayed final : public CapacityProcess {
 public:
  Replayed(std::shared_ptr<const SpotTraces> owner, const SpotTrace& trace, Instant start)
      : owner_(std::move(owner)), trace_(trace) {
    enter(start);
  }

  const CapacityPhase& at(Instant now) override {
    while (phase_.until <= now) {
      next_ = (next_ + 1) % trace_.runs.size();  // after its end, the trace begins anew
      enter(phase_.until);
    }
    return phase_;
  }

 private:
  void enter(Instant from) {
    const auto [value, gaps] = trace_.runs[next_];
    phase_.until = from + Duration::seconds(gaps * trace_.gap_seconds);
    phase_.regime = value <= 0             ? Regime::None
                    : value < trace_.nodes ? Regime::Partial
                                           : Regime::Full;
    phase_.slots = value;
    phase_.keep_permille = 0;
  }

  std::shared_ptr<const SpotTraces> owner_;
  const SpotTrace& trace_;
  std::size_t next_ = 0;
  CapacityPhase phase_;
};

const SpotTrace* find_trace(const SpotTraces& traces, const PoolFacts& pool) {
  for (const SpotTrace& trace : traces.traces)
    if (trace.instance_type == pool.instance_type && trace.zone == pool.zone) return &trace;
  return nullptr;
}

// Popular regions run short more often, and for longer: odds of being down and mean length of an
// outage, against us-west-2. From the same measurements: p3.2xlarge was available 0.88-0.90 of the
// time in us-west-2, 0.68-0.76 in us-east-2, 0.17-0.59 in us-east-1. Other regions are assumed to
// lie between.
struct RegionTraits {
  std::int64_t odds_percent = 200;
  std::int64_t down_percent = 140;
};

RegionTraits traits_of(std::string_view region) {
  if (region == "us-west-2") return {100, 100};
  if (region == "us-east-1") return {950, 180};
  if (region == "us-east-2") return {280, 190};
  return {};
}

}  // namespace

std::string_view regime_name(Regime regime) {
  switch (regime) {
    case Regime::Full:
      return "full";
    case Regime::Partial:
      return "partial";
    case Regime::None:
      return "none";
  }
  return "";
}

Alternating::Alternating(const Alternation& kind, Instant start, Rng stream)
    : kind_(kind), stream_(stream), since_(start) {
  GPUTIDE_CHECK(kind.down_ppm >= 0 && kind.down_ppm < kMillion);
  if (kind_.down_ppm == 0) {
    until_ = kNever;
    return;
  }
  up_ = !stream_.chance({static_cast<std::uint64_t>(kind_.down_ppm), kMillion});
  until_ = start + (up_ ? draw_residual(stream_, kind_.up_spread, mean_up())
                        : draw_residual(stream_, kind_.down_spread, kind_.mean_down));
}

Duration Alternating::mean_up() const {
  const __int128 up = static_cast<__int128>(kind_.mean_down.nanoseconds()) *
                      (kMillion - kind_.down_ppm) / kind_.down_ppm;
  return Duration::nanoseconds(static_cast<std::int64_t>(up));
}

void Alternating::advance(Instant now) {
  while (until_ <= now) {
    up_ = !up_;
    since_ = until_;
    until_ += std::max(Duration::seconds(20),
                       up_ ? draw_duration(stream_, kind_.up_spread, mean_up())
                           : draw_duration(stream_, kind_.down_spread, kind_.mean_down));
  }
}

CapacityModel::CapacityModel(std::uint64_t seed, Instant start, MarketOptions options)
    : seed_(seed), start_(start), options_(std::move(options)) {}

Alternating& CapacityModel::shared(const std::string& name, const Alternation& kind) {
  std::unique_ptr<Alternating>& process = shared_[name];
  if (!process) process = std::make_unique<Alternating>(kind, start_, Rng(seed_, name));
  return *process;
}

std::unique_ptr<CapacityProcess> CapacityModel::spot(const PoolFacts& pool) {
  if (options_.kind == MarketOptions::Kind::Calm) return std::make_unique<Plenty>();
  if (options_.kind == MarketOptions::Kind::Replay && options_.traces)
    if (const SpotTrace* trace = find_trace(*options_.traces, pool))
      return std::make_unique<Replayed>(options_.traces, *trace, start_);
  const SpotModel model = spot_model(pool, seed_);
  const std::string own = fmt::format("capacity/{}/{}", pool.instance_type, pool.zone);
  return std::make_unique<Layered>(
      Alternating(model.own, start_, Rng(seed_, own)),
      shared(fmt::format("capacity/{}/region/{}", pool.instance_type, pool.region), model.regional),
      shared(fmt::format("capacity/{}/everywhere", pool.instance_type), model.global), seed_,
      own + "/depth");
}

std::unique_ptr<CapacityProcess> CapacityModel::on_demand(const PoolFacts& pool) {
  if (options_.kind == MarketOptions::Kind::Calm || pool.gpus == 0)
    return std::make_unique<Plenty>();
  const std::int64_t down = pool.gpus >= 8 ? 150'000 : pool.gpus > 1 ? 50'000 : 20'000;
  const Alternation kind{down, Duration::hours(1), Spread::Moderate, Spread::Wide};
  return std::make_unique<Simple>(Alternating(
      kind, start_, Rng(seed_, fmt::format("on-demand/{}/{}", pool.instance_type, pool.zone))));
}

namespace {

// In parts per million of the time.
struct Outages {
  std::int64_t down_ppm;
  Duration mean_down;
  Spread up_spread;
};

Outages by_hazard(std::int64_t hours_between, Spread spread) {
  return {kMillion / (2 * hours_between), Duration::minutes(30), spread};
}

Outages outages(const PoolFacts& pool) {
  switch (pool.interruption_class) {
    case 0:
      return by_hazard(26'000, Spread::Moderate);
    case 1:
      return by_hazard(8'400, Spread::Moderate);
    case 2:
      return by_hazard(4'800, Spread::Moderate);
    case 3:
      return by_hazard(3'300, Spread::Moderate);
    default:
      break;
  }
  if (pool.gpus == 0 && pool.vcpus < 64) return by_hazard(1'650, Spread::Moderate);
  if (pool.gpus == 0) return {180'000, Duration::minutes(21), Spread::Wide};
  const std::int64_t down = pool.gpus >= 8 ? 590'000 : pool.gpus > 1 ? 330'000 : 135'000;
  const std::int64_t odds = down * traits_of(pool.region).odds_percent / 100;
  const std::int64_t scaled = odds * kMillion / (odds + kMillion - down);
  // There outages are also longer; large machines come and go faster.
  const std::int64_t minutes = pool.gpus >= 8 ? 32 : 50;
  const Duration mean_down = Duration::minutes(minutes * traits_of(pool.region).down_percent / 100);
  return {scaled, mean_down, Spread::VeryWide};
}

}  // namespace

SpotModel spot_model(const PoolFacts& pool, std::uint64_t seed) {
  // What pools share must not depend on who asks first: the global cause is as in the calmest
  // region, the regional one as in a middling zone of the region; the pool's own makes up the rest.
  PoolFacts anywhere = pool;
  anywhere.region = "us-west-2";
  const Outages base = outages(anywhere);
  const Outages region = outages(pool);
  std::int64_t down = region.down_ppm;
  if (pool.interruption_class >= 4) {
    // Zones differ: the odds of being down are 0.8 to 1.25 times the region's.
    Rng zone(seed, fmt::format("zone-odds/{}/{}", pool.instance_type, pool.zone));
    const std::int64_t odds = down * zone.between(80, 125) / 100;
    down = odds * kMillion / (odds + kMillion - down);
  }
  // With R the shared and O the own part of being down, (1-O)(1-R) is the availability a, and two
  // zones of a region are down together with correlation (1-O) R / (1-a). That is 0.55 here: an
  // outage may be partial in one zone and total in the other, so what a customer sees of it is 0.4.
  const auto shared_part = [](const Outages& of) {
    return 55 * of.down_ppm * kMillion / (100 * (kMillion - of.down_ppm) + 55 * of.down_ppm);
  };
  const std::int64_t global = shared_part(base) * 2 / 5;
  const std::int64_t regional = (shared_part(region) - global) * kMillion / (kMillion - global);
  const std::int64_t without_own = (kMillion - global) * (kMillion - regional) / kMillion;
  const std::int64_t own =
      std::max<std::int64_t>(0, kMillion - (kMillion - down) * kMillion / without_own);
  return {{own, region.mean_down, region.up_spread, Spread::Wide},
          {regional, region.mean_down, region.up_spread, Spread::Wide},
          {global, base.mean_down, base.up_spread, Spread::Wide}};
}

}  // namespace gputide::sim
