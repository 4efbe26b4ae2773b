#include "sim/asg_policy.h"

#include <gtest/gtest.h>

namespace gputide::sim {
namespace {

using model::Market;

TEST(Reasons, AreForPeople) {
  const std::vector<PoolChoice> pools = {{"p3.2xlarge", 0, Money::micros(918'000), 3, 0},
                                         {"p2.xlarge", 1, Money::micros(270'000), 3, 0}};
  EXPECT_EQ(why_chosen("lowest-price", 5, pools, 1, "us-west-2a", {}),
            "lowest-price over 2 pools: p2.xlarge at $0.270/h in us-west-2a is the cheapest of 2");
  const std::vector<std::string> without = {"p2.xlarge"};
  EXPECT_EQ(
      why_chosen("lowest-price", 1, pools, 0, "us-west-2a", without),
      "lowest-price: p3.2xlarge at $0.918/h in us-west-2a is second cheapest of 2; no capacity "
      "for p2.xlarge");
}

MemberView member(std::string_view zone, Market market, std::int64_t price_micros,
                  std::int64_t launched_minutes_ago) {
  return {zone,
          market,
          Money::micros(price_micros),
          0,
          1,
          1,
          Instant::from_seconds(1'000'000) - Duration::minutes(launched_minutes_ago)};
}
const Instant kNow = Instant::from_seconds(1'000'000);

TEST(Termination, StartsInTheFullestZone) {
  const std::vector<MemberView> members = {member("a", Market::OnDemand, 1, 59),
                                           member("b", Market::OnDemand, 1, 10),
                                           member("b", Market::OnDemand, 1, 30)};
  EXPECT_EQ(choose_victim(members, nullptr, 2, kNow), 2u);  // closest to its next hour
}

TEST(Termination, KeepsTheShareOfSpot) {
  model::MixedInstancesPolicy policy;
  policy.distribution.on_demand_percentage_above_base = 50;
  const std::vector<MemberView> members = {
      member("a", Market::OnDemand, 9, 5), member("a", Market::Spot, 2, 50),
      member("a", Market::Spot, 3, 20), member("a", Market::Spot, 3, 40)};
  EXPECT_EQ(choose_victim(members, &policy, 2, kNow), 3u);  // spot, the dearest, 40 minutes old
}

TEST(Termination, PrefersOldLaunchTemplates) {
  std::vector<MemberView> members = {member("a", Market::OnDemand, 1, 59),
                                     member("a", Market::OnDemand, 1, 10)};
  members[0].template_version = 2;
  EXPECT_EQ(choose_victim(members, nullptr, 1, kNow), 1u);
}

}  // namespace
}  // namespace gputide::sim
