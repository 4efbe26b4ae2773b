// The simulated cloud as the rest of a simulated world sees it. Made by make_cloud (ec2.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/result.h"
#include "base/time.h"
#include "model/aws.h"
#include "model/capacity_reservation.h"
#include "model/instance_type.h"
#include "port/cloud.h"
#include "port/record.h"
#include "sim/heap.h"
#include "sim/market_options.h"

namespace gputide::pricing {
class Catalogue;
}

namespace gputide::sim {

/// An instance, from its launch to its end. References stay good for the whole run.
struct CloudInstance {
  std::string id;  // i-0123456789abcdef0
  const model::InstanceType* type = nullptr;
  std::string zone;
  model::Market market = model::Market::OnDemand;
  std::string group;                                // "" for one of a fleet
  const model::NodeBootstrap* bootstrap = nullptr;  // never nullptr
  const model::StringMap* tags = nullptr;           // never nullptr
  std::string reservation;                          // that it runs in; "" = none
  /// "ip-192-168-101-23.us-west-2.compute.internal": what an EKS node is called.
  std::string private_dns_name;
  std::string private_ip;
  Instant launched;
  Money price_per_hour;                     // at launch; spot prices drift
  std::optional<Money> on_demand_per_hour;  // which spot never exceeds; absent: not sold there
};

/// Hears what happens to instances: from within heap entries of the cloud, and from within
/// Cloud::call and delete_node_group where these end or launch instances at once.
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

/// What was spent. `gpu` is the part for instances that have GPUs, `idle_gpu` the part of that for
/// GPUs (or slices of them) that no pod held, by Cloud::set_gpu_use; `reservations` is what
/// capacity reservations cost beside the instances in them. Exact sums.
struct CloudCost {
  Money total;
  Money gpu;
  Money idle_gpu;
  Money reservations;
};

/// What instances of one type and market cost, and how long they ran by the bill's clock (free time
/// counts too).
struct CostOfType {
  std::string instance_type;
  model::Market market = model::Market::OnDemand;
  std::int64_t instances = 0;
  std::int64_t billed_seconds = 0;
  Money cost;
};

/// A capacity reservation that has begun, and what it cost. Slots are used while an instance in
/// them is billed.
struct CostOfReservation {
  const model::CapacityReservation* facts = nullptr;
  std::int64_t used_seconds = 0;    // of all slots together
  std::int64_t unused_seconds = 0;  // while it was active
  Money used;                       // in the instances' bills
  Money unused;                     // beside them; of a capacity block, up to its end
};

/// GPU time in GPU-milliseconds: `bought` counts the GPUs of instances while they are billed (also
/// those that AWS took back within their first hour, which cost nothing), `used` those that pods
/// held, parts of a GPU as parts.
struct GpuTime {
  std::int64_t used_ms = 0;
  std::int64_t bought_ms = 0;
};

class Cloud {
 public:
  virtual ~Cloud() = default;
  /// Makes or changes the Auto Scaling group (and managed node group) of a plan. A group that is
  /// there already keeps its desired capacity, moved into the new bounds.
  virtual void apply_node_group(const model::NodeGroupPlan& plan) = 0;
  /// The subnets that there are from now on.
  virtual void apply_subnets(std::vector<model::Subnet> subnets) = 0;
  /// Ends the group's instances, then the group.
  virtual void delete_node_group(const std::string& group) = 0;
  /// Makes a capacity reservation; `fee` is what a capacity block costs in all (absent: as much as
  /// on demand). From its start on it is paid, used or not: instances that target it, or match it
  /// when it is open, run in it. A capacity block's instances are terminated half an hour before
  /// its end, announced 10 minutes ahead; others go on as on-demand ones. Errors: AWS has no such
  /// type, or no price for it there.
  virtual Result<void> add_reservation(model::CapacityReservation facts,
                                       std::optional<Money> fee) = 0;
  /// Answers a controller's request as the AWS APIs do; what follows from it happens later.
  virtual port::CloudAnswer call(const port::CloudRequest& request) = 0;
  /// The Scenario's `interrupt` step: reclaims `fraction` (rounded to the nearest whole instance)
  /// of the spot instances in `zone` of `instance_type`, with the two-minute notice. Empty texts
  /// mean all zones and all types. The pools' capacity is left as it is.
  virtual void interrupt(const std::string& zone, const std::string& instance_type,
                         double fraction) = 0;
  /// Nothing is under way: no launch, no shutdown, no group short of its desired capacity that it
  /// will try to fill, no reservation that begins, or that ends while instances run in it, and for
  /// a minute none whose slots were taken or given back: controllers look every minute. Entries of
  /// the spot market may still be on the heap.
  virtual bool at_rest() const = 0;

  /// The kubelet's side of the bill: from now on pods hold `used` of the `of` equal parts that the
  /// instance's GPUs are shared in (plain GPUs: how many of how many). Until the first call, and
  /// with of == 0, its GPUs are idle. An unknown instance is a bug.
  virtual void set_gpu_use(const std::string& instance_id, std::int64_t used, std::int64_t of) = 0;

  /// What the instance costs up to now; final once it has stopped.
  virtual Money cost_of(const std::string& instance_id) const = 0;
  /// Everything up to now.
  virtual CloudCost cost() const = 0;
  /// In order of type, then market.
  virtual std::vector<CostOfType> cost_by_type() const = 0;
  virtual GpuTime gpu_time() const = 0;
  /// In the order in which they were added.
  virtual std::vector<CostOfReservation> cost_of_reservations() const = 0;

  /// Instances that were launched and have not ended, in order of their launch.
  virtual std::vector<const CloudInstance*> live_instances() const = 0;
  /// nullptr: no such instance was ever launched.
  virtual const CloudInstance* find(const std::string& instance_id) const = 0;
};

struct CloudOptions {
  std::uint64_t seed = 1;
  MarketOptions market;
};

/// An empty cloud: every type of the catalogue, in all regions. Everything that is passed must
/// outlive it.
std::unique_ptr<Cloud> make_cloud(Heap& heap, const pricing::Catalogue& catalogue,
                                  port::Recorder& recorder, InstanceListener& listener,
                                  CloudOptions options);

}  // namespace gputide::sim
