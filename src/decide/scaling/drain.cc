#include "decide/scaling/drain.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/prefetch.h"
#include "base/text.h"
#include "decide/scaling/pods.h"

namespace gputide::scaling {
namespace {

using model::OwnerReference;
using model::Pod;

constexpr DrainVerdict kUndefined{};
constexpr DrainVerdict kMovable{Drainability::Movable, BlockingReason::None};
constexpr DrainVerdict kSkipped{Drainability::Skipped, BlockingReason::None};

DrainVerdict blocked(BlockingReason reason) {
  return {Drainability::Blocked, reason};
}

std::string_view safe_to_evict(const Pod& pod) {
  const std::string* said = annotation(pod, "cluster-autoscaler.kubernetes.io/safe-to-evict");
  return said == nullptr ? std::string_view() : *said;
}

// The group of "group/version"; "" of a plain version; nullopt when the text is neither.
std::optional<std::string_view> group_of(std::string_view api_version) {
  if (std::count(api_version.begin(), api_version.end(), '/') > 1) return std::nullopt;
  const std::size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

// Rule 3: the controller must exist and want enough replicas.
DrainVerdict replica_count(const Pod& pod, bool of_daemonset, const DrainContext& context) {
  const OwnerReference* owner = pod.metadata.controller();
  if (context.controllers == nullptr || owner == nullptr) return kUndefined;
  const std::optional<std::string_view> group = group_of(owner->apiVersion);
  if (!group) return kUndefined;
  const Controllers& known = *context.controllers;
  const Controllers::NameView name{pod.metadata.namespace_, owner->name};
  const auto counted = [&](const auto& controllers) {
    const auto at = controllers.find(name);
    if (at == controllers.end()) return blocked(BlockingReason::ControllerNotFound);
    return at->second && *at->second < context.options.min_replica_count
               ? blocked(BlockingReason::MinReplicasReached)
               : kUndefined;
  };
  const auto present = [&](const Controllers::Names& controllers) {
    return controllers.contains(name) ? kUndefined : blocked(BlockingReason::ControllerNotFound);
  };
  if (owner->kind == "ReplicationController") return counted(known.replication_controllers);
  if (of_daemonset)
    return *group == "apps" && owner->kind == "DaemonSet" ? present(known.daemon_sets) : kUndefined;
  if (owner->kind == "Job") return present(known.jobs);
  if (owner->kind == "ReplicaSet") return counted(known.replica_sets);
  if (owner->kind == "StatefulSet" && *group == "apps") return present(known.stateful_sets);
  return kUndefined;
}

bool is_replicated(const Pod& pod, bool skip_custom_controllers) {
  const OwnerReference* owner = pod.metadata.controller();
  if (owner == nullptr) return false;
  return !skip_custom_controllers || owner->kind == "ReplicaSet" || owner->kind == "Job" ||
         owner->kind == "StatefulSet" || owner->kind == "ReplicationController";
}

// Rule 9: a kube-system pod that no budget covers.
DrainVerdict system_pod(const Pod& pod, const DrainContext& context) {
  if (pod.metadata.namespace_ != "kube-system" || context.budgets.covers(pod)) return kUndefined;
  const Semantics& semantics = context.options.semantics;
  const std::optional<Duration>& limit = semantics.system_pod_block_time;
  const Instant created = pod.metadata.creationTimestamp.value_or(Instant());
  if (!limit || created + *limit > context.now)
    return blocked(BlockingReason::UnmovableKubeSystemPod);
  return semantics.old_system_pods_keep_other_rules ? kUndefined : kMovable;
}

bool has_local_storage(const Pod& pod) {
  const auto is_safe = [&](const std::string& volume) {
    const std::string* listed =
        annotation(pod, "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes");
    if (listed == nullptr || listed->empty()) return false;
    const std::vector<std::string_view> safe = split(*listed, ',');
    return std::find(safe.begin(), safe.end(), volume) != safe.end();
  };
  const std::vector<model::Volume>& volumes = pod.spec->volumes;
  return std::any_of(volumes.begin(), volumes.end(), [&](const model::Volume& volume) {
    const bool local = volume.hostPath || (volume.emptyDir && volume.emptyDir->medium != "Memory");
    return local && !is_safe(volume.name);
  });
}

}  // namespace

std::string_view blocking_reason_name(BlockingReason reason) {
  switch (reason) {
    case BlockingReason::None:
      return "NoReason";
    case BlockingReason::ControllerNotFound:
      return "ControllerNotFound";
    case BlockingReason::MinReplicasReached:
      return "MinReplicasReached";
    case BlockingReason::NotReplicated:
      return "NotReplicated";
    case BlockingReason::LocalStorageRequested:
      return "LocalStorageRequested";
    case BlockingReason::NotSafeToEvictAnnotation:
      return "NotSafeToEvictAnnotation";
    case BlockingReason::UnmovableKubeSystemPod:
      return "UnmovableKubeSystemPod";
    case BlockingReason::NotEnoughPdb:
      return "NotEnoughPdb";
    case BlockingReason::OnCompletion:
      return "BlockedByOnCompletionPod";
  }
  return {};
}

DrainOptions DrainOptions::of(const Options& options) {
  return {options.skip_nodes_with_system_pods, options.skip_nodes_with_local_storage,
          options.skip_nodes_with_custom_controller_pods, options.min_replica_count,
          options.semantics()};
}

DrainVerdict drainability(const Pod& pod, const DrainContext& context) {
  const DrainOptions& options = context.options;
  if (is_mirror_pod(pod)) return kSkipped;
  if (is_long_terminating(pod, context.now)) return kSkipped;
  const bool of_daemonset = is_daemonset_pod(pod);
  if (options.skip_custom_controllers) {
    const DrainVerdict verdict = replica_count(pod, of_daemonset, context);
    if (verdict.outcome != Drainability::Undefined) return verdict;
  }
  if (of_daemonset) return {Drainability::Movable, BlockingReason::None, true};
  const std::string_view safe = safe_to_evict(pod);
  if (safe == "true") return kMovable;
  if (is_terminal(pod)) return kMovable;
  if (options.semantics.on_completion_annotation && safe == "on-completion")
    return {Drainability::Waiting, BlockingReason::OnCompletion};
  if (!is_replicated(pod, options.skip_custom_controllers))
    return blocked(BlockingReason::NotReplicated);
  if (options.skip_system_pods) {
    const DrainVerdict verdict = system_pod(pod, context);
    if (verdict.outcome != Drainability::Undefined) return verdict;
  }
  if (safe == "false") return blocked(BlockingReason::NotSafeToEvictAnnotation);
  if (options.skip_local_storage && has_local_storage(pod))
    return blocked(BlockingReason::LocalStorageRequested);
  if (context.budgets.blocks(pod)) return blocked(BlockingReason::NotEnoughPdb);
  return kUndefined;
}

PodsToMove pods_to_move(std::span<const PodRef> pods, const DrainContext& context,
                        std::size_t daemonset_pods_first) {
  PodsToMove result;
  result.daemonset_pods_first = daemonset_pods_first;
  for (std::size_t i = daemonset_pods_first; i < pods.size(); ++i) {
    if (i + kAhead < pods.size()) prefetch(*pods[i + kAhead]);
    const PodRef& pod = pods[i];
    const DrainVerdict verdict = drainability(*pod, context);
    if (verdict.outcome == Drainability::Skipped) continue;
    if (verdict.outcome == Drainability::Blocked || verdict.outcome == Drainability::Waiting) {
      result.pods.clear();
      result.daemonset_pods.clear();
      result.blocking_pod = pod;
      result.reason = verdict.reason;
      return result;
    }
    if (verdict.of_daemonset && result.daemonset_pods_first == i) ++result.daemonset_pods_first;
    (verdict.of_daemonset ? result.daemonset_pods : result.pods).push_back(pod);
  }
  result.daemonset_pods.insert(result.daemonset_pods.begin(), pods.begin(),
                               pods.begin() + static_cast<std::ptrdiff_t>(daemonset_pods_first));
  return result;
}

std::string blocking_message(const Pod& pod, BlockingReason reason, const DrainContext& context) {
  const std::string name = pod.metadata.namespace_ + "/" + pod.metadata.name;
  const OwnerReference* owner = pod.metadata.controller();
  switch (reason) {
    case BlockingReason::None:
      return {};
    case BlockingReason::ControllerNotFound: {
      if (owner->kind == "DaemonSet")
        return fmt::format("daemonset for {} is not present, err: daemonset.apps \"{}\" not found",
                           name, owner->name);
      if (owner->kind == "Job")
        return fmt::format("job for {} is not available: err: job.batch \"{}\" not found", name,
                           owner->name);
      if (owner->kind == "StatefulSet")
        return fmt::format(
            "statefulset for {} is not available: err: statefulset.apps \"{}\" not found", name,
            owner->name);
      const std::string_view resource =
          owner->kind == "ReplicaSet" ? "replicaset.apps" : "replicationcontroller";
      return fmt::format("replication controller for {} is not available, err: {} \"{}\" not found",
                         name, resource, owner->name);
    }
    case BlockingReason::MinReplicasReached:
      return fmt::format("replication controller for {} has too few replicas, min: {}", name,
                         context.options.min_replica_count);
    case BlockingReason::NotReplicated:
      return fmt::format("{} is not replicated", name);
    case BlockingReason::LocalStorageRequested:
      return fmt::format("pod with local storage present: {}", pod.metadata.name);
    case BlockingReason::NotSafeToEvictAnnotation:
      return fmt::format("pod annotated as not safe to evict present: {}", pod.metadata.name);
    case BlockingReason::UnmovableKubeSystemPod:
      return fmt::format(
          "non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: {}",
          pod.metadata.name);
    case BlockingReason::NotEnoughPdb:
      return fmt::format("not enough pod disruption budget to move {}", name);
    case BlockingReason::OnCompletion:
      return fmt::format("{} is to run to its end first", name);
  }
  return {};
}

}  // namespace gputide::scaling
