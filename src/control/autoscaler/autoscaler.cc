#include "control/autoscaler/autoscaler.h"

#include <algorithm>

#include <fmt/core.h>

#include "decide/provisioning/bound.h"
#include "decide/scaling/priority_config.h"
#include "decide/scaling/taints.h"

namespace gputide::autoscaler {
namespace {

constexpr std::uint64_t kLookTimer = 1;
constexpr std::uint64_t kRemovalTimer = 2;

bool is_placeholder(const std::string& provider_id) {
  return provider_id.find("/i-placeholder-") != std::string::npos;
}

std::string instance_id(const std::string& provider_id) {
  const auto ref = scaling::parse_provider_id(provider_id);
  return ref ? std::string(ref->id) : std::string();
}

}  // namespace

Autoscaler::Autoscaler(scaling::Options options, std::string name,
                       const pricing::Catalogue& catalogue, std::uint64_t seed)
    : options_(std::move(options)),
      name_(std::move(name)),
      rng_(seed, "autoscaler"),
      cluster_(options_),
      cloud_(options_, catalogue, cluster_),
      removals_(options_, cluster_),
      status_(options_),
      state_(options_) {}

port::ObjectRef Autoscaler::status_ref() const {
  return {"ConfigMap", options_.config_namespace, options_.status_config_map_name};
}

Ask Autoscaler::asker(port::Commands& commands) {
  return [this, &commands](port::CloudRequest request) {
    commands.emplace_back(port::CloudCall{++calls_, std::move(request)});
    return calls_;
  };
}

void Autoscaler::step(const port::Event& event, Instant now, port::Commands& commands) {
  if (!last_look_) {  // it starts: the first look comes after one scan interval
    last_look_ = now;
    dirty_ = true;
  }
  std::visit([&](const auto& e) { on(e, now, commands); }, event);
  plan_next(now, commands);
}

void Autoscaler::on(const port::ObjectChanged& event, Instant now, port::Commands& commands) {
  if (std::holds_alternative<std::shared_ptr<const model::ClusterConfig>>(event.object)) {
    cloud_.invalidate();
    return changed();
  }
  if (status_.changed(event)) return;
  const Impact impact = cluster_.changed(event, now);
  if (impact == Impact::None) return;
  changed();
  const scaling::Semantics& rules = state_.semantics();
  if (impact == Impact::NewUnschedulable && options_.frequent_loops_enabled && cleaned_ && !soon_)
    soon_ = now + rules.pod_gathering_time;
  if (!removals_.empty()) advance_removals(now, commands);
}

void Autoscaler::on(const port::TimerFired& event, Instant now, port::Commands& commands) {
  if (event.key == kRemovalTimer) return advance_removals(now, commands);
  armed_.reset();
  tick(now, commands);
}

void Autoscaler::on(const port::CloudAnswered& event, Instant now, port::Commands& commands) {
  if (cloud_.answered(event.call, event.answer, now, asker(commands))) {
    if (ticking_ && !cloud_.refreshing()) look(now, commands);
    return;
  }
  std::vector<RemovalEnd> list;
  if (removals_.cloud_answered(event.call, event.answer, commands, list)) return ended(list, now);
  resized(event.call, event.answer, now, commands);
}

void Autoscaler::on(const port::EvictAnswered& event, Instant now, port::Commands& commands) {
  removals_.evict_answered(event, now);
  advance_removals(now, commands);
}

// Groups may have other instances now. Upstream hears of no notices: it finds out at its next
// refresh, which a running launch or a lost node brings about anyway.
void Autoscaler::on(const port::InstanceNotice&, Instant, port::Commands&) {}

void Autoscaler::tick(Instant now, port::Commands& commands) {
  if (ticking_) return;
  last_look_ = now;
  soon_.reset();
  ticking_ = true;
  if (cloud_.stale(now)) cloud_.refresh(now, asker(commands));
  if (!cloud_.refreshing()) look(now, commands);
}

void Autoscaler::look(Instant now, port::Commands& commands) {
  ticking_ = false;
  if (!cloud_.problem().empty()) {  // the loop ends; the next one asks again
    commands.emplace_back(
        port::Publish{status_ref(), true, "FailedToRefresh",
                      "failed to refresh cloud provider config: " + cloud_.problem()});
    settled_ = false;
    return;
  }
  bool members_changed = false;
  if (cloud_.fill(seen_, members_changed)) {
    if (members_changed) cluster_.groups_changed();
    dirty_ = true;
  }
  if (dirty_) {
    cluster_.fill(seen_, [this](const model::Node& node, const Membership& before) {
      return cloud_.membership(node, before);
    });
    ++seen_.version;
    seen_.instances_version = cloud_.version() + cluster_.nodes_version();  // both only grow
  }
  dirty_ = false;
  if (!cleaned_) {
    clean_up(commands);
    tell_of_expander(commands);
  }
  const scaling::Plan plan = scaling::decide(seen_, removals_.under_way(), state_, now, &rng_);
  settled_ = plan.settled;
  wake_ = plan.next;
  act(plan, now, commands);
  if ((plan.productive() || plan.request_processed) && options_.frequent_loops_enabled) soon_ = now;
  if (options_.write_status_configmap) status_.write(seen_, state_, now, commands);
}

// The first look takes back what an earlier run of the program left behind.
void Autoscaler::clean_up(port::Commands& commands) {
  cleaned_ = true;
  for (const auto& view : seen_.nodes) {
    if (view->group == scaling::kNoGroup) continue;
    const std::string& name = view->node->metadata.name;
    if (scaling::has_taint(*view->node, scaling::kToBeDeletedTaint)) {
      commands.emplace_back(give_back_node(name, options_.cordon_node_before_terminating));
      commands.emplace_back(port::Publish{{"Node", "", name},
                                          false,
                                          "ClusterAutoscalerCleanup",
                                          "marking the node as schedulable"});
    }
    if (options_.max_bulk_soft_taint_count == 0 &&
        scaling::has_taint(*view->node, scaling::kDeletionCandidateTaint)) {
      port::PatchNode patch;
      patch.name = name;
      patch.remove_taint_keys = {std::string(scaling::kDeletionCandidateTaint)};
      commands.emplace_back(std::move(patch));
    }
  }
}

void Autoscaler::tell_of_expander(port::Commands& commands) const {
  const std::vector<std::string> names = options_.expanders();
  const auto grpc = std::find(names.begin(), names.end(), "grpc");
  if (grpc == names.end()) return;
  const auto next = std::next(grpc);
  commands.emplace_back(port::Publish{
      status_ref(), true, "GrpcExpanderUnavailable",
      fmt::format("no server answers the grpc expander: no options filtered, {} decides",
                  next == names.end() ? "chance" : *next)});
}

void Autoscaler::act(const scaling::Plan& plan, Instant now, port::Commands& commands) {
  for (const scaling::PlanEvent& event : plan.events) tell(event, commands);
  for (const scaling::RequestRef& each : plan.requests) put(each, commands);
  for (const scaling::RequestRef& each : plan.delete_requests)
    commands.emplace_back(port::Delete{
        {"ProvisioningRequest", each->metadata.namespace_, each->metadata.name}, std::nullopt});
  for (const scaling::DropInstances& each : plan.drop) drop(each, now, commands);
  for (const scaling::SetSize& each : plan.resize) resize(each, now, commands);
  for (const scaling::NewlyUnneeded& each : plan.unneeded) {
    port::Publish record{{"Node", "", each.node}, false, "NodeUnneeded", each.why};
    record.kind = port::RecordKind::NodeUnneeded;
    record.fields = {{"node", each.node},
                     {"until_seconds", (each.removable_at - now).whole_seconds()}};
    commands.emplace_back(std::move(record));
  }
  remove(plan, now, commands);
  for (const scaling::SoftTaint& each : plan.soft_taints) {
    port::PatchNode patch;
    patch.name = each.node;
    if (each.add)
      patch.add_taints.push_back({std::string(scaling::kDeletionCandidateTaint),
                                  std::to_string(now.unix_seconds()),
                                  "PreferNoSchedule",
                                  {}});
    else
      patch.remove_taint_keys = {std::string(scaling::kDeletionCandidateTaint)};
    commands.emplace_back(std::move(patch));
  }
}

void Autoscaler::tell(const scaling::PlanEvent& event, port::Commands& commands) const {
  port::ObjectRef about = status_ref();
  if (event.about == scaling::PlanEvent::About::Pod)
    about = {"Pod", event.namespace_, event.name};
  else if (event.about == scaling::PlanEvent::About::Request)
    about = {"ProvisioningRequest", event.namespace_, event.name};
  else if (event.about == scaling::PlanEvent::About::Node)
    about = {"Node", "", event.name};
  else if (event.about == scaling::PlanEvent::About::PriorityConfig)
    about.name = std::string(scaling::kPriorityConfigMap);
  commands.emplace_back(
      port::Publish{std::move(about), event.warning, event.reason, event.message});
}

// The next look sees the new status, whether the watch has told of it or not.
void Autoscaler::put(const scaling::RequestRef& request, port::Commands& commands) {
  cluster_.put(request);
  cluster_.fill_requests(seen_);
  commands.emplace_back(port::Replace{request});
}

// Placeholders go by lowering the group's size to what it really has; instances are ended one by
// one.
void Autoscaler::drop(const scaling::DropInstances& drop, Instant now, port::Commands& commands) {
  const model::AutoScalingGroup* group = cloud_.find(drop.group);
  if (group == nullptr) return;
  if (group->desired_capacity <= group->min_size) {
    if (drop.why == scaling::DropInstances::Why::NeverRegistered)
      for (const std::string& id : drop.provider_ids)
        commands.emplace_back(port::Publish{status_ref(), true, "DeleteUnregisteredFailed",
                                            fmt::format("Failed to remove node {}: min size "
                                                        "reached, nodes will not be deleted",
                                                        id)});
    return;
  }
  const bool placeholders =
      std::any_of(drop.provider_ids.begin(), drop.provider_ids.end(), is_placeholder);
  if (placeholders) {
    scaling::SetSize size;
    size.group = drop.group;
    size.from = group->desired_capacity;
    size.to = std::max(cloud_.real_instances(drop.group), group->min_size);
    size.max = group->max_size;
    const std::uint64_t call = asker(commands)(port::SetDesiredCapacity{drop.group, size.to});
    cloud_.desired_set(drop.group, size.to, now);
    resizing_[call] = {std::move(size), true};
    cloud_.invalidate();
  }
  for (const std::string& id : drop.provider_ids) {
    if (!is_placeholder(id)) {
      asker(commands)(port::TerminateInstanceInGroup{instance_id(id)});
      cloud_.instance_ended(drop.group);
    }
    if (drop.why == scaling::DropInstances::Why::NeverRegistered)
      commands.emplace_back(port::Publish{status_ref(), false, "DeleteUnregistered",
                                          "Removed unregistered node " + id});
  }
  changed();
}

void Autoscaler::resize(const scaling::SetSize& size, Instant now, port::Commands& commands) {
  const std::uint64_t call = asker(commands)(port::SetDesiredCapacity{size.group, size.to});
  cloud_.desired_set(size.group, size.to, now);
  changed();
  port::Publish record{{"Group", "", size.group}, false, "ScaleUp", size.why};
  record.kind = port::RecordKind::ScaleUp;
  record.fields = {{"group", size.group},
                   {"from", size.from},
                   {"to", size.to},
                   {"pods", static_cast<std::int64_t>(size.pods)},
                   {"options", static_cast<std::int64_t>(size.options)},
                   {"expander", options_.expander}};
  if (const auto ratio = provisioning::over_bound_permille(size.price, size.bound))
    record.fields.insert(record.fields.end(), {{"plan_price_micros", size.price.micros()},
                                               {"plan_bound_micros", size.bound.micros()},
                                               {"plan_over_bound_permille", *ratio}});
  if (size.to > size.from) commands.emplace_back(std::move(record));
  resizing_[call] = {size, false};
}

void Autoscaler::resized(std::uint64_t call, const port::CloudAnswer& answer, Instant now,
                         port::Commands& commands) {
  const auto at = resizing_.find(call);
  if (at == resizing_.end()) return;
  const Resizing resizing = std::move(at->second);
  resizing_.erase(at);
  const scaling::SetSize& size = resizing.size;
  const auto* error = std::get_if<port::CloudError>(&answer);
  if (error == nullptr) {
    if (size.to > size.from)
      commands.emplace_back(
          port::Publish{status_ref(), false, "ScaledUpGroup",
                        fmt::format("Scale-up: group {} size set to {} instead of {} (max: {})",
                                    size.group, size.to, size.from, size.max)});
    return;
  }
  cloud_.desired_set(size.group, size.from, now);
  cloud_.invalidate();
  changed();
  if (size.to < size.from) return;
  commands.emplace_back(
      port::Publish{status_ref(), true, "FailedToScaleUpGroup",
                    fmt::format("Scale-up failed for group {}: {}", size.group, error->message)});
  state_.scale_up_refused(size.group, size.to - size.from,
                          {scaling::ErrorClass::Other, "cloudProviderError", error->message, {}},
                          now);
  if (size.request == nullptr) return;
  if (const scaling::RequestRef request = cluster_.request(size.request->metadata))
    put(scaling::without_capacity(*request, now), commands);
}

void Autoscaler::remove(const scaling::Plan& plan, Instant now, port::Commands& commands) {
  const auto start = [&](const scaling::Removable& node, bool drain) {
    const scaling::NodeView& view = *seen_.nodes[node.index];
    const scaling::GroupView& group = seen_.groups[static_cast<std::size_t>(node.group)];
    const std::string why = fmt::format(
        "{} for {}: {}", drain ? "Little used" : "Empty",
        Duration::seconds((now - node.since).whole_seconds()).text(),
        drain ? fmt::format("its {} fit on other nodes", scaling::describe_pods(node.pods_to_move))
              : "nothing on it would have to move");
    removals_.start(node, drain, {instance_id(view.node->spec.providerID), group.id}, why,
                    state_.planner().state().utilization[node.index], now, commands);
  };
  for (const scaling::Removable& node : plan.remove.empty) start(node, false);
  for (const scaling::Removable& node : plan.remove.drain) start(node, true);
}

void Autoscaler::advance_removals(Instant now, port::Commands& commands) {
  std::vector<RemovalEnd> list;
  removals_.advance(now, asker(commands), commands, list);
  ended(list, now);
}

void Autoscaler::ended(const std::vector<RemovalEnd>& list, Instant now) {
  for (const RemovalEnd& end : list) {
    changed();
    if (end.removed)
      cloud_.instance_ended(end.group);
    else
      state_.scale_down_failed(end.group, end.at_start, now);
  }
}

Instant Autoscaler::on_grid(Instant at) const {
  const Duration step = std::max(options_.scan_interval, Duration::nanoseconds(1));
  const Instant first = *last_look_ + step;
  if (at <= first) return first;
  const std::int64_t steps =
      ((at - *last_look_).nanoseconds() + step.nanoseconds() - 1) / step.nanoseconds();
  return *last_look_ + step * steps;
}

void Autoscaler::plan_next(Instant now, port::Commands& commands) {
  const std::optional<Instant> removal = removals_.due();
  if (removal || !removals_.empty()) commands.emplace_back(port::SetTimer{kRemovalTimer, removal});
  if (ticking_) return;
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (dirty_ || !settled_) consider(on_grid(now));
  if (wake_) consider(on_grid(std::max(*wake_, now)));
  if (cloud_.restless()) consider(on_grid(std::max(cloud_.stale_at(), now)));
  if (soon_) consider(std::max(*soon_, now));
  arm(next, commands);
}

void Autoscaler::arm(std::optional<Instant> at, port::Commands& commands) {
  if (at == armed_) return;
  armed_ = at;
  commands.emplace_back(port::SetTimer{kLookTimer, at});
}

bool Autoscaler::at_rest() const {
  return !dirty_ && settled_ && !ticking_ && !soon_ && removals_.empty() && resizing_.empty() &&
         state_.at_rest(seen_, last_look_.value_or(Instant()));
}

}  // namespace gputide::autoscaler
