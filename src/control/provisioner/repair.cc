// Sick nodes: replaced at once, whatever is on them, unless too many of the pool are sick.
#include <fmt/format.h>

#include "control/provisioner/provisioner.h"
#include "decide/provisioning/node_repair.h"

namespace gputide::provisioner {
namespace {

bool has_node(const Claim& claim) {
  return claim.stage == Stage::Initializing || claim.stage == Stage::Ready;
}

}  // namespace

std::optional<provisioning::Sickness> Provisioner::sickness_of(const Claim& claim) const {
  const NodeRef node = cluster_.node(claim.node);
  if (node == nullptr || !options_.node_repair) return std::nullopt;
  // A node that has not been ready yet has a deadline of its own.
  if (claim.stage == Stage::Initializing && !is_ready(*node)) return std::nullopt;
  return provisioning::sickness_of(*node);
}

// Of the pool: how many nodes are sick, and how many there are.
std::pair<std::int64_t, std::int64_t> Provisioner::count_sick(const std::string& pool) const {
  std::int64_t sick = 0, nodes = 0;
  for (const auto& [name, claim] : claims_.all()) {
    if (claim.pool() != pool || cluster_.node(claim.node) == nullptr) continue;
    ++nodes;
    sick += sickness_of(claim) ? 1 : 0;
  }
  return {sick, nodes};
}

void Provisioner::repair(Instant now, port::Commands& commands) {
  if (!options_.node_repair) return;
  for (const auto& [name, each] : claims_.all()) {
    const auto sickness = has_node(each) ? sickness_of(each) : std::nullopt;
    if (!sickness || sickness->at > now) continue;
    Claim& claim = *claims_.find(name);
    const auto [sick, nodes] = count_sick(claim.pool());
    if (provisioning::may_repair(sick, nodes)) {
      claims_.leave(claim, {"unhealthy", sickness->why, true}, now, commands);
      trigger(now, true);
    } else {
      tell_kept(claim, "NodeRepairBlocked",
                fmt::format("{}; it is not replaced: {} of {} nodes of NodePool {} are unhealthy",
                            sickness->why, sick, nodes, claim.pool()),
                commands);
    }
  }
}

std::optional<Instant> Provisioner::repair_due(Instant now) const {
  std::optional<Instant> next;
  if (!options_.node_repair) return next;
  for (const auto& [name, claim] : claims_.all())
    if (const auto sickness = has_node(claim) ? sickness_of(claim) : std::nullopt;
        sickness && sickness->at > now && (!next || sickness->at < *next))
      next = sickness->at;
  return next;
}

}  // namespace gputide::provisioner
