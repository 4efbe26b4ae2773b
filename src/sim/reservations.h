// Capacity reservations: who holds their slots, and how long these were used.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/capacity_reservation.h"
#include "sim/spot_price.h"

namespace gputide::sim {

/// One capacity reservation of a run, from its purchase on. Instances are known by their numbers. A
/// slot is held from an instance's launch until it is terminated, and used while that is billed.
class Reservation {
 public:
  using Number = std::uint32_t;

  /// `facts.start` is set. `fee`, of a capacity block, is paid in front for all slots until its
  /// end; else each slot costs `per_hour`.
  Reservation(model::CapacityReservation facts, Money per_hour, std::optional<Money> fee);

  /// As DescribeCapacityReservations tells of it.
  const model::CapacityReservation& facts() const { return facts_; }
  bool is_active() const { return facts_.state == "active"; }
  const std::vector<Number>& holders() const { return holders_; }
  /// What a slot costs an hour; of a capacity block, its fee by hours and slots.
  Money per_hour() const { return per_hour_; }
  PriceProcess& price() { return *price_; }
  const std::optional<Money>& fee() const { return fee_; }

  /// Whether an instance of the type in the zone may be launched into it now.
  bool takes(std::string_view type, std::string_view zone) const {
    return is_active() && !closing_ && facts_.available > 0 && facts_.instance_type == type &&
           facts_.zone == zone;
  }

  void begin(Instant now);
  /// A capacity block takes no instances in its last half an hour.
  void close() { closing_ = true; }
  /// It is over; what runs in it holds no slot any more. Gives who that was.
  std::vector<Number> expire(Instant now);
  /// An instance is launched into it, or found to match.
  void take(Number instance, bool is_billed, Instant now);
  void starts_bill(Instant now) { count(1, now); }
  /// `cost`: what the instance was billed in all.
  void stops_bill(Money cost, Instant now);
  void give_back(Number instance);

  /// Slots times time, in nanoseconds, as far as it has been active.
  struct SlotTime {
    __int128 used = 0;
    __int128 unused = 0;
  };
  SlotTime slot_time(Instant now) const;
  /// Of instances that were billed in it and have stopped.
  Money closed_bills() const { return closed_bills_; }

 private:
  void count(std::int64_t change, Instant now);

  model::CapacityReservation facts_;
  Money per_hour_;
  std::optional<Money> fee_;
  std::unique_ptr<PriceProcess> price_;
  std::vector<Number> holders_;  // in the order in which they took their slots
  bool closing_ = false;
  std::int64_t billed_ = 0;  // holders that are billed
  Instant since_;            // slot_time_ is counted up to then
  SlotTime slot_time_;
  Money closed_bills_;
};

}  // namespace gputide::sim
