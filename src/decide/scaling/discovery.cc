#include "decide/scaling/discovery.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/text.h"
#include "decide/scaling/numbers.h"

namespace gputide::scaling {
namespace {

// Splits at the first `separator`; second is absent when there is none.
std::pair<std::string_view, std::optional<std::string_view>> cut(std::string_view text,
                                                                 char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

bool all_of_class(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' ||
           extra.find(c) != std::string_view::npos;
  });
}

}  // namespace

Result<DiscoveryTags> parse_auto_discovery(std::string_view spec) {
  const auto [discoverer, parameter] = cut(spec, ':');
  if (!parameter)
    return fail(fmt::format(
        "invalid node group auto discovery spec specified via --node-group-auto-discovery: {}",
        spec));
  if (discoverer != "asg")
    return fail(fmt::format("unsupported discoverer specified: {}", discoverer));
  const auto [key, value] = cut(*parameter, '=');
  if (!value) return fail(fmt::format("invalid key=value pair [{}]", key));
  if (key != "tag")
    return fail(
        fmt::format("unsupported parameter key \"{}\" is specified for discoverer \"asg\". The "
                    "only supported key is \"tag\"",
                    key));
  if (value->empty()) return fail("tag value not supplied");
  DiscoveryTags tags;
  for (const std::string_view label : split(*value, ',')) {
    const auto [tag_key, tag_value] = cut(label, '=');
    tags[std::string(tag_key)] = tag_value.value_or(std::string_view());
  }
  return tags;
}

DiscoveryTags merge_discovery(std::span<const DiscoveryTags> specs) {
  DiscoveryTags merged;
  for (const DiscoveryTags& spec : specs)
    for (const auto& [key, value] : spec) merged[key] = value;
  return merged;
}

std::vector<DescribeFilter> describe_filters(const DiscoveryTags& tags) {
  std::vector<DescribeFilter> filters;
  for (const auto& [key, value] : tags) {
    if (value.empty())
      filters.push_back({"tag-key", {key}});
    else
      filters.push_back({"tag:" + key, {value}});
  }
  return filters;
}

bool discovered(const model::AutoScalingGroup& group, const DiscoveryTags& tags) {
  if (tags.empty()) return false;
  return std::all_of(tags.begin(), tags.end(), [&](const auto& wanted) {
    const std::string* value = group.tag(wanted.first);
    return value != nullptr && (wanted.second.empty() || *value == wanted.second);
  });
}

Result<NodesSpec> parse_nodes_spec(std::string_view spec) {
  // Two layers of upstream each say the same before the cause.
  const auto refuse = [](std::string cause) {
    return fail("failed to parse node group spec: failed to parse node group spec: " +
                std::move(cause));
  };
  const auto [min_text, after_min] = cut(spec, ':');
  const auto [max_text, name] =
      after_min ? cut(*after_min, ':')
                : std::pair<std::string_view, std::optional<std::string_view>>{};
  if (!name) return refuse(fmt::format("wrong nodes configuration: {}", spec));
  const std::optional<std::int64_t> min = parse_decimal(min_text);
  if (!min) return refuse(fmt::format("failed to set min size: {}, expected integer", min_text));
  const std::optional<std::int64_t> max = parse_decimal(max_text);
  if (!max) return refuse(fmt::format("failed to set max size: {}, expected integer", max_text));
  if (*min < 0) return refuse("invalid node group spec: min size must be >= 0");
  if (*max < *min)
    return refuse("invalid node group spec: max size must be greater or equal to min size");
  if (name->empty()) return refuse("invalid node group spec: name must not be blank");
  return NodesSpec{*min, *max, std::string(*name)};
}

std::optional<InstanceRef> parse_provider_id(std::string_view provider_id) {
  constexpr std::string_view kPrefix = "aws:///";
  if (!provider_id.starts_with(kPrefix)) return std::nullopt;
  const auto [zone, rest] = cut(provider_id.substr(kPrefix.size()), '/');
  if (!rest || !all_of_class(zone, "")) return std::nullopt;
  if (rest->starts_with("i-placeholder")) {
    const auto [id, tail] = cut(*rest, '/');
    return InstanceRef{zone, id};
  }
  const auto [id, tail] = cut(*rest, '/');
  if (!all_of_class(id, "") || (tail && !all_of_class(*tail, "."))) return std::nullopt;
  return InstanceRef{zone, id};
}

}  // namespace gputide::scaling
