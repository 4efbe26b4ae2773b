// Does the spot market behave as the measured one? The figures are those of the traces that
// accompany "Can't Be Late" (NSDI 2024) and of the Spot Instance Advisor; tolerances are stated.
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include <gtest/gtest.h>

#include "sim/cloud_fixture.h"
#include "sim/holding_times.h"
#include "sim/pools.h"
#include "tests/repository_root.h"

namespace gputide::sim {
namespace {

using Regime = CapacityPhase::Regime;

constexpr Instant kStart = Instant::from_seconds(1'767'225'600);

// One bit a tick: can one instance be had?
std::vector<bool> availability(CapacityModel& model, const PoolFacts& pool, Duration span,
                               Duration tick) {
  const auto process = model.spot(pool);
  std::vector<bool> up;
  for (Instant now = kStart; now < kStart + span; now += tick) {
    const CapacityPhase& phase = process->at(now);
    up.push_back(phase.regime == Regime::Full ||
                 (phase.regime == Regime::Partial && phase.slots > 0));
  }
  return up;
}

struct Runs {
  double share = 0;
  double up_median = 0, up_mean = 0, down_median = 0, down_mean = 0;  // hours
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double mean(const std::vector<double>& values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

// Over many seeds, as if each were a measurement of 45 days.
Runs measure(const PoolFacts& pool, int seeds) {
  const Duration tick = Duration::seconds(195);
  std::array<std::vector<double>, 2> runs;
  double ups = 0, ticks = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    CapacityModel model(static_cast<std::uint64_t>(seed), kStart, {});
    const auto up = availability(model, pool, Duration::hours(45 * 24), tick);
    std::size_t length = 0;
    for (std::size_t i = 0; i < up.size(); ++i) {
      ups += up[i] ? 1 : 0;
      ++ticks;
      ++length;
      if (i + 1 == up.size() || up[i + 1] != up[i]) {
        runs[up[i] ? 1 : 0].push_back(static_cast<double>(length) * tick.to_seconds() / 3600);
        length = 0;
      }
    }
  }
  return {ups / ticks, median(runs[1]), mean(runs[1]), median(runs[0]), mean(runs[0])};
}

double correlation(const std::vector<bool>& a, const std::vector<bool>& b) {
  double sa = 0, sb = 0, sab = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    sa += a[i];
    sb += b[i];
    sab += a[i] && b[i];
  }
  const double pa = sa / n, pb = sb / n;
  const double spread = std::sqrt(pa * (1 - pa) * pb * (1 - pb));
  return spread == 0 ? 0 : (sab / n - pa * pb) / spread;
}

PoolFacts p3(std::string_view zone, std::string_view region, std::int64_t gpus = 1) {
  return {gpus == 1 ? "p3.2xlarge" : "p3.16xlarge", zone, region, 4, gpus, 8 * gpus};
}

struct Herd {
  double full = 0, empty = 0, between = 0;      // shares of the time
  double lost = 0, full_to_zero = 0, half = 0;  // instances lost, in all and in such events
};

// Sixteen instances wanted all the time.
Herd hold_sixteen(const PoolFacts& pool, int seeds) {
  Herd herd;
  double ticks = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    CapacityModel model(static_cast<std::uint64_t>(seed), kStart, {});
    const auto process = model.spot(pool);
    std::int64_t held = 0;
    Instant phase_of;
    for (Instant now = kStart; now < kStart + Duration::hours(16 * 24);
         now += Duration::seconds(300)) {
      const CapacityPhase& phase = process->at(now);
      const std::int64_t before = held;
      if (phase.regime == Regime::Full) held = 16;
      if (phase.regime == Regime::None) held = 0;
      if (phase.regime == Regime::Partial && phase.until != phase_of)
        held = std::min<std::int64_t>(16, std::max(phase.slots, held * phase.keep_permille / 1000));
      phase_of = phase.until;
      ++ticks;
      (held == 16 ? herd.full : held == 0 ? herd.empty : herd.between) += 1;
      const auto lost = static_cast<double>(std::max<std::int64_t>(0, before - held));
      herd.lost += lost;
      if (before == 16 && held == 0) herd.full_to_zero += lost;
      if (lost * 2 >= static_cast<double>(before)) herd.half += lost;
    }
  }
  herd.full /= ticks;
  herd.empty /= ticks;
  herd.between /= ticks;
  herd.full_to_zero /= herd.lost;
  herd.half /= herd.lost;
  return herd;
}

// The share of instances, launched when there was capacity, that are gone within a month.
double interrupted_in_a_month(int interruption_class, int seeds) {
  int launched = 0, lost = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    CapacityModel model(static_cast<std::uint64_t>(seed), kStart, {});
    const auto process =
        model.spot({"m5.large", "eu-west-1a", "eu-west-1", interruption_class, 0, 2});
    Instant now = kStart;
    const CapacityPhase* phase = &process->at(now);
    if (phase->regime != Regime::Full) continue;
    ++launched;
    while (phase->until < kStart + Duration::hours(720)) {
      phase = &process->at(phase->until);
      if (phase->regime == Regime::None ||
          (phase->regime == Regime::Partial && phase->slots == 0)) {
        ++lost;
        break;
      }
    }
  }
  return static_cast<double>(lost) / launched;
}

#define EXPECT_WITHIN(value, low, high) \
  EXPECT_TRUE((value) >= (low) && (value) <= (high)) << #value << " = " << (value)

TEST(Market, OfOneGpuIsAsInUsWest2) {  // measured: 0.88-0.90; 0.9-1.4, 6.1-10.4; 0.38, 0.8-1.1
  const Runs runs = measure(p3("us-west-2a", "us-west-2"), 40);
  EXPECT_WITHIN(runs.share, 0.86, 0.92);
  EXPECT_WITHIN(runs.up_median, 0.9, 1.6);
  EXPECT_WITHIN(runs.up_mean, 6.0, 10.4);
  EXPECT_WITHIN(runs.down_median, 0.3, 0.5);
  EXPECT_WITHIN(runs.down_mean, 0.75, 1.15);
}

TEST(Market, OfOneGpuIsAsInUsEast2) {  // measured: 0.68-0.76; 0.9-1.1, 4.3-5.7; 0.4-0.7, 1.8-2.0
  const Runs runs = measure(p3("us-east-2a", "us-east-2"), 40);
  EXPECT_WITHIN(runs.share, 0.67, 0.78);
  EXPECT_WITHIN(runs.up_median, 0.8, 1.3);
  EXPECT_WITHIN(runs.up_mean, 4.0, 5.8);
  EXPECT_WITHIN(runs.down_median, 0.4, 0.8);
  EXPECT_WITHIN(runs.down_mean, 1.5, 2.1);
}

TEST(Market, OfOneGpuIsAsInUsEast1) {  // measured: 0.17-0.59; 0.3-0.5, 0.7-2.3; 0.5-0.7, 1.6-3.6
  const Runs runs = measure(p3("us-east-1c", "us-east-1"), 40);
  EXPECT_WITHIN(runs.share, 0.40, 0.59);
  EXPECT_WITHIN(runs.up_median, 0.3, 0.6);
  EXPECT_WITHIN(runs.up_mean, 1.2, 2.4);
  EXPECT_WITHIN(runs.down_median, 0.5, 0.9);
  EXPECT_WITHIN(runs.down_mean, 1.6, 2.8);
}

TEST(Market, OfEightGpusIsScarce) {  // measured: 0.47-0.48; 0.33, 0.8-1.2; 0.2-0.3, 0.9-1.3
  const Runs runs = measure(p3("us-west-2a", "us-west-2", 8), 40);
  EXPECT_WITHIN(runs.share, 0.44, 0.55);
  EXPECT_WITHIN(runs.up_mean, 0.7, 1.3);
  EXPECT_WITHIN(runs.down_median, 0.2, 0.4);
  EXPECT_WITHIN(runs.down_mean, 0.75, 1.3);
}

TEST(Market, OfVeryLargeMachines) {  // measured (r5.16xlarge): 0.64-0.94; 0.8-5.1; 0.13, 0.3-0.4
  const Runs runs = measure({"r5.16xlarge", "us-east-1b", "us-east-1", 4, 0, 64}, 40);
  EXPECT_WITHIN(runs.share, 0.80, 0.90);
  EXPECT_WITHIN(runs.up_mean, 1.5, 3.5);
  EXPECT_WITHIN(runs.down_mean, 0.3, 0.45);
}

TEST(Market, ZonesOfARegionFailTogether) {  // measured: 0.25-0.59 inside, 0.03-0.27 across
  constexpr int kSeeds = 60;
  double inside = 0, across = 0;
  const Duration span = Duration::hours(45 * 24);
  const Duration tick = Duration::seconds(195);
  for (int seed = 1; seed <= kSeeds; ++seed) {
    // The model's shared causes go forward only, and each pool is asked from the start: one model
    // a pool.
    const auto up = [&](const PoolFacts& pool) {
      CapacityModel model(static_cast<std::uint64_t>(seed), kStart, {});
      return availability(model, pool, span, tick);
    };
    const auto first = up(p3("us-west-2a", "us-west-2"));
    inside += correlation(first, up(p3("us-west-2b", "us-west-2"))) / kSeeds;
    across += correlation(first, up(p3("us-east-2a", "us-east-2"))) / kSeeds;
  }
  EXPECT_WITHIN(inside, 0.3, 0.5);
  EXPECT_WITHIN(across, 0.05, 0.2);
}

TEST(Market, TakesHerds) {  // measured: full 0.41-0.46, empty 0.37-0.56, between 0.03-0.17 of the
                            // time; 0.30-0.66 lost from full to zero, 0.65-0.90 by half or more
  const Herd herd = hold_sixteen(p3("us-east-1c", "us-east-1"), 40);
  EXPECT_WITHIN(herd.full, 0.34, 0.50);
  EXPECT_WITHIN(herd.empty, 0.37, 0.56);
  EXPECT_WITHIN(herd.between, 0.03, 0.17);
  EXPECT_WITHIN(herd.full_to_zero, 0.30, 0.66);
  EXPECT_WITHIN(herd.half, 0.65, 0.95);
}

TEST(Market, InterruptsAsTheAdvisorSays) {
  EXPECT_WITHIN(interrupted_in_a_month(0, 4000), 0.01, 0.05);
  EXPECT_WITHIN(interrupted_in_a_month(1, 4000), 0.05, 0.10);
  EXPECT_WITHIN(interrupted_in_a_month(2, 4000), 0.10, 0.15);
  EXPECT_WITHIN(interrupted_in_a_month(3, 4000), 0.15, 0.20);
  EXPECT_WITHIN(interrupted_in_a_month(4, 4000), 0.20, 0.50);
}

TEST(Market, IsTheSameHoweverOftenOneLooks) {
  const PoolFacts pool = p3("us-west-2a", "us-west-2");
  CapacityModel often(7, kStart, {});
  CapacityModel seldom(7, kStart, {});
  const auto a = availability(often, pool, Duration::hours(1000), Duration::seconds(60));
  const auto b = availability(seldom, pool, Duration::hours(1000), Duration::seconds(7200));
  for (std::size_t i = 0; i < b.size(); ++i) EXPECT_EQ(a[i * 120], b[i]) << i;
}

TEST(Market, ReplaysTraces) {
  const auto traces = parse_spot_traces(
      R"({"instance_type":"p3.2xlarge","zone":"us-west-2a","nodes":4,"gap_seconds":60,)"
      R"("rle":[[4,2],[1,3],[0,1]]})"
      "\n");
  ASSERT_TRUE(traces);
  CapacityModel model(1, kStart,
                      {MarketOptions::Kind::Replay, std::make_shared<SpotTraces>(*traces)});
  const auto process = model.spot(p3("us-west-2a", "us-west-2"));
  const std::vector<Regime> expected = {Regime::Full,    Regime::Full,    Regime::Partial,
                                        Regime::Partial, Regime::Partial, Regime::None,
                                        Regime::Full};  // begins anew
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(process->at(kStart + Duration::seconds(60) * static_cast<std::int64_t>(i)).regime,
              expected[i])
        << i;
}

TEST(Market, ReplaysMeasuredAvailability) {
  const auto path = tests::repository_root() / "../shared/data/spot-availability-traces.jsonl";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << path << " is not here: skipped";
  std::stringstream text;
  text << file.rdbuf();
  const auto traces = parse_spot_traces(text.str());
  ASSERT_TRUE(traces) << traces.error().message;
  CapacityModel model(1, kStart,
                      {MarketOptions::Kind::Replay, std::make_shared<SpotTraces>(*traces)});
  const auto up = availability(model, p3("us-west-2a", "us-west-2"), Duration::hours(45 * 24),
                               Duration::seconds(195));
  const auto share =
      static_cast<double>(std::count(up.begin(), up.end(), true)) / static_cast<double>(up.size());
  EXPECT_WITHIN(share, 0.87, 0.90);
}

TEST(Market, RefusesTracesThatAreNone) {
  EXPECT_FALSE(parse_spot_traces(""));
  EXPECT_FALSE(parse_spot_traces("{}"));
  const auto bad = parse_spot_traces("\n{\"instance_type\":1}");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "line 2: instance_type and zone must be texts");
}

