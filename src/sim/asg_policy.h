// What an Auto Scaling group says of the pool that it took, and who goes when it shrinks. Source:
// the Amazon EC2 Auto Scaling user guide (default termination policy).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "decide/cluster/mixed_instances.h"
#include "model/aws.h"

namespace gputide::sim {

using cluster::MarketSplit;
using cluster::PoolChoice;

/// Why pool `chosen` was taken, for a person.
std::string why_chosen(std::string_view strategy, std::int64_t spot_pools,
                       std::span<const PoolChoice> pools, std::size_t chosen, std::string_view zone,
                       std::span<const std::string> without_capacity);

/// An instance that a group might end.
struct MemberView {
  std::string_view zone;
  model::Market market = model::Market::OnDemand;
  Money price;
  std::int64_t priority = 0;
  std::int64_t template_version = 0;
  std::int64_t weight = 1;
  Instant launched;
};

/// The default termination policy: in the zone with the most instances, of the market that is above
/// its share, what the allocation strategy wants least (`policy` absent: no such step), with the
/// oldest launch template, closest to its next billing hour, launched first. `members` must not be
/// empty.
std::size_t choose_victim(std::span<const MemberView> members,
                          const model::MixedInstancesPolicy* policy, std::int64_t desired_capacity,
                          Instant now);

}  // namespace gputide::sim
