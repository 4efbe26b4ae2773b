#include "sim/heap.h"

#include <algorithm>

namespace gputide::sim {

void Heap::at(Instant at, Priority priority, Handler& handler, std::uint64_t key) {
  const std::uint64_t order = (static_cast<std::uint64_t>(priority) << 56) | sequence_++;
  entries_.push_back({std::max(at, now_), order, &handler, key});
  std::push_heap(entries_.begin(), entries_.end(), later);
}

void Heap::step() {
  GPUTIDE_CHECK(!entries_.empty());
  std::pop_heap(entries_.begin(), entries_.end(), later);
  const Entry entry = entries_.back();
  entries_.pop_back();
  now_ = entry.at;
  ++fired_;
  entry.handler->fire(entry.key, now_);
}

}  // namespace gputide::sim
