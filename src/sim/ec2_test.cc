// Auto Scaling groups and fleets of the simulated cloud, in a calm market.
#include <gtest/gtest.h>

#include "sim/cloud_fixture.h"

namespace gputide::sim {
namespace {

using model::GroupInstance;
using model::LifecycleState;
using model::Market;
using testing::CloudWorld;

TEST(Groups, ReachTheirDesiredCapacityAndSpreadOverZones) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"m5.large"}, 7, 100));
  EXPECT_FALSE(world.cloud->at_rest());
  world.run_for(Duration::minutes(5));
  EXPECT_TRUE(world.cloud->at_rest());
  EXPECT_EQ(world.in_service(), 7);
  EXPECT_EQ(world.running.size(), 7u);
  const auto zones = world.count_by(&GroupInstance::zone);
  EXPECT_EQ(zones,
            (std::map<std::string, int>{{"us-west-2a", 3}, {"us-west-2b", 2}, {"us-west-2c", 2}}));
}

TEST(Groups, OfLowestPriceSpreadOverTheCheapestPools) {
  CloudWorld world;
  auto plan = CloudWorld::group(
      {"p3.2xlarge", "p3.8xlarge", "p3.16xlarge", "p2.xlarge", "p2.8xlarge", "p2.16xlarge"}, 4, 0,
      {"us-west-2a"});
  plan.group.mixed_instances_policy->distribution.spot_instance_pools = 5;
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.count_by(&GroupInstance::instance_type).size(), 4u);
  EXPECT_EQ(world.count_by(&GroupInstance::instance_type).count("p3.16xlarge"), 0u);
  for (const auto& instance : world.only_group().instances)
    EXPECT_EQ(instance.market, Market::Spot);
}

TEST(Groups, EndTheInstanceThatIsNamed) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"m5.large"}, 2, 100));
  world.run_for(Duration::minutes(5));
  const std::string id = world.only_group().instances[1].id;
  EXPECT_TRUE(
      std::holds_alternative<port::Done>(world.cloud->call(port::TerminateInstanceInGroup{id})));
  EXPECT_EQ(world.only_group().desired_capacity, 1);
  EXPECT_EQ(world.only_group().instances[1].state, LifecycleState::Terminating);
  EXPECT_EQ(world.stopping, std::vector<std::string>{id});
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.only_group().instances.size(), 1u);
  EXPECT_TRUE(world.cloud->at_rest());
  EXPECT_EQ(world.cloud->live_instances().size(), 1u);
}

TEST(Groups, ReplaceWhatWasEndedBehindTheirBack) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"m5.large"}, 2, 100));
  world.run_for(Duration::minutes(5));
  world.cloud->call(port::TerminateInstances{{world.only_group().instances[0].id}});
  EXPECT_FALSE(world.cloud->at_rest());
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.in_service(), 2);
  EXPECT_EQ(world.running.size(), 3u);
}

TEST(Groups, RefuseInTheWordsOfAws) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 1, 100);
  plan.group.min_size = 1;
  plan.group.max_size = 3;
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.error_of(port::SetDesiredCapacity{"group-one", 4}),
            "ValidationError: New SetDesiredCapacity value 4 is above max value 3 for the "
            "AutoScalingGroup.");
  EXPECT_EQ(world.error_of(port::SetDesiredCapacity{"two", 4}),
            "ValidationError: AutoScalingGroup name not found - AutoScalingGroup 'two' not found");
  EXPECT_EQ(world.error_of(port::TerminateInstanceInGroup{"i-0"}),
            "ValidationError: Instance Id not found - No managed instance found for instance ID: "
            "i-0");
  const std::string id = world.only_group().instances[0].id;
  EXPECT_NE(world.error_of(port::TerminateInstanceInGroup{id}).find("desiredSize equals minSize"),
            std::string::npos);
  EXPECT_NE(world.error_of(port::DescribeNodegroup{"tide", "x"}).find("ResourceNotFoundException"),
            std::string::npos);
}

