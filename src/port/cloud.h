// The cloud as controllers see it: requests as data, answers as events. The production shell turns
// them into AWS calls, the simulated one asks its own EC2.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/aws.h"
#include "model/capacity_reservation.h"

namespace gputide::port {

/// Groups that carry all of the tags (an absent value matches any), or that are named. Both empty:
/// every group.
struct DescribeAutoScalingGroups {
  std::vector<std::pair<std::string, std::optional<std::string>>> tags;
  std::vector<std::string> names;
};

/// Newest first, at most `limit`.
struct DescribeScalingActivities {
  std::string group;
  std::size_t limit = 100;
};

struct SetDesiredCapacity {
  std::string group;
  std::int64_t desired = 0;
};

/// Ends one instance and lowers its group's desired capacity by one.
struct TerminateInstanceInGroup {
  std::string instance_id;
};

/// The data of one version of a launch template.
struct DescribeLaunchTemplateVersion {
  model::LaunchTemplateRef launch_template;
};

struct DescribeNodegroup {
  std::string cluster_name;
  std::string nodegroup_name;
};

/// Subnets that carry all of the tags (model::carries_tags) or have one of the ids. Both empty:
/// every subnet.
struct DescribeSubnets {
  model::StringMap tags;
  std::vector<std::string> ids;
};

/// One possible launch of a fleet: a pool of capacity and its rank.
struct FleetOverride {
  std::string instance_type;
  std::string zone;
  std::optional<std::int64_t> priority;  // lower first, for the prioritized strategies
};

/// CreateFleet of type "instant": launches now what can be launched, and tells which pools had no
/// capacity.
struct CreateFleet {
  model::Market market = model::Market::OnDemand;
  std::string allocation_strategy;  // lowest-price, price-capacity-optimized,
                                    // capacity-optimized(-prioritized), prioritized
  std::int64_t capacity = 1;
  std::vector<FleetOverride> overrides;
  std::optional<Money> max_price;
  model::StringMap tags;
  model::LaunchTemplateData launch;
  model::NodeBootstrap bootstrap;  // what the user data tells the kubelet
  std::string client_token;        // equal tokens are one launch
};

struct TerminateInstances {
  std::vector<std::string> instance_ids;
};

/// Capacity reservations with these ids; none named: every one, of any state.
struct DescribeCapacityReservations {
  std::vector<std::string> ids;
};

using CloudRequest =
    std::variant<DescribeAutoScalingGroups, DescribeScalingActivities, SetDesiredCapacity,
                 TerminateInstanceInGroup, DescribeLaunchTemplateVersion, DescribeNodegroup,
                 DescribeSubnets, CreateFleet, TerminateInstances, DescribeCapacityReservations>;

struct FleetError {
  std::string code;  // InsufficientInstanceCapacity, MaxSpotInstanceCountExceeded, ...
  std::string instance_type;
  std::string zone;
  std::string message;
};

struct FleetInstance {
  std::string id;
  std::string instance_type;
  std::string zone;
  model::Market market = model::Market::OnDemand;
};

/// What CreateFleet launched, and what it could not.
struct FleetResult {
  std::vector<FleetInstance> instances;
  std::vector<FleetError> errors;
};

struct CloudError {
  std::string code;  // ValidationError, Throttling, ResourceNotFoundException, ...
  std::string message;
};

struct Done {};

/// Shared, and never changed: the same address in two answers means that nothing differs.
using GroupRef = std::shared_ptr<const model::AutoScalingGroup>;

using CloudAnswer =
    std::variant<Done, CloudError, std::vector<GroupRef>, std::vector<model::ScalingActivity>,
                 model::LaunchTemplateData, model::ManagedNodegroupDescription,
                 std::vector<model::Subnet>, FleetResult, std::vector<model::CapacityReservation>>;

/// What EventBridge tells of an instance. The two-minute notice names the moment of the end.
struct InstanceNotice {
  enum class Kind { SpotInterruption, RebalanceRecommendation, StateChange };
  Kind kind = Kind::SpotInterruption;
  std::string instance_id;
  std::optional<Instant> ends_at;
  std::string state;  // for StateChange: pending, running, shutting-down, terminated
};

}  // namespace gputide::port
