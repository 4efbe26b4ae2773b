// Where the nodes of a look, or the instances of a group, were in the look before.
#pragma once

#include <algorithm>
#include <cstddef>
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

/// What places_before answered, for lists that follow it.
struct Places {
  explicit Places(std::vector<std::size_t> places_before) : before(std::move(places_before)) {
    while (stayed < before.size() && before[stayed] == stayed) ++stayed;
    std::size_t least = stayed;
    for (std::size_t i = stayed; i < before.size(); ++i) {
      if (before[i] == kNowhere) continue;
      forward = forward && before[i] >= std::max(least, i);
      least = before[i] + 1;
    }
  }
  std::vector<std::size_t> before;
  std::size_t stayed = 0;  // so many at the beginning are where they were
  bool forward = true;     // none went back, or past another
};

/// Moves what is known of each from its place before; what is new gets a T{}. What is left over
/// comes back, maybe among T{} for what moved on.
template <class T>
std::vector<T> follow_places(std::vector<T>& list, const Places& places) {
  std::vector<T> gone;
  if (!places.forward) {
    gone = std::exchange(list, std::vector<T>(places.before.size()));
    for (std::size_t i = 0; i < list.size(); ++i)
      if (places.before[i] != kNowhere) list[i] = std::exchange(gone[places.before[i]], {});
    return gone;
  }
  std::size_t from = places.stayed;  // the next to move on, or to go
  const auto let_go = [&](std::size_t end) {
    for (; from < end; ++from) gone.push_back(std::move(list[from]));
  };
  const std::size_t end = std::min(list.size(), places.before.size());
  for (std::size_t i = places.stayed; i < end; ++i) {
    const std::size_t place = places.before[i];
    let_go(place == kNowhere ? i + 1 : place);
    if (place == kNowhere) {
      list[i] = T{};
    } else {
      if (place != i) list[i] = std::move(list[place]);
      from = place + 1;
    }
  }
  let_go(list.size());
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(end), list.end());
  list.resize(places.before.size());
  return gone;
}

}  // namespace gputide::scaling