TEST(Groups, DoNotLaunchWhileThatIsSuspended) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 2, 100);
  plan.group.suspended_processes = {"Launch"};
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(30));
  EXPECT_TRUE(world.cloud->at_rest());
  EXPECT_EQ(world.running.size(), 0u);
}

TEST(Groups, TellWhyASpotLaunchFailed) {
  CloudWorld world;
  auto plan = CloudWorld::group({"p3.2xlarge"}, 1, 0);
  plan.group.mixed_instances_policy->distribution.spot_max_price = Money::micros(10'000);
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(10));
  const auto answer = world.cloud->call(port::DescribeScalingActivities{"group-one", 1});
  const auto& activities = std::get<std::vector<model::ScalingActivity>>(answer);
  ASSERT_EQ(activities.size(), 1u);
  EXPECT_EQ(activities[0].status_code, "Failed");
  EXPECT_EQ(activities[0].status_message.find("Could not launch Spot Instances. "
                                              "SpotMaxPriceTooLow - Your Spot request price of "
                                              "0.0100 is lower than"),
            0u);
  EXPECT_FALSE(world.cloud->at_rest());
  EXPECT_GE(world.count(port::RecordKind::LaunchFailed), 4);
}

TEST(Groups, AreFoundByTheirTags) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"m5.large"}, 0, 100));
  const auto found = [&](port::DescribeAutoScalingGroups request) {
    return std::get<std::vector<port::GroupRef>>(world.cloud->call(request)).size();
  };
  EXPECT_EQ(found({{{"team", std::nullopt}}, {}}), 1u);
  EXPECT_EQ(found({{{"team", "web"}}, {}}), 0u);
  EXPECT_EQ(found({{}, {"group-one"}}), 1u);
  EXPECT_EQ(found({{}, {"group-two"}}), 0u);
}

TEST(Groups, EndWithTheirInstances) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"m5.large"}, 3, 100));
  world.run_for(Duration::minutes(5));
  world.cloud->delete_node_group("group-one");
  world.run_for(Duration::minutes(5));
  EXPECT_TRUE(world.cloud->live_instances().empty());
  EXPECT_TRUE(
      std::get<std::vector<port::GroupRef>>(world.cloud->call(port::DescribeAutoScalingGroups{}))
          .empty());
  EXPECT_TRUE(world.cloud->at_rest());
}

TEST(Groups, BalanceTheirZones) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 4, 100, {"us-west-2a"});
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  plan.group.availability_zones = {"us-west-2a", "us-west-2b"};
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(30));
  EXPECT_EQ(world.count_by(&GroupInstance::zone),
            (std::map<std::string, int>{{"us-west-2a", 2}, {"us-west-2b", 2}}));
  EXPECT_TRUE(world.cloud->at_rest());
}

TEST(Fleets, AreOneLaunchForOneToken) {
  CloudWorld world;
  port::CreateFleet fleet;
  fleet.market = Market::Spot;
  fleet.allocation_strategy = "price-capacity-optimized";
  fleet.capacity = 2;
  fleet.overrides = {{"g5.xlarge", "us-west-2a", {}}, {"g4dn.xlarge", "us-west-2b", {}}};
  fleet.client_token = "t";
  const auto first = std::get<port::FleetResult>(world.cloud->call(fleet));
  const auto again = std::get<port::FleetResult>(world.cloud->call(fleet));
  ASSERT_EQ(first.instances.size(), 2u);
  EXPECT_EQ(first.instances[0].instance_type, "g4dn.xlarge");
  EXPECT_EQ(first.instances[0].id, again.instances[0].id);
  EXPECT_EQ(world.cloud->live_instances().size(), 2u);
  fleet.capacity = 3;
  EXPECT_EQ(world.error_of(fleet).find("IdempotentParameterMismatch"), 0u);
  fleet.client_token.clear();
  fleet.overrides = {{"no.such", "us-west-2a", {}}};
  const auto none = std::get<port::FleetResult>(world.cloud->call(fleet));
  EXPECT_TRUE(none.instances.empty());
  EXPECT_EQ(none.errors.at(0).code, "InvalidFleetConfiguration");
}

