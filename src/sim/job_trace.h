// A trace of jobs as workload: each row becomes a Job when its time comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/scenario.h"
#include "sim/heap.h"
#include "sim/store.h"

namespace gputide::sim {

struct TraceRow {
  std::int64_t arrival_seconds = 0;  // from the start of the run
  std::int64_t duration_seconds = 0;
  std::int64_t gpus = 0;
};

/// Reads CSV with a header that names, in any order and among others: arrival (or submission_time),
/// duration, gpus (or num_gpu). Rows come back in order of arrival. Errors name the line.
Result<std::vector<TraceRow>> parse_job_trace(std::string_view csv);

/// Feeds rows to the cluster as Jobs of namespace default, named trace-<row>; at most 8 GPUs a pod:
/// larger jobs become several pods. Their
/// pods are annotated as not safe to evict. A Job goes as soon as it has finished.
class TraceFeeder final : public Handler {
 public:
  TraceFeeder(Heap& heap, Store& store, const model::TraceSource& source,
              std::vector<TraceRow> rows);
  /// Puts the first arrival on the heap.
  void begin();
  bool done() const { return next_ == rows_.size(); }
  void fire(std::uint64_t key, Instant now) override;

 private:
  void create(const TraceRow& row);
  model::Shared<model::PodSpec>& spec_for(std::int64_t gpus);

  Heap& heap_;
  Store& store_;
  model::TraceSource source_;
  std::vector<TraceRow> rows_;
  std::size_t next_ = 0;
  Instant start_;
  std::unordered_map<std::int64_t, model::Shared<model::PodSpec>> specs_;  // by GPUs a pod
};

/// Checks that no amount is below zero.
Result<void> check_trace_source(const model::TraceSource& source);

}  // namespace gputide::sim
