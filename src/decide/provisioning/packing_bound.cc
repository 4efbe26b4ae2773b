#include "decide/provisioning/packing_bound.h"

#include <algorithm>

#include "decide/provisioning/packing_relaxation.h"

namespace gputide::provisioning {
namespace {

// The other dimensions of shares: no sum tells alone how they pack.
void add_share_dimensions(const Relaxation& relaxed, PlacementProblem& placement) {
  const std::size_t gpus = relaxed.shares.dimension;
  std::vector<std::vector<std::int64_t>> rows = share_dimensions(shares_of(relaxed));
  rows.pop_back();  // the placement has it
  placement.dimensions += rows.size();
  for (NodeOffer& offer : placement.offers)
    offer.capacity.resize(placement.dimensions, offer.capacity[gpus]);
  for (std::size_t k = 0; k < placement.classes.size(); ++k) {
    std::vector<std::int64_t>& demand = placement.classes[k].demand;
    const bool shares = relaxed.shares.thousandths[k] > 0;
    for (const std::vector<std::int64_t>& row : rows)
      demand.push_back(shares ? row[k] : demand[gpus]);
  }
}

}  // namespace

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
  const bool shares = problem.gpus != kNone;
  const std::size_t dimensions = placement.dimensions;
  if (shares) {
    add_share_dimensions(relaxed, placement);
    out.gpu_rows = {problem.gpus};
    for (std::size_t r = dimensions; r < placement.dimensions; ++r) out.gpu_rows.push_back(r);
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
      needed[r] += static_cast<double>(placement.classes[relaxed.class_of[k]].demand[r]) * count;
  }
  std::vector<double> offered(problem.dimensions, 0.0);
  for (const std::vector<double>& prices : out.bound.certificate.unit_price)
    for (std::size_t r = 0; r < problem.dimensions; ++r) {
      double unit = prices[r];  // of GPUs, what all their dimensions say
      for (std::size_t i = 1; i < out.gpu_rows.size() && r == problem.gpus; ++i)
        unit += prices[out.gpu_rows[i]];
      offered[r] = std::max(offered[r], unit);
    }
  for (std::size_t r = 0; r < problem.dimensions; ++r)
    if (needed[r] > 0)
      out.unit_worth[r] =
          0.5 * offered[r] + 0.5 * all / needed[r] / static_cast<double>(problem.dimensions);
  if (shares) out.unit_worth[problem.gpus] *= kGpuUnits;
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

Money certified(const PackProblem& problem, const PackBound& bound) {
  std::vector<Share> shares;
  for (const PackClass& each : problem.classes) shares.push_back({each.share, each.count});
  for (const std::size_t r : bound.gpu_rows) {
    std::vector<std::int64_t> row;
    for (std::size_t k = 0; k < problem.classes.size(); ++k) {
      row.push_back(bound.placement.classes[bound.class_of[k]].demand[r]);
      const std::int64_t whole = problem.classes[k].demand[problem.gpus] * kGpuUnits;
      if (problem.classes[k].share == 0 && row.back() > whole) return {};
    }
    if (most_on_one_gpu(shares, row) > kGpuUnits) return {};
    for (const NodeOffer& offer : bound.placement.offers)
      if (offer.capacity[r] != offer.capacity[problem.gpus]) return {};
  }
  return certified(bound.placement, bound.bound.certificate);
}

}  // namespace gputide::provisioning
