// A price and how well it is known.
#pragma once

#include <string_view>

#include "base/money.h"

namespace gputide::pricing {

enum class PriceBasis {
  Listed,       // read from a price list of that region
  EqualRegion,  // taken as equal to us-east-1, which us-west-2 was wherever it could be checked
  FamilyRatio,  // us-east-1 times what the region asks for the same family
  RegionRatio,  // us-east-1 times what the region asks for its other types
  SpotAverage,  // on-demand less the average saving of the AWS Spot Instance Advisor
  Given         // said by the user, or by AWS to the user
};

std::string_view basis_name(PriceBasis basis);

struct Price {
  Money per_hour;
  PriceBasis basis = PriceBasis::Listed;
  bool estimated() const { return basis != PriceBasis::Listed && basis != PriceBasis::Given; }
  bool operator==(const Price&) const = default;
};

}  // namespace gputide::pricing
