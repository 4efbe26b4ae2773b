// The closing summary of a run: what came and went, what it cost, and what of that was for nothing.
#pragma once

#include <string>

#include "port/result.h"
#include "report/history.h"
#include "report/style.h"

namespace gputide::report {

/// What machines of one type and market cost.
struct TypeBill {
  std::string type;
  std::string market;
  std::int64_t machines = 0;
  std::int64_t gpus = 0;  // of one
  Duration billed;        // of machines that still run: until the end of the run
  Money cost;
};
/// Dearest first.
std::vector<TypeBill> bills_of(const History& history);

/// At the moment when most GPUs were there: how many, and how many were asked for in that time.
struct Bought {
  std::int64_t gpus = 0;
  std::int64_t asked = 0;        // GPUs or slices, at most, at one moment
  std::int64_t used_micros = 0;  // millionths of GPUs that pods held, at most, at one moment
  bool sliced = false;           // what was asked for were parts of GPUs
  std::string resource;          // what was asked for; "" when several
};
Bought bought_of(const History& history);

std::string summary_text(const History& history, const port::RunResult& result,
                         const TextStyle& style);

}  // namespace gputide::report
