#include "decide/provisioning/provision.h"

#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_order.h"
#include "decide/provisioning/substitutes.h"
#include "decide/provisioning/why_unplaced.h"

namespace gputide::provisioning {
ProvisionPlan provision(const ProvisionProblem& problem, const PackEffort& effort) {
  const Compiled compiled = compile(problem);
  const PackPlan packed = pack(compiled.pack, effort);
  ProvisionPlan plan;
  plan.per_hour = packed.per_hour;
  plan.any_order = fits_in_any_order(compiled.pack, packed);
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
      if (problem.substitutes) machine.substitutes = substitutes_of(problem, compiled, node);
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
    std::string of_class;
    while (next[k] < compiled.pods_of_class[k].size()) {
      const std::uint32_t pod = compiled.pods_of_class[k][next[k]++];
      std::string reason = impossible(*problem.pods[pod]->spec);
      if (reason.empty() && of_class.empty()) of_class = why_unplaced(problem, compiled, packed, k);
      plan.unplaced.emplace_back(pod, reason.empty() ? of_class : std::move(reason));
    }
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
