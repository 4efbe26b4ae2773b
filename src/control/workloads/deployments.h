// Deployments: a ReplicaSet for each revision of the pod template, and the way from one to the
// next. Source: kube-controller-manager 1.34, pkg/controller/deployment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "control/workloads/desk.h"
#include "control/workloads/replica_sets.h"

namespace gputide::workloads {

class Deployments {
 public:
  Deployments(const ReplicaSets& sets, Alarms& alarms) : sets_(sets), alarms_(alarms) {}

  void changed(port::Change change, const Ref<model::Deployment>& deployment, Desk& desk);
  /// A ReplicaSet that a Deployment controls changed.
  void set_changed(port::Change change, const Ref<model::ReplicaSet>& set, Desk& desk);
  /// The counts of a ReplicaSet of the Deployment with this uid changed.
  void counts_changed(const std::string& uid, Desk& desk);
  /// The alarm of the Deployment with this uid: its time to make progress is over.
  void time_passed(const std::string& uid, Desk& desk);
  /// Writes the statuses that are not true any more.
  void write_statuses(Desk& desk);

 private:
  struct Entry {
    Ref<model::Deployment> object;
    std::string hash;                                    // of its template
    std::map<std::string, Ref<model::ReplicaSet>> sets;  // by name
    std::string creating;                                // hash of the set that was asked for
    std::map<std::string, std::int32_t> scaling;         // by name: asked for and not seen yet
    // What the sets were last scaled for: its replicas, and with the surge.
    std::optional<std::int32_t> replicas;
    std::int32_t most = 0;
  };
  void reconcile(Entry& entry, Desk& desk);
  static Ref<model::ReplicaSet> current_set(const Entry& entry);
  model::Value status_of(const Entry& entry, Instant now) const;
  void check_status(const Entry& entry, Desk& desk);
  void create_set(Entry& entry, std::int32_t replicas, Desk& desk);
  void scale(Entry& entry, const Ref<model::ReplicaSet>& set, std::int32_t replicas, Desk& desk);
  std::int32_t wanted(const Entry& entry, const model::ReplicaSet& set) const;
  bool share_out(Entry& entry, Desk& desk);
  void roll(Entry& entry, const Ref<model::ReplicaSet>& current, Desk& desk);
  void recreate(Entry& entry, const Ref<model::ReplicaSet>& current, Desk& desk);

  const ReplicaSets& sets_;
  Alarms& alarms_;
  std::unordered_map<std::string, Entry> entries_;  // by uid
  std::set<std::string> untrue_;                    // uids of those whose status is to be written
};

}  // namespace gputide::workloads
