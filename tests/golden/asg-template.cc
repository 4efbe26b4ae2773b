#include <fmt/core.h>

#include "decide/scaling/asg_tags.h"
#include "decide/scaling/instance_choice.h"
#include "decide/scaling/template_node.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using model::AutoScalingGroup;

std::string text_of(const Value& value, std::string_view key) {
  return std::string(value.text_at(key));
}

std::optional<std::int64_t> number(const Value& value, std::string_view key) {
  const Value* found = value.find(key);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return found->as_int();
}

model::LaunchTemplateRef template_ref(const Value& value) {
  model::LaunchTemplateRef ref{text_of(value, "launchTemplateName"), {}};
  if (const Value* version = value.find("version")) ref.version = version->as_string();
  return ref;
}

model::InstanceRequirements instance_requirements(const Value& value) {
  model::InstanceRequirements out;
  out.vcpu_min = number(value, "vCpuMin");
  out.vcpu_max = number(value, "vCpuMax");
  out.memory_mib_min = number(value, "memoryMiBMin");
  out.memory_mib_max = number(value, "memoryMiBMax");
  out.accelerator_count_min = number(value, "acceleratorCountMin");
  out.accelerator_count_max = number(value, "acceleratorCountMax");
  out.accelerator_manufacturers = texts(value.find("acceleratorManufacturers"));
  out.accelerator_types = texts(value.find("acceleratorTypes"));
  return out;
}

AutoScalingGroup read_group(const Value& value) {
  AutoScalingGroup group;
  group.name = text_of(value, "name");
  group.availability_zones = texts(value.find("availabilityZones"));
  group.launch_configuration = text_of(value, "launchConfigurationName");
  if (const Value* ref = value.find("launchTemplate")) group.launch_template = template_ref(*ref);
  if (const Value* policy = value.find("mixedInstancesPolicy")) {
    model::MixedInstancesPolicy& mixed = group.mixed_instances_policy.emplace();
    mixed.launch_template = template_ref(need(*policy, "launchTemplate"));
    if (const Value* overrides = policy->find("overrides"); overrides && overrides->is_list())
      for (const Value& item : overrides->as_list()) {
        model::LaunchTemplateOverride& override = mixed.overrides.emplace_back();
        override.instance_type = text_of(item, "instanceType");
        if (const Value* wanted = item.find("instanceRequirements"))
          override.requirements = instance_requirements(*wanted);
      }
  }
  if (const Value* tags = value.find("tags"); tags && tags->is_list())
    for (const Value& tag : tags->as_list())
      group.tags.edit().emplace_back(text_of(tag, "key"), text_of(tag, "value"));
  return group;
}

scaling::LaunchFacts read_facts(const Value& input) {
  scaling::LaunchFacts facts;
  if (const Value* names = input.find("launchConfigurations"))
    for (const model::Member& member : names->as_map())
      facts.launch_configurations[member.key] = member.value.as_string();
  if (const Value* templates = input.find("launchTemplates"))
    for (const model::Member& member : templates->as_map()) {
      const std::size_t at = member.key.rfind('@');
      model::LaunchTemplateData data;
      data.instance_type = text_of(member.value, "instanceType");
      data.image_id = text_of(member.value, "imageId");
      if (const Value* wanted = member.value.find("instanceRequirements"))
        data.requirements = instance_requirements(*wanted);
      facts.launch_templates[{member.key.substr(0, at), member.key.substr(at + 1)}] = data;
    }
  facts.matching_types = [types = texts(input.find("typesMatchingRequirements"))](
                             const model::InstanceRequirements&, const std::string&) {
    return types;
  };
  return facts;
}

std::optional<model::ManagedNodegroupDescription> read_nodegroup(const Value* value) {
  if (value == nullptr || value->find("error") != nullptr) return std::nullopt;
  model::ManagedNodegroupDescription out;
  out.nodegroup_name = text_of(*value, "nodegroupName");
  out.ami_type = text_of(*value, "amiType");
  out.capacity_type = text_of(*value, "capacityType");
  out.version = text_of(*value, "version");
  out.disk_size_gib = number(*value, "diskSize");
  const auto read_map = [&](std::string_view key, model::StringMap& into) {
    if (const Value* map = value->find(key); map && map->is_map())
      for (const model::Member& member : map->as_map()) into[member.key] = member.value.as_string();
  };
  read_map("labels", out.labels);
  read_map("tags", out.tags);
  if (const Value* taints = value->find("taints"); taints && taints->is_list())
    for (const Value& item : taints->as_list()) {
      model::NodegroupTaint& taint = out.taints.emplace_back();
      taint.key = text_of(item, "key");
      taint.effect = text_of(item, "effect");
      if (const Value* text = item.find("value")) taint.value = text->as_string();
    }
  return out;
}

