#include "decide/pricing/price.h"

namespace gputide::pricing {

std::string_view basis_name(PriceBasis basis) {
  switch (basis) {
    case PriceBasis::Listed:
      return "listed";
    case PriceBasis::EqualRegion:
      return "as in us-east-1";
    case PriceBasis::FamilyRatio:
      return "estimated from the family";
    case PriceBasis::RegionRatio:
      return "estimated from the region";
    case PriceBasis::SpotAverage:
      return "average spot saving";
    case PriceBasis::Given:
      return "given";
  }
  return "";
}

}  // namespace gputide::pricing