TEST(Market, OptionNamesItsKinds) {
  std::string file;
  EXPECT_EQ(parse_market("calm", file), MarketOptions::Kind::Calm);
  EXPECT_EQ(parse_market("replay:a/b.jsonl", file), MarketOptions::Kind::Replay);
  EXPECT_EQ(file, "a/b.jsonl");
  EXPECT_FALSE(parse_market("replay:", file));
  EXPECT_FALSE(parse_market("wild", file));
}

TEST(Prices, StayNearTheirAverage) {
  PriceProcess price(kStart, Money::micros(1'000'000), Money::micros(1'050'000), Rng(3, "price"));
  int changes = 0;
  for (Instant now = kStart; now < kStart + Duration::hours(24 * 60);
       now = price.next_change(now)) {
    EXPECT_GE(price.at(now), Money::micros(850'000));
    EXPECT_LE(price.at(now), Money::micros(1'050'000));
    ++changes;
  }
  EXPECT_WITHIN(changes, 100, 400);
}

TEST(Prices, SumOverAnySplitOfTime) {
  PriceProcess price(kStart, Money::micros(270'000), Money::micros(900'000), Rng(5, "price"));
  const Instant end = kStart + Duration::hours(100);
  const Instant middle = kStart + Duration::seconds(123'457);
  EXPECT_TRUE(price.integral(kStart, end) ==
              price.integral(kStart, middle) + price.integral(middle, end));
}

TEST(HoldingTimes, HaveTheirMean) {
  for (const Spread spread : {Spread::Moderate, Spread::Wide}) {
    Rng rng(1, "holding");
    double sum = 0;
    constexpr int kDraws = 200'000;
    for (int i = 0; i < kDraws; ++i)
      sum += draw_duration(rng, spread, Duration::hours(1)).to_seconds() / 3600 / kDraws;
    EXPECT_WITHIN(sum, 0.97, 1.03);
  }
}

}  // namespace
}  // namespace gputide::sim
