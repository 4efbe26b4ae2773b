// Pods that one zone alone can take, against node groups over several zones.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/scheduling/node_affinity.h"
#include "decide/scheduling/volume_binding.h"
#include "model/labels.h"

namespace gputide::checking {
namespace {

constexpr std::string_view kOldZone = "failure-domain.beta.kubernetes.io/zone";
constexpr std::string_view kEbsZone = "topology.ebs.csi.aws.com/zone";
constexpr std::string_view kEbsProvisioners[] = {"ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com",
                                                 "kubernetes.io/aws-ebs"};

bool is_zone(std::string_view key) {
  return key == labels::kZone || key == kOldZone || key == kEbsZone;
}

std::string space_of(const model::ObjectMeta& metadata) {
  return metadata.namespace_.empty() ? "default" : metadata.namespace_;
}

// The object of that kind and name; of `name_space` where that is not empty.
template <class Kind>
const Kind* find(const World& world, std::string_view name, std::string_view name_space) {
  for (const model::Object* object : world.objects)
    if (const auto* kind = object->as<Kind>();
        kind != nullptr && object->metadata.name == name &&
        (name_space.empty() || space_of(object->metadata) == name_space))
      return kind;
  return nullptr;
}

const model::StorageClass* class_of(const World& world, const model::PersistentVolumeClaim& claim) {
  if (scheduling::names_class(claim))
    return find<model::StorageClass>(world, scheduling::class_of(claim), "");
  const model::StorageClass* chosen = nullptr;
  for (const model::Object* object : world.objects)
    if (const auto* each = object->as<model::StorageClass>();
        each != nullptr && scheduling::is_default_before(*each, chosen))
      chosen = each;
  return chosen;
}

bool is_zonal(const model::PersistentVolume& volume) {
  if (!volume.spec.nodeAffinity || !volume.spec.nodeAffinity->required) return false;
  const auto& terms = volume.spec.nodeAffinity->required->nodeSelectorTerms;
  return std::any_of(terms.begin(), terms.end(), [](const auto& term) {
    return std::any_of(term.matchExpressions.begin(), term.matchExpressions.end(),
                       [](const auto& each) { return is_zone(each.key); });
  });
}

// An EBS volume is in one zone for as long as it is there.
bool is_zonal(const World& world, const model::PersistentVolumeClaim& claim) {
  if (!claim.spec.volumeName.empty())
    if (const auto* volume = find<model::PersistentVolume>(world, claim.spec.volumeName, ""))
      return is_zonal(*volume);
  const model::StorageClass* storage_class = class_of(world, claim);
  return storage_class != nullptr &&
         std::find(std::begin(kEbsProvisioners), std::end(kEbsProvisioners),
                   storage_class->provisioner) != std::end(kEbsProvisioners);
}

bool has_zonal_claim(const World& world, const PodView& pod) {
  if (const auto* set = pod.object->as<model::StatefulSet>())
    for (const auto& claim : set->spec.volumeClaimTemplates)
      if (is_zonal(world, claim)) return true;
  for (const model::Volume& volume : pod.spec->volumes) {
    if (!volume.persistentVolumeClaim) continue;
    const auto* claim = find<model::PersistentVolumeClaim>(
        world, volume.persistentVolumeClaim->claimName, space_of(pod.object->metadata));
    if (claim != nullptr && is_zonal(world, *claim)) return true;
  }
  return false;
}

bool is_spread(const PodView& pod) {
  const auto& constraints = pod.spec->topologySpreadConstraints;
  return std::any_of(constraints.begin(), constraints.end(), [&](const auto& each) {
    return is_zone(each.topologyKey) && each.whenUnsatisfiable == "DoNotSchedule" &&
           pod.count > each.maxSkew;
  });
}

bool names_zone(const std::optional<model::PodAffinity>& affinity) {
  if (!affinity) return false;
  const auto& terms = affinity->requiredDuringSchedulingIgnoredDuringExecution;
  return std::any_of(terms.begin(), terms.end(),
                     [](const auto& term) { return is_zone(term.topologyKey); });
}

/// The zones of the group's nodes that take the pods by label and taint.
std::set<std::string> zones_for(const PodView& pod, const GroupView& group) {
  if (wants_gpu(pod) && !group.has_nvidia()) return {};
  if (!tolerates(admitted_spec(pod), group.plan.bootstrap.taints)) return {};
  const scheduling::RequiredNodeAffinity wanted(*pod.spec);
  std::set<std::string> zones;
  for (const model::StringMap& labels : group.nodes)
    if (wanted.matches(labels, {})) zones.insert(labels.at(std::string(labels::kZone)));
  return zones;
}

/// What binds the pods to one of the group's zones; "" when nothing does, and when its nodes are
/// not for them.
std::string_view bond(const World& world, const PodView& pod, const GroupView& group) {
  const std::set<std::string> zones = zones_for(pod, group);
  if (zones.empty()) return "";
  if (zones.size() < group.plan.group.availability_zones.size()) return "selects by zone";
  if (is_spread(pod)) return "spreads its pods over zones";
  if (pod.spec->affinity && names_zone(pod.spec->affinity->podAffinity))
    return "wants the zone of other pods";
  if (pod.spec->affinity && names_zone(pod.spec->affinity->podAntiAffinity) && pod.count > 1)
    return "avoids the zone of other pods";
  return has_zonal_claim(world, pod) ? "has a volume in one zone" : "";
}

void check_group(const Context& context, const GroupView& group) {
  const auto& zones = group.plan.group.availability_zones;
  for (const PodView& pod : context.world.pods) {
    if (pod.is_daemon()) continue;
    const std::string_view why = bond(context.world, pod, group);
    if (why.empty()) continue;
    return context.findings.warning(
        group.place["name"],
        {"group-spans-zones",
         fmt::format("{} {}, and node group {} is in {}: the autoscaler reckons with a "
                     "node in one of them and AWS may launch it in another, so that it buys again",
                     pod.name(), why, group.written->name, join(zones, ", ")),
         "make one node group for each zone, and give the autoscaler "
         "--balance-similar-node-groups"});
  }
}

}  // namespace

void check_zones(const Context& context) {
  if (context.world.has_node_pools) return;  // a pool may buy for these pods, in their zone
  for (const GroupView& group : context.world.groups)
    if (group.plan.group.availability_zones.size() > 1 &&
        group.plan.group.max_size > group.plan.group.min_size)
      check_group(context, group);
}

}  // namespace gputide::checking
