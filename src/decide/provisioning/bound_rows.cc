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

namespace {

bool holds_one(const NodeOffer& offer, const DemandClass& pods) {
  return std::equal(pods.demand.begin(), pods.demand.end(), offer.capacity.begin(),
                    [](std::int64_t asked, std::int64_t there) { return asked <= there; });
}

}  // namespace

WholeNodes::WholeNodes(const PlacementProblem& problem) {
  for (const DemandClass& each : problem.classes) {
    std::int64_t least = -1, measure = 0;
    for (const std::uint32_t t : each.offers) {
      if (!holds_one(problem.offers[t], each)) continue;
      const std::int64_t price = problem.offers[t].price.micros();
      if (least < 0 || price < least) least = price;
      measure = std::gcd(measure, price);
    }
    cheapest_.push_back(Money::micros(std::max<std::int64_t>(least, 0)));
    measure_.push_back(measure);
  }
  find_parts(problem);
}

// Classes and offers as one graph: what hangs together is a part.
void WholeNodes::find_parts(const PlacementProblem& problem) {
  std::vector<std::uint32_t> up(problem.offers.size());  // towards the offer that stands for all
  std::iota(up.begin(), up.end(), 0U);
  const auto top = [&](std::uint32_t t) {
    while (up[t] != t) t = up[t] = up[up[t]];
    return t;
  };
  constexpr std::uint32_t kNowhere = UINT32_MAX;
  std::vector<std::uint32_t> first(problem.classes.size(), kNowhere);
  for (std::size_t k = 0; k < problem.classes.size(); ++k)
    for (const std::uint32_t t : problem.classes[k].offers) {
      if (!holds_one(problem.offers[t], problem.classes[k])) continue;
      if (first[k] == kNowhere) first[k] = t;
      up[top(t)] = top(first[k]);
    }
  std::vector<std::uint32_t> part_of(problem.offers.size(), kNowhere);
  for (const std::uint32_t t : first) {
    std::uint32_t alone = kNowhere;  // fits nowhere, and costs nothing
    std::uint32_t& part = t == kNowhere ? alone : part_of[top(t)];
    if (part == kNowhere) part = static_cast<std::uint32_t>(parts_++);
    part_.push_back(part);
  }
}

Money WholeNodes::raise(Money at_least, const std::vector<bool>& present,
                        const std::vector<double>& worth) const {
  std::int64_t measure = 0;
  std::vector<std::int64_t> node(parts_, 0);  // micro-dollars, of its dearest class
  std::vector<double> proved(parts_, 0.0);
  for (std::size_t k = 0; k < cheapest_.size(); ++k) {
    if (!present[k]) continue;
    measure = std::gcd(measure, measure_[k]);
    node[part_[k]] = std::max(node[part_[k]], cheapest_[k].micros());
    proved[part_[k]] += worth[k];
  }
  std::int64_t nodes = 0, more = 0;
  for (std::size_t p = 0; p < parts_; ++p) {
    nodes += node[p];
    const double micros = std::ceil(proved[p] * 1e6 * (1 + 1e-9));
    if (micros < static_cast<double>(node[p])) more += node[p] - static_cast<std::int64_t>(micros);
  }
  const std::int64_t all = std::max(at_least.micros() + more, nodes);
  if (measure <= 1) return Money::micros(all);
  return Money::micros((all + measure - 1) / measure * measure);
}

Money in_whole_nodes(const PlacementProblem& problem, Money at_least,
                     const std::vector<double>& pod_price) {
  std::vector<bool> present;
  std::vector<double> worth;
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    present.push_back(problem.classes[k].count > 0);
    worth.push_back(pod_price[k] * static_cast<double>(problem.classes[k].count));
  }
  return WholeNodes(problem).raise(at_least, present, worth);
}

}  // namespace gputide::provisioning
