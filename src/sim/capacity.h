// How much capacity a pool (an instance type in a zone) has over time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "sim/holding_times.h"
#include "sim/market_options.h"

namespace gputide::sim {

/// A stretch of time in which a pool's capacity stays as it is.
struct CapacityPhase {
  Instant until;
  enum class Regime : std::uint8_t { Full, Partial, None };
  Regime regime = Regime::Full;
  /// In Partial: how many instances one can have at least, and what part of the instances that one
  /// had when the phase began stays.
  std::int64_t slots = 0;
  std::int64_t keep_permille = 0;
};
std::string_view regime_name(CapacityPhase::Regime regime);

/// The phases of one pool, made for as long as somebody asks. Time must not go back.
class CapacityProcess {
 public:
  virtual ~CapacityProcess() = default;
  virtual const CapacityPhase& at(Instant now) = 0;
};

/// Something that works and fails in turn, for heavy-tailed spans of time.
struct Alternation {
  std::int64_t down_ppm = 0;  // of the time, in parts per million
  Duration mean_down;
  Spread up_spread = Spread::VeryWide;
  Spread down_spread = Spread::Wide;
};

/// An Alternation over time, in equilibrium at its start.
class Alternating {
 public:
  Alternating(const Alternation& kind, Instant start, Rng stream);
  void advance(Instant now);
  bool up() const { return up_; }
  Instant since() const { return since_; }
  Instant until() const { return until_; }

 private:
  Duration mean_up() const;
  Alternation kind_;
  Rng stream_;
  bool up_ = true;
  Instant since_;
  Instant until_;
};

/// What the model assumes of a pool's spot capacity.
struct PoolFacts {
  std::string_view instance_type;
  std::string_view zone;
  std::string_view region;
  int interruption_class = 4;  // of the Spot Instance Advisor, 0 to 4
  std::int64_t gpus = 0;
  std::int64_t vcpus = 0;
};

/// Three causes of outages lie over each other: the pool's own, one that all zones of a region
/// share, one that all regions share. The shares are such that the availability of two zones of a
/// region correlates by about 0.4, of two regions by about 0.12. How often, by the advisor's class:
/// classes 0 to 3 so that a share of 2.5, 7.5, 12.5, 17.5 % of the instances is interrupted in a
/// month; class 4 says only "more than 20 %", and is taken from the measured availability of GPU
/// and of very large types (availability 0.88 for one GPU, 0.47 for eight, 0.85 from 64 vCPUs),
/// else 35 % a month.
struct SpotModel {
  Alternation own;
  Alternation regional;
  Alternation global;
};
SpotModel spot_model(const PoolFacts& pool, std::uint64_t seed);

/// Makes the processes of a run; keeps what pools share. Pools must be asked in any order, but at
/// moments that do not go back.
class CapacityModel {
 public:
  CapacityModel(std::uint64_t seed, Instant start, MarketOptions options);
  std::unique_ptr<CapacityProcess> spot(const PoolFacts& pool);
  /// On-demand capacity: always there for types without GPUs; GPU types are sold out for an hour or
  /// so now and then, 2 % of the time for one GPU, 15 % for eight. An assumption: AWS publishes
  /// nothing, and no measurement is known to us.
  std::unique_ptr<CapacityProcess> on_demand(const PoolFacts& pool);

 private:
  Alternating& shared(const std::string& name, const Alternation& kind);

  std::uint64_t seed_;
  Instant start_;
  MarketOptions options_;
  std::map<std::string, std::unique_ptr<Alternating>> shared_;
};

}  // namespace gputide::sim
