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
  static constexpr std::string_view kKept[] = {"minReadySeconds"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ReplicaSetSpec, (), (replicas, selector, template_))

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
  static constexpr std::string_view kKept[] = {"minReadySeconds"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(ReplicationControllerSpec, (), (replicas, selector, template_))

struct ReplicationController {
  ObjectMeta metadata;
  ReplicationControllerSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(ReplicationController, (), (metadata, spec, status))

struct DeploymentSpec {
  std::optional<std::int32_t> replicas;
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  static constexpr std::string_view kKept[] = {
      "strategy", "minReadySeconds", "revisionHistoryLimit", "paused", "progressDeadlineSeconds"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(DeploymentSpec, (), (replicas, selector, template_))

struct Deployment {
  ObjectMeta metadata;
  DeploymentSpec spec;
  Value status;
};
BOOST_DESCRIBE_STRUCT(Deployment, (), (metadata, spec, status))

struct DaemonSetSpec {
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  static constexpr std::string_view kKept[] = {"updateStrategy", "minReadySeconds",
                                               "revisionHistoryLimit"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(DaemonSetSpec, (), (selector, template_))

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

struct StatefulSetSpec {
  std::optional<std::int32_t> replicas;
  std::optional<LabelSelector> selector;
  PodTemplateSpec template_;
  std::string serviceName;
  std::string podManagementPolicy;  // OrderedReady (default), Parallel
  std::vector<PersistentVolumeClaim> volumeClaimTemplates;
  std::optional<ClaimRetentionPolicy> persistentVolumeClaimRetentionPolicy;
  static constexpr std::string_view kKept[] = {"updateStrategy", "revisionHistoryLimit",
                                               "minReadySeconds", "ordinals"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(StatefulSetSpec, (),
                      (replicas, selector, template_, serviceName, podManagementPolicy,
                       volumeClaimTemplates, persistentVolumeClaimRetentionPolicy))

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
  static constexpr std::string_view kKept[] = {
      "activeDeadlineSeconds",   "successPolicy",        "selector", "manualSelector",
      "ttlSecondsAfterFinished", "podReplacementPolicy", "managedBy"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(JobSpec, (),
                      (parallelism, completions, backoffLimit, backoffLimitPerIndex,
                       maxFailedIndexes, podFailurePolicy, completionMode, suspend, template_))

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
