// Puts a Scenario's steps, rules and traces on a world's time axis.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/object.h"
#include "sim/world.h"

namespace gputide::sim {

/// How a Scenario's paths, as written in it, become what they name.
struct ScenarioFiles {
  std::function<Result<std::vector<model::Object>>(const std::string& path)> objects;
  std::function<Result<std::string>(const std::string& path)> text;
};

/// Reads everything that the Scenario names, before the run: a path that cannot be read, a trace
/// that cannot be parsed or a step with none or several actions is an error, and nothing was
/// planned. Its seed and until are the caller's to put into WorldOptions.
Result<void> plan_scenario(World& world, const model::Scenario& scenario,
                           const ScenarioFiles& files);

}  // namespace gputide::sim
