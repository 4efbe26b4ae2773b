#include "control/autoscaler/cloud_view.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/rng.h"
#include "base/text.h"
#include "decide/scaling/asg_tags.h"
#include "decide/scaling/gputide_template.h"
#include "decide/scaling/places.h"
#include "decide/scaling/taints.h"

namespace gputide::autoscaler {
namespace {

using model::AutoScalingGroup;

constexpr Duration kGroupsLife = Duration::minutes(1);
constexpr Duration kOurGroupsLife = Duration::seconds(10);
constexpr Duration kLaunchLife = Duration::minutes(20);
constexpr Duration kNodegroupLife = Duration::minutes(6);
constexpr const char* kOptOut = "k8s.io/cluster-autoscaler-enabled";

std::string provider_id(const std::string& zone, const std::string& id) {
  return "aws:///" + zone + "/" + id;
}

std::string first_zone(const AutoScalingGroup& group) {
  return group.availability_zones.empty() ? std::string() : group.availability_zones.front();
}

std::int64_t gap(const AutoScalingGroup& group) {
  return group.desired_capacity - static_cast<std::int64_t>(group.instances.size());
}

std::vector<model::Market> markets_of(const AutoScalingGroup& group) {
  if (!group.mixed_instances_policy) return {model::Market::OnDemand};
  const auto& how = group.mixed_instances_policy->distribution;
  std::vector<model::Market> markets;
  if (how.on_demand_base_capacity > 0 || how.on_demand_percentage_above_base > 0)
    markets.push_back(model::Market::OnDemand);
  if (how.on_demand_percentage_above_base < 100) markets.push_back(model::Market::Spot);
  return markets;
}

std::string pool(std::string_view type, std::string_view zone, model::Market market) {
  return fmt::format("{}|{}|{}", type, zone, model::market_name(market));
}

// The pool that a message names ("sufficient TYPE capacity in the Availability Zone you requested
// (ZONE)"); empty when it names none.
std::vector<std::string> pools_in(const std::string& message) {
  constexpr std::string_view kType = "sufficient ";
  constexpr std::string_view kZone = "Availability Zone you requested (";
  const std::size_t type = message.find(kType);
  const std::size_t zone = message.find(kZone);
  if (type == std::string::npos || zone == std::string::npos || zone < type) return {};
  const std::string_view text(message);
  const std::string_view after_type = text.substr(type + kType.size());
  const std::string_view after_zone = text.substr(zone + kZone.size());
  return {pool(
      after_type.substr(0, after_type.find(' ')), after_zone.substr(0, after_zone.find(')')),
      message.find("Spot") == std::string::npos ? model::Market::OnDemand : model::Market::Spot)};
}

bool within(std::int64_t value, const std::optional<std::int64_t>& least,
            const std::optional<std::int64_t>& most) {
  return (!least || value >= *least) && (!most || value <= *most);
}

}  // namespace

CloudView::CloudView(const scaling::Options& options, const pricing::Catalogue& catalogue,
                     const ClusterView& cluster)
    : options_(options), semantics_(options.semantics()), catalogue_(catalogue), cluster_(cluster) {
  std::vector<scaling::DiscoveryTags> specs;
  for (const std::string& spec : options.node_group_auto_discovery)
    if (auto tags = scaling::parse_auto_discovery(spec)) specs.push_back(std::move(*tags));
  tags_ = scaling::merge_discovery(specs);
  for (const std::string& spec : options.nodes)
    if (auto nodes = scaling::parse_nodes_spec(spec)) explicit_[nodes->name] = *nodes;
  facts_.matching_types = [this](const model::InstanceRequirements& wanted, const std::string&) {
    std::vector<std::string> names;
    for (const model::InstanceType& type : catalogue_.all()) {
      const std::int64_t gpus = type.gpu_count;
      if (within(type.vcpu, wanted.vcpu_min, wanted.vcpu_max) &&
          within(type.memory_mib, wanted.memory_mib_min, wanted.memory_mib_max) &&
          within(gpus, wanted.accelerator_count_min, wanted.accelerator_count_max) &&
          (wanted.accelerator_manufacturers.empty() ||
           std::find(wanted.accelerator_manufacturers.begin(),
                     wanted.accelerator_manufacturers.end(),
                     type.gpu_maker) != wanted.accelerator_manufacturers.end()))
        names.emplace_back(type.name);
    }
    return names;
  };
}

Instant CloudView::stale_at() const {
  const bool soon = semantics_.backoff_per_pool && restless();
  return refreshed_.value_or(Instant()) + (soon ? kOurGroupsLife : kGroupsLife);
}

bool CloudView::stale(Instant now) const {
  return !refreshed_ || stale_at() <= now;
}

void CloudView::refresh(Instant now, const Ask& ask) {
  problem_.clear();
  incoming_.clear();
  asked_details_ = false;
  refreshed_ = now;
  if (!tags_.empty()) {
    port::DescribeAutoScalingGroups request;
    for (const auto& [key, value] : tags_)
      request.tags.emplace_back(key, value.empty() ? std::nullopt : std::optional(value));
    open_.emplace(ask(std::move(request)), Question{});
  }
  if (!explicit_.empty()) {
    port::DescribeAutoScalingGroups request;
    for (const auto& [name, spec] : explicit_) request.names.push_back(name);
    open_.emplace(ask(std::move(request)), Question{});
  }
  if (open_.empty()) finish();
}

bool CloudView::answered(std::uint64_t call, const port::CloudAnswer& answer, Instant now,
                         const Ask& ask) {
  const auto at = open_.find(call);
  if (at == open_.end()) return false;
  const Question question = std::move(at->second);
  open_.erase(at);
  take(question, answer, now);
  if (open_.empty() && !asked_details_ && problem_.empty()) {
    order_incoming();
    ask_details(now, ask);
  }
  if (open_.empty()) finish();
  return true;
}

void CloudView::take(const Question& question, const port::CloudAnswer& answer, Instant now) {
  const auto* error = std::get_if<port::CloudError>(&answer);
  switch (question.kind) {
    case Question::Kind::Groups:
      if (error != nullptr)
        problem_ = error->code + ": " + error->message;
      else if (const auto* groups = std::get_if<std::vector<port::GroupRef>>(&answer))
        incoming_.insert(incoming_.end(), groups->begin(), groups->end());
      return;
    case Question::Kind::Launch: {
      const std::pair key{question.subject, question.version};
      launch_read_[key] = now;
      if (const auto* data = std::get_if<model::LaunchTemplateData>(&answer)) {
        const auto [at, added] = facts_.launch_templates.try_emplace(key, *data);
        if (!added && at->second == *data) return;
        at->second = *data;
      } else if (facts_.launch_templates.erase(key) == 0) {
        return;
      }
      details_changed_ = true;
      return;
    }
    case Question::Kind::Nodegroup: {
      Answered& known = nodegroups_[question.subject];
      known.at = now;
      details_changed_ = true;
      known.nodegroup.reset();  // errors are kept as an empty answer, as upstream keeps them
      if (const auto* found = std::get_if<model::ManagedNodegroupDescription>(&answer))
        known.nodegroup = *found;
      return;
    }
    case Question::Kind::Activities:
      if (const auto* list = std::get_if<std::vector<model::ScalingActivity>>(&answer))
        take_activities(question.subject, *list);
      return;
  }
}

// Of a group that was told twice, the last counts.
void CloudView::order_incoming() {
  const auto before = [](const port::GroupRef& a, const port::GroupRef& b) {
    return a->name < b->name;
  };
  if (std::adjacent_find(incoming_.begin(), incoming_.end(), [&](const auto& a, const auto& b) {
        return !before(a, b);
      }) == incoming_.end())
    return;
  std::reverse(incoming_.begin(), incoming_.end());
  std::stable_sort(incoming_.begin(), incoming_.end(), before);
  incoming_.erase(std::unique(incoming_.begin(), incoming_.end(),
                              [](const auto& a, const auto& b) { return a->name == b->name; }),
                  incoming_.end());
}

// --nodes=MIN:MAX:NAME overrules the group's own limits.
port::GroupRef CloudView::with_limits(const port::GroupRef& told) const {
  const auto at = explicit_.find(told->name);
  if (at == explicit_.end()) return told;
  auto limited = std::make_shared<AutoScalingGroup>(*told);
  limited->min_size = at->second.min_size;
  limited->max_size = at->second.max_size;
  return limited;
}

// Answers when it is to be asked for again; not after now: it was not known.
Instant CloudView::ask_launch(const model::LaunchTemplateRef& ref, Instant now, const Ask& ask) {
  const std::pair key{ref.name, ref.version.value_or("$Default")};
  const auto read = launch_read_.find(key);
  if (read != launch_read_.end() && now - read->second < kLaunchLife)
    return read->second + kLaunchLife;
  for (const auto& [call, question] : open_)
    if (question.kind == Question::Kind::Launch && question.subject == key.first &&
        question.version == key.second)
      return now;
  open_.emplace(ask(port::DescribeLaunchTemplateVersion{ref}),
                Question{Question::Kind::Launch, key.first, key.second});
  return now;
}

// Answers when something of it is to be asked for again.
Instant CloudView::ask_details_of(const AutoScalingGroup& group, Instant now, const Ask& ask) {
  Instant next = now + kLaunchLife;
  if (group.launch_template) next = std::min(next, ask_launch(*group.launch_template, now, ask));
  if (group.mixed_instances_policy)
    next = std::min(next, ask_launch(group.mixed_instances_policy->launch_template, now, ask));
  if (const auto& managed = managed_nodegroup(group)) {
    const auto known = nodegroups_.find(managed->nodegroup);
    if (known != nodegroups_.end() && now - known->second.at < kNodegroupLife)
      return std::min(next, known->second.at + kNodegroupLife);
    nodegroups_[managed->nodegroup].at = now;
    open_.emplace(ask(port::DescribeNodegroup{managed->cluster, managed->nodegroup}),
                  Question{Question::Kind::Nodegroup, managed->nodegroup, {}});
    return now;
  }
  return next;
}

void CloudView::ask_details(Instant now, const Ask& ask) {
  asked_details_ = true;
  failing_before_ = std::exchange(failing_, {});
  auto at = groups_.begin();
  for (const port::GroupRef& told : incoming_) {
    while (at != groups_.end() && at->second.told != told && at->first < told->name) ++at;
    Known* known = at != groups_.end() && at->second.told == told ? &at->second : nullptr;
    if (known == nullptr)
      ask_details_of(*told, now, ask);
    else if (!known->detailed_to || *known->detailed_to <= now)
      known->detailed_to = ask_details_of(*told, now, ask);
    if (gap(*told) > 0)
      open_.emplace(ask(port::DescribeScalingActivities{told->name, 100}),
                    Question{Question::Kind::Activities, told->name, {}});
  }
}

// One page, newest first, up to our own last change of the group's size: any failure among them
// means that the group cannot be filled.
void CloudView::take_activities(const std::string& group,
                                const std::vector<model::ScalingActivity>& activities) {
  const auto resized = resized_.find(group);
  for (const model::ScalingActivity& activity : activities) {
    if (resized != resized_.end() && activity.start < resized->second) return;
    if (activity.status_code != "Failed") continue;
    failing_[group] = {activity.status_message, pools_in(activity.status_message)};
    return;
  }
}

void CloudView::finish() {
  if (!problem_.empty()) {
    refreshed_.reset();
    return;
  }
  bool changed = incoming_.size() != groups_.size();
  changed = take_groups() || changed;
  if (incoming_.size() != groups_.size()) forget_missing_groups();
  if (names_changed_) {
    std::int32_t index = 0;
    for (auto& [name, known] : groups_) known.index = index++;
  }
  incoming_.clear();
  details_changed_ = false;
  setup_seen_ = cluster_.setup_version();
  if (changed) ++version_;
}

// Nothing that their templates are made of differs: only sizes and instances do.
bool CloudView::launch_alike(const AutoScalingGroup& a, const AutoScalingGroup& b) {
  return a.availability_zones == b.availability_zones &&
         a.launch_configuration == b.launch_configuration &&
         a.launch_template == b.launch_template &&
         a.mixed_instances_policy == b.mixed_instances_policy && a.tags == b.tags;
}

// True when something about a group is not as it was.
bool CloudView::take_groups() {
  const bool same_facts = !details_changed_ && setup_seen_ == cluster_.setup_version() &&
                          failing_.empty() && failing_before_.empty();
  bool changed = false;
  auto at = groups_.begin();
  for (const port::GroupRef& told : incoming_) {
    if (same_facts && at != groups_.end() && at->second.told == told) {
      ++at;
      continue;
    }
    changed = take_group(told->name, told) || changed;
    at = groups_.upper_bound(told->name);
  }
  return changed;
}

// The same of one.
bool CloudView::take_group(const std::string& name, const port::GroupRef& told) {
  const auto [at, added] = groups_.try_emplace(name);
  Known& known = at->second;
  const auto failure = [&](const auto& failures) {
    const auto found = failures.find(name);
    return found == failures.end() ? std::nullopt : std::optional(found->second);
  };
  const bool same = known.told == told;
  const bool same_facts = !details_changed_ && setup_seen_ == cluster_.setup_version();
  if (same && same_facts && failure(failing_) == failure(failing_before_)) return false;
  bool same_template = same_facts;
  known.viewed = false;
  known.described = known.described && same_facts;
  names_changed_ = names_changed_ || added;
  if (!same) {
    const port::GroupRef before = known.group;
    set(known, with_limits(told));
    known.told = told;
    known.detailed_to.reset();
    take_instances(known, before);
    same_template = same_template && before != nullptr && launch_alike(*before, *known.group);
  }
  if (!same_template) make_template(*known.group);
  known.described = known.described && same_template;
  return true;
}

void CloudView::take_instances(Known& known, const port::GroupRef& before) {
  const auto& now = known.group->instances;
  if (before != nullptr &&
      std::equal(now.begin(), now.end(), before->instances.begin(), before->instances.end(),
                 [](const auto& a, const auto& b) { return a.id == b.id; }))
    return;
  members_changed_ = true;
  const std::vector<std::uint32_t> old = std::exchange(known.numbers, {});
  const auto id_now = [&](std::size_t i) -> std::string_view { return now[i].id; };
  const auto id_before = [&](std::size_t b) -> std::string_view { return before->instances[b].id; };
  const std::vector<std::size_t> places = scaling::places_before(
      now.size(), old.size(),
      [&](std::size_t i, std::size_t b) { return id_now(i) == id_before(b); }, id_now, id_before);
  known.numbers.reserve(now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool stayed = places[i] != scaling::kNowhere && by_number_[old[places[i]]] == &known;
    known.numbers.push_back(stayed ? old[places[i]] : number_of(now[i].id));
  }
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < old.size(); ++i)
    if (by_number_[old[i]] == &known) {
      by_number_[old[i]] = nullptr;
      left.push_back(i);
    }
  for (const std::uint32_t number : known.numbers) by_number_[number] = &known;
  for (const std::size_t i : left)
    if (by_number_[old[i]] == nullptr) number_of_instance_.erase(before->instances[i].id);
}

