#include "decide/provisioning/packing_relaxation.h"

#include <algorithm>
#include <compare>
#include <map>
#include <numeric>
#include <span>

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

// The slots that a class takes, as bits.
std::uint32_t slots_of(const PackClass& each, std::span<const std::uint32_t> slots) {
  std::uint32_t out = 0;
  for (const TopologyRule& rule : each.rules)
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (rule.kind == TopologyRule::Kind::AntiAffinity && rule.group == slots[i] &&
          rule.counts_itself)
        out |= std::uint32_t{1} << i;
  return out;
}

// Makes the dimension of GPUs count parts of them.
void cut_gpus(const PackProblem& problem, Relaxation& relaxed) {
  PlacementProblem& placement = relaxed.placement;
  const std::vector<std::int64_t> best = share_dimensions(shares_of(relaxed)).back();
  for (NodeOffer& offer : placement.offers) offer.capacity[problem.gpus] *= kGpuUnits;
  for (std::size_t k = 0; k < placement.classes.size(); ++k) {
    DemandClass& each = placement.classes[k];
    std::int64_t& gpus = each.demand[problem.gpus];
    if (relaxed.shares.thousandths[k] > 0)
      std::erase_if(each.offers, [&](std::uint32_t t) {
        return placement.offers[t].capacity[problem.gpus] < kGpuUnits;
      });
    gpus = relaxed.shares.thousandths[k] > 0 ? best[k] : gpus * kGpuUnits;
  }
}

// For each kind of node the first of those that hang together with it: some pods may run on either,
// if only by way of others. Between such parts alike offers are kept apart, as pods of two of them
// never share a node.
std::vector<std::uint32_t> parts_of_kinds(const PackProblem& problem) {
  std::vector<std::uint32_t> up(problem.kinds.size());
  std::iota(up.begin(), up.end(), 0U);
  const auto top = [&](std::uint32_t kind) {
    while (up[kind] != kind) kind = up[kind] = up[up[kind]];
    return kind;
  };
  for (const PackClass& each : problem.classes) {
    std::uint32_t first = kNone;
    for (std::uint32_t kind = 0; kind < each.offers.size(); ++kind) {
      const std::vector<std::uint64_t>& bits = each.offers[kind];
      if (std::none_of(bits.begin(), bits.end(), [](std::uint64_t word) { return word != 0; }))
        continue;
      if (first == kNone) first = top(kind);
      const std::uint32_t other = top(kind);
      up[std::max(first, other)] = std::min(first, other);
      first = std::min(first, other);
    }
  }
  for (std::uint32_t kind = 0; kind < up.size(); ++kind) up[kind] = top(kind);
  return up;
}

// What an offer of the placement stands for.
struct Alike {
  std::uint32_t part = kNone;  // of kinds; of a reservation's nothing, as all may use it
  std::uint32_t reservation = kNone;
  std::vector<std::int64_t> capacity;  // of a reservation's nothing: its offers are one
  Money price;
  auto operator<=>(const Alike&) const = default;
};

using Members = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // kind, offer

// Of a reservation the largest that its offers have, for the least that any costs.
NodeOffer offer_of(const PackProblem& problem, const Members& members) {
  const auto& [first, number] = members.front();
  const PackOffer& one = problem.kinds[first].offers[number];
  NodeOffer out{one.capacity, one.price};
  if (one.reservation == kNone) return out;
  out.count = std::max<std::int64_t>(problem.reservations[one.reservation], 0);
  for (const auto& [kind, t] : members) {
    const PackOffer& each = problem.kinds[kind].offers[t];
    out.price = std::min(out.price, each.price);
    for (std::size_t r = 0; r < out.capacity.size(); ++r)
      out.capacity[r] = std::max(out.capacity[r], each.capacity[r]);
  }
  return out;
}

void add_offers(const PackProblem& problem, std::size_t slots, Relaxation& out) {
  const std::vector<std::uint32_t> parts = parts_of_kinds(problem);
  std::map<Alike, Members> alike;
  for (std::uint32_t kind = 0; kind < problem.kinds.size(); ++kind) {
    const std::vector<PackOffer>& offers = problem.kinds[kind].offers;
    out.offer_of.emplace_back(offers.size());
    for (std::uint32_t t = 0; t < offers.size(); ++t) {
      Alike key{kNone, offers[t].reservation, {}, {}};
      if (key.reservation == kNone) key = {parts[kind], kNone, offers[t].capacity, offers[t].price};
      alike[std::move(key)].emplace_back(kind, t);
    }
  }
  for (auto& [key, members] : alike) {
    for (const auto& [kind, t] : members)
      out.offer_of[kind][t] = static_cast<std::uint32_t>(out.placement.offers.size());
    out.placement.offers.push_back(offer_of(problem, members));
    out.placement.offers.back().capacity.resize(problem.dimensions + slots, 1);
    out.members.push_back(std::move(members));
  }
}

std::vector<std::uint32_t> offers_of(const PackClass& each, const Relaxation& relaxed) {
  std::vector<char> seen(relaxed.placement.offers.size(), 0);
  for (std::uint32_t kind = 0; kind < each.offers.size(); ++kind) {
    const std::vector<std::uint64_t>& bits = each.offers[kind];
    for (std::uint32_t t = 0; t < relaxed.offer_of[kind].size() && !bits.empty(); ++t)
      if ((bits[t / 64] >> (t % 64) & 1) != 0) seen[relaxed.offer_of[kind][t]] = 1;
  }
  std::vector<std::uint32_t> out;
  for (std::uint32_t t = 0; t < seen.size(); ++t)
    if (seen[t] != 0) out.push_back(t);
  return out;
}

}  // namespace

std::vector<Share> shares_of(const Relaxation& relaxed) {
  std::vector<Share> out;
  for (std::size_t k = 0; k < relaxed.placement.classes.size(); ++k)
    out.push_back({relaxed.shares.thousandths[k], relaxed.placement.classes[k].count});
  return out;
}

Relaxation relax(const PackProblem& problem) {
  Relaxation out;
  const std::vector<std::uint32_t> one_a_node = slots(problem);
  out.resources = problem.dimensions;
  out.slots = one_a_node;
  if (problem.gpus != kNone) out.shares.dimension = problem.gpus;
  out.placement.dimensions = problem.dimensions + one_a_node.size();
  add_offers(problem, one_a_node.size(), out);
  std::vector<std::uint32_t> taken;
  for (const PackClass& each : problem.classes) taken.push_back(slots_of(each, one_a_node));
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    const PackClass &x = problem.classes[a], &y = problem.classes[b];
    if (x.demand != y.demand) return x.demand < y.demand;
    if (taken[a] != taken[b]) return taken[a] < taken[b];
    if (x.share != y.share) return x.share < y.share;
    return x.offers < y.offers;
  };
  std::map<std::uint32_t, std::uint32_t, decltype(before)> known(before);
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) {
    const PackClass& each = problem.classes[k];
    const auto [at, fresh] =
        known.try_emplace(k, static_cast<std::uint32_t>(out.placement.classes.size()));
    if (fresh) {
      DemandClass alike{each.demand, 0, offers_of(each, out)};
      for (std::size_t i = 0; i < one_a_node.size(); ++i) alike.demand.push_back(taken[k] >> i & 1);
      out.placement.classes.push_back(std::move(alike));
      if (problem.gpus != kNone) out.shares.thousandths.push_back(each.share);
    }
    out.class_of.push_back(at->second);
    out.placement.classes[at->second].count += each.count;
  }
  if (problem.gpus != kNone) cut_gpus(problem, out);
  return out;
}

}  // namespace gputide::provisioning
