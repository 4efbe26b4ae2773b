#include "decide/scaling/places.h"

#include <memory>
#include <numeric>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace gputide::scaling {
namespace {

using Names = std::vector<std::size_t>;

Places places_of(const Names& now, const Names& before) {
  const auto name_now = [&](std::size_t i) { return now[i]; };
  const auto name_before = [&](std::size_t b) { return before[b]; };
  return Places(places_before(
      now.size(), before.size(), [&](std::size_t i, std::size_t b) { return now[i] == before[b]; },
      name_now, name_before));
}

// Some of those that were there stay, mostly in order, and some come anywhere.
Names changed(const Names& before) {
  Names now;
  std::size_t fresh = before.size() + 1;
  for (const std::size_t name : before) {
    if (*rc::gen::weightedElement<bool>({{1, true}, {9, false}})) now.push_back(++fresh);
    if (*rc::gen::weightedElement<bool>({{1, true}, {4, false}})) continue;
    now.push_back(name);
  }
  while (*rc::gen::arbitrary<bool>()) now.push_back(++fresh);
  if (now.size() > 1 && *rc::gen::arbitrary<bool>()) std::swap(now.front(), now.back());
  return now;
}

RC_GTEST_PROP(PlacesLaw, WhatIsKnownFollowsItsNameAndTheRestComesBack, ()) {
  Names before(*rc::gen::inRange<std::size_t>(0, 30));
  std::iota(before.begin(), before.end(), 1);
  const Names now = changed(before);
  std::vector<std::unique_ptr<std::size_t>> known;
  for (const std::size_t name : before) known.push_back(std::make_unique<std::size_t>(name));
  Names left;
  for (const auto& gone : follow_places(known, places_of(now, before)))
    if (gone != nullptr) left.push_back(*gone);
  RC_ASSERT(known.size() == now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool stayed = now[i] <= before.size();
    RC_ASSERT((known[i] != nullptr) == stayed);
    if (stayed) RC_ASSERT(*known[i] == now[i]);
  }
  Names expected;
  for (const std::size_t name : before)
    if (std::find(now.begin(), now.end(), name) == now.end()) expected.push_back(name);
  RC_ASSERT(left == expected);
}

TEST(Places, ListsThatOnlyLoseAndGainAtTheEndGoForward) {
  EXPECT_TRUE(places_of({1, 2, 3}, {1, 2, 3}).forward);
  EXPECT_TRUE(places_of({1, 3, 9}, {1, 2, 3}).forward);
  EXPECT_TRUE(places_of({1, 9, 3}, {1, 2, 3}).forward);
  EXPECT_EQ(places_of({1, 9, 3}, {1, 2, 3}).stayed, 1U);
  EXPECT_FALSE(places_of({9, 1, 2}, {1, 2, 3}).forward);
  EXPECT_FALSE(places_of({3, 2}, {1, 2, 3}).forward);
}

}  // namespace
}  // namespace gputide::scaling
