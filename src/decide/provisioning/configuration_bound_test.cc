#include "decide/provisioning/configuration_bound.h"

#include <functional>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/provisioning/testing.h"

namespace gputide::provisioning {
namespace {

using rc::gen::inRange;

ConfigurationBound bound_of(const PlacementProblem& p) {
  return configuration_bound(p, lower_bound(p));
}

// Pods that fill two thirds of a node, and some that a large node takes better.
PlacementProblem thirds() {
  PlacementProblem p;
  p.dimensions = 2;
  p.offers = {{{9, 30}, Money::micros(1'000'000)}, {{20, 60}, Money::micros(2'500'000)}};
  p.classes = {{{6, 1}, 8, {0, 1}}, {{5, 2}, 3, {0, 1}}};
  return p;
}

TEST(ConfigurationBound, CountsWholePodsOnNodes) {
  const PlacementProblem p = thirds();
  const LowerBound known = lower_bound(p);
  const ConfigurationBound bound = configuration_bound(p, known);
  EXPECT_LT(known.per_hour, Money::micros(7'100'000));
  // Three pods fit the large node, one the small one: 0.833 each.
  EXPECT_GE(certified(p, bound.certificate), Money::micros(9'160'000));
  EXPECT_EQ(bound.per_hour, Money::micros(9'500'000));  // prices come in steps of 0.5
}

TEST(ConfigurationBound, KnowsHowFewPodsThereAre) {
  PlacementProblem p;
  p.dimensions = 1;
  p.offers = {{{10}, Money::micros(1'000'001)}, {{100}, Money::micros(3'000'000)}};
  p.classes = {{{10}, 2, {0, 1}}};
  EXPECT_GE(bound_of(p).per_hour, Money::micros(2'000'001));
}

TEST(ConfigurationBound, StandsOnTheClassesThatFit) {
  PlacementProblem p = thirds();
  p.classes.push_back({{21, 1}, 4, {0, 1}});
  EXPECT_EQ(bound_of(p).per_hour, bound_of(thirds()).per_hour);
}

TEST(ConfigurationBound, IsTheClassBoundWithoutWork) {
  const PlacementProblem p = thirds();
  const LowerBound known = lower_bound(p);
  const ConfigurationBound bound = configuration_bound(p, known, {.largest = 1});
  EXPECT_EQ(bound.per_hour, known.per_hour);
  EXPECT_EQ(certified(p, bound.certificate), certified(p, known.certificate));
}

TEST(ContentCertificate, IsRefusedWhenItClaimsMore) {
  const PlacementProblem p = thirds();
  const ContentCertificate good = bound_of(p).certificate;
  ASSERT_GT(certified(p, good), Money());
  const auto proves = [&](const std::function<void(ContentCertificate&)>& change) {
    ContentCertificate bad = good;
    change(bad);
    return certified(p, bad);
  };
  EXPECT_EQ(proves([](auto& c) { c.pod_price[0] *= 1.001; }), Money());
  EXPECT_EQ(proves([](auto& c) { c.pod_price[1] = -1; }), Money());
  EXPECT_EQ(proves([](auto& c) { c.pod_price.pop_back(); }), Money());
  EXPECT_EQ(proves([](auto& c) { c.proofs.pop_back(); }), Money());
  EXPECT_EQ(proves([](auto& c) { c.proofs[0] = {}; }), Money());           // stood in for by itself
  EXPECT_EQ(proves([](auto& c) { c.proofs[0] = {{}, {}, 1}; }), Money());  // which is dearer
  for (std::size_t t = 0; t < good.proofs.size(); ++t) {
    EXPECT_EQ(proves([&](auto& c) { c.proofs[t].steps.pop_back(); }), Money());
    EXPECT_EQ(proves([&](auto& c) { c.proofs[t].steps.push_back({false, 0}); }), Money());
    EXPECT_EQ(proves([&](auto& c) { c.proofs[t].prices[0][0] = -1; }), Money());
    EXPECT_EQ(proves([&](auto& c) { c.proofs[t].prices[0].pop_back(); }), Money());
  }
}

// The worthiest content of a node, by trying every one.
double worthiest(const PlacementProblem& p, std::uint32_t offer, const std::vector<double>& price,
                 std::vector<std::int64_t> room, std::size_t k = 0) {
  if (k == p.classes.size()) return 0;
  const DemandClass& each = p.classes[k];
  const bool runs = std::find(each.offers.begin(), each.offers.end(), offer) != each.offers.end();
  double best = 0;
  for (std::int64_t n = 0; n <= (runs ? each.count : 0); ++n) {
    best =
        std::max(best, price[k] * static_cast<double>(n) + worthiest(p, offer, price, room, k + 1));
    for (std::size_t r = 0; r < p.dimensions; ++r) {
      room[r] -= each.demand[r];
      if (room[r] < 0) return best;
    }
  }
  return best;
}

RC_GTEST_PROP(ConfigurationBound, IsNoLessThanTheClassBoundAndItsProofHolds, ()) {
  const PlacementProblem p = any_placement();
  const LowerBound known = lower_bound(p);
  const ConfigurationBound bound =
      configuration_bound(p, known, {.rounds = *inRange(0, 40), .steps = *inRange(1, 60)});
  RC_ASSERT(bound.per_hour >= known.per_hour);
  const Money proved = certified(p, bound.certificate);
  RC_ASSERT(proved <= bound.per_hour);
  RC_ASSERT(proved >= certified(p, known.certificate) - Money::micros(1));
  for (std::uint32_t t = 0; t < p.offers.size(); ++t)
    RC_ASSERT(p.offers[t].count ||
              worthiest(p, t, bound.certificate.pod_price, p.offers[t].capacity) <=
                  p.offers[t].price.to_dollars() + 1e-9);
}

RC_GTEST_PROP(ContentCertificate, ShowsNoLessThanTheTruthWhateverItsProofSays, ()) {
  const PlacementProblem p = any_placement();
  ContentCertificate c = bound_of(p).certificate;
  for (double& price : c.pod_price) price *= 1 + 0.1 * *inRange(-2, 9);
  for (std::uint32_t t = 0; t < p.offers.size(); ++t) {
    ContentProof& proof = c.proofs[t];
    for (ContentProof::Step& step : proof.steps) {
      if (*inRange(0, 8) == 0) step.branch = !step.branch;
      if (*inRange(0, 8) == 0) step.number = static_cast<std::uint32_t>(*inRange(0, 6));
    }
    for (std::vector<double>& prices : proof.prices)
      for (double& price : prices) price *= 1 + 0.1 * *inRange(-9, 9);
    std::vector<std::uint32_t> runs;
    for (std::uint32_t k = 0; k < p.classes.size(); ++k)
      for (const std::uint32_t offer : p.classes[k].offers)
        if (offer == t) runs.push_back(k);
    RC_ASSERT(proved_worth(p, t, runs, c.pod_price, proof) >=
              worthiest(p, t, c.pod_price, p.offers[t].capacity) - 1e-9);
  }
}

}  // namespace
}  // namespace gputide::provisioning
