#include "base/money.h"

#include <charconv>
#include <cmath>

#include <fmt/core.h>

#include "base/check.h"

namespace gputide {

Result<Money> Money::parse(std::string_view text) {
  double dollars = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), dollars);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(dollars))
    return fail(fmt::format("\"{}\" is not an amount of money", text));
  if (std::fabs(dollars) > 9e12) return fail(fmt::format("{} dollars is beyond the range", text));
  return Money(std::llround(dollars * 1e6));
}

std::string Money::text(int decimals) const {
  GPUTIDE_CHECK(decimals >= 0 && decimals <= 6);
  std::int64_t unit = 1;
  for (int i = decimals; i < 6; ++i) unit *= 10;
  const std::int64_t magnitude = micros_ < 0 ? -micros_ : micros_;
  const std::int64_t rounded = (magnitude + unit / 2) / unit;
  std::int64_t scale = 1'000'000 / unit;
  const char* sign = micros_ < 0 && rounded != 0 ? "-" : "";
  if (decimals == 0) return fmt::format("{}{}", sign, rounded);
  return fmt::format("{}{}.{:0{}}", sign, rounded / scale, rounded % scale, decimals);
}

Money cost(Money per_hour, Duration span) {
  GPUTIDE_CHECK(span >= Duration());
  constexpr std::int64_t kHour = Duration::hours(1).nanoseconds();
  const __int128 product = static_cast<__int128>(per_hour.micros()) * span.nanoseconds();
  return Money::micros(static_cast<std::int64_t>((2 * product + kHour) / (2 * kHour)));
}

}  // namespace gputide
