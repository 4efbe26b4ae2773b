#include "decide/provisioning/existing_nodes.h"

#include <gtest/gtest.h>

#include "decide/provisioning/node_constraints.h"

namespace gputide::provisioning {
namespace {

std::shared_ptr<model::Node> node(const std::string& name, bool ready = true) {
  auto out = std::make_shared<model::Node>();
  out->metadata.name = name;
  out->spec.providerID = "aws:///us-west-2a/i-" + name;
  out->status.allocatable["cpu"] = Quantity::from_value(4);
  out->status.conditions.push_back({"Ready", ready ? "True" : "False", "", "", {}, {}});
  return out;
}

std::shared_ptr<model::NodeClaim> claim_of(const model::Node& of) {
  auto out = std::make_shared<model::NodeClaim>();
  out->metadata.name = "claim";
  out->status.providerID = of.spec.providerID;
  out->status.allocatable["nvidia.com/gpu"] = Quantity::from_value(1);
  out->spec.startupTaints.push_back({"example.com/starts", "", "NoSchedule", {}});
  return out;
}

std::vector<std::string> keys(const ProvisionNode& of) {
  std::vector<std::string> out;
  for (const model::Taint& taint : of.taints) out.push_back(taint.key);
  return out;
}

using Keys = std::vector<std::string>;
using Nodes = std::vector<std::shared_ptr<const model::Node>>;
using Claims = std::vector<std::shared_ptr<const model::NodeClaim>>;

TEST(ExistingNodes, CordonedOnesHaveTheTaintOnce) {
  auto cordoned = node("a");
  cordoned->spec.unschedulable = true;
  EXPECT_EQ(keys(existing_nodes(Nodes{cordoned}, {}).nodes.at(0)),
            Keys{"node.kubernetes.io/unschedulable"});
  cordoned->spec.taints.push_back({"node.kubernetes.io/unschedulable", "", "NoSchedule", {}});
  EXPECT_EQ(keys(existing_nodes(Nodes{cordoned}, {}).nodes.at(0)).size(), 1U);
}

TEST(ExistingNodes, ThoseThatAreNotReadyRepelPods) {
  EXPECT_EQ(keys(existing_nodes(Nodes{node("a", false)}, {}).nodes.at(0)),
            Keys{"node.kubernetes.io/not-ready"});
}

TEST(ExistingNodes, ThoseThatGoAreNamedOnly) {
  auto deleted = node("a"), scaled_down = node("b"), disrupted = node("c"), claimed = node("d");
  deleted->metadata.deletionTimestamp = Instant();
  scaled_down->spec.taints.push_back({"ToBeDeletedByClusterAutoscaler", "1", "NoSchedule", {}});
  disrupted->spec.taints.push_back({"karpenter.sh/disrupted", "", "NoSchedule", {}});
  auto claim = claim_of(*claimed);
  claim->metadata.deletionTimestamp = Instant();
  const ExistingNodes found =
      existing_nodes(Nodes{deleted, scaled_down, disrupted, claimed}, Claims{claim});
  EXPECT_TRUE(found.nodes.empty());
  EXPECT_EQ(found.leaving, (std::set<std::string>{"a", "b", "c", "d"}));
}

TEST(ExistingNodes, AClaimCountsAsWhatItWasBoughtAs) {
  auto starting = node("a", false);
  starting->metadata.labels["karpenter.sh/nodepool"] = "gpu";
  starting->spec.taints = {{"node.kubernetes.io/not-ready", "", "NoSchedule", {}},
                           {"example.com/starts", "", "NoSchedule", {}},
                           {"example.com/stays", "", "NoSchedule", {}}};
  const auto claim = claim_of(*starting);
  const ProvisionNode coming = existing_nodes(Nodes{starting}, Claims{claim}).nodes.at(0);
  EXPECT_FALSE(coming.ready);
  EXPECT_EQ(keys(coming), Keys{"example.com/stays"});
  EXPECT_EQ(coming.allocatable.size(), 2U);
  EXPECT_EQ(existing_nodes({}, Claims{claim}).nodes.at(0).name, "claim");
  // Without its claim its start-up taints are not known.
  const ProvisionNode alone = existing_nodes(Nodes{starting}, {}).nodes.at(0);
  EXPECT_EQ(keys(alone), (Keys{"example.com/starts", "example.com/stays"}));
  EXPECT_EQ(alone.allocatable.size(), 1U);
  starting->metadata.labels["karpenter.sh/initialized"] = "true";
  const ExistingNodes later = existing_nodes(Nodes{starting}, Claims{claim});
  EXPECT_EQ(later.nodes.size(), 1U);
  EXPECT_TRUE(later.nodes.at(0).ready);
  EXPECT_EQ(keys(later.nodes.at(0)).size(), 3U);
}

}  // namespace
}  // namespace gputide::provisioning
