// What a run could have cost at the least: nodes of the types that its groups may buy, there in no
// time and gone in no time, always at the lowest price that could have been had.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/money.h"
#include "decide/pricing/catalogue.h"
#include "decide/provisioning/bound.h"
#include "port/record.h"

namespace gputide::app {

/// Follows the workloads' pods and what the groups may buy. The bound leaves selectors, zones and
/// start-up times out, so it is below every cost that is possible; DaemonSets' pods count nothing.
class CostBound final : public port::Recorder {
 public:
  explicit CostBound(const pricing::Catalogue& catalogue) : catalogue_(catalogue) {}

  void record(const port::Record& record) override;
  /// nullopt: no pod ran, or none that the bound can place.
  std::optional<Money> bound() const;

 private:
  struct Demand {
    std::int64_t cpu_milli = 0;
    std::int64_t memory_bytes = 0;
    std::string resource;  // "" = no GPU
    std::int64_t gpus = 0;
    auto operator<=>(const Demand&) const = default;
  };
  struct Pod {
    std::uint32_t demand = 0;
    std::optional<Instant> running;
  };
  struct Offer {
    std::string type;
    bool spot = false;
    auto operator<=>(const Offer&) const = default;
  };

  void group_created(const port::Record& record);
  void resources(const port::Record& record);
  void ended(const port::Record& record);
  provisioning::PlacementProblem problem() const;
  std::optional<Money> least_price(const Offer& offer) const;

  const pricing::Catalogue& catalogue_;
  std::string region_;
  Instant last_;
  std::map<Demand, std::uint32_t> demand_ids_;
  std::vector<Demand> demands_;
  std::unordered_map<std::string, Pod> pods_;
  std::vector<provisioning::RunningSpan> spans_;
  std::set<Offer> offers_;
  std::map<std::string, Money> reserved_;  // type -> what its cheapest capacity reservation costs
  std::unordered_map<std::string, std::int64_t> gpus_of_instance_;
  std::unordered_map<std::string, std::string> instance_of_node_;
  std::map<std::string, std::int64_t> most_per_gpu_;  // resource -> units that one GPU gave
};

}  // namespace gputide::app
