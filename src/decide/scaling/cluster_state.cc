#include "decide/scaling/cluster_state.h"

#include <algorithm>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <fmt/core.h>

namespace gputide::scaling {
namespace {

// "group" or, where pools are backed off one by one, "pool:type|zone|market".
std::string pool_key(const std::string& pool) {
  return "pool:" + pool;
}

}  // namespace

void ReadinessCount::add(const ReadinessCount& other) {
  registered += other.registered;
  ready += other.ready;
  unready += other.unready;
  not_started += other.not_started;
  deleted += other.deleted;
  leaving += other.leaving;
  unregistered += other.unregistered;
  long_unregistered += other.long_unregistered;
  failed += other.failed;
}

ClusterState::ClusterState(const Options& options)
    : options_(options),
      semantics_(options.semantics()),
      backoff_options_{options.initial_node_group_backoff_duration,
                       options.max_node_group_backoff_duration,
                       options.node_group_backoff_reset_timeout} {}

void ClusterState::update(const Observation& seen, std::span<const NodeFacts> facts,
                          std::uint64_t facts_version, Instant now,
                          std::vector<PlanEvent>& events) {
  const bool same = as_before(seen, facts_version, now);
  seen_ = &seen;
  now_ = now;
  backoffs_.drop_stale(backoff_options_, now);
  if (same) return;
  ++version_;
  requests_changed_ = false;
  if (!counted_nodes(facts_version, now)) {
    nodes_ = {};
    nodes_.facts_version = facts_version;
    nodes_.groups.resize(seen.groups.size());
    count_nodes(facts, now);
  }
  total_ = nodes_.others;
  for (const ReadinessCount& group : nodes_.groups) total_.add(group);
  groups_ = nodes_.groups;
  changes_ = nodes_.deadlines;
  count_instances(facts, now);
  update_requests(now, events);
  notice_creation_errors(now, events);
  update_sizes(now);
}

// Nothing that the last look's answers were made of differs, and no moment has come at which one of
// them turns.
bool ClusterState::as_before(const Observation& seen, std::uint64_t facts_version,
                             Instant now) const {
  return !requests_changed_ && facts_version != 0 && facts_version == nodes_.facts_version &&
         seen.instances_version != 0 && seen.instances_version == instances_version_ &&
         std::none_of(changes_.begin(), changes_.end(),
                      [&](Instant at) { return at > now_ && at <= now; });
}

bool ClusterState::counted_nodes(std::uint64_t facts_version, Instant now) const {
  return facts_version != 0 && facts_version == nodes_.facts_version &&
         nodes_.groups.size() == seen_->groups.size() &&
         std::all_of(nodes_.deadlines.begin(), nodes_.deadlines.end(),
                     [&](Instant deadline) { return deadline > now; });
}

void ClusterState::count_nodes(std::span<const NodeFacts> facts, Instant now) {
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const NodeFacts& node = facts[i];
    ReadinessCount& count = node.group == kNoGroup
                                ? nodes_.others
                                : nodes_.groups[static_cast<std::size_t>(node.group)];
    bool unready = false;
    ++count.registered;
    if (node.instance_gone) {
      ++count.deleted;
    } else if (node.ready) {
      ++count.ready;
    } else if (const Instant deadline = node.created + options_.max_node_startup_time;
               deadline > now) {
      ++count.not_started;
      count.starting.push_back(i);
      nodes_.deadlines.push_back(deadline);
    } else {
      unready = true;
      ++count.unready;
    }
    if (!semantics_.unready_gate_counts_unmanaged && (node.group == kNoGroup || node.to_be_deleted))
      continue;
    ++nodes_.gate_nodes;
    if (unready) ++nodes_.gate_unready;
  }
}

