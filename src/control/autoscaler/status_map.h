// The ConfigMap cluster-autoscaler-status. Source: Cluster Autoscaler 1.31.5 clusterstate/api.
#pragma once

#include <optional>
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
  struct Group {
    std::string id;
    std::string backoff_code;
    bool backed_off = false;
    bool healthy = false;
    std::int64_t upcoming = 0;
    std::int64_t target = 0, min = 0, max = 0;
    std::size_t candidates = 0;
    Counts counts;
    bool operator==(const Group&) const = default;
  };
  struct Shown {
    bool healthy = false;
    std::int64_t upcoming = 0;
    std::size_t candidates = 0;
    Counts counts;
    std::vector<Group> groups;
    bool operator==(const Shown&) const = default;
  };
  static void look(const scaling::Observation& seen, const scaling::LoopState& state, Instant now,
                   Shown& all);
  static void append(std::string& text, const Counts& count);
  static std::string text(const Group& group);
  std::string text(const Shown& all);

  const scaling::Options& options_;
  bool exists_ = false;
  std::optional<Shown> written_;
  Shown shown_;                           // by the last look; kept for its memory
  std::vector<std::string> group_texts_;  // of written_'s groups
};

}  // namespace gputide::autoscaler
