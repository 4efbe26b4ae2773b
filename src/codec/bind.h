// Value <-> described structs. A struct lists its fields once, with BOOST_DESCRIBE_STRUCT, in their
// wire spelling; a trailing '_' escapes a C++ keyword. Fields that exist but that nothing here acts
// on are named in `kKept` and kept as they are in `kept`, so that objects lose nothing.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include "base/diagnostic.h"
#include "base/quantity.h"
#include "base/time.h"
#include "model/cluster_config.h"
#include "model/meta.h"
#include "model/plugin_config.h"
#include "model/value.h"

namespace gputide::codec {

/// Where a reader is inside a document, and where its findings go. Errors name the path as
/// `spec.containers[0].name`.
class Decoder {
 public:
  /// `text` is the file's, for findings that repeat what was written; may be empty.
  Decoder(std::string file, Diagnostics& diagnostics, std::string_view text = {})
      : file_(std::move(file)), diagnostics_(diagnostics), text_(text) {}

  const std::string& file() const { return file_; }
  Diagnostics& diagnostics() { return diagnostics_; }
  /// "spec.template.spec", or "" at the root.
  std::string path() const;

  void error(Span where, std::string_view code, std::string what, std::string remedy = {});
  /// "... wants X, this is Y".
  void wrong_kind(const model::Value& value, std::string_view wanted);
  /// An unquoted boolean or number where a string is needed: an error that can be mended by
  /// quoting.
  void unquoted(const model::Value& value);
  /// A key that the struct does not have. `siblings` is the map that holds it.
  void unknown_field(const model::Member& member, const model::Value& siblings,
                     const std::vector<std::string_view>& known);

  /// Whole objects have apiVersion and kind at their root, which are not the kind's own fields.
  void skip_type() { skip_type_ = true; }
  bool skips(std::string_view key) const {
    return skip_type_ && steps_.empty() && (key == "apiVersion" || key == "kind");
  }

  /// Adds a step to the path for as long as it lives.
  class Step {
   public:
    Step(Decoder& decoder, std::string_view key) : decoder_(decoder) {
      decoder_.steps_.push_back({key, 0});
    }
    Step(Decoder& decoder, std::size_t index) : decoder_(decoder) {
      decoder_.steps_.push_back({{}, index});
    }
    ~Step() { decoder_.steps_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Decoder& decoder_;
  };

 private:
  struct PathStep {
    std::string_view key;  // empty for an index
    std::size_t index;
  };
  std::string file_;
  Diagnostics& diagnostics_;
  std::string_view text_;
  std::vector<PathStep> steps_;
  bool skip_type_ = false;
};

// Scalars. Each reports what it cannot read and leaves `out` as it was.
void decode(const model::Value& value, std::string& out, Decoder& decoder);
void decode(const model::Value& value, bool& out, Decoder& decoder);
void decode(const model::Value& value, std::int32_t& out, Decoder& decoder);
void decode(const model::Value& value, std::int64_t& out, Decoder& decoder);
void decode(const model::Value& value, double& out, Decoder& decoder);
void decode(const model::Value& value, Quantity& out, Decoder& decoder);
void decode(const model::Value& value, Duration& out, Decoder& decoder);
void decode(const model::Value& value, Instant& out, Decoder& decoder);
void decode(const model::Value& value, model::IntOrString& out, Decoder& decoder);
void decode(const model::Value& value, model::Value& out, Decoder& decoder);
/// A list of {key, value, effect}, or eksctl's map form `key: "value:Effect"` (also ":Effect" and
/// "Effect").
void decode(const model::Value& value, model::NodeGroupTaints& out, Decoder& decoder);
/// "all", a count, or a list of indexes and UUIDs.
void decode(const model::Value& value, model::ReplicatedDevices& out, Decoder& decoder);

model::Value encode(const std::string& value);
model::Value encode(bool value);
model::Value encode(std::int32_t value);
model::Value encode(std::int64_t value);
model::Value encode(double value);
model::Value encode(const Quantity& value);
model::Value encode(const Duration& value);
model::Value encode(const Instant& value);
model::Value encode(const model::IntOrString& value);
model::Value encode(const model::Value& value);
model::Value encode(const model::NodeGroupTaints& value);
model::Value encode(const model::ReplicatedDevices& value);

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

template <class T>
concept Keeps = requires(T t) {
  T::kKept;
  t.kept;
};

// Declared first so that containers of containers and of structs find each other.
template <class T>
void decode(const model::Value& value, std::optional<T>& out, Decoder& decoder);
template <class T>
void decode(const model::Value& value, std::vector<T>& out, Decoder& decoder);
template <class T>
void decode(const model::Value& value, std::map<std::string, T>& out, Decoder& decoder);
template <class T>
void decode(const model::Value& value, model::SharedMap<T>& out, Decoder& decoder);
template <class T>
void decode(const model::Value& value, model::Shared<T>& out, Decoder& decoder);
template <Described T>
void decode(const model::Value& value, T& out, Decoder& decoder);
template <class T>
model::Value encode(const std::optional<T>& value);
template <class T>
model::Value encode(const std::vector<T>& value);
template <class T>
model::Value encode(const std::map<std::string, T>& value);
template <class T>
model::Value encode(const model::SharedMap<T>& value);
template <class T>
model::Value encode(const model::Shared<T>& value);
template <Described T>
model::Value encode(const T& value);

/// The wire name of a described member: its C++ name without an escaping '_'.
constexpr std::string_view wire_name(std::string_view member) {
  return member.ends_with('_') ? member.substr(0, member.size() - 1) : member;
}

template <Described T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_any_access |
                                                           boost::describe::mod_inherited>;

template <Described T>
std::vector<std::string_view> known_fields() {
  std::vector<std::string_view> names;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto d) { names.push_back(wire_name(d.name)); });
  if constexpr (Keeps<T>) names.insert(names.end(), std::begin(T::kKept), std::end(T::kKept));
  return names;
}

