// Processor time: the machine may be shared.
#pragma once

#include <ctime>
#include <functional>

namespace gputide {

/// Milliseconds of the process's processor time that `work` takes.
inline double milliseconds(const std::function<void()>& work) {
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  work();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  return static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
         static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e6;
}

}  // namespace gputide
