#include "decide/provisioning/provision.h"

#include <fmt/format.h>

#include "decide/provisioning/packing_bound.h"

namespace gputide::provisioning {
namespace {

// The first thing that keeps a class off every node there could be.
std::string why_not(const ProvisionProblem& problem, const Compiled& compiled, std::uint32_t k) {
  const PackClass& pods = compiled.pack.classes[k];
  if (problem.pools.empty()) return "there is no NodePool";
  if (compiled.pack.kinds.empty()) return "no NodePool has an instance type that is offered";
  bool suits = false;
  std::vector<std::int64_t> most(compiled.pack.dimensions, 0);
  bool fits = false;
  for (std::size_t kind = 0; kind < pods.offers.size(); ++kind) {
    const NodeKind& each = compiled.pack.kinds[kind];
    for (std::size_t t = 0; t < each.offers.size() && !pods.offers[kind].empty(); ++t) {
      if ((pods.offers[kind][t / 64] >> (t % 64) & 1) == 0) continue;
      suits = true;
      bool all = true;
      for (std::size_t r = 0; r < most.size(); ++r) {
        most[r] = std::max(most[r], each.offers[t].capacity[r]);
        all = all && (pods.demand[r] == 0 || pods.demand[r] <= each.offers[t].capacity[r]);
      }
      fits = fits || all;
    }
  }
  if (!suits) return "its node selector, affinity or tolerations match no NodePool's nodes";
  if (!fits) {
    for (std::size_t r = 0; r < most.size(); ++r)
      if (pods.demand[r] > most[r])
        return fmt::format("it asks {} of {}; the largest node that it may use offers {}",
                           pods.demand[r], compiled.dimensions[r], most[r]);
    return "no instance type that it may use has enough of every resource at once";
  }
  return pods.rules.empty() && pods.ports.empty()
             ? "the NodePools' limits, minValues or reservations leave no room"
             : "topology rules, host ports, limits or minValues leave no node for it";
}

}  // namespace

ProvisionPlan provision(const ProvisionProblem& problem, const PackEffort& effort) {
  const Compiled compiled = compile(problem);
  const PackPlan packed = pack(compiled.pack, effort);
  ProvisionPlan plan;
  plan.per_hour = packed.per_hour;
  std::vector<std::size_t> next(compiled.pack.classes.size(), 0);
  for (const PlannedNode& node : packed.nodes) {
    PlannedMachine machine;
    if (node.kind == kNone) {
      machine.existing = problem.nodes[node.offer].name;
    } else {
      const NodeKind& kind = compiled.pack.kinds[node.kind];
      machine.pool = problem.pools[kind.pool].metadata.name;
      machine.type = problem.types[kind.offers[node.offer].type].name;
      machine.zone = compiled.kinds[node.kind].zone;
      machine.capacity_type = compiled.kinds[node.kind].capacity_type;
      machine.reservation_id = compiled.kinds[node.kind].reservation_id;
      machine.price = kind.offers[node.offer].price;
    }
    plan.machines.push_back(std::move(machine));
  }
  for (const Placement& step : packed.order)
    plan.machines[step.node].pods.push_back(
        compiled.pods_of_class[step.demand_class][next[step.demand_class]++]);
  PackProblem placed = compiled.pack;
  for (std::uint32_t k = 0; k < packed.unplaced.size(); ++k) {
    if (packed.unplaced[k] == 0) continue;
    placed.classes[k].count -= packed.unplaced[k];
    const std::string reason = why_not(problem, compiled, k);
    while (next[k] < compiled.pods_of_class[k].size())
      plan.unplaced.emplace_back(compiled.pods_of_class[k][next[k]++], reason);
  }
  const PackBound bound = pack_bound(placed);
  plan.lower_bound = bound.bound.per_hour;
  plan.certified = certified(bound.placement, bound.bound.certificate);
  for (std::uint32_t k = 0; k < placed.classes.size(); ++k)
    if (placed.classes[k].count > 0)
      plan.pod_prices.push_back(
          {compiled.pods_of_class[k].front(), placed.classes[k].count, bound.class_value[k]});
  return plan;
}

}  // namespace gputide::provisioning
