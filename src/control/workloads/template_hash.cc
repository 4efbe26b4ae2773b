#include "control/workloads/template_hash.h"

#include <type_traits>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include "base/rng.h"

namespace gputide::workloads {

namespace {

// Walks described structs, containers and scalars, and mixes all that it meets into one number.
class Hasher {
 public:
  std::uint64_t value() const { return hash_; }

  void mix(const std::string& text) {
    number(text.size());
    hash_ = fnv1a(text, hash_);
  }
  void mix(const Quantity& quantity) { mix(quantity.text()); }
  void mix(const Instant& instant) { number(static_cast<std::uint64_t>(instant.nanoseconds())); }
  void mix(const model::IntOrString& value) {
    number(static_cast<std::uint64_t>(value.int_value()));
    mix(value.string_value());
  }
  void mix(const model::Value& value) {
    number(static_cast<std::uint64_t>(value.kind()));
    switch (value.kind()) {
      case model::Value::Kind::Null:
        return;
      case model::Value::Kind::Bool:
        return number(value.as_bool() ? 1 : 0);
      case model::Value::Kind::Int:
        return number(static_cast<std::uint64_t>(value.as_int()));
      case model::Value::Kind::Double:
        return mix(std::to_string(value.as_double()));
      case model::Value::Kind::String:
        return mix(value.as_string());
      case model::Value::Kind::List:
        return mix(value.as_list());
      case model::Value::Kind::Map:
        return mix(value.as_map());
    }
  }
  void mix(const model::Member& member) {
    mix(member.key);
    mix(member.value);
  }
  template <class T>
  void mix(const model::Shared<T>& shared) {
    mix(*shared);
  }
  template <class T>
  void mix(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      number(static_cast<std::uint64_t>(value));
    } else if constexpr (requires { value.has_value(); }) {
      number(value.has_value() ? 1 : 0);
      if (value) mix(*value);
    } else if constexpr (requires { value.first; }) {
      mix(value.first);
      mix(value.second);
    } else if constexpr (requires { value.begin(); }) {
      number(value.size());
      for (const auto& item : value) mix(item);
    } else {
      using Members = boost::describe::describe_members<T, boost::describe::mod_any_access |
                                                               boost::describe::mod_inherited>;
      boost::mp11::mp_for_each<Members>([&](auto member) { mix(value.*member.pointer); });
      if constexpr (requires { value.kept; }) mix(value.kept);
    }
  }

 private:
  void number(std::uint64_t n) {
    for (int i = 0; i < 8; ++i) {
      hash_ = (hash_ ^ (n & 255)) * 1099511628211ULL;
      n >>= 8;
    }
  }
  std::uint64_t hash_ = 14695981039346656037ULL;
};

}  // namespace

std::string template_hash(const model::PodTemplateSpec& pod_template) {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  Hasher hasher;
  hasher.mix(pod_template);
  std::string text;
  for (std::uint64_t rest = hasher.value(); text.size() < 10; rest /= kLetters.size())
    text += kLetters[rest % kLetters.size()];
  return text;
}

}  // namespace gputide::workloads
