// What the tests of this folder share.
#pragma once

#include <algorithm>

#include <rapidcheck.h>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// A random problem of every kind of rule, small enough to check by the definitions.
inline PackProblem any_problem() {
  using rc::gen::inRange;
  using Kind = TopologyRule::Kind;
  PackProblem p;
  p.dimensions = static_cast<std::size_t>(*inRange(1, 4));
  const auto numbers = [&](int most) {
    std::vector<std::int64_t> out;
    for (std::size_t r = 0; r < p.dimensions; ++r) out.push_back(*inRange(0, most));
    return out;
  };
  const int types = *inRange(1, 7), kinds = *inRange(1, 5), groups = *inRange(0, 4);
  p.pools.resize(2);
  if (*inRange(0, 3) == 0) p.pools[0].limit = {*inRange(0, 30)};
  if (*inRange(0, 3) == 0) {
    Pool::MinValues rule;
    rule.at_least = 2;
    for (int t = 0; t < types; ++t)
      rule.value_of_type.push_back(static_cast<std::uint32_t>(*inRange(0, 3)));
    p.pools[1].min_values = {rule};
  }
  p.reservations = {2, *inRange(0, 4)};
  for (int k = 0; k < kinds; ++k) {
    NodeKind kind;
    kind.pool = static_cast<std::uint32_t>(*inRange(0, 2));
    kind.domains = {static_cast<std::uint32_t>(*inRange(0, 3)), *inRange(0, 4) == 0 ? kNone : 0U};
    for (int t = 0; t < types; ++t) {
      PackOffer offer{numbers(30),
                      Money::micros(*inRange(0, 3'000'000)),
                      static_cast<std::uint32_t>(t),
                      *inRange(0, 4) == 0 ? static_cast<std::uint32_t>(*inRange(0, 2)) : kNone,
                      {}};
      if (offer.reservation == 1) offer.price = Money();
      offer.limit_use.assign(p.pools[kind.pool].limit.size(), *inRange(0, 9));
      kind.offers.push_back(offer);
    }
    std::stable_sort(kind.offers.begin(), kind.offers.end(),
                     [](const auto& a, const auto& b) { return a.price < b.price; });
    p.kinds.push_back(kind);
  }
  const int existing = *inRange(0, 3);
  for (int n = 0; n < existing; ++n)
    p.existing.push_back({numbers(20), {static_cast<std::uint32_t>(*inRange(0, 3)), 0U}});
  for (int g = 0; g < groups; ++g) {
    TopologyGroup group;
    group.key = *inRange(0, 2) == 0 ? kHostname : static_cast<std::uint32_t>(*inRange(0, 2));
    if (group.key == kHostname) {
      for (int n = 0; n < existing; ++n) {
        group.node_counts.push_back(*inRange(0, 3));
        group.node_anti_owners.push_back(*inRange(0, 2));
      }
    } else {
      for (int d = 0; d < 3; ++d) {
        group.counts.push_back(*inRange(0, 3));
        group.anti_owners.push_back(*inRange(0, 4) == 0 ? 1 : 0);
      }
    }
    p.groups.push_back(group);
  }
  const int classes = *inRange(1, 7);
  for (int k = 0; k < classes; ++k) {
    PackClass c;
    c.demand = numbers(12);
    c.count = *inRange(0, 7);
    for (int kind = 0; kind < kinds; ++kind)
      c.offers.push_back(
          *inRange(0, 5) == 0
              ? std::vector<std::uint64_t>{}
              : std::vector<std::uint64_t>{static_cast<std::uint64_t>(*inRange(0, 1 << types))});
    for (int n = 0; n < existing; ++n) c.existing.push_back(*inRange(0, 2) == 0);
    for (int g = 0; g < groups; ++g) {
      const auto group = static_cast<std::uint32_t>(g);
      const bool counted = *inRange(0, 2) == 0;
      if (counted) c.counted_in.push_back(group);
      if (*inRange(0, 2) == 0) continue;
      TopologyRule rule;
      rule.kind = static_cast<Kind>(*inRange(0, 3));
      rule.group = group;
      rule.counts_itself = counted;
      rule.max_skew = *inRange(1, 3);
      rule.min_domains = *inRange(0, 4);
      rule.domains = p.groups[group].key == 1 ? std::vector<std::uint32_t>{0}
                                              : std::vector<std::uint32_t>{0, 1, 2};
      c.rules.push_back(rule);
    }
    if (*inRange(0, 4) == 0) c.ports = {static_cast<std::uint32_t>(*inRange(0, 2))};
    p.classes.push_back(c);
  }
  return p;
}

/// The same with GPUs that pods share, also on nodes that are there already.
inline PackProblem any_shared_problem() {
  using rc::gen::inRange;
  PackProblem p = any_problem();
  p.gpus = 0;
  for (PackClass& each : p.classes)
    if (*inRange(0, 4) != 0) {
      each.share = *inRange(1, 21) * 50 - *inRange(0, 2);
      each.demand[p.gpus] = 1;
    }
  for (ExistingNode& node : p.existing)
    for (int n = *inRange(0, 3); n > 0; --n) node.gpus.push_back(*inRange(0, 1000));
  return p;
}

/// Random offers, some of them free or few, and classes that fit some of them.
inline PlacementProblem any_placement() {
  using rc::gen::inRange;
  PlacementProblem p;
  p.dimensions = static_cast<std::size_t>(*inRange(1, 4));
  const int offers = *inRange(1, 6), classes = *inRange(1, 5);
  for (int t = 0; t < offers; ++t) {
    NodeOffer offer;
    for (std::size_t r = 0; r < p.dimensions; ++r) offer.capacity.push_back(*inRange(0, 40));
    offer.price = Money::micros(*inRange(0, 5) == 0 ? 0 : *inRange(0, 5'000'000));
    if (*inRange(0, 4) == 0) offer.count = *inRange(0, 4);
    p.offers.push_back(offer);
  }
  for (int k = 0; k < classes; ++k) {
    DemandClass c;
    for (std::size_t r = 0; r < p.dimensions; ++r) c.demand.push_back(*inRange(0, 20));
    for (int t = 0; t < offers; ++t)
      if (*inRange(0, 3) > 0) c.offers.push_back(static_cast<std::uint32_t>(t));
    c.count = *inRange(0, 6);
    p.classes.push_back(c);
  }
  return p;
}

}  // namespace gputide::provisioning
