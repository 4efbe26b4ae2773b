#include "model/value.h"

namespace gputide::model {

Value::Value() = default;
Value::Value(bool b) : data_(b) {}
Value::Value(std::int64_t n) : data_(n) {}
Value::Value(int n) : data_(static_cast<std::int64_t>(n)) {}
Value::Value(double d) : data_(d) {}
Value::Value(std::string s) : data_(std::move(s)) {}
Value::Value(std::string_view s) : data_(std::string(s)) {}
Value::Value(const char* s) : data_(std::string(s)) {}
Value::Value(List items) : data_(std::move(items)) {}
Value::Value(Map members) : data_(std::move(members)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

const Value* Value::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const Member& member : as_map())
    if (member.key == key) return &member.value;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(static_cast<const Value*>(this)->find(key));
}

std::string_view Value::text_at(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string())
                                                : std::string_view();
}

Value& Value::set(std::string_view key, Value value) {
  if (is_null()) data_ = Map();
  if (Value* existing = find(key)) return *existing = std::move(value);
  Map& members = as_map();
  if (members.empty()) members.reserve(8);  // a status is written at every turn of its object
  members.push_back({std::string(key), std::move(value), {}});
  return members.back().value;
}

std::string_view Value::kind_text() const {
  switch (kind()) {
    case Kind::Null:
      return "nothing";
    case Kind::Bool:
      return "a boolean";
    case Kind::Int:
      return "a whole number";
    case Kind::Double:
      return "a number";
    case Kind::String:
      return "a string";
    case Kind::List:
      return "a list";
    case Kind::Map:
      return "a map";
  }
  return "";
}

bool Value::operator==(const Value& other) const {
  if (kind() != other.kind()) return false;
  if (!is_map()) return data_ == other.data_;
  if (as_map().size() != other.as_map().size()) return false;
  for (const Member& member : as_map()) {
    const Value* theirs = other.find(member.key);
    if (theirs == nullptr || !(member.value == *theirs)) return false;
  }
  return true;
}

}  // namespace gputide::model
