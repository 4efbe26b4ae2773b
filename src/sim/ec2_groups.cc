// Auto Scaling groups: the difference between desired and actual capacity, and what is done about
// it.
#include <algorithm>

#include <fmt/core.h>

#include "base/text.h"
#include "sim/aws_words.h"
#include "sim/ec2.h"

namespace gputide::sim {

using model::AutoScalingGroup;
using model::Market;
using port::RecordKind;

namespace {

std::string markets_text(const AutoScalingGroup& facts) {
  std::vector<std::string> names;
  for (const Market market : cluster::markets(facts))
    names.emplace_back(model::market_name(market));
  return join(names, " and ");
}

bool same_launch(const model::NodeGroupPlan& plan, const model::LaunchTemplateData& launch,
                 const model::NodeBootstrap& bootstrap) {
  if (plan.launch.instance_type != launch.instance_type ||
      plan.launch.image_id != launch.image_id || plan.launch.volume_gib != launch.volume_gib ||
      plan.launch.capacity_reservation != launch.capacity_reservation ||
      plan.launch.capacity_block != launch.capacity_block ||
      plan.bootstrap.labels != bootstrap.labels || plan.bootstrap.kubelet != bootstrap.kubelet ||
      plan.bootstrap.nvidia_driver != bootstrap.nvidia_driver ||
      plan.bootstrap.taints.size() != bootstrap.taints.size())
    return false;
  for (std::size_t i = 0; i < bootstrap.taints.size(); ++i) {
    const model::Taint& a = plan.bootstrap.taints[i];
    const model::Taint& b = bootstrap.taints[i];
    if (a.key != b.key || a.value != b.value || a.effect != b.effect) return false;
  }
  return true;
}

}  // namespace

// ---- Making and removing groups ----

void Ec2::apply_node_group(const model::NodeGroupPlan& plan) {
  Group* group = group_named(plan.group.name);
  const bool fresh = group == nullptr;
  if (fresh) {
    group = &groups_.emplace_back();
    group->number = static_cast<Number>(groups_.size() - 1);
    group_by_name_.emplace(plan.group.name, group->number);
  }
  const std::int64_t before = group->facts.desired_capacity;
  if (fresh || !same_launch(plan, group->launch, *group->bootstrap)) {
    if (!fresh) ++group->template_version;
    group->bootstrap = &bootstraps_.emplace_back(plan.bootstrap);
  }
  group->facts = plan.group;
  group->facts.instances.clear();
  group->told.reset();
  if (!fresh) {
    group->facts.desired_capacity = std::clamp(before, plan.group.min_size, plan.group.max_size);
    const std::string version = std::to_string(group->template_version);
    if (group->facts.launch_template) group->facts.launch_template->version = version;
    if (group->facts.mixed_instances_policy)
      group->facts.mixed_instances_policy->launch_template.version = version;
  }
  group->nodegroup_name = plan.nodegroup_name;
  group->launch = plan.launch;
  group->subnet_cidrs = plan.subnet_cidrs;
  group->managed = plan.managed;
  model::StringMap& tags = tag_sets_.emplace_back(plan.group.tags->begin(), plan.group.tags->end());
  tags["aws:autoscaling:groupName"] = plan.group.name;
  group->tags = &tags;
  if (fresh) announce(*group);
  if (fresh || before != group->facts.desired_capacity) {
    group->cause = fmt::format(
        "At {} a user request created or updated the AutoScalingGroup "
        "changing the desired capacity from {} to {}.",
        heap_.now().rfc3339(), fresh ? 0 : before, group->facts.desired_capacity);
    if (!fresh)
      tell(RecordKind::GroupResized, fmt::format("group {}", group->facts.name),
           "moved into the new bounds",
           {{"group", group->facts.name}, {"from", before}, {"to", group->facts.desired_capacity}});
  }
  if (!fresh || group->facts.desired_capacity > 0) wake(*group, Duration::seconds(3));
}

void Ec2::announce(const Group& group) {
  const std::string types = join(cluster::instance_types(group.facts, group.launch), ",");
  const std::string zones = join(group.facts.availability_zones, ",");
  const std::string market = markets_text(group.facts);
  tell(RecordKind::GroupCreated, fmt::format("group {}", group.facts.name),
       fmt::format("node group {}: {} to {} {} instances of {} in {}, {} wanted now",
                   group.nodegroup_name, group.facts.min_size, group.facts.max_size, market,
                   join(cluster::instance_types(group.facts, group.launch), ", "),
                   join(group.facts.availability_zones, ", "), group.facts.desired_capacity),
       {{"group", group.facts.name},
        {"min", group.facts.min_size},
        {"max", group.facts.max_size},
        {"desired", group.facts.desired_capacity},
        {"types", types},
        {"zones", zones},
        {"market", market}});
}

void Ec2::delete_node_group(const std::string& name) {
  Group* group = group_named(name);
  if (group == nullptr) return;
  group->deleting = true;
  group->facts.min_size = group->facts.max_size = group->facts.desired_capacity = 0;
  group->told.reset();
  const std::vector<Number> members = group->members;
  for (const Number number : members)
    if (Instance& instance = instances_[number]; alive(instance) && !instance.leaving)
      take_out(*group, instance, EndReason::ScaleIn, "the AutoScalingGroup is being deleted");
  delete_if_empty(*group);
}

void Ec2::delete_if_empty(Group& group) {
  if (!group.deleting || group.gone || !group.members.empty()) return;
  group.gone = true;
  group.wake_at.reset();
  group_by_name_.erase(group.facts.name);
}

Ec2::Group* Ec2::group_named(std::string_view name) {
  const auto found = group_by_name_.find(name);
  return found == group_by_name_.end() ? nullptr : &groups_[found->second];
}

void Ec2::forget_member(Group& group, Number number) {
  std::erase(group.members, number);
  group.told.reset();
  instances_[number].listed = false;
}

std::size_t Ec2::add_activity(Group& group, std::string status, std::string description,
                              std::string cause, std::string message) {
  constexpr std::size_t kKept = 1000;
  const std::size_t number = group.forgotten + group.activities.size() + 1;
  model::ScalingActivity activity;
  activity.id = fmt::format("{:016x}-{}", fnv1a(group.facts.name), number);
  activity.group = group.facts.name;
  activity.start = heap_.now();
  if (status != "InProgress") activity.end = heap_.now();
  activity.status_code = std::move(status);
  activity.status_message = std::move(message);
  activity.description = std::move(description);
  activity.cause = std::move(cause);
  group.activities.push_back(std::move(activity));
  if (group.activities.size() > kKept) {
    group.activities.pop_front();
    ++group.forgotten;
  }
  return number;
}

void Ec2::finish_activity(Group& group, Instance& instance) {
  if (instance.activity > group.forgotten) {
    model::ScalingActivity& activity = group.activities[instance.activity - group.forgotten - 1];
    activity.status_code = "Successful";
    activity.end = heap_.now();
  }
  instance.activity = 0;
}

bool Ec2::suspended(const Group& group, std::string_view process) const {
  return std::find(group.facts.suspended_processes.begin(), group.facts.suspended_processes.end(),
                   process) != group.facts.suspended_processes.end();
}

// ---- Desired and actual ----

void Ec2::wake(Group& group, Duration delay) {
  const Instant at = heap_.now() + delay;
  if (group.wake_at && *group.wake_at <= at) return;
  group.wake_at = at;
  set_timer(delay, Timer::GroupWakes, group.number);
}

Ec2::Census Ec2::census(const Group& group) const {
  Census census;
  for (const std::string& zone : group.facts.availability_zones) census.by_zone[zone] = 0;
  for (const Number number : group.members) {
    const Instance& member = instances_[number];
    if (member.leaving) {
      census.settled = false;
      continue;
    }
    census.all += member.weight;
    (member.market == Market::Spot ? census.spot : census.on_demand) += member.weight;
    if (member.extra) census.extra += member.weight;
    if (member.state != State::Running) census.settled = false;
    ++census.by_zone[member.zone];
    ++census.by_pool[member.pool];
  }
  return census;
}

void Ec2::reconcile(Group& group) {
  if (group.gone) return;
  Census now = census(group);
  const std::int64_t actual = now.all - now.extra;
  const std::int64_t desired = group.facts.desired_capacity;
  if (actual < desired) {
    if (!suspended(group, "Launch")) grow(group, desired - actual, now);
    return;
  }
  group.failures = 0;
  if (actual > desired) {
    if (!suspended(group, "Terminate")) shrink(group, actual - desired);
    return;
  }
  if (group.facts.capacity_rebalance) rebalance_capacity(group, now);
  if (!suspended(group, "AZRebalance")) balance_zones(group, now);
}

void Ec2::grow(Group& group, std::int64_t units, Census& now) {
  std::int64_t on_demand = units;
  if (group.facts.mixed_instances_policy) {
    const MarketSplit target = cluster::split_capacity(
        group.facts.mixed_instances_policy->distribution, group.facts.desired_capacity);
    on_demand = std::clamp<std::int64_t>(target.on_demand - now.on_demand, 0, units);
  }
  bool failed = false;
  for (const Market market : {Market::OnDemand, Market::Spot}) {
    std::int64_t missing = market == Market::Spot ? units - on_demand : on_demand;
    std::set<std::string, std::less<>> exhausted;
    while (missing > 0) {
      const Attempt attempt = launch_one(group, market, now, exhausted);
      if (attempt.instance == nullptr) {
        failed = true;
        const Duration pause = Duration::seconds(30) * (std::int64_t{1} << group.failures);
        const Duration wait = std::min(pause, Duration::minutes(10));
        launch_failed(group, market, attempt, exhausted,
                      fmt::format("tries again in {}", wait.text()));
        break;
      }
      missing -= attempt.instance->weight;
      attempt.instance->activity = add_activity(
          group, "InProgress",
          fmt::format("Launching a new EC2 instance: {}", attempt.instance->id),
          fmt::format("{}  At {} an instance was started in response to a difference between "
                      "desired and actual capacity, increasing the capacity from {} to {}.",
                      group.cause, heap_.now().rfc3339(), now.all - attempt.instance->weight,
                      now.all));
    }
  }
  if (!failed) {
    group.failures = 0;
    return;
  }
  const Duration pause = Duration::seconds(30) * (std::int64_t{1} << group.failures);
  group.failures = std::min(group.failures + 1, 5);
  wake(group, std::min(pause, Duration::minutes(10)));
}

Ec2::Attempt Ec2::launch_one(Group& group, Market market, Census& now,
                             std::set<std::string, std::less<>>& exhausted) {
  Attempt last;
  while (true) {
    const std::string* emptiest = nullptr;
    for (const std::string& zone : group.facts.availability_zones)
      if (!exhausted.contains(zone) &&
          (emptiest == nullptr || now.by_zone[zone] < now.by_zone[*emptiest]))
        emptiest = &zone;
    if (emptiest == nullptr) return last;
    last = launch_in_zone(group, market, *emptiest, now);
    if (last.instance != nullptr) return last;
    exhausted.insert(*emptiest);
  }
}

Ec2::Candidates Ec2::candidates(const Group& group, Market market, const std::string& zone,
                                const Census& now) {
  Candidates found;
  const auto& policy = group.facts.mixed_instances_policy;
  found.strategy = "prioritized";
  if (policy && market == Market::Spot) {
    found.strategy = policy->distribution.spot_allocation_strategy;
    found.spot_pools = policy->distribution.spot_instance_pools;
    found.max_price = policy->distribution.spot_max_price;
  } else if (policy) {
    found.strategy = policy->distribution.on_demand_allocation_strategy;
  }
  const auto types = cluster::instance_types(group.facts, group.launch);
  found.first_type = types.front();
  for (std::size_t i = 0; i < types.size(); ++i) {
    Pool* pool = pools_.get(types[i], zone);
    PriceProcess* listed = pool == nullptr ? nullptr : price_of(*pool, market, group.launch);
    if (listed == nullptr) continue;
    const std::int64_t weight =
        policy && i < policy->overrides.size()
            ? std::max<std::int64_t>(1, policy->overrides[i].weighted_capacity.value_or(1))
            : 1;
    const Money price = listed->at(heap_.now());
    if (found.max_price && price > *found.max_price * weight) {
      if (!found.too_dear || price < found.cheapest) found.cheapest = price;
      found.too_dear = true;
      continue;
    }
    const auto ours = now.by_pool.find(pool->number);
    found.pools.push_back(pool);
    found.weights.push_back(weight);
    found.choices.push_back({pool->type->name, static_cast<std::int64_t>(i),
                             Money::micros(price.micros() / weight),
                             market == Market::Spot ? pools_.depth(*pool, heap_.now()) : 3,
                             ours == now.by_pool.end() ? 0 : ours->second});
  }
  return found;
}

Ec2::Attempt Ec2::launch_in_zone(Group& group, Market market, const std::string& zone,
                                 Census& now) {
  const Candidates from = candidates(group, market, zone, now);
  Attempt attempt;
  attempt.type = from.first_type;
  std::vector<std::string> without_capacity;
  for (const std::size_t i : cluster::rank_pools(from.strategy, from.spot_pools, from.choices)) {
    Pool& pool = *from.pools[i];
    const Room found = room(pool, market, group.launch);
    if (!found.free) {
      without_capacity.emplace_back(pool.type->name);
      attempt.code = found.code;
      attempt.message = found.message;
      continue;
    }
    Launch what;
    what.pool = &pool;
    what.market = market;
    what.group = &group;
    what.bootstrap = group.bootstrap;
    what.tags = group.tags;
    what.weight = from.weights[i];
    what.priority = from.choices[i].priority;
    if (market == Market::Spot && from.max_price) what.max_price = *from.max_price * what.weight;
    what.candidates = from.pools.size();
    what.reservation = found.reservation;
    what.takes_open = group.launch.capacity_reservation.preference != "none";
    what.why = fmt::format(
        "{}: {}", group.nodegroup_name,
        why_chosen(from.strategy, from.spot_pools, from.choices, i, zone, without_capacity));
    attempt.instance = &launch(what);
    now.all += what.weight;
    (market == Market::Spot ? now.spot : now.on_demand) += what.weight;
    ++now.by_zone[attempt.instance->zone];
    ++now.by_pool[pool.number];
    return attempt;
  }
  const bool mixed = group.facts.mixed_instances_policy.has_value();
  if (from.pools.empty() && from.too_dear)
    aws::max_price_too_low(*from.max_price, from.cheapest, attempt.code, attempt.message);
  else if (from.pools.empty())
    aws::not_supported(from.first_type, zone, attempt.code, attempt.message);
  else if (market == Market::Spot)
    aws::unfulfillable(attempt.code, attempt.message);
  else if (attempt.code.empty())  // else a reservation is why
    aws::insufficient_capacity(from.first_type, zone, group.facts.availability_zones, attempt.code,
                               attempt.message);
  if (mixed) attempt.message = fmt::format("{} - {}", attempt.code, attempt.message);
  if (!attempt.message.ends_with('.')) attempt.message += '.';  // another sentence follows
  return attempt;
}

void Ec2::launch_failed(Group& group, Market market, const Attempt& attempt,
                        const std::set<std::string, std::less<>>& zones, std::string_view next) {
  const std::vector<std::string> where(zones.begin(), zones.end());
  const std::string message =
      group.facts.mixed_instances_policy
          ? fmt::format("Could not launch {} Instances. {} Launching EC2 instance failed.",
                        market == Market::Spot ? "Spot" : "On-Demand", attempt.message)
          : attempt.message + " Launching EC2 instance failed.";
  add_activity(group, "Failed", "Launching a new EC2 instance.  Status Reason: " + message,
               fmt::format("{}  At {} an instance was started in response to a difference between "
                           "desired and actual capacity.",
                           group.cause, heap_.now().rfc3339()),
               message);
  const auto types = cluster::instance_types(group.facts, group.launch);
  tell(RecordKind::LaunchFailed, fmt::format("group {}", group.facts.name),
       fmt::format("{}: no {} {} in {} ({}); {}", group.nodegroup_name, model::market_name(market),
                   join(types, " or "), join(where, ", "), attempt.code, next),
       {{"group", group.facts.name},
        {"type", attempt.type},
        {"zone", where.empty() ? std::string_view() : std::string_view(where.back())},
        {"market", model::market_name(market)},
        {"code", attempt.code}});
}

Ec2::Number Ec2::victim(const Group& group) const {
  std::vector<MemberView> views;
  std::vector<Number> numbers;
  for (const Number number : group.members) {
    const Instance& member = instances_[number];
    if (!alive(member) || member.leaving || member.extra) continue;
    views.push_back({member.zone, member.market, member.price_per_hour, member.priority,
                     member.template_version, member.weight, member.launched});
    numbers.push_back(number);
  }
  if (views.empty()) return kNone;
  const auto& policy = group.facts.mixed_instances_policy;
  return numbers[choose_victim(views, policy ? &*policy : nullptr, group.facts.desired_capacity,
                               heap_.now())];
}

void Ec2::shrink(Group& group, std::int64_t units) {
  while (units > 0) {
    const Number number = victim(group);
    if (number == kNone) return;
    Instance& instance = instances_[number];
    if (instance.weight > units) return;
    units -= instance.weight;
    take_out(group, instance, EndReason::ScaleIn,
             fmt::format("{} has more than its desired {}", group.nodegroup_name,
                         group.facts.desired_capacity));
  }
}

void Ec2::take_out(Group& group, Instance& instance, EndReason reason, std::string_view cause) {
  GPUTIDE_CHECK(alive(instance) && !instance.leaving);
  leave(instance);
  instance.extra = false;
  instance.activity =
      add_activity(group, "InProgress", fmt::format("Terminating EC2 instance: {}", instance.id),
                   fmt::format("At {} instance {} was taken out of service: {}.",
                               heap_.now().rfc3339(), instance.id, cause));
  end(instance, reason, cause);
}

void Ec2::in_service(Group& group, Instance& instance) {
  if (instance.leaving) return;
  finish_activity(group, instance);
  if (instance.replaces != kNone) {
    Instance& old = instances_[instance.replaces];
    instance.replaces = kNone;
    if (alive(old) && !old.leaving)
      take_out(group, old, EndReason::Rebalance,
               "its replacement is in service (capacity rebalancing)");
  }
  const bool extra = instance.extra;
  instance.extra = false;
  if (extra || group.facts.availability_zones.size() > 1) wake(group, Duration::seconds(5));
}

void Ec2::found_gone(Instance& instance) {
  --awaited_;
  if (instance.leaving || !instance.listed) return;
  Group& group = groups_[instance.group_number];
  if (suspended(group, "HealthCheck") || suspended(group, "ReplaceUnhealthy")) return;
  leave(instance);
  add_activity(group, "Successful", fmt::format("Terminating EC2 instance: {}", instance.id),
               fmt::format("At {} an instance was taken out of service in response to an EC2 "
                           "health check indicating it has been terminated or stopped.",
                           heap_.now().rfc3339()));
  if (instance.state == State::Terminated) {
    forget_member(group, instance.number);
    delete_if_empty(group);
  }
  if (!group.gone) wake(group, Duration::seconds(1));
}

// ---- Rebalancing ----

void Ec2::balance_zones(Group& group, Census& now) {
  if (!now.settled || now.extra > 0 || group.facts.availability_zones.size() < 2) return;
  const std::string* emptiest = nullptr;
  std::int64_t fullest = 0;
  for (const std::string& zone : group.facts.availability_zones) {
    if (emptiest == nullptr || now.by_zone[zone] < now.by_zone[*emptiest]) emptiest = &zone;
    fullest = std::max(fullest, now.by_zone[zone]);
  }
  if (fullest - now.by_zone[*emptiest] < 2) return;
  const Number leaves = victim(group);
  if (leaves == kNone) return;
  const Attempt attempt = launch_in_zone(group, instances_[leaves].market, *emptiest, now);
  if (attempt.instance == nullptr)
    return launch_failed(group, instances_[leaves].market, attempt, {*emptiest},
                         "the zones stay out of balance");
  attempt.instance->extra = true;
  attempt.instance->activity = add_activity(
      group, "InProgress", fmt::format("Launching a new EC2 instance: {}", attempt.instance->id),
      fmt::format("At {} an instance was launched to balance instances in zone {} with other zones "
                  "resulting in more than desired number of instances in the group.",
                  heap_.now().rfc3339(), *emptiest));
}

void Ec2::rebalance_capacity(Group& group, Census& now) {
  // At most a tenth beyond the maximum size, but at least one instance.
  const std::int64_t room =
      group.facts.max_size + std::max<std::int64_t>(1, group.facts.max_size / 10) - now.all;
  std::int64_t left = room;
  const std::vector<Number> members = group.members;
  for (const Number number : members) {
    Instance& old = instances_[number];
    if (left <= 0) return;
    if (!alive(old) || old.leaving || !old.hinted || old.replaced) continue;
    old.replaced = true;
    std::set<std::string, std::less<>> exhausted;
    const Attempt attempt = launch_one(group, old.market, now, exhausted);
    if (attempt.instance == nullptr) {
      launch_failed(group, old.market, attempt, exhausted,
                    "the old instance stays until reclaimed");
      continue;
    }
    left -= attempt.instance->weight;
    attempt.instance->extra = true;
    attempt.instance->replaces = number;
    attempt.instance->activity = add_activity(
        group, "InProgress", fmt::format("Launching a new EC2 instance: {}", attempt.instance->id),
        fmt::format("At {} an instance was launched in response to an EC2 instance rebalance "
                    "recommendation for {}.",
                    heap_.now().rfc3339(), old.id));
  }
}

}  // namespace gputide::sim
