#include "decide/provisioning/packing_patterns.h"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/rng.h"

namespace gputide::provisioning {
namespace {

using rc::gen::inRange;

PlacementProblem any_placement() {
  PlacementProblem p;
  p.dimensions = static_cast<std::size_t>(*inRange(1, 5));
  const auto numbers = [&](int most) {
    std::vector<std::int64_t> out;
    for (std::size_t r = 0; r < p.dimensions; ++r) out.push_back(*inRange(0, most));
    return out;
  };
  const int offers = *inRange(0, 8), classes = *inRange(0, 8);
  for (int t = 0; t < offers; ++t)
    p.offers.push_back({numbers(30), Money::micros(*inRange(0, 3'000'000))});
  for (int k = 0; k < classes; ++k) {
    DemandClass c{numbers(12), *inRange(0, 40), {}};
    for (int t = 0; t < offers; ++t)
      if (*inRange(0, 4) != 0) c.offers.push_back(static_cast<std::uint32_t>(t));
    p.classes.push_back(std::move(c));
  }
  return p;
}

bool fits(const PlacementProblem& p, const std::vector<std::uint32_t>& pods, std::uint32_t t) {
  std::vector<std::int64_t> used(p.dimensions, 0);
  for (const std::uint32_t k : pods) {
    const auto& offers = p.classes[k].offers;
    if (std::find(offers.begin(), offers.end(), t) == offers.end()) return false;
    for (std::size_t r = 0; r < p.dimensions; ++r) used[r] += p.classes[k].demand[r];
  }
  for (std::size_t r = 0; r < p.dimensions; ++r)
    if (used[r] > p.offers[t].capacity[r]) return false;
  return true;
}

RC_GTEST_PROP(Patterns, HoldEveryPodThatFitsAndNoMore, ()) {
  const PlacementProblem p = any_placement();
  const Patterns found = choose_patterns(p, p.dimensions - static_cast<std::size_t>(*inRange(0, 2)),
                                         *inRange(0, 5), *inRange<std::int64_t>(0, 2) * 1'000'000);
  std::vector<std::int64_t> held(p.classes.size(), 0);
  Money cost;
  for (const Pattern& each : found.nodes) {
    RC_ASSERT(each.times > 0);
    RC_ASSERT(fits(p, each.pods, each.offer));
    for (const std::uint32_t k : each.pods) held[k] += each.times;
    cost += p.offers[each.offer].price * each.times;
  }
  for (std::uint32_t k = 0; k < p.classes.size(); ++k) {
    bool somewhere = false;
    for (std::uint32_t t = 0; t < p.offers.size(); ++t) somewhere = somewhere || fits(p, {k}, t);
    RC_ASSERT(held[k] == (somewhere ? p.classes[k].count : 0));
  }
  RC_ASSERT(cost >= lower_bound(p).per_hour);
}

// Each on the fullest GPU that holds it, in the pattern's order.
std::int64_t gpus_needed(const PlacementProblem& p, const Shares& shares,
                         const std::vector<std::uint32_t>& pods) {
  std::int64_t whole = 0;
  std::multiset<std::int64_t> free;
  for (const std::uint32_t k : pods) {
    const std::int64_t share = shares.thousandths[k];
    if (share == 0) {
      whole += p.classes[k].demand[0] / kGpuUnits;
      continue;
    }
    const auto at = free.lower_bound(share);
    const std::int64_t left = (at == free.end() ? 1000 : *at) - share;
    if (at != free.end()) free.erase(at);
    free.insert(left);
  }
  return whole + static_cast<std::int64_t>(free.size());
}

RC_GTEST_PROP(Patterns, LayEachShareOnOneGpu, ()) {
  PlacementProblem p = any_placement();
  Shares shares{0, {}};
  for (NodeOffer& offer : p.offers) offer.capacity[0] *= kGpuUnits;
  std::vector<Share> all;
  for (const DemandClass& each : p.classes) {
    shares.thousandths.push_back(*inRange(0, 3) == 0 ? 0 : *inRange(1, 21) * 50);
    all.push_back({shares.thousandths.back(), each.count});
  }
  const std::vector<std::int64_t> cut = share_dimensions(all).back();
  for (std::size_t k = 0; k < cut.size(); ++k) {
    p.classes[k].demand[0] = all[k].thousandths > 0 ? cut[k] : p.classes[k].demand[0] * kGpuUnits;
    std::erase_if(p.classes[k].offers, [&](std::uint32_t t) {
      return all[k].thousandths > 0 && p.offers[t].capacity[0] == 0;
    });
  }
  const Patterns found = choose_patterns(p, p.dimensions, *inRange(0, 5), 1'000'000, shares);
  std::vector<std::int64_t> held(p.classes.size(), 0);
  for (const Pattern& each : found.nodes) {
    RC_ASSERT(fits(p, each.pods, each.offer));
    RC_ASSERT(gpus_needed(p, shares, each.pods) * kGpuUnits <= p.offers[each.offer].capacity[0]);
    for (const std::uint32_t k : each.pods) held[k] += each.times;
  }
  for (std::uint32_t k = 0; k < p.classes.size(); ++k) {
    bool somewhere = false;
    for (std::uint32_t t = 0; t < p.offers.size(); ++t) somewhere = somewhere || fits(p, {k}, t);
    RC_ASSERT(held[k] == (somewhere ? p.classes[k].count : 0));
  }
}

// Two of 6 waste nothing on a 12, nor three of 4; a 6 with a 4 does.
TEST(Patterns, LinearProgramsFindWhatFitsTogether) {
  PlacementProblem p;
  p.dimensions = 1;
  p.offers = {{{12}, Money::micros(1'000'000)}};
  p.classes = {{{6}, 20, {0}}, {{4}, 30, {0}}};
  Money cost;
  for (const Pattern& each : choose_patterns(p, 1, 4, 0).nodes)
    cost += p.offers[0].price * each.times;
  EXPECT_EQ(cost, Money::micros(20'000'000));
}

// Ten kinds of pods of two resources on nodes of four sizes.
PlacementProblem mixed(std::uint64_t seed) {
  PlacementProblem p;
  p.dimensions = 2;
  Rng rng(seed, "mixed");
  const auto among = [&](std::uint64_t least, std::uint64_t most) {
    return static_cast<std::int64_t>(least + rng.below(most - least));
  };
  for (const std::int64_t size : {1, 2, 4, 8})
    p.offers.push_back({{size * 1000 - 90, size * 4000 - 700}, Money::micros(100'000 * size)});
  for (int k = 0; k < 10; ++k)
    p.classes.push_back({{among(200, 1500), among(500, 6000)}, among(20, 60), {0, 1, 2, 3}});
  return p;
}

TEST(Patterns, ContentsOfWholeNodesCostLessThanNodesFilledPodByPod) {
  Money searched, filled, bound;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const PlacementProblem p = mixed(seed);
    const auto cost = [&](std::int64_t contents) {
      Money sum;
      for (const Pattern& each : choose_patterns(p, 2, 60, contents).nodes)
        sum += p.offers[each.offer].price * each.times;
      return sum;
    };
    searched += cost(10'000'000);
    filled += cost(0);
    bound += lower_bound(p).per_hour;
  }
  EXPECT_LT(searched, filled);
  EXPECT_LT(searched.to_dollars(), 1.01 * bound.to_dollars());
}

}  // namespace
}  // namespace gputide::provisioning
