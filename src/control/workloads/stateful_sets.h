// StatefulSets: pods with names of their own, one after the other, each with claims of its own.
// Source: kube-controller-manager 1.34, pkg/controller/statefulset.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "control/workloads/alarms.h"
#include "control/workloads/desk.h"
#include "control/workloads/persistent_volumes.h"
#include "control/workloads/statuses.h"

namespace gputide::workloads {

class StatefulSets {
 public:
  StatefulSets(const PersistentVolumes& volumes, Alarms& alarms)
      : volumes_(volumes), alarms_(alarms) {}

  void changed(port::Change change, const Ref<model::StatefulSet>& set, Desk& desk);
  /// A pod whose controller is a StatefulSet changed.
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// The alarm of the set with this uid: pods of it have become available.
  void time_passed(const std::string& uid, Desk& desk);
  /// Writes the statuses that are not true any more.
  void write_statuses(Desk& desk);
  /// Pods that the set with this uid wants; nullopt for a set that is not known.
  std::optional<std::int32_t> wanted(const std::string& uid) const;

 private:
  struct Entry {
    Ref<model::StatefulSet> object;
    Ref<model::StatefulSet> current;        // with the template that all pods had before
    std::string revision;                   // of the object's template
    std::string current_revision;           // of that of `current`
    std::map<std::int32_t, PodRef> pods;    // by ordinal
    std::map<std::int32_t, bool> creating;  // asked for and not seen yet
    std::set<std::int32_t> ordinals;        // that it ever had
    bool gone = false;                      // kept until its pods are gone too

    std::int32_t first() const;
    std::int32_t end() const;  // behind the last ordinal that is wanted
    bool wants(std::int32_t ordinal) const { return ordinal >= first() && ordinal < end(); }
  };
  void reconcile(Entry& entry, Desk& desk);
  bool fill(Entry& entry, Desk& desk);
  static bool condemn(Entry& entry, Desk& desk);
  static void roll(Entry& entry, Desk& desk);
  void create(Entry& entry, std::int32_t ordinal, Desk& desk);
  void add_claims(const Entry& entry, std::int32_t ordinal, model::Pod& pod, Desk& desk) const;
  void remove_claims(const Entry& entry, std::int32_t ordinal, Desk& desk) const;
  void end(const std::string& uid, Desk& desk);
  static RevisionCounts count(const Entry& entry, Instant now);
  void counted(Entry& entry, Desk& desk);

  const PersistentVolumes& volumes_;
  Alarms& alarms_;
  std::unordered_map<std::string, Entry> entries_;  // by uid
  std::set<std::string> untrue_;                    // uids of sets whose status is to be written
};

}  // namespace gputide::workloads
