// What can be bought for each NodePool now: its types as their nodes will show them, where there
// are subnets, without the pools of capacity that had none lately.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "control/provisioner/cluster.h"
#include "control/provisioner/options.h"
#include "decide/pricing/catalogue.h"
#include "decide/provisioning/pool_types.h"
#include "port/cloud.h"

namespace gputide::provisioner {

class Offers {
 public:
  Offers(const Cluster& cluster, const pricing::Catalogue& catalogue, std::string region,
         const Options& gates)
      : cluster_(cluster),
        catalogue_(catalogue),
        region_(std::move(region)),
        overlays_(gates.node_overlay),
        static_(gates.static_capacity),
        reserved_(gates.reserved_capacity) {}

  /// The pool's types are to be worked out again: it, its class, a plugin, an overlay or the
  /// subnets changed.
  void invalidate() {
    pools_.clear();
    ++version_;
  }
  /// Changes whenever pools' types may have changed, but for what is not available just now.
  std::uint64_t version() const { return version_; }
  /// What the class's subnet selectors found.
  void set_subnets(const std::string& node_class, const std::vector<model::Subnet>& subnets);
  /// None: not known, or none found.
  std::span<const std::string> zones(const std::string& node_class) const {
    const auto found = zones_.find(node_class);
    return found == zones_.end() ? std::span<const std::string>() : found->second;
  }
  bool knows_subnets(const std::string& node_class) const { return zones_.contains(node_class); }
  void forget_subnets(const std::string& node_class) { zones_.erase(node_class); }
  /// What AWS told of capacity reservations; true when it is something else than before.
  bool set_reservations(std::vector<model::CapacityReservation> told, Instant now);
  std::span<const model::CapacityReservation> reservations() const { return reservations_; }
  /// nullopt: AWS has not told yet.
  std::optional<std::span<const model::CapacityReservation>> known_reservations() const {
    return told_ ? std::optional(reservations()) : std::nullopt;
  }
  /// nullptr: AWS tells of none with that id.
  const model::CapacityReservation* reservation(const std::string& id) const;
  /// One of its instances is being asked for.
  void take_reserved(const std::string& id);
  /// It turned out to be full: for a minute nothing is asked of it.
  void reservation_full(const std::string& id, Instant now);

  struct OfPool {
    std::vector<provisioning::ProviderType> types;
    std::vector<std::string> errors;    // why nothing (or no device) is offered
    std::vector<std::string> left_out;  // overlays, and why
    /// Capacity reservations that its nodes may run in, full or not.
    std::vector<model::CapacityReservation> reservations = {};
  };
  const OfPool& of(const model::NodePool& pool);
  /// nullptr when the pool offers no such type.
  const provisioning::ProviderType* type_of(const model::NodePool& pool, std::string_view type);
  /// What AWS asks; of a reservation, which is paid for anyway, nothing.
  std::optional<Money> list_price(const std::string& type, const std::string& zone,
                                  std::string_view capacity_type) const;
  /// What the pool counts with: overlays may say otherwise.
  std::optional<Money> price(const std::string& pool, const std::string& type,
                             const std::string& zone, std::string_view capacity_type) const;

  /// Karpenter's memory of insufficient capacity: for three minutes nothing is asked of the pool.
  void no_capacity(const std::string& type, const std::string& zone, const std::string& market,
                   Instant now);
  bool is_available(const std::string& type, const std::string& zone, const std::string& market,
                    Instant now) const;
  /// When the next pool of capacity may be asked again.
  std::optional<Instant> next_expiry(Instant now) const;

  /// A node of the pool did not show the resource: true the first time.
  bool forgive_once(const std::string& pool, const std::string& resource) {
    return forgiven_.insert({pool, resource}).second;
  }
  /// The pool's nodes did not show the resource again: count on it no more.
  void distrust(const std::string& pool, const std::string& resource);

 private:
  std::vector<model::CapacityReservation> usable_reservations() const;
  void note_reserved(OfPool& made) const;
  bool misses_plugin(const std::vector<provisioning::ProviderType>& types) const;

  const Cluster& cluster_;
  const pricing::Catalogue& catalogue_;
  std::string region_;
  bool overlays_, static_, reserved_;
  std::vector<model::CapacityReservation> reservations_;   // in order of their ids
  bool told_ = false;                                      // of reservations
  std::set<std::string> expiring_;                         // no longer launched into
  std::map<std::string, Instant> full_until_;              // by reservation
  std::map<std::string, std::vector<std::string>> zones_;  // by class
  std::map<std::string, OfPool> pools_;
  std::uint64_t version_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, Instant> without_capacity_;
  std::set<std::pair<std::string, std::string>> forgiven_, distrusted_;  // pool, resource
};

}  // namespace gputide::provisioner
