// The bill: what every instance costs, to the micro-dollar.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "model/aws.h"
#include "model/instance_type.h"
#include "sim/cloud.h"
#include "sim/spot_price.h"

namespace gputide::sim {

/// Bills instances as EC2 does: from the moment they run, by the second (begun ones count), at
/// least a minute; spot at the price of each moment. A spot instance that AWS takes back within
/// its first hour is free. Instances are known by the numbers that their owner gives them, from 0
/// without gaps.
class BillingLedger {
 public:
  using Number = std::uint32_t;

  /// The instance runs. `price` must outlive the ledger.
  void start(Number instance, const model::InstanceType& type, model::Market market,
             PriceProcess& price, Instant now);
  /// The instance stops; an instance that never started costs nothing.
  void stop(Number instance, Instant now, bool reclaimed_by_aws);
  /// From now on pods hold `used` of `of` equal parts of the instance's GPUs.
  void set_gpu_use(Number instance, std::int64_t used, std::int64_t of, Instant now);

  /// Up to `now`, as if running instances stopped then.
  Money cost_of(Number instance, Instant now) const;
  /// How long it ran, as the bill counts: begun seconds, at least a minute. Free time counts too.
  std::int64_t billed_seconds(Number instance, Instant now) const;
  CloudCost total(Instant now) const;
  std::vector<CostOfType> by_type(Instant now) const;
  GpuTime gpu_time(Instant now) const;

 private:
  struct Bill {
    const model::InstanceType* type = nullptr;
    model::Market market = model::Market::OnDemand;
    PriceProcess* price = nullptr;  // nullptr: never ran
    Instant from;
    Instant to;
    bool stopped = false;
    bool free = false;
    // GPU use since `use_from`; what came before is in the sums.
    std::int64_t used = 0;
    std::int64_t of = 0;
    Instant use_from;
    __int128 idle = 0;           // price x time x the idle part
    __int128 used_gpu_time = 0;  // GPUs x nanoseconds
  };
  struct Line {
    CloudCost cost;
    std::int64_t seconds = 0;
    GpuTime gpu;
  };
  static Instant billed_until(const Bill& bill, Instant now);
  static void add_use(const Bill& bill, Instant until, __int128& idle, __int128& used);
  static Line line(const Bill& bill, Instant now);
  Bill& bill(Number instance);

  std::vector<Bill> bills_;
  // Sums over stopped instances; running ones are added when asked.
  std::vector<Number> running_;
  CloudCost closed_;
  GpuTime closed_gpu_;
  std::map<std::pair<std::string_view, model::Market>, CostOfType> closed_by_type_;
};

}  // namespace gputide::sim
