// Cluster Autoscaler's command line: every flag with its default, its place here, and what to say
// about it. Source: Cluster Autoscaler 1.31.5 main.go and 1.36.1 config/flags; pflag and klog for
// how flags are written.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/time.h"
#include "decide/scaling/semantics.h"

namespace gputide::scaling {

/// What may differ from group to group, by autoscaling-options tags.
struct GroupOptions {
  double scale_down_utilization_threshold = 0.5;
  double scale_down_gpu_utilization_threshold = 0.5;
  Duration scale_down_unneeded_time = Duration::minutes(10);
  Duration scale_down_unready_time = Duration::minutes(20);
  Duration max_node_provision_time = Duration::minutes(15);
  bool ignore_daemonsets_utilization = false;
  bool operator==(const GroupOptions&) const = default;
};

/// A range of --cores-total, --memory-total or --gpu-total.
struct ResourceRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};
struct GpuRange {
  std::string type;  // value of the accelerator label
  ResourceRange range;
};

/// Pods of this priority and more, up to the next band's, are evicted together; the first band
/// takes those below it too.
struct DrainBand {
  std::int32_t priority = 0;
  std::int64_t grace_seconds = 0;  // the most that a pod gets; 0: what it asks for
  bool operator==(const DrainBand&) const = default;
};

/// What the command line says. Initial values are those of today's release (1.36).
struct Options {
  Compat compat = Compat::Gputide;
  Release release = Release::V1_36;

  // Where and what.
  std::string cloud_provider = "aws";
  std::string cluster_name;
  std::string cloud_config;
  std::string config_namespace = "kube-system";
  std::string address = ":8085";
  std::vector<std::string> nodes;
  std::vector<std::string> node_group_auto_discovery;
  bool aws_use_static_instance_list = false;

  // The loop.
  Duration scan_interval = Duration::seconds(10);
  bool frequent_loops_enabled = true;
  Duration max_inactivity = Duration::minutes(10);
  Duration max_failing_time = Duration::minutes(15);
  Duration max_startup_time = Duration::minutes(20);

  // Limits.
  std::int64_t max_nodes_total = 0;  // 0 = none
  std::string cores_total = "0:320000";
  std::string memory_total = "0:6400000";  // GiB
  std::vector<std::string> gpu_total;
  bool enforce_node_group_min_size = false;

  // Scale-up.
  bool scale_up_from_zero = true;
  std::string expander = "least-waste";
  std::string grpc_expander_url;
  std::string grpc_expander_cert;
  std::string estimator = "binpacking";
  std::int64_t max_nodes_per_scaleup = 1000;
  Duration max_nodegroup_binpacking_duration = Duration::seconds(10);
  Duration max_binpacking_time = Duration::minutes(5);
  bool parallel_scale_up = false;
  bool salvo_scale_up = false;
  Duration salvo_scale_up_budget = Duration::minutes(1);
  bool balance_similar_node_groups = false;
  std::vector<std::string> balancing_ignore_label;
  std::vector<std::string> balancing_label;
  double memory_difference_ratio = 0.015;
  double max_free_difference_ratio = 0.05;
  double max_allocatable_difference_ratio = 0.05;
  Duration new_pod_scale_up_delay;
  std::int64_t expendable_pods_priority_cutoff = -10;
  std::vector<std::string> bypassed_scheduler_names;
  std::vector<std::string> allowed_scheduler_names;
  std::string scheduler_config_file;
  bool force_ds = false;
  std::vector<std::string> ignore_taint;  // deprecated spelling of startup_taint
  std::vector<std::string> startup_taint;
  std::vector<std::string> startup_taint_prefix;
  std::vector<std::string> status_taint;
  Duration node_info_cache_expire_time = Duration::hours(87600);

  // Health.
  Duration max_node_provision_time = Duration::minutes(15);
  Duration max_node_startup_time = Duration::minutes(15);
  Duration initial_node_group_backoff_duration = Duration::minutes(5);
  Duration max_node_group_backoff_duration = Duration::minutes(30);
  Duration node_group_backoff_reset_timeout = Duration::hours(3);
  double max_total_unready_percentage = 45;
  std::int64_t ok_total_unready_count = 3;
  bool force_delete_unregistered_nodes = false;
  bool force_delete_failed_nodes = false;

