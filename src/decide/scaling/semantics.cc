#include "decide/scaling/semantics.h"

#include <charconv>

namespace gputide::scaling {

std::optional<Release> release_of_image(std::string_view image) {
  const std::size_t slash = image.rfind('/');
  const std::size_t colon = image.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
    return std::nullopt;
  std::string_view tag = image.substr(colon + 1);
  if (tag.starts_with('v')) tag.remove_prefix(1);
  int major = 0;
  int minor = 0;
  const char* const end = tag.data() + tag.size();
  const auto first = std::from_chars(tag.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc()) return std::nullopt;
  return major > 1 || minor >= 33 ? Release::V1_36 : Release::V1_31;
}

Semantics Semantics::upstream(Release release) {
  Semantics s;
  if (release == Release::V1_31) return s;
  s.threshold_is_inclusive = true;
  s.utilization_error_blocks = true;
  s.empty_nodes_wait_for_daemonsets = false;
  s.on_completion_annotation = true;
  s.system_pod_block_time = Duration::hours(1);
  s.scale_up_ends_loop = false;
  s.upcoming_needs_request = true;
  s.knows_all_gpu_names = true;
  s.hostname_second_try = true;
  s.ignore_zone_id_label = true;
  s.requests_back_off = true;
  return s;
}

Semantics Semantics::gputide() {
  Semantics s = upstream(Release::V1_36);
  s.old_system_pods_keep_other_rules = true;
  s.upcoming_needs_request = false;  // held resources replace it: nothing is promised for ever
  s.terminating_nodes_count = false;
  s.failed_launches_are_upcoming = false;
  s.new_pod_wait = Duration();
  s.new_gpu_pod_wait = Duration();
  s.options_per_loop = 0;
  s.unready_gate_counts_unmanaged = false;
  s.pod_gathering_time = Duration::seconds(1);
  s.template_error_ends_loop = false;
  s.eks_allocatable = true;
  s.template_cache_follows_group = true;
  s.interruption_taints_are_transient = true;
  s.kube_proxy_counted_twice = false;
  s.hold_expected_resources = true;
  s.knows_shared_gpu_names = true;
  s.gpu_in_pod_order = true;
  s.balance_by_intent = true;
  s.backoff_per_pool = true;
  s.plans_all_groups_at_once = true;
  return s;
}

}  // namespace gputide::scaling
