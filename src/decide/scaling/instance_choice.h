// Which instance type a group's template stands for, and what upstream must ask AWS for it.
// Source: Cluster Autoscaler 1.31.5 cloudprovider/aws/aws_wrapper.go, auto_scaling_groups.go.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/aws.h"

namespace gputide::scaling {

/// What upstream knows of an instance type. `gpus` sums the GPUs of every maker.
struct InstanceShape {
  std::string name;
  std::int64_t vcpu = 0;
  std::int64_t memory_mib = 0;
  std::int64_t gpus = 0;
  std::string architecture;  // kubernetes.io/arch: amd64, arm64
};

/// AWS's answers about how groups launch.
struct LaunchFacts {
  std::map<std::string, std::string> launch_configurations;  // name -> instance type
  /// (name, version) -> data; a template without a version is asked for as "$Default".
  std::map<std::pair<std::string, std::string>, model::LaunchTemplateData> launch_templates;
  /// Types that match requirements for an image, in AWS's order.
  std::function<std::vector<std::string>(const model::InstanceRequirements&,
                                         const std::string& image)>
      matching_types;

  const model::LaunchTemplateData* launch_template(const model::LaunchTemplateRef& ref) const;
};

/// How a group launches, as far as its template needs it.
struct LaunchPlan {
  /// "" when no type can be found (upstream: "could not find instance type").
  std::string instance_type;
  /// The attributes that take the place of the type's own vCPUs, memory and GPUs.
  model::InstanceRequirements requirements;
};

/// Errors are what ends upstream's refresh of all groups: a mixed policy whose launch template
/// cannot be read, or whose overrides mix types with requirements.
Result<LaunchPlan> launch_plan(const model::AutoScalingGroup& group, const LaunchFacts& facts);

}  // namespace gputide::scaling
