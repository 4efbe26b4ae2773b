#include "decide/scaling/gputide_template.h"

#include <algorithm>

#include "decide/pricing/allocatable.h"
#include "decide/scaling/asg_tags.h"
#include "decide/scaling/node_templates.h"

namespace gputide::scaling {
namespace {

using model::ResourceList;

// What both lists have, the smaller amount of each.
ResourceList common(const ResourceList& a, const ResourceList& b) {
  ResourceList least;
  for (const auto& [name, amount] : a)
    if (const auto at = b.find(name); at != b.end()) least[name] = std::min(amount, at->second);
  return least;
}

// The GPU plugins whose pods come to the node.
std::vector<std::shared_ptr<const model::DaemonSet>> plugins_on(const model::Node& node,
                                                                const LaunchPossibilities& from) {
  std::vector<std::shared_ptr<const model::DaemonSet>> sets;
  if (std::none_of(from.types.begin(), from.types.end(),
                   [](const model::InstanceType* type) { return type->has_nvidia(); }))
    return sets;
  for (const auto& set : from.daemon_sets)
    if (sharing::plugin_role(*set->spec.template_.spec) &&
        !daemon_pods(node, std::span(&set, 1)).empty())
      sets.push_back(set);
  return sets;
}

}  // namespace

Result<NodeTemplate> gputide_template(const LaunchPossibilities& from, std::string_view suffix) {
  const model::InstanceType& first = *from.types.front();
  const InstanceShape shape{std::string(first.name), first.vcpu, first.memory_mib, 0,
                            std::string(first.arch)};
  const LaunchPlan plan{shape.name, {}};
  Result<NodeTemplate> made = upstream_template({from.group, plan, &shape, from.nodegroup}, suffix);
  if (!made) return made;
  model::Node& node = made->node;

  pricing::NodeSizing sizing;
  if (from.volume_gib > 0) sizing.volume_gib = from.volume_gib;
  ResourceList capacity, allocatable;
  const auto plugins = plugins_on(node, from);
  for (const model::InstanceType* type : from.types) {
    pricing::NodeResources size = pricing::node_resources(*type, sizing);
    const sharing::Devices devices = sharing::devices_of(
        *type, node.metadata.labels, node.metadata.name, plugins, from.find_config_map);
    for (const auto& [name, amount] : devices.resources)
      size.capacity[name] = size.allocatable[name] = amount;
    const bool is_first = type == &first;
    capacity = is_first ? std::move(size.capacity) : common(capacity, size.capacity);
    allocatable = is_first ? std::move(size.allocatable) : common(allocatable, size.allocatable);
    if (is_first)
      for (const auto& [key, value] : devices.labels) node.metadata.labels.try_emplace(key, value);
  }
  ResourceList tagged = resources_from_tags(*from.group.tags);
  if (from.nodegroup != nullptr)
    for (const auto& [name, amount] :
         resources_from_tags({from.nodegroup->tags.begin(), from.nodegroup->tags.end()}))
      tagged[name] = amount;
  for (const auto& [name, amount] : tagged) capacity[name] = allocatable[name] = amount;
  node.status.capacity = std::move(capacity);
  node.status.allocatable = std::move(allocatable);
  return made;
}

}  // namespace gputide::scaling
