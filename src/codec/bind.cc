#include "codec/bind.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "base/text.h"
#include "codec/json.h"

namespace gputide::codec {

using model::Value;

std::string Decoder::path() const {
  std::string out;
  for (const PathStep& step : steps_) {
    if (step.key.empty()) {
      out += fmt::format("[{}]", step.index);
    } else if (step.key.find_first_of("./") != std::string_view::npos) {
      out += fmt::format("[{}]", quote(step.key));
    } else {
      if (!out.empty()) out += '.';
      out += step.key;
    }
  }
  return out;
}

void Decoder::error(Span where, std::string_view code, std::string what, std::string remedy) {
  diagnostics_.error(file_, where, std::string(code), std::move(what), std::move(remedy));
}

void Decoder::wrong_kind(const Value& value, std::string_view wanted) {
  std::string remedy;
  if (value.is_string()) {
    const std::string& text = value.as_string();
    const bool number =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
    if ((wanted == "true or false" && (text == "true" || text == "false")) ||
        (wanted == "a whole number" && number))
      remedy = fmt::format("write {} without quotes", text);
  }
  error(value.where, "wrong-type",
        fmt::format("{} wants {}, this is {}", path(), wanted, value.kind_text()), remedy);
}

void Decoder::unquoted(const Value& value) {
  const Span& where = value.where;
  const bool written = where.end > where.begin && where.end <= text_.size();
  const std::string text =
      written ? std::string(text_.substr(where.begin, where.end - where.begin)) : write_json(value);
  const std::string_view kind = value.kind() == Value::Kind::Bool ? "bool" : "number";
  Diagnostic diagnostic{
      Severity::Error,
      file_,
      where,
      "unquoted-scalar",
      fmt::format("{} takes a string, and {} without quotes is {}; the API server "
                  "refuses it (cannot unmarshal {} into a string)",
                  path(), text, value.kind_text(), kind),
      fmt::format("write \"{}\"", text),
      {}};
  if (written) diagnostic.fix.push_back({where, fmt::format("\"{}\"", text)});
  diagnostics_.add(std::move(diagnostic));
}

// What people write where another field is meant, and what to write, if `known` is a field there.
struct Meant {
  std::string_view written;
  std::string_view known;
  std::string_view remedy;
};
constexpr Meant kMeant[] = {
    {"limits", "resources", "write it under resources"},
    {"requests", "resources", "write it under resources"},
    {"desiredSize", "desiredCapacity", "did you mean \"desiredCapacity\"?"},
    {"instancesDistribution", "spot", "managed node groups take instanceTypes and spot: true"},
};

void Decoder::unknown_field(const model::Member& member, const Value& siblings,
                            const std::vector<std::string_view>& known) {
  Diagnostic diagnostic{Severity::Error,
                        file_,
                        member.key_where,
                        "unknown-field",
                        fmt::format("unknown field \"{}\"", path()),
                        "remove it",
                        {}};
  if (const auto meant = closest(member.key, known)) {
    diagnostic.remedy = fmt::format("did you mean \"{}\"?", *meant);
    const bool only_case = to_lower(member.key) == to_lower(*meant);
    const Span& where = member.key_where;
    if (only_case && siblings.find(*meant) == nullptr && where.end - where.begin == meant->size())
      diagnostic.fix.push_back({where, std::string(*meant)});
  }
  for (const Meant& meant : kMeant)
    if (member.key == meant.written &&
        std::find(known.begin(), known.end(), meant.known) != known.end())
      diagnostic.remedy = meant.remedy;
  diagnostics_.add(std::move(diagnostic));
}

void decode(const Value& value, std::string& out, Decoder& decoder) {
  switch (value.kind()) {
    case Value::Kind::String:
      out = value.as_string();
      return;
    case Value::Kind::Bool:
    case Value::Kind::Int:
    case Value::Kind::Double:
      decoder.unquoted(value);
      return;
    default:
      decoder.wrong_kind(value, "a string");
      return;
  }
}

void decode(const Value& value, bool& out, Decoder& decoder) {
  if (value.kind() != Value::Kind::Bool) return decoder.wrong_kind(value, "true or false");
  out = value.as_bool();
}

void decode(const Value& value, std::int32_t& out, Decoder& decoder) {
  std::int64_t wide = 0;
  if (value.kind() != Value::Kind::Int) return decoder.wrong_kind(value, "a whole number");
  wide = value.as_int();
  if (wide < std::numeric_limits<std::int32_t>::min() ||
      wide > std::numeric_limits<std::int32_t>::max())
    return decoder.error(value.where, "out-of-range",
                         fmt::format("{} is beyond the range of {}", wide, decoder.path()));
  out = static_cast<std::int32_t>(wide);
}

void decode(const Value& value, std::int64_t& out, Decoder& decoder) {
  if (value.kind() != Value::Kind::Int) return decoder.wrong_kind(value, "a whole number");
  out = value.as_int();
}

void decode(const Value& value, double& out, Decoder& decoder) {
  if (value.kind() == Value::Kind::Int)
    out = static_cast<double>(value.as_int());
  else if (value.kind() == Value::Kind::Double)
    out = value.as_double();
  else
    decoder.wrong_kind(value, "a number");
}

void decode(const Value& value, Quantity& out, Decoder& decoder) {
  std::string text;
  switch (value.kind()) {
    case Value::Kind::String:
      text = value.as_string();
      break;
    case Value::Kind::Int:
    case Value::Kind::Double:
      text = write_json(value);
      break;
    default:
      return decoder.wrong_kind(value, "a quantity such as \"500m\" or \"2Gi\"");
  }
  const Result<Quantity> parsed = Quantity::parse(text);
  if (!parsed)
    return decoder.error(value.where, "bad-quantity",
                         fmt::format("{} is {}, which is not a quantity: {}", decoder.path(),
                                     quote(text), parsed.error().message),
                         "write a number with a suffix such as m, Ki, Mi, Gi, k, M or G");
  out = *parsed;
}

void decode(const Value& value, Duration& out, Decoder& decoder) {
  if (!value.is_string()) return decoder.wrong_kind(value, "a duration such as \"10m\"");
  const Result<Duration> parsed = Duration::parse(value.as_string());
  if (!parsed)
    return decoder.error(value.where, "bad-duration",
                         fmt::format("{}: {}", decoder.path(), parsed.error().message),
                         "write a duration such as 90s, 10m or 2h");
  out = *parsed;
}

void decode(const Value& value, Instant& out, Decoder& decoder) {
  if (!value.is_string())
    return decoder.wrong_kind(value, "a time such as \"2026-01-15T12:00:00Z\"");
  const Result<Instant> parsed = Instant::parse_rfc3339(value.as_string());
  if (!parsed)
    return decoder.error(value.where, "bad-time",
                         fmt::format("{}: {}", decoder.path(), parsed.error().message));
  out = *parsed;
}

void decode(const Value& value, model::IntOrString& out, Decoder& decoder) {
  if (value.kind() == Value::Kind::Int) {
    std::int32_t number = 0;
    decode(value, number, decoder);
    out = model::IntOrString::from_int(number);
  } else if (value.is_string()) {
    out = model::IntOrString::from_string(value.as_string());
  } else {
    decoder.wrong_kind(value, "a whole number or a string");
  }
}

void decode(const Value& value, Value& out, Decoder&) {
  out = value;
}

Value encode(const std::string& value) {
  return Value(value);
}
Value encode(bool value) {
  return Value(value);
}
Value encode(std::int32_t value) {
  return Value(static_cast<std::int64_t>(value));
}
Value encode(std::int64_t value) {
  return Value(value);
}
Value encode(double value) {
  return Value(value);
}
Value encode(const Quantity& value) {
  return Value(value.text());
}
Value encode(const Duration& value) {
  return Value(value.text());
}
Value encode(const Instant& value) {
  return Value(value.rfc3339());
}
Value encode(const model::IntOrString& value) {
  return value.is_string() ? Value(value.string_value())
                           : Value(static_cast<std::int64_t>(value.int_value()));
}
Value encode(const Value& value) {
  return value;
}

}  // namespace gputide::codec
