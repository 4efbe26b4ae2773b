// DaemonSets: a pod on each node that takes it.
// Source: kube-controller-manager 1.34, pkg/controller/daemon.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "control/workloads/alarms.h"
#include "control/workloads/desk.h"
#include "control/workloads/statuses.h"
#include "decide/scheduling/node_affinity.h"

namespace gputide::workloads {

class DaemonSets {
 public:
  explicit DaemonSets(Alarms& alarms) : alarms_(alarms) {}

  void changed(port::Change change, const Ref<model::DaemonSet>& set, Desk& desk);
  void node_changed(port::Change change, const NodeRef& node, Desk& desk);
  /// A pod whose controller is a DaemonSet changed.
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// The alarm of the set with this uid: pods of it have become available.
  void time_passed(const std::string& uid, Desk& desk);
  /// Writes the statuses that are not true any more.
  void write_statuses(Desk& desk);

 private:
  struct OnNode {
    std::map<std::string, PodRef> pods;  // by name; more than one while one replaces the other
    bool creating = false;               // asked for and not seen yet
    bool wanted = false;                 // the node should run one
    NodeCounts counted;                  // as part of the set's
    std::optional<Instant> waits;        // its ready pod becomes available then
  };
  struct Entry {
    Ref<model::DaemonSet> object;
    std::string hash;                    // of its template
    model::Shared<model::PodSpec> spec;  // the template's, with the tolerations that all get
    std::optional<scheduling::RequiredNodeAffinity> affinity;  // of spec
    std::unordered_map<std::string, OnNode> on_node;
    bool rolling = false;             // there may be pods of an older template
    std::set<std::string> replacing;  // pods that were asked to go and have not been seen to
    NodeCounts counts;                // of all nodes
    std::optional<NodeCounts> said;   // by the object's status
    std::set<std::pair<Instant, std::string>> waiting;  // nodes by the time that they wait for
  };
  using Place =
      std::unordered_map<std::string, OnNode>::iterator;  // of a node in on_node; may be its end
  static Place reconcile(Entry& entry, Place found, const NodeRef& node, Desk& desk);
  static void create(Entry& entry, Place here, Desk& desk);
  void count(Entry& entry, Place found, Desk& desk);
  void count_all(Entry& entry, Desk& desk);
  void counted(const Entry& entry, Desk& desk);
  static std::int32_t may_go(const Entry& entry, Instant now);
  void roll(Entry& entry, Desk& desk);

  Alarms& alarms_;
  std::map<std::string, Entry> entries_;            // by uid
  std::unordered_map<std::string, NodeRef> nodes_;  // by name
  std::set<std::string> untrue_;                    // uids of sets whose status is to be written
};

/// The node that a DaemonSet's pod is meant for; "" when its affinity names none.
std::string daemon_node_of(const model::Pod& pod);

}  // namespace gputide::workloads
