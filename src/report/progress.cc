#include "report/progress.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gputide::report {
namespace {

constexpr std::int64_t kCells = 24;

/// Filled to an eighth of a cell.
std::string bar(std::int64_t done, std::int64_t total) {
  static constexpr std::string_view kEighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  const std::int64_t eighths = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<__int128>(done) * kCells * 8 / total), 0, kCells * 8);
  std::string text;
  for (std::int64_t cell = 0; cell < kCells; ++cell)
    text += kEighths[std::clamp<std::int64_t>(eighths - cell * 8, 0, 8)];
  return text;
}

}  // namespace

Progress::Progress(Duration total, Write write) : total_(total), write_(std::move(write)) {}

void Progress::update(Duration wall, Duration run, std::uint64_t events) {
  if (wall < next_) return;
  next_ = wall + Duration::milliseconds(100);
  drawn_ = true;
  std::string text = "\r\x1b[K";
  if (total_ > Duration())
    text += fmt::format("{} {:>5} ", bar(run.nanoseconds(), total_.nanoseconds()),
                        percent_text(run.nanoseconds(), total_.nanoseconds()));
  text += clock_text(run);
  const std::int64_t milliseconds = std::max<std::int64_t>(1, wall.nanoseconds() / 1'000'000);
  text += fmt::format("  {} events, {} a second", count_text(static_cast<std::int64_t>(events)),
                      count_text(static_cast<std::int64_t>(events) * 1000 / milliseconds));
  // From what is done so far; the first moments say too little.
  if (total_ > run && run > total_ / 50) {
    const auto left = static_cast<std::int64_t>(static_cast<__int128>(wall.nanoseconds()) *
                                                (total_ - run).nanoseconds() / run.nanoseconds());
    text += fmt::format("  {} left", span_text(Duration::seconds(left / 1'000'000'000 + 1)));
  }
  write_(text);
}

void Progress::finish() {
  if (drawn_) write_("\r\x1b[K");
  drawn_ = false;
}

}  // namespace gputide::report
