// The numbers of a finished run. Filled by the world that ran, printed by report (docs/reference/
// result.md explains every one).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "base/money.h"
#include "base/time.h"

namespace gputide::port {

/// Money is exact. GPU time is in whole microseconds of one GPU (int64 nanoseconds would end at 292
/// GPU years); a share of a GPU counts as that share, rounded down once, at the end of the run.
struct RunResult {
  std::uint64_t seed = 0;
  std::uint64_t fingerprint = 0;  // printed as 16 hexadecimal digits
  Duration virtual_time;
  Duration wall_time;  // the only number that differs between two runs of the same input
  std::uint64_t events = 0;

  struct Cost {
    Money total;
    Money gpu;       // of instances that have GPUs
    Money idle_gpu;  // the part of `gpu` whose GPUs nobody was given
    std::optional<Money> lower_bound;
    std::optional<std::int64_t> over_bound_permille;  // total ÷ lower bound, in thousandths
  } cost;

  /// What a capacity reservation cost. Slot time is that of all its instances together.
  struct Reservation {
    std::string id;
    std::string instance_type;
    std::string zone;
    std::string type;  // default, capacity-block
    std::int64_t count = 0;
    std::int64_t used_seconds = 0;
    std::int64_t unused_seconds = 0;
    Money used;    // part of its instances' bills
    Money unused;  // beside these, and part of the total
  };
  std::vector<Reservation> reservations;

  struct Nodes {
    std::int64_t launched = 0;
    std::int64_t peak = 0;
    std::int64_t final = 0;
    std::int64_t gpu_launched = 0;
    std::int64_t gpu_peak = 0;
    std::int64_t gpu_final = 0;
    std::map<std::string, std::int64_t> by_type;  // launches
  } nodes;

  struct Pods {
    std::int64_t created = 0;
    std::int64_t succeeded = 0;
    std::int64_t running = 0;
    std::int64_t pending = 0;
    std::int64_t failed = 0;
    std::int64_t evicted = 0;
  } pods;

  /// From creation to running; absent when no pod ever ran.
  struct Wait {
    Duration p50;
    Duration p95;
    Duration max;
  };
  std::optional<Wait> wait;

  struct Gpu {
    std::int64_t bought_us = 0;
    std::int64_t requested_us = 0;
    std::int64_t idle_us = 0;
  } gpu;

  struct Spot {
    std::int64_t interruptions = 0;
    std::int64_t notices_handled = 0;
    Duration pod_time_lost;
  } spot;

  std::vector<Diagnostic> diagnostics;
};

}  // namespace gputide::port