std::uint32_t CloudView::number_of(const std::string& instance) {
  const auto [at, added] =
      number_of_instance_.try_emplace(instance, static_cast<std::uint32_t>(by_number_.size()));
  if (added) by_number_.push_back(nullptr);
  return at->second;
}

void CloudView::forget_missing_groups() {
  names_changed_ = true;
  const auto is_told = [&](const std::string& name) {
    const auto at = std::lower_bound(
        incoming_.begin(), incoming_.end(), name,
        [](const auto& group, const auto& wanted) { return group->name < wanted; });
    return at != incoming_.end() && (*at)->name == name;
  };
  std::erase_if(groups_, [&](const auto& entry) {
    if (is_told(entry.first)) return false;
    const Known& known = entry.second;
    if (known.restless) --restless_groups_;
    for (std::size_t i = 0; i < known.numbers.size(); ++i) {
      if (by_number_[known.numbers[i]] != &known) continue;
      by_number_[known.numbers[i]] = nullptr;
      number_of_instance_.erase(known.group->instances[i].id);
    }
    templates_.erase(entry.first);
    managed_.erase(entry.first);
    return true;
  });
}

const std::optional<scaling::NodegroupName>& CloudView::managed_nodegroup(
    const AutoScalingGroup& group) const {
  Managed& known = managed_[group.name];
  if (known.by.identity() == nullptr || !(known.by == group.tags))
    known = {group.tags, scaling::managed_nodegroup(group)};
  return known.name;
}

