// gputide simulate: what will happen, and what will it cost?
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/cost_bound.h"
#include "app/findings.h"
#include "app/run_folder.h"
#include "app/simulation.h"
#include "decide/provisioning/bound.h"
#include "report/history.h"
#include "report/progress.h"
#include "report/result_json.h"
#include "report/summary.h"
#include "report/timeline.h"

namespace gputide::app {
namespace {

using Clock = std::chrono::steady_clock;

Duration since(Clock::time_point start) {
  return Duration::nanoseconds(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}

/// Hands every record to each of several.
class Everyone final : public port::Recorder {
 public:
  void add(port::Recorder& recorder) { recorders_.push_back(&recorder); }
  bool empty() const { return recorders_.empty(); }
  void record(const port::Record& record) override {
    for (port::Recorder* recorder : recorders_) recorder->record(record);
  }

 private:
  std::vector<port::Recorder*> recorders_;
};

std::size_t number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
}

// As wide as the terminal, or as COLUMNS says; a pipe gets unbroken lines.
report::TextStyle style_of(int descriptor) {
  report::TextStyle style;
  const bool terminal = isatty(descriptor) == 1;
  winsize size{};
  style.width = number_in_environment("COLUMNS");
  if (style.width == 0 && terminal && ioctl(descriptor, TIOCGWINSZ, &size) == 0)
    style.width = size.ws_col;
  style.colour = terminal && std::getenv("NO_COLOR") == nullptr;
  return style;
}

void to_stdout(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

// A bar on a terminal that shows nothing else meanwhile.
sim::World::Progress progress_bar(const Setup& setup, Clock::time_point start, bool wanted,
                                  std::unique_ptr<report::Progress>& bar) {
  if (!wanted || isatty(STDERR_FILENO) != 1) return {};
  bar = std::make_unique<report::Progress>(
      setup.until.value_or(Duration()),
      [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); });
  return [&bar, start](Duration done, std::optional<Duration>) {
    bar->update(since(start), done, 0);
    return true;
  };
}

struct Sinks {
  std::unique_ptr<report::Timeline> timeline;
  std::unique_ptr<report::History> history;
  std::unique_ptr<RunFolder> folder;
  std::unique_ptr<CostBound> bound;
  Everyone everyone;
};

Result<void> open_sinks(const SimulateOptions& options, const Setup& setup, Sinks& sinks) {
  if (!options.out.empty()) {
    Result<std::unique_ptr<RunFolder>> folder = RunFolder::create(options.out);
    if (!folder) return tl::unexpected(folder.error());
    sinks.folder = std::move(*folder);
    sinks.everyone.add(sinks.folder->events());
  }
  if (options.output == Output::Text) {
    report::TimelineOptions how{style_of(STDOUT_FILENO), options.wide};
    sinks.timeline = std::make_unique<report::Timeline>(how, to_stdout);
    sinks.everyone.add(*sinks.timeline);
  }
  if (options.output == Output::Text || !options.out.empty()) {
    sinks.history = std::make_unique<report::History>();
    sinks.everyone.add(*sinks.history);
  }
  if (options.no_lower_bound) return {};
  sinks.bound = std::make_unique<CostBound>(setup.checked.catalogue);
  sinks.everyone.add(*sinks.bound);
  return {};
}

void tell(const SimulateOptions& options, Sinks& sinks, const port::RunResult& result) {
  if (sinks.history) sinks.history->finish();
  if (sinks.timeline) {
    sinks.timeline->finish();
    to_stdout(report::summary_text(*sinks.history, result, style_of(STDOUT_FILENO)));
  }
  if (options.output == Output::Json) to_stdout(report::result_json(result));
}

// Capacity reservations cost the same whatever runs on them.
Money paid_anyway(const port::RunResult& result) {
  Money sum;
  for (const port::RunResult::Reservation& each : result.reservations)
    sum += each.used + each.unused;
  return sum;
}

}  // namespace

int simulate(const SimulateOptions& options) {
  if (!options.compare.empty()) return compare(options);
  if (options.input.paths.empty()) {
    fmt::print(stderr,
               "gputide simulate: no files are named; write gputide simulate -f FILE ...\n");
    return kBadInput;
  }
  const Clock::time_point start = Clock::now();
  Diagnostics diagnostics;
  const Setup setup = prepare(options, diagnostics);
  if (refuse(diagnostics, setup.checked.input, options.output)) return kBadInput;

  Sinks sinks;
  if (const Result<void> opened = open_sinks(options, setup, sinks); !opened) {
    fmt::print(stderr, "gputide: {}\n", opened.error().message);
    return kFailed;
  }
  const std::vector<Diagnostic> findings = in_order(diagnostics, setup.checked.input);
  if (options.output == Output::Text)
    for (const Diagnostic& finding : findings) fmt::print(stderr, "{}\n", text(finding));

  std::unique_ptr<report::Progress> bar;
  const bool quiet = options.output == Output::Json || isatty(STDOUT_FILENO) != 1;
  Result<Run> done = run(setup, setup.seed, sinks.everyone.empty() ? nullptr : &sinks.everyone,
                         progress_bar(setup, start, quiet, bar));
  if (bar) bar->finish();
  if (!done) {
    fmt::print(stderr, "gputide: {}; nothing was run\n", done.error().message);
    return kBadInput;
  }
  port::RunResult& result = done->result;
  if (sinks.bound) result.cost.lower_bound = sinks.bound->bound();
  if (result.cost.lower_bound)
    result.cost.lower_bound = std::max(*result.cost.lower_bound, paid_anyway(result));
  if (result.cost.lower_bound)
    result.cost.over_bound_permille =
        provisioning::over_bound_permille(result.cost.total, *result.cost.lower_bound);
  result.wall_time = since(start);
  result.diagnostics.insert(result.diagnostics.begin(), findings.begin(), findings.end());
  tell(options, sinks, result);
  if (sinks.folder) {
    if (const Result<void> saved = sinks.folder->finish(*sinks.history, result); !saved) {
      fmt::print(stderr, "gputide: {}\n", saved.error().message);
      return kFailed;
    }
    if (options.output == Output::Text)
      to_stdout(fmt::format("report: {}/report.html\n", options.out));
  }
  return done->failed_checks == 0 ? kDone : kFailed;
}

}  // namespace gputide::app
