#include "decide/provisioning/planned_node.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "decide/provisioning/ec2_types.h"
#include "decide/provisioning/node_ask.h"
#include "model/labels.h"

namespace gputide::provisioning {
namespace {

// A value that the requirement leaves; "" = the label may be absent.
std::string any_value(const Requirement& requirement) {
  if (!requirement.complement)
    return requirement.values.empty() ? std::string() : requirement.values.front();
  if (requirement.allows_absence()) return "";
  return std::to_string(
      requirement.gte.value_or(std::min<std::int64_t>(0, requirement.lte.value_or(0))));
}

const model::NodePool& pool_of(const ProvisionProblem& problem, const PlannedMachine& machine) {
  const auto at = std::find_if(problem.pools.begin(), problem.pools.end(), [&](const auto& each) {
    return each.metadata.name == machine.pool;
  });
  GPUTIDE_CHECK(at != problem.pools.end());
  return *at;
}

const ProviderType& type_of(const ProvisionProblem& problem, const PlannedMachine& machine) {
  const auto pool = static_cast<std::size_t>(&pool_of(problem, machine) - problem.pools.data());
  const std::vector<std::uint32_t>& types = problem.pool_types[pool];
  const auto at = std::find_if(types.begin(), types.end(), [&](std::uint32_t t) {
    return problem.types[t].name == machine.type;
  });
  GPUTIDE_CHECK(at != types.end());
  return problem.types[*at];
}

}  // namespace

std::array<std::pair<std::string_view, std::string>, 3> reservation_labels(
    const ProviderType::Offering& offering) {
  const char* interruptible = offering.interruptible ? "true" : "false";
  return {{{labels::kReservationId, offering.reservation_id},
           {labels::kReservationType, offering.reservation_type},
           {labels::kReservationInterruptible,
            offering.reservation_type.empty() ? "" : interruptible}}};
}

model::StringMap own_labels(const std::vector<std::shared_ptr<const model::Pod>>& pods,
                            const PlannedMachine& machine, const model::NodePool& pool) {
  auto node = Requirements::from_node_pool(pool.spec.template_.spec.requirements);
  for (const std::uint32_t pod : machine.pods)
    for (const auto& asked : node_alternatives(*pods[pod]->spec)) {
      if (!node.intersects(asked)) continue;
      node.add(asked);
      break;
    }
  model::StringMap labels;
  for (const model::NodePoolRequirement& each : pool.spec.template_.spec.requirements) {
    if (ec2_well_known_labels().contains(canonical_label(each.key))) continue;
    const std::string value = any_value(node.get(each.key));
    if (!value.empty()) labels.try_emplace(each.key, value);
  }
  return labels;
}

model::Node planned_node(const ProvisionProblem& problem, const PlannedMachine& machine,
                         const std::string& name) {
  const model::NodePool& pool = pool_of(problem, machine);
  const ProviderType& type = type_of(problem, machine);
  model::Node node;
  node.metadata.name = name;
  node.metadata.labels = pool.spec.template_.metadata.labels;
  for (const auto& [key, value] : own_labels(problem.pods, machine, pool))
    node.metadata.labels.try_emplace(key, value);
  for (const auto& [key, requirement] : type.requirements)
    if (const std::string* value = requirement.single()) node.metadata.labels[key] = *value;
  node.metadata.labels["kubernetes.io/hostname"] = name;
  node.metadata.labels[std::string(labels::kNodePool)] = machine.pool;
  node.metadata.labels[std::string(labels::kZone)] = machine.zone;
  node.metadata.labels[std::string(labels::kCapacityType)] = machine.capacity_type;
  for (const ProviderType::Offering& offering : type.offerings) {
    if (machine.reservation_id.empty() || offering.reservation_id != machine.reservation_id)
      continue;
    for (const auto& [key, value] : reservation_labels(offering))
      if (!value.empty()) node.metadata.labels[std::string(key)] = value;
  }
  node.spec.taints = pool.spec.template_.spec.taints;
  node.status.allocatable = type.allocatable;
  node.status.capacity = type.capacity;
  return node;
}

std::vector<std::shared_ptr<const model::Pod>> daemons_of(const ProvisionProblem& problem,
                                                          const PlannedMachine& machine) {
  const model::NodePool& pool = pool_of(problem, machine);
  Requirements node = template_requirements(pool);
  node.add(Requirement::in(std::string(labels::kZone), machine.zone));
  node.add(Requirement::in(std::string(labels::kCapacityType), machine.capacity_type));
  const auto taints = hard_taints(pool.spec.template_.spec.taints);
  std::vector<std::shared_ptr<const model::Pod>> out;
  for (const auto& daemon : problem.daemons)
    if (comes_to(*daemon->spec, node, taints, type_of(problem, machine), problem.well_known))
      out.push_back(daemon);
  return out;
}

}  // namespace gputide::provisioning
