// Pools of capacity: an instance type in a zone, with its prices and what can be had of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "decide/pricing/catalogue.h"
#include "model/aws.h"
#include "model/instance_type.h"
#include "sim/capacity.h"
#include "sim/spot_price.h"

namespace gputide::sim {

struct Pool {
  std::uint32_t number = 0;
  const model::InstanceType* type = nullptr;
  std::string zone;
  std::string region;
  // nullptr: not sold in that market there.
  std::unique_ptr<PriceProcess> on_demand_price;
  std::unique_ptr<PriceProcess> spot_price;
  std::unique_ptr<CapacityProcess> on_demand_capacity;
  std::unique_ptr<CapacityProcess> spot_capacity;

  // The spot side, while somebody uses it.
  std::vector<std::uint32_t> spot_instances;  // launched and not stopped, in order of launch
  CapacityPhase phase;                        // as last looked at
  std::int64_t limit = INT64_MAX;             // how many spot instances can be had in `phase`
  bool watched = false;                       // entries for its changes are on the heap
  Instant wake_at;                            // of the entry that counts
  std::optional<Instant> hint_at;             // rebalance recommendations go out
  Money told_price;                           // as last recorded
  CapacityPhase::Regime told = CapacityPhase::Regime::Full;  // as last recorded
  std::uint64_t launches = 0;                                // ever, both markets
  std::uint64_t reclaims = 0;                                // herds so far

  PriceProcess* price(model::Market market) const {
    return market == model::Market::Spot ? spot_price.get() : on_demand_price.get();
  }
};

/// Makes pools as they are asked for; they stay for the run.
class PoolTable {
 public:
  PoolTable(const pricing::Catalogue& catalogue, std::uint64_t seed, Instant start,
            const MarketOptions& options);

  /// nullptr: no such instance type.
  Pool* get(std::string_view type, std::string_view zone);
  Pool& operator[](std::uint32_t number) { return *pools_[number]; }

  /// Brings `pool.phase` up to `now`; true when the regime or the limit changed.
  bool look(Pool& pool, Instant now) const;
  /// Whether one more instance can be had now.
  bool has_capacity(Pool& pool, model::Market market, Instant now) const;
  /// What AWS's own view of the pool says, 0 (none) to 3 (plenty): it sees the future better than
  /// its customers, but not well.
  int depth(Pool& pool, Instant now) const;

 private:
  std::unique_ptr<Pool> make(const model::InstanceType& type, std::string_view zone) const;

  const pricing::Catalogue& catalogue_;
  std::uint64_t seed_;
  Instant start_;
  bool calm_;
  mutable CapacityModel model_;
  std::vector<std::unique_ptr<Pool>> pools_;
  std::map<std::string, std::map<std::string, Pool*, std::less<>>, std::less<>>
      by_name_;  // type, zone
};

}  // namespace gputide::sim
