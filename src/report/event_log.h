// events.jsonl: every record as one line of JSON. Equal runs give equal bytes.
#pragma once

#include <string>

#include "port/record.h"
#include "report/timeline.h"

namespace gputide::report {

/// Each line is {"time", "at", "kind", "actor", "subject", "message", "fields"}: `time` is RFC 3339
/// with nanoseconds where there are any, `at` the seconds since the run's first record, exact;
/// `fields` those that port/record.h names for the kind (whole numbers, texts; money in dollars).
/// Empty texts are left out.
class EventLog final : public port::Recorder {
 public:
  explicit EventLog(Write write) : write_(std::move(write)) {}
  void record(const port::Record& record) override;

 private:
  Write write_;
  std::string line_;
  Instant start_;
  bool started_ = false;
};

}  // namespace gputide::report
