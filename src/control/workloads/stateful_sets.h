// StatefulSets: pods with names of their own, one after the other, each with claims of its own.
// Source: kube-controller-manager 1.34, pkg/controller/statefulset.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "control/workloads/desk.h"
#include "control/workloads/persistent_volumes.h"

namespace gputide::workloads {

class StatefulSets {
 public:
  explicit StatefulSets(const PersistentVolumes& volumes) : volumes_(volumes) {}

  void changed(port::Change change, const Ref<model::StatefulSet>& set, Desk& desk);
  /// A pod whose controller is a StatefulSet changed.
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// Pods that the set with this uid wants; nullopt for a set that is not known.
  std::optional<std::int32_t> wanted(const std::string& uid) const;

 private:
  struct Entry {
    Ref<model::StatefulSet> object;
    std::map<std::int32_t, PodRef> pods;    // by ordinal
    std::map<std::int32_t, bool> creating;  // asked for and not seen yet
    std::int32_t ordinals = 0;              // that it ever had
    bool gone = false;                      // kept until its pods are gone too
  };
  void reconcile(Entry& entry, Desk& desk);
  void create(Entry& entry, std::int32_t ordinal, Desk& desk);
  void add_claims(const Entry& entry, std::int32_t ordinal, model::Pod& pod, Desk& desk) const;
  void remove_claims(const Entry& entry, std::int32_t ordinal, Desk& desk) const;
  void end(const std::string& uid, Desk& desk);

  const PersistentVolumes& volumes_;
  std::unordered_map<std::string, Entry> entries_;  // by uid
};

}  // namespace gputide::workloads
