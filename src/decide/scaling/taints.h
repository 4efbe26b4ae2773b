// Taints by which Cluster Autoscaler speaks, and taints that it looks through.
// Source: Cluster Autoscaler 1.31.5 utils/taints.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "decide/scaling/options.h"
#include "model/node.h"

namespace gputide::scaling {

inline constexpr std::string_view kToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";
/// A node that carries the deletion taint for longer was forgotten.
inline constexpr Duration kMaxDeletionTime = Duration::minutes(5);
inline constexpr std::string_view kDeletionCandidateTaint = "DeletionCandidateOfClusterAutoscaler";

/// Which taints are a passing state of a node, not a property of its group.
class TaintRules {
 public:
  TaintRules() = default;
  explicit TaintRules(const Options& options);

  /// The node is not ready while it carries it.
  bool is_startup(std::string_view key) const;
  /// Ignored in templates, and the node is ready all the same.
  bool is_status(std::string_view key) const;
  /// Left out when a node becomes a template.
  bool is_transient(std::string_view key) const;

  /// `taints` without the transient ones.
  std::vector<model::Taint> lasting(const std::vector<model::Taint>& taints) const;

 private:
  std::set<std::string, std::less<>> startup_;
  std::set<std::string, std::less<>> status_;
  std::vector<std::string> startup_prefixes_;
  bool interruptions_ = false;
};

bool has_taint(const model::Node& node, std::string_view key);

/// The moment in a taint's value (unix seconds); nullopt without the taint or when the value is no
/// number.
std::optional<Instant> taint_time(const model::Node& node, std::string_view key);

/// Carries the deletion taint, and has not for longer than 5 minutes: longer means that somebody
/// forgot it.
bool is_being_deleted(const model::Node& node, Instant now);

}  // namespace gputide::scaling
