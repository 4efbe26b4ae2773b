// DaemonSets: a pod on each node that takes it.
// Source: kube-controller-manager 1.34, pkg/controller/daemon.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "control/workloads/desk.h"
#include "decide/scheduling/node_affinity.h"

namespace gputide::workloads {

class DaemonSets {
 public:
  void changed(port::Change change, const Ref<model::DaemonSet>& set, Desk& desk);
  void node_changed(port::Change change, const NodeRef& node, Desk& desk);
  /// A pod whose controller is a DaemonSet changed.
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);

 private:
  struct OnNode {
    std::map<std::string, PodRef> pods;  // by name; more than one while one replaces the other
    bool creating = false;               // asked for and not seen yet
  };
  struct Entry {
    Ref<model::DaemonSet> object;
    std::string hash;                    // of its template
    model::Shared<model::PodSpec> spec;  // the template's, with the tolerations that all get
    std::optional<scheduling::RequiredNodeAffinity> affinity;  // of spec
    std::map<std::string, OnNode> on_node;
    bool rolling = false;  // there may be pods of an older template
  };
  void reconcile(Entry& entry, const NodeRef& node, Desk& desk);
  void create(Entry& entry, const std::string& node, Desk& desk);
  void roll(Entry& entry, Desk& desk);

  std::map<std::string, Entry> entries_;  // by uid
  std::map<std::string, NodeRef> nodes_;  // by name
};

/// The node that a DaemonSet's pod is meant for; "" when its affinity names none.
std::string daemon_node_of(const model::Pod& pod);

}  // namespace gputide::workloads
