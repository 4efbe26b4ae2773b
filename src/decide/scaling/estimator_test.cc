#include "decide/scaling/estimator.h"

#include <gtest/gtest.h>

#include "decide/scaling/placement.h"

namespace gputide::scaling {
namespace {

std::shared_ptr<NodeTemplate> template_of(const std::string& name, std::int64_t cores) {
  auto made = std::make_shared<NodeTemplate>();
  made->node.metadata.name = made->node.metadata.uid = name;
  made->node.metadata.labels["kubernetes.io/hostname"] = name;
  made->node.status.allocatable = {{"cpu", Quantity::from_value(cores)},
                                   {"pods", Quantity::from_value(10)}};
  return made;
}

PodRef pod_of(const std::string& name, std::int64_t cores) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = pod->metadata.uid = name;
  pod->metadata.namespace_ = "default";
  model::Container container;
  container.resources.requests["cpu"] = Quantity::from_value(cores);
  pod->spec.edit().containers = {container};
  return pod;
}

TEST(TemplateCopies, AreMadeOnceAndNamedByWhatTheyStandFor) {
  const auto small = template_of("small", 2);
  TemplateCopies copies;
  copies.use(small);
  EXPECT_EQ(copies.itself().get(), &small->node);
  EXPECT_EQ(copies.upcoming(1)->metadata.name, "small-upcoming-1");
  EXPECT_EQ(copies.upcoming(1)->metadata.labels.at("kubernetes.io/hostname"), "small-upcoming-1");
  EXPECT_EQ(copies.thought_of(0)->metadata.name, "e-small-0");
  EXPECT_EQ(copies.thought_of(0), copies.thought_of(0));
  EXPECT_EQ(copies.thought_of(99)->metadata.name, "e-small-99");
  const auto unnamed = template_of("large", 8);
  unnamed->node.metadata.labels["kubernetes.io/hostname"] = "other";
  copies.use(unnamed);
  EXPECT_EQ(copies.itself()->metadata.labels.at("kubernetes.io/hostname"), "large");
  EXPECT_EQ(copies.upcoming(0)->metadata.name, "large-upcoming-0");
}

TEST(Placer, KnowsPodsAnewInAnotherSimulation) {
  const NodeRef node = std::make_shared<const model::Node>(template_of("node", 4)->node);
  const std::vector<PodRef> waiting = {pod_of("a", 3), pod_of("b", 3)};
  PodShapes shapes;
  Placer placer;
  Simulation first;
  first.add_node(node, {});
  EXPECT_EQ(placer.place(waiting, {}, {}, OnFailure::GoOn, first, shapes),
            (std::vector<NodeId>{0, kNoNode}));
  // Here other specs come first, so that the numbers of specs are others.
  Simulation second;
  second.add_node(node, std::vector<PodRef>{pod_of("running", 1)});
  placer.forget_entries();
  EXPECT_EQ(placer.place(waiting, {}, {}, OnFailure::GoOn, second, shapes),
            (std::vector<NodeId>{0, kNoNode}));
}

}  // namespace
}  // namespace gputide::scaling
