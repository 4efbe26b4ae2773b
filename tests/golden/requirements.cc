#include "decide/provisioning/requirements.h"

#include <algorithm>

#include "decide/provisioning/node_constraints.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using provisioning::Requirement;
using provisioning::Requirements;

Value list_of(const std::vector<std::string>& items) {
  return Value::List(items.begin(), items.end());
}

Requirement requirement(const Value& v) {
  std::optional<std::int64_t> min_values;
  if (const Value* n = v.find("minValues")) min_values = n->as_int();
  return Requirement::make(v.text_at("key"), v.text_at("operator"), texts(v.find("values")),
                           min_values);
}

Requirements requirements(const Value& list) {
  Requirements out;
  if (list.is_list())
    for (const Value& item : list.as_list()) out.add(requirement(item));
  return out;
}

Value parsed(const Requirement& r) {
  Value::Map out{{"complement", r.complement, {}},
                 {"key", r.key, {}},
                 {"operator", std::string(r.op()), {}},
                 {"values", list_of(r.values), {}}};
  if (r.gte) out.push_back({"gte", *r.gte, {}});
  if (r.lte) out.push_back({"lte", *r.lte, {}});
  if (r.min_values) out.push_back({"minValues", *r.min_values, {}});
  return out;
}

Value parsed(const Requirements& all) {
  Value::List out;
  for (const auto& [key, r] : all) out.push_back(parsed(r));
  return out;
}

Value serialized(const Requirement& r) {
  Value::List out;
  for (const model::NodePoolRequirement& each : r.serialize()) {
    Value::Map entry{{"key", each.key, {}}, {"operator", each.operator_, {}}};
    if (!each.values.empty()) entry.push_back({"values", list_of(each.values), {}});
    if (each.minValues) entry.push_back({"minValues", *each.minValues, {}});
    out.push_back(entry);
  }
  return out;
}

std::string has(const Requirement& r, const Value& probes) {
  std::string out;
  for (const Value& probe : probes.as_list()) out += r.has(probe.as_string()) ? '1' : '0';
  return out;
}

// An error whose text depended on upstream's map order is right if it is one of those seen; what
// names several keys is compared without their order.
std::string in_order(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find("; ", from)) != text.npos; from = at + 2)
    parts.push_back(text.substr(from, at - from));
  parts.push_back(text.substr(from));
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const std::string& part : parts) out += part + "; ";
  return out;
}

Value verdict(const Result<void>& result, const Value& expected) {
  if (result) return Value::Map{{"ok", true, {}}};
  const std::string& ours = result.error().message;
  std::vector<std::string> theirs = texts(expected.find("errorAnyOf"));
  if (const Value* one = expected.find("error")) theirs.push_back(one->as_string());
  for (const std::string& text : theirs)
    if (in_order(text) == in_order(ours)) return expected;
  return Value::Map{{"ok", false, {}}, {"error", ours, {}}};
}

Value pair(const Value& c) {
  const Requirement a = requirement(need(c, "a")), b = requirement(need(c, "b"));
  const Requirement both = a.intersection(b);
  const Value& probes = need(c, "probes");
  return Value::Map{{"a", parsed(a), {}},
                    {"b", parsed(b), {}},
                    {"aHas", has(a, probes), {}},
                    {"bHas", has(b, probes), {}},
                    {"hasIntersection", a.intersects(b), {}},
                    {"hasIntersectionReverse", b.intersects(a), {}},
                    {"intersection", parsed(both), {}},
                    {"intersectionHas", has(both, probes), {}},
                    {"reverse", parsed(b.intersection(a)), {}},
                    {"serialized", serialized(both), {}},
                    {"string", both.text(), {}}};
}

Value sequence(const Value& c) {
  Requirements all;
  Value::List steps;
  std::string key;
  for (const Value& item : need(c, "requirements").as_list()) {
    const Requirement r = requirement(item);
    key = r.key;
    all.add(r);
    steps.push_back(parsed(all.get(key)));
  }
  const Requirement last = all.get(key);
  return Value::Map{{"steps", steps, {}},
                    {"finalHas", has(last, need(c, "probes")), {}},
                    {"serialized", serialized(last), {}},
                    {"string", last.text(), {}}};
}

