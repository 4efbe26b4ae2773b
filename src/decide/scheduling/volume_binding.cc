#include "decide/scheduling/volume_binding.h"

#include <algorithm>
#include <tuple>

#include "decide/scheduling/node_affinity.h"
#include "model/selector.h"

namespace gputide::scheduling {

using model::PersistentVolume;
using model::PersistentVolumeClaim;
using state::Storage;

namespace {

constexpr const char* kDefaultClass[] = {"storageclass.kubernetes.io/is-default-class",
                                         "storageclass.beta.kubernetes.io/is-default-class"};
constexpr const char* kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

template <class Object>
std::string class_named(const Object& object, const std::string& field) {
  const auto at = object.metadata.annotations.find(kClassAnnotation);
  return at == object.metadata.annotations.end() ? field : at->second;
}

bool has_modes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const auto& modes = volume.spec.accessModes;
  return std::all_of(claim.spec.accessModes.begin(), claim.spec.accessModes.end(),
                     [&](const std::string& mode) {
                       return std::find(modes.begin(), modes.end(), mode) != modes.end();
                     });
}

bool same_mode(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.volumeMode.value_or("Filesystem") ==
         claim.spec.volumeMode.value_or("Filesystem");
}

bool is_too_small(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return storage_of(volume.spec.capacity) < storage_of(claim.spec.resources.requests);
}

bool holds(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return !is_too_small(volume, claim) && same_mode(volume, claim);
}

bool satisfies(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.status.phase == "Available" && !volume.spec.claimRef && holds(volume, claim) &&
         has_modes(volume, claim) && class_of(volume) == class_of(claim) &&
         (!claim.spec.selector ||
          model::Selector::of(claim.spec.selector).matches(volume.metadata.labels));
}

// Without a node the fewest access modes count before the size.
bool is_better(const PersistentVolume& a, const PersistentVolume& b, bool by_modes) {
  const auto rank = [&](const PersistentVolume& volume) {
    return std::tuple(by_modes ? volume.spec.accessModes.size() : 0,
                      storage_of(volume.spec.capacity));
  };
  return rank(a) < rank(b);
}

bool can_provision(const PersistentVolumeClaim& claim, const Storage& storage,
                   const model::Node& node) {
  const model::StorageClass* found = storage.storage_classes.find("", class_of(claim));
  if (found == nullptr || found->provisioner.empty() ||
      found->provisioner == "kubernetes.io/no-provisioner")
    return false;
  const auto& labels = node.metadata.labels;
  const auto holds = [&](const model::TopologySelectorTerm& term) {
    return std::all_of(term.matchLabelExpressions.begin(), term.matchLabelExpressions.end(),
                       [&](const auto& wanted) {
                         const auto at = labels.find(wanted.key);
                         return at != labels.end() &&
                                std::find(wanted.values.begin(), wanted.values.end(), at->second) !=
                                    wanted.values.end();
                       });
  };
  return found->allowedTopologies.empty() ||
         std::any_of(found->allowedTopologies.begin(), found->allowedTopologies.end(), holds);
}

}  // namespace

std::string class_of(const PersistentVolumeClaim& claim) {
  return class_named(claim, claim.spec.storageClassName.value_or(""));
}

std::string class_of(const PersistentVolume& volume) {
  return class_named(volume, volume.spec.storageClassName);
}

bool names_class(const PersistentVolumeClaim& claim) {
  return claim.spec.storageClassName || claim.metadata.annotations.contains(kClassAnnotation);
}

bool is_default_before(const model::StorageClass& other, const model::StorageClass* chosen) {
  const auto& annotations = other.metadata.annotations;
  const bool is_default =
      std::any_of(std::begin(kDefaultClass), std::end(kDefaultClass), [&](const char* annotation) {
        const auto at = annotations.find(annotation);
        return at != annotations.end() && at->second == "true";
      });
  if (!is_default || chosen == nullptr) return is_default;
  if (other.metadata.creationTimestamp != chosen->metadata.creationTimestamp)
    return other.metadata.creationTimestamp > chosen->metadata.creationTimestamp;
  return other.metadata.name < chosen->metadata.name;
}

