// Seeded random streams, one per cause, so that a new draw in one place does not shift the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"

namespace gputide {

/// An exact probability: `numerator` in `denominator`. No floating point decides what happens.
struct Ratio {
  std::uint64_t numerator;
  std::uint64_t denominator;
};

/// 64-bit FNV-1a, stable across machines and releases. Also names random streams.
constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t seed = 14695981039346656037ULL) {
  std::uint64_t hash = seed;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

/// SplitMix64: small, fast, and good enough for simulation. Equal seeds give equal draws
/// everywhere.
class Rng {
 public:
  /// The stream for `cause` in a run with `seed`: independent of every other cause.
  Rng(std::uint64_t seed, std::string_view cause) : state_(mix(seed ^ fnv1a(cause))) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    return mix(state_);
  }

  /// Uniform in [0, bound). `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound) {
    GPUTIDE_CHECK(bound != 0);
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  /// Uniform in [low, high]. `low` must not be above `high`.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    GPUTIDE_CHECK(low <= high);
    const auto first = static_cast<std::uint64_t>(low);
    const std::uint64_t count = static_cast<std::uint64_t>(high) - first + 1;  // 0 = all of them
    return static_cast<std::int64_t>(first + (count == 0 ? next() : below(count)));
  }

  /// True in `ratio` of the draws.
  bool chance(Ratio ratio) { return below(ratio.denominator) < ratio.numerator; }

  std::uint64_t state() const { return state_; }

 private:
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace gputide
