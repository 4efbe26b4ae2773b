// How many nodes of a NodePool may go at once, and when. Semantics and texts are Karpenter's; the
// schedule is cron's, as robfig/cron 3 reads it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace gputide::provisioning {

inline constexpr std::int64_t kUnlimited = std::numeric_limits<std::int32_t>::max();

struct Budget {
  std::string nodes;                                // "10", "10%"
  std::optional<std::vector<std::string>> reasons;  // absent = every reason; empty = none
  std::optional<std::string> schedule;
  std::optional<std::string> duration;
};

/// Whether a budget counts now: always without a schedule; else for its duration after each moment
/// of it. A schedule with no moment in the next five years counts always, as upstream's does.
Result<bool> budget_active(const Budget& budget, Instant now);

/// When a budget with a schedule may next begin or cease to count; nullopt: never.
std::optional<Instant> next_budget_change(const Budget& budget, Instant now);

struct Allowed {
  std::int64_t nodes = kUnlimited;
  std::string error;  // of all budgets; when set, none may go
};

/// The least that active budgets allow for the reason, percentages rounded up.
Allowed allowed_disruptions(std::span<const Budget> budgets, std::int64_t nodes,
                            std::string_view reason, Instant now);

/// The first moment after `from` that the cron text (five fields or @daily ...) names, in UTC;
/// nullopt when there is none within five years.
Result<std::optional<Instant>> next_cron(std::string_view text, Instant from);

/// A duration of a NodePool: nullopt = Never.
Result<std::optional<Duration>> parse_nillable_duration(std::string_view text);

}  // namespace gputide::provisioning
