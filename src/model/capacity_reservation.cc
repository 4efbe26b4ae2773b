#include "model/capacity_reservation.h"

#include <algorithm>
#include <iterator>

#include <fmt/core.h>

#include "model/tag_filter.h"

namespace gputide::model {
namespace {

// The CRD refuses a term of an owner alone, and an id beside other fields; where that slips
// through, Karpenter asks by id, then by the rest.
bool selects(const CapacityReservationSelectorTerm& term, const CapacityReservation& reservation) {
  if (!term.id.empty() && term.id == reservation.id) return true;
  if (term.tags.empty() && term.instanceMatchCriteria.empty()) return false;
  return carries_tags(reservation.tags, term.tags) &&
         (term.ownerID.empty() || term.ownerID == reservation.owner_id) &&
         (term.instanceMatchCriteria.empty() ||
          term.instanceMatchCriteria == reservation.match_criteria);
}

}  // namespace

CapacityReservation reservation_of(const ScenarioReservation& told, Instant epoch) {
  CapacityReservation made;
  made.id = told.id;
  made.instance_type = told.instanceType;
  made.zone = told.zone;
  made.total = made.available = told.count;
  made.type = told.type;
  made.match_criteria = told.instanceMatchCriteria;
  if (made.match_criteria.empty())
    made.match_criteria = made.is_capacity_block() ? "targeted" : "open";
  made.tags = told.tags;
  made.start = epoch + told.start;
  if (told.end) made.end = epoch + *told.end;
  return made;
}

std::vector<CapacityReservation> selected_reservations(
    const EC2NodeClassSpec& node_class, std::span<const CapacityReservation> reservations) {
  std::vector<CapacityReservation> selected;
  const auto& terms = node_class.capacityReservationSelectorTerms;
  std::copy_if(reservations.begin(), reservations.end(), std::back_inserter(selected),
               [&](const CapacityReservation& each) {
                 return each.state == "active" &&
                        std::any_of(terms.begin(), terms.end(),
                                    [&](const auto& term) { return selects(term, each); });
               });
  return selected;
}

std::string why_unusable(const CapacityReservation& reservation) {
  if (reservation.type != "default" && reservation.type != "capacity-block")
    return fmt::format("Karpenter knows no reservations of type {}", reservation.type);
  if (reservation.match_criteria != "open" && reservation.match_criteria != "targeted")
    return fmt::format("Karpenter knows no instance match criteria {}", reservation.match_criteria);
  if (reservation.platform != "Linux/UNIX")
    return fmt::format("it is for {}, and nodes run Linux/UNIX", reservation.platform);
  if (reservation.tenancy != "default")
    return fmt::format("its tenancy is {}, and that of nodes is default", reservation.tenancy);
  return {};
}

bool is_expiring(const CapacityReservation& reservation, Instant now) {
  constexpr Duration kLead = Duration::minutes(40);
  return reservation.is_capacity_block() && reservation.end && now >= *reservation.end - kLead;
}

}  // namespace gputide::model
