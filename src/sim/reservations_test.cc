// Capacity reservations of the simulated cloud: who runs in them, and what they cost.
#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sim/cloud_fixture.h"

namespace gputide::sim {
namespace {

using model::Market;
using testing::CloudWorld;

model::CapacityReservation reservation(const CloudWorld& world, std::int64_t count,
                                       std::optional<Duration> lasts = std::nullopt) {
  model::CapacityReservation made;
  made.id = "cr-1";
  made.instance_type = "g4dn.xlarge";
  made.zone = "us-west-2a";
  made.total = count;
  made.match_criteria = "targeted";
  made.start = world.heap.now();
  if (lasts) made.end = *made.start + *lasts;
  return made;
}

model::CapacityReservation block(const CloudWorld& world, std::int64_t count, Duration lasts) {
  model::CapacityReservation made = reservation(world, count, lasts);
  made.type = "capacity-block";
  return made;
}

void add(CloudWorld& world, const model::CapacityReservation& facts,
         std::optional<Money> fee = std::nullopt) {
  ASSERT_TRUE(world.cloud->add_reservation(facts, fee).has_value());
  world.run_for(Duration());
}

port::CreateFleet fleet(const char* target, std::int64_t capacity = 1) {
  port::CreateFleet made;
  made.allocation_strategy = "lowest-price";
  made.capacity = capacity;
  made.overrides = {{"g4dn.xlarge", "us-west-2a", {}}};
  made.launch.capacity_reservation.target_id = target;
  return made;
}

port::FleetResult launch(CloudWorld& world, const port::CreateFleet& asked) {
  return std::get<port::FleetResult>(world.cloud->call(asked));
}

void terminate(CloudWorld& world, const std::string& id) {
  world.cloud->call(port::TerminateInstances{{id}});
  world.run_for(Duration::minutes(2));
}

std::vector<model::CapacityReservation> described(CloudWorld& world) {
  return std::get<std::vector<model::CapacityReservation>>(
      world.cloud->call(port::DescribeCapacityReservations{}));
}

CostOfReservation cost_of(const CloudWorld& world) {
  return world.cloud->cost_of_reservations().at(0);
}

const Money kPrice = Money::micros(526'000);  // g4dn.xlarge on demand in us-west-2

TEST(Reservations, GiveTheirSlotsToThoseThatTargetThem) {
  CloudWorld world;
  add(world, reservation(world, 2));
  const port::FleetResult result = launch(world, fleet("cr-1", 3));
  ASSERT_EQ(result.instances.size(), 2u);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].code, "ReservationCapacityExceeded");
  EXPECT_EQ(result.errors[0].message,
            "The requested reservation does not have sufficient compatible and available capacity "
            "for this request.");
  EXPECT_EQ(described(world).at(0).available, 0);
  EXPECT_EQ(world.cloud->find(result.instances[0].id)->reservation, "cr-1");
  world.run_for(Duration::minutes(5));
  terminate(world, result.instances[0].id);
  EXPECT_EQ(described(world).at(0).available, 1);
  EXPECT_EQ(launch(world, fleet("cr-1")).instances.size(), 1u);
  EXPECT_EQ(launch(world, fleet("")).instances.size(), 1u) << "on demand beside it";
  const port::FleetError unknown = launch(world, fleet("cr-2")).errors.at(0);
  EXPECT_EQ(unknown.code, "InvalidCapacityReservationId.NotFound");
  EXPECT_EQ(unknown.message, "The capacity reservation ID 'cr-2' was not found");
  port::CreateFleet elsewhere = fleet("cr-1");
  elsewhere.overrides[0].zone = "us-west-2b";
  EXPECT_EQ(launch(world, elsewhere).errors.at(0).code, "ReservationCapacityExceeded");
}

TEST(Reservations, HaveCapacityWhereOnDemandHasNone) {
  // At some hour of this seed p3.16xlarge cannot be had on demand.
  CloudWorld world(7, MarketOptions::Kind::Advisor);
  model::CapacityReservation facts = reservation(world, 1);
  facts.instance_type = "p3.16xlarge";
  add(world, facts);
  port::CreateFleet plain = fleet("");
  plain.overrides[0].instance_type = "p3.16xlarge";
  while (!launch(world, plain).instances.empty()) world.run_for(Duration::hours(1));
  plain.launch.capacity_reservation.target_id = "cr-1";
  EXPECT_EQ(launch(world, plain).instances.size(), 1u);
}

TEST(Reservations, ThatAreOpenAreUsedByWhatMatches) {
  CloudWorld world;
  const std::string early = launch(world, fleet("")).instances.at(0).id;
  world.run_for(Duration::minutes(5));
  model::CapacityReservation facts = reservation(world, 2);
  facts.match_criteria = "open";
  add(world, facts);
  EXPECT_EQ(world.cloud->find(early)->reservation, "cr-1") << "it runs, and matches";
  port::CreateFleet keeps_out = fleet("");
  keeps_out.launch.capacity_reservation.preference = "none";
  const std::string out = launch(world, keeps_out).instances.at(0).id;
  EXPECT_EQ(world.cloud->find(out)->reservation, "");
  const std::string in = launch(world, fleet("")).instances.at(0).id;
  EXPECT_EQ(world.cloud->find(in)->reservation, "cr-1");
  const std::string over = launch(world, fleet("")).instances.at(0).id;
  EXPECT_EQ(world.cloud->find(over)->reservation, "");
  world.run_for(Duration::minutes(5));
  terminate(world, in);
  EXPECT_EQ(world.cloud->find(over)->reservation, "cr-1") << "it moves up";
  port::CreateFleet only = fleet("");
  only.launch.capacity_reservation.preference = "capacity-reservations-only";
  EXPECT_EQ(launch(world, only).errors.at(0).code, "ReservationCapacityExceeded");
}

TEST(Reservations, ServeAutoScalingGroupsThatTargetThem) {
  CloudWorld world;
  add(world, reservation(world, 2));
  auto plan = CloudWorld::group({"g4dn.xlarge"}, 3, 100, {"us-west-2a"});
  plan.launch.capacity_reservation.target_id = "cr-1";
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(world.in_service(), 2);
  const auto activities = std::get<std::vector<model::ScalingActivity>>(
      world.cloud->call(port::DescribeScalingActivities{"group-one", 1}));
  EXPECT_NE(activities.at(0).status_message.find("ReservationCapacityExceeded"), std::string::npos)
      << activities.at(0).status_message;
}

TEST(Reservations, ThatAreNotThereAreWhyAGroupDoesNotGrow) {
  CloudWorld world;
  auto plan = CloudWorld::group({"g4dn.xlarge"}, 1, 100, {"us-west-2a"});
  plan.launch.capacity_reservation.target_id = "cr-9";
  world.cloud->apply_node_group(plan);
  world.run_for(Duration::minutes(1));
  const auto activities = std::get<std::vector<model::ScalingActivity>>(
      world.cloud->call(port::DescribeScalingActivities{"group-one", 1}));
  EXPECT_NE(activities.at(0).status_message.find(
                "The capacity reservation ID 'cr-9' was not found. Launching EC2 instance failed."),
            std::string::npos)
      << activities.at(0).status_message;
}

TEST(Reservations, CostTheOnDemandPriceUsedOrNot) {
  CloudWorld world;
  add(world, reservation(world, 2, Duration::hours(4)));
  world.run_for(Duration::hours(1));
  EXPECT_EQ(world.cloud->cost().total, kPrice * 2);
  EXPECT_EQ(world.cloud->cost().reservations, kPrice * 2);
  const std::string id = launch(world, fleet("cr-1")).instances.at(0).id;
  world.run_for(Duration::hours(3));
  // One slot is used from when its instance runs on.
  const CostOfReservation cost = cost_of(world);
  EXPECT_EQ(cost.used_seconds + cost.unused_seconds, 8 * 3600);
  EXPECT_GT(cost.used_seconds, 3 * 3600 - 91);
  EXPECT_LT(std::abs((world.cloud->cost().total - kPrice * 8).micros()), 1000);
  EXPECT_EQ(described(world).at(0).state, "expired");
  EXPECT_EQ(world.cloud->find(id)->reservation, "");
  // Its instance goes on as any other on demand; the other slot is paid no more.
  const Money before = world.cloud->cost().total;
  world.run_for(Duration::hours(1));
  EXPECT_EQ(world.cloud->live_instances().size(), 1u);
  EXPECT_EQ(world.cloud->cost().total - before, kPrice);
  EXPECT_EQ(launch(world, fleet("cr-1")).errors.at(0).code, "ReservationCapacityExceeded");
}

TEST(CapacityBlocks, ArePaidInFrontAndEmptiedHalfAnHourBeforeTheirEnd) {
  CloudWorld world;
  add(world, block(world, 2, Duration::hours(10)), Money::dollars(8));
  EXPECT_EQ(world.cloud->cost().total, Money::dollars(8));
  EXPECT_EQ(launch(world, fleet("cr-1")).errors.at(0).code, "ReservationCapacityExceeded")
      << "the market type must be capacity-block";
  port::CreateFleet asked = fleet("cr-1");
  asked.launch.capacity_block = true;
  const std::string id = launch(world, asked).instances.at(0).id;
  EXPECT_EQ(world.cloud->find(id)->price_per_hour, Money::micros(400'000));
  EXPECT_FALSE(world.cloud->at_rest());
  world.run_for(Duration::hours(9) + Duration::minutes(19));
  EXPECT_EQ(world.count(port::RecordKind::ReservationNotice), 0);
  world.run_for(Duration::minutes(2));
  EXPECT_EQ(world.count(port::RecordKind::ReservationNotice), 1);
  EXPECT_TRUE(world.stopping.empty());
  world.run_for(Duration::minutes(9));
  EXPECT_EQ(world.stopping, std::vector<std::string>{id});
  world.run_for(Duration::minutes(5));
  EXPECT_EQ(launch(world, asked).errors.at(0).code, "ReservationCapacityExceeded");
  world.run_for(Duration::minutes(30));
  EXPECT_EQ(world.cloud->cost().total, Money::dollars(8));
  EXPECT_GT(world.cloud->cost_of(id), Money::micros(3'700'000));
  EXPECT_EQ(described(world).at(0).state, "expired");
  EXPECT_TRUE(world.cloud->at_rest());
}

TEST(CapacityBlocks, CostWhatOnDemandWouldWhereNoFeeIsTold) {
  CloudWorld world;
  model::CapacityReservation later = block(world, 2, Duration::hours(10));
  later.start = *later.start + Duration::hours(2);
  add(world, later);
  EXPECT_EQ(world.cloud->cost().total, Money());
  EXPECT_EQ(described(world).at(0).state, "scheduled");
  EXPECT_FALSE(world.cloud->at_rest());
  world.run_for(Duration::hours(2));
  EXPECT_EQ(world.cloud->cost().total, kPrice * 16);
}

TEST(Reservations, OfWhatIsNotSoldAreRefused) {
  CloudWorld world;
  model::CapacityReservation facts = reservation(world, 1);
  facts.instance_type = "g4dn.small";
  EXPECT_EQ(world.cloud->add_reservation(facts, std::nullopt).error().message,
            "reservation cr-1: AWS has no instance type g4dn.small");
  facts.instance_type = "g4dn.xlarge";
  facts.zone = "nowhere-1a";
  EXPECT_EQ(world.cloud->add_reservation(facts, std::nullopt).error().message,
            "reservation cr-1: no on-demand price of g4dn.xlarge is known in nowhere-1a");
}

// What may happen to reservations and those that run in them.
void disturb(CloudWorld& world, std::vector<std::string>& ids) {
  port::CreateFleet asked = fleet(*rc::gen::element("", "cr-1", "cr-1", "cr-2"));
  asked.capacity = *rc::gen::inRange(1, 4);
  asked.launch.capacity_block = asked.launch.capacity_reservation.target_id == "cr-2";
  if (*rc::gen::inRange(0, 3) == 0) asked.launch.capacity_reservation.preference = "none";
  if (*rc::gen::arbitrary<bool>())
    for (const port::FleetInstance& made : launch(world, asked).instances) ids.push_back(made.id);
  if (!ids.empty() && *rc::gen::arbitrary<bool>()) {
    const auto which = *rc::gen::inRange<std::size_t>(0, ids.size());
    world.cloud->call(port::TerminateInstances{{ids[which]}});
  }
  world.run_for(Duration::seconds(*rc::gen::inRange(0, 1800)));
}

void check_slots(CloudWorld& world) {
  std::map<std::string, std::int64_t> running;
  for (const CloudInstance* instance : world.cloud->live_instances())
    ++running[instance->reservation];
  for (const model::CapacityReservation& each : described(world)) {
    RC_ASSERT(each.available >= 0);
    RC_ASSERT(each.available <= each.total);
    if (each.state == "active") RC_ASSERT(running[each.id] <= each.total - each.available);
    if (each.state != "active") RC_ASSERT(running[each.id] == 0);
  }
}

RC_GTEST_PROP(ReservationLaws, SlotsAreNeverOverUsedAndMoneyAddsUp, ()) {
  CloudWorld world(*rc::gen::inRange<std::uint64_t>(1, 1000));
  const auto slots = *rc::gen::inRange(1, 4);
  model::CapacityReservation plain = reservation(world, slots, Duration::hours(3));
  if (*rc::gen::arbitrary<bool>()) plain.match_criteria = "open";
  add(world, plain);
  model::CapacityReservation ahead = block(world, 2, Duration::hours(4));
  ahead.id = "cr-2";
  add(world, ahead, Money::dollars(5));
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) {
    disturb(world, ids);
    check_slots(world);
  }
  world.run_for(Duration::hours(6));
  for (const std::string& id : ids) world.cloud->call(port::TerminateInstances{{id}});
  world.run_for(Duration::minutes(5));
  Money bills, unused;
  for (const std::string& id : world.launched) bills += world.cloud->cost_of(id);
  for (const CostOfReservation& each : world.cloud->cost_of_reservations()) {
    const std::int64_t all =
        each.facts->total * (*each.facts->end - *each.facts->start).whole_seconds();
    RC_ASSERT(std::abs(each.used_seconds + each.unused_seconds - all) <= 1);
    RC_ASSERT(each.unused >= Money());
    unused += each.unused;
  }
  RC_ASSERT(world.cloud->cost().total == bills + unused);
  RC_ASSERT(world.cloud->cost().reservations == unused);
  RC_ASSERT(world.cloud->live_instances().empty());
  RC_ASSERT(world.cloud->at_rest());
}

}  // namespace
}  // namespace gputide::sim
