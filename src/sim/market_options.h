// How the spot market of a simulation behaves (`--market`).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gputide::sim {

/// How many instances of a type one could hold in a zone, over time.
struct SpotTrace {
  std::string instance_type;
  std::string zone;
  std::int64_t nodes = 1;  // how many the trace's owner asked for: the value that means "plenty"
  std::int64_t gap_seconds = 1;
  std::vector<std::pair<std::int32_t, std::int64_t>> runs;  // value, for so many gaps
};

struct SpotTraces {
  std::vector<SpotTrace> traces;
};

struct MarketOptions {
  enum class Kind {
    Advisor,  // the model: regimes, reclaims and prices, by the Spot Instance Advisor's class
    Calm,     // capacity for everybody, constant prices, no interruption
    Replay    // capacity as in `traces`; pools without a trace follow the model
  };
  Kind kind = Kind::Advisor;
  std::shared_ptr<const SpotTraces> traces;  // for Replay
};

/// Reads the value of `--market`: "advisor", "calm" or "replay:FILE". `file` is set for the last;
/// its text goes through parse_spot_traces.
Result<MarketOptions::Kind> parse_market(std::string_view text, std::string& file);

/// Reads traces, one JSON object a line: instance_type, zone, nodes, gap_seconds and
/// rle: [[value, length], ...]. Errors name the line.
Result<SpotTraces> parse_spot_traces(std::string_view jsonl);

}  // namespace gputide::sim
