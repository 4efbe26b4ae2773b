#include "decide/provisioning/ec2_types.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

TEST(Ec2Types, TellWhatKarpenterTells) {
  const std::vector<ProviderType> types =
      ec2_types(pricing::Catalogue::builtin(), "us-west-2", {"us-west-2a", "us-west-2b"});
  const auto at = std::find_if(types.begin(), types.end(),
                               [](const ProviderType& type) { return type.name == "g4dn.xlarge"; });
  ASSERT_NE(at, types.end());
  const auto label = [&](const char* name) {
    const Requirement* asked =
        at->requirements.find("karpenter.k8s.aws/instance-" + std::string(name));
    return asked == nullptr || asked->single() == nullptr ? std::string() : *asked->single();
  };
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

}  // namespace
}  // namespace gputide::provisioning
