#include "decide/provisioning/consolidation.h"

#include <gtest/gtest.h>

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
