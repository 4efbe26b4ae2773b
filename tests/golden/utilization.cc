#include "decide/scaling/utilization.h"

#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

Value utilization_answer(const Value& input) {
  const auto node = read<model::Node>(need(input, "node"));
  scaling::UtilizationOptions options;
  options.ignore_daemonsets = need(input, "ignoreDaemonSetsUtilization").as_bool();
  options.ignore_mirror_pods = need(input, "ignoreMirrorPodsUtilization").as_bool();
  options.semantics = scaling::Semantics::upstream(scaling::Release::V1_31);
  const bool gpu_node = !scaling::gpu_resource_of(node, options.semantics).empty();
  const auto result = scaling::utilization(node, pod_refs(input.find("pods")), {}, options,
                                           instant(need(input, "now")));
  if (!result)
    return Value::Map{{"error", result.error().message, {}}, {"isGpuNode", gpu_node, {}}};
  return Value::Map{
      {"cpu", real_value(result->cpu), {}},           {"memory", real_value(result->memory), {}},
      {"gpu", real_value(result->gpu), {}},           {"dominant", result->dominant, {}},
      {"utilization", real_value(result->value), {}}, {"isGpuNode", gpu_node, {}}};
}

void check_utilization(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    Value expected = need(each, "expected");
    for (model::Member& member : expected.as_map())
      if (member.value.kind() == Value::Kind::Int || member.value.kind() == Value::Kind::Double)
        member.value = real_value(member.value);
    report.compare(id_of(each), utilization_answer(need(each, "input")), expected);
  }
}

const Register kUtilization("utilization", check_utilization);

}  // namespace
}  // namespace gputide::golden
