// The nodes of the last look, matched with those of this one, and their twins in the simulation.
// Where the observation says which nodes changed, taking them over costs what changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "decide/scaling/node_facts.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/simulation.h"
#include "decide/scaling/taints.h"

namespace gputide::scaling {

/// Pods of so low a priority count for nothing (--expendable-pods-priority-cutoff).
bool is_expendable(const model::Pod& pod, const Options& options);

class KnownNodes {
 public:
  struct Rules {
    const TaintRules& taints;
    const Semantics& semantics;
    const Options& options;
  };
  /// What the facts of all nodes come to.
  struct Summary {
    std::uint64_t of = 0;  // the version of the facts
    std::int64_t ready = 0;
    std::vector<std::size_t> to_be_deleted;  // those that have a time of it
    std::vector<std::size_t> soft_tainted;   // of groups
  };

  /// Takes over what is seen. Nodes that are gone, or other objects now, leave the simulation; pods
  /// of nodes that stay are exchanged in it.
  void take(const Observation& seen, const Rules& rules, Simulation& simulation);
  /// The simulation was made anew.
  void forget_ids();
  /// Brings all nodes into the simulation but those that still `start`.
  void synchronise(std::vector<std::size_t> starting, const Rules& rules, Simulation& simulation);

  // For each of Observation::nodes of the last look:
  std::span<const NodeFacts> facts() const { return facts_; }
  const std::vector<NodeId>& ids() const { return ids_; }  // since the last synchronise
  /// Different whenever the facts are; never 0 after a look.
  std::uint64_t facts_version() const { return facts_version_; }
  const Summary& summary() const { return summary_; }

 private:
  struct Known {
    std::shared_ptr<const NodeView> view;
    std::shared_ptr<const NodeTemplate> promised;  // launch data of its group then
    NodeId id = kNoNode;                           // in the simulation
  };

  bool same_groups(const Observation& seen) const;
  void look_at_all(const Observation& seen, const Rules& rules, Simulation& simulation);
  bool stayed_in_place(const Observation& seen) const;
  void rearrange(const Observation& seen, Simulation& simulation);
  void look_at(std::size_t index, const Observation& seen, const Rules& rules,
               Simulation& simulation);
  void sum_up();
  void bring_in(std::size_t index, const Rules& rules, Simulation& simulation);

  std::vector<Known> known_;
  std::vector<NodeFacts> facts_;
  std::vector<NodeId> ids_;
  Summary summary_;
  std::uint64_t version_ = 0;  // of the observation
  std::uint64_t facts_version_ = 1;
  std::vector<std::shared_ptr<const NodeTemplate>> promised_;  // by group
  std::vector<std::size_t> starting_;  // not in the simulation by the last synchronise
  /// Only these can differ from what the last synchronise left; nullopt: any.
  std::optional<std::vector<std::size_t>> open_;
};

}  // namespace gputide::scaling
