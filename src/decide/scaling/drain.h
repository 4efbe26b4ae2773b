// May a pod be moved off its node? Twelve rules in order; the first that has an opinion decides.
// Source: Cluster Autoscaler 1.31.5 simulator/drainability/rules, and 1.36 where Semantics say so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "decide/scaling/disruption_budgets.h"
#include "decide/scaling/node_template.h"
#include "decide/scaling/options.h"
#include "state/text_hash.h"

namespace gputide::scaling {

/// The controllers that exist, by (namespace, name): whether those of pods still do.
struct Controllers {
  using Name = std::pair<std::string, std::string>;
  using NameView = std::pair<std::string_view, std::string_view>;
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const NameView& name) const {
      return state::hash_of(name.second, state::hash_of(name.first));
    }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const NameView& a, const NameView& b) const { return a == b; }
  };
  // For lookups only.
  using Names = boost::unordered_flat_set<Name, Hash, Same>;
  using Replicas = boost::unordered_flat_map<Name, std::optional<std::int32_t>, Hash, Same>;
  Replicas replication_controllers;  // spec.replicas
  Replicas replica_sets;
  Names stateful_sets;
  Names jobs;
  Names daemon_sets;
  /// Different whenever any of these but the Jobs is. 0: not kept.
  std::uint64_t version = 0;
};

enum class BlockingReason {
  None,
  ControllerNotFound,
  MinReplicasReached,
  NotReplicated,
  LocalStorageRequested,
  NotSafeToEvictAnnotation,
  UnmovableKubeSystemPod,
  NotEnoughPdb,
  OnCompletion,
};
std::string_view blocking_reason_name(BlockingReason reason);

struct DrainOptions {
  bool skip_system_pods = true;
  bool skip_local_storage = true;
  bool skip_custom_controllers = true;
  std::int64_t min_replica_count = 0;
  Semantics semantics;

  static DrainOptions of(const Options& options);
};

struct DrainContext {
  const DrainOptions& options;
  const DisruptionBudgets& budgets;
  const Controllers* controllers = nullptr;  // nullptr: whether controllers exist is not asked
  Instant now;
};

enum class Drainability {
  Undefined,  // no rule objects: the pod moves
  Movable,
  Skipped,  // neither moves nor blocks: it ends with its node
  Blocked,
  Waiting,  // it will end by itself; until then it blocks
};

struct DrainVerdict {
  Drainability outcome = Drainability::Undefined;
  BlockingReason reason = BlockingReason::None;
  bool of_daemonset = false;  // known where a rule asked for it: of all that are Movable as such
};
DrainVerdict drainability(const model::Pod& pod, const DrainContext& context);

/// Why `pod` blocks, in upstream's words.
std::string blocking_message(const model::Pod& pod, BlockingReason reason,
                             const DrainContext& context);

/// What a node's pods mean for its removal: what must find another place, what is merely evicted,
/// or what blocks.
struct PodsToMove {
  std::vector<PodRef> pods;
  std::vector<PodRef> daemonset_pods;
  PodRef blocking_pod;  // nullptr: nothing blocks
  BlockingReason reason = BlockingReason::None;
  /// So many pods at the beginning are of DaemonSets and do not block, blocked or not.
  std::size_t daemonset_pods_first = 0;
};
/// Looks at the pods in order and stops at the first that blocks; the lists are then empty.
/// `daemonset_pods_first`: what it answered of these pods and DaemonSets before, or less.
PodsToMove pods_to_move(std::span<const PodRef> pods, const DrainContext& context,
                        std::size_t daemonset_pods_first = 0);

}  // namespace gputide::scaling
