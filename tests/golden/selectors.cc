#include "model/selector.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using Sets = std::vector<model::StringMap>;

Sets read_sets(const Value& list) {
  Sets out;
  for (const Value& each : list.as_list()) {
    model::StringMap& set = out.emplace_back();
    for (const model::Member& member : each.as_map()) set[member.key] = member.value.as_string();
  }
  return out;
}

template <class Selector>
Value matches(const Selector& selector, const Sets& sets) {
  Value::List out;
  for (std::size_t i = 0; i < sets.size(); ++i)
    if (selector.matches(sets[i])) out.emplace_back(static_cast<std::int64_t>(i));
  return out;
}

Value refused(const Error& error) {
  return Value::Map{{"ok", false, {}}, {"error", error.message, {}}};
}

template <class Selector>
Value right(const Selector& selector, const Sets& sets) {
  return Value::Map{{"ok", true, {}},
                    {"string", selector.text(), {}},
                    {"empty", selector.empty(), {}},
                    {"matches", matches(selector, sets), {}}};
}

Value answer_string(std::string_view text, const Sets& sets) {
  const Result<model::Selector> selector = model::Selector::parse(text);
  if (!selector) return refused(selector.error());
  Value out = right(*selector, sets);
  Value::List requirements;
  for (const model::Selector::Requirement& each : selector->requirements()) {
    Value::List values(each.values.begin(), each.values.end());
    requirements.push_back(Value::Map{{"key", each.key, {}},
                                      {"op", std::string(model::operator_name(each.operator_)), {}},
                                      {"values", std::move(values), {}}});
  }
  out.set("requirements", std::move(requirements));
  return out;
}

Value answer_object(const Value& object, const Sets& sets) {
  std::optional<model::LabelSelector> written;
  if (!object.is_null()) written = read<model::LabelSelector>(object);
  const Result<model::Selector> selector = model::Selector::compile(written);
  return selector ? right(*selector, sets) : refused(selector.error());
}

Value answer_fields(std::string_view text, const Sets& sets) {
  const Result<model::FieldSelector> selector = model::FieldSelector::parse(text);
  if (!selector) return refused(selector.error());
  Value out = right(*selector, sets);
  Value::List requirements;
  for (const model::FieldSelector::Term& term : selector->terms())
    requirements.push_back(Value::Map{
        {"field", term.field, {}}, {"op", term.equal ? "=" : "!=", {}}, {"value", term.value, {}}});
  out.set("requirements", std::move(requirements));
  return out;
}

void check_selectors(std::span<const Value> cases, Report& report) {
  Sets labels, fields;
  for (const Value& each : cases) {
    if (each.text_at("kind") == "labelSets") labels = read_sets(need(each, "sets"));
    if (each.text_at("kind") == "fieldSets") fields = read_sets(need(each, "sets"));
  }
  for (const Value& each : cases) {
    const std::string_view kind = each.text_at("kind");
    if (each.find("expect") == nullptr) continue;  // the tables
    const Value ours = kind == "string"          ? answer_string(each.text_at("in"), labels)
                       : kind == "labelSelector" ? answer_object(need(each, "in"), labels)
                                                 : answer_fields(each.text_at("in"), fields);
    report.compare(id_of(each), ours, need(each, "expect"));
  }
}

const Register kSelectors("selectors", check_selectors);

}  // namespace
}  // namespace gputide::golden
