// The progress of a long run, on a terminal's last line.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "report/timeline.h"

namespace gputide::report {

/// Draws nothing in the first half second, then at most ten times a second. It reads no clock: the
/// caller tells the time.
class Progress {
 public:
  /// `total` is the run's length, zero when it is not known.
  Progress(Duration total, Write write);

  /// `wall`: since the program started; `run`: virtual time since the run's start.
  void update(Duration wall, Duration run, std::uint64_t events);
  /// Wipes the line.
  void finish();

 private:
  Duration total_;
  Write write_;
  Duration next_ = Duration::milliseconds(500);
  bool drawn_ = false;
};

}  // namespace gputide::report
