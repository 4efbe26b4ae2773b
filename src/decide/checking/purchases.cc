// What node groups buy: instance types, spot settings, prices.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"

namespace gputide::checking {
namespace {

using model::InstanceType;

std::string dollars(const pricing::Price& price) {
  return fmt::format("{}${}", price.estimated() ? "about " : "", price.per_hour.text(3));
}

// "g4dn.xlarge ($0.526 an hour), g5.xlarge ($1.006)".
std::string replacement_text(const Context& context, std::string_view region,
                             std::string_view type) {
  std::vector<std::string> names;
  for (const pricing::Replacement& each : context.catalogue.replacements(region, type, 3))
    names.push_back(fmt::format("{} ({}{}{})", each.type->name, dollars(each.price),
                                names.empty() ? " an hour" : "",
                                each.less_memory   ? ", less memory"
                                : each.fewer_vcpus ? ", fewer vCPUs"
                                                   : ""));
  return join(names, ", ");
}

void check_type(const Context& context, const GroupView& group, const InstanceType& type) {
  const std::string_view region = group.cluster->region;
  const Place place = group.type_place(type.name);
  const std::string instead = replacement_text(context, region, type.name);
  const std::string remedy = instead.empty() ? "" : fmt::format("take {}", instead);
  if (type.status == InstanceType::Status::Retired) {
    std::string price;
    if (const auto was = context.catalogue.on_demand(region, type.name))
      price = fmt::format(" (it was {} an hour)", dollars(*was));
    context.findings.add(context.options.as_it_was ? Severity::Warning : Severity::Error, place,
                         place.where(),
                         {"retired-instance-type",
                          fmt::format("AWS no longer sells {}{}", type.name, price), remedy});
  } else if (const auto known = context.catalogue.regions();
             std::find(known.begin(), known.end(), region) != known.end() &&
             !context.catalogue.offered(region, type.name)) {
    context.findings.warning(
        place,
        {"type-not-offered",
         fmt::format("as far as is known, AWS does not sell {} in {}", type.name, region), remedy});
  }
}

std::string gpu_text(const InstanceType& type) {
  const std::int64_t count = type.visible_gpus();
  return fmt::format("{} ({} GPU{})", type.name, count, count == 1 ? "" : "s");
}

void check_mix(const Context& context, const GroupView& group) {
  if (group.types.size() < 2) return;
  const InstanceType& first = *group.types.front();
  const auto other_count = [&](const InstanceType* t) {
    return t->visible_gpus() != first.visible_gpus();
  };
  const auto most = *std::max_element(
      group.types.begin(), group.types.end(),
      [](const auto* a, const auto* b) { return a->visible_gpus() < b->visible_gpus(); });
  if (std::any_of(group.types.begin(), group.types.end(), other_count)) {
    const InstanceType& extreme =
        most == &first ? **std::min_element(group.types.begin(), group.types.end(),
                                            [](const auto* a, const auto* b) {
                                              return a->visible_gpus() < b->visible_gpus();
                                            })
                       : *most;
    return context.findings.warning(
        group.type_place(extreme.name),
        {"mixed-gpu-counts",
         fmt::format("node group {} mixes types with different numbers of GPUs: Cluster Autoscaler "
                     "reckons with {} for every node, and AWS may launch {}",
                     group.written->name, gpu_text(first), gpu_text(extreme)),
         "make one node group for each number of GPUs"});
  }
  for (const InstanceType* type : group.types) {
    // 10 % less memory is what separates generations of one size.
    const bool smaller = type->vcpu < first.vcpu || type->memory_mib < first.memory_mib / 10 * 9;
    if (!smaller) continue;
    return context.findings.warning(
        group.type_place(type->name),
        {"mixed-sizes",
         fmt::format("Cluster Autoscaler reckons with {} ({} vCPUs, {} GiB) for every node of {}, "
                     "and {} ({} vCPUs, {} GiB) has less: a pod may not fit the node bought for it",
                     first.name, first.vcpu, first.memory_mib / 1024, group.written->name,
                     type->name, type->vcpu, type->memory_mib / 1024),
         "list types of one size, or the smallest first"});
  }
}

bool means_spot(const GroupView& group) {
  const auto has = [](std::string_view text) {
    return to_lower(text).find("spot") != std::string::npos;
  };
  if (has(group.written->name)) return true;
  return std::any_of(group.written->labels.begin(), group.written->labels.end(),
                     [&](const auto& label) { return has(label.first) || has(label.second); });
}

void check_spot(const Context& context, const GroupView& group,
                const model::InstancesDistribution& distribution) {
  const Place place = group.place["instancesDistribution"];
  const bool asked = distribution.spotInstancePools || distribution.maxPrice ||
                     distribution.spotAllocationStrategy || means_spot(group);
  if (!distribution.onDemandPercentageAboveBaseCapacity && asked)
    context.findings.warning(
        place, place.key(),
        {"all-on-demand",
         fmt::format(
             "onDemandPercentageAboveBaseCapacity is not set, which means 100: node group {} "
             "buys no spot instance",
             group.written->name),
         "write onDemandPercentageAboveBaseCapacity: 0 for spot only"});
  const std::string strategy = distribution.spotAllocationStrategy.value_or("lowest-price");
  if (distribution.spotInstancePools && strategy != "lowest-price" &&
      !strategy.starts_with("capacity-optimized"))
    context.findings.warning(
        place["spotInstancePools"],
        {"unused-spot-pools",
         fmt::format("spotInstancePools has no effect with {}: it belongs to lowest-price",
                     strategy),
         "remove spotInstancePools"});
  if (!distribution.spotAllocationStrategy && group.has_nvidia() &&
      distribution.onDemandPercentageAboveBaseCapacity.value_or(100) < 100)
    context.findings.warning(
        place, place.key(),
        {"lowest-price-spot",
         fmt::format(
             "spotAllocationStrategy is not set, which means lowest-price: node group {} buys "
             "from the cheapest pools, which AWS reclaims most",
             group.written->name),
         "write spotAllocationStrategy: price-capacity-optimized and remove spotInstancePools"});
  if (!distribution.maxPrice || *distribution.maxPrice <= 0) return;
  const Money limit = *group.plan.group.mixed_instances_policy->distribution.spot_max_price;
  std::vector<std::string> dear;
  for (const InstanceType* type : group.types) {
    const auto spot = context.catalogue.spot(group.cluster->region, {}, type->name);
    if (spot && spot->per_hour > limit)
      dear.push_back(fmt::format("{} (about ${})", type->name, spot->per_hour.text(2)));
  }
  if (!dear.empty())
    context.findings.warning(
        place["maxPrice"],
        {"max-price-too-low",
         fmt::format("maxPrice ${} is below what spot usually costs for {}: none of these will be "
                     "launched",
                     limit.text(2), join(dear, ", ")),
         "remove maxPrice: AWS never charges more than the on-demand price"});
}

}  // namespace

void check_purchases(const Context& context) {
  for (const GroupView& group : context.world.groups) {
    std::set<std::string_view> seen;
    for (const InstanceType* type : group.types)
      if (seen.insert(type->name).second) check_type(context, group, *type);
    check_mix(context, group);
    if (group.self_managed != nullptr && group.self_managed->instancesDistribution)
      check_spot(context, group, *group.self_managed->instancesDistribution);
  }
}

}  // namespace gputide::checking
