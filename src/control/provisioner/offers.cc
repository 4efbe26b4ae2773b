#include "control/provisioner/offers.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "decide/provisioning/node_pool_validation.h"

namespace gputide::provisioner {
namespace {

constexpr Duration kNoCapacity = Duration::minutes(3);
constexpr Duration kFull = Duration::minutes(1);

// Drops offerings in zones and markets that the pool does not allow, and types that have no other.
void keep_allowed(const model::NodePool& pool, std::vector<provisioning::ProviderType>& types) {
  const auto allowed =
      provisioning::Requirements::from_node_pool(pool.spec.template_.spec.requirements);
  const provisioning::Requirement zones = allowed.get("topology.kubernetes.io/zone");
  const provisioning::Requirement markets = allowed.get("karpenter.sh/capacity-type");
  for (provisioning::ProviderType& type : types)
    std::erase_if(type.offerings, [&](const auto& offering) {
      return !zones.has(offering.zone) || !markets.has(offering.capacity_type);
    });
  std::erase_if(types,
                [](const provisioning::ProviderType& type) { return type.offerings.empty(); });
}

}  // namespace

// There are NVIDIA's GPUs, and nothing offers any.
bool Offers::misses_plugin(const std::vector<provisioning::ProviderType>& types) const {
  bool gpus = false;
  for (const provisioning::ProviderType& type : types) {
    const model::InstanceType* machine = catalogue_.find(type.name);
    if (machine == nullptr || !machine->has_nvidia()) continue;
    gpus = true;
    for (const auto& [name, amount] : type.allocatable)
      if (name.find('/') != std::string::npos) return false;
  }
  return gpus;
}

void Offers::set_subnets(const std::string& node_class, const std::vector<model::Subnet>& subnets) {
  std::set<std::string> zones;
  for (const model::Subnet& subnet : subnets) zones.insert(subnet.zone);
  zones_[node_class] = {zones.begin(), zones.end()};
  invalidate();
}

const Offers::OfPool& Offers::of(const model::NodePool& pool) {
  const auto known = pools_.find(pool.metadata.name);
  if (known != pools_.end()) return known->second;
  OfPool& made = pools_[pool.metadata.name];
  const std::string& class_name = pool.spec.template_.spec.nodeClassRef.name;
  const model::EC2NodeClass* node_class = cluster_.node_class(class_name);
  const auto zones = zones_.find(class_name);
  made.errors = provisioning::validate_node_pool(pool.spec);
  if (pool.spec.replicas && !static_)
    made.errors.emplace_back("it has replicas, and the gate StaticCapacity is off");
  if (!made.errors.empty()) return made;
  if (node_class == nullptr) {
    made.errors.push_back(fmt::format("there is no EC2NodeClass {}; apply it", class_name));
  } else if (zones == zones_.end() || zones->second.empty()) {
    made.errors.push_back(
        fmt::format("the subnet selectors of EC2NodeClass {} match no subnet; give the cluster's "
                    "subnets their tags (metadata.tags of the ClusterConfig)",
                    class_name));
  } else {
    std::vector<model::NodeOverlay> overlays;
    for (const auto& [name, overlay] : cluster_.overlays()) overlays.push_back(*overlay);
    if (!overlays_)
      for (const model::NodeOverlay& overlay : std::exchange(overlays, {}))
        made.left_out.push_back(fmt::format(
            "NodeOverlay {} is left out: the gate NodeOverlay is off", overlay.metadata.name));
    const std::vector<model::CapacityReservation> usable = usable_reservations();
    const provisioning::PoolSurroundings around{
        catalogue_,
        region_,
        zones->second,
        cluster_.daemon_sets(),
        [this](std::string_view space, std::string_view name) {
          return cluster_.config_map(space, name);
        },
        false,
        overlays,
        usable};
    provisioning::PoolTypes types = provisioning::types_of_pool(around, pool, node_class);
    made.types = std::move(types.types);
    made.errors = std::move(types.errors);
    made.left_out.insert(made.left_out.end(), types.left_out.begin(), types.left_out.end());
    keep_allowed(pool, made.types);
    note_reserved(made);
    for (provisioning::ProviderType& type : made.types)
      for (const auto& [name, resource] : distrusted_)
        if (name == pool.metadata.name) {
          type.capacity.erase(resource);
          type.allocatable.erase(resource);
        }
    if (made.errors.empty() && misses_plugin(made.types))
      made.errors.push_back(
          "no device plugin comes to its nodes, so their GPUs will not be offered; apply one that "
          "tolerates its taints");
    if (made.types.empty() && made.errors.empty())
      made.errors.push_back("its requirements match no instance type that is sold here");
  }
  return made;
}

const provisioning::ProviderType* Offers::type_of(const model::NodePool& pool,
                                                  std::string_view type) {
  for (const provisioning::ProviderType& each : of(pool).types)
    if (each.name == type) return &each;
  return nullptr;
}

std::optional<Money> Offers::price(const std::string& pool, const std::string& type,
                                   const std::string& zone, std::string_view capacity_type) const {
  if (const auto known = pools_.find(pool); overlays_ && known != pools_.end())
    for (const provisioning::ProviderType& each : known->second.types)
      if (each.name == type)
        for (const provisioning::ProviderType::Offering& offering : each.offerings)
          if (offering.zone == zone && offering.capacity_type == capacity_type)
            return offering.price;
  return list_price(type, zone, capacity_type);
}

std::optional<Money> Offers::list_price(const std::string& type, const std::string& zone,
                                        std::string_view capacity_type) const {
  if (capacity_type == "reserved") return Money();
  const auto found = capacity_type == "spot" ? catalogue_.spot(region_, zone, type)
                                             : catalogue_.on_demand(region_, type);
  if (!found) return std::nullopt;
  return found->per_hour;
}

void Offers::no_capacity(const std::string& type, const std::string& zone,
                         const std::string& market, Instant now) {
  without_capacity_[{type, zone, market}] = now + kNoCapacity;
}

bool Offers::is_available(const std::string& type, const std::string& zone,
                          const std::string& market, Instant now) const {
  const auto found = without_capacity_.find({type, zone, market});
  return found == without_capacity_.end() || found->second <= now;
}

bool Offers::set_reservations(std::vector<model::CapacityReservation> told, Instant now) {
  std::set<std::string> expiring;
  for (model::CapacityReservation& each : told) {
    if (model::is_expiring(each, now)) expiring.insert(each.id);
    const auto full = full_until_.find(each.id);
    if (full != full_until_.end() && full->second > now) each.available = 0;
  }
  const bool same =
      expiring == expiring_ && told.size() == reservations_.size() &&
      std::equal(told.begin(), told.end(), reservations_.begin(), [](const auto& a, const auto& b) {
        return a.id == b.id && a.state == b.state && a.available == b.available &&
               a.total == b.total && a.tags == b.tags && a.end == b.end;
      });
  reservations_ = std::move(told);
  expiring_ = std::move(expiring);
  told_ = true;
  if (!same) invalidate();
  return !same;
}

const model::CapacityReservation* Offers::reservation(const std::string& id) const {
  const auto found = std::find_if(reservations_.begin(), reservations_.end(),
                                  [&](const auto& each) { return each.id == id; });
  return found == reservations_.end() ? nullptr : &*found;
}

void Offers::take_reserved(const std::string& id) {
  if (id.empty()) return;
  for (model::CapacityReservation& each : reservations_)
    if (each.id == id && each.available > 0) --each.available;
  invalidate();
}

void Offers::reservation_full(const std::string& id, Instant now) {
  full_until_[id] = now + kFull;
  for (model::CapacityReservation& each : reservations_)
    if (each.id == id) each.available = 0;
  invalidate();
}

// Those that are full now are offered too, without stock: a pod that could only go there is told
// so.
std::vector<model::CapacityReservation> Offers::usable_reservations() const {
  std::vector<model::CapacityReservation> usable;
  if (!reserved_) return usable;
  for (const model::CapacityReservation& each : reservations_) {
    if (expiring_.contains(each.id)) continue;
    usable.push_back(each);
    usable.back().available = std::max<std::int64_t>(each.available, 1);
  }
  return usable;
}

void Offers::note_reserved(OfPool& made) const {
  std::set<std::string> seen;
  for (provisioning::ProviderType& type : made.types)
    for (auto& offering : type.offerings) {
      if (offering.reservation_id.empty()) continue;
      const model::CapacityReservation& in = *reservation(offering.reservation_id);
      offering.reservation_capacity = in.available;
      if (seen.insert(in.id).second) made.reservations.push_back(in);
    }
}

std::optional<Instant> Offers::next_expiry(Instant now) const {
  std::optional<Instant> next;
  for (const auto& [pool, until] : without_capacity_)
    if (until > now && (!next || until < *next)) next = until;
  return next;
}

void Offers::distrust(const std::string& pool, const std::string& resource) {
  distrusted_.insert({pool, resource});
  invalidate();
}

}  // namespace gputide::provisioner
