#include <algorithm>
#include <bit>
#include <vector>

#include <gtest/gtest.h>

#include "decide/placement/engine.h"

namespace gputide::placement {
namespace {

Pod pod(std::int64_t cpu, int gpus, std::int64_t milli = kWholeGpu, std::uint16_t models = 0xffff) {
  return Pod{cpu, 1024, gpus == 0 ? 0 : milli, gpus, models};
}

Node node_with(std::int64_t cpu, std::vector<int> left) {
  Node node = Node::empty(cpu, 1 << 20, static_cast<int>(left.size()), 0);
  for (std::size_t d = 0; d < left.size(); ++d) node.left[d] = static_cast<std::int16_t>(left[d]);
  return node;
}

struct World {
  std::vector<Node> nodes;
  std::vector<Pod> kinds;
  std::vector<std::size_t> arrivals;
  std::vector<Pod> demand;
};

// About twice as much work as fits, so that refusals happen.
World random_world(std::uint64_t seed) {
  Rng rng(seed, "world");
  World w;
  for (int n = 0; n < 23; ++n)
    w.nodes.push_back(Node::empty(rng.between(8, 96) * 1000, rng.between(32, 256) * 1024,
                                  1 << rng.below(4), static_cast<int>(rng.below(3))));
  for (int k = 0; k < 30; ++k) {
    const int gpus = static_cast<int>(rng.below(4));
    const std::int64_t milli = rng.below(2) == 0 ? kWholeGpu : rng.between(1, 99) * 10;
    Pod p = pod(rng.between(0, 16) * 1000, gpus, gpus == 1 ? milli : kWholeGpu);
    if (rng.below(4) == 0) p.models = static_cast<std::uint16_t>(1 + rng.below(7));
    p.memory_mib = rng.between(0, 32) * 1024;
    w.kinds.push_back(p);
  }
  for (int i = 0; i < 300; ++i) {
    w.arrivals.push_back(rng.below(w.kinds.size()));
    w.demand.push_back(w.kinds[w.arrivals.back()]);
  }
  return w;
}

std::vector<std::optional<Place>> play(Policy policy, const World& w, std::uint64_t seed) {
  Engine engine(policy, w.nodes, w.kinds, w.demand, seed);
  std::vector<std::optional<Place>> places;
  for (const std::size_t kind : w.arrivals) places.push_back(engine.place(kind));
  return places;
}

// The definition, kind by kind.
std::int64_t slow_fragment(const Node& node, std::span<const Demand> typical) {
  std::int64_t sum = 0;
  for (const Demand& d : typical) {
    if (d.pod.gpus == 0 || !fits(node, d.pod)) {
      sum += d.weight * node.idle();
      continue;
    }
    for (int i = 0; i < node.gpus; ++i)
      if (node.left[i] < d.pod.gpu_milli) sum += d.weight * node.left[i];
  }
  return sum;
}

TEST(Placement, NeverOverCommitsAndRefusesOnlyWhatFitsNowhere) {
  for (const Policy policy : kPolicies) {
    int refused = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const World w = random_world(seed);
      std::vector<Node> ledger = w.nodes;
      const auto places = play(policy, w, seed);
      for (std::size_t i = 0; i < places.size(); ++i) {
        const Pod& p = w.kinds[w.arrivals[i]];
        if (!places[i]) {
          ++refused;
          for (const Node& n : ledger) ASSERT_FALSE(fits(n, p)) << name(policy);
          continue;
        }
        Node& n = ledger[places[i]->node];
        ASSERT_EQ(std::popcount(places[i]->devices), p.gpus) << name(policy);
        ASSERT_EQ(places[i]->devices >> n.gpus, 0U);
        if (p.gpus > 0) {
          ASSERT_NE(p.models >> n.model & 1, 0);
        }
        n = with(n, p, places[i]->devices);
        ASSERT_GE(n.cpu_milli, 0);
        ASSERT_GE(n.memory_mib, 0);
        for (const int left : n.left) ASSERT_GE(left, 0) << name(policy);
      }
    }
    EXPECT_GT(refused, 0) << "the worlds are too empty to show anything";
  }
}

TEST(Placement, SameSeedSamePlaces) {
  const World w = random_world(7);
  for (const Policy policy : kPolicies) {
    EXPECT_EQ(play(policy, w, 1), play(policy, w, 1)) << name(policy);
    if (policy != Policy::Random) EXPECT_EQ(play(policy, w, 1), play(policy, w, 2));
  }
  EXPECT_NE(play(Policy::Random, w, 1), play(Policy::Random, w, 2));
}

// What the boards remember is what scoring every node anew would say.
TEST(Placement, TheFirstNodeOfTheHighestScoreWins) {
  for (const Policy policy : kPolicies) {
    if (policy == Policy::Random) continue;
    const World w = random_world(11);
    const Scorer scorer(policy, w.demand);
    std::vector<Node> nodes = w.nodes;
    std::vector<unsigned> held(nodes.size());
    Engine engine(policy, w.nodes, w.kinds, w.demand, 1);
    for (const std::size_t kind : w.arrivals) {
      const Pod& p = w.kinds[kind];
      std::optional<Place> best;
      std::int64_t score = 0;
      for (std::uint32_t n = 0; n < nodes.size(); ++n) {
        if (!fits(nodes[n], p)) continue;
        const Offer offer = scorer.offer(nodes[n], held[n], p);
        if (best && offer.score <= score) continue;
        best = Place{n, offer.devices};
        score = offer.score;
      }
      ASSERT_EQ(engine.place(kind), best) << name(policy);
      if (!best) continue;
      nodes[best->node] = with(nodes[best->node], p, best->devices);
      if (p.gpus > 0) held[best->node] |= 1U << gpu_class(p);
    }
  }
}

TEST(Fragmentation, TablesEqualTheDefinition) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const World w = random_world(seed);
    const auto typical = typical_pods(w.demand, 95);
    const Fragmentation fragmentation(typical);
    Engine engine(Policy::Random, w.nodes, w.kinds, w.demand, seed);
    for (const std::size_t kind : w.arrivals) engine.place(kind);
    for (Node n : engine.nodes()) {
      n.memory_mib = 1 << 20;  // memory is no part of the measure
      ASSERT_EQ(fragmentation.of(n), slow_fragment(n, typical));
      for (const Pod& p : w.kinds) {
        if (!p.shares() || !fits(n, p)) continue;
        std::array<std::int64_t, kMaxGpus> after{};
        fragmentation.after_sharing(n, p, after);
        for (int d = 0; d < n.gpus; ++d)
          if (n.left[d] >= p.gpu_milli)
            ASSERT_EQ(after[d], slow_fragment(with(n, p, 1U << d), typical));
      }
    }
  }
}

