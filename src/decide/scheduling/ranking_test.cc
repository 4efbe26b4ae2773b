#include "decide/scheduling/ranking.h"

#include <gtest/gtest.h>

namespace gputide::scheduling {
namespace {

using state::NodeId;
using state::PodRef;

class RankingTest : public testing::Test {
 protected:
  NodeId add_node(const std::string& name, const std::string& image = "") {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    node->metadata.labels = {{"zone", name}};
    node->status.allocatable = {{"cpu", Quantity::from_value(8)},
                                {"memory", Quantity::from_value(std::int64_t{64} << 30)},
                                {"pods", Quantity::from_value(200)}};
    if (!image.empty()) node->status.images.edit().push_back({{image}, std::int64_t{900} << 20});
    return cluster_.add_node(std::move(node));
  }
  static model::Pod pod(const std::string& app) {
    model::Pod out;
    out.metadata.name = app;
    out.metadata.namespace_ = "default";
    out.metadata.labels = {{"app", app}};
    out.spec.edit().containers.emplace_back().image = app;
    return out;
  }
  // A pod that would rather have pods of `app` near.
  static PodRef fond_of(const std::string& app, const std::string& name) {
    model::Pod out = pod(name);
    model::WeightedPodAffinityTerm term;
    term.weight = 50;
    term.podAffinityTerm.topologyKey = "zone";
    term.podAffinityTerm.labelSelector = model::LabelSelector{{{"app", app}}, {}};
    auto& affinity = out.spec.edit().affinity.emplace().podAffinity.emplace();
    affinity.preferredDuringSchedulingIgnoredDuringExecution.push_back(term);
    return std::make_shared<const model::Pod>(std::move(out));
  }
  std::vector<std::int64_t> totals(const model::Pod& pod, const std::vector<NodeId>& nodes) {
    std::vector<std::int64_t> out;
    ranking_.total(pod, nodes, out);
    return out;
  }

  state::Cluster cluster_;
  Filters filters_{cluster_};
  Ranking ranking_{filters_};
};

TEST_F(RankingTest, WhatRunningPodsLikeCountsForThosePodsAlone) {
  const NodeId a = add_node("a");
  const NodeId b = add_node("b");
  cluster_.add_pod(std::make_shared<const model::Pod>(pod("other")), b);
  cluster_.add_pod(fond_of("web", "fond"), a);
  const auto of_web = totals(pod("web"), {a, b});
  EXPECT_EQ(of_web[0] - of_web[1], 200);  // 100, weighed by 2
  const auto of_batch = totals(pod("batch"), {a, b});
  EXPECT_EQ(of_batch[0], of_batch[1]);
}

TEST_F(RankingTest, ManyKindsOfPodsThatLikeOthersAreAnsweredTheSame) {
  const NodeId a = add_node("a");
  const NodeId b = add_node("b");
  for (int i = 0; i < 80; ++i) {
    const std::string number = std::to_string(i);
    cluster_.add_pod(fond_of("web" + number, "fond" + number), a);
    cluster_.add_pod(std::make_shared<const model::Pod>(pod("other" + number)), b);
  }
  const auto of_web = totals(pod("web7"), {a, b});
  EXPECT_EQ(of_web[0] - of_web[1], 200);
  const auto of_batch = totals(pod("batch"), {a, b});
  EXPECT_EQ(of_batch[0], of_batch[1]);
}

TEST_F(RankingTest, AnImageCountsWhereItLies) {
  const NodeId a = add_node("a", "web:latest");
  const NodeId b = add_node("b", "db:latest");
  const auto of_web = totals(pod("web"), {a, b});
  // Half of 900 MB, as one of two nodes has it, between 23 MB and 1000 MB.
  EXPECT_EQ(of_web[0] - of_web[1], 100 * (450 - 23) / (1000 - 23));
  auto moved = std::make_shared<model::Node>(*cluster_.node(a).object);
  moved->status.images.edit()[0].names = {"db:latest"};
  cluster_.update_node(a, moved);
  const auto after = totals(pod("web"), {a, b});
  EXPECT_EQ(after[0], after[1]);
}

TEST_F(RankingTest, NodesThatCameAndWentUnseenAreNotThere) {
  std::vector<NodeId> nodes;
  for (int i = 0; i < 5000; ++i) nodes.push_back(add_node("n" + std::to_string(i), "web:latest"));
  const auto before = totals(pod("web"), nodes);
  cluster_.fork();
  for (int i = 0; i < 2000; ++i) add_node("imagined" + std::to_string(i), "db:latest");
  cluster_.revert();
  EXPECT_EQ(totals(pod("web"), nodes), before);
}

}  // namespace
}  // namespace gputide::scheduling
