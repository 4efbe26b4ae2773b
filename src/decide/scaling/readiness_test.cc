#include "decide/scaling/readiness.h"

#include <gtest/gtest.h>

#include "decide/scaling/template_node.h"

namespace gputide::scaling {
namespace {

constexpr Instant kCreated = Instant::from_seconds(500);
constexpr Instant kReadySince = Instant::from_seconds(600);

model::Node ready_node() {
  model::Node node;
  node.metadata.name = "n";
  node.metadata.creationTimestamp = kCreated;
  node.status.conditions.push_back({"Ready", "True", "KubeletReady", "", kReadySince, {}});
  return node;
}

NodeReadiness upstream_readiness(const model::Node& node, const Options& options = {}) {
  return readiness(node, {TaintRules(options), Semantics::upstream(Release::V1_36), nullptr});
}

TEST(Readiness, FollowsTheReadyConditionAndConditionTaints) {
  model::Node node = ready_node();
  EXPECT_TRUE(condition_readiness(node).ready);
  EXPECT_EQ(condition_readiness(node).last_transition, kReadySince);

  node.spec.taints.push_back({"node.kubernetes.io/not-ready", "", "NoSchedule", {}});
  EXPECT_FALSE(condition_readiness(node).ready);

  node = ready_node();
  node.status.conditions.push_back(
      {"DiskPressure", "True", "", "", Instant::from_seconds(700), {}});
  EXPECT_FALSE(condition_readiness(node).ready);
  EXPECT_EQ(condition_readiness(node).last_transition, Instant::from_seconds(700));

  node.status.conditions.clear();
  EXPECT_FALSE(condition_readiness(node).ready) << "no Ready condition";
}

TEST(Readiness, UpstreamWaitsForTheGpusOfALabelledNodeOnly) {
  model::Node node = ready_node();
  EXPECT_TRUE(upstream_readiness(node).ready) << "no label: nobody knows that GPUs are to come";
  node.metadata.labels[std::string(kGpuLabel)] = "nvidia-tesla-t4";
  const NodeReadiness waiting = upstream_readiness(node);
  EXPECT_FALSE(waiting.ready);
  EXPECT_EQ(waiting.reason, kResourceUnready);
  EXPECT_EQ(waiting.last_transition, kCreated);

  node.status.allocatable["nvidia.com/gpu.shared"] = Quantity::from_value(10);
  EXPECT_FALSE(upstream_readiness(node).ready) << "upstream does not know shared names";
  node.status.allocatable["nvidia.com/gpu"] = Quantity::from_value(1);
  EXPECT_TRUE(upstream_readiness(node).ready);
}

TEST(Readiness, OursWaitsForEveryResourceThatTheTemplatePromised) {
  const Options options;
  const TaintRules taints(options);
  const model::ResourceList expected{{"cpu", Quantity::from_value(4)},
                                     {"nvidia.com/gpu.shared", Quantity::from_value(10)}};
  const ReadinessRules rules{taints, Semantics::gputide(), &expected};
  model::Node node = ready_node();
  EXPECT_FALSE(readiness(node, rules).ready);
  EXPECT_EQ(missing_resource(node, expected), "nvidia.com/gpu.shared");
  node.status.allocatable["nvidia.com/gpu.shared"] = Quantity::from_value(10);
  EXPECT_TRUE(readiness(node, rules).ready);
}

TEST(Readiness, StartupTaintsMakeUnreadyAndStatusTaintsDoNot) {
  Options options;
  options.startup_taint = {"boot.example.com/agent"};
  options.status_taint = {"flaky.example.com/net"};
  model::Node node = ready_node();
  node.spec.taints = {{"flaky.example.com/net", "", "NoSchedule", {}}};
  EXPECT_TRUE(upstream_readiness(node, options).ready);
  node.spec.taints = {{"boot.example.com/agent", "", "NoSchedule", {}}};
  EXPECT_FALSE(upstream_readiness(node, options).ready);
  EXPECT_EQ(upstream_readiness(node, options).reason, kStartupUnready);
}

TEST(TaintRules, KeepsOnlyWhatBelongsToTheGroup) {
  Options options;
  options.compat = Compat::Upstream;
  const std::vector<model::Taint> taints{
      {"dedicated", "gpu", "NoSchedule", {}},
      {"ToBeDeletedByClusterAutoscaler", "1", "NoSchedule", {}},
      {"node.kubernetes.io/unschedulable", "", "NoSchedule", {}},
      {"startup-taint.cluster-autoscaler.kubernetes.io/x", "", "NoSchedule", {}},
      {"aws-node-termination-handler/spot-itn", "", "NoSchedule", {}}};
  const auto keys = [&](const Options& of) {
    std::vector<std::string> kept;
    for (const model::Taint& taint : TaintRules(of).lasting(taints)) kept.push_back(taint.key);
    return kept;
  };
  EXPECT_EQ(keys(options),
            (std::vector<std::string>{"dedicated", "aws-node-termination-handler/spot-itn"}));
  options.compat = Compat::Gputide;
  EXPECT_EQ(keys(options), std::vector<std::string>{"dedicated"});
}

TEST(DeletionTaint, IsBelievedForFiveMinutes) {
  model::Node node = ready_node();
  EXPECT_FALSE(is_being_deleted(node, kReadySince));
  node.spec.taints.push_back({std::string(kToBeDeletedTaint), "1000", "NoSchedule", {}});
  EXPECT_TRUE(is_being_deleted(node, Instant::from_seconds(1299)));
  EXPECT_FALSE(is_being_deleted(node, Instant::from_seconds(1300)));
  node.spec.taints.back().value = "soon";
  EXPECT_FALSE(is_being_deleted(node, Instant::from_seconds(1001)));
}

}  // namespace
}  // namespace gputide::scaling
