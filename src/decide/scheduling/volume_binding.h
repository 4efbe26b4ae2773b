// Which volumes claims are bound to: what the scheduler and the volume binder must agree on.
// Source: component-helpers/storage/volume and kube-scheduler's VolumeBinding, 1.31; storage
// capacity and attribute classes are not looked at.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/node.h"
#include "state/objects.h"

namespace gputide::scheduling {

inline constexpr std::string_view kSelectedNode = "volume.kubernetes.io/selected-node";
inline constexpr std::string_view kBindCompleted = "pv.kubernetes.io/bind-completed";
/// The finalizer that holds a deleted claim while pods use it.
inline constexpr std::string_view kClaimProtection = "kubernetes.io/pvc-protection";

/// Names of StorageClasses; "" for none. An old annotation comes before the field.
std::string class_of(const model::PersistentVolumeClaim& claim);
std::string class_of(const model::PersistentVolume& volume);

/// Whether claims that name no class are rather of `other` than of `chosen` (nullptr: of none): of
/// the classes that are marked as the default the newest counts, then the first by name.
bool is_default_before(const model::StorageClass& other, const model::StorageClass* chosen);
bool names_class(const model::PersistentVolumeClaim& claim);

Quantity storage_of(const model::ResourceList& list);

bool is_bound(const model::PersistentVolumeClaim& claim);
/// Its class makes or binds a volume only once the scheduler has chosen a node for a pod.
bool waits_for_consumer(const model::PersistentVolumeClaim& claim, const state::Storage& storage);
/// The volume is the claim's, or kept for it.
bool is_for(const model::PersistentVolume& volume, const model::PersistentVolumeClaim& claim);
bool allows(const model::PersistentVolume& volume, const model::Node& node);

/// Why the volume cannot be the claim's, in the volume binder's words; "" if it can. Whose it is
/// now does not matter.
std::string mismatch(const model::PersistentVolume& volume,
                     const model::PersistentVolumeClaim& claim);

/// The volume that is kept for the claim and large enough; nullptr when there is none.
const model::PersistentVolume* kept_volume(const model::PersistentVolumeClaim& claim,
                                           const state::Storage& storage);
/// The volume that the claim is to be bound to, none of `taken`: one that is kept for it, else the
/// smallest that is available and fits. `node`: it must be usable there; nullptr: it may lie
/// anywhere. nullptr when there is none.
const model::PersistentVolume* best_volume(const model::PersistentVolumeClaim& claim,
                                           const state::Storage& storage, const model::Node* node,
                                           const std::set<const model::PersistentVolume*>& taken);

/// How the unbound claims of a pod are met on a node.
struct VolumePlan {
  using Claim = const model::PersistentVolumeClaim*;
  std::vector<std::pair<Claim, const model::PersistentVolume*>> bind;
  std::vector<Claim> provision;  // by the claims' classes
};
/// nullopt: they cannot be met there. Smaller claims choose first, so that large volumes are left
/// for large ones.
std::optional<VolumePlan> plan_volumes(std::vector<VolumePlan::Claim> unbound,
                                       const state::Storage& storage, const model::Node& node);

}  // namespace gputide::scheduling
