// Money: integer micro-dollars, so that sums are exact and equal on every machine.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace gputide {

/// An amount of US dollars in millionths; about +-9.2 trillion dollars.
class Money {
 public:
  constexpr Money() = default;
  static constexpr Money micros(std::int64_t n) { return Money(n); }
  static constexpr Money dollars(std::int64_t n) { return Money(n * 1'000'000); }

  /// Reads a decimal amount ("0.526", "12", "1e-3"); digits beyond the sixth round half away from
  /// zero, exactly.
  static Result<Money> parse(std::string_view text);

  constexpr std::int64_t micros() const { return micros_; }
  /// The amount in dollars, for printing and for formats that are defined in doubles.
  constexpr double to_dollars() const { return static_cast<double>(micros_) / 1e6; }

  /// "12.345600" without trailing zeros beyond `decimals`: 12.3456 -> text(2) "12.35", text(4)
  /// "12.3456".
  std::string text(int decimals = 2) const;

  constexpr auto operator<=>(const Money&) const = default;
  constexpr Money operator-() const { return Money(-micros_); }
  constexpr Money& operator+=(Money m) {
    micros_ += m.micros_;
    return *this;
  }
  constexpr Money& operator-=(Money m) {
    micros_ -= m.micros_;
    return *this;
  }
  friend constexpr Money operator+(Money a, Money b) { return Money(a.micros_ + b.micros_); }
  friend constexpr Money operator-(Money a, Money b) { return Money(a.micros_ - b.micros_); }
  friend constexpr Money operator*(Money a, std::int64_t k) { return Money(a.micros_ * k); }

 private:
  constexpr explicit Money(std::int64_t micros) : micros_(micros) {}
  std::int64_t micros_ = 0;
};

/// What `per_hour` costs for `span`, rounded half up to a micro-dollar. `span` must not be
/// negative.
Money cost(Money per_hour, Duration span);

}  // namespace gputide
