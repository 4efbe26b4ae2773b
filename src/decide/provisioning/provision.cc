#include "decide/provisioning/provision.h"

#include <algorithm>
#include <map>

#include "decide/provisioning/configuration_bound.h"
#include "decide/provisioning/market_split.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_order.h"
#include "decide/provisioning/pool_weights.h"
#include "decide/provisioning/preference_plan.h"
#include "decide/provisioning/reservation_order.h"
#include "decide/provisioning/substitutes.h"
#include "decide/provisioning/why_unplaced.h"

namespace gputide::provisioning {
namespace {

// The machines of a plan; of each class the first pods are those that are placed.
void name_machines(const ProvisionProblem& problem, const Compiled& compiled,
                   const PackProblem& pack, std::span<const std::vector<PackWish>> wishes,
                   const PackPlan& packed,
                   const std::vector<std::vector<std::uint32_t>>& pods_of_class,
                   ProvisionPlan& plan) {
  plan.per_hour = packed.per_hour;
  plan.any_order = fits_in_any_order(pack, packed);
  for (const PlannedNode& node : packed.nodes) {
    PlannedMachine machine;
    if (node.kind == kNone) {
      machine.existing = problem.nodes[node.offer].name;
    } else {
      const NodeKind& kind = pack.kinds[node.kind];
      machine.pool = problem.pools[kind.pool].metadata.name;
      machine.type = problem.types[kind.offers[node.offer].type].name;
      machine.zone = compiled.kinds[node.kind].zone;
      machine.capacity_type = compiled.kinds[node.kind].capacity_type;
      machine.reservation_id = compiled.kinds[node.kind].reservation_id;
      machine.price = kind.offers[node.offer].price;
      if (problem.substitutes)
        machine.substitutes = substitutes_of(problem, compiled, pack, wishes, node);
    }
    plan.machines.push_back(std::move(machine));
  }
  std::vector<std::size_t> next(pods_of_class.size(), 0);
  for (const Placement& step : packed.order)
    plan.machines[step.node].pods.push_back(
        pods_of_class[step.demand_class][next[step.demand_class]++]);
}

void name_unplaced(const ProvisionProblem& problem, const Compiled& compiled,
                   const PackPlan& packed, ProvisionPlan& plan) {
  for (std::uint32_t k = 0; k < packed.unplaced.size(); ++k) {
    const std::vector<std::uint32_t>& pods = compiled.pods_of_class[k];
    std::string of_class;
    for (std::size_t i = pods.size() - static_cast<std::size_t>(packed.unplaced[k]);
         i < pods.size(); ++i) {
      std::string reason = impossible(*problem.pods[pods[i]]->spec);
      if (reason.empty() && of_class.empty()) of_class = why_unplaced(problem, compiled, packed, k);
      plan.unplaced.emplace_back(pods[i], reason.empty() ? of_class : std::move(reason));
    }
  }
}

void add_bound(const ProvisionProblem& problem, const Draft& draft, ProvisionPlan& plan) {
  const auto& [compiled, packed, wished, splits_kept] = draft;
  PackProblem placed = compiled.pack;
  add_shifts(split_shifts(compiled, least_shares(problem, splits_kept)), placed);
  for (std::uint32_t k = 0; k < packed.unplaced.size(); ++k)
    placed.classes[k].count -= packed.unplaced[k];
  const RelaxedBound known = bound_beside_existing(placed);
  ConfigurationEffort effort;
  if (!problem.bound_by_whole_pods) effort.largest = 0;
  const ConfigurationBound bound = configuration_bound(known.placement, known.bound, effort);
  plan.lower_bound = bound.per_hour;
  plan.certified = certified(known.placement, bound.certificate);
  for (std::uint32_t k = 0; k < placed.classes.size(); ++k)
    if (placed.classes[k].count > 0)
      plan.pod_prices.push_back({compiled.pods_of_class[k].front(), placed.classes[k].count,
                                 bound.certificate.pod_price[known.class_of[k]]});
}

// The same plan by the classes that wishes tell apart.
PackPlan by_wish_class(const ProvisionProblem& problem, const Compiled& compiled,
                       const PackPlan& packed) {
  std::vector<std::uint32_t> class_of(problem.pods.size());
  for (std::uint32_t k = 0; k < compiled.pods_of_wish_class.size(); ++k)
    for (const std::uint32_t pod : compiled.pods_of_wish_class[k]) class_of[pod] = k;
  PackPlan out = packed;
  std::vector<std::size_t> next(compiled.pods_of_class.size(), 0);
  std::vector<std::map<std::uint32_t, std::int64_t>> pods(packed.nodes.size());
  for (Placement& step : out.order) {
    const std::uint32_t k = step.demand_class;
    step.demand_class = class_of[compiled.pods_of_class[k][next[k]++]];
    ++pods[step.node][step.demand_class];
  }
  for (std::size_t n = 0; n < pods.size(); ++n)
    out.nodes[n].pods.assign(pods[n].begin(), pods[n].end());
  out.unplaced.assign(compiled.pods_of_wish_class.size(), 0);
  for (std::uint32_t k = 0; k < next.size(); ++k)
    for (std::size_t i = next[k]; i < compiled.pods_of_class[k].size(); ++i)
      ++out.unplaced[class_of[compiled.pods_of_class[k][i]]];
  return out;
}

Money price_of(const PackProblem& pack, const PackPlan& plan) {
  Money sum;
  for (const PlannedNode& node : plan.nodes)
    if (node.kind != kNone) sum += pack.kinds[node.kind].offers[node.offer].price;
  return sum;
}

// What the rest of the preferences would cost is then known in other than real prices.
void forget_dearer(PreferencePlan& wished) {
  wished.all.reset();
  for (PreferenceCount& each : wished.preferences) each.tried = false;
}

// Prices as the engine is to see them while this lives: with reservations in their order, and with
// pools' weights.
class SearchPrices {
 public:
  SearchPrices(const ProvisionProblem& problem, Compiled& compiled)
      : packs_{&compiled.pack}, shifts_(reservation_shifts(problem, compiled)) {
    if (compiled.wishes.preferences > 0) packs_.push_back(&compiled.wishes.pack);
    for (PackProblem* pack : packs_) add_shifts(shifts_, *pack);
    if (problem.weights) factors_ = weight_factors(problem, compiled.pack);
    for (PackProblem* pack : packs_)
      if (!factors_.empty()) count_weights(factors_, *pack);
  }
  SearchPrices(const SearchPrices&) = delete;
  SearchPrices& operator=(const SearchPrices&) = delete;
  ~SearchPrices() {
    for (PackProblem* pack : packs_) {
      if (!factors_.empty()) forget_weights(factors_, *pack);
      take_shifts(shifts_, *pack);
    }
  }

