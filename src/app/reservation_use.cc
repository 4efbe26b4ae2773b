#include "app/reservation_use.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "decide/provisioning/node_ask.h"
#include "model/labels.h"

namespace gputide::app {
namespace {

using model::CapacityReservation;
using model::Value;
using provisioning::ProviderType;
using provisioning::ProvisionProblem;

using labels::kCapacityType;

// What a pool is offered of the reservation; nullptr: nothing.
const ProviderType::Offering* offering_of(const ProvisionProblem& problem, std::size_t pool,
                                          const std::string& id) {
  for (const std::uint32_t t : problem.pool_types[pool])
    for (const ProviderType::Offering& each : problem.types[t].offerings)
      if (each.reservation_id == id) return &each;
  return nullptr;
}

bool allows(const ProvisionProblem& problem, std::size_t pool,
            const ProviderType::Offering& offering) {
  return provisioning::template_requirements(problem.pools[pool])
      .get(kCapacityType)
      .has(offering.capacity_type);
}

bool is_selected(const CapacityReservation& reservation, const Demand& demand) {
  return std::any_of(
      demand.node_classes.begin(), demand.node_classes.end(), [&](const auto& node_class) {
        return !model::selected_reservations(node_class.second.spec, std::span(&reservation, 1))
                    .empty();
      });
}

std::string why_not(const CapacityReservation& reservation, const Demand& demand) {
  const ProvisionProblem& problem = demand.problem;
  bool offered = false;
  for (std::size_t pool = 0; pool < problem.pools.size(); ++pool) {
    const auto* offering = offering_of(problem, pool, reservation.id);
    if (offering == nullptr) continue;
    if (reservation.available == 0)
      return fmt::format("all of its {} instances are in use", reservation.total);
    if (allows(problem, pool, *offering)) return {};
    offered = true;
  }
  if (offered) return "no NodePool whose EC2NodeClass selects it allows the capacity type reserved";
  if (reservation.state != "active") return fmt::format("it is {}, not active", reservation.state);
  if (std::string why = model::why_unusable(reservation); !why.empty()) return why;
  if (!is_selected(reservation, demand)) return "no EC2NodeClass and no node group selects it";
  return fmt::format("no NodePool whose EC2NodeClass selects it may buy {} in {}",
                     reservation.instance_type, reservation.zone);
}

Money price_otherwise(const ProvisionProblem& problem, const std::string& id) {
  for (std::size_t pool = 0; pool < problem.pools.size(); ++pool)
    if (const auto* offering = offering_of(problem, pool, id)) return offering->on_demand;
  return {};
}

std::string line_of(const ReservationUse& use) {
  const CapacityReservation& told = *use.reservation;
  const std::string name = fmt::format(
      "{} {} ({} in {})", told.is_capacity_block() ? "capacity block" : "capacity reservation",
      told.id, told.instance_type, told.zone);
  if (!use.why_not.empty()) return fmt::format("{} is not used: {}", name, use.why_not);
  const std::string price =
      use.on_demand == Money()
          ? ""
          : fmt::format(", where one costs ${} an hour on demand", use.on_demand.text(4));
  return fmt::format("{}: {} of its {} free instances taken, {} left; paid for already{}", name,
                     use.taken, told.available, use.left(), price);
}

}  // namespace

std::vector<ReservationUse> reservation_uses(std::span<const CapacityReservation> reservations,
                                             const Demand& demand,
                                             const provisioning::ProvisionPlan& plan) {
  std::vector<ReservationUse> uses;
  for (const CapacityReservation& each : reservations) {
    const auto taken =
        std::count_if(plan.machines.begin(), plan.machines.end(),
                      [&](const auto& machine) { return machine.reservation_id == each.id; });
    uses.push_back({&each, taken, taken > 0 ? "" : why_not(each, demand),
                    price_otherwise(demand.problem, each.id)});
  }
  return uses;
}

std::vector<std::string> classes_without_reservations(
    std::span<const CapacityReservation> reservations, const Demand& demand) {
  std::set<std::string> names;
  for (const model::NodePool& pool : demand.problem.pools) {
    const auto found = demand.node_classes.find(pool.spec.template_.spec.nodeClassRef.name);
    if (found == demand.node_classes.end()) continue;
    const model::EC2NodeClassSpec& spec = found->second.spec;
    if (!spec.capacityReservationSelectorTerms.empty() &&
        model::selected_reservations(spec, reservations).empty())
      names.insert(found->first);
  }
  return {names.begin(), names.end()};
}

void print_reservations(const std::vector<ReservationUse>& uses,
                        const std::vector<std::string>& classes) {
  for (const ReservationUse& use : uses) fmt::print("{}\n", line_of(use));
  for (const std::string& name : classes)
    fmt::print("EC2NodeClass {} selects {}\n", name,
               uses.empty() ? "capacity reservations, and none are known here; give "
                              "--capacity-reservations FILE"
                            : "no active one of these capacity reservations");
}

Value reservations_json(const std::vector<ReservationUse>& uses) {
  Value::List list;
  for (const ReservationUse& use : uses) {
    Value each{Value::Map{}};
    each.set("id", use.reservation->id);
    each.set("instanceType", use.reservation->instance_type);
    each.set("zone", use.reservation->zone);
    each.set("type", use.reservation->type);
    each.set("free_before", use.reservation->available);
    each.set("taken", use.taken);
    each.set("left", use.left());
    if (use.on_demand > Money())
      each.set("on_demand_usd_per_hour_each", use.on_demand.to_dollars());
    if (!use.why_not.empty()) each.set("not_used", use.why_not);
    list.push_back(std::move(each));
  }
  return Value(std::move(list));
}

std::string market_text(const std::string& capacity_type, const std::string& reservation) {
  return reservation.empty() ? capacity_type : fmt::format("reserved ({})", reservation);
}

}  // namespace gputide::app
