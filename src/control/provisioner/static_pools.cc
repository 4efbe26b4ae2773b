// NodePools of a fixed number of nodes, which pods do not decide (gate StaticCapacity).
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "control/provisioner/planning.h"
#include "control/provisioner/provisioner.h"

namespace gputide::provisioner {
namespace {

using provisioning::PlannedMachine;

// Nodes that come before others when some have to go.
auto order_of_going(const Disruption& disruption, const Claim& claim) {
  return std::tuple(claim.stage == Stage::Ready, !disruption.is_empty(claim),
                    disruption.disruption_cost(claim), claim.object->metadata.name);
}

}  // namespace

// With those that were just asked for. `that_stay`: without those that leave, or will when their
// replacement is ready.
std::int64_t Provisioner::count_nodes(const std::string& pool, bool that_stay) const {
  std::int64_t count = 0;
  for (const auto& [name, claim] : claims_.all()) {
    const bool leaves =
        claim.stage == Stage::Draining || claim.stage == Stage::Ending || claim.marked;
    count += claim.pool() == pool && !(that_stay && leaves) ? 1 : 0;
  }
  for (const auto& [name, of] : on_order_) count += of == pool ? 1 : 0;
  return count;
}

bool Provisioner::leaves_room_soon(const model::NodePool& pool) const {
  const std::string& name = pool.metadata.name;
  const auto limit = pool.spec.limits.find("nodes");
  return limit != pool.spec.limits.end() && count_nodes(name, false) >= limit->second.value() &&
         count_nodes(name, true) < count_nodes(name, false);
}

// The cheapest that is to be had for the pool now; without a type: nothing.
PlannedMachine Provisioner::replica_of(const model::NodePool& pool, Instant now) {
  PlannedMachine machine;
  machine.pool = pool.metadata.name;
  for (const provisioning::ProviderType& type : offers_.of(pool).types)
    for (const auto& each : type.offerings) {
      if (!offers_.is_available(type.name, each.zone, each.capacity_type, now)) continue;
      if (!each.reservation_id.empty() && each.reservation_capacity <= 0) continue;
      if (!machine.type.empty() && each.price >= machine.price) continue;
      machine.type = type.name;
      machine.zone = each.zone;
      machine.capacity_type = each.capacity_type;
      machine.reservation_id = each.reservation_id;
      machine.price = each.price;
    }
  if (!machine.reservation_id.empty()) return machine;
  for (const provisioning::ProviderType& type : offers_.of(pool).types)
    for (const auto& each : type.offerings)
      if (each.capacity_type == machine.capacity_type)
        machine.substitutes.push_back({type.name, each.zone, each.price});
  return machine;
}

std::vector<std::string> Provisioner::buy_replicas(const model::NodePool& pool, std::int64_t wanted,
                                                   const std::string& why, Instant now,
                                                   port::Commands& commands) {
  const std::string& name = pool.metadata.name;
  const auto limit = pool.spec.limits.find("nodes");
  const std::int64_t before = count_nodes(name, false);
  if (limit != pool.spec.limits.end()) wanted = std::min(wanted, limit->second.value() - before);
  if (wanted <= 0) return {};
  const PlannedMachine machine = replica_of(pool, now);
  if (machine.type.empty()) {
    replica_retry_at_ = offers_.next_expiry(now);
    return {};
  }
  if (const auto* in = offers_.reservation(machine.reservation_id))
    wanted = std::min(wanted, in->available);  // for the others it is looked again
  const std::vector<const PlannedMachine*> machines(static_cast<std::size_t>(wanted), &machine);
  port::Publish record{{"NodePool", "", name},
                       false,
                       "ScaleUp",
                       fmt::format("{}; {}", machines_text(machines), why)};
  record.kind = port::RecordKind::ScaleUp;
  record.fields = {{"group", name},
                   {"from", before},
                   {"to", before + wanted},
                   {"pods", std::int64_t{0}},
                   {"options", static_cast<std::int64_t>(machine.substitutes.size())},
                   {"expander", std::string("price")}};
  commands.emplace_back(std::move(record));
  std::vector<std::string> claims;
  for (std::int64_t n = 0; n < wanted; ++n) {
    claims.push_back(create(claim_of({}, machine, pool), commands));
    offers_.take_reserved(machine.reservation_id);
  }
  return claims;
}

void Provisioner::keep_replicas(const model::NodePool& pool, Instant now,
                                port::Commands& commands) {
  const std::int64_t wanted = *pool.spec.replicas;
  std::int64_t missing = wanted - count_nodes(pool.metadata.name, true);
  const std::string why = fmt::format("its replicas are {}", wanted);
  if (missing > 0) buy_replicas(pool, missing, why, now, commands);
  if (missing >= 0) return;
  std::vector<Claim*> surplus;
  for (const auto& [name, claim] : claims_.all())
    if (claim.pool() == pool.metadata.name && !claim.marked && claim.stage != Stage::Draining &&
        claim.stage != Stage::Ending && claim.stage != Stage::Launching)
      surplus.push_back(claims_.find(name));
  std::sort(surplus.begin(), surplus.end(), [&](const Claim* a, const Claim* b) {
    return order_of_going(disruption_, *a) < order_of_going(disruption_, *b);
  });
  for (std::size_t i = 0; i < surplus.size() && missing < 0; ++i, ++missing)
    claims_.leave(*surplus[i], {"scaled-down", why}, now, commands);
}

void Provisioner::keep_replicas(Instant now, port::Commands& commands) {
  if (replica_retry_at_ && now < *replica_retry_at_) return;
  replica_retry_at_.reset();
  if (!options_.static_capacity || !knows_offers()) return;
  for (const auto& [name, pool] : cluster_.pools())
    if (pool->spec.replicas && !offers_.of(*pool).types.empty())
      keep_replicas(*pool, now, commands);
}

}  // namespace gputide::provisioner
