// Records: what happened, one after the other, in any world. The timeline, events.jsonl, the result
// and the report are all made of them, and of nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/money.h"
#include "base/time.h"

namespace gputide::port {

/// What a record is about. The names (record_kind_name) are stable: they are the `kind` of
/// events.jsonl. Each line says which fields its records carry, besides `subject`.
enum class RecordKind : std::uint8_t {
  RunStarted,     // seed, until_seconds, region, cluster, fidelity
  RunEnded,       // reason: "at rest" | "until"
  ObjectApplied,  // object kind and name as subject; file, change: created | configured | unchanged
  ObjectDeleted,  // by a person or the Scenario
  Diagnostic,     // severity, file, line: what the world ignores or refuses, and why
  // -- the cloud -- subject: "group NAME" or "instance ID"
  GroupCreated,        // group, min, max, desired, types, zones, market
  GroupResized,        // group, from, to
  LaunchFailed,        // group, type, zone, market, code
  InstanceLaunched,    // instance, type, zone, market (reserved: in a capacity reservation, with
                       // that), group, gpus, price_micros (an hour), vcpus, memory_mib, candidates
                       // (how many pools were in the running)
  InstanceRunning,     // instance
  InstanceTerminated,  // instance, reason: scale-in | spot-interruption | rebalance | scenario |
                       // fleet | capacity-block, seconds (billed), cost_micros
  SpotNotice,          // instance, ends_in_seconds
  RebalanceRecommendation,  // instance
  PriceChanged,             // type, zone, market, price_micros
  CapacityChanged,          // type, zone, regime: full | partial | none, capacity
  // -- nodes -- subject: "node NAME"
  NodeRegistered,  // node, instance
  NodeReady,       // node
  NodeResources,   // node, and one field a changed extended resource: its allocatable amount
  NodeNotReady,    // node, reason
  NodeTainted,     // node, taint
  NodeDeleted,     // node, instance
  // -- pods -- subject: "pod NAMESPACE/NAME"
  PodCreated,        // pod, owner, gpu_resource, gpus, cpu_milli, memory_bytes, counted: 1 for a
                     // workload's pod
  PodUnschedulable,  // pod, message is the scheduler's sentence; only when the sentence changes
  PodScheduled,      // pod, node
  PodPulling,        // pod, node, image, seconds
  PodRunning,        // pod, node, devices (ids that it was given, comma separated), wait_seconds
  PodSucceeded,      // pod, node
  PodFailed,         // pod, node, reason
  PodEvicted,        // pod, node, by
  PodPreempted,      // pod, node, by
  PodDeleted,        // pod, node
  // -- decisions -- subject: what it is about; reason: the Kubernetes Event's reason
  Event,    // reason, warning
  ScaleUp,  // group, from, to, pods, options (how many there were), expander; where a bound is
            // known, of all that was decided together: plan_price_micros (an hour),
            // plan_bound_micros (no nodes could do it for less), plan_over_bound_permille
  ScaleUpSkipped,  // reason
  NodeUnneeded,    // node, until_seconds
  ScaleDown,       // node, group (or NodePool), reason: empty | underutilized | unready | drifted |
                   // expired | interrupted | unhealthy | scaled-down | never-ready | deleted
  NodePoolReady,   // nodepool, types, zones, market: what may be bought for it
  CheckFailed,     // check: an invariant of the simulation does not hold; the run ends with exit 1
  // -- capacity reservations -- subject: "reservation ID"; all carry reservation, type, zone
  ReservationStarted,  // type of reservation as reservation_type, count, price_micros (a slot an
                       // hour)
  ReservationUsed,     // used, count, price_micros: slots that are held from now on
  ReservationNotice,   // ends_in_seconds: AWS terminates its instances then
  ReservationEnded,    // used_seconds, unused_seconds, cost_micros (of slots while unused)
};
std::string_view record_kind_name(RecordKind kind);

/// A number, or a text that lives as long as the call.
using FieldValue = std::variant<std::int64_t, std::string_view, Money>;
struct Field {
  std::string_view key;  // a constant
  FieldValue value;
};

struct Record {
  Instant at;
  RecordKind kind = RecordKind::Event;
  std::string_view actor;    // who did it: "ec2", "kube-scheduler", "cluster-autoscaler", "kubelet"
  std::string_view subject;  // what it happened to: "pod default/train-0", "group gpu-a"
  std::string_view message;  // for a person: what, and why; one sentence without a final period
  std::vector<Field> fields;
};

/// Takes records as they come; keeps what it needs of them.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void record(const Record& record) = 0;
};

}  // namespace gputide::port
