// The answers of `gputide cost`: for one set of files, and for a change.
#pragma once

#include <string>
#include <vector>

#include "app/priced_files.h"
#include "model/value.h"

namespace gputide::app {

/// "$1.8936", "$0".
std::string price_text(Money price);
/// "$1.8936", "≤ $8.0480", "no limit", "$0.4000 + ?": an hour; a month, in cents.
std::string hour_text(const pricing::SizeCost& cost);
std::string month_text(const pricing::SizeCost& cost);
/// "1.03": the plan's price by its bound.
std::string ratio_text(const provisioning::ProvisionPlan& plan);
/// "g4dn.xlarge", "p2.xlarge, p3.2xlarge", "m4.2xlarge and 9 more"; "nothing".
std::string types_text(const std::vector<std::string>& types);

void print_cost(const PricedFiles& priced);
model::Value cost_json(const PricedFiles& priced);

/// What the change from A to B costs.
void print_change(const PricedFiles& a, const PricedFiles& b);
model::Value change_json(const PricedFiles& a, const PricedFiles& b);

}  // namespace gputide::app
