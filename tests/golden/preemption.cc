#include "decide/scheduling/preemption.h"

#include "tests/golden/golden.h"
#include "tests/golden/scheduling.h"

namespace gputide::golden {
namespace {

using scheduling::Candidate;
using scheduling::Code;
using scheduling::Status;

Value victims(const Candidate& candidate) {
  Value::List out;
  for (const state::PodRef& pod : candidate.victims)
    out.emplace_back(pod->metadata.namespace_ + "/" + pod->metadata.name);
  return Value::Map{{"numPDBViolations", std::int64_t{candidate.budget_violations}, {}},
                    {"victims", out, {}}};
}

Value preemption_answer(const Value& golden_case) {
  state::Cluster cluster;
  fill(golden_case, cluster);
  scheduling::Filters filters(cluster);
  const scheduling::Nominations nominations;
  const auto pod = read<model::Pod>(without_type(need(golden_case, "pod")));
  std::vector<scheduling::Budget> budgets;
  for (const auto& budget :
       read_all<model::PodDisruptionBudget>(golden_case.find("podDisruptionBudgets")))
    budgets.push_back(scheduling::compile_budget(budget));

  std::vector<state::NodeId> potential;
  std::vector<std::string> names;
  const auto name_of = [&](state::NodeId id) { return cluster.node(id).object->metadata.name; };
  Status on_nominated;
  const std::string& nominated = pod.status.nominatedNodeName;
  for (state::NodeId id = 0; id < cluster.end(); ++id) {
    const Status status = scheduling::check(filters.demand(pod), pod, cluster, id);
    if (name_of(id) == nominated) on_nominated = status;
    if (status.code != Code::Unschedulable) continue;
    potential.push_back(id);
    names.push_back(name_of(id));
  }
  const std::string why = scheduling::not_eligible(pod, cluster, nominated, on_nominated);
  Value out = Value::Map{{"eligible", why.empty(), {}}, {"potentialNodes", sorted_list(names), {}}};
  if (!why.empty()) out.set("message", why);
  if (potential.empty() || !why.empty()) return out;
  std::vector<Candidate> candidates;
  Value::Map found;
  Value::Map rejected;
  for (const state::NodeId id : potential) {
    Candidate candidate;
    const Status status =
        scheduling::select_victims(filters, nominations, pod, id, budgets, candidate);
    if (status.ok()) {
      found.push_back({name_of(id), victims(candidate), {}});
      candidates.push_back(std::move(candidate));
    } else {
      rejected.push_back({name_of(id),
                          Value::Map{{"code", code_name(status.code), {}},
                                     {"reasons", sorted_list(status.reasons), {}}},
                          {}});
    }
  }
  out.set("candidates", found);
  out.set("rejected", rejected);
  std::vector<std::string> best;
  for (const std::size_t i : scheduling::least_harmful(candidates))
    best.push_back(name_of(candidates[i].node));
  out.set("nominatedAnyOf", sorted_list(best));
  return out;
}

void check_preemption(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases)
    report.compare(id_of(each), preemption_answer(each), need(each, "expect"));
}

const Register kPreemption("preemption", check_preemption);

}  // namespace
}  // namespace gputide::golden
