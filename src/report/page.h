// report.html: one file that shows a run without a network.
#pragma once

#include <cstddef>
#include <string>

#include "port/result.h"
#include "report/history.h"

namespace gputide::report {

/// What the page carries at most. Beyond, the page says what it leaves out: the shortest lives, the
/// least telling lines, and the exact moments of steps (their peaks stay).
struct PageLimits {
  std::size_t machines = 20'000;
  std::size_t pods = 60'000;
  std::size_t steps = 8'000;
  std::size_t prices = 20'000;
  std::size_t lines = 3'000;
};

std::string report_page(const History& history, const port::RunResult& result,
                        const PageLimits& limits = {});

}  // namespace gputide::report
