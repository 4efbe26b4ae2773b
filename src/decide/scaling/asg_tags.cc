#include "decide/scaling/asg_tags.h"

#include <optional>

#include <fmt/core.h>

#include "decide/scaling/numbers.h"

namespace gputide::scaling {
namespace {

// What stands in `key` between the first `mark` and the next one; nullopt without a mark.
std::optional<std::string_view> after(std::string_view key, std::string_view mark) {
  const std::size_t at = key.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = key.substr(at + mark.size());
  return rest.substr(0, rest.find(mark));
}

std::string template_mark(std::string_view kind) {
  return fmt::format("{}{}/", kNodeTemplateTag, kind);
}

// Upstream's test is an unanchored pattern: any of the effects, after a colon, anywhere.
bool names_an_effect(std::string_view value) {
  for (const std::string_view effect : {":NoSchedule", ":NoExecute", ":PreferNoSchedule"}) {
    const std::size_t at = value.find(effect);
    // '.' in the pattern stops at line breaks; a break before the colon still lets the empty text
    // match.
    if (at != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

std::map<std::string, std::string> labels_from_tags(const Tags& tags) {
  std::map<std::string, std::string> labels;
  const std::string mark = template_mark("label");
  for (const auto& [key, value] : tags) {
    std::optional<std::string_view> label = after(key, mark);
    if (!label) label = after(key, "eks:");
    if (label && !label->empty()) labels[std::string(*label)] = value;
  }
  return labels;
}

std::vector<model::Taint> taints_from_tags(const Tags& tags) {
  std::vector<model::Taint> taints;
  const std::string mark = template_mark("taint");
  for (const auto& [key, value] : tags) {
    const std::optional<std::string_view> taint_key = after(key, mark);
    if (!taint_key || !names_an_effect(value)) continue;
    const std::size_t colon = value.find(':');
    taints.push_back(
        {std::string(*taint_key), value.substr(0, colon), value.substr(colon + 1), {}});
  }
  return taints;
}

std::string taint_tag_problem(std::string_view value) {
  if (!names_an_effect(value))
    return "has no effect (:NoSchedule, :NoExecute, :PreferNoSchedule), so it is ignored";
  const std::string_view effect = value.substr(value.find(':') + 1);
  if (effect == "NoSchedule" || effect == "NoExecute" || effect == "PreferNoSchedule") return {};
  return fmt::format("is read as effect \"{}\", which nothing matches", effect);
}

model::ResourceList resources_from_tags(const Tags& tags) {
  model::ResourceList resources;
  const std::string mark = template_mark("resources");
  for (const auto& [key, value] : tags) {
    const std::optional<std::string_view> name = after(key, mark);
    if (!name || name->empty()) continue;
    if (Result<Quantity> quantity = Quantity::parse(value))
      resources[std::string(*name)] = *quantity;
  }
  return resources;
}

std::map<std::string, std::string> option_texts_from_tags(const Tags& tags) {
  std::map<std::string, std::string> texts;
  const std::string mark = template_mark("autoscaling-options");
  for (const auto& [key, value] : tags) {
    if (!key.starts_with(mark)) continue;
    const std::string_view name = std::string_view(key).substr(mark.size());
    if (name.empty() || name.find(mark) != std::string_view::npos) continue;
    texts[std::string(name)] = value;
  }
  return texts;
}

GroupOptions group_options_from_tags(const Tags& tags, const GroupOptions& defaults,
                                     std::vector<std::string>* ignored) {
  GroupOptions options = defaults;
  for (const auto& [name, text] : option_texts_from_tags(tags)) {
    bool taken = false;
    const auto take = [&](auto parsed, auto& into) {
      if (!parsed) return;
      into = *parsed;
      taken = true;
    };
    if (name == "scaledownutilizationthreshold")
      take(parse_float(text), options.scale_down_utilization_threshold);
    else if (name == "scaledowngpuutilizationthreshold")
      take(parse_float(text), options.scale_down_gpu_utilization_threshold);
    else if (name == "scaledownunneededtime")
      take(Duration::parse(text), options.scale_down_unneeded_time);
    else if (name == "scaledownunreadytime")
      take(Duration::parse(text), options.scale_down_unready_time);
    else if (name == "ignoredaemonsetsutilization")
      take(parse_bool(text), options.ignore_daemonsets_utilization);
    if (!taken && ignored != nullptr)
      ignored->push_back(fmt::format("{}{}={}", template_mark("autoscaling-options"), name, text));
  }
  return options;
}

}  // namespace gputide::scaling