  bool are_real() const { return factors_.empty() && shifts_.empty(); }

 private:
  std::vector<PackProblem*> packs_;
  std::vector<Money> shifts_;
  std::vector<std::int64_t> factors_;
};

void search(const ProvisionProblem& problem, const PackEffort& effort, Draft& out) {
  Compiled& compiled = out.compiled;
  out.wished.reset();
  {
    const SearchPrices prices(problem, compiled);
    PackEffort real = effort;
    if (!prices.are_real()) real.most.reset();
    out.packed = pack(compiled.pack, real);
    if (compiled.wishes.preferences > 0)
      out.wished =
          with_preferences(compiled.wishes, by_wish_class(problem, compiled, out.packed), effort);
    if (prices.are_real()) return;
  }
  out.packed.per_hour = price_of(compiled.pack, out.packed);
  if (!out.wished) return;
  out.wished->plan.per_hour = price_of(compiled.wishes.pack, out.wished->plan);
  forget_dearer(*out.wished);
}

// With the splits of node groups as prices.
void search_by_shares(const ProvisionProblem& problem, PackEffort effort,
                      const std::vector<OnDemandShare>& shares, Draft& out) {
  Compiled& compiled = out.compiled;
  const std::vector<Money> shifts = split_shifts(compiled, shares);
  const bool wishes = compiled.wishes.preferences > 0;
  add_shifts(shifts, compiled.pack);
  if (wishes) add_shifts(shifts, compiled.wishes.pack);
  effort.most.reset();
  search(problem, effort, out);
  take_shifts(shifts, compiled.pack);
  out.splits_kept = keep_splits(problem, compiled, compiled.pack, out.packed);
  if (!wishes) return;
  take_shifts(shifts, compiled.wishes.pack);
  const std::vector<bool> kept =
      keep_splits(problem, compiled, compiled.wishes.pack, out.wished->plan);
  for (std::size_t pool = 0; pool < kept.size(); ++pool)
    out.splits_kept[pool] = out.splits_kept[pool] && kept[pool];
  forget_dearer(*out.wished);
}

// A group's share of on-demand nodes hangs on how many it gets: at first as many as it may, then as
// many as it got.
void search_splits(const ProvisionProblem& problem, const PackEffort& effort, Draft& out) {
  const std::vector<OnDemandShare> first = split_shares(problem);
  if (std::all_of(first.begin(), first.end(), [](const auto& each) { return each.nodes == 0; })) {
    search(problem, effort, out);
    out.splits_kept.assign(problem.pools.size(), false);
    return;
  }
  search_by_shares(problem, effort, first, out);
  const auto again = split_shares(problem, nodes_of_pools(out.compiled.pack, out.packed));
  if (again == first) return;
  Draft other{out.compiled, {}, {}};
  search_by_shares(problem, effort, again, other);
  if (other.packed.unplaced == out.packed.unplaced && other.packed.per_hour < out.packed.per_hour)
    out = std::move(other);
}

}  // namespace

const NodeGroup* node_group(const ProvisionProblem& problem, std::size_t pool) {
  return pool < problem.node_groups.size() && problem.node_groups[pool]
             ? &*problem.node_groups[pool]
             : nullptr;
}

bool Draft::places_all() const {
  return std::all_of(packed.unplaced.begin(), packed.unplaced.end(),
                     [](std::int64_t left) { return left == 0; });
}

Draft draft(const ProvisionProblem& problem, const PackEffort& effort) {
  Draft out{compile(problem), {}, {}};
  search_splits(problem, effort, out);
  return out;
}

ProvisionPlan named(const ProvisionProblem& problem, const Draft& draft) {
  const auto& [compiled, packed, wished, kept] = draft;
  ProvisionPlan plan;
  if (!wished) {
    name_machines(problem, compiled, compiled.pack, {}, packed, compiled.pods_of_class, plan);
  } else {
    name_machines(problem, compiled, compiled.wishes.pack, compiled.wishes.wishes, wished->plan,
                  compiled.pods_of_wish_class, plan);
    for (std::size_t i = 0; i < compiled.preferences.size(); ++i)
      plan.preferences.push_back({compiled.preferences[i].first, wished->preferences[i]});
    plan.all_preferences = wished->all;
  }
  name_unplaced(problem, compiled, packed, plan);
  return plan;
}

ProvisionPlan finish(const ProvisionProblem& problem, const Draft& draft) {
  ProvisionPlan plan = named(problem, draft);
  add_bound(problem, draft, plan);
  return plan;
}

ProvisionPlan provision(const ProvisionProblem& problem, const PackEffort& effort) {
  return finish(problem, draft(problem, effort));
}

}  // namespace gputide::provisioning
