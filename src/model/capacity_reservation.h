// What an Amazon EC2 capacity reservation is, in the words of DescribeCapacityReservations, and
// which of them an EC2NodeClass selects.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/karpenter.h"
#include "model/scenario.h"

namespace gputide::model {

/// Instances of one type in one zone that somebody pays for, used or not.
struct CapacityReservation {
  std::string id;  // cr-...
  std::string instance_type;
  std::string zone;
  std::int64_t total = 0;
  std::int64_t available = 0;           // of them, without an instance
  std::string type = "default";         // default (on-demand), capacity-block
  std::string match_criteria = "open";  // open, targeted
  std::string owner_id;                 // of the account that pays
  std::string state = "active";         // or scheduled, expired, cancelled, pending, ...
  std::string platform = "Linux/UNIX";  // of its instances
  std::string tenancy = "default";      // or dedicated
  bool interruptible = false;           // the owner may take the instances back
  StringMap tags;
  std::optional<Instant> start;
  std::optional<Instant> end;  // absent: until it is cancelled

  bool is_capacity_block() const { return type == "capacity-block"; }
};

/// One of a Scenario that starts at `epoch`: as it is once it has begun, without instances.
CapacityReservation reservation_of(const ScenarioReservation& told, Instant epoch);

/// Those that an EC2NodeClass selects, in the order given: active ones that any of its terms
/// selects; without terms none. A term's fields must all hold; tags as carries_tags says.
/// Source: karpenter-provider-aws 1.x pkg/providers/capacityreservation.
std::vector<CapacityReservation> selected_reservations(
    const EC2NodeClassSpec& node_class, std::span<const CapacityReservation> reservations);

/// Why no node of a cluster can run in a reservation that is selected: "" = one can. Karpenter
/// looks at the kind and match criteria, EC2 at the rest; how many instances are left is not asked
/// here.
std::string why_unusable(const CapacityReservation& reservation);

/// Whether Karpenter launches nothing more into it, and takes its nodes away: 40 minutes before a
/// capacity block ends.
bool is_expiring(const CapacityReservation& reservation, Instant now);

}  // namespace gputide::model
