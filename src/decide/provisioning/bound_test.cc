#include "decide/provisioning/bound.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/provisioning/bound_rows.h"
#include "decide/provisioning/configuration_bound.h"
#include "decide/provisioning/testing.h"

namespace gputide::provisioning {
namespace {

PlacementProblem ten_slices() {
  PlacementProblem p;
  p.dimensions = 2;  // pods, slices
  p.offers = {{{29, 10}, Money::micros(526'000)}, {{58, 10}, Money::micros(752'000)}};
  p.classes = {{{1, 1}, 25, {0, 1}}};
  return p;
}

TEST(LowerBound, BuysWholeNodesOfTheCheapestType) {
  PlacementProblem p = ten_slices();
  p.classes[0].offers = {0};
  const LowerBound bound = lower_bound(p);
  EXPECT_EQ(bound.per_hour, Money::micros(3 * 526'000));
  EXPECT_EQ(certified(p, bound.certificate), Money::micros(1'314'999));  // 2.5 nodes
}

TEST(LowerBound, NeedsOneNodeForOnePod) {
  PlacementProblem p = ten_slices();
  p.classes[0].count = 1;
  EXPECT_EQ(lower_bound(p).per_hour, Money::micros(526'000));
}

TEST(LowerBound, NamesWhatFitsNowhere) {
  PlacementProblem p = ten_slices();
  p.classes.push_back({{1, 11}, 4, {0, 1}});
  p.classes.push_back({{1, 1}, 4, {}});
  const LowerBound bound = lower_bound(p);
  EXPECT_EQ(bound.unplaceable, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_GT(bound.per_hour, Money());
}

TEST(LowerBound, SharesThatDoNotPackCountAsWholeGpus) {
  const std::vector<Share> shares{{810, 100}, {190, 10}, {500, 7}};
  const auto rows = share_dimensions(shares);
  std::int64_t most = 0;
  for (const auto& row : rows) {
    EXPECT_LE(row[0] + row[1], kGpuUnits);
    EXPECT_LE(row[2] * 2, kGpuUnits);
    most = std::max(most, row[0]);
  }
  EXPECT_EQ(most, kGpuUnits);
}

RC_GTEST_PROP(LowerBound, SharesOfOneGpuNeverCountForMore, ()) {
  using rc::gen::inRange;
  std::vector<Share> shares;
  for (int n = *inRange(1, 6); n > 0; --n) shares.push_back({*inRange(1, 1001), *inRange(0, 50)});
  for (const auto& row : share_dimensions(shares))
    RC_ASSERT(most_on_one_gpu(shares, row) <= kGpuUnits);
}

TEST(LowerBound, OverTimeIsTheSumOfItsMoments) {
  PlacementProblem p = ten_slices();
  p.classes[0].offers = {0};
  const auto at = [](int minutes) { return Instant() + Duration::minutes(minutes); };
  std::vector<RunningSpan> spans;
  for (int i = 0; i < 10; ++i) spans.push_back({0, at(0), at(60)});
  spans.push_back({0, at(30), at(60)});
  spans.push_back({0, at(90), at(90)});
  EXPECT_EQ(lower_bound_over_time(p, spans), Money::micros(526'000 + 263'000));
  EXPECT_EQ(lower_bound_over_time(p, {}), Money());
}

// Any plan costs at least the bound: plans made at random.
RC_GTEST_PROP(LowerBound, IsBelowEveryPlan, ()) {
  using rc::gen::inRange;
  const PlacementProblem p = any_placement();
  const int offers = static_cast<int>(p.offers.size());
  // First fit into nodes of types drawn at random, as many as there are.
  Money cost;
  std::vector<std::int64_t> bought(p.offers.size(), 0);
  std::vector<std::pair<std::uint32_t, std::vector<std::int64_t>>> open;
  for (const DemandClass& c : p.classes)
    for (std::int64_t i = 0; i < c.count; ++i) {
      const auto fits = [&](std::uint32_t t, const std::vector<std::int64_t>& room) {
        bool ok = std::find(c.offers.begin(), c.offers.end(), t) != c.offers.end();
        for (std::size_t r = 0; r < p.dimensions; ++r) ok = ok && c.demand[r] <= room[r];
        return ok;
      };
      bool placed = false, somewhere = false;
      for (auto& [t, room] : open) {
        if (!fits(t, room)) continue;
        for (std::size_t r = 0; r < p.dimensions; ++r) room[r] -= c.demand[r];
        placed = true;
        break;
      }
      if (placed) continue;
      const auto start = static_cast<std::uint32_t>(*inRange(0, offers));
      for (std::uint32_t j = 0; j < p.offers.size() && !placed; ++j) {
        const std::uint32_t t = (start + j) % static_cast<std::uint32_t>(offers);
        if (!fits(t, p.offers[t].capacity)) continue;
        somewhere = true;
        if (p.offers[t].count && bought[t] == *p.offers[t].count) continue;
        ++bought[t];
        open.emplace_back(t, p.offers[t].capacity);
        for (std::size_t r = 0; r < p.dimensions; ++r) open.back().second[r] -= c.demand[r];
        cost += p.offers[t].price;
        placed = true;
      }
      if (somewhere && !placed) return;  // there may be no plan
    }
  const LowerBound bound = lower_bound(p);
  RC_ASSERT(bound.per_hour <= cost);
  RC_ASSERT(certified(p, bound.certificate) <= bound.per_hour);
  const ConfigurationBound whole = configuration_bound(p, bound);
  RC_ASSERT(whole.per_hour <= cost);
}

// Two nodes for nothing take two of three pods; without them on one's mind all three would cost.
TEST(LowerBound, TakesOffWhatOnlySoManyNodesSave) {
  PlacementProblem p = ten_slices();
  p.classes[0].offers = {0, 2};
  p.classes[0].demand = {1, 10};
  p.classes[0].count = 3;
  p.offers.push_back({{29, 10}, Money(), 2});
  const LowerBound bound = lower_bound(p);
  EXPECT_EQ(bound.per_hour, Money::micros(526'000));
  EXPECT_GE(certified(p, bound.certificate), Money::micros(525'999));
  p.offers[2].count = 3;
  EXPECT_EQ(lower_bound(p).per_hour, Money());
  EXPECT_EQ(certified(p, bound.certificate), Money());
  p.offers[2].count.reset();  // the certificate says that such a node is worth something
  EXPECT_EQ(certified(p, bound.certificate), Money());
}

TEST(LowerBound, PodsThatCanShareNoNodePayForTheirOwn) {
  PlacementProblem p;
  p.dimensions = 1;
  p.offers = {{{10}, Money::dollars(1)}, {{10}, Money::dollars(3)}, {{10}, Money::dollars(2)}};
  p.classes = {{{5}, 40, {0}}, {{1}, 1, {1}}};
  EXPECT_EQ(lower_bound(p).per_hour, Money::dollars(23));
  p.classes = {{{1}, 1, {0}}, {{1}, 1, {1, 2}}};
  EXPECT_EQ(lower_bound(p).per_hour, Money::dollars(3));
  p.classes.push_back({{1}, 1, {0, 2}});  // by way of which the others hang together
  EXPECT_EQ(lower_bound(p).per_hour, Money::dollars(2));
  p.classes[2].demand = {11};  // fits nowhere
  EXPECT_EQ(lower_bound(p).per_hour, Money::dollars(3));
}

TEST(OverBound, IsInThousandths) {
  EXPECT_EQ(over_bound_permille(Money::micros(278'200), Money::micros(270'500)), 1028);
  EXPECT_EQ(over_bound_permille(Money::dollars(3), Money::dollars(3)), 1000);
  EXPECT_EQ(over_bound_permille(Money::micros(2'001), Money::micros(2'000)), 1001);  // 1000.5
  EXPECT_EQ(over_bound_permille(Money(), Money::dollars(1)), 0);
  EXPECT_EQ(over_bound_permille(Money::dollars(9'000'000'000'000), Money::dollars(1)),
            9'000'000'000'000'000);
  EXPECT_EQ(over_bound_permille(Money::dollars(1), Money()), std::nullopt);
  EXPECT_EQ(over_bound_text(Money::micros(1'024'999), Money::dollars(1)), "1.02");
  EXPECT_EQ(over_bound_text(Money::micros(1'025'000), Money::dollars(1)), "1.03");
  EXPECT_EQ(over_bound_text(Money::dollars(1), Money()), "-");
  EXPECT_EQ(over_bound_text(Money(), Money()), "1.00");
}

}  // namespace
}  // namespace gputide::provisioning
