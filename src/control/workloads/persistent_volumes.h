// Claims and the volumes that they are bound to.
// Source: kube-controller-manager 1.34, pkg/controller/volume/persistentvolume, and the CSI
// external-provisioner 5.2 as the EBS driver sets it up.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "control/workloads/desk.h"
#include "state/objects.h"

namespace gputide::workloads {

using ClaimRef = Ref<model::PersistentVolumeClaim>;
using VolumeRef = Ref<model::PersistentVolume>;

/// The volume binder, with the CSI drivers' provisioners: every driver that a class names is taken
/// to be there, and makes a volume within seconds. EBS volumes lie in a zone; volumes of other
/// drivers only where their class's allowedTopologies say. A claim that is deleted goes when no pod
/// that has a node uses it any more.
class PersistentVolumes {
 public:
  void changed(port::Change change, const VolumeRef& volume, Desk& desk);
  void changed(port::Change change, const ClaimRef& claim, Desk& desk);
  void changed(port::Change change, const Ref<model::StorageClass>& storage_class, Desk& desk);
  void node_changed(port::Change change, const NodeRef& node, Desk& desk);
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// A timer of Part::Volumes: what changed is to be looked at, or a volume is ready.
  void timer(std::uint64_t id, Desk& desk);
  bool has_claim(const std::string& namespace_, const std::string& name) const {
    return storage_.claims.find(namespace_, name) != nullptr;
  }

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  /// Label values of the nodes from which a volume can be used; empty: of all.
  using Topology = model::StringMap;
  /// A claim as it is to be, and whether that is news.
  struct Edit {
    std::shared_ptr<model::PersistentVolumeClaim> claim;
    bool changed = false;
  };

  void look_soon(Desk& desk);
  void look(Desk& desk);
  bool look_at(const VolumeRef& volume, Desk& desk);
  void look_at(const ClaimRef& claim, Desk& desk);
  void meet(Edit& edit, Desk& desk);
  void meet_request(Edit& edit, Desk& desk);
  void admit(Edit& edit) const;
  void bind(const model::PersistentVolume& volume, Edit& edit, Desk& desk);
  void provision(Edit& edit, Desk& desk);
  void make(const model::PersistentVolumeClaim& claim, Desk& desk);
  void reclaim(const model::PersistentVolume& volume, Desk& desk);
  void lose(const model::PersistentVolume& volume, Desk& desk);
  std::optional<Topology> topology_for(const model::PersistentVolumeClaim& claim,
                                       const model::StorageClass& storage_class) const;
  const model::StorageClass* default_class() const;
  bool waits_for_node(const model::PersistentVolumeClaim& claim) const;
  void tell(const model::PersistentVolumeClaim& claim, bool warning, std::string reason,
            std::string message, Desk& desk);
  void forget(const Key& claim, Desk& desk);
  void release(const Key& claim, Desk& desk);

  // As watched; within one look() with what it wrote.
  state::Storage storage_;
  std::unordered_map<std::string, NodeRef> nodes_;
  // What is to be looked at once all that happened at this moment is known.
  std::set<std::string> volumes_;
  std::set<Key> claims_;
  bool all_claims_ = false;                     // that are unbound
  std::map<std::string, VolumeRef> lost_;       // volumes that are gone
  std::map<Key, ClaimRef> left_;                // claims that are gone
  std::map<std::uint64_t, Key> making_;         // claims, by the timer of their volume
  std::set<Key> without_topology_;              // claims whose volume needs a node first
  std::map<Key, std::string> told_;             // what was last said of a claim
  std::map<Key, std::set<std::string>> users_;  // pods with a node, by the claims that they use
  std::uint64_t next_id_ = 1;
};

}  // namespace gputide::workloads
