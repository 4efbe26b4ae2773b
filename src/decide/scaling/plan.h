// What one loop decided: actions as data, and the events that say why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "decide/scaling/scale_down.h"

namespace gputide::scaling {

/// A Kubernetes event.
struct PlanEvent {
  enum class About { Status, Pod, Node, PriorityConfig, Request };
  About about = About::Status;
  std::string namespace_;  // of a pod or a ProvisioningRequest
  std::string name;        // of a pod, a node or a ProvisioningRequest
  bool warning = false;
  std::string reason;
  std::string message;
};

/// A group gets another desired capacity.
struct SetSize {
  std::string group;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t max = 0;
  std::size_t pods = 0;     // that the whole scale-up is for
  std::size_t options = 0;  // groups that could have helped
  std::string why;          // one sentence: for which pods, and why this group
  Instant at;               // when it was decided, for fail_scale_up
  Money price = {};         // an hour, of all nodes that were decided on together
  Money bound = {};         // no nodes could take the same pods for less; zero: not known
  RequestRef request = {};  // the ProvisioningRequest that it is for; nullptr: for none
};

/// Instances are given up: ones that never became nodes, or cannot be created.
struct DropInstances {
  enum class Why { NeverRegistered, CreationError };
  Why why = Why::NeverRegistered;
  std::string group;
  std::vector<std::string> provider_ids;
};

/// A node is marked, or no longer marked, as one that may go.
struct SoftTaint {
  std::string node;
  bool add = false;
};

/// A node that was not unneeded in the loop before.
struct NewlyUnneeded {
  std::string node;
  Instant removable_at;  // if it stays so
  std::string why;
};

enum class Outcome {
  Idle,       // nothing to do
  ScaledUp,   // capacity was asked for
  Waiting,    // pods are too new
  NoOptions,  // no group can help
  Unhealthy,  // too many nodes are not ready: nothing is done
  Repaired,   // instances were dropped or sizes corrected: the loop ended there
  Failed,     // what a new node would be cannot be told: the loop ended there
};

struct Plan {
  Outcome outcome = Outcome::Idle;
  std::vector<DropInstances> drop;
  std::vector<SetSize> resize;
  NodesToDelete remove;  // start deleting these
  std::vector<SoftTaint> soft_taints;
  std::vector<NewlyUnneeded> unneeded;
  std::vector<PlanEvent> events;
  std::vector<RequestRef> requests;         // ProvisioningRequests with their new status
  std::vector<RequestRef> delete_requests;  // decided long ago
  bool request_processed = false;           // another loop must follow at once
  /// When a loop that sees the same can first decide something else; nullopt: never.
  std::optional<Instant> next;
  /// A loop right after this one may already find more to do, or place pods differently.
  bool settled = false;

  bool productive() const {
    return !resize.empty() || !remove.empty.empty() || !remove.drain.empty();
  }
};

}  // namespace gputide::scaling
