// What an instance costs over time: a price that moves in steps, and exact sums under it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/money.h"
#include "base/rng.h"
#include "base/time.h"

namespace gputide::sim {

/// A price as a step function of time. Made for as long as somebody asks: a pool that nobody uses
/// costs nothing. Draws depend on the stream alone, not on who asks or when.
class PriceProcess {
 public:
  /// Never changes.
  PriceProcess(Instant start, Money per_hour);
  /// Drifts slowly around `average`, a few percent a day and at most 15 % from it, never above
  /// `ceiling`.
  PriceProcess(Instant start, Money average, Money ceiling, Rng stream);

  Money at(Instant t);
  /// When the price changes next after `t`; Instant at the end of time when never.
  Instant next_change(Instant t);
  /// The sum of price x time over [from, to), in micro-dollars per hour x nanoseconds.
  __int128 integral(Instant from, Instant to);

 private:
  struct Step {
    Instant from;
    Money per_hour;
  };
  void extend_past(Instant t);
  std::size_t step_at(Instant t) const;
  Money price_now() const;

  Money average_;
  Money ceiling_;
  bool drifts_ = false;
  Rng stream_;
  std::int64_t level_ = 0;  // per mille above the average
  Instant end_;             // of the last step
  std::vector<Step> steps_;
};

/// The end of time, for "never".
inline constexpr Instant kNever = Instant::from_nanoseconds(INT64_MAX);

/// Micro-dollars per hour x nanoseconds as money, rounded half up to a micro-dollar.
Money money_of(__int128 integral);

}  // namespace gputide::sim
