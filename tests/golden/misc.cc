#include <algorithm>

#include "base/quantity.h"
#include "base/text.h"
#include "base/time.h"
#include "codec/bind.h"
#include "codec/json.h"
#include "codec/pod_template_hash.h"
#include "model/int_or_string.h"
#include "model/names.h"
#include "model/object_validation.h"
#include "model/pod_requests.h"
#include "model/selector.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

Value list(const std::vector<std::string>& texts) {
  return Value::List(texts.begin(), texts.end());
}

std::string quoted(const std::string& text) {
  std::string out;
  codec::append_json_string(out, text);
  return out;
}

Value wrong(const Error& error) {
  return Value::Map{{"error", error.message, {}}};
}

// --- Names ---

Value name_validation(const Value& each) {
  using namespace model;
  const std::string_view text = each.text_at("value");
  return Value::Map{
      {"qualifiedName", list(check_qualified_name(text)), {}},
      {"labelValue", list(check_label_value(text)), {}},
      {"dns1123Label", list(check_dns1123_label(text)), {}},
      {"dns1123Subdomain", list(check_dns1123_subdomain(text)), {}},
      {"dns1035Label", list(check_dns1035_label(text)), {}},
      {"wildcardDNS1123Subdomain", list(check_wildcard_dns1123_subdomain(text)), {}},
      {"cIdentifier", list(check_c_identifier(text)), {}},
      {"portName", list(check_port_name(text)), {}},
      {"httpHeaderName", list(check_http_header_name(text)), {}},
      {"envVarName", list(check_env_var_name(text)), {}},
      {"configMapKey", list(check_config_map_key(text)), {}},
      {"percent", list(check_percent(text)), {}},
      {"fullyQualifiedName", list(check_fully_qualified_name("f", text)), {}},
      {"fullyQualifiedDomainName", list(check_fully_qualified_domain_name("f", text)), {}},
      {"domainPrefixedPath", list(check_domain_prefixed_path("f", text)), {}},
      {"finalizer", list(check_finalizer("f", text)), {}},
      {"nameIsDNSLabelAsPrefix", list(check_name(NameRule::DnsLabel, text, true)), {}},
      {"nameIsDNSSubdomainAsPrefix", list(check_name(NameRule::DnsSubdomain, text, true)), {}},
      {"nameIsDNS1035LabelAsPrefix", list(check_name(NameRule::Dns1035Label, text, true)), {}}};
}

Value ip_validation(const Value& each) {
  const std::string_view text = each.text_at("value");
  return Value::Map{{"ip", list(model::check_ip("f", text)), {}},
                    {"ipv4", list(model::check_ipv4("f", text)), {}},
                    {"ipv6", list(model::check_ipv6("f", text)), {}},
                    {"cidr", list(model::check_cidr("f", text)), {}}};
}

Value objectmeta_validation(const Value& each) {
  const auto meta = read<model::ObjectMeta>(need(each, "metadata"));
  const Value* generation = need(each, "metadata").find("generation");
  const std::string_view rule = each.text_at("nameRule");
  return list(model::check_object_meta(meta, generation == nullptr ? 0 : generation->as_int(),
                                       need(each, "requiresNamespace").as_bool(),
                                       rule == "DNS subdomain" ? model::NameRule::DnsSubdomain
                                       : rule == "DNS label"   ? model::NameRule::DnsLabel
                                                               : model::NameRule::Dns1035Label,
                                       "metadata"));
}

Value annotations_size(const Value& each) {
  return model::check_annotations_size(static_cast<std::size_t>(
      need(each, "keyLength").as_int() + need(each, "valueLength").as_int()));
}

Value generate_name(const Value& each) {
  const std::string_view prefix = model::name_prefix(each.text_at("base"));
  return Value::Map{
      {"prefix", prefix, {}},
      {"suffixAlphabet", model::kSafeLetters, {}},
      {"suffixLength", static_cast<std::int64_t>(model::kRandomSuffixLength), {}},
      {"totalLength", static_cast<std::int64_t>(prefix.size() + model::kRandomSuffixLength), {}}};
}

Value safe_encode(const Value& each) {
  return model::safe_encode(each.text_at("value"));
}

// --- Times and numbers ---

