// StatefulSets: pods with names of their own, one after the other.
// Source: kube-controller-manager 1.34, pkg/controller/statefulset. Volume claims are not made.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "control/workloads/desk.h"

namespace gputide::workloads {

class StatefulSets {
 public:
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
  };
  void reconcile(Entry& entry, Desk& desk);
  void create(Entry& entry, std::int32_t ordinal, Desk& desk);

  std::unordered_map<std::string, Entry> entries_;  // by uid
};

}  // namespace gputide::workloads
