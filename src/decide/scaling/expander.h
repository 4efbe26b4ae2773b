// Which of the groups that could help is grown. An expander is a chain of filters; what is left
// after the last one is a tie. Source: Cluster Autoscaler 1.31.5 expander/*; `price` is ours,
// upstream has none on AWS.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/money.h"
#include "base/rng.h"
#include "decide/scaling/node_template.h"
#include "model/meta.h"

namespace gputide::scaling {

/// Growing `group` by `node_count` nodes would place `pods`.
struct ExpansionOption {
  std::string group;
  std::int64_t node_count = 0;
  std::vector<PodRef> pods;
  const NodeTemplate* node = nullptr;   // nullptr: the group has no template
  std::optional<Money> price_per_hour;  // of one node; absent: not known
  std::string short_name = {};          // of the group, for people; empty: its id

  const std::string& name() const { return short_name.empty() ? group : short_name; }
};

/// A Kubernetes event about the priority ConfigMap.
struct ExpanderEvent {
  std::string reason;
  std::string message;
  bool operator==(const ExpanderEvent&) const = default;
};

struct ExpanderContext {
  /// Data of the ConfigMap cluster-autoscaler-priority-expander; nullptr when there is none.
  const model::StringMap* priority_config = nullptr;
  /// Who picks from a tie. nullptr: the smallest group id.
  Rng* rng = nullptr;
};

/// Indexes of options, in order.
using Survivors = std::vector<std::size_t>;

/// One filter over some of the options.
Survivors filter_options(std::string_view expander, std::span<const ExpansionOption> options,
                         const Survivors& among, const ExpanderContext& context,
                         std::vector<ExpanderEvent>& events);

/// All filters in order, up to the first that leaves one option. What is returned is a tie, or
/// empty.
Survivors run_expanders(std::span<const std::string> expanders,
                        std::span<const ExpansionOption> options, const ExpanderContext& context,
                        std::vector<ExpanderEvent>& events);

/// The option that is executed; nullopt when no filter kept any.
std::optional<std::size_t> best_option(std::span<const std::string> expanders,
                                       std::span<const ExpansionOption> options,
                                       const ExpanderContext& context,
                                       std::vector<ExpanderEvent>& events);

/// Unused share of cpu plus unused share of memory, of the nodes' capacity. Needs `node`.
double waste_score(const ExpansionOption& option);

}  // namespace gputide::scaling
