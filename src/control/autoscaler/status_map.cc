#include "control/autoscaler/status_map.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace gputide::autoscaler {
namespace {

constexpr const char* kUpdated = "cluster-autoscaler.kubernetes.io/last-updated";

void line(std::string& text, std::string_view label, std::int64_t number) {
  const fmt::format_int digits(number);
  text.append(label).append(digits.data(), digits.size()).push_back('\n');
}

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
  line(text, "    nodeCounts:\n      registered:\n        total: ", count.registered);
  line(text, "        ready: ", count.ready);
  line(text, "        notStarted: ", count.not_started);
  line(text, "        beingDeleted: ", count.deleted);
  line(text, "        unready:\n          total: ", count.unready);
  line(text, "      longUnregistered: ", count.long_unregistered);
  line(text, "      unregistered: ", count.unregistered);
}

std::string StatusMap::text(const Written& written) {
  const Group& group = written.group;
  std::string text;
  text.reserve(512 + written.id.size());
  text.append("- name: ").append(written.id);
  text +=
      group.healthy ? "\n  health:\n    status: Healthy\n" : "\n  health:\n    status: Unhealthy\n";
  append(text, group.counts);
  line(text, "    cloudProviderTarget: ", group.target);
  line(text, "    minSize: ", group.min);
  line(text, "    maxSize: ", group.max);
  text += "  scaleUp:\n    status: ";
  text += group.backed_off     ? "Backoff\n"
          : !group.healthy     ? "Unhealthy\n"
          : group.upcoming > 0 ? "InProgress\n"
                               : "NoActivity\n";
  if (group.backed_off) text += "    backoffInfo:\n      errorCode: " + written.backoff_code + "\n";
  text += "  scaleDown:\n    status: ";
  text += group.candidates > 0 ? "CandidatesPresent\n" : "NoCandidates\n";
  line(text, "    candidates: ", static_cast<std::int64_t>(group.candidates));
  return text;
}

std::string StatusMap::text(const std::string& time) const {
  std::string text;
  std::size_t size = 512;
  for (const Written& group : groups_) size += group.text.size();
  text.reserve(size);
  text.append("time: ").append(time).append("\nautoscalerStatus: Running\n");
  text += "clusterWide:\n  health:\n    status: ";
  text += cluster_.healthy ? "Healthy\n" : "Unhealthy\n";
  append(text, cluster_.counts);
  text += "  scaleUp:\n    status: ";
  text += cluster_.upcoming > 0 ? "InProgress\n" : "NoActivity\n";
  text += "  scaleDown:\n    status: ";
  text += cluster_.candidates > 0 ? "CandidatesPresent\n" : "NoCandidates\n";
  line(text, "    candidates: ", static_cast<std::int64_t>(cluster_.candidates));
  text += "nodeGroups:\n";
  for (const Written& group : groups_) text += group.text;
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

// False: the last look was at the same groups, counts and candidates.
bool StatusMap::may_differ(const scaling::Observation& seen, const scaling::LoopState& state) {
  const std::uint64_t version = state.cluster().version();
  bool same = version != 0 && version == cluster_version_ && seen.instances_version != 0 &&
              seen.instances_version == instances_version_;
  cluster_version_ = version;
  instances_version_ = seen.instances_version;
  std::vector<std::size_t> candidates(seen.groups.size(), 0);
  const auto& unneeded = state.planner().state().unneeded;
  for (const scaling::Removable& node : unneeded)
    if (node.group != scaling::kNoGroup) ++candidates[static_cast<std::size_t>(node.group)];
  same = same && cluster_.candidates == unneeded.size() && candidates_ == candidates;
  candidates_ = std::move(candidates);
  return !same;
}

// Takes over what is to be shown; true: something differs from what was written last.
bool StatusMap::look(const scaling::Observation& seen, const scaling::LoopState& state,
                     Instant now) {
  const scaling::ClusterState& cluster = state.cluster();
  bool differs = groups_.size() != seen.groups.size();
  groups_.resize(seen.groups.size());
  std::int64_t upcoming = 0;
  for (std::size_t g = 0; g < seen.groups.size(); ++g) {
    const scaling::GroupView& view = seen.groups[g];
    const scaling::ScaleUpError* backoff = cluster.backed_off(g, now);
    const std::string_view code = backoff == nullptr ? std::string_view() : backoff->code;
    const Group group{backoff != nullptr,  cluster.group_healthy(g),
                      cluster.upcoming(g), view.target_size,
                      view.min_size,       view.max_size,
                      candidates_[g],      Counts(cluster.count(g))};
    upcoming += group.upcoming;
    Written& known = groups_[g];
    if (!known.text.empty() && known.group == group && known.id == view.id &&
        known.backoff_code == code)
      continue;
    known = {view.id, std::string(code), group, {}};
    known.text = text(known);
    differs = true;
  }
  const Cluster now_shown{cluster.cluster_healthy(), upcoming,
                          state.planner().state().unneeded.size(), Counts(cluster.total())};
  if (cluster_ == now_shown) return differs;
  cluster_ = now_shown;
  return true;
}

void StatusMap::write(const scaling::Observation& seen, const scaling::LoopState& state,
                      Instant now, port::Commands& commands) {
  if (state.cluster().groups() != seen.groups.size()) return;  // the loop ended before it counted
  if (!may_differ(seen, state) && written_) return;
  if (!look(seen, state, now) && written_) return;
  written_ = true;
  const std::string time = now.rfc3339();
  auto map = std::make_shared<model::ConfigMap>();
  map->metadata.name = options_.status_config_map_name;
  map->metadata.namespace_ = options_.config_namespace;
  map->metadata.annotations[kUpdated] = time;
  map->data["status"] = text(time);
  if (exists_)
    commands.emplace_back(
        port::Replace{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
  else
    commands.emplace_back(port::Create{model::Typed(std::shared_ptr<const model::ConfigMap>(map))});
}

}  // namespace gputide::autoscaler
