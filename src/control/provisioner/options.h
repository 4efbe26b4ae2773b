// How `gputide provisioner` is started. Names and defaults are Karpenter's (its
// pkg/operator/options): each flag is an environment variable too.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace gputide::provisioner {

struct Options {
  std::string cluster_name;                    // --cluster-name, CLUSTER_NAME
  Duration batch_idle = Duration::seconds(1);  // BATCH_IDLE_DURATION
  Duration batch_max = Duration::seconds(10);  // BATCH_MAX_DURATION
  std::string interruption_queue;              // INTERRUPTION_QUEUE; "" = hears no notices
  // FEATURE_GATES, off by default as Karpenter's:
  bool node_repair = false;
  bool node_overlay = false;
  bool static_capacity = false;
  bool reserved_capacity = true;                    // on by default, as Karpenter's
  Duration registration = Duration::minutes(15);    // REGISTRATION_DEADLINE: ours
  Duration initialization = Duration::minutes(15);  // INITIALIZATION_DEADLINE: ours
};

/// Flags (--batch-idle-duration=1s) before environment (BATCH_IDLE_DURATION=1s). Settings of
/// Karpenter's that have no meaning here are passed over; an unknown flag is an error.
Result<Options> parse_options(std::span<const std::string> flags,
                              std::span<const std::string> environment);

}  // namespace gputide::provisioner
