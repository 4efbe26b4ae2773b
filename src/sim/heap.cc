#include "sim/heap.h"

#include <algorithm>
#include <bit>

namespace gputide::sim {

void Heap::at(Instant at, Priority priority, Handler& handler, std::uint64_t key) {
  const auto lane = static_cast<std::size_t>(priority);
  const std::uint64_t order = (static_cast<std::uint64_t>(priority) << 56) | sequence_++;
  if (at <= now_) {
    queues_[lane].entries.push_back({now_, order, &handler, key});
    queued_ |= std::uint32_t{1} << lane;
    return;
  }
  entries_.push_back({at, order, &handler, key});
  std::push_heap(entries_.begin(), entries_.end(), later);
}

Heap::Entry Heap::take_queued(std::size_t priority) {
  Queue& queue = queues_[priority];
  const Entry entry = queue.entries[queue.next++];
  if (queue.next < queue.entries.size()) return entry;
  queue.entries.clear();
  queue.next = 0;
  queued_ &= ~(std::uint32_t{1} << priority);
  return entry;
}

// What is queued is of this moment, and time moves on only when nothing is.
Heap::Entry Heap::take() {
  if (queued_ != 0) {
    const auto priority = static_cast<std::size_t>(std::countr_zero(queued_));
    const Queue& queue = queues_[priority];
    if (entries_.empty() || later(entries_.front(), queue.entries[queue.next]))
      return take_queued(priority);
  }
  std::pop_heap(entries_.begin(), entries_.end(), later);
  const Entry entry = entries_.back();
  entries_.pop_back();
  return entry;
}

void Heap::step() {
  GPUTIDE_CHECK(!empty());
  const Entry entry = take();
  now_ = entry.at;
  ++fired_;
  entry.handler->fire(entry.key, now_);
}

}  // namespace gputide::sim
