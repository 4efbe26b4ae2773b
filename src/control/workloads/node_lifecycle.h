// What happens to pods when their node is ill, cordoned or gone.
// Source: kube-controller-manager 1.34, pkg/controller/nodelifecycle, tainteviction and podgc.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "control/workloads/desk.h"

namespace gputide::workloads {

class NodeLifecycle {
 public:
  void node_changed(port::Change change, const NodeRef& node, Desk& desk);
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// A timer of Part::Evictions (somebody has tolerated a taint long enough) or Part::OrphanedPods
  /// (pods whose node is gone are to be removed).
  void timer(Part part, std::uint64_t id, Desk& desk);

 private:
  struct Entry {
    std::uint64_t id = 0;      // of its timers
    NodeRef object;            // empty: gone, or not seen yet
    std::vector<PodRef> pods;  // bound to it, in byte order of namespace/name
  };
  Entry& entry(const std::string& name);
  void mark(const NodeRef& node, Desk& desk);
  void evict(Entry& entry, Desk& desk);
  void orphan(Entry& entry, Desk& desk);

  std::unordered_map<std::string, Entry> entries_;        // by node name
  std::unordered_map<std::uint64_t, std::string> by_id_;  // node name of a timer's id
  std::uint64_t next_id_ = 1;
};

}  // namespace gputide::workloads
