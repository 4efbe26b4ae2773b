// Which Cluster Autoscaler's rules hold: a released version's, or ours. Every rule that differs
// between them is one named field here; docs/differences.md explains the ones that are ours.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace gputide::scaling {

/// Whose behaviour is reproduced (`--compat`).
enum class Compat { Upstream, Gputide };

/// The release of Cluster Autoscaler whose defaults and rules `--compat=upstream` follows. 1.31
/// stands for 1.32 and all earlier ones, 1.36 for 1.33 and later.
enum class Release { V1_31, V1_36 };

/// The release that an image tag such as "v1.19.1" or "1.36.1" falls under; nullopt when it names
/// no version.
std::optional<Release> release_of_image(std::string_view image);

struct Semantics {
  // -- scale-down --
  /// A node whose utilization equals the threshold may go (1.36); before, only below it.
  bool threshold_is_inclusive = false;
  /// A node whose utilization cannot be computed stays (1.36: UnexpectedError); before, it counted
  /// as unused.
  bool utilization_error_blocks = false;
  /// With --drain-priority-config an empty node goes after the pods of its DaemonSets (1.31).
  bool empty_nodes_wait_for_daemonsets = true;
  /// `safe-to-evict: on-completion` makes a node wait (1.36).
  bool on_completion_annotation = false;
  /// How long a kube-system pod without a budget blocks; absent = for ever (1.31).
  std::optional<Duration> system_pod_block_time;
  /// An old kube-system pod is still held back by safe-to-evict "false" and by local storage.
  bool old_system_pods_keep_other_rules = false;

  // -- the loop --
  /// A loop that scaled up ends there (1.31); later ones still plan scale-down, without acting.
  bool scale_up_ends_loop = true;
  /// Nodes of a group are upcoming only while a request for them is active and the group is not
  /// backed off (1.36).
  bool upcoming_needs_request = false;
  /// A node whose instance is being terminated counts towards its group's target, which that
  /// instance is no part of any more: until the node is gone it hides one that comes.
  bool terminating_nodes_count = true;
  /// Instances that cannot be created still count as nodes on their way, until they are given up.
  bool failed_launches_are_upcoming = true;
  /// How old the oldest pending pod must be before anything is bought.
  Duration new_pod_wait = Duration::seconds(2);
  /// The same for the oldest pod that asks for a GPU; it holds back every pending pod.
  Duration new_gpu_pod_wait = Duration::seconds(30);
  /// At most this many expansion options are executed in one loop; 0 = until no pending pod can be
  /// helped.
  int options_per_loop = 1;
  /// The cluster-wide gate (max-total-unready-percentage) looks at every node, also at nodes of
  /// nobody's group and at those that are being taken away.
  bool unready_gate_counts_unmanaged = true;

  /// How long after a pod was found unschedulable the next loop starts, when it does not wait for
  /// the scan interval: pods that come together are looked at together.
  Duration pod_gathering_time;

  // -- templates --
  /// A group of which it cannot be told what its nodes would be ends the loop for all groups.
  bool template_error_ends_loop = true;
  /// Allocatable is what an EKS node of the type really offers, not its capacity.
  bool eks_allocatable = false;
  /// A cached template is dropped when the group's own template changed since it was taken.
  bool template_cache_follows_group = false;
  /// Taints of spot notices are transient too (aws-node-termination-handler, our own).
  bool interruption_taints_are_transient = false;
  /// The mirror kube-proxy pod of 100m CPU stands on templates besides the real DaemonSet's.
  bool kube_proxy_counted_twice = true;

  // -- GPUs --
  /// Resource names that make a node a GPU node and a pod a GPU pod: nvidia.com/gpu only (1.31),
  /// five names (1.36).
  bool knows_all_gpu_names = false;
  /// A started node's resources are held until it shows all of them or times out, whatever its
  /// labels say.
  bool hold_expected_resources = false;
  /// Shared and MIG resource names (nvidia.com/gpu.shared, nvidia.com/mig-*) are GPUs.
  bool knows_shared_gpu_names = false;

  // -- scale-up --
  /// Pods are ordered by their GPU share too before they are packed.
  bool gpu_in_pod_order = false;
  /// A pod that failed a hostname constraint on the last node is tried on the other new nodes
  /// (1.36).
  bool hostname_second_try = false;
  /// Groups are similar by what they were meant to be, so that a group without nodes balances with
  /// one that has some.
  bool balance_by_intent = false;
  /// topology.k8s.aws/zone-id does not make groups different (1.36).
  bool ignore_zone_id_label = false;
  /// Where prices decide, one plan for all pending pods over all groups, not the best group at a
  /// time.
  bool plans_all_groups_at_once = false;
  /// A failed launch backs off its instance type, zone and market, not the whole group.
  bool backoff_per_pool = false;

  // -- ProvisioningRequests --
  /// One that found no capacity is tried again after a time that doubles, or fails with noRetry;
  /// one that waits is neither held back with pods that are new nor until the next scan; decided
  /// ones go after a week; ordinary pods have the first turn (1.36). Before: tried again every ten
  /// minutes, and none of the rest.
  bool requests_back_off = false;

  static Semantics upstream(Release release);
  static Semantics gputide();
  static Semantics of(Compat compat, Release release) {
    return compat == Compat::Gputide ? gputide() : upstream(release);
  }
};

}  // namespace gputide::scaling
