// ProvisioningRequests: what the API server refuses, and templates that are not there.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"

namespace gputide::checking {
namespace {

constexpr std::size_t kMostPodSets = 32;

std::string_view namespace_of(const model::ObjectMeta& meta) {
  return meta.namespace_.empty() ? std::string_view("default") : std::string_view(meta.namespace_);
}

bool has_template(const World& world, const model::Object& request, std::string_view name) {
  return std::any_of(world.objects.begin(), world.objects.end(), [&](const model::Object* other) {
    return other->as<model::PodTemplate>() != nullptr && other->metadata.name == name &&
           namespace_of(other->metadata) == namespace_of(request.metadata);
  });
}

void check_set(const Context& context, const model::Object& request, const model::PodSet& set,
               const Place& place) {
  if (set.count < 1)
    context.findings.error(
        place["count"], {"bad-provisioning-request", fmt::format("a pod set of {} pods", set.count),
                         "write a count of 1 or more"});
  const Place name = place["podTemplateRef"]["name"];
  if (set.podTemplateRef.name.empty())
    return context.findings.error(name,
                                  {"bad-provisioning-request", "a pod set names no PodTemplate",
                                   "write podTemplateRef: {name: THE-TEMPLATE}"});
  if (!has_template(context.world, request, set.podTemplateRef.name))
    context.findings.warning(
        name, {"pod-template-missing",
               fmt::format("there is no PodTemplate {} in namespace {}: the request fails",
                           quote(set.podTemplateRef.name), namespace_of(request.metadata)),
               "give it among the files"});
}

void check_request(const Context& context, const model::Object& object,
                   const model::ProvisioningRequestSpec& spec) {
  const Place place = Place(object)["spec"];
  if (spec.provisioningClassName.empty())
    context.findings.error(
        place["provisioningClassName"],
        {"bad-provisioning-request", "it names no class",
         fmt::format("write provisioningClassName: {}", model::kCheckCapacityClass)});
  const std::size_t sets = spec.podSets.size();
  if (sets == 0 || sets > kMostPodSets)
    context.findings.error(
        place["podSets"], place["podSets"].key(),
        {"bad-provisioning-request", fmt::format("it has {} pod sets", sets), "give 1 to 32"});
  for (std::size_t i = 0; i < sets; ++i)
    check_set(context, object, spec.podSets[i], place["podSets"][i]);
}

}  // namespace

void check_provisioning_requests(const Context& context) {
  for (const model::Object* object : context.world.objects)
    if (const auto* request = object->as<model::ProvisioningRequest>())
      check_request(context, *object, request->spec);
}

}  // namespace gputide::checking
