#include "control/autoscaler/status_map.h"

#include <iterator>
#include <string_view>

#include <fmt/compile.h>

namespace gputide::autoscaler {
namespace {

constexpr const char* kUpdated = "cluster-autoscaler.kubernetes.io/last-updated";

}  // namespace

StatusMap::Counts::Counts(const scaling::ReadinessCount& count)
    : registered(count.registered),
      ready(count.ready),
      not_started(count.not_started),
      deleted(count.deleted),
      unready(count.unready),
      long_unregistered(count.long_unregistered),
      unregistered(count.unregistered) {}

void StatusMap::append(std::string& text, const Counts& count) {
  fmt::format_to(
      std::back_inserter(text),
      FMT_COMPILE(
          "    nodeCounts:\n      registered:\n        total: {}\n        ready: {}\n        "
          "notStarted: {}\n        beingDeleted: {}\n        unready:\n          total: {}\n      "
          "longUnregistered: {}\n      unregistered: {}\n"),
      count.registered, count.ready, count.not_started, count.deleted, count.unready,
      count.long_unregistered, count.unregistered);
}

std::string StatusMap::text(const Group& group) {
  std::string text = "- name: " + group.id +
                     "\n  health:\n    status: " + (group.healthy ? "Healthy" : "Unhealthy") + "\n";
  append(text, group.counts);
  fmt::format_to(std::back_inserter(text),
                 FMT_COMPILE("    cloudProviderTarget: {}\n    minSize: {}\n    maxSize: {}\n"
                             "  scaleUp:\n    status: {}\n"),
                 group.target, group.min, group.max,
                 std::string_view(group.backed_off     ? "Backoff"
                                  : !group.healthy     ? "Unhealthy"
                                  : group.upcoming > 0 ? "InProgress"
                                                       : "NoActivity"));
  if (group.backed_off) text += "    backoffInfo:\n      errorCode: " + group.backoff_code + "\n";
  fmt::format_to(std::back_inserter(text),
                 FMT_COMPILE("  scaleDown:\n    status: {}\n    candidates: {}\n"),
                 std::string_view(group.candidates > 0 ? "CandidatesPresent" : "NoCandidates"),
                 group.candidates);
  return text;
}

std::string StatusMap::text(const Shown& all) {
  std::string text = "autoscalerStatus: Running\nclusterWide:\n  health:\n    status: ";
  text += all.healthy ? "Healthy\n" : "Unhealthy\n";
  append(text, all.counts);
  fmt::format_to(std::back_inserter(text),
                 FMT_COMPILE("  scaleUp:\n    status: {}\n  scaleDown:\n    status: {}\n    "
                             "candidates: {}\nnodeGroups:\n"),
                 std::string_view(all.upcoming > 0 ? "InProgress" : "NoActivity"),
                 std::string_view(all.candidates > 0 ? "CandidatesPresent" : "NoCandidates"),
                 all.candidates);
  group_texts_.resize(all.groups.size());
  for (std::size_t g = 0; g < all.groups.size(); ++g) {
    const bool same =
        written_ && g < written_->groups.size() && written_->groups[g] == all.groups[g];
    if (!same) group_texts_[g] = StatusMap::text(all.groups[g]);
    text += group_texts_[g];
  }
  return text;
}

bool StatusMap::changed(const port::ObjectChanged& event) {
  const auto* map = std::get_if<std::shared_ptr<const model::ConfigMap>>(&event.object);
  if (map == nullptr || (*map)->metadata.name != options_.status_config_map_name ||
      (*map)->metadata.namespace_ != options_.config_namespace)
    return false;
  exists_ = event.change != port::Change::Deleted;
  return true;
}

void StatusMap::look(const scaling::Observation& seen, const scaling::LoopState& state, Instant now,
                     Shown& all) {
  const scaling::ClusterState& cluster = state.cluster();
  all.upcoming = 0;
  all.healthy = cluster.cluster_healthy();
  all.candidates = state.planner().state().unneeded.size();
  all.counts = Counts(cluster.total());
  all.groups.resize(seen.groups.size());
  for (std::size_t g = 0; g < seen.groups.size(); ++g) {
    const scaling::GroupView& group = seen.groups[g];
    const scaling::ScaleUpError* backoff = cluster.backed_off(g, now);
    Group& one = all.groups[g];
    one.id = group.id;
    one.backoff_code = backoff == nullptr ? std::string() : backoff->code;
    one.backed_off = backoff != nullptr;
    one.healthy = cluster.group_healthy(g);
    one.upcoming = cluster.upcoming(g);
    one.target = group.target_size;
    one.min = group.min_size;
    one.max = group.max_size;
    one.candidates = 0;
    one.counts = Counts(cluster.count(g));
    all.upcoming += one.upcoming;
  }
  for (const scaling::Removable& node : state.planner().state().unneeded)
    if (node.group != scaling::kNoGroup)
      ++all.groups[static_cast<std::size_t>(node.group)].candidates;
}

void StatusMap::write(const scaling::Observation& seen, const scaling::LoopState& state,
                      Instant now, port::Commands& commands) {
  look(seen, state, now, shown_);
  if (written_ == shown_) return;
  auto map = std::make_shared<model::ConfigMap>();
  map->metadata.name = options_.status_config_map_name;
  map->metadata.namespace_ = options_.config_namespace;
  map->metadata.annotations[kUpdated] = now.rfc3339();
  map->data["status"] = fmt::format("time: {}\n{}", now.rfc3339(), text(shown_));
  written_ = shown_;
  if (exists_)
    commands.emplace_back(
        port::Replace{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
  else
    commands.emplace_back(port::Create{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
}

}  // namespace gputide::autoscaler
