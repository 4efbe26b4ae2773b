// Time as data. Nothing in the pure layers reads a clock: an Instant arrives inside each event.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gputide {

/// A span of time in integer nanoseconds, as Go's time.Duration: about +-292 years.
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration nanoseconds(std::int64_t n) { return Duration(n); }
  static constexpr Duration milliseconds(std::int64_t n) { return Duration(n * 1'000'000); }
  static constexpr Duration seconds(std::int64_t n) { return Duration(n * 1'000'000'000); }
  static constexpr Duration minutes(std::int64_t n) { return seconds(n * 60); }
  static constexpr Duration hours(std::int64_t n) { return seconds(n * 3600); }

  /// Reads what Go's time.ParseDuration reads ("1h30m", "-1.5s", "300ms", "0"), with its error
  /// texts.
  static Result<Duration> parse(std::string_view text);

  constexpr std::int64_t nanoseconds() const { return ns_; }
  constexpr std::int64_t whole_seconds() const { return ns_ / 1'000'000'000; }
  constexpr double to_seconds() const { return static_cast<double>(ns_) / 1e9; }

  /// As Go prints it: "1h30m0s", "1.5s", "0s".
  std::string text() const;

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator-() const { return Duration(-ns_); }
  constexpr Duration& operator+=(Duration d) {
    ns_ += d.ns_;
    return *this;
  }
  constexpr Duration& operator-=(Duration d) {
    ns_ -= d.ns_;
    return *this;
  }
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration(a.ns_ + b.ns_); }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration(a.ns_ - b.ns_); }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return Duration(a.ns_ * k); }
  friend constexpr Duration operator/(Duration a, std::int64_t k) { return Duration(a.ns_ / k); }

 private:
  constexpr explicit Duration(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_ = 0;
};

/// A moment: integer nanoseconds since 1970-01-01T00:00:00Z. Simulations start at sim_epoch().
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant from_nanoseconds(std::int64_t n) { return Instant(n); }
  static constexpr Instant from_seconds(std::int64_t n) { return Instant(n * 1'000'000'000); }

  /// Reads RFC 3339 as metav1.Time does (any offset, optional fraction), with Go's error texts.
  static Result<Instant> parse_rfc3339(std::string_view text);
  /// The same as metav1.MicroTime does: exactly six digits of fraction.
  static Result<Instant> parse_rfc3339_micro(std::string_view text);

  constexpr std::int64_t nanoseconds() const { return ns_; }
  /// Seconds since 1970, rounded towards minus infinity.
  constexpr std::int64_t unix_seconds() const {
    return ns_ / 1'000'000'000 - (ns_ % 1'000'000'000 < 0 ? 1 : 0);
  }

  /// "2026-01-15T12:00:00Z": UTC, whole seconds, as Kubernetes writes metav1.Time.
  std::string rfc3339() const;
  /// "2026-01-15T12:00:00.000000Z": UTC, microseconds, as Kubernetes writes metav1.MicroTime.
  std::string rfc3339_micro() const;

  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant& operator+=(Duration d) {
    ns_ += d.nanoseconds();
    return *this;
  }
  friend constexpr Instant operator+(Instant t, Duration d) {
    return Instant(t.ns_ + d.nanoseconds());
  }
  friend constexpr Instant operator-(Instant t, Duration d) {
    return Instant(t.ns_ - d.nanoseconds());
  }
  friend constexpr Duration operator-(Instant a, Instant b) {
    return Duration::nanoseconds(a.ns_ - b.ns_);
  }

 private:
  constexpr explicit Instant(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_ = 0;
};

}  // namespace gputide
