#include "decide/scaling/cheapest_growth.h"

#include <gtest/gtest.h>

namespace gputide::scaling {
namespace {

NodeTemplate node(std::int64_t cores, const std::string& zone) {
  NodeTemplate made;
  made.node.metadata.name = "template";
  made.node.metadata.labels = {{"topology.kubernetes.io/zone", zone},
                               {"kubernetes.io/hostname", "template"}};
  made.node.status.allocatable = {{"cpu", Quantity::from_value(cores)},
                                  {"pods", Quantity::from_value(50)}};
  return made;
}

PodRef pod(const std::string& name, std::int64_t cores) {
  auto made = std::make_shared<model::Pod>();
  made->metadata.name = name;
  made->metadata.namespace_ = "default";
  made->metadata.labels = {{"app", "web"}};
  model::Container container;
  container.resources.requests["cpu"] = Quantity::from_value(cores);
  made->spec.edit().containers = {container};
  return made;
}

class CheapestGrowth : public testing::Test {
 protected:
  void add(const PodRef& pod) { pods_.push_back({pod, std::vector<std::uint8_t>(2, 1)}); }

  NodeTemplate small_ = node(2, "a"), large_ = node(8, "b");
  std::vector<GrowthGroup> groups_{{&small_, Money::micros(100'000), 10},
                                   {&large_, Money::micros(300'000), 10}};
  std::vector<GrowthPod> pods_;
  Observation seen_;
};

TEST_F(CheapestGrowth, TakesPodsOfManyGroupsTogether) {
  add(pod("large", 5));
  for (const char* name : {"a", "b", "c"}) add(pod(name, 1));
  const Growth growth = cheapest_growth(groups_, pods_, seen_);
  EXPECT_EQ(growth.nodes, (std::vector<std::int64_t>{0, 1}));  // the small ones fill the large node
  EXPECT_EQ(growth.per_hour, Money::micros(300'000));
  EXPECT_EQ(growth.placed, (std::vector<std::uint8_t>{1, 1, 1, 1}));
  EXPECT_LE(growth.lower_bound, growth.per_hour);
  EXPECT_TRUE(growth.any_order);
}

// Four small pods planned for small nodes could come to the large one first.
TEST_F(CheapestGrowth, SaysWhenThePlanHangsOnTheSchedulersOrder) {
  add(pod("large", 7));
  for (const char* name : {"a", "b", "c", "d"}) add(pod(name, 1));
  const Growth growth = cheapest_growth(groups_, pods_, seen_);
  EXPECT_EQ(growth.nodes, (std::vector<std::int64_t>{2, 1}));
  EXPECT_FALSE(growth.any_order);
}

TEST_F(CheapestGrowth, KeepsToTheRoomOfAGroup) {
  groups_[1].room = 0;
  for (const char* name : {"a", "b", "c", "d", "e"}) add(pod(name, 1));
  add(pod("large", 5));
  const Growth growth = cheapest_growth(groups_, pods_, seen_);
  EXPECT_EQ(growth.nodes, (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(growth.placed, (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0}));
}

TEST_F(CheapestGrowth, TheBoundAloneIsOfAllThePods) {
  for (const char* name : {"a", "b", "c", "d"}) add(pod(name, 2));
  EXPECT_EQ(growth_bound(groups_, pods_, seen_), Money::micros(300'000));  // a large node
  pods_.front().groups = {1, 0};
  EXPECT_EQ(growth_bound(groups_, pods_, seen_), Money::micros(400'000));
}

TEST_F(CheapestGrowth, HeedsTheSchedulersFilters) {
  pods_.push_back({pod("a", 1), {0, 1}});
  const Growth growth = cheapest_growth(groups_, pods_, seen_);
  EXPECT_EQ(growth.nodes, (std::vector<std::int64_t>{0, 1}));
}

// Also by a label's name of old.
TEST_F(CheapestGrowth, HeedsTheLabelsThatPodsAskFor) {
  for (NodeTemplate* each : {&small_, &large_}) {
    each->node.metadata.labels["beta.kubernetes.io/arch"] = each == &small_ ? "amd64" : "arm64";
    each->node.metadata.labels["team"] = each == &small_ ? "a" : "b";
  }
  const auto asking = [](const char* key, const char* value) {
    auto made = std::make_shared<model::Pod>(*pod("picky", 1));
    made->spec.edit().nodeSelector = {{key, value}};
    return made;
  };
  add(asking("kubernetes.io/arch", "arm64"));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).nodes, (std::vector<std::int64_t>{0, 1}));
  pods_.clear();
  add(asking("team", "b"));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).nodes, (std::vector<std::int64_t>{0, 1}));
  pods_.clear();
  add(asking("team", "c"));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).nodes, (std::vector<std::int64_t>{0, 0}));
}

TEST_F(CheapestGrowth, ItsBoundIsTheBoundOfWhatItPlaced) {
  for (const char* name : {"a", "b", "c", "d", "e"}) add(pod(name, 2));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).lower_bound,
            growth_bound(groups_, pods_, seen_));
  const Money all = growth_bound(groups_, pods_, seen_);
  add(pod("too-large", 100));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).lower_bound, all);
}

TEST_F(CheapestGrowth, CountsThePodsThatStandOnNewNodes) {
  small_.pods = {pod("daemon", 1)};
  for (const char* name : {"a", "b"}) add(pod(name, 1));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).nodes, (std::vector<std::int64_t>{2, 0}));
}

// One pod runs in zone a already: a spread over zones wants the next one in b, though a is cheaper.
TEST_F(CheapestGrowth, SpreadsAsThePodsThatRunAsk) {
  const auto spread = [](const PodRef& from) {
    auto made = std::make_shared<model::Pod>(*from);
    model::TopologySpreadConstraint rule;
    rule.maxSkew = 1;
    rule.topologyKey = "topology.kubernetes.io/zone";
    rule.whenUnsatisfiable = "DoNotSchedule";
    rule.labelSelector = model::LabelSelector{{{"app", "web"}}, {}};
    made->spec.edit().topologySpreadConstraints = {rule};
    return made;
  };
  auto running = spread(pod("old", 1));
  running->spec.edit().nodeName = "node-1";
  auto view = std::make_shared<NodeView>();
  auto there = std::make_shared<model::Node>(small_.node);
  there->metadata.name = there->metadata.labels["kubernetes.io/hostname"] = "node-1";
  view->node = there;
  view->pods = {running};
  seen_.nodes = {view};
  add(spread(pod("new", 1)));
  EXPECT_EQ(cheapest_growth(groups_, pods_, seen_).nodes, (std::vector<std::int64_t>{0, 1}));
}

}  // namespace
}  // namespace gputide::scaling
