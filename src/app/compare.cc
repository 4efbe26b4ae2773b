// gputide simulate --compare A B: two set-ups in the same futures. Random draws are named by their
// cause, so both meet the same boot times, prices and interruptions, and a difference is theirs.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/simulation.h"
#include "codec/json.h"
#include "report/result_json.h"
#include "report/style.h"

namespace gputide::app {
namespace {

/// A number of a result.
struct Measure {
  const char* name;
  const char* unit;  // "$" (micro-dollars), "s" (nanoseconds), "" (a count)
  std::function<std::int64_t(const port::RunResult&)> of;
};

const std::vector<Measure>& measures() {
  using port::RunResult;
  static const std::vector<Measure> kAll = {
      {"cost", "$", [](const RunResult& r) { return r.cost.total.micros(); }},
      {"cost of GPU nodes", "$", [](const RunResult& r) { return r.cost.gpu.micros(); }},
      {"cost of idle GPUs", "$", [](const RunResult& r) { return r.cost.idle_gpu.micros(); }},
      {"GPU nodes launched", "", [](const RunResult& r) { return r.nodes.gpu_launched; }},
      {"GPU nodes at most", "", [](const RunResult& r) { return r.nodes.gpu_peak; }},
      {"pods succeeded", "", [](const RunResult& r) { return r.pods.succeeded; }},
      {"pods pending at the end", "", [](const RunResult& r) { return r.pods.pending; }},
      {"wait p50", "s", [](const RunResult& r) { return r.wait ? r.wait->p50.nanoseconds() : 0; }},
      {"wait p95", "s", [](const RunResult& r) { return r.wait ? r.wait->p95.nanoseconds() : 0; }},
      {"longest wait", "s",
       [](const RunResult& r) { return r.wait ? r.wait->max.nanoseconds() : 0; }},
      {"interruptions", "", [](const RunResult& r) { return r.spot.interruptions; }},
  };
  return kAll;
}

struct Outcomes {
  std::string name;
  std::unique_ptr<const Setup> setup;  // stays where it is: it points into itself
  std::vector<port::RunResult> results;
};

std::int64_t mean(const std::vector<std::int64_t>& values) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<std::int64_t>(values.size());
}

std::string shown(std::int64_t units, std::string_view unit) {
  if (unit == "$") return report::money_text(Money::micros(units));
  if (unit == "s") return report::span_text(Duration::nanoseconds(units));
  return report::count_text(units);
}

std::string signed_text(std::int64_t units, std::string_view unit) {
  if (units == 0) return "=";
  return (units > 0 ? "+" : "-") + shown(units > 0 ? units : -units, unit);
}

void print_comparison(const Outcomes& a, const Outcomes& b) {
  const bool many = a.results.size() > 1;
  fmt::print("{:24} {:>14} {:>14} {:>14}{}\n", many ? "mean of all futures" : "", "A", "B", "B - A",
             many ? "   least .. most" : "");
  for (const Measure& measure : measures()) {
    std::vector<std::int64_t> left, right, difference;
    for (std::size_t i = 0; i < a.results.size(); ++i) {
      left.push_back(measure.of(a.results[i]));
      right.push_back(measure.of(b.results[i]));
      difference.push_back(right.back() - left.back());
    }
    const auto text = [&](std::int64_t n) { return shown(n, measure.unit); };
    fmt::print("{:24} {:>14} {:>14} {:>14}", measure.name, text(mean(left)), text(mean(right)),
               signed_text(mean(difference), measure.unit));
    if (many) {
      const auto [least, most] = std::minmax_element(difference.begin(), difference.end());
      fmt::print("   {} .. {}", signed_text(*least, measure.unit),
                 signed_text(*most, measure.unit));
    }
    fmt::print("\n");
  }
  fmt::print("\nA: {}\nB: {}\n", a.name, b.name);
}

void print_json(const Outcomes& a, const Outcomes& b) {
  const auto list = [](const Outcomes& side) {
    std::string text;
    for (const port::RunResult& result : side.results) {
      if (!text.empty()) text += ",\n";
      text += report::result_json(result);
    }
    return text;
  };
  fmt::print("{{\"a\": [{}],\n\"b\": [{}]}}\n", list(a), list(b));
}

}  // namespace

int compare(const SimulateOptions& options) {
  std::vector<Outcomes> sides;
  for (const std::string& extra : options.compare) {
    SimulateOptions mine = options;
    mine.input.paths.push_back(extra);
    Diagnostics diagnostics;
    auto setup = std::make_unique<const Setup>(prepare(mine, diagnostics));
    if (refuse(diagnostics, setup->checked.input, options.output)) return kBadInput;
    sides.push_back({extra, std::move(setup), {}});
  }
  std::int64_t failed_checks = 0;
  for (Outcomes& side : sides)
    for (std::uint64_t i = 0; i < options.seeds; ++i) {
      Result<Run> done = run(*side.setup, side.setup->seed + i, nullptr);
      if (!done) {
        fmt::print(stderr, "gputide: {}; nothing was run\n", done.error().message);
        return kBadInput;
      }
      failed_checks += done->failed_checks;
      side.results.push_back(std::move(done->result));
    }
  if (options.output == Output::Json)
    print_json(sides[0], sides[1]);
  else
    print_comparison(sides[0], sides[1]);
  return failed_checks == 0 ? kDone : kFailed;
}

}  // namespace gputide::app
