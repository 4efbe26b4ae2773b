// --out DIR: where a run leaves its result, its records, its series and its page.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "port/record.h"
#include "port/result.h"
#include "report/event_log.h"
#include "report/history.h"

namespace gputide::app {

class RunFolder {
 public:
  /// Makes the folder (and those above it) and opens events.jsonl in it; files of an earlier run
  /// are overwritten. Errors: it cannot be made or written.
  static Result<std::unique_ptr<RunFolder>> create(const std::string& path);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  port::Recorder& events() { return log_; }
  /// Writes result.json, report.html and the CSV files. Errors: something could not be written
  /// whole.
  Result<void> finish(const report::History& history, const port::RunResult& result);

 private:
  RunFolder(std::string path, std::FILE* events);
  void write_file(std::string_view name, std::string_view text);

  std::string path_;
  std::FILE* events_;
  report::EventLog log_;
  std::string failed_;  // what could not be written first
};

}  // namespace gputide::app
