// Controllers of pods, and disruption budgets: selectors and templates that must agree.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "model/selector.h"

namespace gputide::checking {
namespace {

std::string labels_text(const model::StringMap& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(fmt::format("{}={}", key, value));
  return parts.empty() ? "no labels" : join(parts, ",");
}

bool is_empty(const model::LabelSelector& selector) {
  return selector.matchLabels.empty() && selector.matchExpressions.empty();
}

void check_selector(const Context& context, const model::Object& object,
                    const std::optional<model::LabelSelector>& selector,
                    const model::StringMap& labels) {
  const Place spec = Place(object)["spec"];
  if (!selector || is_empty(*selector)) {
    std::vector<Edit> fix;
    if (!selector && !labels.empty()) {
      model::Value match{model::Value::Map{}};
      for (const auto& [key, value] : labels) match.set(key, value);
      model::Value::Map members;
      members.push_back({"matchLabels", std::move(match), {}});
      fix = one_edit(
          insert_members(spec.get(), {{"selector", model::Value(std::move(members)), {}}}));
    }
    return context.findings.error(
        spec, spec.key(),
        {"selector-required",
         selector ? fmt::format("the selector of a {} may not be empty", object.kind)
                  : fmt::format("spec.selector is required of a {}", object.kind),
         labels.empty() ? "write selector: with matchLabels, and the same labels in the template"
                        : fmt::format("write selector: {{matchLabels: {{{}}}}}",
                                      labels.begin()->first + ": " + labels.begin()->second),
         std::move(fix)});
  }
  if (!model::Selector::of(selector).matches(labels))
    context.findings.error(
        spec["selector"], spec["selector"].key(),
        {"selector-mismatch",
         fmt::format("the selector does not match the labels of the template ({}): the API server "
                     "refuses it",
                     labels_text(labels)),
         "make them equal"});
}

void check_count(const Context& context, const Place& place, std::string_view field,
                 const std::optional<std::int64_t>& count) {
  if (count && *count < 0)
    context.findings.error(
        place[field],
        {"negative-count", fmt::format("{} {} is below zero", field, *count), "write 0 or more"});
}

// "100%", "0", "3": of so many pods.
std::optional<std::int64_t> scaled(const model::IntOrString& value, std::int64_t pods) {
  if (!value.is_string()) return value.int_value();
  const std::string& text = value.string_value();
  if (text.empty() || text.size() > 5 || text.back() != '%') return std::nullopt;
  std::int64_t percent = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    percent = percent * 10 + (c - '0');
  }
  return (percent * pods + 99) / 100;  // the disruption controller rounds up
}

// What a rolling update may take away or add: a number, or a percentage; true: it is one.
bool check_share(const Context& context, const Place& place, std::string_view field,
                 const std::optional<model::IntOrString>& share, bool all_at_most) {
  if (!share) return true;
  const std::optional<std::int64_t> of_hundred = scaled(*share, 100);
  const auto refuse = [&](std::string message, std::string remedy) {
    context.findings.error(place[field], {"bad-strategy", std::move(message), std::move(remedy)});
    return false;
  };
  if (!of_hundred)
    return refuse(
        fmt::format("{} is neither a number nor a percentage", quote(share->string_value())),
        "write 1 or \"25%\", for instance");
  if (*of_hundred < 0)
    return refuse(fmt::format("{} {} is below zero", field, *of_hundred), "write 0 or more");
  if (all_at_most && share->is_string() && *of_hundred > 100)
    return refuse(fmt::format("{} {} is more than all pods", field, share->string_value()),
                  "write at most \"100%\"");
  return true;
}

// The API server wants pods to go first or to come first: Deployments at least one of both,
// DaemonSets exactly one.
void check_rolling_update(const Context& context, const Place& place,
                          const model::RollingUpdate& update, bool of_daemons) {
  const bool surge = check_share(context, place, "maxSurge", update.maxSurge, of_daemons);
  if (!check_share(context, place, "maxUnavailable", update.maxUnavailable, true) || !surge) return;
  const model::IntOrString usual =
      of_daemons ? model::IntOrString::from_int(1) : model::IntOrString::from_string("25%");
  const auto is_zero = [](const model::IntOrString& share) { return scaled(share, 100) == 0; };
  const bool none_goes = is_zero(update.maxUnavailable.value_or(usual));
  const bool none_comes =
      is_zero(update.maxSurge.value_or(of_daemons ? model::IntOrString() : usual));
  if (none_goes && none_comes)
    context.findings.error(place, place.key(),
                           {"bad-strategy", "maxUnavailable and maxSurge may not both be 0",
                            "write maxUnavailable: 1"});
  if (of_daemons && !none_goes && !none_comes)
    context.findings.error(
        place["maxSurge"],
        {"bad-strategy",
         "a DaemonSet with maxSurge has no maxUnavailable (1 where it is not written)",
         "write maxUnavailable: 0"});
}

void check_strategy_type(const Context& context, const Place& place, const std::string& type,
                         const char* other) {
  if (type.empty() || type == "RollingUpdate" || type == other) return;
  context.findings.error(place["type"],
                         {"bad-strategy", fmt::format("no strategy is called {}", quote(type)),
                          fmt::format("write RollingUpdate or {}", other)});
}

void check_strategies(const Context& context, const Place& spec, const model::DeploymentSpec& of) {
  const Place place = spec["strategy"];
  check_strategy_type(context, place, of.strategy.type, "Recreate");
  const Place update = place["rollingUpdate"];
  if (of.strategy.type == "Recreate" && update.exists())
    context.findings.error(update, update.key(),
                           {"bad-strategy", "Recreate takes no rollingUpdate", "remove it"});
  else
    check_rolling_update(context, update, of.strategy.rollingUpdate, false);
}

void check_strategies(const Context& context, const Place& spec, const model::DaemonSetSpec& of) {
  const Place place = spec["updateStrategy"];
  check_strategy_type(context, place, of.updateStrategy.type, "OnDelete");
  check_rolling_update(context, place["rollingUpdate"], of.updateStrategy.rollingUpdate, true);
}

void check_strategies(const Context& context, const Place& spec, const model::StatefulSetSpec& of) {
  const Place place = spec["updateStrategy"];
  check_strategy_type(context, place, of.updateStrategy.type, "OnDelete");
  check_share(context, place["rollingUpdate"], "maxUnavailable",
              of.updateStrategy.rollingUpdate.maxUnavailable, true);
}

void check_success_policy(const Context& context, const Place& place,
                          const model::SuccessPolicy& policy) {
  for (std::size_t i = 0; i < policy.rules.size(); ++i)
    check_count(context, place["rules"][i], "succeededCount", policy.rules[i].succeededCount);
}

// The fields that count something, of whichever controllers have them.
template <class Spec>
void check_counts(const Context& context, const Place& place, const Spec& spec) {
  const auto check = [&](std::string_view field, const std::optional<std::int64_t>& count) {
    check_count(context, place, field, count);
  };
  if constexpr (requires { spec.replicas; }) check("replicas", spec.replicas);
  if constexpr (requires { spec.minReadySeconds; }) check("minReadySeconds", spec.minReadySeconds);
  if constexpr (requires { spec.revisionHistoryLimit; })
    check("revisionHistoryLimit", spec.revisionHistoryLimit);
  if constexpr (requires { spec.progressDeadlineSeconds; })
    check("progressDeadlineSeconds", spec.progressDeadlineSeconds);
  if constexpr (requires { spec.ordinals; }) {
    check_count(context, place["updateStrategy"]["rollingUpdate"], "partition",
                spec.updateStrategy.rollingUpdate.partition);
    check_count(context, place["ordinals"], "start", spec.ordinals.start);
  }
  if constexpr (requires { spec.completions; }) {
    check("parallelism", spec.parallelism);
    check("completions", spec.completions);
    check("backoffLimit", spec.backoffLimit);
    check("activeDeadlineSeconds", spec.activeDeadlineSeconds);
    check("ttlSecondsAfterFinished", spec.ttlSecondsAfterFinished);
    if (spec.successPolicy)
      check_success_policy(context, place["successPolicy"], *spec.successPolicy);
  }
}

void check_controller(const Context& context, const model::Object& object) {
  const auto counts = [&](const auto& kind) {
    check_counts(context, Place(object)["spec"], kind.spec);
  };
  const auto both = [&](const auto& kind) {
    check_selector(context, object, kind.spec.selector, kind.spec.template_.metadata.labels);
    counts(kind);
    if constexpr (requires { check_strategies(context, Place(object), kind.spec); })
      check_strategies(context, Place(object)["spec"], kind.spec);
  };
  if (const auto* deployment = object.as<model::Deployment>())
    both(*deployment);
  else if (const auto* set = object.as<model::ReplicaSet>())
    both(*set);
  else if (const auto* old = object.as<model::ReplicationController>())
    counts(*old);
  else if (const auto* daemons = object.as<model::DaemonSet>())
    both(*daemons);
  else if (const auto* stateful = object.as<model::StatefulSet>())
    both(*stateful);
  else if (const auto* job = object.as<model::Job>())
    counts(*job);
}

void check_budget_value(const Context& context, const Place& place,
                        const std::optional<model::IntOrString>& value) {
  if (value && !scaled(*value, 1))
    context.findings.error(place, {"bad-budget",
                                   fmt::format("{} is neither a number nor a percentage",
                                               quote(value->string_value())),
                                   "write 1 or \"50%\", for instance"});
}

void check_budget(const Context& context, const model::Object& object,
                  const model::PodDisruptionBudgetSpec& spec) {
  const Place place = Place(object)["spec"];
  check_budget_value(context, place["minAvailable"], spec.minAvailable);
  check_budget_value(context, place["maxUnavailable"], spec.maxUnavailable);
  if (spec.minAvailable && spec.maxUnavailable)
    return context.findings.error(
        place["minAvailable"], {"bad-budget", "minAvailable and maxUnavailable exclude each other",
                                "keep maxUnavailable"});
  if (!spec.selector)
    return context.findings.warning(
        place, place.key(),
        {"budget-without-pods", "a budget without selector protects no pod",
         "write selector: with the pods' labels"});
  const model::Selector selector = model::Selector::of(spec.selector);
  std::int64_t pods = 0;
  bool any = false;
  for (const PodView& pod : context.world.pods) {
    const bool here = pod.object->metadata.namespace_ == object.metadata.namespace_;
    if (!here || pod.is_daemon() || !selector.matches(pod.metadata->labels)) continue;
    any = true;
    pods += pod.count;
  }
  if (!any) {
    if (!context.world.pods.empty())
      context.findings.warning(place["selector"], place["selector"].key(),
                               {"budget-without-pods", "the selector matches no pod of these files",
                                "write the labels of the pods' template"});
    return;
  }
  const bool none_may_go =
      spec.maxUnavailable
          ? scaled(*spec.maxUnavailable, pods).value_or(1) == 0
          : scaled(spec.minAvailable.value_or(model::IntOrString()), pods).value_or(0) >= pods;
  if (none_may_go && pods > 0)
    context.findings.warning(
        spec.maxUnavailable ? place["maxUnavailable"] : place["minAvailable"],
        {"budget-blocks-drain",
         fmt::format("none of its {} pods may ever be evicted: their nodes are never scaled down",
                     pods),
         "write maxUnavailable: 1"});
}

}  // namespace

void check_workloads(const Context& context) {
  for (const model::Object* object : context.world.objects) {
    check_controller(context, *object);
    if (const auto* budget = object->as<model::PodDisruptionBudget>())
      check_budget(context, *object, budget->spec);
  }
}

}  // namespace gputide::checking
