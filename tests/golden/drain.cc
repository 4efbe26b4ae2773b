#include "decide/scaling/drain.h"

#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

Value names(const std::vector<scaling::PodRef>& pods) {
  Value::List out;
  for (const scaling::PodRef& pod : pods) out.push_back(pod_name(*pod));
  return out;
}

Value drain_answer(const Value& input) {
  const Value& given = need(input, "options");
  scaling::DrainOptions options;
  options.skip_system_pods = need(given, "skipNodesWithSystemPods").as_bool();
  options.skip_local_storage = need(given, "skipNodesWithLocalStorage").as_bool();
  options.skip_custom_controllers = need(given, "skipNodesWithCustomControllerPods").as_bool();
  options.min_replica_count = need(given, "minReplicaCount").as_int();
  options.semantics = scaling::Semantics::upstream(scaling::Release::V1_31);
  const auto budgets_list = read_all<model::PodDisruptionBudget>(input.find("pdbs"));
  const scaling::DisruptionBudgets budgets(budgets_list);
  const Value* listed = input.find("controllers");
  const bool has_controllers = listed != nullptr && listed->is_map();
  const scaling::Controllers controllers =
      has_controllers ? read_controllers(*listed) : scaling::Controllers();
  const scaling::DrainContext context{options, budgets, has_controllers ? &controllers : nullptr,
                                      instant(need(input, "now"))};
  const scaling::PodsToMove moves = scaling::pods_to_move(pod_refs(input.find("pods")), context);
  Value out = Value::Map{{"podsToMove", names(moves.pods), {}},
                         {"daemonSetPods", names(moves.daemonset_pods), {}}};
  if (moves.blocking_pod == nullptr) return out;
  out.set("blockingPod", pod_name(*moves.blocking_pod));
  out.set("blockingReason", Value(scaling::blocking_reason_name(moves.reason)));
  if (moves.reason != scaling::BlockingReason::MinReplicasReached)
    out.set("error", scaling::blocking_message(*moves.blocking_pod, moves.reason, context));
  return out;
}

void check_drain(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases)
    report.compare(id_of(each), drain_answer(need(each, "input")), need(each, "expected"));
}

const Register kDrain("drain", check_drain);

}  // namespace
}  // namespace gputide::golden