const model::ManagedNodegroupDescription* CloudView::nodegroup_of(
    const AutoScalingGroup& group) const {
  const auto& managed = managed_nodegroup(group);
  if (!managed) return nullptr;
  const auto known = nodegroups_.find(managed->nodegroup);
  return known == nodegroups_.end() || !known->second.nodegroup ? nullptr
                                                                : &*known->second.nodegroup;
}

// Everything that a group's template is made of, as a text.
std::string CloudView::recipe(const AutoScalingGroup& group) const {
  std::string text = join(group.availability_zones, ",") + ";" + group.launch_configuration;
  const auto add_launch = [&](const model::LaunchTemplateRef& ref) {
    text += ";" + ref.name + "@" + ref.version.value_or("$Default");
    if (const model::LaunchTemplateData* data = facts_.launch_template(ref))
      text += fmt::format(":{}:{}:{}", data->instance_type, data->image_id, data->volume_gib);
  };
  if (group.launch_template) add_launch(*group.launch_template);
  if (group.mixed_instances_policy) {
    add_launch(group.mixed_instances_policy->launch_template);
    for (const auto& each : group.mixed_instances_policy->overrides)
      text += "," + each.instance_type;
  }
  for (const auto& [key, value] : *group.tags) text += fmt::format("\n{}={}", key, value);
  if (const model::ManagedNodegroupDescription* nodegroup = nodegroup_of(group)) {
    text += fmt::format("\n{}|{}|{}|{}", nodegroup->ami_type, nodegroup->capacity_type,
                        nodegroup->version, nodegroup->disk_size_gib.value_or(0));
    for (const auto& [key, value] : nodegroup->labels) text += fmt::format("\n{}={}", key, value);
    for (const auto& taint : nodegroup->taints)
      text += fmt::format("\n{}={}:{}", taint.key, taint.value.value_or(""), taint.effect);
    for (const auto& [key, value] : nodegroup->tags) text += fmt::format("\n{}={}", key, value);
  }
  if (semantics_.eks_allocatable) text += fmt::format("\n{}", cluster_.setup_version());
  return text;
}

