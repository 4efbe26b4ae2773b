#include "app/simulation.h"

#include <cstdio>

#include <fmt/core.h>

#include "app/controllers.h"
#include "app/findings.h"
#include "codec/json.h"
#include "sim/scenario.h"

namespace gputide::app {
namespace {

constexpr std::size_t kTraceLimit = std::size_t{1} << 30;

void find_scenario(Setup& setup, Diagnostics& diagnostics) {
  for (const InputFile& file : setup.checked.input.files)
    for (const model::Object& object : file.objects) {
      const auto* scenario = object.as<model::Scenario>();
      if (scenario == nullptr) continue;
      if (setup.scenario != nullptr) {
        diagnostics.error(file.name, object.source.where, "second-scenario",
                          "a second Scenario; the first is in " + setup.scenario_file->name,
                          "give one Scenario a run");
        continue;
      }
      setup.scenario = scenario;
      setup.scenario_file = &file;
    }
}

void read_market(const std::string& text, Setup& setup, Diagnostics& diagnostics) {
  std::string file;
  const Result<sim::MarketOptions::Kind> kind = sim::parse_market(text, file);
  if (!kind) return diagnostics.error("--market", {}, "bad-flag", kind.error().message);
  setup.market.kind = *kind;
  if (file.empty()) return;
  const Result<std::string> traces = read_file(file, kTraceLimit);
  if (!traces) return diagnostics.error(file, {}, "unreadable", traces.error().message);
  Result<sim::SpotTraces> parsed = sim::parse_spot_traces(*traces);
  if (!parsed) return diagnostics.error(file, {}, "bad-trace", parsed.error().message);
  setup.market.traces = std::make_shared<const sim::SpotTraces>(std::move(*parsed));
}

sim::ScenarioFiles files_of(const Setup& setup) {
  const Input& input = setup.checked.input;
  const std::string& name = setup.scenario_file->name;
  return {[&input, &name](const std::string& path) -> Result<std::vector<model::Object>> {
            const InputFile* file = input.find(name, path);
            if (file == nullptr) return fail(path + ": cannot be read");
            return file->objects;
          },
          [&name](const std::string& path) { return read_file(resolve(name, path), kTraceLimit); }};
}

// What is applied at the start: all that was given and that no step of the Scenario applies.
std::vector<model::Object> first_objects(const Setup& setup) {
  std::vector<model::Object> objects;
  for (const InputFile& file : setup.checked.input.files) {
    if (!file.given || file.applied) continue;
    for (const model::Object& object : file.objects)
      if (object.as<model::Scenario>() == nullptr) objects.push_back(object);
  }
  return objects;
}

// The cluster that the files make, for what is told before it is made.
void name_cluster(const Setup& setup, sim::WorldOptions& options) {
  for (const InputFile& file : setup.checked.input.files)
    for (const model::Object& object : file.objects)
      if (const auto* cluster = object.as<model::ClusterConfig>(); cluster != nullptr) {
        options.cluster = cluster->metadata.name;
        if (!cluster->metadata.region.empty()) options.region = cluster->metadata.region;
        return;
      }
}

}  // namespace

Setup prepare(const SimulateOptions& options, Diagnostics& diagnostics) {
  Setup setup{
      load_and_check(options.input, {.as_it_was = true}, diagnostics), nullptr, nullptr, {}, {}, 1};
  find_scenario(setup, diagnostics);
  read_market(options.market, setup, diagnostics);
  if (setup.scenario != nullptr) {
    setup.seed = static_cast<std::uint64_t>(setup.scenario->seed);
    setup.until = setup.scenario->until;
  }
  if (options.seed) setup.seed = *options.seed;
  if (options.until) {
    const Result<Duration> until = Duration::parse(*options.until);
    if (!until || *until <= Duration())
      diagnostics.error(options.until_flag, {}, "bad-flag",
                        until ? "the end must come after the start" : until.error().message,
                        "write a duration such as 90s, 10m or 2h");
    else
      setup.until = *until;
  }
  return setup;
}

Result<Run> run(const Setup& setup, std::uint64_t seed, port::Recorder* recorder,
                const sim::World::Progress& progress) {
  sim::WorldOptions options;
  options.seed = seed;
  options.until = setup.until;
  options.market = setup.market;
  options.catalogue = &setup.checked.catalogue;
  name_cluster(setup, options);
  sim::World world(std::move(options), recorder);
  add_controllers(world);
  const std::vector<model::Object> objects = first_objects(setup);
  if (!objects.empty()) world.at({}, [&world, &objects] { world.apply(objects); });
  if (setup.scenario != nullptr) {
    const Result<void> planned = plan_scenario(world, *setup.scenario, files_of(setup));
    if (!planned) return tl::unexpected(planned.error());
  }
  world.run(progress);
  return Run{world.result(), world.failed_checks(), world.objects()};
}

bool refuse(const Diagnostics& diagnostics, const Input& input, Output output) {
  if (!diagnostics.has_errors()) return false;
  const std::vector<Diagnostic> findings = in_order(diagnostics, input);
  if (output == Output::Json) {
    model::Value report{model::Value::Map{}};
    report.set("diagnostics", to_json(findings));
    fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
  } else {
    for (const Diagnostic& finding : findings) fmt::print(stderr, "{}\n", text(finding));
    fmt::print(stderr, "gputide: {}; nothing was run\n", count_text(findings));
  }
  return true;
}

}  // namespace gputide::app
