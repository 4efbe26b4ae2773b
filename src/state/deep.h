// Hash and equality of described model structs, member by member. Quantities are equal by value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include "base/quantity.h"
#include "model/meta.h"
#include "state/text_hash.h"

namespace gputide::state {

template <class T>
using Described = boost::describe::describe_members<T, boost::describe::mod_public>;

/// Collects a hash. Equal objects give equal hashes in every run.
class DeepHash {
 public:
  std::uint64_t value() const { return hash_; }

  void add(const std::string& text) { hash_ = hash_of(text, hash_); }
  void add(const Quantity& quantity) { add(quantity.milli_value()); }
  void add(const model::Value& value) { add(static_cast<int>(value.kind())); }
  template <class T>
    requires std::is_integral_v<T>
  void add(T number) {
    hash_ = (hash_ ^ static_cast<std::uint64_t>(number)) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  template <class T>
  void add(const std::optional<T>& value) {
    add(value.has_value());
    if (value) add(*value);
  }
  template <class T>
  void add(const std::vector<T>& list) {
    add(list.size());
    for (const T& item : list) add(item);
  }
  template <class Map>
    requires requires { typename Map::mapped_type; }
  void add(const Map& map) {
    add(map.size());
    for (const auto& [key, value] : map) {
      add(key);
      add(value);
    }
  }
  template <class T>
    requires boost::describe::has_describe_members<T>::value
  void add(const T& object) {
    boost::mp11::mp_for_each<Described<T>>([&](auto member) { add(object.*member.pointer); });
  }

 private:
  std::uint64_t hash_ = 14695981039346656037ULL;
};

template <class T>
bool deep_equal(const T& a, const T& b);

template <class T>
bool deep_equal(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || deep_equal(*a, *b));
}
template <class T>
bool deep_equal(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!deep_equal(a[i], b[i])) return false;
  return true;
}
template <class T>
bool deep_equal(const std::map<std::string, T>& a, const std::map<std::string, T>& b) {
  if (a.size() != b.size()) return false;
  for (auto i = a.begin(), j = b.begin(); i != a.end(); ++i, ++j)
    if (i->first != j->first || !deep_equal(i->second, j->second)) return false;
  return true;
}
template <class T>
bool deep_equal(const model::Shared<T>& a, const model::Shared<T>& b) {
  return a.identity() == b.identity() || deep_equal(*a, *b);
}
template <class T>
bool deep_equal(const T& a, const T& b) {
  if constexpr (boost::describe::has_describe_members<T>::value) {
    bool equal = true;
    boost::mp11::mp_for_each<Described<T>>(
        [&](auto member) { equal = equal && deep_equal(a.*member.pointer, b.*member.pointer); });
    return equal;
  } else {
    return a == b;
  }
}

}  // namespace gputide::state
