#include "model/capacity_reservation.h"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

namespace gputide::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CapacityReservation reservation(std::string id, StringMap tags = {}) {
  CapacityReservation made;
  made.id = std::move(id);
  made.instance_type = "p5.48xlarge";
  made.zone = "us-west-2a";
  made.owner_id = "111122223333";
  made.tags = std::move(tags);
  return made;
}

std::vector<std::string> selected(std::vector<CapacityReservationSelectorTerm> terms,
                                  const std::vector<CapacityReservation>& reservations) {
  EC2NodeClassSpec spec;
  spec.capacityReservationSelectorTerms = std::move(terms);
  std::vector<std::string> ids;
  for (const CapacityReservation& each : selected_reservations(spec, reservations))
    ids.push_back(each.id);
  return ids;
}

TEST(SelectedReservations, AreThoseOfAnyTerm) {
  const std::vector<CapacityReservation> all{
      reservation("cr-1"), reservation("cr-2", {{"team", "ml"}}),
      reservation("cr-3", {{"team", "web"}}), reservation("cr-4", {{"use", "x"}})};
  EXPECT_THAT(selected({}, all), IsEmpty());
  EXPECT_THAT(selected({{{}, "cr-1", "", ""}}, all), ElementsAre("cr-1"));
  EXPECT_THAT(selected({{{{"team", "*"}}, "", "", ""}}, all), ElementsAre("cr-2", "cr-3"));
  EXPECT_THAT(selected({{{{"team", "ml"}}, "", "", ""}, {{}, "cr-4", "", ""}}, all),
              ElementsAre("cr-2", "cr-4"));
  EXPECT_THAT(selected({{{{"team", "ml"}, {"use", "x"}}, "", "", ""}}, all), IsEmpty());
}

TEST(SelectedReservations, MeetEveryFieldOfTheTerm) {
  std::vector<CapacityReservation> all{reservation("cr-1", {{"a", "b"}}), reservation("cr-2")};
  all[0].match_criteria = "targeted";
  EXPECT_THAT(selected({{{}, "", "", "targeted"}}, all), ElementsAre("cr-1"));
  EXPECT_THAT(selected({{{}, "", "", "open"}}, all), ElementsAre("cr-2"));
  EXPECT_THAT(selected({{{{"a", "b"}}, "", "999999999999", ""}}, all), IsEmpty());
  EXPECT_THAT(selected({{{{"a", "b"}}, "", "111122223333", "targeted"}}, all), ElementsAre("cr-1"));
  EXPECT_THAT(selected({{{}, "", "111122223333", ""}}, all), IsEmpty());
}

TEST(SelectedReservations, AreActive) {
  CapacityReservation later = reservation("cr-1");
  later.state = "scheduled";
  EXPECT_THAT(selected({{{}, "cr-1", "", ""}}, {later}), IsEmpty());
}

TEST(Reservation, OfAScenarioIsOpenUnlessItIsACapacityBlock) {
  const Instant epoch = *Instant::parse_rfc3339("2026-01-15T12:00:00Z");
  ScenarioReservation told;
  told.id = "cr-1";
  told.count = 3;
  told.start = Duration::hours(1);
  CapacityReservation made = reservation_of(told, epoch);
  EXPECT_EQ(made.match_criteria, "open");
  EXPECT_EQ(made.available, 3);
  EXPECT_EQ(made.start, epoch + Duration::hours(1));
  EXPECT_FALSE(made.end.has_value());
  told.type = "capacity-block";
  told.end = Duration::hours(25);
  made = reservation_of(told, epoch);
  EXPECT_EQ(made.match_criteria, "targeted");
  EXPECT_EQ(made.end, epoch + Duration::hours(25));
}

TEST(Reservation, SaysWhyNoNodeCanUseIt) {
  CapacityReservation one = reservation("cr-1");
  EXPECT_EQ(why_unusable(one), "");
  one.tenancy = "dedicated";
  EXPECT_EQ(why_unusable(one), "its tenancy is dedicated, and that of nodes is default");
  one.platform = "Windows";
  EXPECT_EQ(why_unusable(one), "it is for Windows, and nodes run Linux/UNIX");
  one.match_criteria = "some";
  EXPECT_EQ(why_unusable(one), "Karpenter knows no instance match criteria some");
  one.type = "future";
  EXPECT_EQ(why_unusable(one), "Karpenter knows no reservations of type future");
}

TEST(Reservation, ExpiresFortyMinutesBeforeACapacityBlockEnds) {
  CapacityReservation block = reservation("cr-1");
  block.end = *Instant::parse_rfc3339("2026-01-15T12:00:00Z");
  EXPECT_FALSE(is_expiring(block, *block.end));
  block.type = "capacity-block";
  EXPECT_TRUE(is_expiring(block, *Instant::parse_rfc3339("2026-01-15T11:20:00Z")));
  EXPECT_FALSE(is_expiring(block, *Instant::parse_rfc3339("2026-01-15T11:19:59Z")));
}

}  // namespace
}  // namespace gputide::model
