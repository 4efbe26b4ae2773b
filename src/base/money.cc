#include "base/money.h"

#include <charconv>

#include <fmt/core.h>

#include "base/check.h"
#include "base/text.h"

namespace gputide {

namespace {

/// A decimal number: 0.<digits> * 10^point.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;
};

bool read_decimal(std::string_view text, Decimal& out) {
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) out.negative = text[at++] == '-';
  bool any = false;
  for (; at < text.size() && is_digit(text[at]); ++at, any = true) {
    if (out.digits.empty() && text[at] == '0') continue;
    out.digits += text[at];
    ++out.point;
  }
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && is_digit(text[at]); ++at, any = true) {
      if (out.digits.empty() && text[at] == '0')
        --out.point;
      else
        out.digits += text[at];
    }
  }
  if (!any) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && text[at] == '+') ++at;
    std::int32_t exponent = 0;
    const auto [end, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), exponent);
    if (error != std::errc() || !is_digit(text.back())) return false;
    at = static_cast<std::size_t>(end - text.data());
    out.point += exponent;
  }
  return at == text.size();
}

}  // namespace

Result<Money> Money::parse(std::string_view text) {
  Decimal decimal;
  if (!read_decimal(text, decimal))
    return fail(fmt::format("\"{}\" is not an amount of money", text));
  // Micro-dollars are the first `whole` digits; the next one rounds.
  const std::int64_t whole = decimal.point + 6;
  if (decimal.digits.empty() || whole < 0) return Money();
  if (whole > 18) return fail(fmt::format("{} dollars is beyond the range", text));
  const auto digit_at = [&](std::int64_t i) {
    const auto place = static_cast<std::size_t>(i);
    return place < decimal.digits.size() ? decimal.digits[place] - '0' : 0;
  };
  std::int64_t micros = 0;
  for (std::int64_t i = 0; i < whole; ++i) micros = micros * 10 + digit_at(i);
  if (digit_at(whole) >= 5) ++micros;
  return Money(decimal.negative ? -micros : micros);
}

std::string Money::text(int decimals) const {
  GPUTIDE_CHECK(decimals >= 0 && decimals <= 6);
  std::int64_t unit = 1;
  for (int i = decimals; i < 6; ++i) unit *= 10;
  const auto bits = static_cast<std::uint64_t>(micros_);
  const std::uint64_t magnitude = micros_ < 0 ? 0 - bits : bits;
  const std::uint64_t rounded =
      (magnitude + static_cast<std::uint64_t>(unit) / 2) / static_cast<std::uint64_t>(unit);
  const std::uint64_t scale = 1'000'000 / static_cast<std::uint64_t>(unit);
  const char* sign = micros_ < 0 && rounded != 0 ? "-" : "";
  if (decimals == 0) return fmt::format("{}{}", sign, rounded);
  return fmt::format("{}{}.{:0{}}", sign, rounded / scale, rounded % scale, decimals);
}

Money cost(Money per_hour, Duration span) {
  GPUTIDE_CHECK(span >= Duration());
  constexpr std::int64_t kHour = Duration::hours(1).nanoseconds();
  const __int128 product = static_cast<__int128>(per_hour.micros()) * span.nanoseconds();
  return Money::micros(static_cast<std::int64_t>((2 * product + kHour) / (__int128{2} * kHour)));
}

}  // namespace gputide
