#include "control/workloads/persistent_volumes.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "decide/scheduling/volume_binding.h"
#include "model/labels.h"

namespace gputide::workloads {

using model::PersistentVolume;
using model::PersistentVolumeClaim;
using model::StorageClass;

namespace {

constexpr std::string_view kBoundByController = "pv.kubernetes.io/bound-by-controller";
constexpr std::string_view kProvisionedBy = "pv.kubernetes.io/provisioned-by";
using labels::kZone;
constexpr std::string_view kNoProvisioner = "kubernetes.io/no-provisioner";
constexpr std::string_view kEbsDriver = "ebs.csi.aws.com";
constexpr std::uint64_t kLook = 0;  // a timer's id
// From the request to a volume that can be used: the order of what EBS takes.
constexpr Duration kMaking = Duration::seconds(3);

template <class Object>
bool annotate(Object& object, std::string_view key, std::string_view value) {
  std::string& held = object.metadata.annotations[std::string(key)];
  if (held == value) return false;
  held = value;
  return true;
}

std::pair<std::string, std::string> key_of(const PersistentVolumeClaim& claim) {
  return {claim.metadata.namespace_, claim.metadata.name};
}

// The in-tree plugin's classes are served by the driver that took its place.
std::string driver_of(const StorageClass& storage_class) {
  return storage_class.provisioner == "kubernetes.io/aws-ebs" ? std::string(kEbsDriver)
                                                              : storage_class.provisioner;
}

bool is_ebs(const StorageClass& storage_class) {
  const std::string driver = driver_of(storage_class);
  return driver == kEbsDriver || driver == "ebs.csi.eks.amazonaws.com";
}

// Every combination of the allowed values, in the provisioner's order.
std::vector<model::StringMap> flatten(const std::vector<model::TopologySelectorTerm>& allowed) {
  std::vector<model::StringMap> all;
  for (const model::TopologySelectorTerm& term : allowed) {
    std::vector<model::StringMap> some(1);
    for (const auto& expression : term.matchLabelExpressions) {
      std::vector<model::StringMap> longer;
      for (const model::StringMap& one : some)
        for (const std::string& value : expression.values) {
          longer.push_back(one);
          longer.back()[expression.key] = value;
        }
      some = std::move(longer);
    }
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// Claims of a StatefulSet go round the topologies by their number, those of one pod together.
std::uint32_t spread_of(std::string_view claim) {
  std::uint32_t index = 0;
  const std::size_t dash = claim.rfind('-');
  if (dash != std::string_view::npos) {
    const std::string_view number = claim.substr(dash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
    if (error == std::errc() && end == number.data() + number.size()) {
      claim = claim.substr(0, dash);
      claim = claim.substr(claim.rfind('-') + 1);
    } else {
      index = 0;
    }
  }
  std::uint32_t hash = 2166136261U;  // FNV-1
  for (const char c : claim) hash = (hash * 16777619U) ^ static_cast<unsigned char>(c);
  return hash + index;
}

// EBS's own form of an id, made of the claim's.
std::string handle_of(const std::string& uid) {
  std::string digits;
  for (const char c : uid)
    if (c != '-' && digits.size() < 16) digits += c;
  return "vol-0" + digits;
}

std::string place_text(const model::StringMap& topology) {
  std::string text;
  for (const auto& [key, value] : topology) text += (text.empty() ? " in " : ", ") + value;
  return text;
}

model::VolumeNodeAffinity affinity_for(const model::StringMap& topology) {
  model::NodeSelectorTerm term;
  for (const auto& [key, value] : topology) term.matchExpressions.push_back({key, "In", {value}});
  model::VolumeNodeAffinity affinity;
  affinity.required.emplace().nodeSelectorTerms.push_back(std::move(term));
  return affinity;
}

}  // namespace

// Says a thing once, however often it is found.
void PersistentVolumes::tell(const PersistentVolumeClaim& claim, bool warning, std::string reason,
                             std::string message, Desk& desk) {
  std::string& told = told_[key_of(claim)];
  if (told == message) return;
  told = message;
  desk.publish("PersistentVolumeClaim", claim.metadata, warning, std::move(reason),
               std::move(message));
}

void PersistentVolumes::forget(const Key& claim, Desk& desk) {
  without_topology_.erase(claim);
  told_.erase(claim);
  for (auto at = making_.begin(); at != making_.end();) {
    if (at->second != claim) {
      ++at;
      continue;
    }
    desk.disarm(Part::Volumes, at->first);
    at = making_.erase(at);
  }
}

const StorageClass* PersistentVolumes::default_class() const {
  const StorageClass* chosen = nullptr;
  for (const auto& [key, each] : storage_.storage_classes.all())
    if (scheduling::is_default_before(*each, chosen)) chosen = each.get();
  return chosen;
}

// A class that becomes the default later is that of claims without one, too.
void PersistentVolumes::admit(Edit& edit) const {
  PersistentVolumeClaim& claim = *edit.claim;
  if (scheduling::names_class(claim)) return;
  const StorageClass* chosen = default_class();
  if (chosen == nullptr) return;
  claim.spec.storageClassName = chosen->metadata.name;
  edit.changed = true;
}

void PersistentVolumes::bind(const PersistentVolume& volume, Edit& edit, Desk& desk) {
  PersistentVolumeClaim& claim = *edit.claim;
  const Key key = key_of(claim);
  if (claim.spec.volumeName.empty()) {
    claim.spec.volumeName = volume.metadata.name;
    annotate(claim, kBoundByController, "yes");
    edit.changed = true;
  }
  if (!claim.metadata.annotations.contains(std::string(scheduling::kBindCompleted)))
    edit.changed = annotate(claim, scheduling::kBindCompleted, "yes");
  if (std::exchange(claim.status.phase, "Bound") != "Bound") edit.changed = true;
  forget(key, desk);
  if (volume.spec.claimRef && volume.status.phase == "Bound") return;
  auto taken = std::make_shared<PersistentVolume>(volume);
  taken->status.phase = "Bound";
  if (!taken->spec.claimRef) {
    taken->spec.claimRef.emplace();
    taken->spec.claimRef->namespace_ = key.first;
    taken->spec.claimRef->name = key.second;
    annotate(*taken, kBoundByController, "yes");
  }
  storage_.volumes.set(taken);
  desk.replace_current(std::move(taken));
}

bool PersistentVolumes::waits_for_node(const PersistentVolumeClaim& claim) const {
  return scheduling::waits_for_consumer(claim, storage_) &&
         !claim.metadata.annotations.contains(std::string(scheduling::kSelectedNode));
}

void PersistentVolumes::look_at(const ClaimRef& claim, Desk& desk) {
  if (claim->metadata.deletionTimestamp) return;
  Edit edit{std::make_shared<PersistentVolumeClaim>(*claim)};
  if (!scheduling::is_bound(*claim)) {
    admit(edit);
    if (edit.claim->spec.volumeName.empty())
      meet(edit, desk);
    else
      meet_request(edit, desk);
  } else if (const auto* volume = storage_.volumes.find("", claim->spec.volumeName)) {
    if (!volume->spec.claimRef || scheduling::is_for(*volume, *claim)) bind(*volume, edit, desk);
  }
  if (!edit.changed) return;
  storage_.claims.set(edit.claim);
  desk.replace_current(std::move(edit.claim));
}

// It names the volume that it wants.
void PersistentVolumes::meet_request(Edit& edit, Desk& desk) {
  const PersistentVolumeClaim& claim = *edit.claim;
  const std::string& name = claim.spec.volumeName;
  const auto* volume = storage_.volumes.find("", name);
  if (volume == nullptr) return;
  if (scheduling::is_for(*volume, claim)) return bind(*volume, edit, desk);
  if (volume->spec.claimRef)
    return tell(claim, true, "FailedBinding",
                fmt::format("volume \"{}\" already bound to a different claim.", name), desk);
  const std::string why = scheduling::mismatch(*volume, claim);
  if (why.empty()) return bind(*volume, edit, desk);
  tell(claim, true, "VolumeMismatch",
       fmt::format("Cannot bind to requested volume \"{}\": {}", name, why), desk);
}

void PersistentVolumes::meet(Edit& edit, Desk& desk) {
  const PersistentVolumeClaim& claim = *edit.claim;
  const PersistentVolume* volume = scheduling::waits_for_consumer(claim, storage_)
                                       ? scheduling::kept_volume(claim, storage_)
                                       : scheduling::best_volume(claim, storage_, nullptr, {});
  if (volume != nullptr) return bind(*volume, edit, desk);
  if (waits_for_node(claim))
    return tell(claim, false, "WaitForFirstConsumer",
                "waiting for first consumer to be created before binding", desk);
  if (!scheduling::class_of(claim).empty()) return provision(edit, desk);
  tell(claim, true, "FailedBinding",
       "no persistent volumes available for this claim and no storage class is set", desk);
}

void PersistentVolumes::provision(Edit& edit, Desk& desk) {
  const PersistentVolumeClaim& claim = *edit.claim;
  const std::string name = scheduling::class_of(claim);
  const auto* storage_class = storage_.storage_classes.find("", name);
  if (storage_class == nullptr)
    return tell(claim, true, "ProvisioningFailed",
                fmt::format("storageclass.storage.k8s.io \"{}\" not found", name), desk);
  if (storage_class->provisioner.empty() || storage_class->provisioner == kNoProvisioner)
    return tell(claim, true, "ProvisioningFailed",
                fmt::format("no volume is free for it, and StorageClass \"{}\" makes none", name),
                desk);
  const Key key = key_of(claim);
  if (without_topology_.contains(key) ||
      std::any_of(making_.begin(), making_.end(),
                  [&](const auto& entry) { return entry.second == key; }))
    return;
  const std::string driver = driver_of(*storage_class);
  if (annotate(*edit.claim, "volume.kubernetes.io/storage-provisioner", driver))
    edit.changed = true;
  tell(claim, false, "ExternalProvisioning",
       fmt::format("Waiting for a volume to be created by the external provisioner '{}'", driver),
       desk);
  making_.emplace(next_id_, key);
  desk.arm(Part::Volumes, next_id_++, desk.now() + kMaking);
}

std::optional<PersistentVolumes::Topology> PersistentVolumes::topology_for(
    const PersistentVolumeClaim& claim, const StorageClass& storage_class) const {
  std::vector<Topology> choice = flatten(storage_class.allowedTopologies);
  const auto selected = claim.metadata.annotations.find(std::string(scheduling::kSelectedNode));
  if (selected != claim.metadata.annotations.end()) {
    const model::StringMap& labels = nodes_.at(selected->second)->metadata.labels;
    for (Topology& each : choice)
      if (std::all_of(each.begin(), each.end(), [&](const auto& wanted) {
            const auto at = labels.find(wanted.first);
            return at != labels.end() && at->second == wanted.second;
          }))
        return std::move(each);
    const auto zone = labels.find(std::string(kZone));
    if (!is_ebs(storage_class) || zone == labels.end()) return Topology();
    return Topology{*zone};
  }
  if (choice.empty() && is_ebs(storage_class)) {
    std::set<std::string> zones;
    for (const auto& [name, node] : nodes_)
      if (const auto at = node->metadata.labels.find(std::string(kZone));
          at != node->metadata.labels.end())
        zones.insert(at->second);
    if (zones.empty()) return std::nullopt;
    for (const std::string& zone : zones) choice.push_back({{std::string(kZone), zone}});
  }
  if (choice.empty()) return Topology();
  return choice[spread_of(claim.metadata.name) % choice.size()];
}

void PersistentVolumes::make(const PersistentVolumeClaim& claim, Desk& desk) {
  const auto* storage_class = storage_.storage_classes.find("", scheduling::class_of(claim));
  if (storage_class == nullptr) return;
  const std::optional<Topology> topology = topology_for(claim, *storage_class);
  if (!topology) {
    without_topology_.insert(key_of(claim));
    return tell(claim, true, "ProvisioningFailed",
                fmt::format("failed to provision volume with StorageClass \"{}\": error generating "
                            "accessibility requirements: no available topology found",
                            storage_class->metadata.name),
                desk);
  }
  auto volume = std::make_shared<PersistentVolume>();
  volume->metadata.name = "pvc-" + claim.metadata.uid;
  const std::string driver = driver_of(*storage_class);
  annotate(*volume, kProvisionedBy, driver);
  volume->spec.capacity["storage"] = scheduling::storage_of(claim.spec.resources.requests);
  volume->spec.accessModes = claim.spec.accessModes;
  volume->spec.storageClassName = storage_class->metadata.name;
  volume->spec.volumeMode = claim.spec.volumeMode;
  volume->spec.persistentVolumeReclaimPolicy =
      storage_class->reclaimPolicy.empty() ? "Delete" : storage_class->reclaimPolicy;
  volume->spec.claimRef.emplace();
  volume->spec.claimRef->namespace_ = claim.metadata.namespace_;
  volume->spec.claimRef->name = claim.metadata.name;
  volume->spec.csi.set("driver", driver);
  volume->spec.csi.set("volumeHandle", handle_of(claim.metadata.uid));
  if (!topology->empty()) volume->spec.nodeAffinity = affinity_for(*topology);
  volume->status.phase = "Pending";
  tell(claim, false, "ProvisioningSucceeded",
       fmt::format("a volume of {} was made{}", volume->spec.capacity["storage"].text(),
                   place_text(*topology)),
       desk);
  desk.create(std::move(volume));
}

void PersistentVolumes::timer(std::uint64_t id, Desk& desk) {
  if (id == kLook) return look(desk);
  const auto found = making_.find(id);
  if (found == making_.end()) return;
  const auto* claim = storage_.claims.find(found->second.first, found->second.second);
  making_.erase(found);
  if (claim == nullptr || !claim->spec.volumeName.empty() || waits_for_node(*claim)) return;
  const auto selected = claim->metadata.annotations.find(std::string(scheduling::kSelectedNode));
  if (selected == claim->metadata.annotations.end() || nodes_.contains(selected->second))
    return make(*claim, desk);
  // The node is gone: the scheduler is to choose another.
  auto next = std::make_shared<PersistentVolumeClaim>(*claim);
  next->metadata.annotations.erase(std::string(scheduling::kSelectedNode));
  desk.replace_current(std::move(next));
}

// Its claim is gone.
void PersistentVolumes::reclaim(const PersistentVolume& volume, Desk& desk) {
  const bool made = volume.metadata.annotations.contains(std::string(kProvisionedBy));
  const bool goes = volume.spec.persistentVolumeReclaimPolicy == "Delete";
  if (goes && made) return desk.remove("PersistentVolume", volume.metadata);
  auto next = std::make_shared<PersistentVolume>(volume);
  next->status.phase = goes ? "Failed" : "Released";
  if (goes)
    desk.publish("PersistentVolume", volume.metadata, true, "VolumeFailedDelete",
                 "no deletable volume plugin matched");
  storage_.volumes.set(next);
  desk.replace_current(std::move(next));
}

// It is gone, whosever it was.
void PersistentVolumes::lose(const PersistentVolume& volume, Desk& desk) {
  const auto& ref = volume.spec.claimRef;
  const auto* claim = ref ? storage_.claims.find(ref->namespace_, ref->name) : nullptr;
  if (claim == nullptr || claim->spec.volumeName != volume.metadata.name) return;
  if (storage_.volumes.find("", volume.metadata.name) != nullptr) return;  // it is back
  auto next = std::make_shared<PersistentVolumeClaim>(*claim);
  next->status.phase = "Lost";
  tell(*claim, true, "ClaimLost", "Bound claim has lost its PersistentVolume", desk);
  desk.replace_current(std::move(next));
}

// True when the volume has been changed, which is to be seen before claims are looked at.
bool PersistentVolumes::look_at(const VolumeRef& volume, Desk& desk) {
  const auto& ref = volume->spec.claimRef;
  const bool claimed = ref && storage_.claims.find(ref->namespace_, ref->name) != nullptr;
  if (claimed) claims_.emplace(ref->namespace_, ref->name);
  if (!ref) all_claims_ = true;
  const std::string& phase = volume->status.phase;
  if (claimed || (ref && !phase.empty()) || phase == "Available") return false;
  auto next = std::make_shared<PersistentVolume>(*volume);
  next->status.phase = "Available";
  desk.replace_current(std::move(next));
  return true;
}

void PersistentVolumes::look(Desk& desk) {
  for (const auto& [key, claim] : std::exchange(left_, {})) {
    const auto* volume = storage_.volumes.find("", claim->spec.volumeName);
    if (volume != nullptr && scheduling::is_for(*volume, *claim)) reclaim(*volume, desk);
  }
  for (const auto& [name, volume] : std::exchange(lost_, {})) lose(*volume, desk);
  bool wrote = false;
  for (const std::string& name : std::exchange(volumes_, {}))
    if (const auto at = storage_.volumes.all().find({"", name}); at != storage_.volumes.all().end())
      wrote = look_at(VolumeRef(at->second), desk) || wrote;
  if (wrote) return;
  if (std::exchange(all_claims_, false))
    for (const auto& [key, claim] : storage_.claims.all())
      if (!scheduling::is_bound(*claim)) claims_.insert(key);
  for (const Key& key : std::exchange(claims_, {}))
    if (const auto at = storage_.claims.all().find(key); at != storage_.claims.all().end())
      look_at(ClaimRef(at->second), desk);
}

void PersistentVolumes::look_soon(Desk& desk) {
  desk.arm(Part::Volumes, kLook, desk.now());
}

void PersistentVolumes::changed(port::Change change, const ClaimRef& claim, Desk& desk) {
  const bool gone = change == port::Change::Deleted;
  const Key key = key_of(*claim);
  storage_.claims.take(claim, gone);
  claims_.insert(key);
  if (gone) {
    forget(key, desk);
    left_[key] = claim;
  } else {
    release(key, desk);
  }
  look_soon(desk);
}

void PersistentVolumes::changed(port::Change change, const VolumeRef& volume, Desk& desk) {
  const bool gone = change == port::Change::Deleted;
  storage_.volumes.take(volume, gone);
  volumes_.insert(volume->metadata.name);
  if (gone) lost_[volume->metadata.name] = volume;
  look_soon(desk);
}

void PersistentVolumes::changed(port::Change change, const Ref<StorageClass>& storage_class,
                                Desk& desk) {
  storage_.storage_classes.take(storage_class, change == port::Change::Deleted);
  all_claims_ = true;
  look_soon(desk);
}

// A claim that was deleted is held until its last pod has gone.
void PersistentVolumes::release(const Key& key, Desk& desk) {
  const auto* claim = storage_.claims.find(key.first, key.second);
  if (claim == nullptr || !claim->metadata.deletionTimestamp || users_.contains(key)) return;
  auto next = std::make_shared<PersistentVolumeClaim>(*claim);
  if (std::erase(next->metadata.finalizers, scheduling::kClaimProtection) > 0)
    desk.replace(std::move(next));
}

void PersistentVolumes::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  if (pod->spec->nodeName.empty()) return;
  for (const model::Volume& volume : pod->spec->volumes) {
    if (!volume.persistentVolumeClaim) continue;
    const Key key{pod->metadata.namespace_, volume.persistentVolumeClaim->claimName};
    if (change != port::Change::Deleted) {
      users_[key].insert(pod->metadata.name);
      continue;
    }
    const auto found = users_.find(key);
    if (found == users_.end()) continue;
    found->second.erase(pod->metadata.name);
    if (!found->second.empty()) continue;
    users_.erase(found);
    release(key, desk);
  }
}

void PersistentVolumes::node_changed(port::Change change, const NodeRef& node, Desk& desk) {
  const std::string& name = node->metadata.name;
  if (change == port::Change::Deleted) {
    nodes_.erase(name);
    return;
  }
  nodes_[name] = node;
  if (without_topology_.empty()) return;
  claims_.merge(std::exchange(without_topology_, {}));
  look_soon(desk);
}

}  // namespace gputide::workloads
