#include "control/autoscaler/status_map.h"

#include <fmt/core.h>

namespace gputide::autoscaler {
namespace {

constexpr const char* kUpdated = "cluster-autoscaler.kubernetes.io/last-updated";

std::string counts(const scaling::ReadinessCount& count, std::string_view indent) {
  std::string text;
  const auto line = [&](std::string_view more, std::string_view key, std::int64_t value) {
    text += fmt::format("{}{}{}: {}\n", indent, more, key, value);
  };
  text += fmt::format("{}nodeCounts:\n{}  registered:\n", indent, indent);
  line("    ", "total", count.registered);
  line("    ", "ready", count.ready);
  line("    ", "notStarted", count.not_started);
  line("    ", "beingDeleted", count.deleted);
  text += fmt::format("{}    unready:\n{}      total: {}\n", indent, indent, count.unready);
  line("  ", "longUnregistered", count.long_unregistered);
  line("  ", "unregistered", count.unregistered);
  return text;
}

}  // namespace

bool StatusMap::changed(const port::ObjectChanged& event) {
  const auto* map = std::get_if<std::shared_ptr<const model::ConfigMap>>(&event.object);
  if (map == nullptr || (*map)->metadata.name != options_.status_config_map_name ||
      (*map)->metadata.namespace_ != options_.config_namespace)
    return false;
  exists_ = event.change != port::Change::Deleted;
  return true;
}

void StatusMap::write(const scaling::Observation& seen, const scaling::LoopState& state,
                      Instant now, port::Commands& commands) {
  const scaling::ClusterState& cluster = state.cluster();
  const std::size_t candidates = state.planner().state().unneeded.size();
  std::int64_t upcoming = 0;
  std::string groups;
  for (std::size_t g = 0; g < seen.groups.size(); ++g) {
    const scaling::GroupView& group = seen.groups[g];
    upcoming += cluster.upcoming(g);
    std::size_t own = 0;
    for (const scaling::Removable& node : state.planner().state().unneeded)
      if (node.group == static_cast<std::int32_t>(g)) ++own;
    const scaling::ScaleUpError* backoff = cluster.backed_off(g, now);
    groups += fmt::format("- name: {}\n  health:\n    status: {}\n{}", group.id,
                          cluster.group_healthy(g) ? "Healthy" : "Unhealthy",
                          counts(cluster.count(g), "    "));
    groups += fmt::format("    cloudProviderTarget: {}\n    minSize: {}\n    maxSize: {}\n",
                          group.target_size, group.min_size, group.max_size);
    groups += fmt::format("  scaleUp:\n    status: {}\n", backoff != nullptr          ? "Backoff"
                                                          : !cluster.group_healthy(g) ? "Unhealthy"
                                                          : cluster.upcoming(g) > 0   ? "InProgress"
                                                                                    : "NoActivity");
    if (backoff != nullptr)
      groups += fmt::format("    backoffInfo:\n      errorCode: {}\n", backoff->code);
    groups += fmt::format("  scaleDown:\n    status: {}\n    candidates: {}\n",
                          own > 0 ? "CandidatesPresent" : "NoCandidates", own);
  }
  std::string text = fmt::format(
      "autoscalerStatus: Running\nclusterWide:\n  health:\n    status: {}\n{}  scaleUp:\n    "
      "status: {}\n  scaleDown:\n    status: {}\n    candidates: {}\nnodeGroups:\n{}",
      cluster.cluster_healthy() ? "Healthy" : "Unhealthy", counts(cluster.total(), "    "),
      upcoming > 0 ? "InProgress" : "NoActivity",
      candidates > 0 ? "CandidatesPresent" : "NoCandidates", candidates, groups);
  if (text == written_) return;
  written_ = text;
  auto map = std::make_shared<model::ConfigMap>();
  map->metadata.name = options_.status_config_map_name;
  map->metadata.namespace_ = options_.config_namespace;
  map->metadata.annotations[kUpdated] = now.rfc3339();
  map->data["status"] = fmt::format("time: {}\n{}", now.rfc3339(), text);
  if (exists_)
    commands.emplace_back(
        port::Replace{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
  else
    commands.emplace_back(port::Create{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
}

}  // namespace gputide::autoscaler
