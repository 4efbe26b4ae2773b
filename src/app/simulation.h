// A simulated run from files: what `simulate` and `simulate --compare` share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/input.h"
#include "app/options.h"
#include "base/diagnostic.h"
#include "model/scenario.h"
#include "port/record.h"
#include "port/result.h"
#include "sim/market_options.h"
#include "sim/world.h"

namespace gputide::app {

/// Everything that a run needs, read and checked; runs can be made of it with several seeds. Its
/// pointers go into its own vectors: it may be moved, but a copy would point into the original.
struct Setup {
  Checked checked;
  const InputFile* scenario_file = nullptr;  // of checked.input; nullptr without a Scenario
  const model::Scenario* scenario = nullptr;
  sim::MarketOptions market;
  std::optional<Duration> until;
  std::uint64_t seed = 1;
};

/// Reads the files and flags. What is wrong is in `diagnostics`; with errors in it the setup must
/// not be run. Findings about what AWS no longer sells are warnings: a simulation takes them as
/// they were.
Setup prepare(const SimulateOptions& options, Diagnostics& diagnostics);

struct Run {
  port::RunResult result;
  std::int64_t failed_checks = 0;
  std::vector<model::Typed> objects;  // that the API server keeps at the end
};

/// Runs a setup to its end. `recorder` may be nullptr. Errors: a file that a step names, or a
/// trace, cannot be used (nothing ran).
Result<Run> run(const Setup& setup, std::uint64_t seed, port::Recorder* recorder,
                const sim::World::Progress& progress = {});

/// Errors first in `diagnostics` mean that nothing may run: prints them all, as `output` wants, and
/// returns true.
bool refuse(const Diagnostics& diagnostics, const Input& input, Output output);

/// `simulate --compare A B`.
int compare(const SimulateOptions& options);

}  // namespace gputide::app
