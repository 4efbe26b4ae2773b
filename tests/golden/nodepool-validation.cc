#include <algorithm>

#include "decide/provisioning/disruption_budgets.h"
#include "decide/provisioning/node_pool_validation.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using provisioning::Errors;

Value verdict(Errors errors, const Value& expect) {
  if (errors.empty()) return Value::Map{{"ok", true, {}}};
  if (expect.find("errors") == nullptr) return Value::Map{{"ok", false, {}}};  // text not fixed
  std::sort(errors.begin(), errors.end());
  return Value::Map{{"errors", Value::List(errors.begin(), errors.end()), {}}, {"ok", false, {}}};
}

model::NodePoolSpec spec_of(const Value& c) {
  return read<model::NodePool>(Value::Map{{"spec", need(c, "spec"), {}}}).spec;
}

model::ResourceList resources(const Value& map) {
  model::ResourceList out;
  if (map.is_map())
    for (const model::Member& m : map.as_map()) out[m.key] = *Quantity::parse(m.value.as_string());
  return out;
}

model::NodePoolRequirement nodepool_requirement(const Value& v) {
  model::NodePoolRequirement out;
  out.key = v.text_at("key");
  out.operator_ = v.text_at("operator");
  if (const Value* values = v.find("values"); values != nullptr && values->is_list())
    for (const Value& value : values->as_list()) out.values.push_back(value.as_string());
  if (const Value* n = v.find("minValues")) out.minValues = n->as_int();
  return out;
}

Value budgets(const Value& c) {
  std::vector<provisioning::Budget> list;
  const Value& given = need(c, "budgets");
  if (given.is_list())
    for (const Value& v : given.as_list()) {
      provisioning::Budget b;
      b.nodes = v.text_at("nodes");
      if (const Value* reasons = v.find("reasons"); reasons != nullptr && reasons->is_list()) {
        b.reasons.emplace();
        for (const Value& r : reasons->as_list()) b.reasons->push_back(r.as_string());
      }
      if (const Value* s = v.find("schedule")) b.schedule = s->as_string();
      if (const Value* d = v.find("duration")) b.duration = d->as_string();
      list.push_back(b);
    }
  const Instant now = *Instant::parse_rfc3339(need(c, "now").as_string());
  Value out = Value::Map{};
  for (const char* reason : {"Drifted", "Empty", "Underutilized"}) {
    const provisioning::Allowed allowed =
        provisioning::allowed_disruptions(list, need(c, "numNodes").as_int(), reason, now);
    Value entry = Value::Map{{"allowed", allowed.nodes, {}}};
    entry.set("must", allowed.error.empty() ? allowed.nodes : 0);
    if (!allowed.error.empty()) entry.set("error", allowed.error);
    out.set(reason, entry);
  }
  Value::List active;
  for (const provisioning::Budget& b : list) {
    const auto is = provisioning::budget_active(b, now);
    active.push_back(is ? Value(*is) : Value("error"));
  }
  out.set("active", given.is_list() ? Value(active) : Value());
  return out;
}

Value duration(const Value& c) {
  const Value read = *codec::read_json(need(c, "json").as_string());
  const auto failure = [](std::string text) { return Value(Value::Map{{"error", text, {}}}); };
  if (!read.is_string() && !read.is_null())  // the decoder's, before there is a duration
    return failure("json: cannot unmarshal number into Go value of type string");
  const auto parsed =
      provisioning::parse_nillable_duration(read.is_null() ? std::string() : read.as_string());
  if (!parsed) return failure(parsed.error().message);
  Value out = Value::Map{{"marshaled", codec::write_json(read), {}}};
  out.set("nanoseconds", *parsed ? Value((*parsed)->nanoseconds()) : Value());
  return out;
}

void check_nodepool_validation(std::span<const Value> cases, Report& report) {
  for (const Value& c : cases) {
    const std::string& kind = need(c, "kind").as_string();
    const Value& expect = need(c, "expect");
    Value ours;
    if (kind == "nodepool-validate")
      ours = verdict(provisioning::validate_node_pool(spec_of(c)), expect);
    if (kind == "requirement-validate")
      ours = verdict(
          provisioning::validate_requirement(nodepool_requirement(need(c, "requirement"))), expect);
    if (kind == "pod-validate")
      ours = verdict(provisioning::validate_pod(read<model::PodSpec>(need(c, "podSpec"))), expect);
    if (kind == "label-restricted") {
      const std::string why = provisioning::restricted_label(need(c, "key").as_string());
      ours = verdict(why.empty() ? Errors{} : Errors{why}, expect);
    }
    if (kind == "limits-exceeded") {
      Errors found =
          provisioning::exceeded_limits(resources(need(c, "limits")), resources(need(c, "usage")));
      std::sort(found.begin(), found.end());
      ours = found.empty()
                 ? Value(Value::Map{{"ok", true, {}}})
                 : Value(Value::Map{{"ok", false, {}},
                                    {"anyOf", Value::List(found.begin(), found.end()), {}}});
    }
    if (kind == "nodepool-hash")
      ours = Value::Map{{"hash", provisioning::node_pool_hash(spec_of(c).template_), {}},
                        {"hashVersion", "v3", {}}};
    if (kind == "disruption-budget") ours = budgets(c);
    if (kind == "nillable-duration") ours = duration(c);
    report.compare(id_of(c), ours, expect);
  }
}

const Register kValidation("nodepool-validation", check_nodepool_validation);

}  // namespace
}  // namespace gputide::golden
