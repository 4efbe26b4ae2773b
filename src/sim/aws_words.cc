#include "sim/aws_words.h"

#include <fmt/core.h>

#include "base/text.h"

namespace gputide::sim::aws {

void insufficient_capacity(std::string_view type, std::string_view zone,
                           const std::vector<std::string>& other_zones, std::string& code,
                           std::string& message) {
  std::vector<std::string> others;
  for (const std::string& other : other_zones)
    if (other != zone) others.push_back(other);
  code = "InsufficientInstanceCapacity";
  message = fmt::format(
      "We currently do not have sufficient {} capacity in the Availability Zone you requested "
      "({}). Our system will be working on provisioning additional capacity.",
      type, zone);
  message += others.empty() ? fmt::format(
                                  " You can currently get {} capacity by not specifying an "
                                  "Availability Zone in your request.",
                                  type)
                            : fmt::format(
                                  " You can currently get {} capacity by not specifying an "
                                  "Availability Zone in your request or choosing {}.",
                                  type, join(others, ", "));
}

void unfulfillable(std::string& code, std::string& message) {
  code = "UnfulfillableCapacity";
  message =
      "Unable to fulfill capacity due to your request configuration. Please adjust your "
      "request and try again.";
}

void max_price_too_low(Money asked, Money needed, std::string& code, std::string& message) {
  code = "SpotMaxPriceTooLow";
  message = fmt::format(
      "Your Spot request price of {} is lower than the minimum required Spot "
      "request fulfillment price of {}.",
      asked.text(4), needed.text(4));
}

void not_supported(std::string_view type, std::string_view zone, std::string& code,
                   std::string& message) {
  code = "InvalidFleetConfiguration";
  message = fmt::format(
      "Your requested instance type ({}) is not supported in your requested "
      "Availability Zone ({}).",
      type, zone);
}

void reservation_unknown(std::string_view id, std::string& code, std::string& message) {
  code = "InvalidCapacityReservationId.NotFound";
  message = fmt::format("The capacity reservation ID '{}' was not found", id);
}

void reservation_full(std::string& code, std::string& message) {
  code = "ReservationCapacityExceeded";
  message =
      "The requested reservation does not have sufficient compatible and available capacity for "
      "this request.";
}

}  // namespace gputide::sim::aws
