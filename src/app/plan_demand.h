// What `gputide plan` and `gputide explain` read from files: pods that want nodes, and the pools
// that may give them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "app/input.h"
#include "decide/provisioning/pool_types.h"
#include "decide/provisioning/provision.h"
#include "model/workload.h"

namespace gputide::app {

struct Demand {
  provisioning::ProvisionProblem problem;
  std::vector<std::string> owners;  // of each pod: what a row of the table calls them
  /// By pool, of a node group that buys in two markets: how it is to be split.
  std::vector<std::optional<model::InstancesDistributionPolicy>> splits;
  std::int64_t leaving = 0;  // nodes among the files that somebody takes away
  std::int64_t moved = 0;    // of the pods, those that are on them
  std::vector<std::shared_ptr<const model::DaemonSet>> daemon_sets;
  std::map<std::pair<std::string, std::string>, model::ConfigMap> config_maps;
  std::vector<model::NodeOverlay> overlays;
  std::map<std::string, model::EC2NodeClass> node_classes;
};

/// What the nodes of its pools hang on; points into both, which must outlive it. No region, no
/// zones.
provisioning::PoolSurroundings surroundings(const Checked& checked, const Demand& demand);
/// Whether a device plugin is among the DaemonSets.
bool has_plugin(const Demand& demand);

/// Reads the pods and the pools, NodePools first, or says what is wrong with the pools. Either may
/// be missing.
Result<Demand> read_demand(const PlanOptions& options, const Checked& checked);
/// The same, and says what is missing.
Result<Demand> demand_of(const PlanOptions& options, const Checked& checked);
/// As if no node were there: what the pods that wait cost alone.
void forget_existing(Demand& demand);

}  // namespace gputide::app
