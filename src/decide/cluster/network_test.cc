#include "decide/cluster/network.h"

#include <gtest/gtest.h>

namespace gputide::cluster {
namespace {

TEST(Network, SubnetsHaveTheTagsThatSelectorsLookFor) {
  model::ClusterConfig config;
  config.metadata.name = "dev";
  config.metadata.region = "us-west-2";
  config.metadata.tags["karpenter.sh/discovery"] = "dev";
  config.availabilityZones = {"us-west-2a", "us-west-2b"};
  const std::vector<model::Subnet> subnets = plan_subnets(config);
  ASSERT_EQ(subnets.size(), 4U);
  EXPECT_EQ(subnets[0].tags.at("karpenter.sh/discovery"), "dev");
  EXPECT_EQ(subnets[0].tags.at("Name"), "eksctl-dev-cluster/SubnetPrivateUSWEST2A");
  EXPECT_EQ(subnets[0].tags.at("kubernetes.io/role/internal-elb"), "1");
  EXPECT_EQ(subnets[1].tags.at("Name"), "eksctl-dev-cluster/SubnetPrivateUSWEST2B");
  EXPECT_EQ(subnets[3].tags.at("Name"), "eksctl-dev-cluster/SubnetPublicUSWEST2B");
  EXPECT_EQ(subnets[3].tags.at("kubernetes.io/role/elb"), "1");
  EXPECT_EQ(subnets[3].zone, "us-west-2b");
  EXPECT_NE(subnets[1].id, subnets[3].id);
}

}  // namespace
}  // namespace gputide::cluster