std::vector<const model::InstanceType*> CloudView::types_of(const AutoScalingGroup& group,
                                                            const scaling::LaunchPlan& plan) const {
  std::vector<const model::InstanceType*> types;
  if (group.mixed_instances_policy)
    for (const auto& each : group.mixed_instances_policy->overrides)
      if (const model::InstanceType* type = catalogue_.find(each.instance_type))
        types.push_back(type);
  if (types.empty())
    if (const model::InstanceType* type = catalogue_.find(plan.instance_type))
      types.push_back(type);
  return types;
}

Result<scaling::NodeTemplate> CloudView::build(const AutoScalingGroup& group,
                                               const scaling::LaunchPlan& plan) const {
  Result<scaling::NodeTemplate> made = build_as_told(group, plan);
  if (made && !semantics_.kube_proxy_counted_twice) made->pods.clear();
  return made;
}

Result<scaling::NodeTemplate> CloudView::build_as_told(const AutoScalingGroup& group,
                                                       const scaling::LaunchPlan& plan) const {
  const std::string suffix = std::to_string(fnv1a(group.name));
  const model::InstanceType* type = catalogue_.find(plan.instance_type);
  if (semantics_.eks_allocatable && type != nullptr) {
    std::int64_t volume = 0;
    if (const auto* nodegroup = nodegroup_of(group)) volume = nodegroup->disk_size_gib.value_or(0);
    const model::LaunchTemplateData* data = nullptr;
    if (group.launch_template) data = facts_.launch_template(*group.launch_template);
    if (group.mixed_instances_policy)
      data = facts_.launch_template(group.mixed_instances_policy->launch_template);
    if (data != nullptr && data->volume_gib > 0) volume = data->volume_gib;
    return scaling::gputide_template(
        {group, types_of(group, plan), nodegroup_of(group), volume, cluster_.daemon_sets(),
         [this](std::string_view space, std::string_view name) {
           return cluster_.config_map(space, name);
         }},
        suffix);
  }
  std::optional<scaling::InstanceShape> shape;
  if (type != nullptr)
    shape = {std::string(type->name), type->vcpu, type->memory_mib, type->gpu_count,
             std::string(type->arch)};
  return scaling::upstream_template({group, plan, shape ? &*shape : nullptr, nodegroup_of(group)},
                                    suffix);
}

