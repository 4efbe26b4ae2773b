// Fields of workloads that the model keeps as they were written, and that the controllers act on:
// what the API server refuses to decode is refused here.
#include <cstdint>
#include <limits>
#include <variant>

#include <fmt/core.h>

#include "base/text.h"
#include "decide/checking/checks.h"

namespace gputide::checking {
namespace {

using Kind = model::Value::Kind;

struct Field {
  std::string_view kinds;  // of objects, with a comma behind each
  std::string_view path;   // below spec
  std::string_view wanted;
};

constexpr std::string_view kCount = "a whole number that is not below zero";
constexpr std::string_view kFlag = "true or false";
constexpr std::string_view kText = "a string";
constexpr std::string_view kMap = "a mapping";
constexpr std::string_view kList = "a list";
constexpr std::string_view kShare = "a whole number or a percentage";

constexpr Field kFields[] = {
    {"Deployment,ReplicaSet,ReplicationController,DaemonSet,StatefulSet,", "minReadySeconds",
     kCount},
    {"Deployment,DaemonSet,StatefulSet,", "revisionHistoryLimit", kCount},
    {"Deployment,", "paused", kFlag},
    {"Deployment,", "progressDeadlineSeconds", kCount},
    {"Deployment,", "strategy", kMap},
    {"Deployment,", "strategy.type", kText},
    {"Deployment,", "strategy.rollingUpdate", kMap},
    {"Deployment,", "strategy.rollingUpdate.maxSurge", kShare},
    {"Deployment,", "strategy.rollingUpdate.maxUnavailable", kShare},
    {"DaemonSet,StatefulSet,", "updateStrategy", kMap},
    {"DaemonSet,StatefulSet,", "updateStrategy.type", kText},
    {"DaemonSet,StatefulSet,", "updateStrategy.rollingUpdate", kMap},
    {"DaemonSet,StatefulSet,", "updateStrategy.rollingUpdate.maxUnavailable", kShare},
    {"StatefulSet,", "updateStrategy.rollingUpdate.partition", kCount},
    {"StatefulSet,", "ordinals", kMap},
    {"StatefulSet,", "ordinals.start", kCount},
    {"Job,", "activeDeadlineSeconds", kCount},
    {"Job,", "ttlSecondsAfterFinished", kCount},
    {"Job,", "podReplacementPolicy", kText},
    {"Job,", "successPolicy", kMap},
    {"Job,", "successPolicy.rules", kList},
};

bool is_of(const model::Value& value, std::string_view wanted) {
  if (value.is_null()) return true;
  if (wanted == kCount)
    return value.kind() == Kind::Int && value.as_int() >= 0 &&
           value.as_int() <= std::numeric_limits<std::int32_t>::max();
  if (wanted == kFlag) return value.kind() == Kind::Bool;
  if (wanted == kText) return value.is_string();
  if (wanted == kMap) return value.is_map();
  if (wanted == kList) return value.is_list();
  return value.kind() == Kind::Int || value.is_string();
}

void check_field(const Context& context, const Place& place, std::string_view path,
                 std::string_view wanted) {
  const model::Value* value = place.get();
  if (value == nullptr || is_of(*value, wanted)) return;
  const std::string found = value->kind() == Kind::Int ? std::to_string(value->as_int())
                                                       : std::string(value->kind_text());
  context.findings.error(
      place, {"wrong-type", fmt::format("spec.{} wants {}, this is {}", path, wanted, found), {}});
}

void check_success_rules(const Context& context, const Place& rules) {
  if (rules.get() == nullptr || !rules.get()->is_list()) return;
  for (std::size_t i = 0; i < rules.get()->as_list().size(); ++i) {
    const std::string path = fmt::format("successPolicy.rules[{}]", i);
    check_field(context, rules[i], path, kMap);
    check_field(context, rules[i]["succeededIndexes"], path + ".succeededIndexes", kText);
    check_field(context, rules[i]["succeededCount"], path + ".succeededCount", kCount);
  }
}

}  // namespace

void check_untyped_fields(const Context& context) {
  for (const model::Object* object : context.world.objects) {
    if (std::holds_alternative<std::monostate>(object->typed)) continue;  // another group's kind
    const Place spec = Place(*object)["spec"];
    for (const Field& field : kFields) {
      if (field.kinds.find(object->kind + ",") == std::string_view::npos) continue;
      Place place = spec;
      for (const std::string_view step : split(field.path, '.')) place = place[step];
      check_field(context, place, field.path, field.wanted);
    }
    if (object->kind == "Job") check_success_rules(context, spec["successPolicy"]["rules"]);
  }
}

}  // namespace gputide::checking
