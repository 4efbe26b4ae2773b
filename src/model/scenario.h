// Scenario (gputide.dev/v1alpha1): the time axis of a simulation.
#pragma once

#include "base/quantity.h"
#include "model/meta.h"

namespace gputide::model {

struct ObjectName {
  std::string kind;
  std::string namespace_;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(ObjectName, (), (kind, namespace_, name))

struct ScaleStep {
  std::string kind;
  std::string namespace_;
  std::string name;
  std::int32_t replicas = 0;
};
BOOST_DESCRIBE_STRUCT(ScaleStep, (), (kind, namespace_, name, replicas))

/// Reclaims spot instances: `fraction` of those in `zone` (all zones when empty) and of
/// `instanceType` (all when empty).
struct InterruptStep {
  std::string zone;
  std::string instanceType;
  double fraction = 1.0;
};
BOOST_DESCRIBE_STRUCT(InterruptStep, (), (zone, instanceType, fraction))

/// What somebody on the node, such as a monitoring agent, says of it from then on: of `fraction` of
/// the nodes that have the labels.
struct SetNodeConditionStep {
  std::string type;    // Ready, AcceleratedHardwareReady ...
  std::string status;  // True, False, Unknown
  std::string reason;
  std::string message;
  StringMap labels;
  double fraction = 1.0;
};
BOOST_DESCRIBE_STRUCT(SetNodeConditionStep, (), (type, status, reason, message, labels, fraction))

/// One moment; exactly one of the actions is set.
struct ScenarioStep {
  Duration at;
  std::vector<std::string> apply;  // paths, relative to the Scenario's file
  std::optional<ScaleStep> scale;
  std::optional<ObjectName> delete_;
  std::optional<InterruptStep> interrupt;
  std::optional<SetNodeConditionStep> setNodeCondition;
};
BOOST_DESCRIBE_STRUCT(ScenarioStep, (), (at, apply, scale, delete_, interrupt, setNodeCondition))

struct WorkloadMatch {
  std::string kind;
  std::string namespace_;
  std::string name;
  StringMap labels;
};
BOOST_DESCRIBE_STRUCT(WorkloadMatch, (), (kind, namespace_, name, labels))

/// How long the containers of matching pods run, and how they end.
struct WorkloadRule {
  WorkloadMatch match;
  std::optional<Duration> runFor;
  std::optional<std::int32_t> exitCode;  // absent = 0
};
BOOST_DESCRIBE_STRUCT(WorkloadRule, (), (match, runFor, exitCode))

/// A job trace as workload: CSV with arrival, duration and GPUs, one job a row.
struct TraceSource {
  std::string path;
  std::optional<std::int64_t> limit;
  std::optional<Quantity> cpuPerGpu;
  std::optional<Quantity> memoryPerGpu;
  StringMap nodeSelector;
};
BOOST_DESCRIBE_STRUCT(TraceSource, (), (path, limit, cpuPerGpu, memoryPerGpu, nodeSelector))

/// A capacity reservation that the account has.
struct ScenarioReservation {
  std::string id;  // cr-...
  std::string instanceType;
  std::string zone;
  std::int64_t count = 1;
  std::string type = "default";       // default, capacity-block
  std::string instanceMatchCriteria;  // open, targeted; absent: open, of a capacity block targeted
  StringMap tags;
  Duration start;
  std::optional<Duration> end;
  std::optional<std::string> upfrontFee;  // of a capacity block, dollars in all
};
BOOST_DESCRIBE_STRUCT(ScenarioReservation, (),
                      (id, instanceType, zone, count, type, instanceMatchCriteria, tags, start, end,
                       upfrontFee))

struct Scenario {
  ObjectMeta metadata;
  std::optional<Duration> until;
  std::int64_t seed = 1;
  std::vector<ScenarioReservation> capacityReservations;
  std::vector<ScenarioStep> steps;
  std::vector<WorkloadRule> workloads;
  std::vector<TraceSource> traces;
};
BOOST_DESCRIBE_STRUCT(Scenario, (),
                      (metadata, until, seed, capacityReservations, steps, workloads, traces))

}  // namespace gputide::model
