// What AWS says when it cannot do something: error codes and sentences that programs and people
// match on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"

namespace gputide::sim::aws {

// Each sets `code` and `message` as AWS words them, with or without a period at the end.
void insufficient_capacity(std::string_view type, std::string_view zone,
                           const std::vector<std::string>& other_zones, std::string& code,
                           std::string& message);
void unfulfillable(std::string& code, std::string& message);
void max_price_too_low(Money asked, Money needed, std::string& code, std::string& message);
void not_supported(std::string_view type, std::string_view zone, std::string& code,
                   std::string& message);
// Sources of the last two: answers of EC2 in hashicorp/terraform-provider-aws, issue 36716 and pull
// request 35745.
void reservation_unknown(std::string_view id, std::string& code, std::string& message);
void reservation_full(std::string& code, std::string& message);

}  // namespace gputide::sim::aws