Value compatible(const Value& c) {
  const Value& expect = need(c, "expect");
  const Requirements a = requirements(need(c, "a")), b = requirements(need(c, "b"));
  const provisioning::LabelSet& known = provisioning::core_well_known_labels();
  Requirements merged = a;
  merged.add(b);
  Value intersects = Value::Map{{"ok", true, {}}};
  const std::vector<std::string> conflicts = a.conflicts(b);
  if (!conflicts.empty())
    intersects = Value::Map{{"ok", false, {}}, {"errors", list_of(conflicts), {}}};
  return Value::Map{{"aHasMinValues", a.has_min_values(), {}},
                    {"aParsed", parsed(a), {}},
                    {"bParsed", parsed(b), {}},
                    {"compatible", verdict(a.compatible(b), need(expect, "compatible")), {}},
                    {"compatibleAllowUndefined",
                     verdict(a.compatible(b, known), need(expect, "compatibleAllowUndefined")),
                     {}},
                    {"intersects", intersects, {}},
                    {"intersectsReverse", b.intersects(a), {}},
                    {"merged", parsed(merged), {}},
                    {"mergedString", merged.text(), {}},
                    {"reverseCompatible", b.is_compatible(a), {}},
                    {"reverseCompatibleAllowUndef", b.is_compatible(a, known), {}}};
}

Value pod_requirements(const Value& c) {
  const auto spec = read<model::PodSpec>(need(c, "podSpec"));
  return Value::Map{{"all", parsed(Requirements::from_pod(spec, false)), {}},
                    {"strict", parsed(Requirements::from_pod(spec, true)), {}}};
}

Value taints(const Value& c) {
  const auto list = read_all<model::Taint>(c.find("taints"));
  const auto with = read_all<model::Taint>(c.find("with"));
  const auto tolerations = read_all<model::Toleration>(c.find("tolerations"));
  std::vector<std::string> errors = provisioning::untolerated(list, tolerations);
  std::sort(errors.begin(), errors.end());
  Value tolerated = Value::Map{{"ok", errors.empty(), {}}};
  if (!errors.empty()) tolerated.set("errors", list_of(errors));
  Value::List merged;
  for (const model::Taint& taint : provisioning::merge_taints(list, with)) {
    Value entry = Value::Map{{"key", taint.key, {}}};
    if (!taint.value.empty()) entry.set("value", taint.value);
    entry.set("effect", taint.effect);
    merged.push_back(entry);
  }
  return Value::Map{{"tolerates", tolerated, {}}, {"merged", merged, {}}};
}

Value host_ports(const Value& c) {
  provisioning::HostPortUsage usage;
  Value::List conflicts;
  for (const Value& pod : need(c, "pods").as_list()) {
    const auto spec = read<model::PodSpec>(Value::Map{{"containers", need(pod, "containers"), {}}});
    const std::string name =
        std::string(pod.text_at("namespace")) + "/" + std::string(pod.text_at("name"));
    const std::vector<provisioning::HostPort> ports = provisioning::host_ports(spec);
    const std::string conflict = usage.conflict(name, ports);
    conflicts.push_back(conflict.empty() ? Value() : Value(conflict));
    if (conflict.empty()) usage.add(name, ports);
  }
  return Value::Map{{"conflict", conflicts, {}}};
}

void check_requirements(std::span<const Value> cases, Report& report) {
  for (const Value& c : cases) {
    const std::string& kind = need(c, "kind").as_string();
    Value ours;
    if (kind == "requirement-pair") ours = pair(c);
    if (kind == "requirement-sequence") ours = sequence(c);
    if (kind == "requirements-compatible") ours = compatible(c);
    if (kind == "pod-requirements") ours = pod_requirements(c);
    if (kind == "taints") ours = taints(c);
    if (kind == "host-ports") ours = host_ports(c);
    report.compare(id_of(c), ours, need(c, "expect"));
  }
}

const Register kRequirements("requirements", check_requirements);

}  // namespace
}  // namespace gputide::golden
