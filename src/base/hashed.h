// Hashed maps, where things are looked up far more often than walked.
#pragma once

#include <algorithm>
#include <vector>

namespace gputide {

/// The places of a hashed map in the order of its keys. How it lies in memory differs between
/// builds, so that whatever order can decide is to be walked by this.
template <class Map>
auto in_key_order(Map& map) {
  std::vector<decltype(map.begin())> places;
  places.reserve(map.size());
  for (auto place = map.begin(); place != map.end(); ++place) places.push_back(place);
  std::sort(places.begin(), places.end(),
            [](const auto& a, const auto& b) { return a->first < b->first; });
  return places;
}

}  // namespace gputide
