// The priority expander's ConfigMap: which groups are wanted first.
// Source: Cluster Autoscaler 1.31.5 expander/priority; gopkg.in/yaml.v2 for what its YAML may look
// like.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/meta.h"

namespace gputide::scaling {

inline constexpr std::string_view kPriorityConfigMap = "cluster-autoscaler-priority-expander";

/// Priorities with their patterns. Patterns are Go's regular expressions, which are RE2's, and
/// match anywhere in a group's name.
class PriorityConfig {
 public:
  /// Reads the ConfigMap's data. The error is the message of the event PriorityConfigMapInvalid.
  static Result<PriorityConfig> parse(const model::StringMap& data);

  /// The highest priority with a pattern that matches the group; nullopt when none does.
  std::optional<std::int64_t> priority_of(std::string_view group) const;

  ~PriorityConfig();
  PriorityConfig(PriorityConfig&&) noexcept;
  PriorityConfig& operator=(PriorityConfig&&) noexcept;

 private:
  struct Rules;
  explicit PriorityConfig(std::unique_ptr<const Rules> rules);
  std::unique_ptr<const Rules> rules_;
};

}  // namespace gputide::scaling
