#include "decide/scaling/resource_limits.h"

#include <gtest/gtest.h>

namespace gputide::scaling {
namespace {

std::shared_ptr<const NodeView> node_of(std::int64_t cores, std::int64_t gpus) {
  model::Node node;
  node.status.capacity = {{"cpu", Quantity::from_value(cores)},
                          {"memory", Quantity::from_value(cores << 32)}};
  node.status.allocatable = node.status.capacity;
  if (gpus > 0) {
    node.metadata.labels["k8s.amazonaws.com/accelerator"] = "nvidia-tesla-t4";
    node.status.allocatable["nvidia.com/gpu"] = Quantity::from_value(gpus);
  }
  auto view = std::make_shared<NodeView>();
  view->node = std::make_shared<const model::Node>(std::move(node));
  return view;
}

TEST(ResourceLimits, KeepTheMinimumOfTheCluster) {
  Options options;
  options.cores_total = "10:100";
  options.gpu_total = {"nvidia-tesla-t4:1:8"};
  Observation seen;
  seen.nodes = {node_of(4, 0), node_of(4, 1), node_of(4, 1), node_of(8, 0)};
  ClusterAmounts above = ResourceLimits(options).above_minimum(seen, Instant());
  EXPECT_EQ(above, (ClusterAmounts{{"cpu", 10}, {"nvidia-tesla-t4", 1}}));
  EXPECT_TRUE(ResourceLimits::take(above, *seen.nodes[1]->node));
  EXPECT_FALSE(ResourceLimits::take(above, *seen.nodes[2]->node));  // the last GPU
  EXPECT_FALSE(ResourceLimits::take(above, *seen.nodes[3]->node));  // 8 cores of 6
  EXPECT_TRUE(ResourceLimits::take(above, *seen.nodes[0]->node));
  EXPECT_EQ(above, (ClusterAmounts{{"cpu", 2}, {"nvidia-tesla-t4", 0}}));
}

TEST(ResourceLimits, WithoutAMinimumAnythingMayGo) {
  Observation seen;
  seen.nodes = {node_of(4, 1)};
  ClusterAmounts above = ResourceLimits(Options()).above_minimum(seen, Instant());
  EXPECT_TRUE(above.empty());
  EXPECT_TRUE(ResourceLimits::take(above, *seen.nodes[0]->node));
}

}  // namespace
}  // namespace gputide::scaling