  // Scale-down.
  bool scale_down_enabled = true;
  bool scale_down_unready_enabled = true;
  Duration scale_down_delay_after_add = Duration::minutes(10);
  Duration scale_down_delay_after_delete;
  Duration scale_down_delay_after_failure = Duration::minutes(3);
  bool scale_down_delay_type_local = false;
  Duration scale_down_unneeded_time = Duration::minutes(10);
  Duration scale_down_unready_time = Duration::minutes(20);
  double scale_down_utilization_threshold = 0.5;
  double scale_down_gpu_utilization_threshold = 0.5;
  bool ignore_daemonsets_utilization = false;
  bool ignore_mirror_pods_utilization = false;
  Duration unremovable_node_recheck_timeout = Duration::minutes(5);
  Duration scale_down_simulation_timeout = Duration::seconds(30);
  std::int64_t max_scale_down_parallelism = 10;
  std::int64_t max_drain_parallelism = 1;
  Duration max_pod_eviction_time = Duration::minutes(2);
  std::int64_t max_graceful_termination_sec = 600;
  std::string drain_priority_config;
  Duration node_delete_delay_after_taint = Duration::seconds(5);
  Duration node_deletion_delay_timeout = Duration::minutes(2);
  Duration node_deletion_batcher_interval;
  bool cordon_node_before_terminating = true;
  bool daemonset_eviction_for_empty_nodes = false;
  bool daemonset_eviction_for_occupied_nodes = true;
  bool skip_nodes_with_system_pods = true;
  bool skip_nodes_with_local_storage = true;
  bool skip_nodes_with_custom_controller_pods = true;
  Duration blocking_system_pod_timeout = Duration::hours(1);
  std::int64_t min_replica_count = 0;
  std::int64_t max_bulk_soft_taint_count = 10;
  Duration max_bulk_soft_taint_time = Duration::seconds(3);
  Duration node_deletion_candidate_ttl;

  // ProvisioningRequests.
  bool enable_provisioning_requests = false;
  Duration provisioning_request_initial_backoff_time = Duration::minutes(1);
  Duration provisioning_request_max_backoff_time = Duration::minutes(10);
  std::int64_t provisioning_request_max_backoff_cache_size = 1000;
  bool check_capacity_batch_processing = false;
  std::int64_t check_capacity_provisioning_request_max_batch_size = 10;
  std::string check_capacity_processor_instance;

  // Outputs.
  bool write_status_configmap = true;
  std::string status_config_map_name = "cluster-autoscaler-status";
  bool emit_per_nodegroup_metrics = false;
  bool record_duplicated_events = false;

  /// The rules that follow from compat and release, with the flags that change a rule worked in.
  Semantics semantics() const;
  /// What groups without autoscaling-options tags use.
  GroupOptions group_defaults() const;
  /// How the pods of a node leave it: one band after the other, lowest priority first, in the order
  /// of --drain-priority-config; without it one band with --max-graceful-termination-sec.
  std::vector<DrainBand> drain_bands() const;
  /// The names in --expander, in order.
  std::vector<std::string> expanders() const;
};

/// The values that flags have when they are not given: upstream's of that release, or ours.
Options default_options(Compat compat, Release release);

/// Reads a command line as pflag does ("--flag=value", "--flag value", "--bool-flag", "_" for "-").
/// `arguments` leaves the program out; klog's flags are accepted. `place` says where argument i
/// stands (empty: no places). Unknown flags and bad values are errors, with the flag that was
/// probably meant; flags that upstream accepts but that do nothing are warnings. `--compat` is
/// ours; without it `compat` holds.
Options parse_options(std::span<const std::string> arguments, Compat compat, Release release,
                      const std::string& file, std::span<const Span> place,
                      Diagnostics& diagnostics);

/// "MIN:MAX". Error: upstream's words.
Result<ResourceRange> parse_range(std::string_view text);
/// "TYPE:MIN:MAX".
Result<GpuRange> parse_gpu_range(std::string_view text);

/// "PRIORITY:SECONDS,...", sorted by priority. Error: which part is none.
Result<std::vector<DrainBand>> parse_drain_bands(std::string_view text);

/// One line of the flag reference: name, default of 1.31, of 1.36, and ours; "-" where the release
/// has no such flag.
struct FlagHelp {
  std::string_view name;
  std::string default_131;
  std::string default_136;
  std::string default_gputide;
  std::string_view note;
};
std::vector<FlagHelp> flag_reference();

}  // namespace gputide::scaling
