#include "sim/reservations.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace gputide::sim {
namespace {

// What a slot of a capacity block costs an hour.
Money share_of(Money fee, const model::CapacityReservation& block) {
  const __int128 span = static_cast<__int128>((*block.end - *block.start).nanoseconds());
  const __int128 hour = Duration::hours(1).nanoseconds();
  return Money::micros(static_cast<std::int64_t>(fee.micros() * hour / (span * block.total)));
}

}  // namespace

Reservation::Reservation(model::CapacityReservation facts, Money per_hour, std::optional<Money> fee)
    : facts_(std::move(facts)),
      per_hour_(fee ? share_of(*fee, facts_) : per_hour),
      fee_(fee),
      price_(std::make_unique<PriceProcess>(*facts_.start, per_hour_)) {
  facts_.state = "scheduled";
  facts_.available = 0;
}

void Reservation::begin(Instant now) {
  facts_.state = "active";
  facts_.available = facts_.total;
  since_ = now;
}

std::vector<Reservation::Number> Reservation::expire(Instant now) {
  count(-billed_, now);
  facts_.state = "expired";
  facts_.available = 0;
  return std::exchange(holders_, {});
}

void Reservation::take(Number instance, bool is_billed, Instant now) {
  GPUTIDE_CHECK(facts_.available > 0);
  --facts_.available;
  holders_.push_back(instance);
  if (is_billed) starts_bill(now);
}

void Reservation::stops_bill(Money cost, Instant now) {
  count(-1, now);
  closed_bills_ += cost;
}

void Reservation::give_back(Number instance) {
  const auto held = std::find(holders_.begin(), holders_.end(), instance);
  GPUTIDE_CHECK(held != holders_.end());
  holders_.erase(held);
  ++facts_.available;
}

Reservation::SlotTime Reservation::slot_time(Instant now) const {
  SlotTime sum = slot_time_;
  if (!is_active()) return sum;
  const __int128 span = (now - since_).nanoseconds();
  sum.used += span * billed_;
  sum.unused += span * (facts_.total - billed_);
  return sum;
}

void Reservation::count(std::int64_t change, Instant now) {
  slot_time_ = slot_time(now);
  since_ = now;
  billed_ += change;
  GPUTIDE_CHECK(billed_ >= 0 && billed_ <= facts_.total);
}

}  // namespace gputide::sim
