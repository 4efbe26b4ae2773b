#include "control/workloads/termination_handler.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace gputide::workloads {

namespace {

constexpr std::uint64_t kRetryTimer = 1;
constexpr Duration kRetry = Duration::seconds(5);

bool is_handler(const model::Pod& pod) {
  return std::any_of(pod.spec->containers.begin(), pod.spec->containers.end(),
                     [](const model::Container& container) {
                       return container.image.find("node-termination-handler") != std::string::npos;
                     });
}

bool is_daemon(const model::Pod& pod) {
  const model::OwnerReference* owner = pod.metadata.controller();
  return owner != nullptr && owner->kind == "DaemonSet";
}

// "--enable-spot-interruption-draining" and "ENABLE_SPOT_INTERRUPTION_DRAINING" are one setting.
std::string setting_name(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  std::string lower = to_lower(name);
  std::replace(lower.begin(), lower.end(), '_', '-');
  return lower;
}

void set(TerminationHandlerOptions& options, const std::string& name, std::string_view value) {
  const bool on = value != "false" && value != "0";
  if (name == "enable-sqs-termination-draining") options.all_nodes = on;
  if (name == "enable-spot-interruption-draining") options.spot_interruptions = on;
  if (name == "enable-rebalance-draining") options.rebalance_drains = on;
  if (name == "enable-rebalance-monitoring") options.rebalance_cordons = on;
  if (name == "cordon-only") options.only_cordon = on;
  if (name == "taint-node") options.taint = on;
  if (name == "ignore-daemon-sets") options.ignore_daemons = on;
  if (name == "pod-termination-grace-period") {
    std::int64_t seconds = -1;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (seconds >= 0) options.grace_seconds = seconds;
  }
}

}  // namespace

Result<std::unique_ptr<port::Controller>> make_termination_handler(
    const std::vector<std::string>& environment, const std::vector<std::string>& flags) {
  TerminationHandlerOptions options;
  for (const auto* list : {&environment, &flags})
    for (const std::string& text : *list) {
      const std::size_t equal = text.find('=');
      const std::string name = setting_name(std::string_view(text).substr(0, equal));
      set(options, name,
          equal == std::string::npos ? std::string_view("true")
                                     : std::string_view(text).substr(equal + 1));
    }
  return std::make_unique<TerminationHandler>(options);
}

void TerminationHandler::pod_changed(port::Change change, const PodRef& pod) {
  const std::string& name = pod->spec->nodeName;
  if (name.empty()) return;
  Node& node = nodes_[name];
  const std::string key = pod->metadata.namespace_ + "/" + pod->metadata.name;
  const bool here = change != port::Change::Deleted && !is_finished(*pod);
  if (here)
    node.pods[key] = pod;
  else
    node.pods.erase(key);
  if (is_handler(*pod) && is_daemon(*pod)) node.has_daemon = here && pod->status.phase == "Running";
}

void TerminationHandler::object_changed(const port::ObjectChanged& event) {
  if (const auto* pod = std::get_if<PodRef>(&event.object)) return pod_changed(event.change, *pod);
  const auto* held = std::get_if<NodeRef>(&event.object);
  if (held == nullptr) return;
  const model::Node& object = **held;
  const std::size_t slash = object.spec.providerID.rfind('/');
  const std::string instance =
      slash == std::string::npos ? std::string() : object.spec.providerID.substr(slash + 1);
  if (event.change == port::Change::Deleted) {
    by_instance_.erase(instance);
    nodes_.erase(object.metadata.name);
    return;
  }
  nodes_[object.metadata.name].instance = instance;
  by_instance_[instance] = object.metadata.name;
}

port::Evict TerminationHandler::eviction(port::ObjectRef pod) const {
  std::optional<Duration> grace;
  if (options_.grace_seconds) grace = Duration::seconds(*options_.grace_seconds);
  return {std::move(pod), grace};
}

void TerminationHandler::drain(const std::string& name, Node& node, const std::string& reason,
                               port::Commands& commands) const {
  const bool rebalance = reason == "RebalanceRecommendation";
  port::PatchNode patch;
  patch.name = name;
  patch.unschedulable = true;
  if (options_.taint)
    patch.add_taints.push_back({rebalance ? "aws-node-termination-handler/rebalance-recommendation"
                                          : "aws-node-termination-handler/spot-itn",
                                node.instance,
                                "NoSchedule",
                                {}});
  commands.emplace_back(std::move(patch));
  const bool drains = !options_.only_cordon && (!rebalance || options_.rebalance_drains);
  commands.emplace_back(
      port::Publish{{"Node", "", name},
                    true,
                    reason,
                    drains ? "Cordoned, and its pods are evicted: AWS takes its instance back"
                           : "Cordoned: AWS may take its instance back"});
  if (!drains) return;
  node.drained = true;
  for (const auto& [key, pod] : node.pods) {
    if (pod->metadata.deletionTimestamp || (is_daemon(*pod) && options_.ignore_daemons)) continue;
    commands.emplace_back(eviction({"Pod", pod->metadata.namespace_, pod->metadata.name}));
  }
}

void TerminationHandler::noticed(const port::InstanceNotice& notice, port::Commands& commands) {
  using Kind = port::InstanceNotice::Kind;
  const bool spot = notice.kind == Kind::SpotInterruption && options_.spot_interruptions;
  const bool rebalance = notice.kind == Kind::RebalanceRecommendation &&
                         (options_.rebalance_drains || options_.rebalance_cordons);
  const auto found = by_instance_.find(notice.instance_id);
  if (found == by_instance_.end() || (!spot && !rebalance)) return;
  Node& node = nodes_.at(found->second);
  if (node.drained || (!options_.all_nodes && !node.has_daemon)) return;
  drain(found->second, node, spot ? "SpotInterruption" : "RebalanceRecommendation", commands);
}

// Evictions that were refused are tried again until the pod is gone.
void TerminationHandler::retry(Instant, port::Commands& commands) {
  for (const port::ObjectRef& ref : std::exchange(refused_, {}))
    commands.emplace_back(eviction(ref));
}

void TerminationHandler::step(const port::Event& event, Instant now, port::Commands& commands) {
  if (const auto* change = std::get_if<port::ObjectChanged>(&event))
    object_changed(*change);
  else if (const auto* notice = std::get_if<port::InstanceNotice>(&event))
    noticed(*notice, commands);
  else if (const auto* answer = std::get_if<port::EvictAnswered>(&event)) {
    if (answer->evicted) return;
    refused_.insert(answer->pod);
    commands.emplace_back(port::SetTimer{kRetryTimer, now + kRetry});
  } else if (std::holds_alternative<port::TimerFired>(event)) {
    retry(now, commands);
  }
}

}  // namespace gputide::workloads
