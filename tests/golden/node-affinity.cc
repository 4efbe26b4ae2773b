#include "decide/scheduling/node_affinity.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

Value node_affinity_answer(const model::Pod& pod, const std::vector<model::Node>& nodes) {
  const scheduling::RequiredNodeAffinity required(*pod.spec);
  Value verdicts = Value::Map{};
  for (const model::Node& node : nodes) {
    const Result<bool> match = required.match(node);
    if (match.value_or(false) != required.matches(node))
      throw std::runtime_error(node.metadata.name + ": match() and matches() differ");
    verdicts.set(node.metadata.name,
                 Value::Map{{"match", match.value_or(false), {}},
                            {"error", match ? Value() : Value(match.error().message), {}}});
  }
  Value out = Value::Map{{"required", std::move(verdicts), {}}};
  if (!pod.spec->affinity || !pod.spec->affinity->nodeAffinity ||
      pod.spec->affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution.empty())
    return out;
  const auto preferred = scheduling::PreferredNodeAffinity::compile(
      pod.spec->affinity->nodeAffinity->preferredDuringSchedulingIgnoredDuringExecution);
  if (!preferred) {
    out.set("preferred", Value::Map{{"error", preferred.error().message, {}}});
    return out;
  }
  Value scores = Value::Map{};
  for (const model::Node& node : nodes) scores.set(node.metadata.name, preferred->score(node));
  out.set("preferred", Value::Map{{"error", Value(), {}}, {"rawScore", std::move(scores), {}}});
  return out;
}

/// Our objects do not tell an empty list from an absent one; Go's error texts quote the difference.
void forget_empty_lists(Value& value) {
  if (value.is_map()) {
    for (model::Member& member : value.as_map()) forget_empty_lists(member.value);
  } else if (value.is_string()) {
    static constexpr std::string_view kEmpty = "[]string{}";
    std::string text = value.as_string();
    for (std::size_t at = 0; (at = text.find(kEmpty)) != std::string::npos;)
      text.replace(at, kEmpty.size(), "[]string(nil)");
    value = Value(std::move(text));
  }
}

void check_node_affinity(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value pod_list = Value::List{need(each, "pod")};
    const auto pods = read_all<model::Pod>(&pod_list);
    const auto nodes = read_all<model::Node>(each.find("nodes"));
    Value expected = need(each, "expect");
    forget_empty_lists(expected);
    report.compare(id_of(each), node_affinity_answer(pods.front(), nodes), expected);
  }
}

const Register kNodeAffinity("node-affinity", check_node_affinity);

}  // namespace
}  // namespace gputide::golden