/// The document in `json`.
Value document(const Value& each) {
  const Result<Value> value = codec::read_json(each.text_at("json"));
  if (!value) throw std::runtime_error(value.error().message);
  return *value;
}

/// Go's decoder names Go types when it refuses; ours names what was written. Only the verdict
/// counts.
Value refused(const Value& each) {
  const Value* error = need(each, "expect").find("error");
  return error == nullptr ? Value("refused") : Value(Value::Map{{"error", *error, {}}});
}

Value duration_parse(const Value& each) {
  const Value written = document(each);
  if (!written.is_string()) return refused(each);
  const Result<Duration> duration = Duration::parse(written.as_string());
  if (!duration) return wrong(duration.error());
  return Value::Map{{"nanoseconds", std::to_string(duration->nanoseconds()), {}},
                    {"marshaled", quoted(duration->text()), {}}};
}

Value duration_format(const Value& each) {
  return Duration::nanoseconds(std::stoll(each.find("nanoseconds")->as_string())).text();
}

Value time_answer(const Result<Instant>& time, const std::string& text) {
  if (!time) return wrong(time.error());
  return Value::Map{{"unixNano", std::to_string(time->nanoseconds()), {}},
                    {"marshaled", quoted(text), {}}};
}

Value time_parse(const Value& each) {
  const Value written = document(each);
  if (written.is_null()) {  // an absent time here
    const Value none = Value::Map{{"unixNano", "", {}}, {"marshaled", "null", {}}};
    return Value::Map{{"time", none, {}}, {"microTime", none, {}}};
  }
  if (!written.is_string()) return refused(each);
  const Result<Instant> time = Instant::parse_rfc3339(written.as_string());
  const Result<Instant> micro = Instant::parse_rfc3339_micro(written.as_string());
  return Value::Map{{"time", time_answer(time, time ? time->rfc3339() : ""), {}},
                    {"microTime", time_answer(micro, micro ? micro->rfc3339_micro() : ""), {}}};
}

std::string marshaled(const model::IntOrString& value) {
  return value.is_string() ? quoted(value.string_value()) : std::to_string(value.int_value());
}

Value intorstring_json(const Value& each) {
  const Value written = document(each);
  model::IntOrString value;
  Diagnostics findings;
  codec::Decoder decoder("golden", findings);
  if (!written.is_null()) codec::decode(written, value, decoder);
  for (const Diagnostic& finding : findings.list())
    if (finding.severity == Severity::Error) return refused(each);
  std::int64_t number = value.int_value();
  if (value.is_string()) {  // upstream's IntValue() reads the text, or is zero
    const model::IntOrString read = model::parse_int_or_string(value.string_value());
    number = read.is_string() ? 0 : read.int_value();
  }
  return Value::Map{
      {"type", value.is_string() ? "string" : "int", {}},
      {"intValue", number, {}},
      {"string", value.is_string() ? value.string_value() : std::to_string(number), {}},
      {"marshaled", marshaled(value), {}}};
}

Value intorstring_parse(const Value& each) {
  const model::IntOrString value = model::parse_int_or_string(each.text_at("value"));
  return Value::Map{{"type", value.is_string() ? "string" : "int", {}},
                    {"marshaled", marshaled(value), {}}};
}

Value intorstring_scaled(const Value& each) {
  const Value& written = need(each, "value");
  const model::IntOrString value =
      written.is_string()
          ? model::IntOrString::from_string(written.as_string())
          : model::IntOrString::from_int(static_cast<std::int32_t>(written.as_int()));
  const std::int64_t total = need(each, "total").as_int();
  const auto up = model::scaled_value(value, total, true);
  const auto down = model::scaled_value(value, total, false);
  if (!up) return wrong(up.error());
  return Value::Map{{"roundUp", *up, {}}, {"roundDown", *down, {}}};
}

Value quantity_forms(const Value& each) {
  const Result<Quantity> q = Quantity::parse(each.text_at("value"));
  if (!q) return wrong(q.error());
  Quantity more = *q, less = *q;
  more.add(*Quantity::parse("1"));
  less.sub(*Quantity::parse("1Gi"));
  return Value::Map{{"string", q->text(), {}},
                    {"value", std::to_string(q->value()), {}},
                    {"milliValue", std::to_string(q->milli_value()), {}},
                    {"sign", q->sign(), {}},
                    {"plusOne", more.text(), {}},
                    {"minus1Gi", less.text(), {}}};
}

