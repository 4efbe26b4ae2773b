// What every Kubernetes object has: metadata, selectors, and the small types that fields share.
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe/class.hpp>

#include "base/quantity.h"
#include "base/time.h"
#include "model/value.h"

namespace gputide::model {

/// Fields of a struct that nothing here acts on, as they were written (names: the struct's kKept).
using Kept = Value::Map;

/// A value shared by many owners and copied when one of them edits it: a pod template's spec, for
/// instance.
template <class T>
class Shared {
 public:
  Shared() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a value becomes a shared one where it is stored.
  Shared(T value) : value_(std::make_shared<T>(std::move(value))) {}

  const T& operator*() const { return value_ ? *value_ : empty(); }
  const T* operator->() const { return &**this; }
  /// The value for writing; other owners keep what they had.
  T& edit() {
    if (!value_)
      value_ = std::make_shared<T>();
    else if (value_.use_count() > 1)
      value_ = std::make_shared<T>(*value_);
    return *value_;
  }
  /// Equal addresses mean the same shared value (a cheap first test for equality); never an order.
  const void* identity() const { return value_.get(); }
  /// Whether another owner holds the same value.
  bool shared() const { return value_.use_count() > 1; }
  bool operator==(const Shared& other) const
    requires std::equality_comparable<T>
  {
    return value_ == other.value_ || **this == *other;
  }

 private:
  static const T& empty() {
    static const T kEmpty{};
    return kEmpty;
  }
  std::shared_ptr<T> value_;
};

/// Labels, amounts and the like: a map by name that is shared by the copies of an object until one
/// of them changes it. Objects are copied at every write, and these seldom differ.
template <class T>
class SharedMap {
 public:
  using Map = std::map<std::string, T, std::less<>>;
  using key_type = Map::key_type;
  using mapped_type = Map::mapped_type;
  using value_type = Map::value_type;
  using size_type = Map::size_type;
  using const_iterator = Map::const_iterator;
  using iterator = const_iterator;  // values are changed by key

  SharedMap() = default;
  SharedMap(std::initializer_list<value_type> list) : map_(Map(list)) {}
  template <std::input_iterator Iterator>
    requires std::convertible_to<std::iter_reference_t<Iterator>, value_type>
  SharedMap(Iterator first, Iterator last) : map_(Map(first, last)) {}

  const_iterator begin() const { return map_->begin(); }
  const_iterator end() const { return map_->end(); }
  bool empty() const { return map_->empty(); }
  size_type size() const { return map_->size(); }
  const_iterator find(std::string_view key) const { return map_->find(key); }
  bool contains(std::string_view key) const { return map_->contains(key); }
  /// The key must be there.
  const T& at(std::string_view key) const { return find(key)->second; }

  T& operator[](std::string_view key) {
    Map& map = map_.edit();
    const auto known = map.find(key);
    return known != map.end() ? known->second : map.emplace(key, T()).first->second;
  }
  template <class Key, class... Value>
  std::pair<const_iterator, bool> emplace(Key&& key, Value&&... value) {
    return map_.edit().emplace(std::forward<Key>(key), std::forward<Value>(value)...);
  }
  template <class Value>
  std::pair<const_iterator, bool> try_emplace(std::string_view key, Value&& value) {
    if (const auto known = find(key); known != end()) return {known, false};
    return map_.edit().emplace(std::string(key), std::forward<Value>(value));
  }
  std::pair<const_iterator, bool> insert(value_type entry) {
    return map_.edit().insert(std::move(entry));
  }
  template <class Iterator>
  void insert(Iterator first, Iterator last) {
    if (first != last) map_.edit().insert(first, last);
  }
  template <class Value>
  void insert_or_assign(std::string_view key, Value&& value) {
    (*this)[key] = std::forward<Value>(value);
  }
  /// How many went: 0 or 1.
  size_type erase(std::string_view key) {
    if (!contains(key)) return 0;
    Map& map = map_.edit();
    map.erase(map.find(key));
    return 1;
  }
  void erase(const_iterator entry) { erase(std::string(entry->first)); }
  template <class Predicate>
  void erase_if(Predicate predicate) {
    if (std::any_of(begin(), end(), predicate)) std::erase_if(map_.edit(), predicate);
  }
  void clear() { map_ = {}; }

