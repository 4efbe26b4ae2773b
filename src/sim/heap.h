// The event heap: virtual time. Nothing in a simulation happens but by an entry of this heap coming
// due.
#pragma once

#include <array>
#include <cstddef>
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

/// Entries by (time, priority, sequence). Ties go to the one that was asked for first, so runs are
/// repeatable. Most entries come due at the moment at which they are asked for: those wait in a
/// queue of their priority, the others in a binary heap.
class Heap {
 public:
  explicit Heap(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  bool empty() const { return queued_ == 0 && entries_.empty(); }
  /// Entries that came due so far: the number of events of the run.
  std::uint64_t fired() const { return fired_; }
  /// When the next entry comes due; the heap must not be empty.
  Instant next_at() const {
    GPUTIDE_CHECK(!empty());
    return queued_ != 0 ? now_ : entries_.front().at;
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

  // What is due now, in order.
  struct Queue {
    std::vector<Entry> entries;
    std::size_t next = 0;
  };
  Entry take();
  Entry take_queued(std::size_t priority);

  std::vector<Entry> entries_;
  std::array<Queue, static_cast<std::size_t>(Priority::Report) + 1> queues_;
  std::uint32_t queued_ = 0;  // a bit for each priority whose queue holds something
  Instant now_;
  std::uint64_t sequence_ = 0;
  std::uint64_t fired_ = 0;
};

}  // namespace gputide::sim
