// The order in which entries of the event heap come due.
#include "sim/heap.h"

#include <string>

#include <gtest/gtest.h>

namespace gputide::sim {
namespace {

constexpr Instant kBegin = Instant::from_seconds(100);

// Notes the keys that come due; x asks for y at its own moment.
struct Notes : Handler {
  Heap heap{kBegin};
  std::string seen;

  void fire(std::uint64_t key, Instant now) override {
    EXPECT_EQ(now, heap.now());
    seen += static_cast<char>(key);
    if (key == 'x') heap.at(now, Priority::Cloud, *this, 'y');
  }
  void at(std::int64_t seconds, Priority priority, char key) {
    heap.at(kBegin + Duration::seconds(seconds), priority, *this, static_cast<std::uint64_t>(key));
  }
  std::string run() {
    while (!heap.empty()) {
      const Instant next = heap.next_at();
      heap.step();
      EXPECT_EQ(next, heap.now());
    }
    return seen;
  }
};

TEST(Heap, EntriesOfThisMomentGoByPriorityThenInTheOrderOfAsking) {
  Notes notes;
  notes.at(0, Priority::Controller, 'c');
  notes.at(-5, Priority::Controller, 'd');  // past: now
  notes.at(0, Priority::Scenario, 'a');
  notes.at(0, Priority::Node, 'b');
  EXPECT_EQ(notes.run(), "abcd");
  EXPECT_EQ(notes.heap.now(), kBegin);
  EXPECT_EQ(notes.heap.fired(), 4U);
}

TEST(Heap, WhatWasAskedForBeforeItsMomentTakesItsPlaceInThatMoment) {
  Notes notes;
  notes.at(7, Priority::Controller, 'z');
  notes.at(7, Priority::Scenario, 'x');  // asks for y, before and after which others come due
  notes.at(7, Priority::Cloud, 'w');
  notes.at(9, Priority::Scenario, '!');
  notes.at(1, Priority::Report, 'o');
  EXPECT_EQ(notes.run(), "oxwyz!");
  EXPECT_EQ(notes.heap.now(), kBegin + Duration::seconds(9));
}

}  // namespace
}  // namespace gputide::sim
