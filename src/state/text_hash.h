// Hashes of texts for maps that are asked often: eight bytes at a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

namespace gputide::state {

/// Equal texts and seeds give equal values in every run. For finding things alone: the values
/// depend on the machine's byte order.
inline std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 14695981039346656037ULL) {
  const auto read = [&](std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    return word;
  };
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15ULL;
  std::uint64_t hash = seed ^ (text.size() * kOdd);
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * kOdd;
    hash ^= hash >> 32;
  };
  if (text.size() >= sizeof(std::uint64_t)) {
    const std::size_t last = text.size() - sizeof(std::uint64_t);
    for (std::size_t at = 0; at < last; at += sizeof(std::uint64_t)) mix(read(at));
    mix(read(last));  // it may hold some of the bytes before once more
    return hash;
  }
  std::uint64_t rest = 0;
  for (const char c : text) rest = rest << 8 | static_cast<unsigned char>(c);
  mix(rest);
  return hash;
}

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view text) const { return hash_of(text); }
};

/// Found by any kind of text.
template <class Value>
using TextMap = boost::unordered_flat_map<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace gputide::state
