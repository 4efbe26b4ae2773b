// Capacity reservations: what AWS tells of them, and the claims that run in them. Semantics are
// Karpenter's (its aws pkg/controllers/nodeclaim/capacityreservation and
// capacityreservation/expiration): asked every minute, capacity blocks are emptied 40 minutes
// before they end, and a claim whose reservation is over becomes an on-demand one.
#include "control/provisioner/reservations.h"

#include <algorithm>

#include <fmt/format.h>

#include "control/provisioner/provisioner.h"
#include "decide/provisioning/requirements.h"
#include "model/labels.h"

namespace gputide::provisioner {
namespace {

constexpr Duration kAskEvery = Duration::minutes(1);
constexpr Duration kExpiring = Duration::minutes(40);

}  // namespace

model::StringMap reservation_labels(const model::CapacityReservation& reservation) {
  return {{std::string(labels::kCapacityType), "reserved"},
          {std::string(labels::kReservationId), reservation.id},
          {std::string(labels::kReservationType), reservation.type},
          {std::string(labels::kReservationInterruptible),
           reservation.interruptible ? "true" : "false"}};
}

std::string reservation_of(const model::NodeClaim& claim) {
  const auto found = claim.metadata.labels.find(std::string(labels::kReservationId));
  return found == claim.metadata.labels.end() ? std::string() : found->second;
}

std::string wanted_reservation(const model::NodeClaim& claim) {
  for (const model::NodePoolRequirement& each : claim.spec.requirements)
    if (each.key == labels::kReservationId && each.operator_ == "In" && each.values.size() == 1)
      return each.values.front();
  return {};
}

model::Value reservation_status(const std::vector<model::CapacityReservation>& selected,
                                Instant now) {
  model::Value::List list;
  for (const model::CapacityReservation& each : selected) {
    model::Value told{model::Value::Map{}};
    told.set("availabilityZone", each.zone);
    if (each.end) told.set("endTime", each.end->rfc3339());
    told.set("id", each.id);
    told.set("instanceMatchCriteria", each.match_criteria);
    told.set("instanceType", each.instance_type);
    if (!each.owner_id.empty()) told.set("ownerID", each.owner_id);
    told.set("reservationType", each.type);
    told.set("state", model::is_expiring(each, now) ? "expiring" : "active");
    list.push_back(std::move(told));
  }
  return list;
}

bool Provisioner::wants_reservations() const {
  if (!options_.reserved_capacity) return false;
  for (const auto& [name, pool] : cluster_.pools()) {
    const auto* used = cluster_.node_class(pool->spec.template_.spec.nodeClassRef.name);
    if (used != nullptr && !used->spec.capacityReservationSelectorTerms.empty()) return true;
  }
  return std::any_of(claims_.all().begin(), claims_.all().end(),
                     [](const auto& each) { return !reservation_of(*each.second.object).empty(); });
}

void Provisioner::ask_reservations(Instant now, port::Commands& commands) {
  if (!wants_reservations()) {
    reservations_due_.reset();
    return;
  }
  if (reservation_call_ != 0 || now < reservations_due_.value_or(now)) return;
  reservation_call_ = asker(commands)(port::DescribeCapacityReservations{});
}

void Provisioner::reservations_told(const port::CloudAnswer& answer, Instant now,
                                    port::Commands& commands) {
  reservation_call_ = 0;
  reservations_due_ = now + kAskEvery;
  const auto* told = std::get_if<std::vector<model::CapacityReservation>>(&answer);
  if (told == nullptr) return;
  for (const model::CapacityReservation& each : *told)
    if (each.end)
      for (const Instant at : {*each.end - kExpiring, *each.end})
        if (at > now) reservations_due_ = std::min(*reservations_due_, at);
  if (offers_.set_reservations(*told, now)) {
    ++generation_;
    disruption_.changed(now);
    trigger(now);
  }
  heed_ends(now, commands);
  for (const auto& [name, pool] : cluster_.pools())
    write_reservations(pool->spec.template_.spec.nodeClassRef.name, now, commands);
}

void Provisioner::heed_ends(Instant now, port::Commands& commands) {
  for (const auto& [name, known] : claims_.all()) {
    const std::string id = reservation_of(*known.object);
    if (id.empty() || known.stage == Stage::Draining || known.stage == Stage::Ending) continue;
    Claim& claim = *claims_.find(name);
    const model::CapacityReservation* in = offers_.reservation(id);
    if (in == nullptr || in->state != "active") {
      claims_.demote(claim, commands);
      continue;
    }
    if (!model::is_expiring(*in, now)) continue;
    const Duration left = Duration::seconds((*in->end - now).whole_seconds());
    claims_.leave(
        claim,
        {"capacity-block",
         fmt::format("capacity block {} ends in {}, and AWS terminates its instances half "
                     "an hour before",
                     id, left.text())},
        now, commands);
    trigger(now, true);
  }
}

void Provisioner::write_reservations(const std::string& class_name, Instant now,
                                     port::Commands& commands) {
  const ClassRef& node_class = cluster_.class_ref(class_name);
  if (node_class == nullptr) return;
  const auto selected = model::selected_reservations(node_class->spec, offers_.reservations());
  const model::Value status = reservation_status(selected, now);
  const model::Value* known = node_class->status.find("capacityReservations");
  if (known == nullptr ? selected.empty() : *known == status) return;
  auto told = std::make_shared<model::EC2NodeClass>(*node_class);
  if (!told->status.is_map()) told->status = model::Value::Map{};
  told->status.set("capacityReservations", status);
  commands.emplace_back(port::Replace{ClassRef(std::move(told)), true});
}

}  // namespace gputide::provisioner
