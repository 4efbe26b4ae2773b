// Capacity reservations: from their start to their end, and who runs in them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/aws_words.h"
#include "sim/ec2.h"

namespace gputide::sim {

using model::Market;
using port::RecordKind;

namespace {

// A capacity block's instances are terminated so long before its end, and that is announced so long
// ahead (EC2 user guide, "Capacity Blocks for ML").
constexpr Duration kBlockCloses = Duration::minutes(30);
constexpr Duration kBlockNotice = Duration::minutes(40);

std::string subject_of(const Reservation& reservation) {
  return "reservation " + reservation.facts().id;
}

std::string slots_text(std::int64_t count) {
  return fmt::format("{} instance{}", count, count == 1 ? "" : "s");
}

// Used and unused, which add up to all.
std::pair<std::int64_t, std::int64_t> seconds_of(const Reservation::SlotTime& time) {
  constexpr __int128 kSecond = Duration::seconds(1).nanoseconds();
  const auto used = static_cast<std::int64_t>(time.used / kSecond);
  return {used, static_cast<std::int64_t>((time.used + time.unused) / kSecond) - used};
}

}  // namespace

Result<void> Ec2::add_reservation(model::CapacityReservation facts, std::optional<Money> fee) {
  const Pool* pool = pools_.get(facts.instance_type, facts.zone);
  if (pool == nullptr)
    return fail(
        fmt::format("reservation {}: AWS has no instance type {}", facts.id, facts.instance_type));
  if (!fee && pool->on_demand_price == nullptr)
    return fail(fmt::format("reservation {}: no on-demand price of {} is known in {}", facts.id,
                            facts.instance_type, facts.zone));
  if (reservation_by_id_.contains(facts.id))
    return fail(fmt::format("reservation {} is there already", facts.id));
  const Money per_hour =
      pool->on_demand_price == nullptr ? Money() : pool->on_demand_price->at(heap_.now());
  if (facts.is_capacity_block() && !fee)
    fee = gputide::cost(per_hour, *facts.end - *facts.start) * facts.total;
  const auto number = static_cast<Number>(reservations_.size());
  const Reservation& made = reservations_.emplace_back(std::move(facts), per_hour, fee);
  reservation_by_id_.emplace(made.facts().id, number);
  set_timer(std::max(*made.facts().start - heap_.now(), Duration()), Timer::ReservationBegins,
            number);
  return {};
}

void Ec2::reservation_begins(Number number) {
  Reservation& made = reservations_[number];
  made.begin(heap_.now());
  const model::CapacityReservation& facts = made.facts();
  const auto from_now = [&](Duration before) {
    return std::max(*facts.end - before - heap_.now(), Duration());
  };
  const bool block = facts.is_capacity_block();
  if (block) set_timer(from_now(kBlockNotice), Timer::ReservationNotice, number);
  if (block) set_timer(from_now(kBlockCloses), Timer::ReservationCloses, number);
  if (facts.end) set_timer(from_now(Duration()), Timer::ReservationExpires, number);
  const std::string paid =
      made.fee() ? fmt::format("${} is paid in front", made.fee()->text(4))
                 : fmt::format("${} an hour each, used or not", made.per_hour().text(4));
  const std::string span =
      facts.end ? fmt::format(" for {}", (*facts.end - heap_.now()).text()) : std::string();
  tell(RecordKind::ReservationStarted, subject_of(made),
       fmt::format("{} × {} reserved in {}{} ({}, {}): {}", facts.total, facts.instance_type,
                   facts.zone, span, block ? "capacity block" : "on-demand", facts.match_criteria,
                   paid),
       {{"reservation", facts.id},
        {"type", facts.instance_type},
        {"zone", facts.zone},
        {"reservation_type", facts.type},
        {"count", facts.total},
        {"price_micros", made.per_hour().micros()}});
  tell_slots(number);
  fill(number);
}

void Ec2::tell_slots(Number number) {
  slots_changed_ = heap_.now();
  const Reservation& of = reservations_[number];
  const model::CapacityReservation& facts = of.facts();
  const std::int64_t count = of.is_active() ? facts.total : 0;
  const auto used = static_cast<std::int64_t>(of.holders().size());
  tell(RecordKind::ReservationUsed, subject_of(of), fmt::format("{} of {} used", used, count),
       {{"reservation", facts.id},
        {"type", facts.instance_type},
        {"zone", facts.zone},
        {"used", used},
        {"count", count},
        {"price_micros", of.per_hour().micros()}});
}

void Ec2::reservation_notice(Number number) {
  const Reservation& ending = reservations_[number];
  const auto held = static_cast<std::int64_t>(ending.holders().size());
  const Duration left = std::max(*ending.facts().end - kBlockCloses - heap_.now(), Duration());
  tell(RecordKind::ReservationNotice, subject_of(ending),
       fmt::format("the capacity block ends in {}: AWS terminates its {} in {}",
                   (*ending.facts().end - heap_.now()).text(), slots_text(held), left.text()),
       {{"reservation", ending.facts().id},
        {"type", ending.facts().instance_type},
        {"zone", ending.facts().zone},
        {"ends_in_seconds", left.whole_seconds()}});
}

void Ec2::reservation_closes(Number number) {
  Reservation& block = reservations_[number];
  block.close();
  const std::vector<Number> held = block.holders();
  for (const Number holder : held)
    if (Instance& instance = instances_[holder]; alive(instance))
      end(instance, EndReason::CapacityBlock, "its capacity block ends in half an hour");
}

void Ec2::reservation_expires(Number number) {
  Reservation& over = reservations_[number];
  for (const Number holder : over.expire(heap_.now())) {
    instances_[holder].reservation_number = kNone;
    instances_[holder].reservation.clear();
  }
  const Money unused = unused_cost(over, used_cost(over));
  const auto [used_seconds, unused_seconds] = seconds_of(over.slot_time(heap_.now()));
  tell(RecordKind::ReservationEnded, subject_of(over),
       fmt::format("ended; its instances were used for {} and unused for {}, which cost ${}",
                   Duration::seconds(used_seconds).text(), Duration::seconds(unused_seconds).text(),
                   unused.text(4)),
       {{"reservation", over.facts().id},
        {"type", over.facts().instance_type},
        {"zone", over.facts().zone},
        {"used_seconds", used_seconds},
        {"unused_seconds", unused_seconds},
        {"cost_micros", unused.micros()}});
  tell_slots(number);
}

void Ec2::take_slot(Instance& instance, Number number) {
  instance.reservation_number = number;
  instance.reservation = reservations_[number].facts().id;
  reservations_[number].take(instance.number, instance.state == State::Running, heap_.now());
  tell_slots(number);
}

void Ec2::give_slot_back(Instance& instance) {
  const Number number = std::exchange(instance.reservation_number, kNone);
  reservations_[number].give_back(instance.number);
  tell_slots(number);
  fill(number);
}

void Ec2::fill(Number number) {
  const Reservation& open = reservations_[number];
  if (open.facts().match_criteria != "open" || open.facts().is_capacity_block()) return;
  for (const Number each : live_) {
    Instance& instance = instances_[each];
    if (alive(instance) && instance.market == Market::OnDemand && instance.takes_open &&
        instance.reservation_number == kNone && open.takes(instance.type->name, instance.zone))
      take_slot(instance, number);
  }
}

Ec2::Number Ec2::open_reservation(const Pool& pool) const {
  for (Number number = 0; number < reservations_.size(); ++number) {
    const Reservation& each = reservations_[number];
    if (each.facts().match_criteria == "open" && !each.facts().is_capacity_block() &&
        each.takes(pool.type->name, pool.zone))
      return number;
  }
  return kNone;
}

Ec2::Room Ec2::room_in(const std::string& id, const Pool& pool, Market market,
                       bool as_block) const {
  Room none;
  const auto found = reservation_by_id_.find(id);
  if (found == reservation_by_id_.end()) {
    aws::reservation_unknown(id, none.code, none.message);
    return none;
  }
  const Reservation& target = reservations_[found->second];
  const bool block = target.facts().is_capacity_block();
  if (market == Market::OnDemand && block == as_block && target.takes(pool.type->name, pool.zone))
    return {true, found->second, {}, {}};
  aws::reservation_full(none.code, none.message);
  return none;
}

Ec2::Room Ec2::room(Pool& pool, Market market, const model::LaunchTemplateData& launch) {
  const model::CapacityReservationSpecification& asked = launch.capacity_reservation;
  if (!asked.target_id.empty())
    return room_in(asked.target_id, pool, market, launch.capacity_block);
  if (market == Market::OnDemand && asked.preference != "none")
    if (const Number open = open_reservation(pool); open != kNone) return {true, open, {}, {}};
  Room out;
  if (asked.preference == "capacity-reservations-only")
    aws::reservation_full(out.code, out.message);
  else
    out.free = pools_.has_capacity(pool, market, heap_.now());
  return out;
}

PriceProcess* Ec2::price_of(const Pool& pool, Market market,
                            const model::LaunchTemplateData& launch) {
  const auto target = reservation_by_id_.find(launch.capacity_reservation.target_id);
  return target == reservation_by_id_.end() ? pool.price(market)
                                            : &reservations_[target->second].price();
}

Money Ec2::used_cost(const Reservation& reservation) const {
  if (!reservation.fee())
    return money_of(reservation.slot_time(heap_.now()).used * reservation.per_hour().micros());
  Money sum = reservation.closed_bills();
  for (const Number holder : reservation.holders())
    if (alive(instances_[holder])) sum += bills_.cost_of(holder, heap_.now());
  return sum;
}

Money Ec2::unused_cost(const Reservation& reservation, Money used) const {
  if (reservation.facts().state == "scheduled") return {};
  if (reservation.fee()) return *reservation.fee() - used;
  return money_of(reservation.slot_time(heap_.now()).unused * reservation.per_hour().micros());
}

CloudCost Ec2::cost() const {
  CloudCost sum = bills_.total(heap_.now());
  for (const Reservation& each : reservations_)
    sum.reservations += unused_cost(each, used_cost(each));
  sum.total += sum.reservations;
  return sum;
}

std::vector<CostOfReservation> Ec2::cost_of_reservations() const {
  std::vector<CostOfReservation> costs;
  for (const Reservation& each : reservations_) {
    if (each.facts().state == "scheduled") continue;
    const auto [used_seconds, unused_seconds] = seconds_of(each.slot_time(heap_.now()));
    const Money used = used_cost(each);
    costs.push_back({&each.facts(), used_seconds, unused_seconds, used, unused_cost(each, used)});
  }
  return costs;
}

port::CloudAnswer Ec2::answer(const port::DescribeCapacityReservations& request) {
  std::vector<model::CapacityReservation> found;
  for (const auto& [id, number] : reservation_by_id_)
    if (request.ids.empty() ||
        std::find(request.ids.begin(), request.ids.end(), id) != request.ids.end())
      found.push_back(reservations_[number].facts());
  for (const std::string& id : request.ids)
    if (!reservation_by_id_.contains(id)) {
      port::CloudError error;
      aws::reservation_unknown(id, error.code, error.message);
      return error;
    }
  return found;
}

}  // namespace gputide::sim
