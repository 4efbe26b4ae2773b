#include "sim/scenario.h"

#include <utility>

#include <fmt/format.h>

namespace gputide::sim {

namespace {

using Action = std::function<void()>;

port::ObjectRef ref_of(const std::string& kind, const std::string& namespace_,
                       const std::string& name) {
  const bool scoped = !is_cluster_scoped(kind);
  return {kind, scoped && namespace_.empty() ? "default" : namespace_, name};
}

Result<Action> apply_action(World& world, const std::vector<std::string>& paths,
                            const ScenarioFiles& files) {
  std::vector<model::Object> objects;
  for (const std::string& path : paths) {
    Result<std::vector<model::Object>> read = files.objects(path);
    if (!read) return tl::unexpected(read.error());
    for (model::Object& object : *read) objects.push_back(std::move(object));
  }
  return [&world, objects = std::move(objects)] { world.apply(objects); };
}

Result<Action> action_of(World& world, const model::ScenarioStep& step,
                         const ScenarioFiles& files) {
  const int actions = static_cast<int>(!step.apply.empty()) + static_cast<int>(!!step.scale) +
                      static_cast<int>(!!step.delete_) + static_cast<int>(!!step.interrupt) +
                      static_cast<int>(!!step.setNodeCondition);
  if (actions != 1)
    return fail(
        fmt::format("the step at {} has {} actions; write one of apply, scale, delete, interrupt "
                    "and setNodeCondition",
                    step.at.text(), actions));
  if (!step.apply.empty()) return apply_action(world, step.apply, files);
  if (step.scale) {
    const port::ObjectRef ref = ref_of(step.scale->kind, step.scale->namespace_, step.scale->name);
    return [&world, ref, replicas = step.scale->replicas] { world.scale(ref, replicas); };
  }
  if (step.delete_) {
    const port::ObjectRef ref =
        ref_of(step.delete_->kind, step.delete_->namespace_, step.delete_->name);
    return [&world, ref] { world.remove(ref); };
  }
  if (step.setNodeCondition)
    return [&world, what = *step.setNodeCondition] { world.set_node_condition(what); };
  return [&world, what = *step.interrupt] {
    world.interrupt(what.zone, what.instanceType, what.fraction);
  };
}

Result<void> add_reservation(World& world, const model::ScenarioReservation& from) {
  model::CapacityReservation facts = model::reservation_of(from, sim_epoch());
  std::optional<Money> fee;
  if (from.upfrontFee) {
    const Result<Money> read = Money::parse(*from.upfrontFee);
    if (!read) return tl::unexpected(read.error());
    fee = *read;
  }
  return world.add_reservation(std::move(facts), fee);
}

}  // namespace

Result<void> plan_scenario(World& world, const model::Scenario& scenario,
                           const ScenarioFiles& files) {
  std::vector<std::pair<Duration, Action>> actions;
  for (const model::ScenarioStep& step : scenario.steps) {
    Result<Action> action = action_of(world, step, files);
    if (!action) return tl::unexpected(action.error());
    actions.emplace_back(step.at, std::move(*action));
  }
  std::vector<std::vector<TraceRow>> traces;
  for (const model::TraceSource& source : scenario.traces) {
    if (const Result<void> checked = check_trace_source(source); !checked) return checked;
    const Result<std::string> text = files.text(source.path);
    if (!text) return tl::unexpected(text.error());
    Result<std::vector<TraceRow>> rows = parse_job_trace(*text);
    if (!rows) return fail(fmt::format("{}: {}", source.path, rows.error().message));
    traces.push_back(std::move(*rows));
  }
  for (const model::ScenarioReservation& each : scenario.capacityReservations)
    if (const Result<void> added = add_reservation(world, each); !added) return added;
  world.set_workloads(scenario.workloads);
  for (auto& [at, action] : actions) world.at(at, std::move(action));
  for (std::size_t i = 0; i < traces.size(); ++i)
    world.add_trace(scenario.traces[i], std::move(traces[i]));
  return {};
}

}  // namespace gputide::sim
