#include "decide/provisioning/node_repair.h"

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

constexpr Instant kThen = Instant::from_seconds(1'767'225'600);

std::optional<Sickness> with(const std::string& type, const std::string& status) {
  model::Node node;
  node.status.conditions = {{"Ready", "True", "", "", kThen, kThen}};
  node.status.conditions.push_back({type, status, "", "", kThen, kThen});
  return sickness_of(node);
}

TEST(NodeRepair, ConditionsAreBorneForDifferentTimes) {
  EXPECT_EQ(with("AcceleratedHardwareReady", "False")->at, kThen + Duration::minutes(10));
  EXPECT_EQ(with("AcceleratedHardwareReady", "False")->why,
            "AcceleratedHardwareReady has been False for 10m0s");
  EXPECT_EQ(with("Ready", "Unknown")->at, kThen + Duration::minutes(30));
  EXPECT_EQ(with("KernelReady", "False")->at, kThen + Duration::minutes(30));
  EXPECT_FALSE(with("AcceleratedHardwareReady", "Unknown"));
  EXPECT_FALSE(with("DiskPressure", "True"));
}

TEST(NodeRepair, NotWhereMoreThanAFifthIsSick) {
  EXPECT_TRUE(may_repair(1, 1));
  EXPECT_TRUE(may_repair(1, 5));
  EXPECT_FALSE(may_repair(2, 5));
  EXPECT_TRUE(may_repair(2, 6));
}

}  // namespace
}  // namespace gputide::provisioning
