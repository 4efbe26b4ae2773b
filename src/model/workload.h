// Controllers that make pods, and the policies that say what may be done to those pods.
#pragma once

#include "model/core.h"
#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

struct ReplicaSetSpec {
  std::optional<std::int32_t> replicas;  // absent = 1
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  std::int32_t minReadySeconds = 0;
};
BOOST_DESCRIBE_STRUCT(ReplicaSetSpec, (), (replicas, selector, template_, minReadySeconds))

struct ReplicaSet {
  ObjectMeta metadata;
  ReplicaSetSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(ReplicaSet, (), (metadata, spec, status))

struct ReplicationControllerSpec {
  std::optional<std::int32_t> replicas;
  StringMap selector;
  PodTemplateSpec template_;
  std::int32_t minReadySeconds = 0;
};
BOOST_DESCRIBE_STRUCT(ReplicationControllerSpec, (),
                      (replicas, selector, template_, minReadySeconds))

struct ReplicationController {
  ObjectMeta metadata;
  ReplicationControllerSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(ReplicationController, (), (metadata, spec, status))

/// How many pods may be missing, or too many, while they are replaced.
struct RollingUpdate {
  std::optional<IntOrString> maxUnavailable;  // absent: 25% of a Deployment's, 1 of a DaemonSet's
  std::optional<IntOrString> maxSurge;        // absent: 25% of a Deployment's, 0 of a DaemonSet's
};
BOOST_DESCRIBE_STRUCT(RollingUpdate, (), (maxUnavailable, maxSurge))

struct UpdateStrategy {
  std::string type;  // RollingUpdate (default); Recreate of a Deployment, OnDelete of a DaemonSet
  RollingUpdate rollingUpdate;
};
BOOST_DESCRIBE_STRUCT(UpdateStrategy, (), (type, rollingUpdate))

struct DeploymentSpec {
  std::optional<std::int32_t> replicas;
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  UpdateStrategy strategy;
  std::int32_t minReadySeconds = 0;
  std::optional<std::int32_t> revisionHistoryLimit;
  bool paused = false;
  std::optional<std::int32_t> progressDeadlineSeconds;  // absent = 600; the largest: no limit
};
BOOST_DESCRIBE_STRUCT(DeploymentSpec, (),
                      (replicas, selector, template_, strategy, minReadySeconds,
                       revisionHistoryLimit, paused, progressDeadlineSeconds))

struct Deployment {
  ObjectMeta metadata;
  DeploymentSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(Deployment, (), (metadata, spec, status))

struct DaemonSetSpec {
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  UpdateStrategy updateStrategy;
  std::int32_t minReadySeconds = 0;
  std::optional<std::int32_t> revisionHistoryLimit;
};
BOOST_DESCRIBE_STRUCT(DaemonSetSpec, (),
                      (selector, template_, updateStrategy, minReadySeconds, revisionHistoryLimit))

struct DaemonSet {
  ObjectMeta metadata;
  DaemonSetSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(DaemonSet, (), (metadata, spec, status))

/// What becomes of the claims that a StatefulSet made: Retain (default) or Delete.
struct ClaimRetentionPolicy {
  std::string whenDeleted;
  std::string whenScaled;
};
BOOST_DESCRIBE_STRUCT(ClaimRetentionPolicy, (), (whenDeleted, whenScaled))

struct StatefulSetRollingUpdate {
  std::optional<std::int32_t> partition;  // so many pods from the first keep the old template
  std::optional<IntOrString> maxUnavailable;
};
BOOST_DESCRIBE_STRUCT(StatefulSetRollingUpdate, (), (partition, maxUnavailable))

struct StatefulSetUpdateStrategy {
  std::string type;  // RollingUpdate (default), OnDelete
  StatefulSetRollingUpdate rollingUpdate;
};
BOOST_DESCRIBE_STRUCT(StatefulSetUpdateStrategy, (), (type, rollingUpdate))

/// The numbers in the names of a StatefulSet's pods.
struct StatefulSetOrdinals {
  std::int32_t start = 0;
};
BOOST_DESCRIBE_STRUCT(StatefulSetOrdinals, (), (start))

struct StatefulSetSpec {
  std::optional<std::int32_t> replicas;
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  std::string serviceName;
  std::string podManagementPolicy;  // OrderedReady (default), Parallel
  std::vector<PersistentVolumeClaim> volumeClaimTemplates;
  std::optional<ClaimRetentionPolicy> persistentVolumeClaimRetentionPolicy;
  StatefulSetUpdateStrategy updateStrategy;
  std::optional<std::int32_t> revisionHistoryLimit;
  std::int32_t minReadySeconds = 0;
  StatefulSetOrdinals ordinals;
};
BOOST_DESCRIBE_STRUCT(StatefulSetSpec, (),
                      (replicas, selector, template_, serviceName, podManagementPolicy,
                       volumeClaimTemplates, persistentVolumeClaimRetentionPolicy, updateStrategy,
                       revisionHistoryLimit, minReadySeconds, ordinals))

struct StatefulSet {
  ObjectMeta metadata;
  StatefulSetSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(StatefulSet, (), (metadata, spec, status))

struct PodFailureExitCodes {
  std::optional<std::string> containerName;  // absent: any container
  std::string operator_;                     // In, NotIn
  std::vector<std::int32_t> values;
};
BOOST_DESCRIBE_STRUCT(PodFailureExitCodes, (), (containerName, operator_, values))

struct PodFailureCondition {
  std::string type;
  std::string status;  // "" = True
};
BOOST_DESCRIBE_STRUCT(PodFailureCondition, (), (type, status))

/// Holds of a failed pod by its exit codes, or by any one of the conditions.
struct PodFailurePolicyRule {
  std::string action;  // FailJob, FailIndex, Ignore, Count
  std::optional<PodFailureExitCodes> onExitCodes;
  std::vector<PodFailureCondition> onPodConditions;
};
BOOST_DESCRIBE_STRUCT(PodFailurePolicyRule, (), (action, onExitCodes, onPodConditions))

/// The first rule that holds says what a pod's failure means.
struct PodFailurePolicy {
  std::vector<PodFailurePolicyRule> rules;
};
BOOST_DESCRIBE_STRUCT(PodFailurePolicy, (), (rules))

/// Holds when so many of these indexes have succeeded.
struct SuccessPolicyRule {
  std::optional<std::string> succeededIndexes;  // "0,3-5"; absent: all
  std::optional<std::int32_t> succeededCount;   // absent: all of them
};
BOOST_DESCRIBE_STRUCT(SuccessPolicyRule, (), (succeededIndexes, succeededCount))

/// The first rule that holds ends the Job as a success.
struct SuccessPolicy {
  std::vector<SuccessPolicyRule> rules;
};
BOOST_DESCRIBE_STRUCT(SuccessPolicy, (), (rules))

struct JobSpec {
  std::optional<std::int32_t> parallelism;  // absent = 1
  std::optional<std::int32_t>
      completions;  // absent = 1 unless parallelism is set: then any success ends it
  std::optional<std::int32_t> backoffLimit;  // absent = 6
  std::optional<std::int32_t> backoffLimitPerIndex;
  std::optional<std::int32_t> maxFailedIndexes;
  std::optional<PodFailurePolicy> podFailurePolicy;
  std::optional<std::string> completionMode;
  std::optional<bool> suspend;
  PodTemplateSpec template_;
  std::optional<std::int64_t> activeDeadlineSeconds;
  std::optional<SuccessPolicy> successPolicy;
  std::optional<std::int32_t> ttlSecondsAfterFinished;
  // Failed, TerminatingOrFailed; absent = Failed with a podFailurePolicy, else the other
  std::optional<std::string> podReplacementPolicy;
  static constexpr std::string_view kKept[] = {"selector", "manualSelector", "managedBy"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(JobSpec, (),
                      (parallelism, completions, backoffLimit, backoffLimitPerIndex,
                       maxFailedIndexes, podFailurePolicy, completionMode, suspend, template_,
                       activeDeadlineSeconds, successPolicy, ttlSecondsAfterFinished,
                       podReplacementPolicy))

struct Job {
  ObjectMeta metadata;
  JobSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(Job, (), (metadata, spec, status))

struct PodDisruptionBudgetSpec {
  std::optional<IntOrString> minAvailable;
  std::optional<LabelSelector> selector;
  std::optional<IntOrString> maxUnavailable;
  std::optional<std::string> unhealthyPodEvictionPolicy;
};
BOOST_DESCRIBE_STRUCT(PodDisruptionBudgetSpec, (),
                      (minAvailable, selector, maxUnavailable, unhealthyPodEvictionPolicy))

struct PodDisruptionBudgetStatus {
  std::int32_t disruptionsAllowed = 0;
  std::int32_t currentHealthy = 0;
  std::int32_t desiredHealthy = 0;
  std::int32_t expectedPods = 0;
  StringMap disruptedPods;
  static constexpr std::string_view kKept[] = {"conditions", "observedGeneration"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PodDisruptionBudgetStatus, (),
                      (disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods,
                       disruptedPods))

struct PodDisruptionBudget {
  ObjectMeta metadata;
  PodDisruptionBudgetSpec spec;
  PodDisruptionBudgetStatus status;
};
BOOST_DESCRIBE_STRUCT(PodDisruptionBudget, (), (metadata, spec, status))

struct PriorityClass {
  ObjectMeta metadata;
  std::int32_t value = 0;
  bool globalDefault = false;
  std::string description;
  std::optional<std::string> preemptionPolicy;
};
BOOST_DESCRIBE_STRUCT(PriorityClass, (),
                      (metadata, value, globalDefault, description, preemptionPolicy))

}  // namespace gputide::model
