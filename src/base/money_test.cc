#include "base/money.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gputide {
namespace {

TEST(Money, ReadsExactly) {
  EXPECT_EQ(Money::parse("0.526"), Money::micros(526'000));
  EXPECT_EQ(Money::parse("1.0000005"), Money::micros(1'000'001));
  EXPECT_EQ(Money::parse("-1.0000005"), Money::micros(-1'000'001));
  EXPECT_EQ(Money::parse("1.00000049999999999999"), Money::micros(1'000'000));
  EXPECT_EQ(Money::parse("1e-3"), Money::micros(1000));
  EXPECT_EQ(Money::parse("0.0000000003"), Money());
  EXPECT_EQ(Money::parse("12.5E2"), Money::dollars(1250));
  for (const std::string_view text :
       {"", ".", "-", "1e", "abc", "1.2.3", "nan", "inf", "1e99", "0x10", "1 "})
    EXPECT_FALSE(Money::parse(text)) << text;
}

TEST(Money, PrintsRounded) {
  EXPECT_EQ(Money::micros(12'345'600).text(), "12.35");
  EXPECT_EQ(Money::micros(12'345'600).text(4), "12.3456");
  EXPECT_EQ(Money::micros(-4'999).text(), "0.00");
  EXPECT_EQ(Money::micros(-5'000).text(), "-0.01");
  EXPECT_EQ(Money::micros(999'999).text(0), "1");
  EXPECT_EQ(Money::micros(std::numeric_limits<std::int64_t>::min()).text(6),
            "-9223372036854.775808");
}

TEST(Cost, RoundsHalfUpToAMicroDollar) {
  EXPECT_EQ(cost(Money::dollars(3600), Duration::seconds(1)), Money::dollars(1));
  EXPECT_EQ(cost(Money::micros(1), Duration::minutes(30)), Money::micros(1));
  EXPECT_EQ(cost(Money::micros(1), Duration::minutes(29)), Money());
}

RC_GTEST_PROP(MoneyLaws, SixDecimalsReadBackEqual, ()) {
  const auto money = Money::micros(
      *rc::gen::inRange<std::int64_t>(-100'000'000'000'000'000, 100'000'000'000'000'000));
  RC_ASSERT(Money::parse(money.text(6)) == money);
}

// Billing a span in pieces drifts from billing it whole by at most half a micro-dollar a piece.
RC_GTEST_PROP(MoneyLaws, PiecesAddUp, ()) {
  const auto price = Money::micros(*rc::gen::inRange<std::int64_t>(0, 100'000'000));
  const auto pieces = *rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::inRange<std::int64_t>(0, 100'000'000'000'000));
  Duration whole;
  Money sum;
  for (const std::int64_t ns : pieces) {
    whole += Duration::nanoseconds(ns);
    sum += cost(price, Duration::nanoseconds(ns));
  }
  const std::int64_t drift = (sum - cost(price, whole)).micros();
  RC_ASSERT(2 * (drift < 0 ? -drift : drift) <= static_cast<std::int64_t>(pieces.size()) + 1);
}

RC_GTEST_PROP(MoneyLaws, LongerIsNeverCheaper, ()) {
  const auto price = Money::micros(*rc::gen::inRange<std::int64_t>(0, 100'000'000));
  const auto span = rc::gen::inRange<std::int64_t>(0, 100'000'000'000'000);
  const auto a = Duration::nanoseconds(*span), b = Duration::nanoseconds(*span);
  if (a <= b) RC_ASSERT(cost(price, a) <= cost(price, b));
}

}  // namespace
}  // namespace gputide
