// What to buy for pending pods: Kubernetes objects in, a plan out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/money.h"
#include "decide/provisioning/node_constraints.h"
#include "decide/provisioning/packing.h"
#include "decide/provisioning/preference_plan.h"
#include "decide/provisioning/preferences.h"
#include "decide/provisioning/requirements.h"
#include "model/karpenter.h"
#include "model/node.h"
#include "model/pod.h"

namespace gputide::provisioning {

/// An instance type as a cloud provider tells of it.
struct ProviderType {
  struct Offering {
    std::string zone;
    std::string capacity_type;   // spot, on-demand, reserved
    std::string reservation_id;  // "" = none
    std::int64_t reservation_capacity = 0;
    Money price;  // an hour; of a reservation zero: it is paid for, used or not
    bool available = true;
    std::string reservation_type = {};  // default, capacity-block; "" = not told
    bool interruptible = false;         // of a reservation
    /// Of a reservation: what such an instance costs otherwise. Of several the cheapest is taken.
    Money on_demand = {};
  };
  std::string name;
  Requirements requirements;  // every label that a node of it has, zones and markets included
  std::vector<Offering> offerings;
  model::ResourceList capacity;
  model::ResourceList allocatable;
};

/// A node that pods may still go to, from wherever it is known.
struct ProvisionNode {
  std::string name;
  model::StringMap labels;
  std::vector<model::Taint> taints;  // without those that go away when it is ready
  model::ResourceList allocatable;
  model::ResourceList capacity;  // counts against its pool's limits
  bool ready = true;             // Karpenter: initialized
};

/// A node group that stands as a pool: its limit "nodes" is its maxSize.
struct NodeGroup {
  std::int64_t nodes = 0;  // that it has already
  /// Where it buys in two markets: of the first n nodes that it has, so many are on-demand, by n up
  /// to maxSize. Empty: it buys in one, or as the cheapest.
  std::vector<std::int64_t> on_demand = {};
};

/// What was made of pools, types and daemons, for problems that have the same ones.
struct OfferMemo;
std::shared_ptr<OfferMemo> make_offer_memo();

/// `pods` are pending; `bound` run, with spec.nodeName set. One pod stands for each DaemonSet.
struct ProvisionProblem {
  std::vector<model::NodePool> pools;  // of those with `replicas` nothing is bought
  std::vector<ProviderType> types;
  std::vector<std::vector<std::uint32_t>> pool_types;  // by pool: indices into types
  /// By pool. nullopt, or not named: a NodePool, whose nodes carry karpenter.sh/nodepool.
  std::vector<std::optional<NodeGroup>> node_groups;
  std::vector<ProvisionNode> nodes;
  std::vector<std::shared_ptr<const model::Pod>> pods;
  std::vector<std::shared_ptr<const model::Pod>> bound;
  std::vector<std::shared_ptr<const model::Pod>> daemons;
  std::map<std::string, model::StringMap> namespaces;  // name -> labels
  LabelSet well_known = core_well_known_labels();
  bool strict_min_values = true;
  /// Name the substitutes of each node that is to be bought: of the same pool and market, where
  /// topology rules do not forbid it, at most a fifth dearer (dearer ones only to reach minValues),
  /// within the pool's limits, granting what the node grants of preferences, cheapest first.
  bool substitutes = false;
  /// The bound counts whole pods on nodes (configuration_bound.h); else parts of pods, which takes
  /// a millisecond.
  bool bound_by_whole_pods = true;
  /// Honour preferences (preferred affinity, ScheduleAnyway, PreferNoSchedule) as far as they cost
  /// nothing, and find what the rest would cost. False: they are left out.
  bool preferences = false;
  /// A pool of higher weight is bought of before cheaper ones of lower weight, wherever pods may
  /// run there; among equal weights price decides. False: price alone does.
  bool weights = false;
  /// Shared by problems of which pools, node groups, types and their offerings, daemons and
  /// `well_known` are equal: what is made of them is made once. nullptr: each time.
  std::shared_ptr<OfferMemo> memo = {};
};

/// nullptr: the pool is a NodePool.
const NodeGroup* node_group(const ProvisionProblem& problem, std::size_t pool);

/// What a planned node could be instead: it suits the same pods.
struct Substitute {
  std::string type, zone;
  Money price;
};

struct PlannedMachine {
  std::string existing;  // a node's name; "" = to be bought as said below
  std::string pool, type, zone, capacity_type, reservation_id;
  Money price;
  std::vector<Substitute> substitutes;  // with itself; see ProvisionProblem::substitutes
  std::vector<std::uint32_t> pods;      // indices into the problem's pods, in the order of placing
};

/// The proof of a lower bound, read by pods: so much must each of `count` pods like `pod` cost.
struct PodPrice {
  std::uint32_t pod = 0;  // index into the problem's pods
  std::int64_t count = 0;
  double dollars_per_hour = 0;
};

/// A preference that pods state, and how far the plan honours it. The weight is 100 where none is
/// stated (ScheduleAnyway, PreferNoSchedule).
struct PreferenceReport {
  std::string what;  // "apart from pods app=web, by kubernetes.io/hostname"
  PreferenceCount count;
};

struct ProvisionPlan {
  std::vector<PlannedMachine> machines;
  /// Pods that found no place, each with the reason.
  std::vector<std::pair<std::uint32_t, std::string>> unplaced;
  Money per_hour;
  /// No nodes bought beside those that are there cost less, wherever the placed pods go.
  Money lower_bound;
  std::vector<PodPrice> pod_prices;
  std::vector<PreferenceReport> preferences;  // of pods that have a node
  /// A plan in which preferences are requirements as far as that is possible. Not told where pools'
  /// weights decide.
  std::optional<Money> all_preferences;
  Money certified;        // what the bound's certificate proves, computed afresh by certified()
  bool any_order = true;  // see fits_in_any_order
};

/// The numbers behind a problem, and the way back.
struct Compiled {
  PackProblem pack;
  std::vector<std::vector<std::uint32_t>> pods_of_class;
  struct KindName {
    std::string zone, capacity_type, reservation_id;
  };
  std::vector<KindName> kinds;
  std::vector<std::string> dimensions;  // resource names

  /// With what pods would rather have; no classes when no pod has preferences.
  WishProblem wishes;
  std::vector<std::vector<std::uint32_t>> pods_of_wish_class;
  std::vector<std::pair<std::string, std::int64_t>> preferences;  // what, weight
};
Compiled compile(const ProvisionProblem& problem);

/// A plan in numbers, from which its cost can be told before its nodes are named and bounded.
struct Draft {
  Compiled compiled;
  PackPlan packed;
  std::optional<PreferencePlan> wished;  // where pods have preferences
  std::vector<bool> splits_kept = {};    // by pool: the plans have its on-demand nodes

  Money per_hour() const { return wished ? wished->plan.per_hour : packed.per_hour; }
  bool places_all() const;
};
/// The search of provision(). Where effort.most is known to be out of reach, some pods have no
/// place.
Draft draft(const ProvisionProblem& problem, const PackEffort& effort = {});
/// Names the nodes of a draft of this problem.
ProvisionPlan named(const ProvisionProblem& problem, const Draft& draft);
/// And bounds its price.
ProvisionPlan finish(const ProvisionProblem& problem, const Draft& draft);

/// The cheapest plan that is found in a bounded number of steps.
ProvisionPlan provision(const ProvisionProblem& problem, const PackEffort& effort = {});

}  // namespace gputide::provisioning