template <class T>
void decode(const model::Value& value, std::optional<T>& out, Decoder& decoder) {
  if (value.is_null()) return;
  decode(value, out.emplace(), decoder);
}

template <class T>
void decode(const model::Value& value, std::vector<T>& out, Decoder& decoder) {
  if (value.is_null()) return;
  if (!value.is_list()) return decoder.wrong_kind(value, "a list");
  const model::Value::List& items = value.as_list();
  out.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Decoder::Step step(decoder, i);
    T item{};
    if (!items[i].is_null()) decode(items[i], item, decoder);
    out.push_back(std::move(item));
  }
}

template <class T>
void decode(const model::Value& value, std::map<std::string, T>& out, Decoder& decoder) {
  if (value.is_null()) return;
  if (!value.is_map()) return decoder.wrong_kind(value, "a map");
  for (const model::Member& member : value.as_map()) {
    const Decoder::Step step(decoder, member.key);
    T item{};
    if (!member.value.is_null()) decode(member.value, item, decoder);
    out.insert_or_assign(member.key, std::move(item));
  }
}

template <class T>
void decode(const model::Value& value, model::SharedMap<T>& out, Decoder& decoder) {
  std::map<std::string, T> read;
  decode(value, read, decoder);
  for (auto& [key, item] : read) out[key] = std::move(item);
}

template <class T>
void decode(const model::Value& value, model::Shared<T>& out, Decoder& decoder) {
  decode(value, out.edit(), decoder);
}

template <Described T>
bool decode_member(const model::Member& member, T& out, Decoder& decoder) {
  bool found = false;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto d) {
    if (found || wire_name(d.name) != member.key) return;
    found = true;
    if (!member.value.is_null()) decode(member.value, out.*d.pointer, decoder);
  });
  return found;
}

template <Described T>
void decode(const model::Value& value, T& out, Decoder& decoder) {
  if (value.is_null()) return;
  if (!value.is_map()) return decoder.wrong_kind(value, "a map");
  for (const model::Member& member : value.as_map()) {
    if (decoder.skips(member.key)) continue;
    const Decoder::Step step(decoder, member.key);
    if (decode_member(member, out, decoder)) continue;
    if constexpr (Keeps<T>) {
      bool kept = false;
      for (const std::string_view name : T::kKept) kept = kept || name == member.key;
      if (kept) {
        out.kept.push_back(member);
        continue;
      }
    }
    decoder.unknown_field(member, value, known_fields<T>());
  }
}

template <class T>
model::Value encode(const std::optional<T>& value) {
  return value ? encode(*value) : model::Value();
}

template <class T>
model::Value encode(const std::vector<T>& value) {
  model::Value::List items;
  items.reserve(value.size());
  for (const T& item : value) items.push_back(encode(item));
  return model::Value(std::move(items));
}

template <class T>
model::Value encode(const std::map<std::string, T>& value) {
  model::Value::Map members;
  for (const auto& [key, item] : value) members.push_back({key, encode(item), {}});
  return model::Value(std::move(members));
}

template <class T>
model::Value encode(const model::SharedMap<T>& value) {
  model::Value::Map members;
  for (const auto& [key, item] : value) members.push_back({key, encode(item), {}});
  return model::Value(std::move(members));
}

template <class T>
model::Value encode(const model::Shared<T>& value) {
  return encode(*value);
}

// What Go's omitempty leaves out. A set optional is always written.
template <class T>
bool is_empty(const T& value) {
  if constexpr (requires { value.has_value(); })
    return !value.has_value();
  else if constexpr (std::same_as<T, model::Value>)
    return value.is_null();
  else if constexpr (requires { value.empty(); })
    return value.empty();
  else if constexpr (std::same_as<T, bool> || std::is_arithmetic_v<T>)
    return value == T{};
  else if constexpr (Described<T>)
    return encode(value).as_map().empty();
  else
    return false;
}

template <Described T>
model::Value encode(const T& value) {
  model::Value::Map members;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto d) {
    const auto& member = value.*d.pointer;
    if (!is_empty(member)) members.push_back({std::string(wire_name(d.name)), encode(member), {}});
  });
  if constexpr (Keeps<T>) members.insert(members.end(), value.kept.begin(), value.kept.end());
  return model::Value(std::move(members));
}

}  // namespace gputide::codec
