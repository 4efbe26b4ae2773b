#include "decide/provisioning/packing_bound.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace gputide::provisioning {
namespace {

// Hostname groups whose pods keep away from each other: at most one a node.
std::vector<std::uint32_t> slots(const PackProblem& problem) {
  std::vector<std::uint32_t> out;
  for (const PackClass& each : problem.classes)
    for (const TopologyRule& rule : each.rules)
      if (rule.kind == TopologyRule::Kind::AntiAffinity && rule.counts_itself &&
          problem.groups[rule.group].key == kHostname &&
          std::find(out.begin(), out.end(), rule.group) == out.end())
        out.push_back(rule.group);
  constexpr std::size_t kMost = 8;  // the bound holds with fewer
  if (out.size() > kMost) out.resize(kMost);
  return out;
}

std::vector<std::int64_t> demand_of(const PackClass& each, std::span<const std::uint32_t> slots) {
  std::vector<std::int64_t> out = each.demand;
  for (const std::uint32_t group : slots) {
    const bool takes = std::any_of(each.rules.begin(), each.rules.end(), [&](const auto& rule) {
      return rule.kind == TopologyRule::Kind::AntiAffinity && rule.group == group &&
             rule.counts_itself;
    });
    out.push_back(takes ? 1 : 0);
  }
  return out;
}

}  // namespace

PackBound pack_bound(const PackProblem& problem) {
  PackBound out;
  PlacementProblem& placement = out.placement;
  const std::vector<std::uint32_t> one_a_node = slots(problem);
  placement.dimensions = problem.dimensions + one_a_node.size();

  // Offers of the same size and price count once, whatever their kind; a class may run on one if it
  // may on any of them.
  std::map<std::pair<std::vector<std::int64_t>, Money>,
           std::vector<std::pair<std::uint32_t, std::uint32_t>>>
      alike;
  for (std::uint32_t kind = 0; kind < problem.kinds.size(); ++kind)
    for (std::uint32_t t = 0; t < problem.kinds[kind].offers.size(); ++t)
      alike[{problem.kinds[kind].offers[t].capacity, problem.kinds[kind].offers[t].price}]
          .emplace_back(kind, t);
  std::vector<std::vector<std::uint32_t>> number(problem.kinds.size());
  for (std::size_t kind = 0; kind < problem.kinds.size(); ++kind)
    number[kind].resize(problem.kinds[kind].offers.size());
  for (const auto& [key, members] : alike) {
    for (const auto& [kind, t] : members)
      number[kind][t] = static_cast<std::uint32_t>(placement.offers.size());
    NodeOffer offer{key.first, key.second};
    for (std::size_t i = 0; i < one_a_node.size(); ++i) offer.capacity.push_back(1);
    placement.offers.push_back(std::move(offer));
  }

  std::map<std::tuple<std::vector<std::int64_t>, std::vector<std::vector<std::uint64_t>>>,
           std::uint32_t>
      known;
  std::vector<std::uint32_t> class_of;
  for (const PackClass& each : problem.classes) {
    std::vector<std::int64_t> demand = demand_of(each, one_a_node);
    const auto [at, fresh] = known.try_emplace(
        {demand, each.offers}, static_cast<std::uint32_t>(placement.classes.size()));
    class_of.push_back(at->second);
    const bool stays = std::find(each.existing.begin(), each.existing.end(), true) ==
                       each.existing.end();  // may need a new node for sure
    if (fresh) {
      DemandClass demand_class{std::move(demand), 0, {}};
      std::vector<char> seen(placement.offers.size(), 0);
      for (std::uint32_t kind = 0; kind < problem.kinds.size(); ++kind) {
        const std::vector<std::uint64_t>& bits = each.offers[kind];
        for (std::uint32_t t = 0; t < number[kind].size() && !bits.empty(); ++t)
          if ((bits[t / 64] >> (t % 64) & 1) != 0) seen[number[kind][t]] = 1;
      }
      for (std::uint32_t t = 0; t < seen.size(); ++t)
        if (seen[t] != 0) demand_class.offers.push_back(t);
      placement.classes.push_back(std::move(demand_class));
    }
    if (stays) placement.classes[at->second].count += each.count;
  }

  out.bound = lower_bound(placement);
  for (const std::uint32_t k : class_of) out.class_value.push_back(out.bound.pod_price[k]);

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
    for (std::uint32_t t = 0; t < number[kind].size(); ++t) {
      const std::uint32_t n = number[kind][t];
      double worth = 0;
      for (std::size_t r = 0; r < placement.dimensions; ++r)
        worth += static_cast<double>(placement.offers[n].capacity[r]) *
                 out.bound.certificate.unit_price[n][r];
      const double price = placement.offers[n].price.to_dollars();
      out.offer_value.back().push_back(price > 0 ? worth / price : 1.0);
    }
  }
  return out;
}

}  // namespace gputide::provisioning
