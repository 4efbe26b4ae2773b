// The simulated cloud as the rest of a simulated world sees it. Implemented in ec2.*.
#pragma once

#include <cstdint>
#include <string>

#include "base/money.h"
#include "base/time.h"
#include "model/aws.h"
#include "model/instance_type.h"
#include "port/cloud.h"

namespace gputide::sim {

/// An instance, from its launch to its end. References stay good for the whole run.
struct CloudInstance {
  std::string id;  // i-0123456789abcdef0
  const model::InstanceType* type = nullptr;
  std::string zone;
  model::Market market = model::Market::OnDemand;
  std::string group;  // "" for one of a fleet
  const model::NodeBootstrap* bootstrap = nullptr;
  model::StringMap tags;
  Instant launched;
  Money price_per_hour;  // at launch; spot prices drift
};

/// Hears what happens to instances; called from within the cloud's own heap entries.
class InstanceListener {
 public:
  virtual ~InstanceListener() = default;
  /// The machine runs: its kubelet starts to boot.
  virtual void instance_running(const CloudInstance& instance) = 0;
  /// The machine is being shut down, or was lost: from now on nothing runs on it.
  virtual void instance_stopping(const CloudInstance& instance) = 0;
  /// EventBridge's notices, as controllers get them.
  virtual void instance_notice(const port::InstanceNotice& notice) = 0;
};

class Cloud {
 public:
  virtual ~Cloud() = default;
  /// Makes or changes the Auto Scaling group (and managed node group) of a plan.
  virtual void apply_node_group(const model::NodeGroupPlan& plan) = 0;
  /// Ends the group's instances, then the group.
  virtual void delete_node_group(const std::string& group) = 0;
  /// Answers a controller's request as the AWS APIs do; what follows from it happens later.
  virtual port::CloudAnswer call(const port::CloudRequest& request) = 0;
  /// The Scenario's `interrupt` step: reclaims spot instances with the two-minute notice.
  virtual void interrupt(const std::string& zone, const std::string& instance_type,
                         double fraction) = 0;
  /// Nothing is under way: no launch, no shutdown, no group short of its desired capacity that it
  /// will try to fill.
  virtual bool at_rest() const = 0;
};

}  // namespace gputide::sim