  /// See Shared.
  const void* identity() const { return map_.identity(); }
  bool operator==(const SharedMap& other) const = default;
  auto operator<=>(const SharedMap& other) const { return *map_ <=> *other.map_; }

 protected:
  Map& own() { return map_.edit(); }

 private:
  Shared<Map> map_;
};

using StringMap = SharedMap<std::string>;

/// Amounts of resources by name. Used as a std::map is: what is not const can be written through
/// its iterators, and is its owner's alone from then on.
class ResourceList : public SharedMap<Quantity> {
 public:
  using SharedMap::SharedMap;
  using iterator = Map::iterator;

  using SharedMap::begin;
  using SharedMap::end;
  using SharedMap::find;
  iterator begin() { return own().begin(); }
  iterator end() { return own().end(); }
  iterator find(std::string_view key) { return own().find(key); }
  std::pair<iterator, bool> emplace(std::string_view key, const Quantity& amount) {
    return own().emplace(key, amount);
  }
  std::pair<iterator, bool> try_emplace(std::string_view key, const Quantity& amount) {
    return emplace(key, amount);
  }
};

/// A number or a percentage such as "25%", as in maxUnavailable.
class IntOrString {
 public:
  IntOrString() = default;
  static IntOrString from_int(std::int32_t n) { return IntOrString(n, {}, false); }
  static IntOrString from_string(std::string s) { return IntOrString(0, std::move(s), true); }
  bool is_string() const { return is_string_; }
  std::int32_t int_value() const { return int_; }
  const std::string& string_value() const { return string_; }
  bool operator==(const IntOrString&) const = default;

 private:
  IntOrString(std::int32_t n, std::string s, bool is_string)
      : int_(n), string_(std::move(s)), is_string_(is_string) {}
  std::int32_t int_ = 0;
  std::string string_;
  bool is_string_ = false;
};

struct OwnerReference {
  std::string apiVersion;
  std::string kind;
  std::string name;
  std::string uid;
  std::optional<bool> controller;
  std::optional<bool> blockOwnerDeletion;
};
BOOST_DESCRIBE_STRUCT(OwnerReference, (),
                      (apiVersion, kind, name, uid, controller, blockOwnerDeletion))

struct ObjectMeta {
  std::string name;
  std::string generateName;
  std::string namespace_;
  std::string uid;
  std::string resourceVersion;
  std::optional<Instant> creationTimestamp;
  std::optional<Instant> deletionTimestamp;
  std::optional<std::int64_t> deletionGracePeriodSeconds;
  StringMap labels;
  StringMap annotations;
  std::vector<OwnerReference> ownerReferences;
  std::vector<std::string> finalizers;
  static constexpr std::string_view kKept[] = {"generation", "managedFields", "selfLink"};
  Kept kept;

  /// The owner with controller: true, or nullptr.
  const OwnerReference* controller() const {
    for (const OwnerReference& owner : ownerReferences)
      if (owner.controller.value_or(false)) return &owner;
    return nullptr;
  }
};
BOOST_DESCRIBE_STRUCT(ObjectMeta, (),
                      (name, generateName, namespace_, uid, resourceVersion, creationTimestamp,
                       deletionTimestamp, deletionGracePeriodSeconds, labels, annotations,
                       ownerReferences, finalizers))

struct LabelSelectorRequirement {
  std::string key;
  std::string operator_;
  std::vector<std::string> values;
  bool operator==(const LabelSelectorRequirement&) const = default;
};
BOOST_DESCRIBE_STRUCT(LabelSelectorRequirement, (), (key, operator_, values))

/// Selects objects by label; empty selects all, absent (an unset optional) selects none.
struct LabelSelector {
  StringMap matchLabels;
  std::vector<LabelSelectorRequirement> matchExpressions;
  bool operator==(const LabelSelector&) const = default;
};
BOOST_DESCRIBE_STRUCT(LabelSelector, (), (matchLabels, matchExpressions))

}  // namespace gputide::model
