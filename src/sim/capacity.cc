#include "sim/capacity.h"

#include <algorithm>

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

// What one outage of a pool's own does: most take everything, some a part first, few only a part.
struct Outage {
  Instant partial_until;  // at its start: no partial phase
  std::int64_t keep_permille = 0;
  std::int64_t slots = 0;
};

Outage draw_outage(Rng& rng, Instant from, Instant until) {
  Outage outage{from, 0, 0};
  const std::uint64_t kind = rng.below(100);
  if (kind < 60) return outage;
  outage.keep_permille = rng.between(60, 940);
  outage.slots = rng.between(0, 3);
  outage.partial_until = kind < 85 ? from + (until - from) / 4 : until;
  return outage;
}

class Layered final : public CapacityProcess {
 public:
  Layered(Alternating own, Alternating& regional, Alternating& global, std::uint64_t seed,
          std::string depth)
      : own_(std::move(own)),
        regional_(regional),
        global_(global),
        seed_(seed),
        depth_(std::move(depth)) {}

  const CapacityPhase& at(Instant now) override {
    if (now < phase_.until) return phase_;
    own_.advance(now);
    regional_.advance(now);
    global_.advance(now);
    if (!own_.up() && own_.since() != drawn_for_) draw();
    phase_ = combined(now);
    return phase_;
  }

 private:
  // An outage's depth follows from when it began: it is the same whoever looks, and when.
  void draw() {
    drawn_for_ = own_.since();
    Rng rng(seed_ + static_cast<std::uint64_t>(own_.since().nanoseconds()), depth_);
    outage_ = draw_outage(rng, own_.since(), own_.until());
  }

  CapacityPhase combined(Instant now) const {
    CapacityPhase phase;
    phase.until = std::min({own_.until(), regional_.until(), global_.until()});
    if (!regional_.up() || !global_.up()) {
      phase.regime = Regime::None;
    } else if (own_.up()) {
      phase.regime = Regime::Full;
    } else if (now < outage_.partial_until) {
      phase.regime = Regime::Partial;
      phase.slots = outage_.slots;
      phase.keep_permille = outage_.keep_permille;
      phase.until = std::min(phase.until, outage_.partial_until);
    } else {
      phase.regime = Regime::None;
    }
    return phase;
  }

  Alternating own_;
  Alternating& regional_;
  Alternating& global_;
  std::uint64_t seed_;
  std::string depth_;
  Outage outage_;
  Instant drawn_for_ = Instant::from_nanoseconds(INT64_MIN);
  CapacityPhase phase_{Instant::from_nanoseconds(INT64_MIN), Regime::Full, 0, 0};
};

// One Alternating alone.
class Simple final : public CapacityProcess {
 public:
  explicit Simple(Alternating process) : process_(std::move(process)) {}
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

// Popular regions run short more often: the odds of being down, against us-west-2. From the same
// measurements: p3.2xlarge was available 0.88-0.90 of the time in us-west-2, 0.68-0.76 in
// us-east-2, 0.17-0.59 in us-east-1.
std::int64_t region_odds_percent(std::string_view region) {
  if (region == "us-west-2") return 100;
  if (region == "us-east-1") return 900;
  if (region == "us-east-2") return 280;
  return 200;
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
struct Severity {
  std::int64_t down_ppm;
  Duration mean_down;
  Spread up_spread;
};

Severity by_hazard(std::int64_t hours_between, Spread spread) {
  return {kMillion / (2 * hours_between), Duration::minutes(30), spread};
}

Severity severity(const PoolFacts& pool) {
  switch (pool.interruption_class) {
    case 0:
      return by_hazard(28'400, Spread::Moderate);
    case 1:
      return by_hazard(9'200, Spread::Moderate);
    case 2:
      return by_hazard(5'400, Spread::Moderate);
    case 3:
      return by_hazard(3'700, Spread::Moderate);
    default:
      break;
  }
  if (pool.gpus == 0 && pool.vcpus < 64) return by_hazard(1'650, Spread::Moderate);
  if (pool.gpus == 0) return {150'000, Duration::minutes(20), Spread::Wide};
  const std::int64_t down = pool.gpus >= 8 ? 525'000 : pool.gpus > 1 ? 300'000 : 115'000;
  const std::int64_t odds = down * region_odds_percent(pool.region) / 100;
  const std::int64_t scaled = odds * kMillion / (odds + kMillion - down);
  // Where capacity is scarce, outages are also longer: one hour, up to two and a half.
  const Duration mean_down =
      Duration::minutes(60 + std::clamp<std::int64_t>(scaled / 5'500 - 20, 0, 90));
  return {scaled, mean_down, Spread::VeryWide};
}

}  // namespace

SpotModel spot_model(const PoolFacts& pool, std::uint64_t seed) {
  // What pools share must not depend on who asks first: the global cause is as in the calmest
  // region, the regional one as in a middling zone of the region; the pool's own makes up the rest.
  PoolFacts anywhere = pool;
  anywhere.region = "us-west-2";
  const Severity base = severity(anywhere);
  const Severity region = severity(pool);
  std::int64_t down = region.down_ppm;
  if (pool.interruption_class >= 4) {
    // Zones differ: the odds of being down are 0.8 to 1.25 times the region's.
    Rng zone(seed, fmt::format("zone-odds/{}/{}", pool.instance_type, pool.zone));
    const std::int64_t odds = down * zone.between(80, 125) / 100;
    down = odds * kMillion / (odds + kMillion - down);
  }
  // With R the shared and O the own part of being down, (1-O)(1-R) is the availability a, and two
  // zones of a region correlate by (1-O) R / (1-a) = 0.4; three tenths of that across regions.
  const auto shared_part = [](const Severity& of) {
    return 4 * of.down_ppm * kMillion / (10 * (kMillion - of.down_ppm) + 4 * of.down_ppm);
  };
  const std::int64_t global = shared_part(base) * 3 / 10;
  const std::int64_t regional = (shared_part(region) - global) * kMillion / (kMillion - global);
  const std::int64_t without_own = (kMillion - global) * (kMillion - regional) / kMillion;
  const std::int64_t own =
      std::max<std::int64_t>(0, kMillion - (kMillion - down) * kMillion / without_own);
  return {{own, region.mean_down, region.up_spread, Spread::Wide},
          {regional, region.mean_down, region.up_spread, Spread::Wide},
          {global, base.mean_down, base.up_spread, Spread::Wide}};
}

}  // namespace gputide::sim
