// What a plan looks like: its nodes and the pods that find none, for a person and as JSON.
#pragma once

#include <cstdint>

#include "app/plan_demand.h"
#include "model/value.h"

namespace gputide::app {

/// GPUs in the list, or the parts of them that are offered.
std::int64_t gpus_of(const model::ResourceList& list);

/// A row for each kind of node that is bought: how many, of which pool, at what price, for whom.
void print_machines(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// The nodes that are there and what goes onto each; nothing where there are none.
void print_existing(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// A line for the pods of a workload that find no node for the same reason.
void print_unplaced(const Demand& demand, const provisioning::ProvisionPlan& plan);

/// Nodes that are bought, as `nodes` of `-o json`.
model::Value machines_json(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// Nodes that are there and take pods, as `existing_nodes`.
model::Value existing_json(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// How many nodes of each node group that buys in two markets are in which.
void print_splits(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// The same as `market_splits`.
model::Value splits_json(const Demand& demand, const provisioning::ProvisionPlan& plan);
/// Whether the plan buys any node.
bool buys(const provisioning::ProvisionPlan& plan);
/// `unplaced` of `-o json`.
model::Value unplaced_json(const Demand& demand, const provisioning::ProvisionPlan& plan);

}  // namespace gputide::app