// Nodes are known by their instances' numbers, or else by name.
void ClusterState::find_unregistered(std::span<const NodeFacts> facts, Instant now) {
  if (seen_->instances_version != 0 && seen_->instances_version == instances_version_) return;
  instances_version_ = seen_->instances_version;
  ++searches_;
  boost::unordered_flat_set<std::string_view> registered_names;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const std::uint32_t number = facts[i].instance;
    if (number >= registered_.size()) registered_.resize(2 * std::size_t{number} + 1);
    registered_[number] = searches_;
    if (number == 0) registered_names.insert(seen_->nodes[i]->node->spec.providerID);
  }
  const auto is_registered = [&](const InstanceView& instance) {
    return (instance.number != 0 && instance.number < registered_.size() &&
            registered_[instance.number] == searches_) ||
           (!registered_names.empty() && registered_names.contains(instance.provider_id));
  };
  boost::unordered_flat_map<std::string, Instant> first_seen;
  for (UnregisteredInstance& before : unregistered_)
    first_seen.emplace(std::move(before.provider_id), before.since);
  unregistered_.clear();
  any_error_ = false;
  std::vector<const InstanceView*> deleting;
  for (std::size_t g = 0; g < seen_->groups.size(); ++g)
    for (const InstanceView& instance : seen_->groups[g].instances) {
      any_error_ = any_error_ || instance.creation_error.has_value();
      if (instance.deleting && !semantics_.terminating_nodes_count) deleting.push_back(&instance);
      if (instance.deleting || is_registered(instance)) continue;
      const auto known = first_seen.find(instance.provider_id);
      unregistered_.push_back({instance.provider_id, static_cast<std::int32_t>(g),
                               known == first_seen.end() ? now : known->second, false,
                               instance.creation_error.has_value()});
    }
  leaving_.clear();
  for (std::size_t i = 0; i < facts.size() && !deleting.empty(); ++i)
    if (std::any_of(deleting.begin(), deleting.end(), [&](const InstanceView* instance) {
          return facts[i].instance != 0
                     ? facts[i].instance == instance->number
                     : seen_->nodes[i]->node->spec.providerID == instance->provider_id;
        }))
      leaving_.push_back(i);
}

void ClusterState::count_instances(std::span<const NodeFacts> facts, Instant now) {
  find_unregistered(facts, now);
  for (const std::size_t i : leaving_)
    if (facts[i].group != kNoGroup &&
        (facts[i].ready || facts[i].created + options_.max_node_startup_time <= now))
      ++groups_[static_cast<std::size_t>(facts[i].group)].leaving;
  for (UnregisteredInstance& instance : unregistered_) {
    const auto g = static_cast<std::size_t>(instance.group);
    const Duration patience = seen_->groups[g].options.max_node_provision_time;
    if (instance.failed) ++groups_[g].failed;
    instance.is_long = instance.since + patience < now;
    ++(instance.is_long ? groups_[g].long_unregistered : groups_[g].unregistered);
    ++(instance.is_long ? total_.long_unregistered : total_.unregistered);
    consider(instance.since + patience + kPast);
  }
}

// Nodes of the target that have not shown up as ready or unready nodes.
std::int64_t ClusterState::still_missing(std::size_t group) const {
  const ReadinessCount& count = groups_[group];
  return seen_->groups[group].target_size - (count.registered - count.not_started - count.leaving);
}

std::int64_t ClusterState::requested(const std::string& group) const {
  const auto at = requests_.find(group);
  return at == requests_.end() ? 0 : at->second.increase;
}

bool ClusterState::scaling_up(std::size_t group) const {
  return still_missing(group) > 0 && requests_.contains(seen_->groups[group].id);
}

