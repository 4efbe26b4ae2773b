#include "app/run_folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "report/page.h"
#include "report/result_json.h"
#include "report/series.h"

namespace gputide::app {

Result<std::unique_ptr<RunFolder>> RunFolder::create(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail(fmt::format("{}: cannot be made: {}", path, error.message()));
  const std::string name = path + "/events.jsonl";
  std::FILE* events = std::fopen(name.c_str(), "wb");
  if (events == nullptr)
    return fail(fmt::format("{}: cannot be written: {}", name, std::strerror(errno)));
  return std::unique_ptr<RunFolder>(new RunFolder(path, events));
}

RunFolder::RunFolder(std::string path, std::FILE* events)
    : path_(std::move(path)), events_(events), log_([this](std::string_view line) {
        if (std::fwrite(line.data(), 1, line.size(), events_) != line.size() && failed_.empty())
          failed_ = "events.jsonl";
      }) {}

RunFolder::~RunFolder() {
  if (events_ != nullptr) std::fclose(events_);
}

void RunFolder::write_file(std::string_view name, std::string_view text) {
  std::FILE* file = std::fopen(fmt::format("{}/{}", path_, name).c_str(), "wb");
  const bool whole =
      file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if ((!whole || !closed) && failed_.empty()) failed_ = std::string(name);
}

Result<void> RunFolder::finish(const report::History& history, const port::RunResult& result) {
  const bool closed = std::fclose(events_) == 0;
  events_ = nullptr;
  if (!closed && failed_.empty()) failed_ = "events.jsonl";
  write_file("result.json", report::result_json(result));
  report::write_series(
      history, [this](std::string_view name, const std::string& text) { write_file(name, text); });

  write_file("report.html", report::report_page(history, result));
  if (failed_.empty()) return {};
  return fail(fmt::format("{}/{}: could not be written whole", path_, failed_));
}

}  // namespace gputide::app
