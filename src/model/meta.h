// What every Kubernetes object has: metadata, selectors, and the small types that fields share.
#pragma once

#include <concepts>
#include <cstdint>
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

using StringMap = std::map<std::string, std::string>;
using ResourceList = std::map<std::string, Quantity>;

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
