// The ConfigMap cluster-autoscaler-status. Source: Cluster Autoscaler 1.31.5 clusterstate/api.
#pragma once

#include <string>
#include <vector>

#include "decide/scaling/loop.h"
#include "port/controller.h"

namespace gputide::autoscaler {

class StatusMap {
 public:
  explicit StatusMap(const scaling::Options& options) : options_(options) {}

  /// Takes notice of the ConfigMap itself; false: it is another object.
  bool changed(const port::ObjectChanged& event);
  /// Writes it when something other than a time differs from what was written last.
  void write(const scaling::Observation& seen, const scaling::LoopState& state, Instant now,
             port::Commands& commands);

 private:
  // All that the text is made of but times: comparing it costs less than writing the text.
  struct Counts {
    Counts() = default;
    explicit Counts(const scaling::ReadinessCount& count);
    std::int64_t registered = 0, ready = 0, not_started = 0, deleted = 0, unready = 0;
    std::int64_t long_unregistered = 0, unregistered = 0;
    bool operator==(const Counts&) const = default;
  };
  struct Cluster {
    bool healthy = false;
    std::int64_t upcoming = 0;
    std::size_t candidates = 0;
    Counts counts;
    bool operator==(const Cluster&) const = default;
  };
  struct Group {
    bool backed_off = false;
    bool healthy = false;
    std::int64_t upcoming = 0;
    std::int64_t target = 0, min = 0, max = 0;
    std::size_t candidates = 0;
    Counts counts;
    bool operator==(const Group&) const = default;
  };
  struct Written {
    std::string id;
    std::string backoff_code;
    Group group;
    std::string text;
  };
  bool may_differ(const scaling::Observation& seen, const scaling::LoopState& state);
  bool look(const scaling::Observation& seen, const scaling::LoopState& state, Instant now);
  static void append(std::string& text, const Counts& count);
  static std::string text(const Written& written);
  std::string text(const std::string& time) const;

  const scaling::Options& options_;
  bool exists_ = false;
  bool written_ = false;
  Cluster cluster_;                      // as it was written last
  std::vector<Written> groups_;          // and its groups
  std::vector<std::size_t> candidates_;  // by group
  // What the last look was at:
  std::uint64_t instances_version_ = 0;
  std::uint64_t cluster_version_ = 0;
};

}  // namespace gputide::autoscaler
