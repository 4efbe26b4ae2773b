// The other objects that scheduling reads: namespaces, storage, and what default spreading selects
// by.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "model/core.h"
#include "model/workload.h"

namespace gputide::state {

/// Objects of one kind, by namespace and name (namespace "" for kinds without).
template <class Kind>
class Store {
 public:
  using Ref = std::shared_ptr<const Kind>;
  using Key = std::pair<std::string, std::string>;

  void set(Ref object) {
    ++version_;
    objects_.insert_or_assign(Key{object->metadata.namespace_, object->metadata.name},
                              std::move(object));
  }
  void remove(const std::string& namespace_, const std::string& name) {
    version_ += objects_.erase({namespace_, name});
  }
  /// As a watch tells of it: how it is now, or how it was before it went.
  void take(const Ref& object, bool gone) {
    if (gone)
      remove(object->metadata.namespace_, object->metadata.name);
    else
      set(object);
  }
  /// nullptr when there is none.
  const Kind* find(const std::string& namespace_, const std::string& name) const {
    const auto at = objects_.find({namespace_, name});
    return at == objects_.end() ? nullptr : at->second.get();
  }
  const std::map<Key, Ref>& all() const { return objects_; }
  bool empty() const { return objects_.empty(); }
  std::uint64_t version() const { return version_; }

 private:
  std::map<Key, Ref> objects_;
  std::uint64_t version_ = 0;
};

/// What filters read of storage.
struct Storage {
  Store<model::PersistentVolume> volumes;
  Store<model::PersistentVolumeClaim> claims;
  Store<model::StorageClass> storage_classes;
  Store<model::CSINode> csi_nodes;

  /// Different whenever anything above is.
  std::uint64_t storage_version() const {
    return volumes.version() + claims.version() + storage_classes.version() + csi_nodes.version();
  }
};

struct Objects : Storage {
  Store<model::Namespace> namespaces;
  Store<model::Service> services;
  Store<model::ReplicationController> replication_controllers;
  Store<model::ReplicaSet> replica_sets;
  Store<model::StatefulSet> stateful_sets;
  /// Whether claims, volumes and classes are known here at all. Where they are not, nothing asks
  /// for them.
  bool knows_storage = false;

  /// Different whenever anything above is.
  std::uint64_t version() const {
    return namespaces.version() + selecting_version() + storage_version();
  }
  std::uint64_t selecting_version() const {
    return services.version() + replication_controllers.version() + replica_sets.version() +
           stateful_sets.version();
  }
};

}  // namespace gputide::state
