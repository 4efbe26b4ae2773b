// The event heap: virtual time. Nothing in a simulation happens but by an entry of this heap coming
// due.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/time.h"

namespace gputide::sim {

/// What a component does when one of its entries comes due.
class Handler {
 public:
  virtual ~Handler() = default;
  /// `key` is what the component gave to Heap::at. An entry cannot be taken back: a component that
  /// changed its mind ignores the key when it comes (keep a generation number in it).
  virtual void fire(std::uint64_t key, Instant now) = 0;
};

/// Orders what happens at one instant: the world first, then what notices it, then what decides.
enum class Priority : std::uint8_t { Scenario, Cloud, Node, Kube, Controller, Scheduler, Report };

/// A binary heap of (time, priority, sequence). Ties go to the one that was asked for first, so
/// runs are repeatable.
class Heap {
 public:
  explicit Heap(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// Entries that came due so far: the number of events of the run.
  std::uint64_t fired() const { return fired_; }
  /// When the next entry comes due; the heap must not be empty.
  Instant next_at() const {
    GPUTIDE_CHECK(!entries_.empty());
    return entries_.front().at;
  }

  /// Fires `handler` with `key` at `at`, or now if that is past. The handler must outlive the
  /// entry.
  void at(Instant at, Priority priority, Handler& handler, std::uint64_t key = 0);
  void after(Duration delay, Priority priority, Handler& handler, std::uint64_t key = 0) {
    at(now_ + delay, priority, handler, key);
  }

  /// Fires the next entry. The heap must not be empty.
  void step();

 private:
  struct Entry {
    Instant at;
    std::uint64_t order;  // priority in the top 8 bits, then the sequence number
    Handler* handler;
    std::uint64_t key;
  };
  // std::push_heap keeps the greatest on top: "less" is "comes later".
  static bool later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  std::vector<Entry> entries_;
  Instant now_;
  std::uint64_t sequence_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace gputide::sim
