// Node groups that buy in both markets: how many of their nodes must be on-demand, as prices.
#pragma once

#include <cstdint>
#include <vector>

#include "base/money.h"
#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// So many of so many nodes are on-demand; of none: the pool has no split.
struct OnDemandShare {
  std::int64_t on_demand = 0;
  std::int64_t nodes = 0;
  bool operator==(const OnDemandShare&) const = default;
};

/// By pool, what its split makes of so many new nodes; without `nodes` of as many as may be needed.
std::vector<OnDemandShare> split_shares(const ProvisionProblem& problem,
                                        const std::vector<std::int64_t>& nodes = {});
/// By pool, the least share that any number of new nodes can have; none for pools that `kept` does
/// not name.
std::vector<OnDemandShare> least_shares(const ProvisionProblem& problem,
                                        const std::vector<bool>& kept);

/// By node kind, what to add to its prices so that both markets of a group cost what its share
/// makes of them: on-demand less, spot more. Nodes of which no smaller share is on-demand never
/// cost more by these prices than they do.
std::vector<Money> split_shifts(const Compiled& compiled, const std::vector<OnDemandShare>& shares);
void add_shifts(const std::vector<Money>& shifts, PackProblem& pack);
void take_shifts(const std::vector<Money>& shifts, PackProblem& pack);

/// Gives the plan's nodes of split groups the markets that the splits ask, on-demand where that is
/// least dearer, and sums up the price anew. By pool: whether as many are on-demand as must be;
/// pods that ask for a market, or types that are sold in one alone, may prevent it.
std::vector<bool> keep_splits(const ProvisionProblem& problem, const Compiled& compiled,
                              const PackProblem& pack, PackPlan& plan);

/// By pool, the nodes that the plan buys of it.
std::vector<std::int64_t> nodes_of_pools(const PackProblem& pack, const PackPlan& plan);

}  // namespace gputide::provisioning
