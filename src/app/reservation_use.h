// What a plan takes of capacity reservations, and why it takes nothing of some.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/plan_demand.h"
#include "model/capacity_reservation.h"
#include "model/value.h"

namespace gputide::app {

struct ReservationUse {
  const model::CapacityReservation* reservation = nullptr;
  std::int64_t taken = 0;
  std::string why_not;  // why the plan could take nothing of it; "" = it could
  Money on_demand;      // what such an instance costs otherwise; zero: not known

  std::int64_t left() const { return reservation->available - taken; }
};

/// One for each reservation, which must outlive it.
std::vector<ReservationUse> reservation_uses(
    std::span<const model::CapacityReservation> reservations, const Demand& demand,
    const provisioning::ProvisionPlan& plan);

/// EC2NodeClasses of the NodePools whose terms select none of the reservations, in byte order.
std::vector<std::string> classes_without_reservations(
    std::span<const model::CapacityReservation> reservations, const Demand& demand);

/// A line for each use, and for each of those classes.
void print_reservations(const std::vector<ReservationUse>& uses,
                        const std::vector<std::string>& classes);
/// `capacity_reservations` of `-o json`.
model::Value reservations_json(const std::vector<ReservationUse>& uses);

/// "reserved (cr-0a1)" for what is bought of a reservation; else the market.
std::string market_text(const std::string& capacity_type, const std::string& reservation);

}  // namespace gputide::app
