#include "control/autoscaler/removals.h"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "decide/scaling/known_nodes.h"
#include "decide/scaling/pods.h"
#include "decide/scaling/taints.h"

namespace gputide::autoscaler {
namespace {

constexpr Duration kEvictionRetry = Duration::seconds(10);
constexpr Duration kHeadroom = Duration::seconds(30);  // beyond the pods' grace
constexpr const char* kDelayDeletion = "delay-deletion.cluster-autoscaler.kubernetes.io/";
constexpr const char* kEvictDaemon = "cluster-autoscaler.kubernetes.io/enable-ds-eviction";

port::ObjectRef ref(const model::Pod& pod) {
  return {"Pod", pod.metadata.namespace_, pod.metadata.name};
}

port::Publish tell(port::ObjectRef about, bool warning, std::string reason, std::string message) {
  return {std::move(about), warning, std::move(reason), std::move(message)};
}

// A DaemonSet's pod is evicted from its node: by its annotation, else by the flags.
bool evicts_daemon_pod(const model::Pod& pod, bool occupied, const scaling::Options& options) {
  const auto own = pod.metadata.annotations.find(kEvictDaemon);
  if (own != pod.metadata.annotations.end()) return own->second == "true";
  return occupied ? options.daemonset_eviction_for_occupied_nodes
                  : options.daemonset_eviction_for_empty_nodes;
}

}  // namespace

port::PatchNode give_back_node(const std::string& node, bool uncordon) {
  port::PatchNode patch;
  patch.name = node;
  patch.remove_taint_keys = {std::string(scaling::kToBeDeletedTaint)};
  if (uncordon) patch.unschedulable = false;
  return patch;
}

Removals::Removals(const scaling::Options& options, const ClusterView& cluster)
    : options_(options),
      cluster_(cluster),
      bands_(options.drain_bands()),
      occupied_await_daemons_(!options.drain_priority_config.empty()),
      empty_await_daemons_(occupied_await_daemons_ &&
                           options.semantics().empty_nodes_wait_for_daemonsets) {}

// Pods below the lowest band leave with it; of bands with equal priorities the first has pods.
std::size_t Removals::band_of(const model::Pod& pod) const {
  const std::int32_t priority = pod.spec->priority.value_or(0);
  auto at = std::lower_bound(
      bands_.begin(), bands_.end(), priority,
      [](const scaling::DrainBand& band, std::int32_t wanted) { return band.priority < wanted; });
  if (at != bands_.begin() && (at == bands_.end() || at->priority > priority)) --at;
  return static_cast<std::size_t>(at - bands_.begin());
}

Duration Removals::grace_of(const Eviction& eviction) const {
  constexpr std::int64_t kUsual = 30;
  const std::int64_t asked = eviction.pod->spec->terminationGracePeriodSeconds.value_or(kUsual);
  const std::int64_t most = bands_[eviction.band].grace_seconds;
  return Duration::seconds(most > 0 ? std::min(asked, most) : asked);
}

void Removals::plan_eviction(Removal& removal, const scaling::PodRef& pod, bool daemon) const {
  const bool awaited = !daemon || (removal.drain ? occupied_await_daemons_ : empty_await_daemons_);
  removal.evictions.push_back({pod, !awaited, band_of(*pod)});
}

void Removals::start(const scaling::Removable& node, bool drain, InstanceOfNode instance,
                     std::string why, const scaling::Utilization* used, Instant now,
                     port::Commands& commands) {
  Removal removal;
  removal.node = node.node;
  removal.instance = std::move(instance);
  removal.drain = drain;
  removal.why = why;
  removal.due = now + options_.node_delete_delay_after_taint;
  for (const scaling::PodRef& pod : node.pods_to_move) plan_eviction(removal, pod, false);
  for (const scaling::PodRef& pod : node.daemonset_pods)
    if (evicts_daemon_pod(*pod, drain, options_)) plan_eviction(removal, pod, true);

  port::PatchNode patch;
  patch.name = node.node;
  patch.add_taints.push_back({std::string(scaling::kToBeDeletedTaint),
                              std::to_string(now.unix_seconds()), "NoSchedule", now});
  if (options_.cordon_node_before_terminating) patch.unschedulable = true;
  commands.emplace_back(std::move(patch));

  port::Publish record{{"Node", "", node.node}, false, "ScaleDown", std::move(why)};
  record.kind = port::RecordKind::ScaleDown;
  record.fields = {{"node", node.node},
                   {"group", removal.instance.group},
                   {"reason", std::string(drain ? "underutilized" : "empty")}};
  commands.emplace_back(std::move(record));
  const port::ObjectRef status{"ConfigMap", options_.config_namespace,
                               options_.status_config_map_name};
  if (drain) {
    std::vector<std::string> names;
    for (const scaling::PodRef& pod : node.pods_to_move) names.push_back(pod->metadata.name);
    commands.emplace_back(tell(
        status, false, "ScaleDown",
        fmt::format("Scale-down: removing node {}, utilization: {{{} {} {} {} {}}}, pods to "
                    "reschedule: {}",
                    node.node, used ? used->cpu : 0, used ? used->memory : 0, used ? used->gpu : 0,
                    used ? used->dominant : "", used ? used->value : 0, fmt::join(names, ","))));
  } else {
    commands.emplace_back(tell(status, false, "ScaleDownEmpty",
                               fmt::format("Scale-down: removing empty node \"{}\"", node.node)));
  }
  removals_.insert_or_assign(node.node, std::move(removal));
}

// Pods that must move before the node goes. Expendable ones end with it.
bool Removals::holds_node(const model::Pod& pod) const {
  return scaling::is_recreatable(pod) && !scaling::is_expendable(pod, options_);
}

std::string Removals::intruder(const Removal& removal) const {
  for (const scaling::PodRef& pod : cluster_.pods_on(removal.node)) {
    if (!holds_node(*pod) || pod->metadata.deletionTimestamp) continue;
    const bool planned =
        std::any_of(removal.evictions.begin(), removal.evictions.end(),
                    [&](const Eviction& e) { return e.pod->metadata.uid == pod->metadata.uid; });
    if (!planned && !removal.drain)
      return fmt::format("pod {}/{} was scheduled to it meanwhile", pod->metadata.namespace_,
                         pod->metadata.name);
  }
  return {};
}

// Pods that came while the taint was new are evicted with the others.
void Removals::add_late_pods(Removal& removal) const {
  for (const scaling::PodRef& pod : cluster_.pods_on(removal.node))
    if (removal.drain && holds_node(*pod) &&
        std::none_of(removal.evictions.begin(), removal.evictions.end(),
                     [&](const Eviction& e) { return e.pod->metadata.uid == pod->metadata.uid; }))
      plan_eviction(removal, pod, false);
}

void Removals::begin_band(Removal& removal, std::size_t band, Instant now) const {
  const auto has_pods = [&](std::size_t at) {
    return std::any_of(removal.evictions.begin(), removal.evictions.end(),
                       [&](const Eviction& e) { return e.band == at; });
  };
  while (band < bands_.size() && !has_pods(band)) ++band;
  removal.band = band;
  removal.due = now;
  if (band == bands_.size()) {
    removal.stage = Stage::Held;
    removal.deadline = now + options_.node_deletion_delay_timeout;
    return;
  }
  for (Eviction& eviction : removal.evictions) eviction.retry_at = now;
  removal.stage = Stage::Evicting;
  removal.deadline = now + options_.max_pod_eviction_time;
}

Removals::Progress Removals::evict_band(Removal& removal, Instant now,
                                        port::Commands& commands) const {
  bool all = true;
  removal.due = removal.deadline;
  for (Eviction& eviction : removal.evictions) {
    if (eviction.band != removal.band || eviction.accepted) continue;
    const scaling::PodRef current = cluster_.pod(ref(*eviction.pod));
    if (current == nullptr || current->metadata.uid != eviction.pod->metadata.uid ||
        current->metadata.deletionTimestamp) {
      eviction.accepted = true;
      continue;
    }
    if (!eviction.asked && eviction.retry_at <= now) {
      eviction.asked = true;
      commands.emplace_back(port::Evict{ref(*eviction.pod), grace_of(eviction)});
    }
    if (eviction.best_effort) continue;
    all = false;
    if (!eviction.asked) removal.due = std::min(removal.due, eviction.retry_at);
  }
  if (all) return Progress::Done;
  if (now < removal.deadline) return Progress::Waits;
  for (const Eviction& eviction : removal.evictions)
    if (eviction.band == removal.band && !eviction.accepted && !eviction.best_effort)
      commands.emplace_back(
          tell(ref(*eviction.pod), true, "ScaleDownFailed", "failed to delete pod for ScaleDown"));
  return Progress::TimedOut;
}

Removals::Progress Removals::await_band(Removal& removal, Instant now) const {
  if (pods_gone(removal)) return Progress::Done;
  removal.due = removal.deadline;  // an answer about a daemon may have come late
  return now < removal.deadline ? Progress::Waits : Progress::TimedOut;
}

void Removals::evict_answered(const port::EvictAnswered& answer, Instant now) {
  for (auto& [node, removal] : removals_)
    for (Eviction& eviction : removal.evictions) {
      if (!eviction.asked || ref(*eviction.pod) != answer.pod) continue;
      eviction.asked = false;
      eviction.accepted = answer.evicted;
      eviction.retry_at = now + kEvictionRetry;
      removal.due = std::min(removal.due, now);
    }
}

bool Removals::pods_gone(const Removal& removal) const {
  return std::all_of(removal.evictions.begin(), removal.evictions.end(), [&](const Eviction& e) {
    if (e.best_effort || e.band != removal.band) return true;
    const scaling::PodRef current = cluster_.pod(ref(*e.pod));
    return current == nullptr || current->metadata.uid != e.pod->metadata.uid ||
           current->spec->nodeName != removal.node || scaling::is_terminal(*current);
  });
}

bool Removals::held_by_annotation(const std::string& node) const {
  const model::Node* found = cluster_.node(node);
  if (found == nullptr) return false;
  return std::any_of(
      found->metadata.annotations.begin(), found->metadata.annotations.end(),
      [](const auto& annotation) { return annotation.first.starts_with(kDelayDeletion); });
}

void Removals::fail(Removal& removal, const std::string& why, port::Commands& commands,
                    std::vector<RemovalEnd>& ended) {
  commands.emplace_back(give_back_node(removal.node, options_.cordon_node_before_terminating));
  commands.emplace_back(tell({"Node", "", removal.node}, true, "ScaleDownFailed",
                             "failed to drain the node, aborting ScaleDown: " + why));
  ended.push_back({removal.node, removal.instance.group, false, removal.stage == Stage::Tainted});
}

bool Removals::step(Removal& removal, Instant now, const AskCloud& ask, port::Commands& commands,
                    std::vector<RemovalEnd>& ended) {
  if (removal.stage == Stage::Ending) return true;
  if (cluster_.node(removal.node) == nullptr) {
    ended.push_back({removal.node, removal.instance.group, true, false});
    return false;
  }
  if (removal.stage == Stage::Tainted) {
    if (removal.due > now) return true;
    if (const std::string why = intruder(removal); !why.empty()) {
      fail(removal, why, commands, ended);
      return false;
    }
    add_late_pods(removal);
    begin_band(removal, 0, now);
  }
  while (removal.stage == Stage::Evicting || removal.stage == Stage::Leaving) {
    const bool evicting = removal.stage == Stage::Evicting;
    const Progress progress =
        evicting ? evict_band(removal, now, commands) : await_band(removal, now);
    if (progress == Progress::Waits) return true;
    if (progress == Progress::TimedOut && removal.drain) {
      fail(removal,
           evicting ? "pods could not be evicted in time" : "pods remain after their grace period",
           commands, ended);
      return false;
    }
    if (progress == Progress::TimedOut) {  // an empty node goes whatever its DaemonSets' pods do
      begin_band(removal, bands_.size(), now);
    } else if (evicting) {
      removal.stage = Stage::Leaving;
      removal.deadline = now + Duration::seconds(bands_[removal.band].grace_seconds) + kHeadroom;
    } else {
      begin_band(removal, removal.band + 1, now);
    }
  }
  if (held_by_annotation(removal.node) && now < removal.deadline) {
    removal.due = removal.deadline;
    return true;
  }
  removal.stage = Stage::Ending;
  removal.call = ask(port::TerminateInstanceInGroup{removal.instance.id});
  return true;
}

void Removals::advance(Instant now, const AskCloud& ask, port::Commands& commands,
                       std::vector<RemovalEnd>& ended) {
  for (auto at = removals_.begin(); at != removals_.end();)
    at = step(at->second, now, ask, commands, ended) ? std::next(at) : removals_.erase(at);
}

bool Removals::cloud_answered(std::uint64_t call, const port::CloudAnswer& answer,
                              port::Commands& commands, std::vector<RemovalEnd>& ended) {
  const auto at = std::find_if(removals_.begin(), removals_.end(),
                               [&](const auto& entry) { return entry.second.call == call; });
  if (call == 0 || at == removals_.end()) return false;
  Removal& removal = at->second;
  if (const auto* error = std::get_if<port::CloudError>(&answer)) {
    fail(removal, error->message, commands, ended);
  } else {
    commands.emplace_back(
        tell({"Node", "", removal.node}, false, "ScaleDown", "node removed by cluster autoscaler"));
    if (removal.drain)
      commands.emplace_back(
          tell({"ConfigMap", options_.config_namespace, options_.status_config_map_name}, false,
               "ScaleDown", fmt::format("Scale-down: node {} removed with drain", removal.node)));
    ended.push_back({removal.node, removal.instance.group, true, false});
  }
  removals_.erase(at);
  return true;
}

std::optional<Instant> Removals::due() const {
  std::optional<Instant> next;
  for (const auto& [node, removal] : removals_)
    if (removal.stage != Stage::Ending && (!next || removal.due < *next)) next = removal.due;
  return next;
}

scaling::Deletions Removals::under_way() const {
  scaling::Deletions deletions;
  for (const auto& [node, removal] : removals_) {
    (removal.drain ? deletions.drain : deletions.empty).insert(node);
    ++deletions.by_group[removal.instance.group];
  }
  return deletions;
}

}  // namespace gputide::autoscaler
