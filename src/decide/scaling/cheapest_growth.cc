#include "decide/scaling/cheapest_growth.h"

#include <algorithm>
#include <set>
#include <string>

#include "decide/provisioning/node_ask.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_order.h"
#include "decide/provisioning/provision.h"
#include "model/labels.h"
#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

using provisioning::Compiled;
using provisioning::ProvisionProblem;
using provisioning::Requirement;

using labels::kZone;

// What a node of the group has for pods, less what stands on it from the start.
model::ResourceList free_on(const NodeTemplate& node) {
  model::ResourceList left = node.node.status.allocatable;
  for (const PodRef& pod : node.pods) {
    for (const auto& [name, amount] : model::pod_requests(*pod))
      if (const auto at = left.find(name); at != left.end()) at->second.sub(amount);
    if (const auto at = left.find("pods"); at != left.end())
      at->second.sub(Quantity::from_value(1));
  }
  return left;
}

// The labels that somebody asks for, by their current names: no other can decide anything.
using Keys = std::set<std::string, std::less<>>;

Keys keys_of(const ProvisionProblem& problem) {
  Keys keys{std::string(kZone),
            std::string(labels::kCapacityType),
            std::string(labels::kReservationId),
            std::string(labels::kReservationType),
            std::string(labels::kReservationInterruptible),
            std::string(labels::kNodePool)};
  for (const PodRef& pod : problem.pods)
    for (const provisioning::Requirements& each : provisioning::node_alternatives(*pod->spec))
      for (const auto& [key, asked] : each) keys.insert(key);
  for (const auto* pods : {&problem.pods, &problem.bound})
    for (const PodRef& pod : *pods) {
      for (const auto& spread : pod->spec->topologySpreadConstraints)
        keys.insert(spread.topologyKey);
      if (!pod->spec->affinity) continue;
      if (const auto& near = pod->spec->affinity->podAffinity)
        for (const auto& term : near->requiredDuringSchedulingIgnoredDuringExecution)
          keys.insert(term.topologyKey);
      if (const auto& apart = pod->spec->affinity->podAntiAffinity)
        for (const auto& term : apart->requiredDuringSchedulingIgnoredDuringExecution)
          keys.insert(term.topologyKey);
    }
  return keys;
}

void add_group(const GrowthGroup& group, std::size_t number, const Keys& keys,
               ProvisionProblem& problem) {
  provisioning::ProviderType type;
  type.name = std::to_string(number);
  model::NodePool pool;
  pool.metadata.name = type.name;
  std::string zone;
  for (const auto& [key, value] : group.node->node.metadata.labels) {
    if (key == "kubernetes.io/hostname") continue;
    if (key == kZone) zone = value;
    if (!keys.contains(key) && !keys.contains(provisioning::canonical_label(key))) continue;
    type.requirements.add(Requirement::in(key, value));
    pool.spec.template_.metadata.labels[key] = value;
  }
  pool.spec.template_.spec.taints = group.node->node.spec.taints;
  pool.spec.limits["nodes"] = Quantity::from_value(group.room);
  type.capacity = type.allocatable = free_on(*group.node);
  type.offerings.push_back({zone, "node-group", "", 0, group.price, true});
  problem.pool_types.push_back({static_cast<std::uint32_t>(problem.types.size())});
  problem.types.push_back(std::move(type));
  problem.pools.push_back(std::move(pool));
}

bool repels(const model::PodSpec& spec) {
  return spec.affinity && spec.affinity->podAntiAffinity &&
         !spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution.empty();
}

bool has_rules(const model::PodSpec& spec) {
  return repels(spec) || !spec.topologySpreadConstraints.empty() ||
         (spec.affinity && spec.affinity->podAffinity &&
          !spec.affinity->podAffinity->requiredDuringSchedulingIgnoredDuringExecution.empty());
}

