// ReplicaSets and ReplicationControllers: as many pods as were asked for.
// Source: kube-controller-manager 1.34, pkg/controller/replicaset and controller_utils.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "control/workloads/alarms.h"
#include "control/workloads/desk.h"

namespace gputide::workloads {

class ReplicaSets {
 public:
  explicit ReplicaSets(Alarms& alarms) : alarms_(alarms) {}

  /// How many pods of a set there are.
  struct Count {
    std::int32_t wanted = 0;
    std::int32_t active = 0;
    std::int32_t ready = 0;
    std::int32_t available = 0;  // ready for minReadySeconds
    std::int32_t all = 0;        // ending and ended ones too
  };

  /// True when the number of pods that the set wants is another now.
  bool changed(port::Change change, const Ref<model::ReplicaSet>& set, Desk& desk);
  bool changed(port::Change change, const Ref<model::ReplicationController>& set, Desk& desk);
  /// A pod whose controller is a set changed. Gives the set's own controller's uid (a Deployment's)
  /// when the set's counts may have changed, else "".
  std::string pod_changed(port::Change change, const PodRef& pod, Desk& desk);

  /// The alarm of the set with this uid: pods of it have become available. Gives what pod_changed
  /// gives.
  std::string time_passed(const std::string& uid, Desk& desk);
  /// Writes the statuses that are not true any more, of ReplicaSets.
  void write_statuses(Desk& desk);

  Count count(const std::string& uid) const;
  /// Pods that the controller of `pod` wants; nullopt for a set that is not known.
  std::optional<std::int32_t> wanted(const std::string& uid) const;

 private:
  struct Set {
    std::string kind;
    Ref<model::ReplicaSet> object;  // empty: a ReplicationController
    std::string parent;             // uid of its own controller
    std::int32_t wanted = 0;
    std::int32_t active = 0;
    std::int32_t ready = 0;
    std::int32_t creating = 0;  // asked for and not seen yet
    Duration min_ready;
    std::set<std::pair<Instant, std::string>> waiting;  // ready pods that are not available yet

    std::int32_t available() const { return ready - static_cast<std::int32_t>(waiting.size()); }
    std::function<std::shared_ptr<model::Pod>()> make;
    std::map<std::string, PodRef> pods;         // by name
    std::map<std::string, bool> being_deleted;  // by name: asked for and not seen yet
  };
  template <class Kind>
  bool take(port::Change change, const Ref<Kind>& object, const std::string& kind, Desk& desk);
  void reconcile(Set& set, Desk& desk);
  void remove_some(Set& set, std::int32_t surplus, Desk& desk);
  void await(const std::string& uid, Set& set, const model::Pod* before, const model::Pod* after,
             Desk& desk);
  void wait_anew(const std::string& uid, Set& set, Duration min_ready, Desk& desk);
  void check_status(const Set& set, Desk& desk);

  Alarms& alarms_;
  std::unordered_map<std::string, Set> sets_;  // by uid
  std::set<std::string> untrue_;               // uids of sets whose status is to be written
};

/// True when `a` should be deleted rather than `b`. `same_node_*`: how many active pods of the set
/// stand on their node.
bool goes_first(const model::Pod& a, std::int32_t same_node_a, const model::Pod& b,
                std::int32_t same_node_b, Instant now);

}  // namespace gputide::workloads
