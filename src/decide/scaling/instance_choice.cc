#include "decide/scaling/instance_choice.h"

#include <optional>

#include <fmt/core.h>

namespace gputide::scaling {
namespace {

using model::InstanceRequirements;
using model::LaunchTemplateData;
using model::MixedInstancesPolicy;

std::string first_match(const LaunchFacts& facts, const InstanceRequirements& requirements,
                        const std::string& image) {
  if (!facts.matching_types || image.empty()) return {};
  const std::vector<std::string> types = facts.matching_types(requirements, image);
  return types.empty() ? std::string() : types.front();
}

std::string type_from_template(const LaunchFacts& facts, const model::LaunchTemplateRef& ref) {
  const LaunchTemplateData* data = facts.launch_template(ref);
  if (data == nullptr) return {};
  if (!data->instance_type.empty()) return data->instance_type;
  return data->requirements ? first_match(facts, *data->requirements, data->image_id)
                            : std::string();
}

// The first type that overrides name; "" when none names one.
std::string first_override_type(const MixedInstancesPolicy& policy) {
  for (const model::LaunchTemplateOverride& override : policy.overrides)
    if (!override.instance_type.empty()) return override.instance_type;
  return {};
}

// Requirements count as overrides only when they are the one override there is.
const InstanceRequirements* requirements_override(const MixedInstancesPolicy& policy) {
  return policy.overrides.size() == 1 && policy.overrides[0].requirements
             ? &*policy.overrides[0].requirements
             : nullptr;
}

Result<LaunchPlan> plan_mixed(const MixedInstancesPolicy& policy, const LaunchFacts& facts) {
  LaunchPlan plan;
  const InstanceRequirements* override = requirements_override(policy);
  const LaunchTemplateData* data = facts.launch_template(policy.launch_template);
  if (override != nullptr) {
    plan.requirements = *override;
  } else if (data == nullptr) {
    return fail(
        fmt::format("unable to retrieve instance requirements from mixed instance policy, err: "
                    "unable to find template versions for launch template {}",
                    policy.launch_template.name));
  } else if (data->requirements) {
    plan.requirements = *data->requirements;
  }
  plan.instance_type = first_override_type(policy);
  if (!plan.instance_type.empty()) {
    if (override != nullptr)
      return fail(
          "invalid setup of both instance type and instance requirements overrides configured");
    plan.requirements = {};  // the named types say it all
    return plan;
  }
  if (override == nullptr)
    plan.instance_type = type_from_template(facts, policy.launch_template);
  else if (data != nullptr)
    plan.instance_type = first_match(facts, *override, data->image_id);
  return plan;
}

}  // namespace

const LaunchTemplateData* LaunchFacts::launch_template(const model::LaunchTemplateRef& ref) const {
  const auto at = launch_templates.find({ref.name, ref.version.value_or("$Default")});
  return at == launch_templates.end() ? nullptr : &at->second;
}

Result<LaunchPlan> launch_plan(const model::AutoScalingGroup& group, const LaunchFacts& facts) {
  LaunchPlan plan;
  if (group.mixed_instances_policy) {
    // Read even when the group launches by other means: what is wrong with it ends the refresh all
    // the same.
    Result<LaunchPlan> mixed = plan_mixed(*group.mixed_instances_policy, facts);
    if (!mixed) return mixed;
    plan = std::move(*mixed);
  }
  if (!group.launch_configuration.empty()) {
    const auto at = facts.launch_configurations.find(group.launch_configuration);
    plan.instance_type = at == facts.launch_configurations.end() ? std::string() : at->second;
  } else if (group.launch_template) {
    plan.instance_type = type_from_template(facts, *group.launch_template);
  }
  return plan;
}

}  // namespace gputide::scaling