// Where the pods are that rules between pods count. Nothing more fits there.
void add_cluster(const Observation& seen, std::span<const GrowthPod> pods,
                 ProvisionProblem& problem) {
  bool rules = std::any_of(pods.begin(), pods.end(),
                           [](const GrowthPod& each) { return has_rules(*each.pod->spec); });
  for (const auto& view : seen.nodes)
    for (const PodRef& pod : view->pods) rules = rules || repels(*pod->spec);
  if (!rules) return;
  for (const auto& view : seen.nodes) {
    problem.nodes.push_back({view->node->metadata.name,
                             view->node->metadata.labels,
                             view->node->spec.taints,
                             {},
                             {},
                             true});
    problem.bound.insert(problem.bound.end(), view->pods.begin(), view->pods.end());
    for (const PodRef& pod : view->pods) problem.namespaces[pod->metadata.namespace_];
  }
}

// Offers on which the scheduler would not put the class's pods are taken away.
void heed_filters(std::span<const GrowthPod> pods, Compiled& compiled) {
  for (std::size_t k = 0; k < compiled.pack.classes.size(); ++k) {
    auto& offers = compiled.pack.classes[k].offers;
    for (std::size_t kind = 0; kind < offers.size(); ++kind) {
      const std::uint32_t group = compiled.pack.kinds[kind].pool;
      const auto& members = compiled.pods_of_class[k];
      if (std::any_of(members.begin(), members.end(),
                      [&](std::uint32_t pod) { return pods[pod].groups[group] == 0; }))
        offers[kind].clear();
    }
  }
}

Compiled compile(std::span<const GrowthGroup> groups, std::span<const GrowthPod> pods,
                 const Observation& seen) {
  ProvisionProblem problem;
  for (const GrowthPod& each : pods) {
    problem.pods.push_back(each.pod);
    problem.namespaces[each.pod->metadata.namespace_];
  }
  add_cluster(seen, pods, problem);
  const Keys keys = keys_of(problem);
  for (std::size_t g = 0; g < groups.size(); ++g) add_group(groups[g], g, keys, problem);
  Compiled compiled = provisioning::compile(problem);
  heed_filters(pods, compiled);
  return compiled;
}

}  // namespace

Growth cheapest_growth(std::span<const GrowthGroup> groups, std::span<const GrowthPod> pods,
                       const Observation& seen) {
  // A loop of the autoscaler has milliseconds, not a batch window.
  static constexpr provisioning::PackEffort kEffort{.constructions = 6,
                                                    .repacks_per_node = 10,
                                                    .most_repacks = 100,
                                                    .small = 100,
                                                    .orders = 12,
                                                    .shakes = 60,
                                                    .contents = 5'000'000};
  Compiled compiled = compile(groups, pods, seen);
  const provisioning::PackPlan plan = provisioning::pack(compiled.pack, kEffort);
  Growth growth{std::vector<std::int64_t>(groups.size(), 0),
                std::vector<std::uint8_t>(pods.size(), 0),
                plan.per_hour,
                {},
                provisioning::fits_in_any_order(compiled.pack, plan)};
  std::vector<std::size_t> next(compiled.pack.classes.size(), 0);
  for (const provisioning::PlannedNode& node : plan.nodes)
    if (node.kind != provisioning::kNone) ++growth.nodes[compiled.pack.kinds[node.kind].pool];
  for (const provisioning::Placement& step : plan.order)
    growth.placed[compiled.pods_of_class[step.demand_class][next[step.demand_class]++]] = 1;
  const bool all_placed = std::all_of(plan.unplaced.begin(), plan.unplaced.end(),
                                      [](std::int64_t pods_left) { return pods_left == 0; });
  for (std::size_t k = 0; k < plan.unplaced.size(); ++k)
    compiled.pack.classes[k].count -= plan.unplaced[k];
  growth.lower_bound = all_placed && plan.lower_bound
                           ? *plan.lower_bound
                           : provisioning::pack_bound(compiled.pack).bound.per_hour;
  return growth;
}

Money growth_bound(std::span<const GrowthGroup> groups, std::span<const GrowthPod> pods,
                   const Observation& seen) {
  return provisioning::pack_bound(compile(groups, pods, seen).pack).bound.per_hour;
}

}  // namespace gputide::scaling
