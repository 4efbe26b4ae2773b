#include "decide/provisioning/ec2_types.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

const ProviderType& type_named(std::string_view name) {
  static const std::vector<ProviderType> kTypes =
      ec2_types(pricing::Catalogue::builtin(), "us-west-2", {"us-west-2a", "us-west-2b"});
  return *std::find_if(kTypes.begin(), kTypes.end(),
                       [&](const ProviderType& type) { return type.name == name; });
}

// The only value of the label that nodes of the type have; "" when they have none.
std::string label_of(std::string_view type, std::string_view label) {
  const Requirement* asked =
      type_named(type).requirements.find("karpenter.k8s.aws/instance-" + std::string(label));
  return asked == nullptr || asked->single() == nullptr ? std::string() : *asked->single();
}

TEST(Ec2Types, TellWhatKarpenterTells) {
  const ProviderType* at = &type_named("g4dn.xlarge");
  const auto label = [](const char* name) { return label_of("g4dn.xlarge", name); };
  EXPECT_EQ(label("category"), "g");
  EXPECT_EQ(label("family"), "g4dn");
  EXPECT_EQ(label("generation"), "4");
  EXPECT_EQ(label("size"), "xlarge");
  EXPECT_EQ(label("cpu"), "4");
  EXPECT_EQ(label("memory"), "16384");
  EXPECT_EQ(label("gpu-name"), "t4");
  EXPECT_EQ(label("gpu-manufacturer"), "nvidia");
  EXPECT_EQ(label("gpu-count"), "1");
  EXPECT_EQ(at->offerings.size(), 4u);
  EXPECT_EQ(at->allocatable.at("nvidia.com/gpu").value(), 1);
  for (const ProviderType::Offering& offering : at->offerings) EXPECT_GT(offering.price, Money());
}

model::CapacityReservation reservation(std::string id, std::string type) {
  model::CapacityReservation told;
  told.id = std::move(id);
  told.instance_type = std::move(type);
  told.zone = "us-west-2a";
  told.total = told.available = 2;
  return told;
}

TEST(Ec2Types, OfferWhatIsReserved) {
  std::vector<model::CapacityReservation> all{
      reservation("cr-1", "g4dn.xlarge"), reservation("cr-2", "g4dn.xlarge"),
      reservation("cr-3", "g4dn.xlarge"), reservation("cr-4", "p2.xlarge")};
  all[0].type = "capacity-block";
  all[1].zone = "us-west-2c";    // no subnet there
  all[2].tenancy = "dedicated";  // nodes are not
  const std::vector<ProviderType> types = ec2_types(pricing::Catalogue::builtin(), "us-west-2",
                                                    {"us-west-2a"}, karpenter_sizing(), all);
  std::vector<std::string> seen;
  for (const ProviderType& type : types)
    for (const ProviderType::Offering& offering : type.offerings) {
      if (offering.reservation_id.empty()) continue;
      seen.push_back(type.name + " " + offering.reservation_id + " " + offering.reservation_type);
      EXPECT_EQ(offering.capacity_type, "reserved");
      EXPECT_EQ(offering.reservation_capacity, 2);
      EXPECT_EQ(offering.price, Money());
      EXPECT_TRUE(type.requirements.get("karpenter.sh/capacity-type").has("reserved"));
      if (type.name == "g4dn.xlarge") EXPECT_EQ(offering.on_demand, Money::micros(526'000));
    }
  // AWS no longer sells p2.xlarge; what is reserved is there all the same.
  EXPECT_EQ(seen, (std::vector<std::string>{"g4dn.xlarge cr-1 capacity-block",
                                            "p2.xlarge cr-4 default"}));
}

// Else pods wait beside nodes that were bought for them, and more are bought.
TEST(Ec2Types, PromiseNoMoreMemoryThanNodesShow) {
  for (const model::InstanceType& type : pricing::Catalogue::builtin().all()) {
    const pricing::NodeSizes promised = pricing::node_sizes(type, karpenter_sizing());
    const pricing::NodeSizes shown = pricing::node_sizes(type);
    EXPECT_LE(promised.allocatable.memory_bytes, shown.allocatable.memory_bytes) << type.name;
  }
}

TEST(Ec2Types, LeaveOutWhatIsNotSold) {
  for (const ProviderType& type :
       ec2_types(pricing::Catalogue::builtin(), "us-west-2", {"us-west-2a"})) {
    EXPECT_NE(type.name, "p2.xlarge");
    EXPECT_FALSE(type.offerings.empty());
    const bool gpus =
        type.capacity.contains("nvidia.com/gpu") || type.capacity.contains("amd.com/gpu");
    const Requirement* count = type.requirements.find("karpenter.k8s.aws/instance-gpu-count");
    ASSERT_NE(count, nullptr);
    EXPECT_EQ(gpus, count->single() != nullptr) << type.name;
  }
}

TEST(Ec2Types, NodesHaveTheLabelsThatKarpenterGivesThem) {
  EXPECT_EQ(label_of("c5d.large", "cpu-manufacturer"), "intel");
  EXPECT_EQ(label_of("c5d.large", "cpu-sustained-clock-speed-mhz"), "3400");
  EXPECT_EQ(label_of("c5d.large", "ebs-bandwidth"), "4750");
  EXPECT_EQ(label_of("c5d.large", "network-bandwidth"), "750");
  EXPECT_EQ(label_of("c5d.large", "local-nvme"), "50");
  EXPECT_EQ(label_of("c5d.large", "encryption-in-transit-supported"), "false");
  EXPECT_EQ(label_of("c5d.large", "capability-flex"), "false");
  EXPECT_EQ(label_of("c7i-flex.large", "capability-flex"), "true");
  EXPECT_EQ(label_of("inf2.xlarge", "accelerator-name"), "inferentia2");
  EXPECT_EQ(label_of("inf2.xlarge", "accelerator-manufacturer"), "aws");
  EXPECT_EQ(label_of("inf2.48xlarge", "accelerator-count"), "12");
}

TEST(Ec2Types, WhatIsNotKnownOfATypeIsOnNoNodeOfIt) {
  Requirements asked;
  const std::vector<std::string> least{"3000"};
  asked.add(Requirement::make("karpenter.k8s.aws/instance-ebs-bandwidth", "Gt", least));
  EXPECT_FALSE(type_named("m1.small").requirements.intersects(asked));
  EXPECT_TRUE(type_named("c5d.large").requirements.intersects(asked));
}

}  // namespace
}  // namespace gputide::provisioning