TEST(Interruptions, OfTheScenarioComeWithTwoMinutesNotice) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"g4dn.xlarge"}, 4, 0, {"us-west-2a"}));
  world.run_for(Duration::minutes(5));
  world.cloud->interrupt("us-west-2a", "", 0.5);
  world.run_for(Duration::seconds(1));
  EXPECT_EQ(world.count(port::RecordKind::SpotNotice), 2);
  world.run_for(Duration::seconds(118));
  EXPECT_TRUE(world.stopping.empty());
  world.run_for(Duration::seconds(2));
  EXPECT_EQ(world.stopping.size(), 2u);
  world.run_for(Duration::minutes(10));
  EXPECT_EQ(world.in_service(), 4);
  // Taken back within their first hour: not charged.
  for (const std::string& id : world.stopping) EXPECT_EQ(world.cloud->cost_of(id), Money());
}

TEST(Bill, CountsSecondsFromRunningOn) {
  CloudWorld world;
  world.cloud->apply_node_group(CloudWorld::group({"g4dn.xlarge"}, 1, 100, {"us-east-1a"}));
  while (world.running.empty()) world.heap.step();
  const std::string id = world.running[0];
  world.cloud->set_gpu_use(id, 0, 1);
  EXPECT_EQ(world.cloud->cost_of(id), cost(Money::micros(526'000), Duration::seconds(60)));
  world.run_for(Duration::minutes(30));
  world.cloud->set_gpu_use(id, 1, 2);  // one of two slices
  world.run_for(Duration::minutes(30));
  EXPECT_EQ(world.cloud->cost_of(id), Money::micros(526'000));
  EXPECT_EQ(world.cloud->cost().gpu, Money::micros(526'000));
  EXPECT_EQ(world.cloud->cost().idle_gpu, Money::micros(526'000 * 3 / 4));
  EXPECT_EQ(world.cloud->gpu_time().bought_ms, 3'600'000);
  EXPECT_EQ(world.cloud->gpu_time().used_ms, 900'000);
  EXPECT_EQ(world.cloud->cost_by_type().at(0).billed_seconds, 3600);
}

TEST(Addresses, LieInTheSubnetOfTheZone) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 2, 100, {"us-west-2a", "us-west-2b"});
  plan.subnet_cidrs = {"192.168.96.0/19", "10.0.0.0/24"};
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  const auto instances = world.cloud->live_instances();
  EXPECT_TRUE(instances[0]->private_dns_name.starts_with("ip-192-168-1") ||
              instances[0]->private_dns_name.starts_with("ip-192-168-9"));
  EXPECT_TRUE(instances[1]->private_ip.starts_with("10.0.0."));
  EXPECT_TRUE(instances[0]->private_dns_name.ends_with(".us-west-2.compute.internal"));
}

TEST(Groups, LeaveInstancesAloneWhileHealthChecksAreSuspended) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 2, 100);
  plan.group.suspended_processes = {"ReplaceUnhealthy"};
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  world.cloud->call(port::TerminateInstances{{world.only_group().instances[0].id}});
  world.run_for(Duration::minutes(30));
  EXPECT_EQ(world.only_group().instances.size(), 2u);
  EXPECT_EQ(world.cloud->live_instances().size(), 1u);
  EXPECT_TRUE(world.cloud->at_rest());
}

TEST(Groups, CountWeightedCapacity) {
  CloudWorld world;
  auto plan = CloudWorld::group({"p3.8xlarge"}, 6, 0, {"us-west-2a"});
  plan.group.mixed_instances_policy->overrides[0].weighted_capacity = 4;
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.only_group().instances.size(), 2u);  // 8 units: desired may be exceeded
  EXPECT_TRUE(world.cloud->at_rest());
}

TEST(Groups, KeepTheirDesiredCapacityWhenAppliedAnew) {
  CloudWorld world;
  auto plan = CloudWorld::group({"m5.large"}, 2, 100);
  world.cloud->apply_node_group(plan);
  world.cloud->call(port::SetDesiredCapacity{"group-one", 5});
  plan.group.max_size = 4;
  plan.group.desired_capacity = 0;
  world.cloud->apply_node_group(plan);
  EXPECT_EQ(world.only_group().desired_capacity, 4);
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.in_service(), 4);
}

TEST(Groups, AreToldWhenThereIsNoOnDemandCapacity) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    CloudWorld world(seed, MarketOptions::Kind::Advisor);
    world.cloud->apply_node_group(CloudWorld::group({"p4d.24xlarge"}, 1, 100, {"us-west-2a"}));
    world.run_for(Duration::seconds(10));
    if (world.count(port::RecordKind::LaunchFailed) == 0) continue;
    const auto answer = world.cloud->call(port::DescribeScalingActivities{"group-one", 1});
    const auto& activity = std::get<std::vector<model::ScalingActivity>>(answer).at(0);
    EXPECT_EQ(activity.status_message.find(
                  "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We "
                  "currently do not have sufficient p4d.24xlarge capacity in the Availability Zone "
                  "you requested (us-west-2a)."),
              0u)
        << activity.status_message;
    world.run_for(Duration::hours(48));  // it keeps trying
    EXPECT_EQ(world.in_service(), 1);
    return;
  }
  FAIL() << "on-demand capacity never ran out";
}

// One zone has capacity for two hours, then for an hour none.
std::shared_ptr<const SpotTraces> ebb() {
  return std::make_shared<SpotTraces>(
      *parse_spot_traces(R"({"instance_type":"p3.2xlarge","zone":"us-west-2a","nodes":1,)"
                         R"("gap_seconds":3600,"rle":[[1,2],[0,1]]})"));
}

TEST(Interruptions, OfTheMarketTakeAllWithinMinutes) {
  CloudWorld world(1, MarketOptions::Kind::Replay, ebb());
  world.cloud->apply_node_group(CloudWorld::group({"p3.2xlarge"}, 8, 0, {"us-west-2a"}));
  world.run_for(Duration::minutes(119));
  EXPECT_EQ(world.in_service(), 8);
  world.run_for(Duration::minutes(14));
  EXPECT_EQ(world.stopping.size(), 8u);
  EXPECT_GE(world.count(port::RecordKind::SpotNotice), 6);  // a few come without
  EXPECT_GE(world.count(port::RecordKind::LaunchFailed), 1);
  const auto answer = world.cloud->call(port::DescribeScalingActivities{"group-one", 1});
  EXPECT_EQ(
      std::get<std::vector<model::ScalingActivity>>(answer).at(0).status_message,
      "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity "
      "due to your request configuration. Please adjust your request and try again. Launching "
      "EC2 instance failed.");
  world.run_for(Duration::minutes(60));  // the next flood
  EXPECT_EQ(world.in_service(), 8);
}

TEST(Interruptions, AreForestalledByCapacityRebalancing) {
  int replaced_in_time = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CloudWorld world(seed, MarketOptions::Kind::Replay, ebb());
    auto plan = CloudWorld::group({"p3.2xlarge", "m5.large"}, 1, 0, {"us-west-2a"});
    plan.group.mixed_instances_policy->distribution.spot_allocation_strategy =
        "capacity-optimized-prioritized";
    plan.group.capacity_rebalance = true;
    world.cloud->apply_node_group(plan);
    world.run_for(Duration::minutes(180));
    replaced_in_time += world.count(port::RecordKind::RebalanceRecommendation) > 0 &&
                                world.count(port::RecordKind::SpotNotice) == 0
                            ? 1
                            : 0;
    EXPECT_EQ(world.in_service(), 1);
  }
  EXPECT_GE(replaced_in_time, 1);
}

TEST(Market, CostsNothingWhenNobodyUsesIt) {
  CloudWorld world(3, MarketOptions::Kind::Advisor);
  world.cloud->apply_node_group(CloudWorld::group({"g5.xlarge", "m5.large"}, 5, 0));
  world.run_for(Duration::hours(5));
  world.cloud->delete_node_group("group-one");
  world.run_for(Duration::hours(24 * 365 * 20));
  EXPECT_TRUE(world.heap.empty());
}

}  // namespace
}  // namespace gputide::sim
