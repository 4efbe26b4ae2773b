#include "decide/provisioning/packing_bound.h"

#include <algorithm>

#include "decide/provisioning/packing_relaxation.h"

namespace gputide::provisioning {

PackBound pack_bound(const PackProblem& problem) {
  PackBound out;
  Relaxation relaxed = relax(problem);
  PlacementProblem& placement = relaxed.placement;
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    const std::vector<bool>& existing = problem.classes[k].existing;
    if (std::find(existing.begin(), existing.end(), true) !=
        existing.end())  // may need no new node
      placement.classes[relaxed.class_of[k]].count -= problem.classes[k].count;
  }
  out.bound = lower_bound(placement);
  for (const std::uint32_t k : relaxed.class_of) out.class_value.push_back(out.bound.pod_price[k]);

  // A unit's worth: what the pods' worth comes to by resource, half by the prices, half by need.
  out.unit_worth.assign(problem.dimensions, 0.0);
  std::vector<double> needed(problem.dimensions, 0.0);
  double all = 0;
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    const auto count = static_cast<double>(problem.classes[k].count);
    all += out.class_value[k] * count;
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      needed[r] += static_cast<double>(problem.classes[k].demand[r]) * count;
  }
  std::vector<double> offered(problem.dimensions, 0.0);
  for (const std::vector<double>& prices : out.bound.certificate.unit_price)
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      offered[r] = std::max(offered[r], prices[r]);
  for (std::size_t r = 0; r < problem.dimensions; ++r)
    if (needed[r] > 0)
      out.unit_worth[r] =
          0.5 * offered[r] + 0.5 * all / needed[r] / static_cast<double>(problem.dimensions);
  for (std::uint32_t kind = 0; kind < problem.kinds.size(); ++kind) {
    out.offer_value.emplace_back();
    for (const std::uint32_t n : relaxed.offer_of[kind]) {
      double worth = 0;
      for (std::size_t r = 0; r < placement.dimensions; ++r)
        worth += static_cast<double>(placement.offers[n].capacity[r]) *
                 out.bound.certificate.unit_price[n][r];
      const double price = placement.offers[n].price.to_dollars();
      out.offer_value.back().push_back(price > 0 ? worth / price : 1.0);
    }
  }
  out.placement = std::move(placement);
  out.class_of = std::move(relaxed.class_of);
  return out;
}

}  // namespace gputide::provisioning
