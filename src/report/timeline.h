// The timeline: a run as text that a person reads, one line a happening: when, who, what and why.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "port/record.h"
#include "report/digest.h"
#include "report/style.h"

namespace gputide::report {

/// Takes text; called with whole lines.
using Write = std::function<void(std::string_view)>;

struct TimelineOptions {
  TextStyle style;
  bool wide = false;              // every record, ungrouped
  std::int64_t most_lines = 500;  // further ones are counted, but for warnings of the world's own
                                  // checks; 0: no limit; never applies to `wide`
};

class Timeline final : public port::Recorder {
 public:
  Timeline(TimelineOptions options, Write write);
  void record(const port::Record& record) override;
  /// Prints what is still held back. Nothing may be recorded after it.
  void finish();

 private:
  void header(const port::Record& record);
  void print(const Line& line);

  TimelineOptions options_;
  Write write_;
  Digest digest_;
  std::size_t clock_width_ = 8;
  std::int64_t printed_ = 0;
  std::int64_t left_out_ = 0;
};

}  // namespace gputide::report
