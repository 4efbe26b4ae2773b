#include "decide/provisioning/packing_bound.h"

#include <algorithm>
#include <limits>
#include <map>

#include "decide/provisioning/packing_relaxation.h"

namespace gputide::provisioning {
namespace {

// The other dimensions of shares: no sum tells alone how they pack. Answers all of them.
std::vector<std::size_t> add_share_dimensions(Relaxation& relaxed) {
  PlacementProblem& placement = relaxed.placement;
  const std::size_t gpus = relaxed.shares.dimension;
  std::vector<std::size_t> dimensions{gpus};
  std::vector<std::vector<std::int64_t>> rows = share_dimensions(shares_of(relaxed));
  rows.pop_back();  // the placement has it
  for (std::size_t r = 0; r < rows.size(); ++r) dimensions.push_back(placement.dimensions++);
  for (NodeOffer& offer : placement.offers)
    offer.capacity.resize(placement.dimensions, offer.capacity[gpus]);
  for (std::size_t k = 0; k < placement.classes.size(); ++k) {
    std::vector<std::int64_t>& demand = placement.classes[k].demand;
    const bool shares = relaxed.shares.thousandths[k] > 0;
    for (const std::vector<std::int64_t>& row : rows)
      demand.push_back(shares ? row[k] : demand[gpus]);
  }
  return dimensions;
}

// What is free on an existing node, as an offer of the placement. GPUs that are shared already
// count as whole ones.
std::vector<std::int64_t> room_of(const PackProblem& problem, const Relaxation& relaxed,
                                  std::size_t n) {
  const ExistingNode& node = problem.existing[n];
  std::vector<std::int64_t> room = node.capacity;
  for (std::int64_t& each : room) each = std::max<std::int64_t>(each, 0);
  if (problem.gpus != kNone) {
    room[problem.gpus] += std::ssize(node.gpus);
    room[problem.gpus] *= kGpuUnits;
  }
  for (const std::uint32_t group : relaxed.slots)
    room.push_back(problem.groups[group].node_counts[n] == 0 ? 1 : 0);
  return room;
}

// Alike nodes, or nodes that take the same pods, as one.
struct Existing {
  std::vector<bool> takes;         // by the placement's classes
  std::vector<std::int64_t> room;  // of one
  std::int64_t count = 1;
};

std::vector<Existing> existing_of(const PackProblem& problem, const Relaxation& relaxed) {
  const std::vector<DemandClass>& classes = relaxed.placement.classes;
  std::map<std::pair<std::vector<bool>, std::vector<std::int64_t>>, std::int64_t> alike;
  for (std::size_t n = 0; n < problem.existing.size(); ++n) {
    const std::vector<std::int64_t> room = room_of(problem, relaxed, n);
    std::vector<bool> takes(classes.size(), false);
    for (std::size_t k = 0; k < problem.classes.size(); ++k) {
      const std::uint32_t c = relaxed.class_of[k];
      bool fits = problem.classes[k].existing[n];
      for (std::size_t r = 0; r < room.size(); ++r) fits = fits && classes[c].demand[r] <= room[r];
      takes[c] = takes[c] || fits;
    }
    if (std::find(takes.begin(), takes.end(), true) != takes.end()) ++alike[{takes, room}];
  }
  std::vector<Existing> out;
  for (const auto& [key, count] : alike) out.push_back({key.first, key.second, count});
  return out;
}

// One large node for those that take the same pods; where that leaves too many, for all.
std::vector<Existing> merged(const std::vector<Existing>& nodes, bool all) {
  std::map<std::vector<bool>, Existing> large;
  for (const Existing& each : nodes) {
    Existing& into = large[all ? std::vector<bool>{} : each.takes];
    into.takes.resize(each.takes.size(), false);
    into.room.resize(each.room.size(), 0);
    for (std::size_t k = 0; k < each.takes.size(); ++k)
      into.takes[k] = into.takes[k] || each.takes[k];
    for (std::size_t r = 0; r < each.room.size(); ++r) {
      constexpr __int128 kMost = std::numeric_limits<std::int64_t>::max() / 4;
      const __int128 sum = into.room[r] + static_cast<__int128>(each.room[r]) * each.count;
      into.room[r] = static_cast<std::int64_t>(std::min(sum, kMost));
    }
  }
  std::vector<Existing> out;
  for (auto& [takes, each] : large) out.push_back(std::move(each));
  return out;
}

void add_existing(const PackProblem& problem, Relaxation& relaxed) {
  constexpr std::size_t kMost = 24;
  std::vector<Existing> nodes = existing_of(problem, relaxed);
  if (nodes.size() > kMost) nodes = merged(nodes, false);
  if (nodes.size() > kMost) nodes = merged(nodes, true);
  PlacementProblem& placement = relaxed.placement;
  for (Existing& each : nodes) {
    for (std::size_t k = 0; k < placement.classes.size(); ++k)
      if (each.takes[k])
        placement.classes[k].offers.push_back(static_cast<std::uint32_t>(placement.offers.size()));
    placement.offers.push_back({std::move(each.room), Money(), each.count});
  }
}

}  // namespace

PackBound pack_bound(const PackProblem& problem) {
  PackBound out;
  Relaxation relaxed = relax(problem);
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    const std::vector<bool>& existing = problem.classes[k].existing;
    if (std::find(existing.begin(), existing.end(), true) !=
        existing.end())  // may need no new node
      relaxed.placement.classes[relaxed.class_of[k]].count -= problem.classes[k].count;
  }
  PlacementProblem& placement = relaxed.placement;
  const bool shares = problem.gpus != kNone;
  if (shares) out.gpu_rows = add_share_dimensions(relaxed);
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

RelaxedBound bound_beside_existing(const PackProblem& problem) {
  RelaxedBound out;
  Relaxation relaxed = relax(problem);
  add_existing(problem, relaxed);
  if (problem.gpus != kNone) out.gpu_rows = add_share_dimensions(relaxed);
  out.bound = lower_bound(relaxed.placement);
  out.placement = std::move(relaxed.placement);
  out.class_of = std::move(relaxed.class_of);
  return out;
}

Money certified(const PackProblem& problem, const RelaxedBound& bound) {
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