void CloudView::make_template(const AutoScalingGroup& group) {
  Template& known = templates_[group.name];
  std::string made_of = recipe(group);
  if (known.version != 0 && known.made_of == made_of) return;
  known.made_of = std::move(made_of);
  ++known.version;
  known.node = nullptr;
  known.error.clear();
  const Result<scaling::LaunchPlan> plan = scaling::launch_plan(group, facts_);
  if (!plan) {
    known.error = plan.error().message;
    return;
  }
  Result<scaling::NodeTemplate> made = build(group, *plan);
  if (made)
    known.node = std::make_shared<const scaling::NodeTemplate>(std::move(*made));
  else
    known.error = made.error().message;
}

void CloudView::price(const AutoScalingGroup& group, scaling::GroupView& view) const {
  const Result<scaling::LaunchPlan> plan = scaling::launch_plan(group, facts_);
  if (!plan || group.availability_zones.empty()) return;
  const std::string_view region = pricing::region_of_zone(group.availability_zones.front());
  for (const model::InstanceType* type : types_of(group, *plan))
    for (const std::string& zone : group.availability_zones)
      for (const model::Market market : markets_of(group)) {
        view.pools.push_back(pool(type->name, zone, market));
        const std::optional<pricing::Price> price = market == model::Market::Spot
                                                        ? catalogue_.spot(region, zone, type->name)
                                                        : catalogue_.on_demand(region, type->name);
        if (price && (!view.price_per_hour || price->per_hour < *view.price_per_hour))
          view.price_per_hour = price->per_hour;
      }
}