Quantity storage_of(const model::ResourceList& list) {
  const auto at = list.find("storage");
  return at == list.end() ? Quantity() : at->second;
}

bool is_bound(const PersistentVolumeClaim& claim) {
  return !claim.spec.volumeName.empty() &&
         claim.metadata.annotations.contains(std::string(kBindCompleted));
}

bool waits_for_consumer(const PersistentVolumeClaim& claim, const Storage& storage) {
  if (!claim.spec.volumeName.empty()) return false;
  const model::StorageClass* found = storage.storage_classes.find("", class_of(claim));
  return found != nullptr && found->volumeBindingMode == "WaitForFirstConsumer";
}

// A volume that a claim of this name has left is not this claim's: it would have another uid.
bool is_for(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.claimRef && volume.spec.claimRef->name == claim.metadata.name &&
         volume.spec.claimRef->namespace_ == claim.metadata.namespace_ &&
         volume.status.phase != "Released" && volume.status.phase != "Failed";
}

bool allows(const PersistentVolume& volume, const model::Node& node) {
  if (!volume.spec.nodeAffinity || !volume.spec.nodeAffinity->required) return true;
  const auto& terms = volume.spec.nodeAffinity->required->nodeSelectorTerms;
  return std::any_of(terms.begin(), terms.end(), [&](const model::NodeSelectorTerm& term) {
    return (!term.matchExpressions.empty() || !term.matchFields.empty()) &&
           NodeTerm(term, "").matches(node.metadata.labels, node.metadata.name);
  });
}

std::string mismatch(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (is_too_small(volume, claim)) return "requested PV is too small";
  if (class_of(volume) != class_of(claim)) return "storageClassName does not match";
  if (!same_mode(volume, claim)) return "incompatible volumeMode";
  return has_modes(volume, claim) ? "" : "incompatible accessMode";
}

const PersistentVolume* kept_volume(const PersistentVolumeClaim& claim, const Storage& storage) {
  for (const auto& [key, volume] : storage.volumes.all())
    if (!volume->metadata.deletionTimestamp && is_for(*volume, claim) && holds(*volume, claim))
      return volume.get();
  return nullptr;
}

const PersistentVolume* best_volume(const PersistentVolumeClaim& claim, const Storage& storage,
                                    const model::Node* node,
                                    const std::set<const PersistentVolume*>& taken) {
  if (const PersistentVolume* kept = kept_volume(claim, storage))
    return node == nullptr || allows(*kept, *node) ? kept : nullptr;
  const PersistentVolume* best = nullptr;
  for (const auto& [key, volume] : storage.volumes.all()) {
    if (taken.contains(volume.get()) || volume->metadata.deletionTimestamp) continue;
    if (!satisfies(*volume, claim) || (node != nullptr && !allows(*volume, *node))) continue;
    if (best == nullptr || is_better(*volume, *best, node == nullptr)) best = volume.get();
  }
  return best;
}

std::optional<VolumePlan> plan_volumes(std::vector<VolumePlan::Claim> unbound,
                                       const Storage& storage, const model::Node& node) {
  std::stable_sort(unbound.begin(), unbound.end(), [](const auto* a, const auto* b) {
    return storage_of(a->spec.resources.requests) < storage_of(b->spec.resources.requests);
  });
  VolumePlan plan;
  std::set<const PersistentVolume*> taken;
  for (const PersistentVolumeClaim* claim : unbound) {
    const auto selected = claim->metadata.annotations.find(std::string(kSelectedNode));
    const bool is_selected = selected != claim->metadata.annotations.end();
    if (is_selected && selected->second != node.metadata.name) return std::nullopt;
    const PersistentVolume* found =
        is_selected ? nullptr : best_volume(*claim, storage, &node, taken);
    if (found != nullptr) {
      taken.insert(found);
      plan.bind.emplace_back(claim, found);
    } else if (can_provision(*claim, storage, node)) {
      plan.provision.push_back(claim);
    } else {
      return std::nullopt;
    }
  }
  return plan;
}

}  // namespace gputide::scheduling
