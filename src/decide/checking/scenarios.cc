// Scenarios: steps that say one thing, at times that exist.
#include <fmt/format.h>

#include "decide/checking/checks.h"

namespace gputide::checking {
namespace {

void check_step(const Context& context, const Place& place, const model::ScenarioStep& step) {
  const int actions = (step.apply.empty() ? 0 : 1) + (step.scale ? 1 : 0) + (step.delete_ ? 1 : 0) +
                      (step.interrupt ? 1 : 0) + (step.setNodeCondition ? 1 : 0);
  if (actions != 1)
    context.findings.error(
        place, {"bad-step",
                fmt::format("a step has one of apply, scale, delete, interrupt and "
                            "setNodeCondition, this has {}",
                            actions == 0 ? "none" : "several"),
                actions == 0 ? "write apply: [FILE], for instance" : "make it several steps"});
  if (step.at < Duration())
    context.findings.error(
        place["at"], {"bad-step", "a step cannot be before the start", "write at: 0s or later"});
  if (step.scale && step.scale->replicas < 0)
    context.findings.error(
        place["scale"]["replicas"],
        {"negative-count", fmt::format("replicas {} is below zero", step.scale->replicas),
         "write 0 or more"});
  const auto check_fraction = [&](const char* action, double fraction) {
    if (!(fraction >= 0 && fraction <= 1))
      context.findings.error(
          place[action]["fraction"],
          {"out-of-range", "fraction is not within 0 to 1", "write 0.5 for a half"});
  };
  if (step.interrupt) check_fraction("interrupt", step.interrupt->fraction);
  if (step.setNodeCondition) {
    const model::SetNodeConditionStep& set = *step.setNodeCondition;
    check_fraction("setNodeCondition", set.fraction);
    const bool known = set.status == "True" || set.status == "False" || set.status == "Unknown";
    if (set.type.empty() || !known)
      context.findings.error(place["setNodeCondition"],
                             {"bad-step", "a condition has a type and a status",
                              "write {type: Ready, status: \"False\"}, for instance"});
  }
}

}  // namespace

void check_scenarios(const Context& context) {
  for (const model::Object* object : context.world.objects) {
    const auto* scenario = object->as<model::Scenario>();
    if (scenario == nullptr) continue;
    const Place place(*object);
    for (std::size_t i = 0; i < scenario->steps.size(); ++i)
      check_step(context, place["steps"][i], scenario->steps[i]);
    if (scenario->until && *scenario->until < Duration())
      context.findings.error(place["until"], {"bad-step", "until cannot be before the start",
                                              "write 2h, for instance"});
    for (std::size_t i = 0; i < scenario->workloads.size(); ++i) {
      const auto& run = scenario->workloads[i].runFor;
      if (run && *run < Duration())
        context.findings.error(place["workloads"][i]["runFor"],
                               {"bad-step", "runFor is below zero", "write 90s, for instance"});
      const auto& code = scenario->workloads[i].exitCode;
      if (code && (*code < 0 || *code > 255))
        context.findings.error(
            place["workloads"][i]["exitCode"],
            {"out-of-range", "exitCode is not within 0 to 255", "write 1, for instance"});
    }
  }
}

}  // namespace gputide::checking