// All but sizes and instances.
scaling::GroupView CloudView::described(const AutoScalingGroup& group) const {
  scaling::GroupView view;
  view.id = group.name;
  for (const char* tag : {"alpha.eksctl.io/nodegroup-name", "eks:nodegroup-name"})
    if (const std::string* name = group.tag(tag)) view.short_name = *name;
  view.options = scaling::group_options_from_tags(*group.tags, options_.group_defaults());
  const Template& made = templates_.at(group.name);
  view.provider_template = made.node;
  view.template_error = made.error;
  view.template_version = made.version;
  price(group, view);
  return view;
}

void CloudView::update(Known& known, scaling::GroupView& view) const {
  const AutoScalingGroup& group = *known.group;
  if (!std::exchange(known.described, true)) {
    std::vector<scaling::InstanceView> instances = std::move(view.instances);
    view = described(group);
    view.instances = std::move(instances);
  }
  view.min_size = group.min_size;
  view.max_size = group.max_size;
  view.target_size = group.desired_capacity;
  std::vector<scaling::InstanceView>& shown = view.instances;
  for (std::size_t i = 0; i < group.instances.size(); ++i) {
    const model::GroupInstance& instance = group.instances[i];
    const auto here = shown.begin() + static_cast<std::ptrdiff_t>(i);
    const auto old = std::find_if(here, shown.end(), [&](const scaling::InstanceView& each) {
      return each.number == known.numbers[i];
    });
    if (old == shown.end())
      shown.insert(here, {provider_id(instance.zone, instance.id), false, {}, known.numbers[i]});
    else
      shown.erase(here, old);
    shown[i].deleting = instance.state == model::LifecycleState::Terminating ||
                        instance.state == model::LifecycleState::Terminated;
  }
  shown.resize(group.instances.size());
  const auto failing = failing_.find(group.name);
  for (std::int64_t i = static_cast<std::int64_t>(group.instances.size());
       i < group.desired_capacity; ++i) {
    scaling::InstanceView placeholder;
    placeholder.provider_id =
        provider_id(first_zone(group), fmt::format("i-placeholder-{}-{}", group.name, i));
    if (failing != failing_.end())
      placeholder.creation_error =
          scaling::ScaleUpError{scaling::ErrorClass::OutOfResources,
                                "placeholder-cannot-be-fulfilled", failing->second.message,
                                failing->second.pools.empty() ? view.pools : failing->second.pools};
    view.instances.push_back(std::move(placeholder));
  }
}

