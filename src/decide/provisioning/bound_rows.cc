#include "decide/provisioning/bound_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gputide::provisioning {

std::vector<double> row_units(const PlacementProblem& problem) {
  std::vector<double> unit(problem.dimensions, 1.0);
  for (const NodeOffer& offer : problem.offers)
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      unit[r] = std::max(unit[r], static_cast<double>(offer.capacity[r]));
  return unit;
}

std::vector<double> pod_prices(const PlacementProblem& problem, const Certificate& certificate) {
  std::vector<double> out;
  out.reserve(problem.classes.size());
  for (const DemandClass& each : problem.classes) {
    double least = -1;
    for (const std::uint32_t t : each.offers) {
      double sum = 0;
      bool fits = true;
      for (std::size_t r = 0; r < problem.dimensions && fits; ++r) {
        fits = each.demand[r] <= problem.offers[t].capacity[r];
        sum += static_cast<double>(each.demand[r]) * certificate.unit_price[t][r];
      }
      if (fits && (least < 0 || sum < least)) least = sum;
    }
    out.push_back(std::max(least, 0.0));
  }
  return out;
}

Money whole_micros(double dollars, double off) {
  constexpr double kRounding = 1e-12;
  const double left = dollars * (1 - kRounding) - off * (1 + kRounding);
  return Money::micros(static_cast<std::int64_t>(std::floor(std::max(left, 0.0) * 1e6)));
}

WholeNodes::WholeNodes(const PlacementProblem& problem) {
  for (const DemandClass& each : problem.classes) {
    std::int64_t least = -1, measure = 0;
    for (const std::uint32_t t : each.offers) {
      bool fits = true;
      for (std::size_t r = 0; r < problem.dimensions && fits; ++r)
        fits = each.demand[r] <= problem.offers[t].capacity[r];
      if (!fits) continue;
      const std::int64_t price = problem.offers[t].price.micros();
      if (least < 0 || price < least) least = price;
      measure = std::gcd(measure, price);
    }
    cheapest_.push_back(Money::micros(std::max<std::int64_t>(least, 0)));
    measure_.push_back(measure);
  }
}

Money WholeNodes::raise(Money at_least, const std::vector<bool>& present) const {
  std::int64_t measure = 0;
  for (std::size_t k = 0; k < cheapest_.size(); ++k) {
    if (!present[k]) continue;
    measure = std::gcd(measure, measure_[k]);
    at_least = std::max(at_least, cheapest_[k]);
  }
  if (measure <= 1) return at_least;
  return Money::micros((at_least.micros() + measure - 1) / measure * measure);
}

}  // namespace gputide::provisioning
