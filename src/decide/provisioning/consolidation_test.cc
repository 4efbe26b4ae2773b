#include "decide/provisioning/consolidation.h"

#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gputide::provisioning {
namespace {

ProviderType type(const std::string& name, std::int64_t cores, std::int64_t micros) {
  ProviderType out;
  out.name = name;
  out.requirements.add(Requirement::in("node.kubernetes.io/instance-type", name));
  out.requirements.add(Requirement::in("topology.kubernetes.io/zone", "a"));
  out.requirements.add(Requirement::in("karpenter.sh/capacity-type", "on-demand"));
  out.offerings.push_back({"a", "on-demand", "", 0, Money::micros(micros), true});
  out.capacity =
      out.allocatable = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
  return out;
}

// Nodes of these types, each with so many pods of one core.
struct World {
  ProvisionProblem problem;
  std::vector<Candidate> candidates;

  World() {
    problem.types = {type("small", 2, 100'000), type("large", 8, 400'000)};
    problem.pool_types = {{0, 1}};
    problem.pools.emplace_back().metadata.name = "main";
  }
  void add(std::uint32_t type, int pods) {
    const ProviderType& of = problem.types[type];
    const auto n = static_cast<std::uint32_t>(problem.nodes.size());
    ProvisionNode node;
    node.name = "node-" + std::to_string(n);
    node.labels = {{"karpenter.sh/nodepool", "main"}, {"topology.kubernetes.io/zone", "a"}};
    node.allocatable = node.capacity = of.allocatable;
    Candidate candidate{n, of.offerings.front().price, 1.0 + pods, {}};
    for (int i = 0; i < pods; ++i) {
      auto pod = std::make_shared<model::Pod>();
      pod->metadata.name = node.name + "-" + std::to_string(i);
      model::Container container;
      container.resources.requests = {{"cpu", Quantity::from_value(1)}};
      pod->spec.edit().containers = {container};
      pod->spec.edit().nodeName = node.name;
      candidate.pods.push_back(static_cast<std::uint32_t>(problem.bound.size()));
      problem.bound.push_back(std::move(pod));
    }
    problem.nodes.push_back(std::move(node));
    candidates.push_back(std::move(candidate));
  }
};

TEST(Consolidation, FullNodesStay) {
  World world;
  world.add(1, 8);
  world.add(0, 2);
  EXPECT_FALSE(consolidate(world.problem, world.candidates));
}

TEST(Consolidation, PodsThatFitElsewhereFreeTheirNode) {
  World world;
  world.add(1, 7);
  world.add(0, 1);
  const auto found = consolidate(world.problem, world.candidates);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->candidates, std::vector<std::uint32_t>{1});
  EXPECT_EQ(found->plan.per_hour, Money());
  EXPECT_EQ(found->saves, Money::micros(100'000));
}

TEST(Consolidation, AReplacementMustSaveATenth) {
  World world;
  world.add(1, 8);  // four small nodes would cost 400'000
  world.candidates.front().price = Money::micros(440'000);
  EXPECT_FALSE(consolidate(world.problem, world.candidates));
  world.candidates.front().price = Money::micros(450'000);
  const auto found = consolidate(world.problem, world.candidates);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->saves, Money::micros(50'000));
}

TEST(Consolidation, SeveralNodesBecomeSeveralCheaperOnes) {
  World world;
  for (int i = 0; i < 3; ++i) world.add(1, 2);  // 6 pods on 24 cores
  const auto found = consolidate(world.problem, world.candidates);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->candidates.size(), 3u);
  EXPECT_EQ(found->plan.per_hour, Money::micros(300'000));
  EXPECT_EQ(found->saves, Money::micros(900'000));
  EXPECT_EQ(found->moved.size(), 6u);
}

// As where a capacity reservation has less room than there are nodes.
TEST(Consolidation, NodesAreNotReplacedByOthersLikeThem) {
  World world;
  Requirements& labels = world.problem.types[0].requirements;
  labels.erase("karpenter.sh/capacity-type");
  const std::vector<std::string> markets{"on-demand", "reserved"};
  labels.add(Requirement::make("karpenter.sh/capacity-type", "In", markets));
  world.problem.types[0].offerings.push_back({"a", "reserved", "cr-1", 2, Money(), true});
  for (int i = 0; i < 3; ++i) world.add(0, 2);
  const auto found = consolidate(world.problem, world.candidates);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->candidates.size(), 2u);
  EXPECT_EQ(found->plan.per_hour, Money());
  EXPECT_EQ(found->saves, Money::micros(200'000));
}

TEST(Consolidation, ANodeThatIsNoCandidateKeepsItsPods) {
  World world;
  world.add(1, 1);
  world.add(1, 1);
  const auto found = consolidate(world.problem, std::span(world.candidates).first(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->moved, std::vector<std::uint32_t>{0});
  ASSERT_EQ(found->plan.machines.size(), 1u);
  EXPECT_EQ(found->plan.machines.front().existing, "node-1");
}

// A move by the definition: what the pods of these nodes cost elsewhere, with nothing kept from
// another question. nullopt: it is no use.
std::optional<Consolidation> by_definition(const World& world,
                                           const std::vector<std::uint32_t>& chosen) {
  ProvisionProblem rest = world.problem;
  Consolidation out{chosen, {}, {}, {}};
  std::vector<std::string> gone;
  for (const std::uint32_t c : chosen) {
    const Candidate& candidate = world.candidates[c];
    gone.push_back(rest.nodes[candidate.node].name);
    out.saves += candidate.price;
    out.moved.insert(out.moved.end(), candidate.pods.begin(), candidate.pods.end());
  }
  const Money price = out.saves;
  std::sort(out.moved.begin(), out.moved.end());
  for (const std::uint32_t p : out.moved) {
    auto waiting = std::make_shared<model::Pod>(*rest.bound[p]);
    waiting->spec.edit().nodeName.clear();
    rest.pods.push_back(std::move(waiting));
  }
  const auto is_gone = [&](const std::string& name) {
    return std::find(gone.begin(), gone.end(), name) != gone.end();
  };
  std::erase_if(rest.bound, [&](const auto& pod) { return is_gone(pod->spec->nodeName); });
  std::erase_if(rest.nodes, [&](const ProvisionNode& node) { return is_gone(node.name); });
  rest.bound_by_whole_pods = false;
  out.plan = provision(rest, ConsolidationEffort{}.packing);
  out.saves = price - out.plan.per_hour;
  const bool enough = out.plan.per_hour == Money() || out.saves * 10 >= price;
  if (!out.plan.unplaced.empty() || out.saves <= Money() || !enough) return std::nullopt;
  return out;
}

World any_world() {
  using rc::gen::inRange;
  World world;
  world.problem.types.push_back(type("middle", 4, *inRange(150'000, 260'000)));
  world.problem.pool_types = {{0, 1, 2}};
  for (int nodes = *inRange(1, 7); nodes > 0; --nodes) {
    const auto kind = static_cast<std::uint32_t>(*inRange(0, 3));
    world.add(kind, *inRange(1, 1 + (kind == 0 ? 2 : kind == 1 ? 8 : 4)));
    world.candidates.back().price = Money::micros(std::int64_t{60'000} * *inRange(1, 9));
  }
  return world;
}

RC_GTEST_PROP(Consolidation, IsTheBestOfAllMovesTriedToTheEnd, ()) {
  const World world = any_world();
  std::vector<std::uint32_t> order(world.candidates.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Candidate &x = world.candidates[a], &y = world.candidates[b];
    return x.price.to_dollars() / x.disruption > y.price.to_dollars() / y.disruption;
  });
  std::optional<Consolidation> best;
  const auto consider = [&](const std::vector<std::uint32_t>& chosen) {
    auto found = by_definition(world, chosen);
    if (found && (!best || found->saves > best->saves ||
                  (found->saves == best->saves && found->moved.size() < best->moved.size())))
      best = std::move(found);
  };
  for (std::size_t n = order.size(); n > 1; n /= 2)
    consider({order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n)});
  for (const std::uint32_t c : order) consider({c});
  const auto found = consolidate(world.problem, world.candidates);
  RC_ASSERT(found.has_value() == best.has_value());
  if (!found) return;
  RC_ASSERT(found->saves >= best->saves);
  if (found->candidates != best->candidates) return;  // without those that it would buy again
  RC_ASSERT(found->saves == best->saves);
  RC_ASSERT(found->moved == best->moved);
  RC_ASSERT(found->plan.per_hour == best->plan.per_hour);
  RC_ASSERT(found->plan.lower_bound == best->plan.lower_bound);
  RC_ASSERT(found->plan.machines.size() == best->plan.machines.size());
  for (std::size_t m = 0; m < best->plan.machines.size(); ++m) {
    RC_ASSERT(found->plan.machines[m].existing == best->plan.machines[m].existing);
    RC_ASSERT(found->plan.machines[m].type == best->plan.machines[m].type);
    RC_ASSERT(found->plan.machines[m].pods == best->plan.machines[m].pods);
  }
}

TEST(Consolidation, KnowsWhenItIsAskedTheSame) {
  World world;
  world.add(1, 8);
  world.problem.memo = make_offer_memo();
  World later = world;
  const auto same = [&] {
    return asks_the_same(world.problem, world.candidates, later.problem, later.candidates);
  };
  EXPECT_TRUE(same());
  auto ending = std::make_shared<model::Pod>(*world.problem.bound[0]);
  ending->metadata.deletionTimestamp = Instant::from_seconds(1);
  later.problem.bound[0] = ending;
  EXPECT_TRUE(same());  // it is there still
  auto counting = std::make_shared<model::Pod>(*ending);
  counting->spec.edit().topologySpreadConstraints.emplace_back();
  later.problem.bound[0] = counting;
  EXPECT_FALSE(same());
  later = world;
  later.candidates[0].price += Money::micros(1);
  EXPECT_FALSE(same());
  later = world;
  later.problem.nodes[0].allocatable["cpu"] = Quantity::from_value(9);
  EXPECT_FALSE(same());
  later = world;
  later.problem.bound.pop_back();
  EXPECT_FALSE(same());
  later = world;
  later.problem.memo = make_offer_memo();
  EXPECT_FALSE(same());
}

TEST(Substitutes, AreOfferedCheapestFirstAndNotMuchDearer) {
  World world;
  world.problem.types.push_back(type("other", 2, 110'000));
  world.problem.types.push_back(type("dear", 2, 130'000));
  world.problem.pool_types = {{0, 1, 2, 3}};
  world.problem.substitutes = true;
  world.add(0, 2);
  world.problem.pods = world.problem.bound;
  world.problem.bound.clear();
  world.problem.nodes.clear();
  for (auto& pod : world.problem.pods) {
    auto waiting = std::make_shared<model::Pod>(*pod);
    waiting->spec.edit().nodeName.clear();
    pod = waiting;
  }
  const ProvisionPlan plan = provision(world.problem);
  ASSERT_EQ(plan.machines.size(), 1u);
  const auto& list = plan.machines.front().substitutes;
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].type, "small");
  EXPECT_EQ(list[1].type, "other");
}

}  // namespace
}  // namespace gputide::provisioning
