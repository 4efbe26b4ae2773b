#include "decide/provisioning/market_split.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace gputide::provisioning {
namespace {

constexpr std::string_view kSpot = "spot";
constexpr std::string_view kOnDemand = "on-demand";

// A node group that buys in both markets.
class Group {
 public:
  explicit Group(const NodeGroup& group) : group_(group) {}

  /// The nodes that it may still get.
  std::int64_t most() const {
    return std::max<std::int64_t>(std::ssize(group_.on_demand) - 1 - group_.nodes, 0);
  }
  /// Of so many new nodes, those that are on-demand.
  std::int64_t on_demand(std::int64_t nodes) const {
    return at(group_.nodes + nodes) - at(group_.nodes);
  }

 private:
  std::int64_t at(std::int64_t nodes) const {
    return group_.on_demand[static_cast<std::size_t>(
        std::min<std::int64_t>(nodes, std::ssize(group_.on_demand) - 1))];
  }

  const NodeGroup& group_;
};

std::optional<Group> split_of(const ProvisionProblem& problem, std::size_t pool) {
  if (pool >= problem.node_groups.size() || !problem.node_groups[pool] ||
      problem.node_groups[pool]->on_demand.empty())
    return std::nullopt;
  return Group(*problem.node_groups[pool]);
}

// What on-demand costs more than spot, each at its cheapest; nullopt where one is not sold.
std::optional<Money> gap_of(const Compiled& compiled, std::uint32_t pool) {
  std::optional<Money> spot, on_demand;
  for (std::size_t k = 0; k < compiled.kinds.size(); ++k) {
    const NodeKind& kind = compiled.pack.kinds[k];
    if (kind.pool != pool || kind.offers.empty()) continue;
    std::optional<Money>& least = compiled.kinds[k].capacity_type == kSpot ? spot : on_demand;
    least = least ? std::min(*least, kind.offers.front().price) : kind.offers.front().price;
  }
  if (!spot || !on_demand) return std::nullopt;
  return *on_demand - *spot;
}

// A bought node of a split group in its two markets.
struct Choice {
  std::size_t node;
  std::optional<PlannedNode> spot, on_demand;
  Money gap;  // what on-demand costs more, where both can be had
};

class Markets {
 public:
  Markets(const Compiled& compiled, const PackProblem& pack) : compiled_(compiled), pack_(pack) {}

  Money price(const PlannedNode& node) const {
    return pack_.kinds[node.kind].offers[node.offer].price;
  }

  Choice choice(const PackPlan& plan, std::size_t n) const {
    Choice out{n, in(plan.nodes[n], kSpot), in(plan.nodes[n], kOnDemand), {}};
    if (out.spot && out.on_demand) out.gap = price(*out.on_demand) - price(*out.spot);
    return out;
  }

 private:
  // A node for the same pods in this market, where topology rules see no difference: the same, or a
  // cheaper one that is no smaller.
  std::optional<PlannedNode> in(const PlannedNode& node, std::string_view market) const {
    const NodeKind& own = pack_.kinds[node.kind];
    if (compiled_.kinds[node.kind].capacity_type == market) return node;
    const PackOffer& offer = own.offers[node.offer];
    const auto rank = [&](std::uint32_t k, std::uint32_t t) {
      const bool other = pack_.kinds[k].offers[t].type != offer.type ||
                         compiled_.kinds[k].zone != compiled_.kinds[node.kind].zone;
      return std::tuple(pack_.kinds[k].offers[t].price, other, k, t);
    };
    std::optional<PlannedNode> best;
    for (std::uint32_t k = 0; k < pack_.kinds.size(); ++k) {
      const NodeKind& kind = pack_.kinds[k];
      if (kind.pool != own.pool || compiled_.kinds[k].capacity_type != market ||
          kind.domains != own.domains)
        continue;
      for (std::uint32_t t = 0; t < kind.offers.size(); ++t)
        if (no_smaller(kind.offers[t], offer) && suits(node, k, t) &&
            (!best || rank(k, t) < rank(best->kind, best->offer)))
          best = PlannedNode{k, t, node.pods};
    }
    return best;
  }

  static bool no_smaller(const PackOffer& a, const PackOffer& b) {
    for (std::size_t r = 0; r < a.capacity.size(); ++r)
      if (a.capacity[r] < b.capacity[r]) return false;
    return true;
  }

  bool suits(const PlannedNode& node, std::uint32_t kind, std::uint32_t t) const {
    return std::all_of(node.pods.begin(), node.pods.end(), [&](const auto& pods) {
      const std::vector<std::uint64_t>& bits = pack_.classes[pods.first].offers[kind];
      return !bits.empty() && (bits[t / 64] >> (t % 64) & 1) != 0;
    });
  }

