// Controllers: step functions from events to commands. They hold no clock, socket or thread, so the
// same object runs in the simulator, in a local cluster and in production; none can tell which.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/object.h"
#include "port/cloud.h"
#include "port/record.h"

namespace gputide::port {

/// Names a Kubernetes object; `kind` as in "Pod".
struct ObjectRef {
  std::string kind;
  std::string namespace_;
  std::string name;
  auto operator<=>(const ObjectRef&) const = default;
};

// ---- Events ----

enum class Change { Added, Modified, Deleted };

/// A watched object changed. `object` is its new state, or its last one when it was deleted.
struct ObjectChanged {
  Change change = Change::Added;
  model::Typed object;
};

/// A timer that the controller set came due.
struct TimerFired {
  std::uint64_t key = 0;
};

/// The answer to a CloudCall with the same `call`.
struct CloudAnswered {
  std::uint64_t call = 0;
  CloudAnswer answer;
};

/// The answer to an Evict: done, or refused (429) because of a PodDisruptionBudget.
struct EvictAnswered {
  ObjectRef pod;
  bool evicted = false;
  std::string message;
};

using Event = std::variant<ObjectChanged, TimerFired, CloudAnswered, EvictAnswered, InstanceNotice>;

// ---- Commands ----

/// Creates an object. A name that is taken is an error that only the log sees; generateName makes a
/// fresh one.
struct Create {
  model::Typed object;
};

/// Replaces an object that exists by its kind, namespace and name; status included. `if_current`:
/// only if its resourceVersion is still this one's; else an event tells, or has told, of a newer
/// one.
struct Replace {
  model::Typed object;
  bool if_current = false;
};

/// Deletes an object. Pods get their grace period (or `grace`), and go through their kubelet.
struct Delete {
  ObjectRef object;
  std::optional<Duration> grace;
};

struct BindPod {
  ObjectRef pod;
  std::string node;
};

/// Sets a pod's PodScheduled condition (status False) and, if given, the node nominated after
/// preemption.
struct MarkUnschedulable {
  ObjectRef pod;
  std::string reason;  // Unschedulable, SchedulerError
  std::string message;
  std::optional<std::string> nominated_node;
};

/// Sets the pod's condition of that type; the rest of it stays.
struct SetPodCondition {
  ObjectRef pod;
  model::PodCondition condition;
};

/// Changes a node's taints, cordon, annotations and labels; what is not named stays.
struct PatchNode {
  std::string name;
  std::vector<model::Taint> add_taints;  // replaces a taint of equal key and effect
  std::vector<std::string> remove_taint_keys;
  std::optional<bool> unschedulable;
  model::StringMap set_annotations;
  model::StringMap set_labels;
  std::vector<std::string> remove_labels;
};

/// Evicts through the Eviction API: budgets are asked. Answered by EvictAnswered.
struct Evict {
  ObjectRef pod;
  std::optional<Duration> grace;
};

struct CloudCall {
  std::uint64_t call = 0;
  CloudRequest request;
};

/// Asks for TimerFired{key} at `at`; a later one with the same key replaces it, at == nullopt
/// cancels it.
struct SetTimer {
  std::uint64_t key = 0;
  std::optional<Instant> at;
};

/// A fact that goes with a record, for programs. The keys of each kind are named in record.h.
struct OwnedField {
  std::string_view key;  // a constant
  std::variant<std::int64_t, std::string, Money> value;
};

/// A Kubernetes Event about an object, and a line of the timeline: what was done, and why.
/// Decisions say of what `kind` they are (ScaleUp, ScaleDown, NodeUnneeded ...) and give the facts.
/// A group is named {"Group", "", its name}.
struct Publish {
  ObjectRef about;
  bool warning = false;
  std::string reason;  // TriggeredScaleUp, ScaleDown, ...
  std::string message;
  RecordKind kind = RecordKind::Event;
  std::vector<OwnedField> fields = {};
};

using Command = std::variant<Create, Replace, Delete, BindPod, MarkUnschedulable, SetPodCondition,
                             PatchNode, Evict, CloudCall, SetTimer, Publish>;
using Commands = std::vector<Command>;

class Controller {
 public:
  virtual ~Controller() = default;
  /// "cluster-autoscaler", "kube-scheduler": who did it, in timelines and logs.
  virtual std::string_view name() const = 0;
  /// Takes one event in and appends what is to be done. `now` never goes back between steps.
  virtual void step(const Event& event, Instant now, Commands& commands) = 0;
  /// False while it waits for a moment at which it may act although nothing else happens: a node
  /// that becomes removable, a retry. A simulation ends when nothing happens and all are at rest.
  virtual bool at_rest() const { return true; }
};

}  // namespace gputide::port
