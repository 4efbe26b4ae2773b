#include "base/time.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gputide {
namespace {

TEST(Duration, ReadsAndPrintsAsGoDoes) {
  EXPECT_EQ(Duration::parse("1h30m")->text(), "1h30m0s");
  EXPECT_EQ(*Duration::parse("90m"), *Duration::parse("1.5h"));
  EXPECT_EQ(Duration::parse("-1.5s")->text(), "-1.5s");
  EXPECT_EQ(Duration::parse("0")->text(), "0s");
  EXPECT_EQ(Duration::parse("1us")->text(), "1\u00b5s");
  EXPECT_EQ(Duration::nanoseconds(std::numeric_limits<std::int64_t>::min()).text(),
            "-2562047h47m16.854775808s");
  EXPECT_EQ(Duration::parse("1").error().message, "time: missing unit in duration \"1\"");
  EXPECT_EQ(Duration::parse("1x").error().message, "time: unknown unit \"x\" in duration \"1x\"");
  EXPECT_EQ(Duration::parse("").error().message, "time: invalid duration \"\"");
  EXPECT_FALSE(Duration::parse("9223372036854775808ns"));
}

TEST(Instant, ReadsAnyOffsetAndFraction) {
  EXPECT_EQ(Instant::parse_rfc3339("2026-01-15T14:00:00.25+02:00")->rfc3339_micro(),
            "2026-01-15T12:00:00.250000Z");
  EXPECT_EQ(Instant::parse_rfc3339("1970-01-01T00:00:00Z"), Instant());
  EXPECT_EQ(Instant::parse_rfc3339("1969-12-31T23:59:59.5Z")->unix_seconds(), -1);
  EXPECT_TRUE(Instant::parse_rfc3339("2024-02-29T00:00:00Z"));
  EXPECT_EQ(Instant::parse_rfc3339("2023-02-29T00:00:00Z").error().message,
            "parsing time \"2023-02-29T00:00:00Z\": day out of range");
  EXPECT_FALSE(Instant::parse_rfc3339_micro("2024-02-29T00:00:00.25Z"));
}

TEST(Instant, RefusesWhatNanosecondsCannotHold) {
  EXPECT_FALSE(Instant::parse_rfc3339("9999-12-31T23:59:59Z"));
  EXPECT_FALSE(Instant::parse_rfc3339("0001-01-01T00:00:00Z"));
  const Instant last = Instant::from_nanoseconds(std::numeric_limits<std::int64_t>::max());
  const Instant first = Instant::from_nanoseconds(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(last.rfc3339_micro(), "2262-04-11T23:47:16.854775Z");
  EXPECT_EQ(first.rfc3339_micro(), "1677-09-21T00:12:43.145224Z");
  EXPECT_EQ(Instant::parse_rfc3339("1677-09-21T00:12:43.145224192Z"), first);
  EXPECT_EQ(Instant::parse_rfc3339("2262-04-11T23:47:16.854775807Z"), last);
  EXPECT_FALSE(Instant::parse_rfc3339("2262-04-11T23:47:16.854775808Z"));
  EXPECT_FALSE(Instant::parse_rfc3339("1677-09-21T00:12:43.145224191Z"));
}

RC_GTEST_PROP(DurationLaws, TextReadsBackEqual, ()) {
  const auto duration = Duration::nanoseconds(*rc::gen::arbitrary<std::int64_t>());
  RC_ASSERT(Duration::parse(duration.text()) == duration);
}

RC_GTEST_PROP(InstantLaws, TextReadsBackEqual, ()) {
  const std::int64_t micros =
      *rc::gen::inRange<std::int64_t>(-9'223'372'036'000'000, 9'223'372'036'000'000);
  const Instant instant = Instant::from_nanoseconds(micros * 1000);
  RC_ASSERT(Instant::parse_rfc3339(instant.rfc3339_micro()) == instant);
  RC_ASSERT(Instant::parse_rfc3339_micro(instant.rfc3339_micro()) == instant);
  RC_ASSERT(Instant::parse_rfc3339(instant.rfc3339()) ==
            Instant::from_seconds(instant.unix_seconds()));
}

RC_GTEST_PROP(InstantLaws, TextsSortAsTheirMoments, ()) {
  const auto any = rc::gen::map(rc::gen::inRange<std::int64_t>(0, 9'000'000'000),
                                [](std::int64_t s) { return Instant::from_seconds(s); });
  const Instant a = *any, b = *any;
  RC_ASSERT((a < b) == (a.rfc3339() < b.rfc3339()));
}

}  // namespace
}  // namespace gputide
