// Laws of the simulated cloud, over random groups and random requests.
#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sim/asg_policy.h"
#include "sim/cloud_fixture.h"

namespace gputide::sim {
namespace {

using model::GroupInstance;
using model::Market;
using port::RecordKind;
using testing::CloudWorld;

const std::vector<std::string> kTypes = {"g4dn.xlarge", "g5.xlarge",  "g6.xlarge",
                                         "p3.2xlarge",  "p3.8xlarge", "m5.large"};
const std::vector<std::string> kStrategies = {"lowest-price", "capacity-optimized",
                                              "capacity-optimized-prioritized",
                                              "price-capacity-optimized", "diversified"};

model::NodeGroupPlan random_group() {
  auto types = *rc::gen::unique<std::vector<std::string>>(rc::gen::elementOf(kTypes));
  if (types.empty()) types = {"g5.xlarge"};
  std::vector<std::string> zones = {"us-west-2a", "us-west-2b", "us-west-2c"};
  zones.resize(*rc::gen::inRange<std::size_t>(1, 4));
  auto plan = CloudWorld::group(types, *rc::gen::inRange(0, 40), *rc::gen::inRange(0, 101), zones);
  auto& distribution = plan.group.mixed_instances_policy->distribution;
  distribution.on_demand_base_capacity = *rc::gen::inRange(0, 10);
  distribution.spot_allocation_strategy = *rc::gen::elementOf(kStrategies);
  distribution.spot_instance_pools = *rc::gen::inRange(1, 8);
  plan.group.capacity_rebalance = *rc::gen::arbitrary<bool>();
  return plan;
}

// An hour or so of a restless customer.
void disturb(CloudWorld& world, int steps) {
  for (int i = 0; i < steps; ++i) {
    const auto group = world.only_group();
    const auto any = [&]() -> std::string {
      return group.instances.empty()
                 ? "i-0"
                 : group.instances[*rc::gen::inRange<std::size_t>(0, group.instances.size())].id;
    };
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        world.cloud->call(port::SetDesiredCapacity{"group-one", *rc::gen::inRange(0, 40)});
        break;
      case 1:
        world.cloud->call(port::TerminateInstanceInGroup{any()});
        break;
      case 2:
        world.cloud->call(port::TerminateInstances{{any()}});
        break;
      case 3:
        world.cloud->interrupt("us-west-2a", "", 0.5);
        break;
      default:
        world.cloud->interrupt("", "g5.xlarge", 1.0);
        break;
    }
    world.run_for(Duration::seconds(*rc::gen::inRange(0, 900)));
  }
}

void finish(CloudWorld& world) {
  world.cloud->delete_node_group("group-one");
  world.run_for(Duration::minutes(30));
}

RC_GTEST_PROP(Laws, GroupsReachWhatIsDesired, ()) {
  CloudWorld world;
  const auto plan = random_group();
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(10));
  std::int64_t desired = plan.group.desired_capacity;
  for (int i = 0; i < 3; ++i) {  // growing
    const auto group = world.only_group();
    RC_ASSERT(world.in_service() == desired);
    // The split, said another way: the smallest number of on-demand instances with at least the
    // percentage of what is above the base.
    const auto& policy = plan.group.mixed_instances_policy->distribution;
    std::int64_t expected = std::min(desired, policy.on_demand_base_capacity);
    const std::int64_t above = desired - expected;
    while ((expected - std::min(desired, policy.on_demand_base_capacity)) * 100 <
           above * policy.on_demand_percentage_above_base)
      ++expected;
    RC_ASSERT(std::count_if(group.instances.begin(), group.instances.end(),
                            [](const GroupInstance& instance) {
                              return instance.market == Market::OnDemand;
                            }) == expected);
    desired += *rc::gen::inRange(0, 20);
    world.cloud->call(port::SetDesiredCapacity{"group-one", desired});
    world.run_for(Duration::minutes(10));
  }
}

RC_GTEST_PROP(Laws, ZonesStayBalancedWhereCapacityAllows, ()) {
  CloudWorld world;
  auto plan = random_group();
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(10));
  disturb(world, 4);
  world.run_for(Duration::hours(4));
  RC_ASSERT(world.cloud->at_rest());
  RC_ASSERT(world.in_service() == world.only_group().desired_capacity);
  std::map<std::string, int> zones = world.count_by(&GroupInstance::zone);
  int least = INT32_MAX;
  int most = 0;
  for (const std::string& zone : plan.group.availability_zones) {
    least = std::min(least, zones[zone]);
    most = std::max(most, zones[zone]);
  }
  RC_ASSERT(most - least <= 1);
}

RC_GTEST_PROP(Laws, MoneyAddsUpAndNoInstanceIsLeaked, ()) {
  CloudWorld world(*rc::gen::inRange<std::uint64_t>(1, 1000), MarketOptions::Kind::Advisor);
  world.cloud->apply_node_group(random_group());
  disturb(world, 8);
  const auto check = [&] {
    Money by_type;
    for (const CostOfType& type : world.cloud->cost_by_type()) by_type += type.cost;
    Money by_instance;
    for (const std::string& id : world.launched) by_instance += world.cloud->cost_of(id);
    const CloudCost cost = world.cloud->cost();
    RC_ASSERT(by_type == cost.total);
    RC_ASSERT(by_instance == cost.total);
    RC_ASSERT(cost.gpu <= cost.total);
    RC_ASSERT(cost.idle_gpu <= cost.gpu);
  };
  check();
  finish(world);
  check();
  RC_ASSERT(world.cloud->live_instances().empty());
  RC_ASSERT(world.cloud->at_rest());
  RC_ASSERT(world.stopping.size() == world.launched.size());
  std::sort(world.stopping.begin(), world.stopping.end());
  RC_ASSERT(std::unique(world.stopping.begin(), world.stopping.end()) == world.stopping.end());
  RC_ASSERT(world.count(RecordKind::InstanceTerminated) ==
            world.count(RecordKind::InstanceLaunched));
}

RC_GTEST_PROP(Laws, EqualSeedsTellEqualStories, ()) {
  const auto seed = *rc::gen::inRange<std::uint64_t>(1, 1000);
  const auto plan = random_group();
  const auto desired = *rc::gen::inRange(0, 40);
  const auto run = [&] {
    CloudWorld world(seed, MarketOptions::Kind::Advisor);
    world.cloud->apply_node_group(plan);
    world.run_for(Duration::hours(5));
    world.cloud->call(port::SetDesiredCapacity{"group-one", desired});
    world.cloud->interrupt("us-west-2a", "", 0.3);
    world.run_for(Duration::hours(20));
    return world.lines;
  };
  RC_ASSERT(run() == run());
}

}  // namespace
}  // namespace gputide::sim