void ClusterState::update_requests(Instant now, std::vector<PlanEvent>& events) {
  std::map<std::string, Request, std::less<>> open;
  for (std::size_t g = 0; g < seen_->groups.size(); ++g) {
    const GroupView& group = seen_->groups[g];
    const auto at = requests_.find(group.id);
    if (at == requests_.end() || still_missing(g) <= 0) continue;
    const Request& request = at->second;
    if (!(request.expected < now)) {
      open.insert(*at);
      consider(request.expected + kPast);
      continue;
    }
    const std::string took = (now - request.since).text();
    events.push_back(
        {PlanEvent::About::Status,
         {},
         {},
         true,
         "ScaleUpTimedOut",
         fmt::format("Nodes added to group {} failed to register within {}", group.id, took)});
    fail(group.id,
         {ErrorClass::Other,
          "timeout",
          fmt::format("Scale-up timed out for node group {} after {}", group.id, took),
          {}},
         now);
  }
  requests_ = std::move(open);
}

void ClusterState::notice_creation_errors(Instant now, std::vector<PlanEvent>& events) {
  if (!any_error_) return known_errors_.clear();
  for (const GroupView& group : seen_->groups)
    if (std::any_of(group.instances.begin(), group.instances.end(),
                    [](const InstanceView& i) { return i.creation_error.has_value(); }))
      notice_group_errors(group, now, events);
  known_errors_.clear();
  for (const GroupView& group : seen_->groups)
    for (const InstanceView& instance : group.instances)
      if (instance.creation_error)
        known_errors_[instance.provider_id] = instance.creation_error->code;
}

void ClusterState::notice_group_errors(const GroupView& group, Instant now,
                                       std::vector<PlanEvent>& events) {
  struct OfCode {
    std::int64_t all = 0;
    std::int64_t unseen = 0;
    ScaleUpError error;
  };
  std::map<std::string, OfCode> by_code;
  for (const InstanceView& instance : group.instances) {
    if (!instance.creation_error) continue;
    OfCode& of = by_code[instance.creation_error->code];
    if (of.all++ == 0) of.error = *instance.creation_error;
    const auto known = known_errors_.find(instance.provider_id);
    if (known == known_errors_.end() || known->second != instance.creation_error->code) ++of.unseen;
  }
  const auto index = static_cast<std::size_t>(&group - seen_->groups.data());
  for (const auto& [code, of] : by_code) {
    if (of.unseen == 0 || !scaling_up(index)) continue;
    events.push_back(
        {PlanEvent::About::Status,
         {},
         {},
         true,
         "ScaleUpFailed",
         fmt::format("Failed adding {} nodes ({} unseen previously) to group {} due to {}; source "
                     "errors: {}",
                     of.all, of.unseen, group.id,
                     of.error.error_class == ErrorClass::OutOfResources ? "OutOfResource." + code
                                                                        : "Other." + code,
                     of.error.message)});
    request(group.id, -of.unseen, group.options.max_node_provision_time, now);
    fail(group.id, of.error, now);
  }
}

void ClusterState::update_sizes(Instant now) {
  std::map<std::string, Deviation, std::less<>> found;
  for (std::size_t g = 0; g < seen_->groups.size(); ++g) {
    const GroupView& group = seen_->groups[g];
    const ReadinessCount& count = groups_[g];
    if (!count.any()) continue;
    const std::int64_t least =
        group.target_size - count.long_unregistered - requested(group.id) - count.unregistered;
    if (count.registered <= group.target_size && count.registered >= least) continue;
    Deviation deviation{count.registered, group.target_size, now,
                        group.options.max_node_provision_time};
    const auto before = deviations_.find(group.id);
    if (before != deviations_.end() && before->second.registered == deviation.registered &&
        before->second.target == deviation.target)
      deviation.since = before->second.since;
    if (deviation.registered < deviation.target)
      consider(deviation.since + deviation.patience + kPast);
    found.emplace(group.id, deviation);
  }
  deviations_ = std::move(found);
}

std::vector<WrongSize> ClusterState::wrong_sizes(Instant now) const {
  std::vector<WrongSize> wrong;
  for (const auto& [group, deviation] : deviations_)
    if (deviation.since + deviation.patience < now && deviation.registered < deviation.target)
      wrong.push_back({group, deviation.registered, deviation.target});
  return wrong;
}

