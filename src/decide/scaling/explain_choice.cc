#include "decide/scaling/explain_choice.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

namespace gputide::scaling {
namespace {

constexpr std::size_t kMost = 3;

// What an expander measures an option by; empty for those that measure nothing.
std::string measure(std::string_view expander, const ExpansionOption& option) {
  if (expander == "least-waste" && option.node != nullptr)
    return fmt::format("{:.2f}", waste_score(option));
  if (expander == "most-pods") return fmt::format("{} pods", option.pods.size());
  if (expander == "least-nodes") return fmt::format("{} nodes", option.node_count);
  if (expander == "price" && option.price_per_hour)
    return fmt::format("${}/h for {} pods", (*option.price_per_hour * option.node_count).text(4),
                       option.pods.size());
  return {};
}

std::string named(std::string_view expander, const ExpansionOption& option) {
  const std::string value = measure(expander, option);
  return value.empty() ? option.name() : fmt::format("{} ({})", option.name(), value);
}

std::string list(std::vector<std::string> names) {
  const std::size_t all = names.size();
  if (all > kMost) names.resize(kMost);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (all > kMost) text += fmt::format(" and {} more", all - kMost);
  return text;
}

}  // namespace

std::string explain_choice(std::span<const std::string> expanders,
                           std::span<const ExpansionOption> options, std::size_t best,
                           const ExpanderContext& context) {
  if (options.size() == 1) return options[best].name() + " is the only group that can help";
  std::string why;
  std::vector<ExpanderEvent> ignored;
  Survivors left(options.size());
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
  for (const std::string& expander : expanders) {
    if (left.size() == 1 || expander == "random") break;
    const Survivors next = filter_options(expander, options, left, context, ignored);
    if (next.size() < left.size() && std::find(next.begin(), next.end(), best) != next.end()) {
      std::vector<std::string> lost;
      for (const std::size_t i : left)
        if (std::find(next.begin(), next.end(), i) == next.end())
          lost.push_back(named(expander, options[i]));
      why += fmt::format("{}{} by {} before {}", why.empty() ? "" : ", then ",
                         named(expander, options[best]), expander, list(std::move(lost)));
    }
    left = next;
  }
  if (left.size() <= 1) return why;
  std::vector<std::string> tied;
  for (const std::size_t i : left)
    if (i != best) tied.push_back(options[i].name());
  if (why.empty()) why = options[best].name();
  return fmt::format("{}, picked from a tie with {}", why, list(std::move(tied)));
}

}  // namespace gputide::scaling