bool CloudView::fill(scaling::Observation& seen, bool& members_changed) {
  if (semantics_.eks_allocatable && setup_seen_ != cluster_.setup_version()) {
    for (auto& [name, known] : groups_) {
      make_template(*known.group);
      known.viewed = false;
      known.described = false;
    }
    setup_seen_ = cluster_.setup_version();
    ++version_;
  }
  if (filled_ == version_) return false;
  filled_ = version_;
  seen.groups.resize(groups_.size());
  std::size_t index = 0;
  for (auto& [name, known] : groups_) {
    known.described = known.described && !names_changed_;
    if (!known.viewed || names_changed_) update(known, seen.groups[index]);
    known.viewed = true;
    ++index;
  }
  members_changed = members_changed_ || names_changed_;
  names_changed_ = members_changed_ = false;
  return true;
}

Membership CloudView::find_membership(const model::Node& node) const {
  const auto opted_out = node.metadata.annotations.find(kOptOut);
  if (opted_out != node.metadata.annotations.end() && opted_out->second == "false")
    return {scaling::kNoGroup, true};
  const auto ref = scaling::parse_provider_id(node.spec.providerID);
  if (!ref) return {};
  const auto number = number_of_instance_.find(std::string(ref->id));
  if (number == number_of_instance_.end())
    return {scaling::kNoGroup, scaling::has_taint(node, scaling::kToBeDeletedTaint)};
  return {by_number_[number->second]->index, false, number->second};
}

const AutoScalingGroup* CloudView::find(const std::string& group) const {
  const auto at = groups_.find(group);
  return at == groups_.end() ? nullptr : at->second.group.get();
}

std::int64_t CloudView::real_instances(const std::string& group) const {
  const AutoScalingGroup* found = find(group);
  return found == nullptr ? 0 : static_cast<std::int64_t>(found->instances.size());
}

void CloudView::change(const std::string& group, std::int64_t desired) {
  Known& known = groups_.at(group);
  auto changed = std::make_shared<AutoScalingGroup>(*known.group);
  changed->desired_capacity = desired;
  known.told = nullptr;
  set(known, std::move(changed));
  known.viewed = false;
  ++version_;
}

void CloudView::desired_set(const std::string& group, std::int64_t desired, Instant now) {
  if (!groups_.contains(group)) return;
  change(group, desired);
  resized_[group] = now;
  failing_.erase(group);
}

void CloudView::instance_ended(const std::string& group) {
  const AutoScalingGroup* known = find(group);
  if (known == nullptr) return;
  change(group, known->desired_capacity - 1);
  invalidate();
}

void CloudView::set(Known& known, port::GroupRef now) {
  known.group = std::move(now);
  const auto& instances = known.group->instances;
  const bool restless = gap(*known.group) != 0 ||
                        std::any_of(instances.begin(), instances.end(), [](const auto& instance) {
                          return instance.state != model::LifecycleState::InService;
                        });
  if (restless != known.restless) restless_groups_ += restless ? 1 : -1;
  known.restless = restless;
}

bool CloudView::restless() const {
  return restless_groups_ > 0;
}

}  // namespace gputide::autoscaler
