#include "decide/provisioning/drift.h"

#include <functional>

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

const std::vector<std::string> kZones{"us-west-2a", "us-west-2b"};

model::NodePool gpu_pool() {
  model::NodePool pool;
  pool.metadata.name = "gpu";
  pool.spec.template_.metadata.labels = {{"team", "a"}};
  model::NodeClaimTemplateSpec& spec = pool.spec.template_.spec;
  spec.nodeClassRef = {"karpenter.k8s.aws", "EC2NodeClass", "gpu"};
  spec.taints = {{"nvidia.com/gpu", "true", "NoSchedule", {}}};
  spec.requirements = {{"karpenter.sh/capacity-type", "In", {"spot", "on-demand"}, {}},
                       {"karpenter.k8s.aws/instance-cpu-manufacturer", "In", {"intel"}, {}}};
  return pool;
}

model::EC2NodeClass gpu_class() {
  model::EC2NodeClass node_class;
  node_class.metadata.name = "gpu";
  node_class.spec.amiSelectorTerms = {{"al2023@v20260101", {}, "", "", "", ""}};
  node_class.spec.role = "node";
  return node_class;
}

ProviderType g4dn(const std::string& zone = "us-west-2a") {
  ProviderType type;
  type.name = "g4dn.xlarge";
  type.offerings = {{zone, "spot", "", 0, Money::micros(200'000), true}};
  return type;
}

// As it is bought of these.
model::NodeClaim claim_of(const model::NodePool& pool, const model::EC2NodeClass& node_class) {
  model::NodeClaim claim;
  static_cast<model::NodeClaimTemplateSpec&>(claim.spec) = pool.spec.template_.spec;
  claim.metadata.labels = {{"team", "a"},
                           {"karpenter.sh/capacity-type", "spot"},
                           {"node.kubernetes.io/instance-type", "g4dn.xlarge"},
                           {"karpenter.k8s.aws/instance-cpu-manufacturer", "intel"},
                           {"topology.kubernetes.io/zone", "us-west-2a"}};
  claim.metadata.annotations = hash_annotations(pool);
  const model::StringMap of_class = hash_annotations(node_class);
  claim.metadata.annotations.insert(of_class.begin(), of_class.end());
  claim.status.imageID = image_of(node_class);
  return claim;
}

TEST(Drift, OfWhatRunsInAReservationIsThatItIsNotSelected) {
  model::NodePool pool = gpu_pool();
  pool.spec.template_.spec.requirements[0].values = {"reserved"};
  model::EC2NodeClass node_class = gpu_class();
  node_class.spec.capacityReservationSelectorTerms = {{{}, "cr-1", "", ""}};
  model::NodeClaim claim = claim_of(pool, node_class);
  claim.metadata.labels["karpenter.sh/capacity-type"] = "reserved";
  claim.metadata.labels["karpenter.k8s.aws/capacity-reservation-id"] = "cr-1";
  model::CapacityReservation there;
  there.id = "cr-1";
  const std::vector<model::CapacityReservation> all{there};
  const std::vector<ProviderType> offered{g4dn()};
  const auto reason = [&](std::optional<std::span<const model::CapacityReservation>> known) {
    const auto drift = drift_of(claim, {pool, &node_class, kZones, offered, known});
    return drift ? drift->reason : "";
  };
  EXPECT_EQ(reason(all), "") << "its type need not be offered in another market";
  EXPECT_EQ(reason(std::nullopt), "");
  node_class.spec.capacityReservationSelectorTerms[0].id = "cr-2";
  EXPECT_EQ(reason(all), "CapacityReservationDrift");
  EXPECT_EQ(reason(std::nullopt), "") << "AWS has not told yet";
}

// The reason after a change of what the claim was bought of; "" = it has not drifted.
std::string after(const std::function<void(model::NodePool&, model::EC2NodeClass&)>& change) {
  model::NodePool pool = gpu_pool();
  model::EC2NodeClass node_class = gpu_class();
  const model::NodeClaim claim = claim_of(pool, node_class);
  change(pool, node_class);
  const std::vector<ProviderType> offered{g4dn()};
  const auto drift = drift_of(claim, {pool, &node_class, kZones, offered});
  return drift ? drift->reason : "";
}

TEST(Drift, WhatATemplateSaysCounts) {
  EXPECT_EQ(after([](auto&, auto&) {}), "");
  EXPECT_EQ(after([](auto& pool, auto&) { pool.spec.template_.metadata.labels["team"] = "b"; }),
            "NodePoolDrifted");
  EXPECT_EQ(after([](auto& pool, auto&) { pool.spec.template_.spec.taints.clear(); }),
            "NodePoolDrifted");
  EXPECT_EQ(after([](auto& pool, auto&) { pool.spec.template_.spec.expireAfter = "24h"; }),
            "NodePoolDrifted");
  EXPECT_EQ(after([](auto&, auto& node_class) { node_class.spec.userData = "#!/bin/sh"; }),
            "NodeClassDrift");
  EXPECT_EQ(after([](auto&, auto& node_class) {
              node_class.spec.kubelet.set("maxPods", std::int64_t{20});
            }),
            "NodeClassDrift");
}

TEST(Drift, HowNodesAreBoughtAndGivenUpDoesNotCount) {
  EXPECT_EQ(after([](auto& pool, auto&) { pool.spec.weight = 10; }), "");
  EXPECT_EQ(after([](auto& pool, auto&) { pool.spec.limits["cpu"] = Quantity::from_value(1); }),
            "");
  EXPECT_EQ(after([](auto& pool, auto&) {
              pool.spec.disruption.consolidateAfter = "Never";
              pool.spec.disruption.budgets = {{"1", {"Drifted"}, {}, {}}};
            }),
            "");
  EXPECT_EQ(after([](auto&, auto& node_class) {
              node_class.spec.subnetSelectorTerms = {{{{"a", "b"}}, ""}};
              node_class.spec.securityGroupSelectorTerms = {{{{"a", "b"}}, "", ""}};
            }),
            "");
}

TEST(Drift, RequirementsCountAsFarAsTheNodeDoesNotMeetThem) {
  const auto require = [](std::vector<std::string> markets) {
    return [markets = std::move(markets)](auto& pool, auto&) {
      pool.spec.template_.spec.requirements[0].values = markets;
    };
  };
  EXPECT_EQ(after(require({"spot"})), "");
  EXPECT_EQ(after(require({"on-demand"})), "RequirementsDrifted");
  EXPECT_EQ(after([](auto& pool, auto&) {
              pool.spec.template_.spec.requirements.push_back({"team", "Exists", {}, {}});
            }),
            "");
  EXPECT_EQ(after([](auto& pool, auto&) {
              pool.spec.template_.spec.requirements.push_back({"rack", "Exists", {}, {}});
            }),
            "RequirementsDrifted");
}

TEST(Drift, ImagesCountByWhatSelectsThem) {
  const auto select = [](model::AMISelectorTerm term) {
    return after([&](auto&, auto& node_class) { node_class.spec.amiSelectorTerms = {term}; });
  };
  EXPECT_EQ(select({"al2023@v20260101", {}, "", "", "", ""}), "");
  EXPECT_EQ(select({"al2023@v20260201", {}, "", "", "", ""}), "AMIDrift");
  EXPECT_EQ(select({"bottlerocket@v1.30.0", {}, "", "", "", ""}), "NodeClassDrift");
}

TEST(Drift, WhatIsNotSoldThereAnyMoreCounts) {
  const model::NodePool pool = gpu_pool();
  const model::EC2NodeClass node_class = gpu_class();
  const model::NodeClaim claim = claim_of(pool, node_class);
  const std::vector<std::string> other{"us-west-2b"};
  const std::vector<ProviderType> here{g4dn()}, elsewhere{g4dn("us-west-2b")};
  EXPECT_EQ(drift_of(claim, {pool, &node_class, other, here})->reason, "SubnetDrift");
  EXPECT_EQ(drift_of(claim, {pool, &node_class, kZones, elsewhere})->reason,
            "InstanceTypeNotFound");
  EXPECT_FALSE(drift_of(claim, {pool, nullptr, {}, {}}));  // nothing is known
}

TEST(Drift, SaysWhichPartOfTheTemplateChanged) {
  model::NodePool pool = gpu_pool();
  const model::NodeClaim claim = claim_of(pool, gpu_class());
  pool.spec.template_.spec.taints.clear();
  pool.spec.template_.spec.expireAfter = "24h";
  EXPECT_EQ(drift_of(claim, {pool, nullptr, {}, {}})->why,
            "taints, expireAfter of its NodePool changed");
}

TEST(Drift, SaysWhichRequirementIsNotMet) {
  model::NodePool pool = gpu_pool();
  const model::NodeClaim claim = claim_of(pool, gpu_class());
  pool.spec.template_.spec.requirements[0].values = {"on-demand"};
  EXPECT_EQ(drift_of(claim, {pool, nullptr, {}, {}})->why,
            "its NodePool requires karpenter.sh/capacity-type In [on-demand], and it is spot");
}

TEST(Drift, AHashOfAnotherVersionTellsNothing) {
  model::NodePool pool = gpu_pool();
  model::NodeClaim claim = claim_of(pool, gpu_class());
  claim.metadata.annotations[kPoolHashVersion] = "v2";
  pool.spec.template_.spec.taints.clear();
  EXPECT_FALSE(drift_of(claim, {pool, nullptr, {}, {}}));
}

// Recorded from karpenter-provider-aws 1.0 (hash version v4).
model::EC2NodeClass recorded_class() {
  model::EC2NodeClass node_class;
  model::EC2NodeClassSpec& spec = node_class.spec;
  spec.role = "role-1";
  spec.tags = {{"keyTag-1", "valueTag-1"}, {"keyTag-2", "valueTag-2"}};
  spec.context = "fake-context";
  spec.detailedMonitoring = spec.associatePublicIPAddress = false;
  spec.metadataOptions = {"disabled", "disabled", 1, "optional"};
  spec.blockDeviceMappings.resize(2);
  spec.blockDeviceMappings[0].deviceName = "map-device-1";
  spec.blockDeviceMappings[0].ebs = {
      false,     false, 0, "fakeKMSKeyID", "fakeSnapshot", 0, std::nullopt, *Quantity::parse("2G"),
      "standard"};
  spec.blockDeviceMappings[1].deviceName = "map-device-2";
  spec.userData = "userdata-test-1";
  return node_class;
}

TEST(Drift, AClassWithoutKubeletHasKarpentersHash) {
  model::EC2NodeClass node_class = recorded_class();
  EXPECT_EQ(hash_annotations(node_class).at(kClassHash), "4950366118253097694");
  node_class.spec.userData = "userdata-test-2";
  EXPECT_EQ(hash_annotations(node_class).at(kClassHash), "9034828637236670345");
  node_class = recorded_class();
  node_class.spec.detailedMonitoring = true;
  EXPECT_EQ(hash_annotations(node_class).at(kClassHash), "14187487647319890991");
  node_class = recorded_class();
  node_class.spec.blockDeviceMappings[0].ebs.volumeSize = *Quantity::parse("10G");
  EXPECT_EQ(hash_annotations(node_class).at(kClassHash), "5906178522470964189");
}

}  // namespace
}  // namespace gputide::provisioning
