#include "decide/scaling/backoff.h"

#include <gtest/gtest.h>

namespace gputide::scaling {
namespace {

constexpr Instant kStart = Instant::from_seconds(1'000'000);
const BackoffOptions kOptions;
const ScaleUpError kNoCapacity{ErrorClass::OutOfResources, "InsufficientInstanceCapacity", ""};

TEST(Backoffs, HoldsFromTheFailureToItsEndInclusive) {
  Backoffs backoffs;
  EXPECT_EQ(backoffs.active("g", kStart), nullptr);
  const Instant end = backoffs.fail("g", kNoCapacity, kOptions, kStart);
  EXPECT_EQ(end, kStart + Duration::minutes(5));
  ASSERT_NE(backoffs.active("g", end), nullptr);
  EXPECT_EQ(backoffs.active("g", end)->code, "InsufficientInstanceCapacity");
  EXPECT_EQ(backoffs.active("g", end + Duration::nanoseconds(1)), nullptr);
  EXPECT_EQ(backoffs.active("other", kStart), nullptr);
}

TEST(Backoffs, DoublesOnlyAfterTheLastWaitIsOver) {
  Backoffs backoffs;
  Instant now = kStart;
  backoffs.fail("g", kNoCapacity, kOptions, now);
  now += Duration::minutes(1);
  EXPECT_EQ(backoffs.fail("g", kNoCapacity, kOptions, now), now + Duration::minutes(5));
  for (const int minutes : {10, 20, 30, 30}) {
    now = *backoffs.until("g") + Duration::seconds(1);
    EXPECT_EQ(backoffs.fail("g", kNoCapacity, kOptions, now), now + Duration::minutes(minutes));
  }
}

TEST(Backoffs, ForgetsThreeHoursAfterTheLastFailure) {
  Backoffs backoffs;
  backoffs.fail("g", kNoCapacity, kOptions, kStart);
  backoffs.drop_stale(kOptions, kStart + Duration::hours(3));
  EXPECT_TRUE(backoffs.until("g").has_value());
  backoffs.drop_stale(kOptions, kStart + Duration::hours(3) + Duration::nanoseconds(1));
  EXPECT_FALSE(backoffs.until("g").has_value());
}

TEST(Backoffs, TellsWhenAnAnswerChangesNext) {
  Backoffs backoffs;
  EXPECT_FALSE(backoffs.next_change(kStart).has_value());
  const Instant first = backoffs.fail("a", kNoCapacity, kOptions, kStart);
  backoffs.fail("b", kNoCapacity, kOptions, kStart + Duration::minutes(1));
  const Instant change = *backoffs.next_change(kStart);
  EXPECT_EQ(change, first + Duration::nanoseconds(1));
  EXPECT_NE(backoffs.active("a", change - Duration::nanoseconds(1)), nullptr);
  EXPECT_EQ(backoffs.active("a", change), nullptr);
}

}  // namespace
}  // namespace gputide::scaling
