// Value: a YAML or JSON document as it was read, with the place of every key and value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostic.h"

namespace gputide::model {

struct Member;

/// One node of a document. Maps keep the order in which they were written; keys are strings, as in
/// JSON. A Value that no person wrote (made by code, or read as plain JSON) has where.line == 0.
class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<Member>;
  enum class Kind { Null, Bool, Int, Double, String, List, Map };

  Value();
  // NOLINTBEGIN(google-explicit-constructor): documents are written as literals.
  Value(bool b);
  Value(std::int64_t n);
  Value(int n);
  Value(double d);
  Value(std::string s);
  Value(std::string_view s);
  Value(const char* s);
  Value(List items);
  Value(Map members);
  // NOLINTEND(google-explicit-constructor)
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::Null; }
  bool is_string() const { return kind() == Kind::String; }
  bool is_map() const { return kind() == Kind::Map; }
  bool is_list() const { return kind() == Kind::List; }

  // Each requires the kind it names.
  bool as_bool() const { return std::get<bool>(data_); }
  std::int64_t as_int() const { return std::get<std::int64_t>(data_); }
  double as_double() const { return std::get<double>(data_); }
  const std::string& as_string() const { return std::get<std::string>(data_); }
  const List& as_list() const { return std::get<List>(data_); }
  List& as_list() { return std::get<List>(data_); }
  const Map& as_map() const { return std::get<Map>(data_); }
  Map& as_map() { return std::get<Map>(data_); }

  /// The member named `key`, or nullptr; also nullptr when this is no map.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// The value at a path of keys ("metadata", "name"), or nullptr.
  template <class... Keys>
  const Value* at(std::string_view key, const Keys&... rest) const {
    const Value* next = find(key);
    if constexpr (sizeof...(rest) == 0)
      return next;
    else
      return next == nullptr ? nullptr : next->at(rest...);
  }
  /// The string at `key`, or "" when absent or not a string.
  std::string_view text_at(std::string_view key) const;
  /// Sets `key`, replacing or appending. Turns a Null into a map first.
  Value& set(std::string_view key, Value value);

  /// What a person calls this kind: "a list", "a string" ...
  std::string_view kind_text() const;

  Span where;
  /// Written in quotes, or as a block: a scalar that YAML must read as a string.
  bool quoted = false;

  /// Equal content; places and quoting do not count, order of map members does not either.
  bool operator==(const Value& other) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

struct Member {
  std::string key;
  Value value;
  Span key_where;
  /// Equal key and content; places do not count.
  bool operator==(const Member& other) const { return key == other.key && value == other.value; }
};

}  // namespace gputide::model