  const Compiled& compiled_;
  const PackProblem& pack_;
};

// On-demand where nothing else can be had, then where it is least dearer. False: too few.
bool set_markets(std::vector<Choice> choices, std::int64_t wanted, PackPlan& plan) {
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    if (a.spot.has_value() != b.spot.has_value()) return !a.spot.has_value();
    return a.gap < b.gap;
  });
  for (const Choice& each : choices) {
    const bool on_demand = !each.spot || (wanted > 0 && each.on_demand);
    plan.nodes[each.node] = on_demand ? *each.on_demand : *each.spot;
    if (on_demand) --wanted;
  }
  return wanted <= 0;
}

}  // namespace

std::vector<OnDemandShare> split_shares(const ProvisionProblem& problem,
                                        const std::vector<std::int64_t>& nodes) {
  std::vector<OnDemandShare> out(problem.pools.size());
  for (std::size_t pool = 0; pool < out.size(); ++pool) {
    const std::optional<Group> group = split_of(problem, pool);
    if (!group) continue;
    std::int64_t count = pool < nodes.size() ? nodes[pool] : 0;
    if (count == 0) count = std::min(group->most(), std::ssize(problem.pods));
    if (count > 0) out[pool] = {group->on_demand(count), count};
  }
  return out;
}

std::vector<OnDemandShare> least_shares(const ProvisionProblem& problem,
                                        const std::vector<bool>& kept) {
  std::vector<OnDemandShare> out(problem.pools.size());
  for (std::size_t pool = 0; pool < out.size(); ++pool) {
    const std::optional<Group> group = split_of(problem, pool);
    if (!group || !kept[pool]) continue;
    OnDemandShare& least = out[pool];
    const std::int64_t most = std::min(group->most(), std::ssize(problem.pods));
    for (std::int64_t n = 1; n <= most; ++n)
      if (const std::int64_t now = group->on_demand(n);
          least.nodes == 0 || now * least.nodes < least.on_demand * n)
        least = {now, n};
  }
  return out;
}

std::vector<Money> split_shifts(const Compiled& compiled,
                                const std::vector<OnDemandShare>& shares) {
  std::vector<Money> out(compiled.kinds.size());
  for (std::uint32_t pool = 0; pool < shares.size(); ++pool) {
    if (shares[pool].nodes == 0) continue;
    const std::optional<Money> gap = gap_of(compiled, pool);
    if (!gap || *gap <= Money()) continue;
    const auto more = static_cast<std::int64_t>(static_cast<__int128>(gap->micros()) *
                                                shares[pool].on_demand / shares[pool].nodes);
    for (std::size_t k = 0; k < out.size(); ++k)
      if (compiled.pack.kinds[k].pool == pool)
        out[k] = compiled.kinds[k].capacity_type == kSpot ? Money::micros(more)
                                                          : Money::micros(more) - *gap;
  }
  return out;
}

void add_shifts(const std::vector<Money>& shifts, PackProblem& pack) {
  for (std::size_t k = 0; k < shifts.size(); ++k)
    for (PackOffer& offer : pack.kinds[k].offers) offer.price += shifts[k];
}

void take_shifts(const std::vector<Money>& shifts, PackProblem& pack) {
  for (std::size_t k = 0; k < shifts.size(); ++k)
    for (PackOffer& offer : pack.kinds[k].offers) offer.price -= shifts[k];
}

std::vector<std::int64_t> nodes_of_pools(const PackProblem& pack, const PackPlan& plan) {
  std::vector<std::int64_t> out(pack.pools.size(), 0);
  for (const PlannedNode& node : plan.nodes)
    if (node.kind != kNone && !node.pods.empty()) ++out[pack.kinds[node.kind].pool];
  return out;
}

std::vector<bool> keep_splits(const ProvisionProblem& problem, const Compiled& compiled,
                              const PackProblem& pack, PackPlan& plan) {
  const Markets markets(compiled, pack);
  const std::vector<std::int64_t> nodes = nodes_of_pools(pack, plan);
  std::vector<bool> kept(pack.pools.size(), true);
  for (std::uint32_t pool = 0; pool < kept.size(); ++pool) {
    const std::optional<Group> group = split_of(problem, pool);
    if (!group || !gap_of(compiled, pool)) continue;
    std::vector<Choice> choices;
    for (std::size_t n = 0; n < plan.nodes.size(); ++n)
      if (const PlannedNode& node = plan.nodes[n];
          node.kind != kNone && !node.pods.empty() && pack.kinds[node.kind].pool == pool)
        choices.push_back(markets.choice(plan, n));
    kept[pool] = set_markets(std::move(choices), group->on_demand(nodes[pool]), plan);
  }
  plan.per_hour = Money();
  for (const PlannedNode& node : plan.nodes)
    if (node.kind != kNone) plan.per_hour += markets.price(node);
  return kept;
}

}  // namespace gputide::provisioning
