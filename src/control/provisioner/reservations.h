// How a NodeClaim says in which capacity reservation it runs.
#pragma once

#include <string>

#include "model/capacity_reservation.h"
#include "model/karpenter.h"

namespace gputide::provisioner {

/// What a claim in this reservation carries, its capacity type among it, and its node.
model::StringMap reservation_labels(const model::CapacityReservation& reservation);
/// The reservation that a claim runs in by its label; "" = none, or that one is over.
std::string reservation_of(const model::NodeClaim& claim);
/// The one that it asks to be launched into; "" = none.
std::string wanted_reservation(const model::NodeClaim& claim);
/// What an EC2NodeClass's status says of the reservations that it selects.
model::Value reservation_status(const std::vector<model::CapacityReservation>& selected,
                                Instant now);

}  // namespace gputide::provisioner
