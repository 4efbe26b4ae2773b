// Karpenter's NodePools and EC2NodeClasses, in v1 and v1beta1.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/checking/karpenter_labels.h"
#include "decide/provisioning/disruption_budgets.h"
#include "decide/provisioning/node_overlays.h"
#include "model/labels.h"

namespace gputide::checking {
namespace {

using model::NodePoolRequirement;

using labels::kInstanceType;
constexpr std::string_view kFamily = "karpenter.k8s.aws/instance-family";

struct Pool {
  const model::Object* object;
  bool beta;
  const std::vector<NodePoolRequirement>& requirements;
  const std::vector<model::Taint>& taints;
  const model::StringMap& labels;
  std::string class_name;
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_whole_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_requirement(const Context& context, const Place& place,
                       const NodePoolRequirement& wanted) {
  const std::string& op = wanted.operator_;
  if (!is_one_of(op, {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"}))
    return context.findings.error(
        place["operator"], {"bad-requirement", fmt::format("there is no operator {}", quote(op)),
                            "write In, NotIn, Exists, DoesNotExist, Gt or Lt"});
  if (op == "In" && wanted.values.empty())
    context.findings.error(
        place,
        {"bad-requirement", fmt::format("{} with In needs a value", wanted.key), "write values:"});
  const bool compares = is_one_of(op, {"Gt", "Lt", "Gte", "Lte"});
  if (compares && (wanted.values.size() != 1 || !is_whole_number(wanted.values.front())))
    context.findings.error(
        place["values"],
        {"bad-requirement", fmt::format("{} with {} needs one whole number", wanted.key, op),
         "write values: [\"1\"], for instance"});
  if (wanted.minValues && (*wanted.minValues < 1 || *wanted.minValues > 50))
    context.findings.error(place["minValues"],
                           {"bad-requirement", "minValues is not within 1 to 50", "write 1 to 50"});
  else if (wanted.minValues && op == "In" &&
           static_cast<std::int64_t>(wanted.values.size()) < *wanted.minValues)
    context.findings.error(place["minValues"],
                           {"bad-requirement",
                            fmt::format("minValues {} is more than the {} values",
                                        *wanted.minValues, wanted.values.size()),
                            "list more values or lower minValues"});
}

// Types that a pool names, GPUs or not; reports unknown and retired ones.
bool check_types(const Context& context, const Place& place, const NodePoolRequirement& wanted) {
  bool gpus = false;
  for (std::size_t i = 0; i < wanted.values.size(); ++i) {
    const auto type = context.catalogue.get(wanted.values[i]);
    if (!type) {
      const std::string& what = type.error().message;
      context.findings.warning(
          place["values"][i],
          {"unknown-instance-type", what, what.ends_with("?") ? "" : "write the name of a type"});
      continue;
    }
    gpus = gpus || (*type)->has_nvidia();
    if ((*type)->status == model::InstanceType::Status::Retired)
      context.findings.warning(
          place["values"][i],
          {"retired-instance-type", fmt::format("AWS no longer sells {}", (*type)->name),
           "take another type"});
  }
  return gpus;
}

bool wants_gpus(const Context& context, const Pool& pool, const Place& list) {
  bool gpus = false;
  for (std::size_t i = 0; i < pool.requirements.size(); ++i) {
    const NodePoolRequirement& wanted = pool.requirements[i];
    check_requirement(context, list[i], wanted);
    if (wanted.operator_ != "In" && wanted.operator_ != "Gt" && wanted.operator_ != "Exists")
      continue;
    if (wanted.key == kInstanceType) gpus = check_types(context, list[i], wanted) || gpus;
    if (wanted.key.starts_with("karpenter.k8s.aws/instance-gpu-")) gpus = true;
    if (wanted.key != kFamily) continue;
    for (const model::InstanceType& type : context.catalogue.all())
      gpus = gpus || (type.has_nvidia() && std::find(wanted.values.begin(), wanted.values.end(),
                                                     type.family()) != wanted.values.end());
  }
  return gpus;
}

// What a label of the type will be; "" = it hangs on more than the type.
std::string label_of(const model::InstanceType& type, std::string_view key) {
  std::string gpu = to_lower(type.gpu_name);
  std::replace(gpu.begin(), gpu.end(), ' ', '-');
  if (key == "kubernetes.io/arch") return std::string(type.arch);
  if (key == kInstanceType) return std::string(type.name);
  if (key == kFamily) return std::string(type.family());
  if (key == "karpenter.k8s.aws/instance-gpu-name") return gpu;
  if (key == "karpenter.k8s.aws/instance-gpu-manufacturer") return std::string(type.gpu_maker);
  return {};
}

bool allows(const Pool& pool, const model::InstanceType& type) {
  return std::all_of(
      pool.requirements.begin(), pool.requirements.end(), [&](const NodePoolRequirement& wanted) {
        const std::string value = label_of(type, wanted.key);
        const bool listed =
            std::find(wanted.values.begin(), wanted.values.end(), value) != wanted.values.end();
        if (value.empty() || (wanted.operator_ != "In" && wanted.operator_ != "NotIn")) return true;
        return listed == (wanted.operator_ == "In");
      });
}

// Images are for one architecture mostly, and the scheduler does not look at them.
void check_architectures(const Context& context, const Pool& pool, const Place& list) {
  std::set<std::string> archs;
  std::string arm;
  for (const model::InstanceType& type : context.catalogue.all()) {
    if (!type.has_nvidia() || type.status == model::InstanceType::Status::Retired ||
        !allows(pool, type))
      continue;
    archs.emplace(type.arch);
    if (type.arch == "arm64" && arm.empty()) arm = type.name;
  }
  if (archs.size() < 2) return;
  context.findings.warning(
      list, list.key(),
      {"pool-mixes-architectures",
       fmt::format("NodePool {} may buy arm64 nodes ({}) as well as amd64: pods whose images are "
                   "for one of them fail on the other",
                   pool.object->metadata.name, arm),
       "require kubernetes.io/arch In [amd64]"});
}

void check_taints(const Context& context, const Place& list,
                  const std::vector<model::Taint>& taints) {
  for (std::size_t i = 0; i < taints.size(); ++i)
    if (!is_one_of(taints[i].effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"}))
      context.findings.error(list[i]["effect"],
                             {"bad-taint",
                              fmt::format("the effect {} of taint {} is none that Kubernetes knows",
                                          quote(taints[i].effect), taints[i].key),
                              "write NoSchedule, PreferNoSchedule or NoExecute"});
}

// A budget with a time to begin needs one to end, and the other way round.
template <class Budget>
void check_budgets(const Context& context, const Place& list, const std::vector<Budget>& budgets) {
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    const Budget& budget = budgets[i];
    if (budget.schedule.has_value() != budget.duration.has_value())
      context.findings.error(list[i],
                             {"bad-consolidation", "a budget has schedule and duration, or neither",
                              budget.schedule ? "add duration: 8h, for instance" : "add schedule"});
    if (!budget.schedule) continue;
    if (const auto next = provisioning::next_cron(*budget.schedule, Instant()); !next)
      context.findings.error(
          list[i]["schedule"],
          {"bad-consolidation",
           fmt::format("{} is no schedule: {}", quote(*budget.schedule), next.error().message),
           "write minute, hour, day, month and weekday, such as \"0 9 * * mon-fri\""});
  }
}

/// What the checks of several pools share.
struct Shared {
  std::set<std::string> gpu_classes;  // names of the EC2NodeClasses that pools with GPUs use
  LabelValues values;
};

void check_pool(const Context& context, const Pool& pool, Shared& shared) {
  const Place spec = Place(*pool.object)["spec"]["template"]["spec"];
  const bool gpus = wants_gpus(context, pool, spec["requirements"]);
  for (std::size_t i = 0; i < pool.requirements.size(); ++i)
    check_label(context, spec["requirements"][i], pool.requirements[i], shared.values);
  check_taints(context, spec["taints"], pool.taints);
  if (gpus) shared.gpu_classes.insert(pool.class_name);
  if (gpus) check_architectures(context, pool, spec["requirements"]);
  if (gpus && pool.taints.empty())
    context.findings.warning(
        Place(*pool.object)["metadata"]["name"],
        {"gpu-group-without-taint",
         fmt::format(
             "NodePool {} has GPUs and no taint: pods that need no GPU are put there, and keep "
             "its nodes from going away",
             pool.object->metadata.name),
         "add the taint nvidia.com/gpu with effect NoSchedule, which pods that ask for it tolerate "
         "on EKS by themselves"});
  for (const auto& [key, value] : pool.labels) {
    const bool reserved = key == "kubernetes.io/hostname" || key == "karpenter.sh/nodepool" ||
                          key.starts_with("karpenter.sh/");
    if (!reserved) continue;
    const Place place = Place(*pool.object)["spec"]["template"]["metadata"]["labels"][key];
    context.findings.error(
        place, place.key(),
        {"forbidden-label", fmt::format("NodePools may not set the label {}", key), "remove it"});
  }
  const auto& objects = context.world.objects;
  const auto is_class = [](const model::Object* object) { return object->kind == "EC2NodeClass"; };
  const bool classes = std::any_of(objects.begin(), objects.end(), is_class);
  const bool found = std::any_of(objects.begin(), objects.end(), [&](const model::Object* object) {
    return is_class(object) && object->metadata.name == pool.class_name;
  });
  if (pool.class_name.empty())
    context.findings.error(spec["nodeClassRef"],
                           {"missing-field", "nodeClassRef has no name", "name an EC2NodeClass"});
  else if (classes && !found)
    context.findings.warning(
        spec["nodeClassRef"]["name"],
        {"nodeclass-missing",
         fmt::format("no EC2NodeClass of these files is named {}", pool.class_name),
         "name one that is there"});
}

bool is_lifetime(std::string_view text) {
  if (text == "Never") return true;
  bool digits = false;
  bool unit = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits = true;
      unit = false;
    } else if ((c == 's' || c == 'm' || c == 'h') && digits) {
      digits = false;
      unit = true;
    } else {
      return false;
    }
  }
  return unit;
}

void check_lifetime(const Context& context, const Place& place,
                    const std::optional<std::string>& text) {
  if (text && !is_lifetime(*text))
    context.findings.error(
        place, {"bad-duration", fmt::format("{} is neither a duration nor Never", quote(*text)),
                "write 720h, for instance"});
}

void check_weight(const Context& context, const Place& spec,
                  const std::optional<std::int32_t>& weight) {
  if (weight && (*weight < 1 || *weight > 100))
    context.findings.error(spec["weight"], {"out-of-range", "weight is not within 1 to 100",
                                            "write 1 to 100, or remove it"});
}

// With replicas, pods do not decide how many nodes there are.
void check_replicas(const Context& context, const Place& spec, const model::NodePoolSpec& pool) {
  if (!pool.replicas) return;
  if (*pool.replicas < 0)
    context.findings.error(
        spec["replicas"],
        {"negative-count", fmt::format("replicas {} is below zero", *pool.replicas),
         "write 0 or more"});
  if (pool.weight)
    context.findings.error(spec["weight"],
                           {"static-nodepool", "a NodePool with replicas has no weight",
                            "remove weight, or replicas"});
  for (const auto& [resource, limit] : pool.limits)
    if (resource != "nodes")
      context.findings.error(
          spec["limits"],
          {"static-nodepool", fmt::format("a NodePool with replicas has no limit of {}", resource),
           "limit nodes"});
}

void check_v1(const Context& context, const model::Object& object, const model::NodePool& pool,
              Shared& shared) {
  const auto& node = pool.spec.template_.spec;
  const Place spec = Place(object)["spec"];
  check_pool(context,
             {&object, false, node.requirements, node.taints, pool.spec.template_.metadata.labels,
              node.nodeClassRef.name},
             shared);
  check_weight(context, spec, pool.spec.weight);
  check_replicas(context, spec, pool.spec);
  check_lifetime(context, spec["template"]["spec"]["expireAfter"], node.expireAfter);
  check_taints(context, spec["template"]["spec"]["startupTaints"], node.startupTaints);
  const auto& disruption = pool.spec.disruption;
  check_budgets(context, spec["disruption"]["budgets"], disruption.budgets);
  check_lifetime(context, spec["disruption"]["consolidateAfter"], disruption.consolidateAfter);
  const std::string policy = disruption.consolidationPolicy.value_or("WhenEmptyOrUnderutilized");
  if (!is_one_of(policy, {"WhenEmpty", "WhenEmptyOrUnderutilized", "Balanced"}))
    context.findings.error(
        spec["disruption"]["consolidationPolicy"],
        {"bad-consolidation", fmt::format("there is no policy {}", quote(policy)),
         "write WhenEmpty or WhenEmptyOrUnderutilized"});
}

void check_beta(const Context& context, const model::Object& object,
                const model::v1beta1::NodePool& pool, Shared& shared) {
  const auto& node = pool.spec.template_.spec;
  const Place spec = Place(object)["spec"];
  check_pool(context,
             {&object, true, node.requirements, node.taints, pool.spec.template_.metadata.labels,
              node.nodeClassRef.name},
             shared);
  check_weight(context, spec, pool.spec.weight);
  const auto& disruption = pool.spec.disruption;
  check_budgets(context, spec["disruption"]["budgets"], disruption.budgets);
  check_lifetime(context, spec["disruption"]["expireAfter"], disruption.expireAfter);
  check_lifetime(context, spec["disruption"]["consolidateAfter"], disruption.consolidateAfter);
  const std::string policy = disruption.consolidationPolicy.value_or("WhenUnderutilized");
  const Place place = spec["disruption"]["consolidationPolicy"];
  if (!is_one_of(policy, {"WhenEmpty", "WhenUnderutilized"}))
    context.findings.error(
        place, {"bad-consolidation", fmt::format("there is no policy {} in v1beta1", quote(policy)),
                "write WhenEmpty or WhenUnderutilized"});
  else if (policy == "WhenEmpty" && !disruption.consolidateAfter)
    context.findings.error(place,
                           {"bad-consolidation", "WhenEmpty needs consolidateAfter in v1beta1",
                            "write consolidateAfter: 30s, for instance"});
  else if (policy == "WhenUnderutilized" &&
           disruption.consolidateAfter.value_or("Never") != "Never")
    context.findings.error(
        spec["disruption"]["consolidateAfter"],
        {"bad-consolidation", "v1beta1 takes no consolidateAfter with WhenUnderutilized",
         "remove it, or write apiVersion: karpenter.sh/v1"});
}

void report_beta(const Context& context, const model::Object& object, std::string_view changes) {
  context.findings.warning(
      Place(object)["apiVersion"],
      {"karpenter-v1beta1",
       fmt::format("Karpenter 1.0 is the last release that takes {} of {}; here it is read as v1",
                   object.kind, object.apiVersion),
       fmt::format("write apiVersion: {}/v1; there {}", object.group(), changes)});
}

template <class Class>
void check_class(const Context& context, const model::Object& object, const Class& node_class,
                 const Shared& shared) {
  const Place spec = Place(object)["spec"];
  const auto& written = node_class.spec;
  if (written.role.empty() == written.instanceProfile.empty())
    context.findings.error(spec, spec.key(),
                           {"bad-nodeclass", "exactly one of role and instanceProfile is needed",
                            "write role: with the name of the nodes' IAM role"});
  if (written.subnetSelectorTerms.empty())
    context.findings.error(
        spec, spec.key(),
        {"bad-nodeclass", "subnetSelectorTerms is required", "select subnets by tags or id"});
  if (written.securityGroupSelectorTerms.empty())
    context.findings.error(spec, spec.key(),
                           {"bad-nodeclass", "securityGroupSelectorTerms is required",
                            "select security groups by tags, id or name"});
  if (written.amiFamily == "AL2")
    context.findings.warning(
        spec["amiFamily"],
        {"ami-family-gone", "EKS makes no AL2 images for Kubernetes 1.33 and later",
         "write AL2023"});
  if (!shared.gpu_classes.contains(object.metadata.name)) return;
  for (std::size_t i = 0; i < written.blockDeviceMappings.size(); ++i) {
    const auto& size = written.blockDeviceMappings[i].ebs.volumeSize;
    if (size && size->value() < (std::int64_t{40} << 30) && i == 0)
      context.findings.warning(
          spec["blockDeviceMappings"][i]["ebs"]["volumeSize"],
          {"small-gpu-volume",
           fmt::format("{} is too small for GPU work: the image of the node and "
                       "one of a CUDA framework do not fit it",
                       size->text()),
           "write 80Gi or more"});
  }
}

void check_pools(const Context& context, const model::Object& object, Shared& shared) {
  if (const auto* pool = object.as<model::NodePool>()) check_v1(context, object, *pool, shared);
  const auto* beta = object.as<model::v1beta1::NodePool>();
  if (beta == nullptr) return;
  report_beta(
      context, object,
      "expireAfter belongs to template.spec, kubelet to the EC2NodeClass, and nodeClassRef is "
      "written group, kind, name");
  check_beta(context, object, *beta, shared);
}

// Amounts that the API server refuses: a node would keep from its pods what nobody meant.
void check_kubelet(const Context& context, const model::Object& object,
                   const model::EC2NodeClass& node_class) {
  const Place place = Place(object)["spec"]["kubelet"];
  const model::KubeletSettings settings = model::kubelet_settings(node_class.spec.kubelet);
  const auto check = [&](std::string_view list, const auto& read, const char* remedy) {
    const Place amounts = place[list];
    if (!amounts.exists() || !amounts.get()->is_map()) return;
    for (const model::Member& each : amounts.get()->as_map())
      if (!read.contains(each.key))
        context.findings.error(
            amounts[each.key],
            {"bad-nodeclass", fmt::format("{} of {} is no amount", each.key, list), remedy});
  };
  check("kubeReserved", settings.kube_reserved, "write an amount, as 200m or 1Gi");
  check("systemReserved", settings.system_reserved, "write an amount, as 200m or 1Gi");
  check("evictionHard", settings.eviction_hard, "write an amount or a share, as 500Mi or 5%");
}

void check_classes(const Context& context, const model::Object& object, const Shared& shared) {
  if (const auto* node_class = object.as<model::EC2NodeClass>()) {
    check_class(context, object, *node_class, shared);
    check_kubelet(context, object, *node_class);
    if (node_class->spec.amiSelectorTerms.empty())
      context.findings.error(Place(object)["spec"], Place(object)["spec"].key(),
                             {"bad-nodeclass", "amiSelectorTerms is required",
                              "write amiSelectorTerms: [{alias: al2023@latest}]"});
  }
  const auto* beta = object.as<model::v1beta1::EC2NodeClass>();
  if (beta == nullptr) return;
  report_beta(context, object,
              "amiSelectorTerms is required (alias: al2023@latest), and kubelet settings are here");
  check_class(context, object, *beta, shared);
}

void check_overlay(const Context& context, const model::Object& object) {
  const auto* overlay = object.as<model::NodeOverlay>();
  if (overlay == nullptr) return;
  for (const std::string& error : provisioning::validate_node_overlay(overlay->spec))
    context.findings.error(Place(object)["spec"], Place(object)["spec"].key(),
                           {"bad-overlay", error, "correct it; else the overlay is left out"});
}

}  // namespace

void check_karpenter(const Context& context) {
  const auto& objects = context.world.objects;
  Shared shared;
  if (std::any_of(objects.begin(), objects.end(),
                  [](const model::Object* object) { return object->kind == "NodePool"; }))
    shared.values = label_values(context.catalogue);
  for (const model::Object* object : objects) check_pools(context, *object, shared);
  for (const model::Object* object : objects) check_classes(context, *object, shared);
  for (const model::Object* object : objects) check_overlay(context, *object);
}

}  // namespace gputide::checking
