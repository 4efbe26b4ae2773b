#include <cmath>
#include <cstdio>

#include "base/quantity.h"
#include "base/text.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

Quantity quantity(std::string_view text) {
  Result<Quantity> parsed = Quantity::parse(text);
  if (!parsed) throw std::runtime_error(std::string(text) + ": " + parsed.error().message);
  return std::move(*parsed);
}

std::string number(std::int64_t n) {
  return std::to_string(n);
}

Value rounded(Quantity q, int scale) {
  const bool exact = q.round_up(scale);
  return Value::Map{{"exact", exact, {}}, {"string", q.text(), {}}};
}

Value answer_parse(std::string_view text) {
  const Result<Quantity> q = Quantity::parse(text);
  if (!q) return Value::Map{{"ok", false, {}}, {"error", q.error().message, {}}};
  Value out = Value::Map{{"ok", true, {}}, {"string", q->text(), {}}};
  out.set("format", std::string(q->format_name()));
  out.set("value", number(q->value()));
  out.set("milliValue", number(q->milli_value()));
  out.set("scaled", Value::Map{{"nano", number(q->scaled_value(-9)), {}},
                               {"micro", number(q->scaled_value(-6)), {}},
                               {"kilo", number(q->scaled_value(3)), {}},
                               {"mega", number(q->scaled_value(6)), {}},
                               {"giga", number(q->scaled_value(9)), {}}});
  char text_of_double[64];
  std::snprintf(text_of_double, sizeof text_of_double, "%.17g", q->to_double());
  out.set("float64",
          std::isinf(q->to_double()) ? (q->sign() > 0 ? "+Inf" : "-Inf") : text_of_double);
  out.set("roundUp0", rounded(*q, 0));
  out.set("roundUpMilli", rounded(*q, -3));
  Quantity negative = *q;
  negative.negate();
  out.set("neg", negative.text());
  out.set("sign", q->sign());
  out.set("isZero", q->is_zero());
  std::int64_t whole = 0;
  out.set("asInt64Ok", q->as_int64(whole));
  return out;
}

/// What UnmarshalJSON makes of a raw JSON value: quotes taken off, no escapes undone.
Value answer_json(std::string_view raw) {
  Result<Quantity> q = Quantity();
  if (raw != "null") {
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"')
      raw = raw.substr(1, raw.size() - 2);
    q = Quantity::parse(trim(raw));
  }
  if (!q) return Value::Map{{"ok", false, {}}, {"error", q.error().message, {}}};
  return Value::Map{{"ok", true, {}},
                    {"string", q->text(), {}},
                    {"format", std::string(q->format_name()), {}},
                    {"marshalled", "\"" + q->text() + "\"", {}}};
}

Value answer_pair(const Quantity& a, const Quantity& b) {
  const auto order = a <=> b;
  Value out = Value::Map{{"cmp", order < 0 ? -1 : order > 0 ? 1 : 0, {}}, {"equal", a == b, {}}};
  Quantity sum = a;
  sum.add(b);
  out.set("add", sum.text());
  out.set("addFormat", std::string(sum.format_name()));
  out.set("addValue", number(sum.value()));
  out.set("addMilli", number(sum.milli_value()));
  Quantity difference = a;
  difference.sub(b);
  out.set("sub", difference.text());
  out.set("subFormat", std::string(difference.format_name()));
  out.set("subMilli", number(difference.milli_value()));
  return out;
}

Value answer_sum(const Value::List& parts) {
  Quantity sum;
  for (const Value& part : parts) sum.add(quantity(part.as_string()));
  return Value::Map{{"string", sum.text(), {}},
                    {"format", std::string(sum.format_name()), {}},
                    {"value", number(sum.value()), {}},
                    {"milliValue", number(sum.milli_value()), {}}};
}

Value quantities_answer(const Value& each) {
  const std::string_view kind = each.text_at("kind");
  if (kind == "parse") return answer_parse(each.text_at("in"));
  if (kind == "json") return answer_json(each.text_at("in"));
  if (kind == "pair") return answer_pair(quantity(each.text_at("a")), quantity(each.text_at("b")));
  if (kind == "sum") return answer_sum(need(each, "in").as_list());
  Quantity product = quantity(each.text_at("a"));
  const bool fits = product.mul(std::stoll(std::string(each.text_at("by"))));
  return Value::Map{{"fitsInt64", fits, {}}, {"string", product.text(), {}}};
}

void check_quantities(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases)
    report.compare(id_of(each), quantities_answer(each), need(each, "expect"));
}

const Register kQuantities("quantities", check_quantities);

}  // namespace
}  // namespace gputide::golden
