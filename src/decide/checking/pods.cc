// Pods: what the API server refuses in them, and requests for GPUs that are not what they seem.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "model/conditions.h"
#include "model/pod_defaults.h"

namespace gputide::checking {
namespace {

// Lower-case letters, digits and hyphens, parts joined by dots: a DNS subdomain.
bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const std::string_view part : split(name, '.')) {
    if (part.empty() || part.front() == '-' || part.back() == '-') return false;
    for (const char c : part)
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

void check_quantity(const Context& context, const Place& place, const std::string& name,
                    const Quantity& quantity) {
  if (quantity.sign() < 0)
    return context.findings.error(
        place, {"negative-quantity", fmt::format("{} of {} is below zero", quantity.text(), name),
                "write 0 or more"});
  if (!model::is_extended_resource(name)) return;
  Quantity whole = quantity;
  if (whole.round_up(0)) return;
  const bool gpu = name.starts_with("nvidia.com/");
  context.findings.error(
      place,
      {"fractional-device",
       fmt::format("{} must be a whole number, and {} is not: the API server refuses it", name,
                   quantity.text()),
       gpu ? "write 1, and share GPUs by the device plugin's configuration (time slicing or MPS)"
           : "write a whole number"});
}

void check_resources(const Context& context, const ContainerView& view) {
  const auto& limits = view.container->resources.limits;
  const auto& asked = view.container->resources.requests;
  const Place place = view.place["resources"];
  for (const auto& [name, quantity] : limits)
    check_quantity(context, place["limits"][name], name, quantity);
  for (const auto& [name, quantity] : asked) {
    const Place here = place["requests"][name];
    check_quantity(context, here, name, quantity);
    const auto limit = limits.find(name);
    if (model::is_extended_resource(name) && (limit == limits.end() || limit->second != quantity))
      context.findings.error(
          here, limit == limits.end() ? here.key() : here.where(),
          {"device-request-without-limit",
           fmt::format("a request for {} needs an equal limit: devices are not overcommitted",
                       name),
           fmt::format("write limits: {{{}: {}}}", name, quantity.text())});
    else if (limit != limits.end() && quantity > limit->second)
      context.findings.error(here, {"request-above-limit",
                                    fmt::format("the request of {} {} is above its limit {}",
                                                quantity.text(), name, limit->second.text()),
                                    "lower the request or raise the limit"});
  }
}

// Often a container's resources that stand two columns too far left.
void check_pod_level_devices(const Context& context, const PodView& pod) {
  for (const char* list : {"requests", "limits"}) {
    const Place place = pod.place["resources"][list];
    if (place.get() == nullptr || !place.get()->is_map()) continue;
    for (const model::Member& member : place.get()->as_map())
      if (model::is_extended_resource(member.key))
        context.findings.error(
            place[member.key], member.key_where,
            {"device-of-pod",
             fmt::format("resources of a whole pod are cpu, memory and hugepages: the API server "
                         "refuses {} there, or drops it before 1.34",
                         member.key),
             "write it in the resources of a container"});
  }
}

// Registries that no longer take images, or are gone.
struct OldRegistry {
  std::string_view prefix;
  std::string_view what;
};
constexpr OldRegistry kOldRegistries[] = {
    {"k8s.gcr.io/", "k8s.gcr.io has been frozen since April 2023"},
    {"us.gcr.io/k8s-artifacts-prod/", "Google's Container Registry was shut down in March 2025"},
    {"gcr.io/google_containers/", "Google's Container Registry was shut down in March 2025"},
    {"gcr.io/google-containers/", "Google's Container Registry was shut down in March 2025"},
};

void check_container(const Context& context, const ContainerView& view) {
  const model::Container& container = *view.container;
  if (container.name.empty())
    context.findings.error(view.place,
                           {"missing-field", "the container has no name", "write name:"});
  else if (!is_dns_name(container.name) || container.name.find('.') != std::string::npos)
    context.findings.error(
        view.place["name"],
        {"bad-name", fmt::format("{} cannot be a container's name", quote(container.name)),
         "write lower-case letters, digits and hyphens"});
  if (container.image.empty())
    context.findings.error(
        view.place, {"missing-field", fmt::format("container {} has no image", container.name),
                     "write image:"});
  for (const OldRegistry& old : kOldRegistries)
    if (container.image.starts_with(old.prefix))
      context.findings.warning(
          view.place["image"],
          {"old-registry", fmt::format("{}: the image may not be there", old.what),
           fmt::format("try registry.k8s.io/{}", container.image.substr(old.prefix.size()))});
  check_resources(context, view);
}

void check_tolerations(const Context& context, const PodView& pod) {
  const Place list = pod.place["tolerations"];
  for (std::size_t i = 0; i < pod.spec->tolerations.size(); ++i) {
    const model::Toleration& each = pod.spec->tolerations[i];
    if (!each.operator_.empty() && each.operator_ != "Exists" && each.operator_ != "Equal")
      context.findings.error(
          list[i]["operator"],
          {"bad-toleration", fmt::format("a toleration has no operator {}", quote(each.operator_)),
           "write Exists or Equal"});
    else if (each.operator_ == "Exists" && !each.value.empty())
      context.findings.error(list[i]["value"],
                             {"bad-toleration", "a toleration with Exists takes no value",
                              "remove the value, or write operator: Equal"});
    else if (each.key.empty() && each.operator_ != "Exists")
      context.findings.error(list[i], {"bad-toleration", "a toleration without key needs Exists",
                                       "write operator: Exists"});
    if (!each.effect.empty() && each.effect != "NoSchedule" && each.effect != "NoExecute" &&
        each.effect != "PreferNoSchedule")
      context.findings.error(
          list[i]["effect"],
          {"bad-toleration", fmt::format("there is no effect {}", quote(each.effect)),
           "write NoSchedule, PreferNoSchedule or NoExecute"});
  }
}

void check_restart_policy(const Context& context, const PodView& pod) {
  const std::string policy = pod.spec->restartPolicy.empty() ? "Always" : pod.spec->restartPolicy;
  const Place place = pod.place["restartPolicy"];
  const bool job = pod.object->as<model::Job>() != nullptr;
  const bool bare =
      pod.object->as<model::Pod>() != nullptr || pod.object->as<model::PodTemplate>() != nullptr;
  if (policy != "Always" && policy != "OnFailure" && policy != "Never")
    context.findings.error(
        place, {"bad-restart-policy", fmt::format("there is no restartPolicy {}", quote(policy)),
                "write Always, OnFailure or Never"});
  else if (job && policy == "Always")
    context.findings.error(place, {"bad-restart-policy",
                                   "a Job needs restartPolicy OnFailure or Never", "write Never"});
  else if (!job && !bare && policy != "Always")
    context.findings.error(
        place, {"bad-restart-policy", fmt::format("pods of a {} always restart", pod.object->kind),
                "remove restartPolicy"});
}

// Annotations that nothing reads any more.
constexpr std::string_view kDeadAnnotations[] = {"scheduler.alpha.kubernetes.io/critical-pod",
                                                 "scheduler.alpha.kubernetes.io/tolerations",
                                                 "scheduler.alpha.kubernetes.io/affinity"};

void check_annotations(const Context& context, const PodView& pod) {
  for (const std::string_view name : kDeadAnnotations) {
    const Place place = pod.meta_place["annotations"][name];
    if (place.exists())
      context.findings.warning(
          place, place.key(),
          {"dead-annotation",
           fmt::format("nothing reads the annotation {} since Kubernetes 1.16", name),
           "remove it"});
  }
}

void check_deadline(const Context& context, const PodView& pod) {
  const std::optional<std::int64_t>& seconds = pod.spec->activeDeadlineSeconds;
  if (!seconds || (*seconds >= 1 && *seconds <= std::numeric_limits<std::int32_t>::max())) return;
  context.findings.error(pod.place["activeDeadlineSeconds"],
                         {"out-of-range", "activeDeadlineSeconds is not within 1 to 2147483647",
                          "write 3600, for instance"});
}

void check_pod(const Context& context, const PodView& pod) {
  if (pod.spec->containers.empty())
    context.findings.error(
        pod.place,
        {"missing-field", fmt::format("{} has no containers", pod.name()), "write containers:"});
  std::set<std::string> names;
  for (const ContainerView& view : containers(pod)) {
    check_container(context, view);
    if (!view.container->name.empty() && !names.insert(view.container->name).second)
      context.findings.error(
          view.place["name"],
          {"duplicate-name", fmt::format("two containers are named {}", view.container->name),
           "give each its own name"});
  }
  check_tolerations(context, pod);
  check_pod_level_devices(context, pod);
  check_restart_policy(context, pod);
  check_deadline(context, pod);
  check_annotations(context, pod);
}

bool has_name_rules(const model::Object& object) {
  return object.group().empty() || object.group() == "apps" || object.group() == "batch" ||
         object.group() == "policy" || object.group() == "autoscaling.x-k8s.io" ||
         object.group().starts_with("karpenter");
}

// Pods that run on nodes which are not among the objects: one finding a node.
void check_nodes_of_pods(const Context& context) {
  std::map<std::string, std::vector<const model::Object*>> on;
  for (const model::Object* object : context.world.objects)
    if (const auto* pod = object->as<model::Pod>();
        pod != nullptr && !pod->spec->nodeName.empty() && !model::is_finished(*pod))
      on[pod->spec->nodeName].push_back(object);
  for (const model::Object* object : context.world.objects)
    if (object->as<model::Node>() != nullptr) on.erase(object->metadata.name);
  for (const auto& [node, pods] : on) {
    const std::string who =
        pods.size() == 1 ? "the pod is" : fmt::format("{} pods are", pods.size());
    context.findings.warning(
        Place(*pods.front())["spec"]["nodeName"],
        {"pod-on-unknown-node",
         fmt::format("{} on node {}, which is not among the files", who, node),
         "give the node, too; or leave nodeName out, and the scheduler finds a node"});
  }
}

// envsubst's, Terraform's and Helm's variables.
bool is_placeholder(std::string_view text) {
  return text.find("${") != std::string_view::npos || text.find("{{") != std::string_view::npos;
}

}  // namespace

void check_pods(const Context& context) {
  for (const model::Object* object : context.world.objects) {
    if (object->typed.index() == 0 || !has_name_rules(*object)) continue;
    const Place metadata = Place(*object)["metadata"];
    if (object->metadata.name.empty() && object->metadata.generateName.empty())
      context.findings.error(metadata,
                             {"missing-field", fmt::format("the {} has no name", object->kind),
                              "write metadata: with name:"});
    else if (!object->metadata.name.empty() && !is_dns_name(object->metadata.name))
      context.findings.error(metadata["name"],
                             {"bad-name",
                              fmt::format("{} cannot be a name: the API server refuses it",
                                          quote(object->metadata.name)),
                              is_placeholder(object->metadata.name)
                                  ? "fill in the template's variables first"
                                  : "write lower-case letters, digits, hyphens and dots"});
  }
  for (const PodView& pod : context.world.pods) check_pod(context, pod);
  check_nodes_of_pods(context);
}

}  // namespace gputide::checking
