#include "decide/scaling/expander.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "decide/scaling/price_score.h"
#include "decide/scaling/priority_config.h"

namespace gputide::scaling {
namespace {

Quantity capacity_of(const model::Node& node, const std::string& resource) {
  const auto at = node.status.capacity.find(resource);
  return at == node.status.capacity.end() ? Quantity() : at->second;
}

Survivors least_waste(std::span<const ExpansionOption> options, const Survivors& among) {
  double least = 0;
  Survivors best;
  for (const std::size_t i : among) {
    if (options[i].node == nullptr) continue;
    const double score = waste_score(options[i]);
    if (score == least) best.push_back(i);
    // A score that is no number stays the least once it came first: nothing is below it.
    if (best.empty() || score < least) {
      least = score;
      best = {i};
    }
  }
  return best;
}

Survivors most_pods(std::span<const ExpansionOption> options, const Survivors& among) {
  std::size_t most = 0;
  Survivors best;
  for (const std::size_t i : among) {
    const std::size_t count = options[i].pods.size();
    if (count > most) best.clear();
    if (count >= most) best.push_back(i);
    most = std::max(most, count);
  }
  return best;
}

Survivors least_nodes(std::span<const ExpansionOption> options, const Survivors& among) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  Survivors best;
  for (const std::size_t i : among) {
    const std::int64_t count = options[i].node_count;
    if (count == 0) continue;
    if (count < least) best.clear();
    if (count <= least) best.push_back(i);
    least = std::min(least, count);
  }
  return best;
}

Survivors by_priority(std::span<const ExpansionOption> options, const Survivors& among,
                      const ExpanderContext& context, std::vector<ExpanderEvent>& events) {
  if (among.empty() || context.priority_config == nullptr) return among;
  const Result<PriorityConfig> config = PriorityConfig::parse(*context.priority_config);
  if (!config) {
    events.push_back({"PriorityConfigMapInvalid", config.error().message});
    return among;
  }
  std::int64_t highest = -1;  // upstream's start: lower priorities never win
  Survivors best;
  for (const std::size_t i : among) {
    const std::optional<std::int64_t> priority = config->priority_of(options[i].group);
    if (!priority) {
      events.push_back({"PriorityConfigMapNotMatchedGroup",
                        fmt::format("Priority expander: node group {} not found in priority "
                                    "expander configuration. The group won't be used.",
                                    options[i].group)});
      continue;
    }
    if (*priority < highest) continue;
    if (*priority > highest) best.clear();
    highest = *priority;
    best.push_back(i);
  }
  if (!best.empty()) return best;
  events.push_back({"PriorityConfigMapNoGroupMatched",
                    "Priority expander: no priorities info found for any of the expansion options. "
                    "No options filtered."});
  return among;
}

std::size_t pick(std::span<const ExpansionOption> options, const Survivors& tie, Rng* rng) {
  if (rng != nullptr) return tie[rng->below(tie.size())];
  return *std::min_element(tie.begin(), tie.end(), [&](std::size_t a, std::size_t b) {
    return options[a].group < options[b].group;
  });
}

}  // namespace

double waste_score(const ExpansionOption& option) {
  Quantity cpu;
  Quantity memory;
  for (const PodRef& pod : option.pods)
    for (const model::Container& container : pod->spec->containers) {
      const model::ResourceList& requests = container.resources.requests;
      if (const auto at = requests.find("cpu"); at != requests.end()) cpu.add(at->second);
      if (const auto at = requests.find("memory"); at != requests.end()) memory.add(at->second);
    }
  const std::int64_t all_cpu =
      capacity_of(option.node->node, "cpu").milli_value() * option.node_count;
  const std::int64_t all_memory =
      capacity_of(option.node->node, "memory").value() * option.node_count;
  const double wasted_cpu =
      static_cast<double>(all_cpu - cpu.milli_value()) / static_cast<double>(all_cpu);
  const double wasted_memory =
      static_cast<double>(all_memory - memory.value()) / static_cast<double>(all_memory);
  return wasted_cpu + wasted_memory;
}

Survivors filter_options(std::string_view expander, std::span<const ExpansionOption> options,
                         const Survivors& among, const ExpanderContext& context,
                         std::vector<ExpanderEvent>& events) {
  if (expander == "least-waste") return least_waste(options, among);
  if (expander == "most-pods") return most_pods(options, among);
  if (expander == "least-nodes") return least_nodes(options, among);
  if (expander == "priority") return by_priority(options, among, context, events);
  if (expander == "price") return cheapest(options, among);
  if (expander == "random" && !among.empty()) return {pick(options, among, context.rng)};
  return among;  // grpc: without its server every option is kept, as upstream keeps them
}

Survivors run_expanders(std::span<const std::string> expanders,
                        std::span<const ExpansionOption> options, const ExpanderContext& context,
                        std::vector<ExpanderEvent>& events) {
  Survivors left(options.size());
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
  for (const std::string& expander : expanders) {
    left = filter_options(expander, options, left, context, events);
    if (left.size() == 1) break;
  }
  return left;
}

std::optional<std::size_t> best_option(std::span<const std::string> expanders,
                                       std::span<const ExpansionOption> options,
                                       const ExpanderContext& context,
                                       std::vector<ExpanderEvent>& events) {
  const Survivors tie = run_expanders(expanders, options, context, events);
  if (tie.empty()) return std::nullopt;
  return pick(options, tie, context.rng);
}

}  // namespace gputide::scaling
