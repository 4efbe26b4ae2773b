#include "decide/scaling/taints.h"

#include <algorithm>

#include "decide/scaling/numbers.h"

namespace gputide::scaling {
namespace {

constexpr std::string_view kConditions[] = {"node.kubernetes.io/not-ready",
                                            "node.kubernetes.io/unreachable",
                                            "node.kubernetes.io/unschedulable",
                                            "node.kubernetes.io/memory-pressure",
                                            "node.kubernetes.io/disk-pressure",
                                            "node.kubernetes.io/network-unavailable",
                                            "node.kubernetes.io/pid-pressure",
                                            "node.cloudprovider.kubernetes.io/uninitialized",
                                            "node.cloudprovider.kubernetes.io/shutdown",
                                            "cloud.google.com/impending-node-termination",
                                            "NodeWithImpairedVolumes"};

bool starts_with_any(std::string_view key, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return key.starts_with(prefix); });
}

}  // namespace

TaintRules::TaintRules(const Options& options) {
  startup_.insert(options.startup_taint.begin(), options.startup_taint.end());
  startup_.insert(options.ignore_taint.begin(), options.ignore_taint.end());
  status_.insert(options.status_taint.begin(), options.status_taint.end());
  startup_prefixes_ = options.startup_taint_prefix;
  startup_prefixes_.emplace_back("ignore-taint.cluster-autoscaler.kubernetes.io/");
  startup_prefixes_.emplace_back("startup-taint.cluster-autoscaler.kubernetes.io/");
  interruptions_ = options.semantics().interruption_taints_are_transient;
}

bool TaintRules::is_startup(std::string_view key) const {
  return startup_.contains(key) || starts_with_any(key, startup_prefixes_);
}

bool TaintRules::is_status(std::string_view key) const {
  return status_.contains(key) || key.starts_with("status-taint.cluster-autoscaler.kubernetes.io/");
}

bool TaintRules::is_transient(std::string_view key) const {
  if (key == kToBeDeletedTaint || key == kDeletionCandidateTaint) return true;
  if (std::find(std::begin(kConditions), std::end(kConditions), key) != std::end(kConditions))
    return true;
  if (interruptions_ &&
      (key.starts_with("aws-node-termination-handler/") || key.starts_with("gputide.dev/")))
    return true;
  return is_startup(key) || is_status(key);
}

std::vector<model::Taint> TaintRules::lasting(const std::vector<model::Taint>& taints) const {
  std::vector<model::Taint> kept;
  for (const model::Taint& taint : taints)
    if (!is_transient(taint.key)) kept.push_back(taint);
  return kept;
}

bool has_taint(const model::Node& node, std::string_view key) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                     [&](const model::Taint& taint) { return taint.key == key; });
}

std::optional<Instant> taint_time(const model::Node& node, std::string_view key) {
  for (const model::Taint& taint : node.spec.taints) {
    if (taint.key != key) continue;
    const std::optional<std::int64_t> seconds = parse_decimal(taint.value);
    return seconds ? std::optional(Instant::from_seconds(*seconds)) : std::nullopt;
  }
  return std::nullopt;
}

bool is_being_deleted(const model::Node& node, Instant now) {
  const std::optional<Instant> since = taint_time(node, kToBeDeletedTaint);
  return since && now - *since < kMaxDeletionTime;
}

}  // namespace gputide::scaling
