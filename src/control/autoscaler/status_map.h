// The ConfigMap cluster-autoscaler-status. Source: Cluster Autoscaler 1.31.5 clusterstate/api.
#pragma once

#include <string>

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
  const scaling::Options& options_;
  bool exists_ = false;
  std::string written_;  // without times
};

}  // namespace gputide::autoscaler
