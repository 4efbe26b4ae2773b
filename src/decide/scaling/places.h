// Where the nodes of a look, or the instances of a group, were in the look before.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace gputide::scaling {

inline constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

/// For each of 0 .. `now` - 1 its place among 0 .. `before` - 1, or kNowhere. `same(i, b)`: i of
/// now is b of before. `key_now` and `key_before` give what is equal just then, for lookups. Mostly
/// few came and few went, and the others are in the order in which they were: they are found by
/// going along both lists, and only the rest is searched for.
template <class Same, class KeyNow, class KeyBefore>
std::vector<std::size_t> places_before(std::size_t now, std::size_t before, Same same,
                                       KeyNow key_now, KeyBefore key_before) {
  constexpr std::size_t kFar = 8;
  std::vector<std::size_t> places(now, kNowhere);
  std::vector<std::size_t> passed;
  std::size_t next = 0;
  bool all = true;
  for (std::size_t i = 0; i < now; ++i) {
    std::size_t at = next;
    while (at < before && at - next < kFar && !same(i, at)) ++at;
    if (at == before || at - next == kFar) {
      all = false;
      continue;
    }
    for (; next < at; ++next) passed.push_back(next);
    places[i] = next++;
  }
  if (all) return places;
  for (; next < before; ++next) passed.push_back(next);
  boost::unordered_flat_map<decltype(key_before(0)), std::size_t> left;
  for (const std::size_t b : passed) left.emplace(key_before(b), b);
  for (std::size_t i = 0; i < now; ++i)
    if (places[i] == kNowhere)
      if (const auto found = left.find(key_now(i)); found != left.end()) places[i] = found->second;
  return places;
}

/// Moves what is known of each from its place before; what is new gets a T{}. What is left over
/// comes back, among T{} for what moved on.
template <class T>
std::vector<T> follow_places(std::vector<T>& list, const std::vector<std::size_t>& places) {
  std::size_t first = 0;  // all before it are where they were
  while (first < list.size() && first < places.size() && places[first] == first) ++first;
  const auto at = list.begin() + static_cast<std::ptrdiff_t>(first);
  std::vector<T> before(std::make_move_iterator(at), std::make_move_iterator(list.end()));
  list.erase(at, list.end());
  list.resize(places.size());
  for (std::size_t i = first; i < places.size(); ++i)
    if (places[i] != kNowhere) list[i] = std::exchange(before[places[i] - first], {});
  return before;
}

}  // namespace gputide::scaling
