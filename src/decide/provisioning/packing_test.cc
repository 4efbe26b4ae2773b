#include "decide/provisioning/packing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/provisioning/configuration_bound.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_state.h"
#include "decide/provisioning/testing.h"

namespace gputide::provisioning {
namespace {

using rc::gen::inRange;
using Kind = TopologyRule::Kind;

// One pool, two zones, nodes of 1, 2, 4 and 8 GPUs.
PackProblem gpu_problem() {
  PackProblem p;
  p.dimensions = 2;  // GPUs, pods
  p.pools.resize(1);
  for (std::uint32_t zone = 0; zone < 2; ++zone) {
    NodeKind kind;
    kind.domains = {zone};
    kind.offers = {{{1, 29}, Money::micros(526'000), 0, kNone, {}},
                   {{4, 58}, Money::micros(3'912'000), 1, kNone, {}},
                   {{8, 100}, Money::micros(13'350'000), 2, kNone, {}}};
    p.kinds.push_back(kind);
  }
  return p;
}

PackClass gpu_pods(std::int64_t gpus, std::int64_t count) {
  PackClass c;
  c.demand = {gpus, 1};
  c.count = count;
  c.offers = {{7}, {7}};
  return c;
}

TEST(Pack, BuysManySmallNodesWhereTheyAreCheaper) {
  PackProblem p = gpu_problem();
  p.classes = {gpu_pods(1, 60), gpu_pods(2, 20), gpu_pods(4, 10), gpu_pods(8, 10)};
  const PackPlan plan = pack(p);
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.unplaced, (std::vector<std::int64_t>{0, 0, 0, 0}));
  EXPECT_LE(plan.per_hour, Money::micros(60 * 526'000 + 20 * 3'912'000 + 10 * 13'350'000));
}

TEST(Pack, UsesWhatIsThereFirst) {
  PackProblem p = gpu_problem();
  p.classes = {gpu_pods(1, 3)};
  p.existing = {{{2, 10}, {0}}};
  p.classes[0].existing = {true};
  const PackPlan plan = pack(p);
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.per_hour, Money::micros(526'000));
}

// Pods of two GPUs that spread over zones fit the nodes that are there, if none of these is filled
// with smaller pods while the other zone lags behind.
TEST(Pack, NodesThatAreThereWaitForPodsThatSpread) {
  PackProblem p = gpu_problem();
  p.groups = {{0, {0, 0}, {0, 0}, {}, {}}};
  p.classes = {gpu_pods(2, 6), gpu_pods(1, 12)};
  p.classes[0].counted_in = {0};
  p.classes[0].rules = {{Kind::Spread, 0, true, 1, 0, {0, 1}}};
  for (const std::uint32_t zone : {0U, 0U, 0U, 1U, 1U, 1U})
    p.existing.push_back({{2, 100}, {zone}});
  for (PackClass& each : p.classes) each.existing.assign(6, true);
  const PackPlan plan = pack(p, {.small = 0});
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.per_hour, Money::micros(12 * 526'000));
}

TEST(Pack, LeavesWhatFitsNothing) {
  PackProblem p = gpu_problem();
  p.classes = {gpu_pods(9, 2), gpu_pods(1, 1)};
  const PackPlan plan = pack(p);
  EXPECT_EQ(plan.unplaced, (std::vector<std::int64_t>{2, 0}));
}

TEST(Pack, StopsAtLimitsAndStock) {
  PackProblem p = gpu_problem();
  p.pools[0].limit = {3};
  p.reservations = {1};
  for (NodeKind& kind : p.kinds) {
    for (std::size_t t = 0; t < 3; ++t) kind.offers[t].limit_use = {kind.offers[t].capacity[0]};
    PackOffer reserved = kind.offers[0];
    reserved.price = Money::micros(0);
    reserved.reservation = 0;
    kind.offers.insert(kind.offers.begin(), reserved);
  }
  p.classes = {gpu_pods(1, 5)};
  p.classes[0].offers = {{15}, {15}};
  const PackPlan plan = pack(p);
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.unplaced[0], 2);
  EXPECT_EQ(plan.per_hour, Money::micros(2 * 526'000));
}

// Of a reservation of two, three pods of a node each: two go there, and the third costs what the
// bound says that it must, also where pools make nodes of different sizes of what is reserved.
TEST(PackBound, CountsWhatIsReservedAsOftenAsThereIs) {
  PackProblem p = gpu_problem();
  p.reservations = {2};
  for (NodeKind& kind : p.kinds) {
    PackOffer reserved = kind.offers[2];
    reserved.price = Money();
    reserved.reservation = 0;
    kind.offers.insert(kind.offers.begin(), reserved);
  }
  --p.kinds[1].offers[0].capacity[1];
  const std::int64_t gpus = p.kinds[0].offers[0].capacity[0];
  p.classes = {gpu_pods(gpus, 3)};
  p.classes[0].offers = {{15}, {15}};
  for (const std::int64_t few : {200, 0}) {
    const PackPlan plan = pack(p, {.small = few});
    EXPECT_TRUE(check_plan(p, plan).empty());
    EXPECT_EQ(plan.unplaced[0], 0);
    EXPECT_EQ(plan.per_hour, p.kinds[0].offers[3].price);
    const RelaxedBound bound = bound_beside_existing(p);
    EXPECT_EQ(bound.bound.per_hour, plan.per_hour);
    const ConfigurationBound whole = configuration_bound(bound.placement, bound.bound);
    EXPECT_EQ(whole.per_hour, plan.per_hour);
    EXPECT_NEAR(certified(bound.placement, whole.certificate).to_dollars(),
                plan.per_hour.to_dollars(), 1e-5);
  }
  p.classes[0].count = 2;
  EXPECT_EQ(bound_beside_existing(p).bound.per_hour, Money());
}

// Pods that are many: patterns count what is reserved, and use it for those that cost most
// elsewhere.
TEST(Pack, ReservationsTakeWhatCostsMostElsewhere) {
  PackProblem p = gpu_problem();
  p.reservations = {10};
  PackOffer reserved = p.kinds[0].offers[2];
  const std::int64_t gpus = reserved.capacity[0];
  reserved.price = Money::micros(1);
  reserved.reservation = 0;
  p.kinds[0].offers.insert(p.kinds[0].offers.begin(), reserved);
  p.classes = {gpu_pods(1, 8), gpu_pods(gpus, 12)};
  p.classes[0].offers = {{15}, {7}};
  p.classes[1].offers = {{15}, {7}};
  for (const std::int64_t few : {200, 0}) {
    const PackPlan plan = pack(p, {.small = few});
    EXPECT_TRUE(check_plan(p, plan).empty());
    EXPECT_EQ(plan.unplaced, (std::vector<std::int64_t>{0, 0}));
    const std::int64_t taken =
        std::count_if(plan.nodes.begin(), plan.nodes.end(), [&](const PlannedNode& node) {
          return node.kind != kNone && p.kinds[node.kind].offers[node.offer].reservation == 0;
        });
    EXPECT_EQ(taken, 10);
    EXPECT_EQ(plan.per_hour, Money::micros(2 * 13'350'000 + 8 * 526'000 + 10));
  }
}

void keeps_every_rule_and_the_bound(const PackProblem& p, const PackEffort& effort) {
  const PackPlan plan = pack(p, effort);
  const std::vector<std::string> breaches = check_plan(p, plan);
  RC_LOG() << (breaches.empty() ? "" : breaches.front());
  RC_ASSERT(breaches.empty());
  const bool all = std::all_of(plan.unplaced.begin(), plan.unplaced.end(),
                               [](std::int64_t n) { return n == 0; });
  const PackBound known = pack_bound(p);
  if (all) RC_ASSERT(known.bound.per_hour <= plan.per_hour);
  PackProblem placed = p;
  for (std::size_t k = 0; k < placed.classes.size(); ++k)
    placed.classes[k].count -= plan.unplaced[k];
  const RelaxedBound beside = bound_beside_existing(placed);
  RC_ASSERT(beside.bound.per_hour <= plan.per_hour);
  RC_ASSERT(certified(placed, beside) <= beside.bound.per_hour);
  const ConfigurationBound whole = configuration_bound(beside.placement, beside.bound);
  RC_ASSERT(whole.per_hour >= beside.bound.per_hour);
  RC_ASSERT(whole.per_hour <= plan.per_hour);
  RC_ASSERT(certified(beside.placement, whole.certificate) <= whole.per_hour);
  RC_ASSERT(certified(p, known) == certified(known.placement, known.bound.certificate));
  const PackPlan again = pack(p, effort);
  RC_ASSERT(again.per_hour == plan.per_hour);
  RC_ASSERT(again.unplaced == plan.unplaced);
}

constexpr PackEffort kLittle = {
    .constructions = 3, .repacks_per_node = 5, .most_repacks = 20, .orders = 48, .shakes = 200};

// Resources, labels and limits, asked of one offer after the other.
std::uint32_t first_that_holds(const PackProblem& p, const PackState& state, const OpenNode& node,
                               std::uint32_t k) {
  const PackClass& each = p.classes[k];
  const std::vector<PackOffer>& offers = p.kinds[node.kind].offers;
  for (std::uint32_t t = node.offer; t < offers.size() && !each.offers[node.kind].empty(); ++t) {
    bool holds = bit(node.suits, t) && bit(each.offers[node.kind], t);
    for (std::size_t r = 0; r < p.dimensions; ++r) {
      const std::int64_t all = node.used[r] + each.demand[r];
      holds = holds && (all <= 0 || all <= offers[t].capacity[r]);
    }
    const bool here = t == node.offer && !node.pods.empty();
    if (holds && (here || state.affordable(node.kind, t))) return t;
  }
  return kNone;
}

RC_GTEST_PROP(PackState, AnOfferIsTheFirstThatHoldsHoweverOftenItIsAsked, ()) {
  PackProblem p = any_problem();
  for (Pool& pool : p.pools) pool.min_values.clear();
  PackState state(p);
  const PackState before = state;
  const auto kind = static_cast<std::uint32_t>(*inRange(0, static_cast<int>(p.kinds.size())));
  OpenNode node = state.make_node(kind);
  std::uint64_t version = node.version;
  for (int i = 0; i < 20; ++i) {
    const auto k = static_cast<std::uint32_t>(*inRange(0, static_cast<int>(p.classes.size())));
    const std::uint32_t offer = state.offer_with(node, k);
    RC_ASSERT(offer == first_that_holds(p, state, node, k));
    if (offer == kNone || !state.admits(node, k)) continue;
    if (!node.pods.empty()) state.buy(node, -1);
    state.add(node, k, offer);
    state.buy(node, 1);
    RC_ASSERT(node.version != std::exchange(version, node.version));
  }
  state.restore(before);
  for (std::uint32_t k = 0; k < p.classes.size(); ++k) RC_ASSERT(state.left(k) == before.left(k));
  const OpenNode bare = state.make_node(kind);
  for (std::uint32_t k = 0; k < p.classes.size(); ++k)
    RC_ASSERT(state.offer_with(bare, k) == first_that_holds(p, state, bare, k));
}

RC_GTEST_PROP(Pack, KeepsEveryRuleAndTheBound, ()) {
  keeps_every_rule_and_the_bound(any_problem(), kLittle);
}

RC_GTEST_PROP(Pack, KeepsEveryRuleAndTheBoundByPatterns, ()) {
  PackEffort effort = kLittle;
  effort.small = 0;
  effort.constructions = *inRange(0, 2);
  keeps_every_rule_and_the_bound(any_problem(), effort);
}

RC_GTEST_PROP(Pack, KeepsEveryRuleAndTheBoundOfShares, ()) {
  keeps_every_rule_and_the_bound(any_shared_problem(), kLittle);
}

RC_GTEST_PROP(Pack, KeepsEveryRuleAndTheBoundOfSharesByPatterns, ()) {
  PackEffort effort = kLittle;
  effort.small = 0;
  effort.constructions = *inRange(0, 2);
  keeps_every_rule_and_the_bound(any_shared_problem(), effort);
}

PackClass shares(std::int64_t thousandths, std::int64_t count) {
  PackClass c = gpu_pods(1, count);
  c.share = thousandths;
  return c;
}

// Nodes of two GPUs alone.
PackProblem pairs_of_gpus() {
  PackProblem p = gpu_problem();
  p.gpus = 0;
  for (NodeKind& kind : p.kinds) {
    kind.offers.resize(1);
    kind.offers[0].capacity = {2, 100};
  }
  return p;
}

class PackShares : public testing::TestWithParam<std::int64_t> {
 protected:
  PackEffort effort() const { return {.small = GetParam()}; }  // 0: by patterns
};

INSTANTIATE_TEST_SUITE_P(FewAndMany, PackShares, testing::Values(0, 1000));

// Three of 0.6 are 1.8, but no two of them fit one GPU.
TEST_P(PackShares, NoPodLiesOnTwoGpus) {
  PackProblem p = pairs_of_gpus();
  p.classes = {shares(600, 3)};
  const PackPlan plan = pack(p, effort());
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.nodes.size(), 2U);
  EXPECT_EQ(plan.unplaced[0], 0);
}

TEST_P(PackShares, WhatFitsOneGpuSharesIt) {
  PackProblem p = pairs_of_gpus();
  p.classes = {shares(600, 20), shares(400, 20), gpu_pods(1, 20)};
  const PackPlan plan = pack(p, effort());
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.nodes.size(), 20U);
  EXPECT_EQ(pack_bound(p).bound.per_hour, plan.per_hour);
}

// Three of four pods of a GPU find room on a node that is there: the fourth costs what it must.
TEST(PackBound, CountsWhatExistingNodesCannotTake) {
  PackProblem p = gpu_problem();
  p.existing = {{{2, 100}, {0}}, {{1, 100}, {0}}};
  p.classes = {gpu_pods(1, 4)};
  p.classes[0].existing = {true, true};
  EXPECT_EQ(pack_bound(p).bound.per_hour, Money());
  const RelaxedBound bound = bound_beside_existing(p);
  EXPECT_EQ(bound.bound.per_hour, pack(p).per_hour);
  EXPECT_EQ(bound.bound.per_hour, p.kinds[0].offers[0].price);
  p.classes[0].count = 3;
  EXPECT_EQ(bound_beside_existing(p).bound.per_hour, Money());
}

// Two nodes with three free GPUs each hold two pods of two, though their GPUs would do for three:
// a whole node has to be bought for the other two, not half of one.
TEST(PackBound, CountsWholePodsOnExistingNodes) {
  PackProblem p = gpu_problem();
  p.existing = {{{3, 100}, {0}}, {{3, 100}, {0}}};
  p.classes = {gpu_pods(2, 4)};
  p.classes[0].existing = {true, true};
  const RelaxedBound bound = bound_beside_existing(p);
  const Money one_node = pack(p).per_hour;
  EXPECT_EQ(one_node, p.kinds[0].offers[1].price);
  EXPECT_LT(bound.bound.per_hour, one_node);
  const ConfigurationBound whole = configuration_bound(bound.placement, bound.bound);
  EXPECT_EQ(whole.per_hour, one_node);
  EXPECT_NEAR(certified(bound.placement, whole.certificate).to_dollars(), one_node.to_dollars(),
              1e-5);
}

// Where many nodes differ they count as one, which loses nothing of what they have together.
TEST(PackBound, ManyExistingNodesCountAsOne) {
  PackProblem p = gpu_problem();
  p.classes = {gpu_pods(1, 200)};
  std::int64_t free = 0;
  for (std::int64_t n = 0; n < 40; ++n) {
    p.existing.push_back({{n % 4, 100 + n}, {0}});
    p.classes[0].existing.push_back(true);
    free += n % 4;
  }
  const RelaxedBound bound = bound_beside_existing(p);
  EXPECT_EQ(bound.placement.offers.back().capacity[0], free);
  EXPECT_LE(bound.bound.per_hour, pack(p).per_hour);
  EXPECT_GT(bound.bound.per_hour, Money());
}

TEST(PackBound, ProvesNothingByPodsThatCountForMoreThanAGpu) {
  PackProblem p = pairs_of_gpus();
  p.classes = {shares(600, 20), shares(400, 20), gpu_pods(1, 20)};
  const PackBound bound = pack_bound(p);
  EXPECT_GT(certified(p, bound), Money());
  for (const std::size_t r : bound.gpu_rows)
    for (const std::uint32_t k : bound.class_of) {
      PackBound forged = bound;
      forged.placement.classes[k].demand[r] = kGpuUnits + 1;
      EXPECT_EQ(certified(p, forged), Money());
    }
}

// On a node that is there one GPU has 0.5 left, another 0.3: 0.8 in all, and room for two of 0.3.
TEST_P(PackShares, JoinOthersOnNodesThatAreThere) {
  PackProblem p = pairs_of_gpus();
  p.existing = {{{0, 10}, {0}, {500, 300}}};
  p.classes = {shares(300, 3)};
  p.classes[0].existing = {true};
  const PackPlan plan = pack(p, effort());
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.unplaced[0], 0);
  EXPECT_EQ(plan.per_hour, p.kinds[0].offers[0].price);
  EXPECT_EQ(
      std::count_if(plan.order.begin(), plan.order.end(),
                    [&](const Placement& step) { return plan.nodes[step.node].kind == kNone; }),
      2);
}

// A plan of three pods of 0.6 on one node of two GPUs, on the GPUs that are named.
PackPlan on_one_node(const PackProblem& p, const std::vector<std::uint32_t>& gpus) {
  PackPlan plan;
  plan.nodes = {{0, 0, {{0, static_cast<std::int64_t>(gpus.size())}}}};
  for (const std::uint32_t gpu : gpus) plan.order.push_back({0, 0, gpu});
  plan.unplaced = {0};
  plan.per_hour = p.kinds[0].offers[0].price;
  return plan;
}

TEST(CheckPlan, AddsUpSharesByGpu) {
  PackProblem p = pairs_of_gpus();
  p.classes = {shares(600, 2)};
  EXPECT_TRUE(check_plan(p, on_one_node(p, {0, 1})).empty());
  EXPECT_FALSE(check_plan(p, on_one_node(p, {0, 0})).empty());
  EXPECT_FALSE(check_plan(p, on_one_node(p, {0, kNone})).empty());
  p.classes = {shares(600, 3)};
  EXPECT_FALSE(check_plan(p, on_one_node(p, {0, 1, 2})).empty());
  EXPECT_FALSE(check_plan(p, on_one_node(p, {0, 1, 1})).empty());
}

// 300 pods in three zones, of six classes that spread over zones, keep apart, or neither. A node of
// n tenths of a dollar holds 2n - 1; the 100 that keep apart need 100 nodes: 20 dollars.
TEST(Pack, ManyPodsCostLittleMoreThanTheyMust) {
  PackProblem p;
  p.dimensions = 2;
  p.pools.resize(1);
  for (std::uint32_t zone = 0; zone < 3; ++zone) {
    NodeKind kind;
    kind.domains = {zone};
    for (std::int64_t i = 1; i <= 32; ++i)
      kind.offers.push_back({{1000 * i - 100, 2000 * i - 100},
                             Money::micros(100'000 * i),
                             static_cast<std::uint32_t>(i - 1),
                             kNone,
                             {}});
    p.kinds.push_back(std::move(kind));
  }
  p.groups = {{0, {0, 0, 0}, {0, 0, 0}, {}, {}}, {kHostname, {}, {}, {}, {}}};
  for (const std::int64_t cpu : {250, 450})
    for (int i = 0; i < 3; ++i) {
      PackClass c;
      c.demand = {cpu, 1000};
      c.count = 50;
      c.offers.assign(3, {0xffffffff});
      if (i < 2) c.counted_in = {static_cast<std::uint32_t>(i)};
      if (i == 0) c.rules = {{Kind::Spread, 0, true, 1, 0, {0, 1, 2}}};
      if (i == 1) c.rules = {{Kind::AntiAffinity, 1, true, 1, 0, {}}};
      p.classes.push_back(std::move(c));
    }
  const PackPlan plan = pack(p);
  EXPECT_TRUE(check_plan(p, plan).empty());
  EXPECT_EQ(plan.unplaced, std::vector<std::int64_t>(6, 0));
  EXPECT_LE(plan.per_hour, Money::micros(20'200'000));
}

}  // namespace
}  // namespace gputide::provisioning