scaling::GroupOptions read_options(const Value& value) {
  const auto real = [&](std::string_view key) {
    const Value& number = need(value, key);
    return number.kind() == Value::Kind::Int ? static_cast<double>(number.as_int())
                                             : number.as_double();
  };
  const auto time = [&](std::string_view key) {
    return Duration::nanoseconds(static_cast<std::int64_t>(real(key) * 1e9));
  };
  return {
      real("scaleDownUtilizationThreshold"), real("scaleDownGpuUtilizationThreshold"),
      time("scaleDownUnneededSeconds"),      time("scaleDownUnreadySeconds"),
      time("maxNodeProvisionSeconds"),       need(value, "ignoreDaemonSetsUtilization").as_bool()};
}

// Numbers that JSON cannot hold are written as texts.
Value number_value(double d) {
  if (d != d) return Value("NaN");
  if (d > 1e300) return Value("+Inf");
  if (d < -1e300) return Value("-Inf");
  if (d == static_cast<double>(static_cast<std::int64_t>(d)))
    return Value(static_cast<std::int64_t>(d));
  return Value(d);
}

Value options_value(const scaling::GroupOptions& options) {
  return Value::Map{
      {"scaleDownUtilizationThreshold", number_value(options.scale_down_utilization_threshold), {}},
      {"scaleDownGpuUtilizationThreshold",
       number_value(options.scale_down_gpu_utilization_threshold),
       {}},
      {"scaleDownUnneededSeconds", number_value(options.scale_down_unneeded_time.to_seconds()), {}},
      {"scaleDownUnreadySeconds", number_value(options.scale_down_unready_time.to_seconds()), {}},
      {"maxNodeProvisionSeconds", number_value(options.max_node_provision_time.to_seconds()), {}},
      {"ignoreDaemonSetsUtilization", options.ignore_daemonsets_utilization, {}},
      {"zeroOrMaxNodeScaling", false, {}}};  // no tag sets it
}

Value resources_value(const model::ResourceList& resources) {
  Value::Map out;
  for (const auto& [name, quantity] : resources)
    out.push_back({name,
                   Value::Map{{"s", quantity.text(), {}},
                              {"value", quantity.value(), {}},
                              {"milli", quantity.milli_value(), {}}},
                   {}});
  return out;
}

Value template_value(const scaling::NodeTemplate& made) {
  Value::Map out;
  Value::Map labels;
  for (const auto& [key, value] : made.node.metadata.labels) labels.push_back({key, value, {}});
  out.push_back({"labels", labels, {}});
  Value::List taints;
  for (const model::Taint& taint : made.node.spec.taints) {
    Value::Map item{{"key", taint.key, {}}, {"effect", taint.effect, {}}};
    if (!taint.value.empty()) item.push_back({"value", taint.value, {}});
    taints.push_back(item);
  }
  out.push_back({"taints", taints, {}});
  out.push_back({"capacity", resources_value(made.node.status.capacity), {}});
  out.push_back({"allocatable", resources_value(made.node.status.allocatable), {}});
  Value::List pods;
  for (const scaling::PodRef& pod : made.pods) {
    const std::string& name = pod->metadata.name;
    const model::ResourceList& requests = pod->spec->containers.at(0).resources.requests;
    pods.push_back(Value::Map{
        {"namespace", pod->metadata.namespace_, {}},
        {"namePrefix", name.substr(0, name.rfind('-')), {}},
        {"mirror", pod->metadata.annotations.contains("kubernetes.io/config.mirror"), {}},
        {"cpuMilli", requests.at("cpu").milli_value(), {}}});
  }
  out.push_back({"pods", pods, {}});
  return out;
}

Value asg_template_answer(const Value& input) {
  const AutoScalingGroup group = read_group(need(input, "asg"));
  const scaling::LaunchFacts facts = read_facts(input);
  const Value options = options_value(
      scaling::group_options_from_tags(*group.tags, read_options(need(input, "defaultOptions"))));
  const Result<scaling::LaunchPlan> plan = scaling::launch_plan(group, facts);
  if (!plan) return Value::Map{{"stage", "refresh", {}}, {"error", plan.error().message, {}}};
  std::optional<scaling::InstanceShape> shape;
  if (const Value* known = need(input, "instanceTypes").find(plan->instance_type))
    shape = {plan->instance_type, need(*known, "vcpu").as_int(), need(*known, "memoryMb").as_int(),
             need(*known, "gpu").as_int(), text_of(*known, "arch")};
  const bool asked = scaling::managed_nodegroup(group).has_value();
  const auto nodegroup = asked ? read_nodegroup(input.find("eksNodegroup")) : std::nullopt;
  const Result<scaling::NodeTemplate> made = scaling::upstream_template(
      {group, *plan, shape ? &*shape : nullptr, nodegroup ? &*nodegroup : nullptr}, "RANDOM");
  if (!made && made.error().message.ends_with("without a minimal count"))
    return Value::Map{{"panic", true, {}}};
  if (!made)
    return Value::Map{
        {"stage", "template", {}}, {"error", made.error().message, {}}, {"options", options, {}}};
  Value out = template_value(*made);
  out.set("options", options);
  out.set("describeNodegroupCalls", asked ? 1 : 0);
  return out;
}

void check_asg_template(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases)
    report.compare(id_of(each), asg_template_answer(need(each, "input")), need(each, "expected"));
}

const Register kAsgTemplate("asg-template", check_asg_template);

}  // namespace
}  // namespace gputide::golden
