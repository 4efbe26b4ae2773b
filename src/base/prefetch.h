// Loops over tens of thousands of objects, each on the heap, wait for memory and little else: they
// ask for the next ones while they work on this one.
#pragma once

#include <cstddef>

namespace gputide {

/// Starts to bring an object into the processor's caches. Changes nothing but the time taken.
template <class T>
void prefetch(const T& object) {
  constexpr std::size_t kLine = 64;
  const char* const at = reinterpret_cast<const char*>(&object);
  // NOLINTNEXTLINE(bugprone-sizeof-expression): of a pointer too, it is the object itself.
  for (std::size_t i = 0; i < sizeof(T); i += kLine) __builtin_prefetch(at + i);
}

/// How many objects ahead to ask for.
inline constexpr std::size_t kAhead = 6;

}  // namespace gputide
