#include "sim/job_trace.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "sim/run_times.h"

namespace gputide::sim {

namespace {

constexpr std::int64_t kMostGpusAPod = 8;

// Whole seconds of "1614816000.7"; false when it is no number.
bool read_number(std::string_view text, std::int64_t& out) {
  double value = 0;
  const std::string_view trimmed = trim(text);
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  if (error != std::errc() || end != trimmed.data() + trimmed.size()) return false;
  if (!(value >= 0 && value < 1e15)) return false;
  out = static_cast<std::int64_t>(std::floor(value));
  return true;
}

struct Columns {
  std::size_t arrival = SIZE_MAX;
  std::size_t duration = SIZE_MAX;
  std::size_t gpus = SIZE_MAX;
};

Result<Columns> read_header(std::string_view line) {
  Columns columns;
  const std::vector<std::string_view> names = split(line, ',');
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = trim(names[i]);
    if (name == "arrival" || name == "submission_time") columns.arrival = i;
    if (name == "duration") columns.duration = i;
    if (name == "gpus" || name == "num_gpu") columns.gpus = i;
  }
  if (columns.arrival == SIZE_MAX) return fail("line 1: no column is named arrival");
  if (columns.duration == SIZE_MAX) return fail("line 1: no column is named duration");
  if (columns.gpus == SIZE_MAX) return fail("line 1: no column is named gpus");
  return columns;
}

Quantity times(Quantity per_gpu, std::int64_t gpus) {
  per_gpu.mul(gpus);
  return per_gpu;
}

}  // namespace

Result<std::vector<TraceRow>> parse_job_trace(std::string_view csv) {
  std::vector<TraceRow> rows;
  Columns columns;
  std::size_t number = 0;
  for (std::size_t at = 0; at < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', at), csv.size());
    const std::string_view line = trim(csv.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    if (number == 1) {
      const Result<Columns> header = read_header(line);
      if (!header) return tl::unexpected(header.error());
      columns = *header;
      continue;
    }
    const std::vector<std::string_view> cells = split(line, ',');
    TraceRow row;
    const auto read = [&](std::size_t column, std::int64_t& out) {
      return column < cells.size() && read_number(cells[column], out);
    };
    if (!read(columns.arrival, row.arrival_seconds) ||
        !read(columns.duration, row.duration_seconds) || !read(columns.gpus, row.gpus))
      return fail(
          fmt::format("line {}: arrival, duration and gpus must be numbers, not negative", number));
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const TraceRow& a, const TraceRow& b) {
    return a.arrival_seconds < b.arrival_seconds;
  });
  return rows;
}

Result<void> check_trace_source(const model::TraceSource& source) {
  for (const auto* amount : {&source.cpuPerGpu, &source.memoryPerGpu})
    if (*amount && (*amount)->sign() < 0)
      return fail(fmt::format("{} a GPU is below zero", (*amount)->text()));
  if (source.limit && *source.limit < 0) return fail("limit must not be negative");
  return {};
}

TraceFeeder::TraceFeeder(Heap& heap, Store& store, const model::TraceSource& source,
                         std::vector<TraceRow> rows)
    : heap_(heap), store_(store), source_(source), rows_(std::move(rows)), start_(heap.now()) {
  if (source_.limit) rows_.resize(std::min(rows_.size(), static_cast<std::size_t>(*source_.limit)));
}

void TraceFeeder::begin() {
  if (!done())
    heap_.at(start_ + Duration::seconds(rows_[next_].arrival_seconds), Priority::Scenario, *this);
}

void TraceFeeder::fire(std::uint64_t, Instant now) {
  while (!done() && start_ + Duration::seconds(rows_[next_].arrival_seconds) <= now)
    create(rows_[next_++]);
  begin();
}

model::Shared<model::PodSpec>& TraceFeeder::spec_for(std::int64_t gpus) {
  const auto [at, added] = specs_.try_emplace(gpus);
  if (!added) return at->second;
  model::PodSpec& spec = at->second.edit();
  spec.restartPolicy = "Never";
  spec.nodeSelector = source_.nodeSelector;
  model::Container& container = spec.containers.emplace_back();
  container.name = "job";
  container.image = "job:trace";
  model::ResourceList& requests = container.resources.requests;
  const std::int64_t shares = std::max<std::int64_t>(gpus, 1);
  if (source_.cpuPerGpu) requests["cpu"] = times(*source_.cpuPerGpu, shares);
  if (source_.memoryPerGpu) requests["memory"] = times(*source_.memoryPerGpu, shares);
  if (gpus > 0) {
    requests["nvidia.com/gpu"] = Quantity::from_value(gpus);
    container.resources.limits["nvidia.com/gpu"] = Quantity::from_value(gpus);
  }
  return at->second;
}

void TraceFeeder::create(const TraceRow& row) {
  const std::int64_t pods =
      std::max<std::int64_t>(1, (row.gpus + kMostGpusAPod - 1) / kMostGpusAPod);
  auto job = std::make_shared<model::Job>();
  job->metadata.name = "trace-" + std::to_string(next_ - 1);
  job->metadata.namespace_ = "default";
  job->spec.parallelism = static_cast<std::int32_t>(pods);
  job->spec.completions = static_cast<std::int32_t>(pods);
  job->spec.ttlSecondsAfterFinished = 0;
  job->spec.template_.metadata.annotations[std::string(kRunForAnnotation)] =
      std::to_string(row.duration_seconds) + "s";
  // Training jobs are not moved: what they have computed would be lost.
  job->spec.template_.metadata.annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] =
      "false";
  job->spec.template_.spec = spec_for(std::min(row.gpus, kMostGpusAPod));
  static_cast<void>(store_.create(Ref<model::Job>(std::move(job))));
}

}  // namespace gputide::sim