// --- Selectors ---

model::StringMap labels(const Value& value) {
  model::StringMap out;
  if (value.is_map())
    for (const model::Member& member : value.as_map()) out[member.key] = member.value.as_string();
  return out;
}

Value label_selector(const Value& each) {
  const auto written = read<model::LabelSelector>(need(each, "selector"));
  const Result<model::Selector> selector = model::Selector::compile(written);
  Value out =
      selector ? Value(Value::Map{{"string", selector->text(), {}}}) : wrong(selector.error());
  if (selector) {
    Value::List matches;
    if (need(each, "labels").is_list())
      for (const Value& set : need(each, "labels").as_list())
        matches.emplace_back(selector->matches(labels(set)));
    out.set("matches", std::move(matches));
  }
  out.set("validation", list(model::check_label_selector(written, "selector")));
  return out;
}

Value selector_string(const Value& each) {
  const Result<model::Selector> selector = model::Selector::parse(each.text_at("value"));
  if (!selector) return wrong(selector.error());
  return Value::Map{{"string", selector->text(), {}},
                    {"matchesEmpty", selector->matches({}), {}},
                    {"matchesAB", selector->matches({{"a", "b"}}), {}},
                    {"matchesA3", selector->matches({{"a", "3"}}), {}}};
}

// --- Pods ---

Value resources(const model::ResourceList& list) {
  Value out = Value::Map{};
  for (const auto& [name, amount] : list) out.set(name, amount.text());
  return out;
}

Value pod_resources(const Value& each) {
  const auto spec = read<model::PodSpec>(need(each, "spec"));
  const model::ResourceList missing = {{"cpu", *Quantity::parse("100m")},
                                       {"memory", *Quantity::parse("200Mi")}};
  return Value::Map{
      {"requests", resources(model::pod_requests(spec)), {}},
      {"requestsWithoutOverhead", resources(model::pod_requests(spec, {true, nullptr})), {}},
      {"requestsNonMissing100m200Mi", resources(model::pod_requests(spec, {false, &missing})), {}},
      {"limits", resources(model::pod_limits(spec)), {}},
      {"qosClass", model::qos_class_name(model::qos_class(spec)), {}}};
}

Value pod_template_hash(const Value& each) {
  const Value* count = each.find("collisionCount");
  const bool counted = count != nullptr && !count->is_null();
  const Value& pod_template = need(each, "template");
  Value answer = Value::Map{
      {"hash",
       codec::pod_template_hash(
           pod_template, codec::TemplateOrigin::AsWritten,
           counted ? std::optional(static_cast<std::int32_t>(count->as_int())) : std::nullopt),
       {}}};
  if (need(each, "expect").find("hashedText") != nullptr)
    answer.set("hashedText",
               codec::pod_template_text(pod_template, codec::TemplateOrigin::AsWritten));
  return answer;
}

using Answer = Value (*)(const Value&);
constexpr std::pair<std::string_view, Answer> kAnswers[] = {
    {"name-validation", name_validation},
    {"ip-validation", ip_validation},
    {"objectmeta-validation", objectmeta_validation},
    {"annotations-size", annotations_size},
    {"generate-name", generate_name},
    {"safe-encode", safe_encode},
    {"duration-parse", duration_parse},
    {"duration-format", duration_format},
    {"time-parse", time_parse},
    {"intorstring-json", intorstring_json},
    {"intorstring-parse", intorstring_parse},
    {"intorstring-scaled", intorstring_scaled},
    {"quantity", quantity_forms},
    {"label-selector", label_selector},
    {"selector-string", selector_string},
    {"pod-resources", pod_resources},
    {"pod-template-hash", pod_template_hash},
};

void check_misc(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value& expected = need(each, "expect");
    const auto* at = std::find_if(std::begin(kAnswers), std::end(kAnswers), [&](const auto& known) {
      return known.first == each.text_at("kind");
    });
    if (at == std::end(kAnswers))
      report.unequal(id_of(each), "no such answer here", std::string(each.text_at("kind")));
    else
      report.compare(id_of(each), at->second(each), expected);
  }
}

const Register kMisc("misc", check_misc);

}  // namespace
}  // namespace gputide::golden
