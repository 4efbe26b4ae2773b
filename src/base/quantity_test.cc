#include "base/quantity.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gputide {
namespace {

Quantity q(std::string_view text) {
  Result<Quantity> parsed = Quantity::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Quantity());
}

Quantity sum(Quantity a, const Quantity& b) {
  a.add(b);
  return a;
}

Quantity difference(Quantity a, const Quantity& b) {
  a.sub(b);
  return a;
}

// Texts of every form: plain, fractions, all suffixes, exponents, small and beyond int64.
rc::Gen<std::string> texts() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::element<std::string>("", "-", "+"),
                     rc::gen::oneOf(rc::gen::map(rc::gen::inRange(0, 2000),
                                                 [](int n) { return std::to_string(n); }),
                                    rc::gen::map(rc::gen::arbitrary<std::uint64_t>(),
                                                 [](auto n) { return std::to_string(n); })),
                     rc::gen::oneOf(rc::gen::just(std::string()),
                                    rc::gen::map(rc::gen::inRange(0, 100000),
                                                 [](int n) { return "." + std::to_string(n); })),
                     rc::gen::element<std::string>("", "n", "u", "m", "k", "M", "G", "T", "P", "E",
                                                   "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-3",
                                                   "e+6", "e-9", "e0", "e18")),
      [](const auto& parts) {
        const auto& [sign, whole, fraction, suffix] = parts;
        return sign + whole + fraction + suffix;
      });
}

rc::Gen<Quantity> quantities() {
  return rc::gen::map(texts(), [](const std::string& text) { return q(text); });
}

// Past 10^18 the suffixes end and upstream prints the number without one.
bool prints_whole(const Quantity& value) {
  const Quantity limit = q("1000e18");
  Quantity magnitude = value;
  if (magnitude.sign() < 0) magnitude.negate();
  return value.format_name() != "DecimalSI" || magnitude < limit;
}

TEST(Quantity, PrintsCanonically) {
  const std::vector<std::pair<std::string_view, std::string_view>> cases = {
      {"1500m", "1500m"},   {"0.5", "500m"},    {"1000m", "1"},   {"1024Ki", "1Mi"},
      {"1.5Gi", "1536Mi"},  {"1000", "1k"},     {"0", "0"},       {"100e3", "100e3"},
      {"0.1n", "1n"},       {"-1.5", "-1500m"}, {"1e3", "1e3"},   {"12e-1", "1200e-3"},
      {"0.1Ki", "102400m"}, {"1e0", "1e0"},     {"+3Gi", "+3Gi"}, {"007", "007"},
  };
  for (const auto& [in, out] : cases) EXPECT_EQ(q(in).text(), out) << in;
}

TEST(Quantity, ForgetsAnUnusualSpellingWhenChanged) {
  EXPECT_EQ(sum(q("1e0"), q("0")).text(), "1");
  Quantity negative = q("+3Gi");
  negative.negate();
  EXPECT_EQ(negative.text(), "-3Gi");
}

TEST(Quantity, RefusesWhatUpstreamRefuses) {
  for (const std::string_view text : {"", " 1", "1 ", "1.2.3", "1Kib", "0x10", "one", "1e", "1i",
                                      "1e1001", "1e-2147483648", ".Ei", "Ei", "e-1000", "--1"})
    EXPECT_FALSE(Quantity::parse(text)) << text;
}

TEST(Quantity, RoundsUpAndCaps) {
  EXPECT_EQ(q("1100m").value(), 2);
  EXPECT_EQ(q("-1100m").value(), -2);
  EXPECT_EQ(q("1n").milli_value(), 1);
  EXPECT_EQ(q("1000Ei").value(), std::numeric_limits<std::int64_t>::max());
  Quantity rounded = q("1001u");
  EXPECT_FALSE(rounded.round_up(-3));
  EXPECT_EQ(rounded.text(), "2m");
}

TEST(Quantity, TakesTheFormatOfTheFirstAddend) {
  Quantity total;
  EXPECT_EQ(total.format_name(), "");
  total.add(q("1Gi"));
  total.add(q("1G"));
  EXPECT_EQ(total.format_name(), "BinarySI");
}

TEST(Quantity, StaysExactBeyondInt64) {
  const Quantity most = Quantity::from_value(std::numeric_limits<std::int64_t>::max());
  Quantity more = sum(most, Quantity::from_value(1));
  EXPECT_EQ(more.text(), "9223372036854775808");
  EXPECT_GT(more, most);
  EXPECT_EQ(difference(more, Quantity::from_value(1)), most);
  Quantity lowest = Quantity::from_value(std::numeric_limits<std::int64_t>::min());
  lowest.negate();
  EXPECT_EQ(lowest, more);
}

RC_GTEST_PROP(QuantityLaws, TextReadsBackEqual, ()) {
  const Quantity a = *quantities();
  RC_PRE(prints_whole(a));
  RC_ASSERT(q(a.text()) == a);
}

RC_GTEST_PROP(QuantityLaws, CanonicalTextIsStable, ()) {
  Quantity a = *quantities();
  RC_PRE(prints_whole(a));
  a.add(Quantity::from_value(0));  // forgets the spelling
  const std::string text = a.text();
  Quantity again = q(text);
  again.add(Quantity::from_value(0));
  RC_ASSERT(again.text() == text);
}

RC_GTEST_PROP(QuantityLaws, AdditionCommutesAndAssociates, ()) {
  const Quantity a = *quantities(), b = *quantities(), c = *quantities();
  RC_ASSERT(sum(a, b) == sum(b, a));
  RC_ASSERT(sum(sum(a, b), c) == sum(a, sum(b, c)));
  RC_ASSERT(difference(sum(a, b), b) == a);
  RC_ASSERT(difference(a, a).is_zero());
}

RC_GTEST_PROP(QuantityLaws, OrderIsTotalAndAgreesWithSubtraction, ()) {
  const Quantity a = *quantities(), b = *quantities(), c = *quantities();
  const auto order = a <=> b;
  RC_ASSERT((b <=> a) == (0 <=> order));
  RC_ASSERT(difference(a, b).sign() == (order < 0 ? -1 : order > 0 ? 1 : 0));
  if (a <= b && b <= c) RC_ASSERT(a <= c);
  RC_ASSERT((a == b) == (order == 0));
}

RC_GTEST_PROP(QuantityLaws, MultiplicationIsRepeatedAddition, ()) {
  const Quantity a = *quantities();
  const int times = *rc::gen::inRange(0, 20);
  Quantity product = a, total;
  product.mul(times);
  for (int i = 0; i < times; ++i) total.add(a);
  RC_ASSERT(product == total);
}

RC_GTEST_PROP(QuantityLaws, RoundingUpIsLeastAndAwayFromZero, ()) {
  Quantity a = *quantities();
  const int scale = *rc::gen::element(-9, -6, -3, 0, 3, 6);
  Quantity rounded = a;
  const bool exact = rounded.round_up(scale);
  RC_ASSERT(exact == (rounded == a));
  if (a.sign() >= 0) RC_ASSERT(rounded >= a);
  if (a.sign() <= 0) RC_ASSERT(rounded <= a);
  Quantity gap = difference(rounded, a);
  if (gap.sign() < 0) gap.negate();
  RC_ASSERT(gap < q("1e" + std::to_string(scale)));
}

}  // namespace
}  // namespace gputide
