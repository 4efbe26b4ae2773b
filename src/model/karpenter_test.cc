#include <gtest/gtest.h>

#include "model/karpenter_v1beta1.h"

namespace gputide::model {
namespace {

TEST(NodePoolV1beta1, BecomesV1WithItsDefaultsWrittenOut) {
  v1beta1::NodePool old;
  old.metadata.name = "gpu";
  old.spec.weight = 3;
  old.spec.template_.spec.nodeClassRef = {"karpenter.k8s.aws/v1beta1", "", "gpu"};
  old.spec.disruption.budgets = {{"10%", std::nullopt, std::nullopt}};
  const NodePool pool = v1beta1::to_v1(old, R"({"maxPods":58})", "");
  EXPECT_EQ(pool.spec.template_.spec.expireAfter, "720h");
  EXPECT_EQ(pool.spec.disruption.consolidationPolicy, "WhenEmptyOrUnderutilized");
  EXPECT_EQ(pool.spec.disruption.consolidateAfter, "0s");
  EXPECT_EQ(pool.spec.template_.spec.nodeClassRef.group, "karpenter.k8s.aws");
  EXPECT_EQ(pool.spec.template_.spec.nodeClassRef.kind, "EC2NodeClass");
  EXPECT_EQ(pool.spec.weight, 3);
  EXPECT_EQ(pool.metadata.annotations.at("compatibility.karpenter.sh/v1beta1-kubelet-conversion"),
            R"({"maxPods":58})");
}

TEST(NodePoolV1beta1, KeepsAPolicyThatIsStillThere) {
  v1beta1::NodePool old;
  old.spec.disruption.consolidationPolicy = "WhenEmpty";
  old.spec.disruption.consolidateAfter = "30s";
  old.spec.disruption.expireAfter = "Never";
  const NodePool pool = v1beta1::to_v1(old, "", "");
  EXPECT_EQ(pool.spec.disruption.consolidationPolicy, "WhenEmpty");
  EXPECT_EQ(pool.spec.disruption.consolidateAfter, "30s");
  EXPECT_EQ(pool.spec.template_.spec.expireAfter, "Never");
  EXPECT_EQ(pool.spec.template_.spec.nodeClassRef.group, "karpenter.k8s.aws");
  EXPECT_TRUE(pool.metadata.annotations.empty());
}

TEST(EC2NodeClassV1beta1, MeansTheNewestImageOfItsFamily) {
  v1beta1::EC2NodeClass old;
  old.spec.amiFamily = "AL2023";
  EC2NodeClass now = v1beta1::to_v1(old);
  ASSERT_EQ(now.spec.amiSelectorTerms.size(), 1u);
  EXPECT_EQ(now.spec.amiSelectorTerms[0].alias, "al2023@latest");
  EXPECT_EQ(now.spec.amiFamily, "");
  old.spec.amiSelectorTerms = {{{}, "ami-1", "", ""}};
  now = v1beta1::to_v1(old);
  EXPECT_EQ(now.spec.amiSelectorTerms[0].id, "ami-1");
  EXPECT_EQ(now.spec.amiFamily, "AL2023");
}

TEST(EC2NodeClassV1beta1, TurnsUbuntuAndUnknownFamilies) {
  v1beta1::EC2NodeClass old;
  old.spec.amiFamily = "Ubuntu";
  EC2NodeClass now = v1beta1::to_v1(old);
  EXPECT_EQ(now.spec.amiFamily, "AL2");
  EXPECT_TRUE(now.metadata.annotations.contains("compatibility.karpenter.k8s.aws/v1beta1-ubuntu"));
  ASSERT_EQ(now.spec.blockDeviceMappings.size(), 1u);
  EXPECT_EQ(now.spec.blockDeviceMappings[0].deviceName, "/dev/sda1");
  old.spec.amiFamily = "Custom";
  EXPECT_EQ(v1beta1::to_v1(old).spec.amiFamily, "Custom");
}

}  // namespace
}  // namespace gputide::model
