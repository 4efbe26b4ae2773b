#include "decide/cluster/node_groups.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "codec/objects.h"
#include "decide/cluster/instance_selector.h"
#include "decide/cluster/network.h"

namespace gputide::cluster {
namespace {

using model::NodeGroupPlan;

struct Planned {
  std::vector<NodeGroupPlan> plans;
  std::vector<std::string> findings;
};

Planned plan(const std::string& yaml) {
  Planned planned;
  Diagnostics diagnostics;
  for (const model::Object& object : codec::read_objects(yaml, "cluster.yaml", diagnostics))
    if (const auto* config = object.as<model::ClusterConfig>())
      planned.plans = plan_node_groups(*config, pricing::Catalogue::builtin(), object.source,
                                       object.file, diagnostics);
  for (const Diagnostic& finding : diagnostics.sorted()) planned.findings.push_back(text(finding));
  return planned;
}

std::string with_group(const std::string& list, const std::string& fields) {
  return "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n"
         "metadata: {name: tide, region: us-west-2}\n"
         "availabilityZones: [us-west-2a, us-west-2b, us-west-2c]\n" +
         list + ":\n  - name: one\n" + fields;
}

NodeGroupPlan one(const std::string& fields, const std::string& list = "nodeGroups") {
  const Planned planned = plan(with_group(list, fields));
  EXPECT_EQ(planned.findings, std::vector<std::string>());
  EXPECT_EQ(planned.plans.size(), 1u);
  return planned.plans.empty() ? NodeGroupPlan() : planned.plans.front();
}

std::string only_finding(const std::string& fields, const std::string& list = "nodeGroups") {
  const Planned planned = plan(with_group(list, fields));
  EXPECT_EQ(planned.plans.size(), 0u);
  EXPECT_EQ(planned.findings.size(), 1u);
  return planned.findings.empty() ? "" : planned.findings.front();
}

std::string tag(const NodeGroupPlan& plan, std::string_view key) {
  const std::string* value = plan.group.tag(key);
  return value == nullptr ? "-" : *value;
}

TEST(SelfManaged, ComeWithTheDefaultsOfEksctl) {
  const NodeGroupPlan plan = one("    labels: {team: ml}\n");
  EXPECT_EQ(plan.group.min_size, 2);
  EXPECT_EQ(plan.group.max_size, 2);
  EXPECT_EQ(plan.group.desired_capacity, 2);
  EXPECT_EQ(plan.launch.instance_type, "m5.large");
  EXPECT_EQ(plan.bootstrap.volume_gib, 80);
  EXPECT_FALSE(plan.bootstrap.nvidia_driver);
  EXPECT_FALSE(plan.group.mixed_instances_policy);
  ASSERT_TRUE(plan.group.launch_template);
  EXPECT_EQ(plan.group.launch_template->name, "eksctl-tide-nodegroup-one");
  EXPECT_TRUE(plan.group.name.starts_with("eksctl-tide-nodegroup-one-NodeGroup-"));
  EXPECT_EQ(plan.bootstrap.labels, (model::StringMap{{"team", "ml"},
                                                     {"alpha.eksctl.io/cluster-name", "tide"},
                                                     {"alpha.eksctl.io/nodegroup-name", "one"}}));
  EXPECT_EQ(tag(plan, "Name"), "tide-one-Node");
  EXPECT_EQ(tag(plan, "kubernetes.io/cluster/tide"), "owned");
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/enabled"), "-");
  EXPECT_EQ(plan.subnet_cidrs,
            (std::vector<std::string>{"192.168.0.0/19", "192.168.32.0/19", "192.168.64.0/19"}));
}

TEST(SelfManaged, SizesFollowFromEachOther) {
  const auto sizes = [](const std::string& fields) {
    const NodeGroupPlan plan = one(fields);
    return std::array{plan.group.min_size, plan.group.desired_capacity, plan.group.max_size};
  };
  using Sizes = std::array<std::int64_t, 3>;
  EXPECT_EQ(sizes("    desiredCapacity: 3\n"), (Sizes{3, 3, 3}));
  EXPECT_EQ(sizes("    minSize: 0\n    maxSize: 5\n"), (Sizes{0, 0, 5}));
  EXPECT_EQ(sizes("    minSize: 1\n    desiredCapacity: 4\n"), (Sizes{1, 4, 4}));
  EXPECT_EQ(sizes("    maxSize: 7\n"), (Sizes{2, 2, 7}));
}

TEST(SelfManaged, WithADistributionHaveAMixedPolicy) {
  const NodeGroupPlan plan =
      one("    instanceType: mixed\n    minSize: 0\n    maxSize: 3\n"
          "    availabilityZones: [us-west-2b]\n    privateNetworking: true\n"
          "    iam: {withAddonPolicies: {autoScaler: true}}\n"
          "    instancesDistribution:\n      instanceTypes: [p2.xlarge, p3.2xlarge]\n"
          "      maxPrice: 1.5\n      onDemandPercentageAboveBaseCapacity: 0\n");
  ASSERT_TRUE(plan.group.mixed_instances_policy);
  const auto& policy = *plan.group.mixed_instances_policy;
  ASSERT_EQ(policy.overrides.size(), 2u);
  EXPECT_EQ(policy.overrides[1].instance_type, "p3.2xlarge");
  EXPECT_EQ(policy.distribution.on_demand_base_capacity, 0);
  EXPECT_EQ(policy.distribution.on_demand_percentage_above_base, 0);
  EXPECT_EQ(policy.distribution.spot_instance_pools, 2);
  EXPECT_EQ(policy.distribution.spot_allocation_strategy, "lowest-price");
  EXPECT_EQ(policy.distribution.spot_max_price, Money::micros(1'500'000));
  EXPECT_EQ(plan.launch.instance_type, "p2.xlarge");
  EXPECT_TRUE(plan.bootstrap.nvidia_driver);
  EXPECT_EQ(plan.subnet_cidrs, std::vector<std::string>{"192.168.128.0/19"});
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/enabled"), "true");
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/tide"), "owned");
}

TEST(SelfManaged, PropagateTaintsWithoutTheirEffectAsEksctlDoes) {
  const NodeGroupPlan plan =
      one("    propagateASGTags: true\n    labels: {team: ml}\n"
          "    taints: [{key: nvidia.com/gpu, value: 'true', effect: NoSchedule}]\n");
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/node-template/label/team"), "ml");
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/node-template/taint/nvidia.com/gpu"), "true");
  ASSERT_EQ(plan.bootstrap.taints.size(), 1u);
  EXPECT_EQ(plan.bootstrap.taints[0].effect, "NoSchedule");
}

TEST(SelfManaged, OfUbuntuBringNoDriver) {
  EXPECT_TRUE(one("    instanceType: g5.xlarge\n").bootstrap.nvidia_driver);
  EXPECT_FALSE(
      one("    instanceType: g5.xlarge\n    amiFamily: Ubuntu2204\n").bootstrap.nvidia_driver);
}

TEST(SelfManaged, TargetTheirCapacityReservation) {
  const NodeGroupPlan plan =
      one("    capacityReservation: {capacityReservationTarget: {capacityReservationID: cr-1}}\n");
  EXPECT_EQ(plan.launch.capacity_reservation.target_id, "cr-1");
  EXPECT_FALSE(plan.launch.capacity_block);
  const NodeGroupPlan none =
      one("    capacityReservation: {capacityReservationPreference: none}\n");
  EXPECT_EQ(none.launch.capacity_reservation.preference, "none");
  const NodeGroupPlan block =
      one("    capacityReservation: {capacityReservationTarget: {capacityReservationID: cr-1}}\n"
          "    instanceMarketOptions: {marketType: capacity-block}\n",
          "managedNodeGroups");
  EXPECT_TRUE(block.launch.capacity_block);
  EXPECT_EQ(block.managed->capacity_type, "CAPACITY_BLOCK");
}

TEST(Managed, AreMadeByEks) {
  const NodeGroupPlan plan =
      one("    instanceTypes: [g4dn.xlarge, g5.xlarge]\n    spot: true\n    minSize: 0\n"
          "    maxSize: 4\n    labels: {team: ml}\n    tags: {owner: me}\n"
          "    taints: [{key: nvidia.com/gpu, effect: NoSchedule}]\n",
          "managedNodeGroups");
  EXPECT_TRUE(plan.group.name.starts_with("eks-one-"));
  EXPECT_EQ(plan.group.name.size(), std::string("eks-one-").size() + 36);
  EXPECT_EQ(tag(plan, "k8s.io/cluster-autoscaler/tide"), "owned");
  EXPECT_EQ(tag(plan, "owner"), "-");  // stays with EKS
  ASSERT_TRUE(plan.managed);
  EXPECT_EQ(plan.managed->tags.at("owner"), "me");
  EXPECT_EQ(plan.managed->ami_type, "AL2023_x86_64_NVIDIA");
  EXPECT_EQ(plan.managed->capacity_type, "SPOT");
  EXPECT_EQ(plan.managed->version, "1.34");
  EXPECT_FALSE(plan.managed->labels.contains("eks.amazonaws.com/capacityType"));
  ASSERT_EQ(plan.managed->taints.size(), 1u);
  EXPECT_EQ(plan.managed->taints[0].effect, "NO_SCHEDULE");
  EXPECT_FALSE(plan.managed->taints[0].value);
  EXPECT_EQ(plan.bootstrap.labels.at("eks.amazonaws.com/capacityType"), "SPOT");
  EXPECT_EQ(plan.group.mixed_instances_policy->distribution.on_demand_percentage_above_base, 0);
  EXPECT_TRUE(plan.group.capacity_rebalance);
}

TEST(Refusals, NameTheLineAndTheRemedy) {
  EXPECT_EQ(only_finding("    minSize: 4\n    maxSize: 2\n"),
            "cluster.yaml:7:14: error: node group one: minSize 4 is above maxSize 2; lower minSize "
            "or raise maxSize");
  EXPECT_NE(only_finding("    instanceType: g5.xlrge\n").find("g5.xlarge"), std::string::npos);
  EXPECT_NE(only_finding("    availabilityZones: [us-west-2d]\n").find("no subnet in us-west-2d"),
            std::string::npos);
  EXPECT_NE(only_finding("    instanceType: m5.large\n"
                         "    instancesDistribution: {instanceTypes: [m5.large]}\n")
                .find("write \"mixed\""),
            std::string::npos);
  EXPECT_NE(only_finding("    instancesDistribution: {instanceTypes: [m5.large], "
                         "spotAllocationStrategy: capacity-optimized, spotInstancePools: 3}\n")
                .find("remove spotInstancePools"),
            std::string::npos);
  EXPECT_NE(only_finding("    instancesDistribution: {instanceTypes: [m5.large, m6g.large]}\n")
                .find("both amd64 and arm64"),
            std::string::npos);
  EXPECT_NE(only_finding("    minSize: 0\n    maxSize: 0\n", "managedNodeGroups").find("1 or more"),
            std::string::npos);
}

TEST(Selector, MatchesExactly) {
  model::InstanceSelector selector;
  selector.vCPUs = 4;
  selector.memory = "16";
  selector.gpus = 1;
  const auto types = select_types(selector, pricing::Catalogue::builtin(), "us-east-1");
  ASSERT_TRUE(types);
  EXPECT_NE(std::find(types->begin(), types->end(), "g4dn.xlarge"), types->end());
  EXPECT_NE(std::find(types->begin(), types->end(), "g5.xlarge"), types->end());
  selector.deny = {"^g5"};
  const auto fewer = select_types(selector, pricing::Catalogue::builtin(), "us-east-1");
  ASSERT_TRUE(fewer);
  EXPECT_LT(fewer->size(), types->size());
  selector.gpus = 7;
  EXPECT_FALSE(select_types(selector, pricing::Catalogue::builtin(), "us-east-1"));
  EXPECT_FALSE(select_types({}, pricing::Catalogue::builtin(), "us-east-1"));  // too many
}

TEST(Network, IsCutAsEksctlCutsIt) {
  model::ClusterConfig config;
  config.metadata.region = "us-west-2";
  EXPECT_EQ(plan_network(config).private_cidrs.front(), "192.168.96.0/19");
  config.availabilityZones = {"a", "b", "c", "d", "e"};
  EXPECT_EQ(plan_network(config).public_cidrs[1], "192.168.16.0/20");
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Inputs, BecomeFourGroupsEach) {
  for (const char* path :
       {"../shared/inputs/000-cluster.yaml", "../shared/inputs/002-cluster.yaml"}) {
    std::string yaml = read_file(path);
    if (yaml.empty()) GTEST_SKIP() << path << " is not here: skipped";
    const Planned planned = plan(yaml);
    ASSERT_EQ(planned.plans.size(), 4u) << path;
    EXPECT_FALSE(planned.plans[0].bootstrap.nvidia_driver);
    for (std::size_t i = 1; i < 4; ++i) {
      EXPECT_TRUE(planned.plans[i].bootstrap.nvidia_driver);
      EXPECT_EQ(planned.plans[i].group.availability_zones.size(), 1u);
      EXPECT_EQ(planned.plans[i].group.desired_capacity, 0);
    }
  }
}

}  // namespace
}  // namespace gputide::cluster
