// aws-node-termination-handler: cordons and drains a node whose machine AWS will take back.
// Source: aws-node-termination-handler 1.25 (both modes; defaults of its Helm chart).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/workloads/desk.h"

namespace gputide::workloads {

struct TerminationHandlerOptions {
  /// Queue mode: one process acts on every node. Else each node's own pod of its DaemonSet does,
  /// and nodes without one are left alone.
  bool all_nodes = false;
  bool spot_interruptions = true;             // --enable-spot-interruption-draining
  bool rebalance_drains = false;              // --enable-rebalance-draining
  bool rebalance_cordons = false;             // --enable-rebalance-monitoring, in all modes
  bool only_cordon = false;                   // --cordon-only
  bool taint = false;                         // --taint-node
  bool ignore_daemons = true;                 // --ignore-daemon-sets
  std::optional<std::int64_t> grace_seconds;  // --pod-termination-grace-period; absent: the pod's
};

class TerminationHandler final : public port::Controller {
 public:
  explicit TerminationHandler(TerminationHandlerOptions options) : options_(options) {}
  std::string_view name() const override { return "aws-node-termination-handler"; }
  void step(const port::Event& event, Instant now, port::Commands& commands) override;
  bool at_rest() const override { return refused_.empty(); }

 private:
  struct Node {
    std::string instance;
    bool has_daemon = false;             // a handler's own pod runs there
    bool drained = false;                // as an earlier notice asked for
    std::map<std::string, PodRef> pods;  // by namespace/name
  };
  void object_changed(const port::ObjectChanged& event);
  void pod_changed(port::Change change, const PodRef& pod);
  void noticed(const port::InstanceNotice& notice, port::Commands& commands);
  void drain(const std::string& name, Node& node, const std::string& reason,
             port::Commands& commands) const;
  port::Evict eviction(port::ObjectRef pod) const;

  void retry(Instant now, port::Commands& commands);

  TerminationHandlerOptions options_;
  std::set<port::ObjectRef> refused_;               // evictions that a budget does not allow yet
  std::map<std::string, Node> nodes_;               // by name
  std::map<std::string, std::string> by_instance_;  // node name
};

/// By its environment (NAME=value, as the Helm chart sets it) and flags; flags win. Unknown ones
/// are left alone.
Result<std::unique_ptr<port::Controller>> make_termination_handler(
    const std::vector<std::string>& environment, const std::vector<std::string>& flags);

}  // namespace gputide::workloads
