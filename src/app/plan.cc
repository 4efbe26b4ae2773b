// gputide plan: what would be bought for these pods now, what it costs, and the least it could
// cost.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/plan_demand.h"
#include "app/plan_view.h"
#include "app/reservation_use.h"
#include "app/simulation.h"
#include "app/table.h"
#include "codec/json.h"
#include "decide/provisioning/bound.h"
#include "model/pod_requests.h"

namespace gputide::app {
namespace {

using model::Value;
using provisioning::ProvisionPlan;
using provisioning::ProvisionProblem;

// What another choice would have cost.
struct Alternative {
  std::string what;
  Money per_hour;
  std::size_t unplaced = 0;
};

struct Reservations {
  std::vector<ReservationUse> uses;
  std::vector<std::string> classes_without;
};

// The problem with the offerings that `keep` wants of (type, offering).
template <class Keep>
Alternative without_others(std::string what, const ProvisionProblem& problem, Keep keep) {
  ProvisionProblem only = problem;
  only.bound_by_whole_pods = false;
  for (provisioning::ProviderType& type : only.types)
    for (auto& offering : type.offerings)
      offering.available = offering.available && keep(type, offering);
  const ProvisionPlan plan = provisioning::provision(only);
  return {std::move(what), plan.per_hour, plan.unplaced.size()};
}

// The GPUs of types that some pool may buy, by name.
std::set<std::string> gpu_names(const ProvisionProblem& problem,
                                const pricing::Catalogue& catalogue) {
  std::set<std::string> names;
  for (std::size_t p = 0; p < problem.pools.size(); ++p) {
    const auto asked = provisioning::Requirements::from_node_pool(
        problem.pools[p].spec.template_.spec.requirements);
    for (const std::uint32_t t : problem.pool_types[p]) {
      const model::InstanceType& machine = *catalogue.find(problem.types[t].name);
      if (machine.visible_gpus() > 0 && problem.types[t].requirements.intersects(asked))
        names.emplace(machine.gpu_name);
    }
  }
  return names;
}

bool asks_gpus(const ProvisionProblem& problem) {
  return std::any_of(problem.pods.begin(), problem.pods.end(),
                     [](const auto& pod) { return gpus_of(model::pod_requests(*pod)) > 0; });
}

constexpr std::ptrdiff_t kMarkets = 2;
constexpr std::ptrdiff_t kGpuTypesShown = 4;

bool weights_decide(const ProvisionProblem& problem) {
  return std::any_of(problem.pools.begin(), problem.pools.end(), [&](const model::NodePool& pool) {
    return pool.spec.weight.value_or(0) != problem.pools.front().spec.weight.value_or(0);
  });
}

bool takes_reserved(const ProvisionProblem& problem) {
  return std::any_of(problem.types.begin(), problem.types.end(), [](const auto& type) {
    return std::any_of(type.offerings.begin(), type.offerings.end(), [](const auto& offering) {
      return offering.available && offering.reservation_capacity > 0;
    });
  });
}

Alternative without_weights(ProvisionProblem problem) {
  problem.bound_by_whole_pods = false;
  problem.weights = false;
  const ProvisionPlan plan = provisioning::provision(problem);
  return {"without the NodePools' weights", plan.per_hour, plan.unplaced.size()};
}

// The same question with one market, or one kind of GPU, only: of these the four cheapest. Types
// without GPUs stay.
std::vector<Alternative> with_less(const ProvisionProblem& problem,
                                   const pricing::Catalogue& catalogue) {
  std::vector<Alternative> list;
  for (const char* market : {"spot", "on-demand"})
    list.push_back(without_others(
        fmt::format("{} only", market), problem,
        [&](const auto&, const auto& offering) { return offering.capacity_type == market; }));
  if (!asks_gpus(problem)) return list;
  const std::set<std::string> names = gpu_names(problem, catalogue);
  if (names.size() < 2) return list;
  for (const std::string& name : names)
    list.push_back(without_others(fmt::format("GPU {} only", name), problem,
                                  [&](const auto& type, const auto&) {
                                    const model::InstanceType& machine = *catalogue.find(type.name);
                                    return machine.visible_gpus() == 0 || machine.gpu_name == name;
                                  }));
  std::stable_sort(list.begin() + kMarkets, list.end(), [](const auto& a, const auto& b) {
    return std::pair(a.unplaced, a.per_hour) < std::pair(b.unplaced, b.per_hour);
  });
  if (std::ssize(list) > kMarkets + kGpuTypesShown) list.resize(kMarkets + kGpuTypesShown);
  return list;
}

std::vector<Alternative> alternatives(const ProvisionProblem& problem,
                                      const pricing::Catalogue& catalogue) {
  std::vector<Alternative> list = with_less(problem, catalogue);
  if (weights_decide(problem)) list.push_back(without_weights(problem));
  if (takes_reserved(problem))
    list.push_back(without_others(
        "without the capacity reservations", problem,
        [](const auto&, const auto& offering) { return offering.reservation_id.empty(); }));
  return list;
}

// What more of a preference would take.
std::string rest_of(const provisioning::PreferenceCount& count) {
  if (count.honoured == count.pods) return "-";
  if (!count.tried) return "not looked for";
  if (count.at_most <= count.honoured) return "no more can";
  if (count.dearer == Money()) return fmt::format("{} instead of others", count.at_most);
  return fmt::format("{} for ${} more", count.at_most, count.dearer.text(4));
}

void print_preferences(const ProvisionPlan& plan) {
  if (plan.preferences.empty()) return;
  fmt::print("\npreferences are honoured as far as they cost nothing");
  if (plan.all_preferences && *plan.all_preferences > plan.per_hour)
    fmt::print("; honouring all that can be costs ${} an hour, ${} more",
               plan.all_preferences->text(4), (*plan.all_preferences - plan.per_hour).text(4));
  fmt::print("\n");
  std::vector<Row> table{{"PREFERENCE", "WEIGHT", "PODS", "HONOURED", "OF THE REST"}};
  for (const provisioning::PreferenceReport& each : plan.preferences)
    table.push_back({each.what, std::to_string(each.count.weight), std::to_string(each.count.pods),
                     std::to_string(each.count.honoured), rest_of(each.count)});
  print_table(table);
}

void print_text(const Demand& demand, const ProvisionPlan& plan,
                const std::vector<Alternative>& others, const Reservations& reserved) {
  print_existing(demand, plan);
  print_machines(demand, plan);
  if (buys(plan))
    fmt::print("\n${} an hour; {} could run the pods for less than ${} ({} × that)\n",
               plan.per_hour.text(4),
               demand.problem.nodes.empty() ? "no nodes of these pools"
                                            : "no nodes bought beside those that are there",
               plan.lower_bound.text(4),
               provisioning::over_bound_text(plan.per_hour, plan.lower_bound));
  print_splits(demand, plan);
  print_reservations(reserved.uses, reserved.classes_without);
  for (const Alternative& other : others) {
    if (other.unplaced > plan.unplaced.size())
      fmt::print("{}: no node for {} more of the pods\n", other.what,
                 other.unplaced - plan.unplaced.size());
    else if (other.per_hour > plan.per_hour)
      fmt::print("{}: ${} an hour, ${} more\n", other.what, other.per_hour.text(4),
                 (other.per_hour - plan.per_hour).text(4));
    else if (other.per_hour < plan.per_hour && other.unplaced == plan.unplaced.size())
      fmt::print("{}: ${} an hour, ${} less\n", other.what, other.per_hour.text(4),
                 (plan.per_hour - other.per_hour).text(4));
  }
  print_preferences(plan);
  print_unplaced(demand, plan);
}

// Of what the pods must cost, what the proof takes off for nodes that are there, or reserved.
double existing_saves(const ProvisionPlan& plan) {
  double sum = 0;
  for (const provisioning::PodPrice& each : plan.pod_prices)
    sum += each.dollars_per_hour * static_cast<double>(each.count);
  return std::max(sum - plan.certified.to_dollars(), 0.0);
}

void print_certificate(const Demand& demand, const ProvisionPlan& plan) {
  fmt::print(
      "\nwhat each pod must cost an hour at the least, wherever it runs (checked afresh: "
      "proves ${}):\n",
      plan.certified.text(4));
  std::vector<Row> table;
  for (const provisioning::PodPrice& each : plan.pod_prices)
    table.push_back({"  " + demand.owners[each.pod], fmt::format("×{}", each.count),
                     fmt::format("${:.4f}", each.dollars_per_hour)});
  print_table(table);
  const bool reserved = takes_reserved(demand.problem);
  if (!demand.problem.nodes.empty() || reserved)
    fmt::print("less ${:.4f}, which pods on {} may come to\n", existing_saves(plan),
               !reserved                      ? "the nodes that are there"
               : demand.problem.nodes.empty() ? "reserved nodes"
                                              : "reserved nodes and those that are there");
}

void add_preferences(const ProvisionPlan& plan, Value& report) {
  Value::List list;
  for (const provisioning::PreferenceReport& each : plan.preferences) {
    Value preference{Value::Map{}};
    preference.set("preference", each.what);
    preference.set("weight", each.count.weight);
    preference.set("pods", each.count.pods);
    preference.set("honoured", each.count.honoured);
    if (each.count.tried) {
      preference.set("at_most", each.count.at_most);
      preference.set("usd_per_hour_more", each.count.dearer.to_dollars());
    }
    list.push_back(std::move(preference));
  }
  report.set("preferences", Value(std::move(list)));
  if (plan.all_preferences)
    report.set("all_preferences_usd_per_hour", plan.all_preferences->to_dollars());
}

void print_json(const Demand& demand, const ProvisionPlan& plan,
                const std::vector<Alternative>& others, const Reservations& reserved,
                const std::vector<Diagnostic>& findings) {
  Value report{Value::Map{}};
  report.set("nodes", machines_json(demand, plan));
  report.set("existing_nodes", existing_json(demand, plan));
  report.set("total_usd_per_hour", plan.per_hour.to_dollars());
  report.set("lower_bound_usd_per_hour", plan.lower_bound.to_dollars());
  report.set("certified_usd_per_hour", plan.certified.to_dollars());
  Value::List prices;
  for (const provisioning::PodPrice& each : plan.pod_prices) {
    Value price{Value::Map{}};
    price.set("workload", demand.owners[each.pod]);
    price.set("pods", each.count);
    price.set("usd_per_hour_each", each.dollars_per_hour);
    prices.push_back(std::move(price));
  }
  report.set("pod_prices", Value(std::move(prices)));
  Value::List rest;
  for (const Alternative& other : others) {
    Value each{Value::Map{}};
    each.set("what", other.what);
    each.set("total_usd_per_hour", other.per_hour.to_dollars());
    each.set("unplaced", static_cast<std::int64_t>(other.unplaced));
    rest.push_back(std::move(each));
  }
  report.set("alternatives", Value(std::move(rest)));
  add_preferences(plan, report);
  report.set("market_splits", splits_json(demand, plan));
  report.set("capacity_reservations", reservations_json(reserved.uses));
  Value::List without;
  for (const std::string& name : reserved.classes_without) without.push_back(Value(name));
  report.set("classes_without_reservations", Value(std::move(without)));
  report.set("unplaced", unplaced_json(demand, plan));
  report.set("diagnostics", to_json(findings));
  fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
}

}  // namespace

int plan(const PlanOptions& options) {
  if (options.input.paths.empty()) {
    fmt::print(stderr, "gputide plan: no files are named; write gputide plan -f PODS -f POOLS\n");
    return kBadInput;
  }
  Diagnostics diagnostics;
  const Checked checked = load_and_check(options.input, {}, diagnostics);
  if (refuse(diagnostics, checked.input, options.output)) return kBadInput;
  const std::vector<Diagnostic> findings = in_order(diagnostics, checked.input);
  const Result<Demand> demand = demand_of(options, checked);
  if (!demand) {
    fmt::print(stderr, "gputide plan: {}\n", demand.error().message);
    return kBadInput;
  }
  ProvisionProblem wished = demand->problem;
  wished.preferences = true;
  const ProvisionPlan found = provisioning::provision(wished);
  const std::vector<Alternative> others = alternatives(demand->problem, checked.catalogue);
  const Reservations reserved{reservation_uses(checked.reservations, *demand, found),
                              classes_without_reservations(checked.reservations, *demand)};
  if (options.output == Output::Json) {
    print_json(*demand, found, others, reserved, findings);
  } else {
    for (const Diagnostic& finding : findings) fmt::print(stderr, "{}\n", text(finding));
    print_text(*demand, found, others, reserved);
    if (options.certificate) print_certificate(*demand, found);
  }
  return found.unplaced.empty() ? kDone : kFailed;
}

}  // namespace gputide::app
