// What controllers ask of AWS, and what AWS answers.
#include <algorithm>

#include <fmt/core.h>

#include "model/tag_filter.h"
#include "sim/aws_words.h"
#include "sim/ec2.h"

namespace gputide::sim {

using model::Market;
using port::CloudAnswer;
using port::CloudError;
using port::RecordKind;

namespace {

CloudError validation(std::string message) {
  return {"ValidationError", std::move(message)};
}

CloudError no_such_group(std::string_view name) {
  return validation(
      fmt::format("AutoScalingGroup name not found - AutoScalingGroup '{}' not found", name));
}

}  // namespace

CloudAnswer Ec2::call(const port::CloudRequest& request) {
  return std::visit([this](const auto& asked) { return answer(asked); }, request);
}

model::LifecycleState Ec2::lifecycle(const Instance& member) {
  if (member.leaving) return model::LifecycleState::Terminating;
  return member.state == State::Pending ? model::LifecycleState::Pending
                                        : model::LifecycleState::InService;
}

const port::GroupRef& Ec2::describe(Group& group) {
  if (group.told != nullptr) return group.told;
  auto told = std::make_shared<model::AutoScalingGroup>(group.facts);
  told->instances.reserve(group.members.size());
  for (const Number number : group.members) {
    const Instance& member = instances_[number];
    told->instances.push_back({member.id, std::string(member.type->name), member.zone,
                               member.market, lifecycle(member), !member.leaving, member.launched});
  }
  group.told = std::move(told);
  return group.told;
}

CloudAnswer Ec2::answer(const port::DescribeAutoScalingGroups& request) {
  const auto matches = [&](const Group& group) {
    if (!request.names.empty() && std::find(request.names.begin(), request.names.end(),
                                            group.facts.name) == request.names.end())
      return false;
    for (const auto& [key, value] : request.tags) {
      const std::string* tag = group.facts.tag(key);
      if (tag == nullptr || (value && *tag != *value)) return false;
    }
    return true;
  };
  std::vector<port::GroupRef> found;
  found.reserve(group_by_name_.size());
  for (const auto& [name, number] : group_by_name_)
    if (Group& group = groups_[number]; matches(group)) found.push_back(describe(group));
  return found;
}

CloudAnswer Ec2::answer(const port::DescribeScalingActivities& request) {
  const Group* group = group_named(request.group);
  if (group == nullptr) return no_such_group(request.group);
  const std::size_t count = std::min(request.limit, group->activities.size());
  return std::vector<model::ScalingActivity>(
      group->activities.rbegin(), group->activities.rbegin() + static_cast<std::ptrdiff_t>(count));
}

CloudAnswer Ec2::answer(const port::SetDesiredCapacity& request) {
  Group* group = group_named(request.group);
  if (group == nullptr || group->deleting) return no_such_group(request.group);
  model::AutoScalingGroup& facts = group->facts;
  if (request.desired > facts.max_size)
    return validation(fmt::format(
        "New SetDesiredCapacity value {} is above max value {} for the AutoScalingGroup.",
        request.desired, facts.max_size));
  if (request.desired < facts.min_size)
    return validation(fmt::format(
        "New SetDesiredCapacity value {} is below min value {} for the AutoScalingGroup.",
        request.desired, facts.min_size));
  const std::int64_t before = facts.desired_capacity;
  if (request.desired == before) return port::Done{};
  facts.desired_capacity = request.desired;
  group->told.reset();
  group->failures = 0;
  group->cause = fmt::format(
      "At {} a user request explicitly set group desired capacity changing "
      "the desired capacity from {} to {}.",
      heap_.now().rfc3339(), before, request.desired);
  tell(RecordKind::GroupResized, fmt::format("group {}", facts.name),
       fmt::format("{} wants {} instances, wanted {}", group->nodegroup_name, request.desired,
                   before),
       {{"group", facts.name}, {"from", before}, {"to", request.desired}});
  wake(*group, Duration::seconds(3));
  return port::Done{};
}

CloudAnswer Ec2::answer(const port::TerminateInstanceInGroup& request) {
  Instance* instance = by_id(request.instance_id);
  if (instance == nullptr || !instance->listed || instance->leaving)
    return validation(
        fmt::format("Instance Id not found - No managed instance found for instance ID: {}",
                    request.instance_id));
  Group& group = groups_[instance->group_number];
  model::AutoScalingGroup& facts = group.facts;
  if (facts.desired_capacity <= facts.min_size)
    return validation(fmt::format(
        "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will "
        "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to "
        "false or lower group's min size.",
        facts.min_size));
  const std::int64_t before = facts.desired_capacity--;
  group.told.reset();
  tell(RecordKind::GroupResized, fmt::format("group {}", facts.name),
       fmt::format("{} wants {} instances, wanted {}: {} goes", group.nodegroup_name,
                   facts.desired_capacity, before, instance->id),
       {{"group", facts.name}, {"from", before}, {"to", facts.desired_capacity}});
  if (alive(*instance)) {
    take_out(group, *instance, EndReason::ScaleIn, "a request named it");
  } else {
    leave(*instance);
    if (instance->state == State::Terminated) forget_member(group, instance->number);
  }
  wake(group, Duration::seconds(3));
  return port::Done{};
}

CloudAnswer Ec2::answer(const port::DescribeLaunchTemplateVersion& request) {
  const std::string& name = request.launch_template.name;
  for (const Group& group : groups_) {
    if (group.gone) continue;
    const auto& own = group.facts.launch_template;
    const auto& mixed = group.facts.mixed_instances_policy;
    if ((own && own->name == name) || (mixed && mixed->launch_template.name == name))
      return group.launch;
  }
  return CloudError{
      "InvalidLaunchTemplateName.NotFoundException",
      "The specified launch template, with template name " + name + ", does not exist."};
}

CloudAnswer Ec2::answer(const port::DescribeNodegroup& request) {
  for (const Group& group : groups_)
    if (!group.gone && group.managed && group.managed->cluster_name == request.cluster_name &&
        group.managed->nodegroup_name == request.nodegroup_name)
      return *group.managed;
  return CloudError{"ResourceNotFoundException",
                    fmt::format("No node group found for name: {}.", request.nodegroup_name)};
}

CloudAnswer Ec2::answer(const port::DescribeSubnets& request) {
  const auto matches = [&](const model::Subnet& subnet) {
    if (!request.ids.empty() &&
        std::find(request.ids.begin(), request.ids.end(), subnet.id) == request.ids.end())
      return false;
    return model::carries_tags(subnet.tags, request.tags);
  };
  std::vector<model::Subnet> found;
  std::copy_if(subnets_.begin(), subnets_.end(), std::back_inserter(found), matches);
  return found;
}

CloudAnswer Ec2::answer(const port::TerminateInstances& request) {
  for (const std::string& id : request.instance_ids)
    if (by_id(id) == nullptr)
      return CloudError{"InvalidInstanceID.NotFound",
                        fmt::format("The instance ID '{}' does not exist", id)};
  for (const std::string& id : request.instance_ids)
    if (Instance& instance = *by_id(id); alive(instance))
      end(instance, instance.group_number == kNone ? EndReason::Fleet : EndReason::ScaleIn,
          "ended by TerminateInstances");
  return port::Done{};
}

// ---- Fleets ----

namespace {

std::string fingerprint(const port::CreateFleet& request) {
  std::string text =
      fmt::format("{}|{}|{}|{}", model::market_name(request.market), request.allocation_strategy,
                  request.capacity, request.max_price.value_or(Money()).micros());
  if (const auto& id = request.launch.capacity_reservation.target_id; !id.empty()) text += "|" + id;
  for (const auto& pool : request.overrides)
    text += fmt::format("|{}/{}/{}", pool.instance_type, pool.zone, pool.priority.value_or(-1));
  return text;
}

}  // namespace

CloudAnswer Ec2::answer(const port::CreateFleet& request) {
  if (request.capacity < 1)
    return CloudError{"InvalidParameterValue", "TotalTargetCapacity must be at least 1."};
  if (request.overrides.empty())
    return CloudError{"InvalidFleetConfiguration", "The fleet names no instance type."};
  const std::string what = fingerprint(request);
  if (!request.client_token.empty())
    if (const auto known = fleets_.find(request.client_token); known != fleets_.end()) {
      if (known->second.first != what)
        return CloudError{"IdempotentParameterMismatch",
                          "The request uses the same client token as a previous, but non-identical "
                          "request."};
      return known->second.second;
    }
  port::FleetResult result = run_fleet(request);
  if (!request.client_token.empty()) fleets_[request.client_token] = {what, result};
  return result;
}

void Ec2::FleetPools::drop(std::size_t i) {
  pools.erase(pools.begin() + static_cast<std::ptrdiff_t>(i));
  choices.erase(choices.begin() + static_cast<std::ptrdiff_t>(i));
}

Ec2::FleetPools Ec2::fleet_pools(const port::CreateFleet& request, port::FleetResult& result) {
  FleetPools from;
  const bool spot = request.market == Market::Spot;
  for (std::size_t i = 0; i < request.overrides.size(); ++i) {
    const port::FleetOverride& asked = request.overrides[i];
    Pool* pool = pools_.get(asked.instance_type, asked.zone);
    port::FleetError error{"", asked.instance_type, asked.zone, ""};
    PriceProcess* listed =
        pool == nullptr ? nullptr : price_of(*pool, request.market, request.launch);
    if (listed == nullptr) {
      aws::not_supported(asked.instance_type, asked.zone, error.code, error.message);
      result.errors.push_back(std::move(error));
      continue;
    }
    const Money price = listed->at(heap_.now());
    if (spot && request.max_price && price > *request.max_price) {
      aws::max_price_too_low(*request.max_price, price, error.code, error.message);
      result.errors.push_back(std::move(error));
      continue;
    }
    from.pools.push_back(pool);
    from.choices.push_back({pool->type->name, asked.priority.value_or(static_cast<std::int64_t>(i)),
                            price, spot ? pools_.depth(*pool, heap_.now()) : 3, 0});
  }
  return from;
}

port::FleetResult Ec2::run_fleet(const port::CreateFleet& request) {
  port::FleetResult result;
  FleetPools from = fleet_pools(request, result);
  Launch what;
  what.market = request.market;
  what.candidates = from.pools.size();
  if (request.market == Market::Spot) what.max_price = request.max_price;
  what.takes_open = request.launch.capacity_reservation.preference != "none";
  std::vector<std::string> without_capacity;
  while (static_cast<std::int64_t>(result.instances.size()) < request.capacity &&
         !from.pools.empty()) {
    const std::size_t best =
        cluster::rank_pools(request.allocation_strategy, 1, from.choices).front();
    Pool& pool = *from.pools[best];
    const Room found = room(pool, request.market, request.launch);
    if (!found.free) {
      port::FleetError error{found.code, std::string(pool.type->name), pool.zone, found.message};
      if (found.code.empty())
        aws::insufficient_capacity(pool.type->name, pool.zone, {}, error.code, error.message);
      if (request.market == Market::Spot)
        error.message = "There is no Spot capacity available that matches your request.";
      result.errors.push_back(std::move(error));
      without_capacity.push_back(fmt::format("{} in {}", pool.type->name, pool.zone));
      from.drop(best);
      continue;
    }
    if (what.bootstrap == nullptr) {
      what.bootstrap = &bootstraps_.emplace_back(request.bootstrap);
      what.tags = &tag_sets_.emplace_back(request.tags);
    }
    what.pool = &pool;
    what.reservation = found.reservation;
    what.why =
        why_chosen(request.allocation_strategy, 1, from.choices, best, pool.zone, without_capacity);
    if (const auto pool_name = request.tags.find("karpenter.sh/nodepool");
        pool_name != request.tags.end())
      what.owner = pool_name->second;
    const Instance& made = launch(what);
    ++from.choices[best].ours;
    result.instances.push_back({made.id, std::string(made.type->name), made.zone, made.market});
  }
  return result;
}

}  // namespace gputide::sim
