// What every loop asks of every node, worked out once for as long as the node stays as it is, and
// kept close together: a loop over a thousand nodes must not follow a thousand pointers ten times.
#pragma once

#include <cstdint>
#include <optional>

#include "decide/scaling/observation.h"
#include "decide/scaling/readiness.h"

namespace gputide::scaling {

struct NodeFacts {
  Instant created;
  Instant last_transition;               // of the youngest condition that counts for readiness
  std::optional<Instant> deleted_since;  // by its taint kToBeDeletedTaint
  std::int32_t group = kNoGroup;
  std::uint32_t instance = 0;
  bool instance_gone = false;
  bool ready = false;
  bool unschedulable = false;        // by its spec
  bool to_be_deleted = false;        // has the taint, whatever its value says
  bool soft_tainted = false;         // a candidate for deletion, by its taint
  bool scale_down_disabled = false;  // by its annotation

  bool operator==(const NodeFacts&) const = default;

  /// As is_being_deleted of the node.
  bool being_deleted(Instant now) const {
    return deleted_since && now - *deleted_since < kMaxDeletionTime;
  }
};

NodeFacts node_facts(const NodeView& view, const NodeReadiness& readiness);

}  // namespace gputide::scaling
