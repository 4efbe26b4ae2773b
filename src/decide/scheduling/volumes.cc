#include "decide/scheduling/volumes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "base/text.h"

namespace gputide::scheduling {

using model::PersistentVolume;
using model::PersistentVolumeClaim;
using state::Cluster;
using state::NodeId;
using state::Objects;

namespace {

constexpr std::string_view kZoneLabels[] = {
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region"};

Status never(std::string_view plugin, std::string reason) {
  return {Code::UnschedulableAndUnresolvable, plugin, {std::move(reason)}};
}

struct Attachment {
  std::string driver;
  std::string volume;
};

// The CSI volume that a claim stands for, as far as it counts against a node's limit.
std::optional<Attachment> attachment(const PersistentVolumeClaim& claim, const Objects& objects) {
  const PersistentVolume* volume =
      claim.spec.volumeName.empty() ? nullptr : objects.volumes.find("", claim.spec.volumeName);
  if (volume == nullptr) {
    const model::StorageClass* found =
        objects.storage_classes.find("", claim.spec.storageClassName.value_or(""));
    if (found == nullptr) return std::nullopt;
    return Attachment{found->provisioner,
                      "claim " + claim.metadata.namespace_ + "/" + claim.metadata.name};
  }
  if (!volume->spec.csi.is_null())
    return Attachment{std::string(volume->spec.csi.text_at("driver")),
                      "handle " + std::string(volume->spec.csi.text_at("volumeHandle"))};
  if (!volume->spec.awsElasticBlockStore.is_null())
    return Attachment{
        "ebs.csi.aws.com",
        "handle " + std::string(volume->spec.awsElasticBlockStore.text_at("volumeID"))};
  return std::nullopt;
}

void add_attachments(const model::PodSpec& spec, const std::string& namespace_,
                     const Objects& objects, std::set<std::pair<std::string, std::string>>& out) {
  for (const model::Volume& volume : spec.volumes) {
    if (!volume.persistentVolumeClaim) continue;
    const auto* claim = objects.claims.find(namespace_, volume.persistentVolumeClaim->claimName);
    if (claim == nullptr) continue;
    if (auto found = attachment(*claim, objects)) out.emplace(found->driver, found->volume);
  }
}

Status check_zones(const std::vector<const PersistentVolumeClaim*>& claims, const Objects& objects,
                   const model::Node& node) {
  const auto& labels = node.metadata.labels;
  if (std::none_of(std::begin(kZoneLabels), std::end(kZoneLabels),
                   [&](std::string_view key) { return labels.contains(std::string(key)); }))
    return {};
  for (const PersistentVolumeClaim* claim : claims) {
    const PersistentVolume* volume = objects.volumes.find("", claim->spec.volumeName);
    if (volume == nullptr) continue;
    for (std::size_t i = 0; i < std::size(kZoneLabels); ++i) {
      const auto wanted = volume->metadata.labels.find(std::string(kZoneLabels[i]));
      if (wanted == volume->metadata.labels.end()) continue;
      auto at = labels.find(wanted->first);
      if (at == labels.end()) at = labels.find(std::string(kZoneLabels[i % 2 + 2]));
      // Several zones are written with "__" between them.
      if (at == labels.end() ||
          ("__" + wanted->second + "__").find("__" + at->second + "__") == std::string::npos)
        return never(kVolumeZone, "node(s) had no available volume zone");
    }
  }
  return {};
}

Status pre_check_zone(const PersistentVolumeClaim& claim, const Objects& objects) {
  const std::string& name = claim.spec.volumeName;
  if (name.empty()) {
    const std::string storage_class = class_of(claim);
    if (storage_class.empty())
      return never(kVolumeZone, "PersistentVolumeClaim had no pv name and storageClass name");
    const model::StorageClass* found = objects.storage_classes.find("", storage_class);
    if (found == nullptr)
      return never(kVolumeZone,
                   fmt::format("storageclass.storage.k8s.io {} not found", quote(storage_class)));
    if (found->volumeBindingMode == "WaitForFirstConsumer") return {};
    return never(kVolumeZone, "PersistentVolume had no name");
  }
  if (objects.volumes.find("", name) == nullptr)
    return never(kVolumeZone, fmt::format("persistentvolume {} not found", quote(name)));
  return {};
}

}  // namespace

bool has_claims(const model::PodSpec& spec) {
  return std::any_of(spec.volumes.begin(), spec.volumes.end(), [](const model::Volume& volume) {
    return volume.persistentVolumeClaim.has_value();
  });
}

std::optional<VolumePlan> Volumes::plan(const Cluster& cluster, NodeId node) const {
  Claims unbound = claims(cluster);
  std::erase_if(unbound, [](const auto* claim) { return is_bound(*claim); });
  return plan_volumes(std::move(unbound), cluster.objects(), *cluster.node(node).object);
}

Volumes::Claims Volumes::claims(const Cluster& cluster) const {
  Claims out;
  for (const model::Volume& volume : spec_->volumes)
    if (volume.persistentVolumeClaim)
      if (const auto* found =
              cluster.objects().claims.find(namespace_, volume.persistentVolumeClaim->claimName))
        out.push_back(found);
  return out;
}

Status Volumes::pre_filter(const Cluster& cluster) const {
  const Objects& objects = cluster.objects();
  for (const model::Volume& volume : spec_->volumes) {
    if (!volume.persistentVolumeClaim) continue;
    const std::string& name = volume.persistentVolumeClaim->claimName;
    if (objects.claims.find(namespace_, name) == nullptr)
      return never(kVolumeRestrictions,
                   fmt::format("persistentvolumeclaim {} not found", quote(name)));
  }
  const Claims all = claims(cluster);
  for (const PersistentVolumeClaim* claim : all) {
    if (claim->status.phase == "Lost")
      return never(kVolumeBinding,
                   fmt::format("persistentvolumeclaim {} bound to non-existent persistentvolume {}",
                               quote(claim->metadata.name), quote(claim->spec.volumeName)));
    if (claim->metadata.deletionTimestamp)
      return never(kVolumeBinding, fmt::format("persistentvolumeclaim {} is being deleted",
                                               quote(claim->metadata.name)));
  }
  for (const PersistentVolumeClaim* claim : all)
    if (!is_bound(*claim) && !waits_for_consumer(*claim, objects))
      return never(kVolumeBinding, "pod has unbound immediate PersistentVolumeClaims");
  for (const PersistentVolumeClaim* claim : all)
    if (Status status = pre_check_zone(*claim, objects); !status.ok()) return status;
  return {};
}

// A claim with access mode ReadWriteOncePod that a pod uses already, on whichever node.
bool Volumes::used_elsewhere(const Cluster& cluster) const {
  std::set<std::string> exclusive;
  for (const PersistentVolumeClaim* claim : claims(cluster))
    if (std::find(claim->spec.accessModes.begin(), claim->spec.accessModes.end(),
                  "ReadWriteOncePod") != claim->spec.accessModes.end())
      exclusive.insert(claim->metadata.name);
  if (exclusive.empty()) return false;
  for (NodeId node = 0; node < cluster.end(); ++node)
    for (const state::PodRef& pod : cluster.node(node).pods) {
      if (pod->metadata.namespace_ != namespace_) continue;
      for (const model::Volume& volume : pod->spec->volumes)
        if (volume.persistentVolumeClaim &&
            exclusive.contains(volume.persistentVolumeClaim->claimName))
          return true;
    }
  return false;
}

bool Volumes::over_limit(const Cluster& cluster, NodeId node) const {
  const Objects& objects = cluster.objects();
  const auto* csi = objects.csi_nodes.find("", cluster.node(node).object->metadata.name);
  if (csi == nullptr) return false;
  std::set<std::pair<std::string, std::string>> wanted;
  std::set<std::pair<std::string, std::string>> attached;
  add_attachments(*spec_, namespace_, objects, wanted);
  for (const state::PodRef& pod : cluster.node(node).pods)
    add_attachments(*pod->spec, pod->metadata.namespace_, objects, attached);
  std::map<std::string, std::int64_t> counts;
  std::set<std::string> grows;
  for (const auto& volume : attached) ++counts[volume.first];
  for (const auto& volume : wanted)
    if (!attached.contains(volume)) {
      ++counts[volume.first];
      grows.insert(volume.first);
    }
  return std::any_of(csi->spec.drivers.begin(), csi->spec.drivers.end(), [&](const auto& driver) {
    return driver.allocatable && driver.allocatable->count && grows.contains(driver.name) &&
           counts[driver.name] > *driver.allocatable->count;
  });
}

Status Volumes::check(const Cluster& cluster, NodeId node) const {
  if (used_elsewhere(cluster))
    return {Code::Unschedulable,
            kVolumeRestrictions,
            {"node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod "
             "access mode"}};
  if (over_limit(cluster, node))
    return {Code::Unschedulable, kNodeVolumeLimits, {"node(s) exceed max volume count"}};
  const Objects& objects = cluster.objects();
  const model::Node& object = *cluster.node(node).object;
  const Claims all = claims(cluster);
  Claims unbound;
  bool conflict = false;
  for (const PersistentVolumeClaim* claim : all) {
    if (!is_bound(*claim)) {
      unbound.push_back(claim);
      continue;
    }
    const PersistentVolume* volume = objects.volumes.find("", claim->spec.volumeName);
    conflict = conflict || (volume != nullptr && !allows(*volume, object));
  }
  Status status{Code::UnschedulableAndUnresolvable, kVolumeBinding, {}};
  if (conflict) status.reasons.emplace_back("node(s) had volume node affinity conflict");
  if (!plan_volumes(std::move(unbound), objects, object))
    status.reasons.emplace_back("node(s) didn't find available persistent volumes to bind");
  if (!status.reasons.empty()) return status;
  return check_zones(all, objects, object);
}

}  // namespace gputide::scheduling
