// Scenarios: steps that say one thing, at times that exist.
#include <set>

#include <fmt/format.h>

#include "base/money.h"
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

void check_sold(const Context& context, const Place& place,
                const model::ScenarioReservation& each) {
  const auto type = context.catalogue.get(each.instanceType);
  if (!type)
    return context.findings.error(
        place["instanceType"],
        {"unknown-instance-type", type.error().message, "write the name of a type"});
  const std::string_view region = pricing::region_of_zone(each.zone);
  if (const auto price =
          context.catalogue.price(region, each.instanceType, model::Market::OnDemand);
      !price && !each.upfrontFee)
    context.findings.error(place["zone"], {"bad-reservation", price.error().message,
                                           "write zone: us-west-2a, for instance"});
}

void check_span(const Context& context, const Place& place,
                const model::ScenarioReservation& each) {
  const auto refuse = [&](const char* key, std::string what, std::string remedy) {
    context.findings.error(place[key], {"bad-reservation", std::move(what), std::move(remedy)});
  };
  if (each.start < Duration())
    refuse("start", "a reservation cannot begin before the start", "write start: 0s or later");
  if (each.end && *each.end <= each.start)
    refuse("end", "it ends before it begins", "write an end after its start");
  if (each.type == "capacity-block" && !each.end)
    refuse("type", "a capacity block has an end", "write end: 24h, for instance");
}

void check_reservation(const Context& context, const Place& place,
                       const model::ScenarioReservation& each) {
  const auto refuse = [&](const char* key, std::string what, std::string remedy) {
    context.findings.error(place[key], {"bad-reservation", std::move(what), std::move(remedy)});
  };
  const bool block = each.type == "capacity-block";
  if (!each.id.starts_with("cr-"))
    refuse("id", "a capacity reservation has an id that begins with cr-",
           "write id: cr-0123456789abcdef0");
  check_sold(context, place, each);
  check_span(context, place, each);
  if (each.count < 1) refuse("count", "a reservation is for one instance at least", "write 1");
  if (!block && each.type != "default")
    refuse("type", fmt::format("no capacity reservation is of type {}", each.type),
           "write default or capacity-block");
  const std::string& criteria = each.instanceMatchCriteria;
  if (!criteria.empty() && criteria != "open" && criteria != "targeted")
    refuse("instanceMatchCriteria", fmt::format("AWS knows no match criteria {}", criteria),
           "write open or targeted");
  if (block && criteria == "open")
    refuse("instanceMatchCriteria", "a capacity block is always targeted", "leave it out");
  if (!each.upfrontFee) return;
  const Result<Money> fee = Money::parse(*each.upfrontFee);
  if (!block || !fee || *fee < Money())
    refuse("upfrontFee",
           block ? "not an amount of dollars" : "only a capacity block is paid in front",
           block ? "write upfrontFee: \"755.20\", for instance" : "leave it out");
}

}  // namespace

void check_scenarios(const Context& context) {
  for (const model::Object* object : context.world.objects) {
    const auto* scenario = object->as<model::Scenario>();
    if (scenario == nullptr) continue;
    const Place place(*object);
    for (std::size_t i = 0; i < scenario->steps.size(); ++i)
      check_step(context, place["steps"][i], scenario->steps[i]);
    const auto& reservations = scenario->capacityReservations;
    std::set<std::string> ids;
    for (std::size_t i = 0; i < reservations.size(); ++i) {
      const Place at = place["capacityReservations"][i];
      check_reservation(context, at, reservations[i]);
      if (!ids.insert(reservations[i].id).second)
        context.findings.error(at["id"], {"bad-reservation", "a second reservation of this id",
                                          "give it an id of its own"});
    }
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
