// What the AWS command line prints about instance types, spot prices and capacity reservations, as
// data.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "model/capacity_reservation.h"
#include "model/instance_type.h"

namespace gputide::codec {

struct SpotPrice {
  std::string zone;
  std::string type;
  Money per_hour;
};

/// Reads the JSON of `aws ec2 describe-spot-price-history`: the newest price of Linux for each zone
/// and type, in byte order. Errors name the entry.
Result<std::vector<SpotPrice>> read_spot_prices(std::string_view json);

/// Reads the JSON of `aws ec2 describe-instance-types`. Errors name the entry.
Result<std::shared_ptr<const model::InstanceTypeList>> read_instance_types(std::string_view json);

/// Reads the JSON of `aws ec2 describe-capacity-reservations`, in byte order of the ids; those of
/// every state. Errors name the entry, and an id that is told twice.
Result<std::vector<model::CapacityReservation>> read_capacity_reservations(std::string_view json);

}  // namespace gputide::codec
