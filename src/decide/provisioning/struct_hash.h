// The hashes by which Karpenter tells that a template changed: hashstructure v2
// (github.com/mitchellh/hashstructure) with slices as sets, zero values left out; FNV-1 over
// little-endian words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/meta.h"

namespace gputide::provisioning {

class Hash {
 public:
  static std::uint64_t text(std::string_view s) {
    Hash h;
    for (const char c : s) h.byte(static_cast<unsigned char>(c));
    return h.state_;
  }
  static std::uint64_t number(std::int64_t n) {
    Hash h;
    h.word(static_cast<std::uint64_t>(n));
    return h.state_;
  }
  static std::uint64_t flag(bool b) {
    Hash h;
    h.byte(b ? 1 : 0);
    return h.state_;
  }
  static std::uint64_t ordered(std::uint64_t a, std::uint64_t b) {
    Hash h;
    h.word(a);
    h.word(b);
    return h.state_;
  }
  static std::uint64_t finished(std::uint64_t a) {
    Hash h;
    h.word(a);
    return h.state_;
  }

 private:
  void byte(unsigned char b) {
    state_ *= 1099511628211ULL;
    state_ ^= b;
  }
  void word(std::uint64_t w) {
    for (int i = 0; i < 8; ++i) byte(static_cast<unsigned char>(w >> (8 * i)));
  }
  std::uint64_t state_ = 14695981039346656037ULL;
};

/// A struct by its Go name; fields are named as in Go, and left out where they are zero there.
class StructHash {
 public:
  explicit StructHash(std::string_view type) : state_(Hash::text(type)) {}
  void field(std::string_view name, std::uint64_t value) {
    state_ = Hash::finished(state_ ^ Hash::ordered(Hash::text(name), value));
  }
  void field(std::string_view name, const std::string& value) {
    if (!value.empty()) field(name, Hash::text(value));
  }
  void field(std::string_view name, const model::StringMap& map) {
    if (map.empty()) return;
    std::uint64_t all = 0;
    for (const auto& [key, value] : map) all ^= Hash::ordered(Hash::text(key), Hash::text(value));
    field(name, Hash::finished(all));
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_;
};

}  // namespace gputide::provisioning
