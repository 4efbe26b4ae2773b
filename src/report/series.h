// The series of a run as CSV files.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "report/history.h"

namespace gputide::report {

/// Calls `file` with the name and the text of each: `series.csv` (seconds, nodes, gpu_nodes, gpus,
/// gpus_used, pods_pending, pods_running, usd_per_hour: a row a change), `prices.csv` (seconds,
/// instance_type, zone, market, usd_per_hour), `machines.csv` and `pods.csv` (a row a life).
void write_series(const History& history,
                  const std::function<void(std::string_view name, std::string text)>& file);

}  // namespace gputide::report