TEST(Fragmentation, TypicalPodsAreTheMostFrequent) {
  std::vector<Pod> pods(19, pod(1000, 1));
  pods.push_back(pod(2000, 1, 500));
  ASSERT_EQ(typical_pods(pods, 95).size(), 1U);
  EXPECT_EQ(typical_pods(pods, 95)[0].weight, 19);
  EXPECT_EQ(typical_pods(pods, 100).size(), 2U);
}

// Scores worked out by hand from the artifact's rules.
TEST(Policies, ScoreAsTheArtifactDefines) {
  const std::vector<Pod> demand = {pod(1000, 1)};
  const Scorer packing(Policy::GpuPacking, demand), clustering(Policy::GpuClustering, demand),
      fit(Policy::BestFit, demand), dot(Policy::DotProd, demand);
  const Node used = node_with(96000, {200, 1000, 1000, 500});
  EXPECT_EQ(packing.offer(used, 0, pod(100, 2)).score, 48);
  EXPECT_EQ(packing.offer(used, 0, pod(100, 1, 200)).score, 98);
  EXPECT_EQ(packing.offer(used, 0, pod(100, 1, 600)).score, 49);
  EXPECT_EQ(packing.offer(node_with(1000, {1000, 1000, 1000, 1000}), 0, pod(100, 2)).score, 29);
  EXPECT_EQ(packing.offer(used, 0, pod(100, 1, 300)).devices, 8U);
  const Node half = node_with(64000, {1000, 1000, 1000, 1000});
  EXPECT_EQ(clustering.offer(half, 1U << 2, pod(0, 2)).score, 87);
  EXPECT_EQ(clustering.offer(half, 1U << 2 | 1, pod(0, 2)).score, 62);
  EXPECT_EQ(clustering.offer(half, 0, pod(0, 2)).score, 37);
  EXPECT_EQ(clustering.offer(half, 1, pod(0, 2)).score, 12);
  EXPECT_EQ(fit.offer(half, 0, pod(0, 4)).score, 75);
  EXPECT_EQ(dot.offer(half, 0, pod(64000, 4)).score, 75);
}

TEST(Policies, TideKeepsProcessorsForIdleGpus) {
  EXPECT_EQ(stranded(node_with(8000, {1000, 1000})), 1500);
  EXPECT_EQ(stranded(node_with(32000, {1000, 1000})), 0);
}

TEST(Policies, RoomThatNobodyWillFillIsWorthNothing) {
  const std::vector<Demand> demand = {{pod(0, 1, 500), 3}, {pod(0, 1, 800), 1}};
  const RoomWorth worth(demand);
  EXPECT_EQ(worth.loss(200, 200), -200'000);  // what was lost is gained
  EXPECT_GT(worth.loss(1000, 800), worth.loss(1000, 500));
}

}  // namespace
}  // namespace gputide::placement
