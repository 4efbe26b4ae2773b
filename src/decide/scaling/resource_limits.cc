#include "decide/scaling/resource_limits.h"

#include <algorithm>

#include "decide/scaling/taints.h"
#include "decide/scaling/template_node.h"
#include "decide/scaling/utilization.h"

namespace gputide::scaling {
namespace {

std::int64_t amount(const model::ResourceList& list, const std::string& name) {
  const auto at = list.find(name);
  return at == list.end() ? 0 : at->second.value();
}

ClusterAmounts of(const model::Node& node, const Semantics& semantics) {
  ClusterAmounts amounts{{"cpu", amount(node.status.capacity, "cpu")},
                         {"memory", amount(node.status.capacity, "memory")}};
  const auto type = node.metadata.labels.find(std::string(kGpuLabel));
  if (type == node.metadata.labels.end()) return amounts;
  const std::string resource = gpu_resource_of(node, semantics);
  if (!resource.empty()) amounts[type->second] += amount(node.status.allocatable, resource);
  return amounts;
}

}  // namespace

ResourceLimits::ResourceLimits(const Options& options) {
  const Options defaults;
  any_ = options.cores_total != defaults.cores_total ||
         options.memory_total != defaults.memory_total || !options.gpu_total.empty();
  if (!any_) return;
  const auto set = [&](const std::string& name, const ResourceRange& range, std::int64_t unit) {
    max_[name] = range.max * unit;
    if (range.min > 0) min_[name] = range.min * unit;
  };
  if (const auto range = parse_range(options.cores_total)) set("cpu", *range, 1);
  if (const auto range = parse_range(options.memory_total))
    set("memory", *range, std::int64_t{1} << 30);
  for (const std::string& text : options.gpu_total)
    if (const auto range = parse_gpu_range(text)) set(range->type, range->range, 1);
}

ClusterAmounts ResourceLimits::above_minimum(const Observation& seen, Instant now) const {
  if (min_.empty()) return {};
  ClusterAmounts above = min_;
  for (auto& [name, value] : above) value = -value;
  for (const auto& view : seen.nodes) {
    if (is_being_deleted(*view->node, now)) continue;
    for (const auto& [name, value] : of(*view->node, Semantics::upstream(Release::V1_36)))
      if (const auto at = above.find(name); at != above.end()) at->second += value;
  }
  for (auto& [name, value] : above) value = std::max<std::int64_t>(value, 0);
  return above;
}

bool ResourceLimits::take(ClusterAmounts& above, const model::Node& node) {
  if (above.empty()) return true;
  const ClusterAmounts going = of(node, Semantics::upstream(Release::V1_36));
  for (const auto& [name, value] : going)
    if (const auto at = above.find(name); at != above.end() && value > at->second) return false;
  for (const auto& [name, value] : going)
    if (const auto at = above.find(name); at != above.end()) at->second -= value;
  return true;
}

ClusterAmounts ResourceLimits::of_node(const NodeTemplate& node) const {
  return of(node.node, Semantics::upstream(Release::V1_36));
}

ClusterAmounts ResourceLimits::left(const Observation& seen,
                                    const std::vector<const NodeTemplate*>& templates) const {
  if (!any_) return {};
  ClusterAmounts left = max_;
  const auto take = [&](const ClusterAmounts& amounts, std::int64_t times) {
    for (const auto& [name, value] : amounts)
      if (const auto at = left.find(name); at != left.end()) at->second -= value * times;
  };
  for (std::size_t g = 0; g < seen.groups.size(); ++g)
    if (templates[g] != nullptr) take(of_node(*templates[g]), seen.groups[g].target_size);
  for (const auto& view : seen.nodes)
    if (view->group == kNoGroup) take(of(*view->node, Semantics::upstream(Release::V1_36)), 1);
  for (auto& [name, value] : left) value = std::max<std::int64_t>(value, 0);
  return left;
}

std::vector<std::string> ResourceLimits::exceeded(const ClusterAmounts& left,
                                                  const NodeTemplate& node) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : of_node(node))
    if (const auto at = left.find(name); at != left.end() && value > 0 && at->second < value)
      names.push_back(name);
  return names;
}

std::int64_t ResourceLimits::cap(const ClusterAmounts& left, const NodeTemplate& node,
                                 std::int64_t nodes) const {
  for (const auto& [name, value] : of_node(node))
    if (const auto at = left.find(name); at != left.end() && value > 0)
      nodes = std::min(nodes, at->second / value);
  return nodes;
}

}  // namespace gputide::scaling
