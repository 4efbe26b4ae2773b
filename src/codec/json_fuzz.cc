// Any bytes: what is read as JSON is written as JSON that reads back as the same, in both styles.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/json.h"

namespace codec = gputide::codec;
using gputide::model::Value;

namespace {

bool is_number(const Value& value) {
  return value.kind() == Value::Kind::Int || value.kind() == Value::Kind::Double;
}

double number(const Value& value) {
  return value.kind() == Value::Kind::Int ? static_cast<double>(value.as_int()) : value.as_double();
}

/// JSON has one kind of number: 1.0 is written 1, and what is beyond the doubles null.
bool same(const Value& before, const Value& after) {
  if (is_number(before) && !std::isfinite(number(before))) return after.is_null();
  if (is_number(before) && is_number(after)) return number(before) == number(after);
  if (before.kind() != after.kind()) return false;
  if (before.is_list()) {
    if (before.as_list().size() != after.as_list().size()) return false;
    for (std::size_t i = 0; i < before.as_list().size(); ++i)
      if (!same(before.as_list()[i], after.as_list()[i])) return false;
    return true;
  }
  if (before.is_map()) {
    if (before.as_map().size() != after.as_map().size()) return false;
    for (std::size_t i = 0; i < before.as_map().size(); ++i)
      if (before.as_map()[i].key != after.as_map()[i].key ||
          !same(before.as_map()[i].value, after.as_map()[i].value))
        return false;
    return true;
  }
  return before == after;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = codec::read_json(text);
  if (!value) return 0;
  for (const codec::JsonStyle style : {codec::JsonStyle::Compact, codec::JsonStyle::Indented}) {
    const auto again = codec::read_json(codec::write_json(*value, style));
    GPUTIDE_CHECK(again && same(*value, *again));
  }
  return 0;
}
