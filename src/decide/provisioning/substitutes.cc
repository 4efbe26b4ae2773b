#include "decide/provisioning/substitutes.h"

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

namespace gputide::provisioning {
namespace {

// All pods of the node fit on the offer, and may run there.
bool could_be(const PackProblem& pack, const PlannedNode& node, std::uint32_t kind,
              std::uint32_t offer) {
  const PackOffer& to = pack.kinds[kind].offers[offer];
  std::vector<std::int64_t> sum(pack.dimensions, 0);
  for (const auto& [k, count] : node.pods) {
    const PackClass& pods = pack.classes[k];
    if (pods.offers[kind].empty() || (pods.offers[kind][offer / 64] >> (offer % 64) & 1) == 0)
      return false;
    for (std::size_t r = 0; r < sum.size(); ++r) sum[r] += pods.demand[r] * count;
  }
  for (std::size_t r = 0; r < sum.size(); ++r)
    if (sum[r] > 0 && sum[r] > to.capacity[r]) return false;
  return true;
}

using Wishes = std::span<const std::vector<PackWish>>;  // by class; empty: nobody has any

const std::vector<PackWish>& wishes_of(Wishes wishes, std::uint32_t k) {
  static const std::vector<PackWish> kNoWishes;
  return wishes.empty() ? kNoWishes : wishes[k];
}

bool has_domain_rules(const PackProblem& pack, Wishes wishes, const PlannedNode& node) {
  const auto by_domain = [&](std::uint32_t group) { return pack.groups[group].key != kHostname; };
  return std::any_of(node.pods.begin(), node.pods.end(), [&](const auto& each) {
    const PackClass& pods = pack.classes[each.first];
    const std::vector<PackWish>& wished = wishes_of(wishes, each.first);
    return std::any_of(pods.rules.begin(), pods.rules.end(),
                       [&](const TopologyRule& rule) { return by_domain(rule.group); }) ||
           std::any_of(pods.counted_in.begin(), pods.counted_in.end(), by_domain) ||
           std::any_of(wished.begin(), wished.end(), [&](const PackWish& wish) {
             return wish.rule && by_domain(wish.rule->group);
           });
  });
}

bool grants(const PackWish& wish, std::uint32_t kind, std::uint32_t offer) {
  const std::vector<std::uint64_t>& bits = wish.offers[kind];
  return !bits.empty() && (bits[offer / 64] >> (offer % 64) & 1) != 0;
}

// What its pods would rather have of a node and get, they get of the offer too.
bool grants_as_much(Wishes wishes, const PlannedNode& node, std::uint32_t kind,
                    std::uint32_t offer) {
  return std::all_of(node.pods.begin(), node.pods.end(), [&](const auto& each) {
    const std::vector<PackWish>& wished = wishes_of(wishes, each.first);
    return std::all_of(wished.begin(), wished.end(), [&](const PackWish& wish) {
      return wish.rule || !grants(wish, node.kind, node.offer) || grants(wish, kind, offer);
    });
  });
}

bool min_values_met(const Pool& pool, const std::vector<std::uint32_t>& types) {
  return std::all_of(pool.min_values.begin(), pool.min_values.end(), [&](const auto& rule) {
    std::set<std::uint32_t> values;
    for (const std::uint32_t type : types)
      if (rule.value_of_type[type] != kNone) values.insert(rule.value_of_type[type]);
    return static_cast<std::int64_t>(values.size()) >= rule.at_least;
  });
}

}  // namespace

std::vector<Substitute> substitutes_of(const ProvisionProblem& problem, const Compiled& compiled,
                                       const PackProblem& pack,
                                       std::span<const std::vector<PackWish>> wishes,
                                       const PlannedNode& node) {
  const PackOffer& chosen = pack.kinds[node.kind].offers[node.offer];
  if (chosen.reservation != kNone) return {};
  const bool same_domains = has_domain_rules(pack, wishes, node);
  std::vector<std::tuple<Money, std::uint32_t, std::uint32_t>> found;
  for (std::uint32_t k = 0; k < pack.kinds.size(); ++k) {
    const NodeKind& kind = pack.kinds[k];
    if (kind.pool != pack.kinds[node.kind].pool ||
        compiled.kinds[k].capacity_type != compiled.kinds[node.kind].capacity_type ||
        (same_domains && kind.domains != pack.kinds[node.kind].domains))
      continue;
    for (std::uint32_t o = 0; o < kind.offers.size(); ++o) {
      const PackOffer& offer = kind.offers[o];
      const bool within = std::equal(offer.limit_use.begin(), offer.limit_use.end(),
                                     chosen.limit_use.begin(), std::less_equal<>());
      if (offer.reservation == kNone && within && could_be(pack, node, k, o) &&
          grants_as_much(wishes, node, k, o))
        found.emplace_back(offer.price, k, o);
    }
  }
  std::sort(found.begin(), found.end());
  const Money most = most_for_substitute(chosen.price);
  const Pool& pool = pack.pools[pack.kinds[node.kind].pool];
  std::vector<Substitute> out;
  std::vector<std::uint32_t> types;
  for (const auto& [price, k, o] : found) {
    if (price > most && min_values_met(pool, types)) break;
    types.push_back(pack.kinds[k].offers[o].type);
    out.push_back({problem.types[types.back()].name, compiled.kinds[k].zone, price});
  }
  return out;
}

}  // namespace gputide::provisioning