bool ClusterState::cluster_healthy() const {
  return nodes_.gate_unready <= options_.ok_total_unready_count ||
         static_cast<double>(nodes_.gate_unready) <=
             options_.max_total_unready_percentage / 100.0 * static_cast<double>(nodes_.gate_nodes);
}

bool ClusterState::group_healthy(std::size_t group) const {
  const GroupView& view = seen_->groups[group];
  const ReadinessCount& count = groups_[group];
  const std::int64_t expected = view.target_size - count.long_unregistered - requested(view.id);
  if (!count.any()) return view.target_size == 0 || (expected == 0 && view.target_size > 0);
  const std::int64_t missing = std::max<std::int64_t>(expected - count.ready, 0);
  return missing <= options_.ok_total_unready_count ||
         static_cast<double>(missing) <=
             options_.max_total_unready_percentage / 100.0 *
                 static_cast<double>(count.ready + count.unready + count.not_started);
}

const ScaleUpError* ClusterState::backed_off(std::size_t group, Instant now) const {
  if (backoffs_.empty()) return nullptr;
  const GroupView& view = seen_->groups[group];
  if (const ScaleUpError* error = backoffs_.active(view.id, now)) return error;
  if (!semantics_.backoff_per_pool) return nullptr;
  const ScaleUpError* last = nullptr;
  for (const std::string& pool : view.pools) {
    last = backoffs_.active(pool_key(pool), now);
    if (last == nullptr) return nullptr;
  }
  return last;
}

std::int64_t ClusterState::upcoming(std::size_t group) const {
  const ReadinessCount& count = groups_[group];
  const GroupView& view = seen_->groups[group];
  if (semantics_.upcoming_needs_request &&
      (!requests_.contains(view.id) || backoffs_.active(view.id, now_) != nullptr))
    return 0;
  const std::int64_t failed = semantics_.failed_launches_are_upcoming ? 0 : count.failed;
  return std::max<std::int64_t>(view.target_size - (count.ready + count.unready - count.leaving +
                                                    count.long_unregistered + failed),
                                0);
}

std::vector<DropInstances> ClusterState::creation_errors() const {
  std::vector<DropInstances> drop;
  if (!any_error_) return drop;
  for (const GroupView& group : seen_->groups) {
    std::vector<std::string> ids;
    for (const InstanceView& instance : group.instances)
      if (instance.creation_error && !instance.deleting) ids.push_back(instance.provider_id);
    if (!ids.empty()) drop.push_back({DropInstances::Why::CreationError, group.id, std::move(ids)});
  }
  return drop;
}

void ClusterState::request(const std::string& group, std::int64_t delta, Duration provision_time,
                           Instant now) {
  requests_changed_ = true;
  ++version_;
  const auto at = requests_.find(group);
  if (at == requests_.end()) {
    if (delta > 0) requests_.emplace(group, Request{delta, now, now + provision_time});
    return;
  }
  if (at->second.increase + delta <= 0) {
    requests_.erase(at);
    return;
  }
  at->second.increase += delta;
  if (delta > 0) {
    at->second.since = now;
    at->second.expected = now + provision_time;
  }
}

void ClusterState::fail(const std::string& group, const ScaleUpError& error, Instant now) {
  ++version_;
  if (semantics_.backoff_per_pool && !error.pools.empty()) {
    for (const std::string& pool : error.pools)
      backoffs_.fail(pool_key(pool), error, backoff_options_, now);
    return;
  }
  backoffs_.fail(group, error, backoff_options_, now);
}

std::optional<Instant> ClusterState::next_change(Instant now) const {
  std::optional<Instant> next = backoffs_.next_change(now);
  for (const Instant at : changes_)
    if (at > now && (!next || at < *next)) next = at;
  return next;
}

}  // namespace gputide::scaling
