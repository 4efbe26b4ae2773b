#include "decide/scaling/simulation.h"

#include <gtest/gtest.h>

#include "decide/scaling/testing.h"

namespace gputide::scaling {
namespace {

NodeRef made(const std::string& name) {
  return std::make_shared<const model::Node>(scaling::node_of(name, 0));
}

TEST(Simulation, WhatIsOnTopStaysUntilSomethingBeneathChanges) {
  Simulation simulation;
  const NodeId first = simulation.add_node(made("first"), {});
  const auto put = [&] {
    simulation.put_on_top([&] { simulation.add_node(made("top"), {}); });
    return simulation.find("top");
  };
  const NodeId top = put();
  EXPECT_EQ(top, first + 1);
  simulation.fork();
  simulation.remove_node(top);
  simulation.add_node(made("thought of"), {});
  simulation.revert();
  EXPECT_TRUE(simulation.has_top());
  EXPECT_EQ(simulation.find("top"), top);

  const NodeId second = simulation.add_node(made("second"), {});
  EXPECT_FALSE(simulation.has_top());
  EXPECT_EQ(simulation.find("top"), kNoNode);
  EXPECT_EQ(second, top);  // as if it had never been there
  EXPECT_EQ(put(), second + 1);
  EXPECT_EQ(put(), second + 1);  // in the place of what was there
  simulation.take_off_top();
  EXPECT_EQ(simulation.end(), second + 1);
  EXPECT_FALSE(simulation.has_top());
}

TEST(Simulation, PodsThatComeOrGoBeneathTakeOffTheTop) {
  Simulation simulation;
  const NodeId node = simulation.add_node(made("node"), {});
  const PodRef pod = std::make_shared<const model::Pod>();
  const auto top_stays = [&](auto change) {
    simulation.put_on_top([&] { simulation.add_node(made("top"), {}); });
    change();
    return simulation.has_top();
  };
  EXPECT_TRUE(top_stays([&] { simulation.check(pod, node); }));
  EXPECT_FALSE(top_stays([&] { simulation.add_pod(pod, node); }));
  EXPECT_FALSE(top_stays([&] { simulation.remove_pod(pod, node); }));
  EXPECT_FALSE(top_stays([&] { simulation.add_to_first_fit(pod, simulation.entry_of(*pod), {}); }));
  EXPECT_FALSE(top_stays([&] { simulation.remove_pods(simulation.pods(node), node); }));
  EXPECT_FALSE(top_stays([&] { simulation.remove_node(node); }));
}

}  // namespace
}  // namespace gputide::scaling
