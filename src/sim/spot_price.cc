#include "sim/spot_price.h"

#include <algorithm>

#include "base/check.h"

namespace gputide::sim {
namespace {

constexpr std::int64_t kWidest = 150;  // per mille from the average

}  // namespace

PriceProcess::PriceProcess(Instant start, Money per_hour)
    : average_(per_hour), ceiling_(per_hour), stream_(0, ""), end_(kNever) {
  steps_.push_back({start, per_hour});
}

PriceProcess::PriceProcess(Instant start, Money average, Money ceiling, Rng stream)
    : average_(average), ceiling_(ceiling), drifts_(true), stream_(stream), end_(start) {
  level_ = stream_.between(-80, 80);
  extend_past(start);
}

Money PriceProcess::price_now() const {
  constexpr std::int64_t kUnit = 100;  // AWS tells prices to a hundredth of a cent
  const std::int64_t micros = average_.micros() * (1000 + level_) / 1000;
  return std::min(Money::micros(std::max<std::int64_t>(micros / kUnit * kUnit, kUnit)), ceiling_);
}

void PriceProcess::extend_past(Instant t) {
  while (drifts_ && end_ <= t) {
    steps_.push_back({end_, price_now()});
    end_ += Duration::minutes(stream_.between(180, 900));
    // A step pulls back to the average the more, the further it is away.
    level_ = std::clamp(level_ + stream_.between(-18, 18) - level_ / 8, -kWidest, kWidest);
  }
}

std::size_t PriceProcess::step_at(Instant t) const {
  const auto after = std::upper_bound(steps_.begin(), steps_.end(), t,
                                      [](Instant at, const Step& step) { return at < step.from; });
  return after == steps_.begin() ? 0 : static_cast<std::size_t>(after - steps_.begin()) - 1;
}

Money PriceProcess::at(Instant t) {
  extend_past(t);
  return steps_[step_at(t)].per_hour;
}

Instant PriceProcess::next_change(Instant t) {
  extend_past(t);
  const std::size_t next = step_at(t) + 1;
  return next < steps_.size() ? steps_[next].from : end_;
}

__int128 PriceProcess::integral(Instant from, Instant to) {
  GPUTIDE_CHECK(from <= to);
  extend_past(to);
  __int128 sum = 0;
  for (std::size_t i = step_at(from); from < to; ++i) {
    const Instant until = i + 1 < steps_.size() ? std::min(steps_[i + 1].from, to) : to;
    sum += static_cast<__int128>(steps_[i].per_hour.micros()) * (until - from).nanoseconds();
    from = until;
  }
  return sum;
}

Money money_of(__int128 integral) {
  constexpr std::int64_t kHour = Duration::hours(1).nanoseconds();
  return Money::micros(static_cast<std::int64_t>((integral + kHour / 2) / kHour));
}

}  // namespace gputide::sim
