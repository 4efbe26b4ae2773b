// The packing engine: pods of alike classes onto nodes of offered kinds, at the least price, within
// resources, labels, taints, topology rules and limits. It knows numbers only; compile.h makes them
// from Kubernetes objects.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/money.h"

namespace gputide::provisioning {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
/// The topology key "each node for itself".
inline constexpr std::uint32_t kHostname = kNone;

/// One thing that can be bought: an instance type within a node kind.
struct PackOffer {
  std::vector<std::int64_t> capacity;   // by dimension, less what every node runs itself
  Money price;                          // an hour
  std::uint32_t type = 0;               // the caller's number
  std::uint32_t reservation = kNone;    // bought out of this stock
  std::vector<std::int64_t> limit_use;  // by limit dimension of the kind's pool
};

/// Nodes that differ in instance type alone: one pool, zone, market ...
struct NodeKind {
  std::uint32_t pool = 0;
  std::vector<PackOffer> offers;  // cheapest first
  std::vector<std::uint32_t>
      domains;  // by topology key: which domain such a node is in; kNone = none
};

/// A node that is there already, or on its way.
struct ExistingNode {
  std::vector<std::int64_t> capacity;  // what is still free; of GPUs, those that nobody uses
  std::vector<std::uint32_t> domains;
  std::vector<std::int64_t> gpus = {};  // of GPUs that are shared already: thousandths still free
};

/// Pods that a selector counts, by the domains of a topology key.
struct TopologyGroup {
  std::uint32_t key = kHostname;
  std::vector<std::int64_t> counts;       // by domain, from pods that run already
  std::vector<std::int64_t> anti_owners;  // by domain: running pods that repel what is counted
  /// For kHostname: by existing node.
  std::vector<std::int64_t> node_counts, node_anti_owners;
};

struct TopologyRule {
  /// Avoid: anti-affinity of one side; pods of its group may still come to its owners.
  enum class Kind { Spread, Affinity, AntiAffinity, Avoid };
  Kind kind = Kind::Spread;
  std::uint32_t group = 0;
  bool counts_itself = false;  // the pod is one that the group counts
  std::int64_t max_skew = 1;
  std::int64_t min_domains = 0;
  std::vector<std::uint32_t> domains;  // that count for the least number; not for kHostname
};

struct PackClass {
  std::vector<std::int64_t> demand;
  std::int64_t count = 1;
  /// By node kind: which of its offers suit, as bits; empty = none.
  std::vector<std::vector<std::uint64_t>> offers;
  std::vector<bool> existing;  // by existing node
  std::vector<TopologyRule> rules;
  std::vector<std::uint32_t> counted_in;  // groups
  std::vector<std::uint32_t> ports;       // host ports, by numbers that conflict when equal
  /// Thousandths of one GPU, which others may share; its demand there is 1. 0 = whole GPUs, if any.
  std::int64_t share = 0;
};

struct Pool {
  std::vector<std::int64_t> limit;  // by limit dimension: what may still be bought
  /// Of what a node could be instead, some label must keep that many values: by rule, the value of
  /// each type (kNone = none).
  struct MinValues {
    std::int64_t at_least = 0;
    std::vector<std::uint32_t> value_of_type;
  };
  std::vector<MinValues> min_values;
};

struct PackProblem {
  std::size_t dimensions = 0;
  std::uint32_t gpus = kNone;  // the dimension that counts GPUs, where some are shared
  std::vector<Pool> pools;
  std::vector<NodeKind> kinds;
  std::vector<ExistingNode> existing;
  std::vector<TopologyGroup> groups;
  std::vector<PackClass> classes;
  std::vector<std::int64_t> reservations;  // stock
};

/// Every amount that is asked is there. Both by resource.
bool fits(const std::vector<std::int64_t>& asked, const std::vector<std::int64_t>& there);

struct PlannedNode {
  std::uint32_t kind = kNone;  // kNone: existing node number `offer`
  std::uint32_t offer = 0;
  std::vector<std::pair<std::uint32_t, std::int64_t>> pods;  // class, how many
};

/// Pods in the order in which each could be placed.
struct Placement {
  std::uint32_t demand_class = 0;
  std::uint32_t node = 0;
  std::uint32_t gpu = kNone;  // of those that are shared on the node: where its share lies
};

struct PackPlan {
  std::vector<PlannedNode> nodes;
  std::vector<Placement> order;
  std::vector<std::int64_t> unplaced;  // by class
  Money per_hour;
  /// As pack_bound of the problem says, where it was asked for on the way.
  std::optional<Money> lower_bound = {};
};

/// How hard to try. Counts of work, not of time: equal inputs give equal plans.
struct PackEffort {
  int constructions = 12;     // for few, or under limits: greedy plans that learn from each other
  int repacks_per_node = 20;  // attempts to re-pack a few nodes into cheaper ones
  int most_repacks = 400;
  std::int64_t small = 200;  // so many pods are few:
  int orders = 48;           // they are placed one by one in so many orders,
  int shakes = 1500;         // and the best plan is taken apart and rebuilt in part so often,
                             // then two thirds as often by way of plans that cost a little more
  int rounds = 6;            // for more pods: linear programs that choose patterns of nodes,
  int free_rounds = 60;      // and where no rule ties pods to each other;
  /// Of these, so much looking for what whole nodes may hold, in products of pods' classes and
  /// dimensions: where no rule ties pods to each other, and where they share GPUs.
  std::int64_t contents = 150'000'000;
  /// Dearer plans are of no use: where few pods are known to cost more, none is placed.
  std::optional<Money> most = {};
};

PackPlan pack(const PackProblem& problem, const PackEffort& effort = {});

/// Whether a plan keeps every rule, by code that shares nothing with pack(): one sentence for each
/// breach. Every placed pod was admissible when its turn came.
std::vector<std::string> check_plan(const PackProblem& problem, const PackPlan& plan);

}  // namespace gputide::provisioning
