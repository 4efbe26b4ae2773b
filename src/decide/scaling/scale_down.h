// Which nodes are not needed, and which of them may go now. Source: Cluster Autoscaler 1.31.5
// core/scaledown (planner, eligibility, unneeded, unremovable, budgets), simulator.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decide/scaling/drain.h"
#include "decide/scaling/node_facts.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/options.h"
#include "decide/scaling/placement.h"
#include "decide/scaling/resource_limits.h"
#include "decide/scaling/utilization.h"
#include "state/node_set.h"

namespace gputide::scaling {

struct Places;

/// Why a node stays; the names are upstream's.
enum class UnremovableReason {
  None,
  ScaleDownDisabledAnnotation,
  ScaleDownUnreadyDisabled,
  NotAutoscaled,
  NotUnneededLongEnough,
  NotUnreadyLongEnough,
  NodeGroupMinSizeReached,
  MinimalResourceLimitExceeded,
  CurrentlyBeingDeleted,
  NotUnderutilized,
  RecentlyUnremovable,
  NoPlaceToMovePods,
  BlockedByPod,
  UnexpectedError,
};
std::string_view unremovable_reason_name(UnremovableReason reason);

struct Unremovable {
  UnremovableReason reason = UnremovableReason::None;
  PodRef blocking_pod;  // for BlockedByPod
  BlockingReason blocking = BlockingReason::None;
};

/// A node whose pods fit elsewhere.
struct Removable {
  std::string node;
  std::size_t index = 0;  // of Observation::nodes
  std::int32_t group = kNoGroup;
  std::vector<PodRef> pods_to_move;  // empty: the node is empty but for what ends with it
  std::vector<PodRef> daemonset_pods;
  bool risky = false;  // its pods share a budget that does not allow all of them to go at once
  Instant since;       // unneeded without a break since then
};

/// What is being deleted at the moment.
struct Deletions {
  std::set<std::string, std::less<>> empty;  // node names
  std::set<std::string, std::less<>> drain;
  std::map<std::string, std::int64_t, std::less<>> by_group;
  std::vector<PodRef> evicted;  // lately, and not yet made anew by their controllers

  bool any() const { return !empty.empty() || !drain.empty(); }
  bool contains(std::string_view node) const {
    return empty.contains(node) || drain.contains(node);
  }
};

/// What the planner looks at in one pass.
struct ScaleDownInput {
  const Observation& seen;
  /// The node of the simulation for each of `seen.nodes`; kNoNode: not in it, neither a candidate
  /// nor a destination.
  const std::vector<NodeId>& ids;
  std::span<const NodeFacts> facts;  // for each of `seen.nodes`
  const Deletions& deletions;
  Instant now;
  /// By group: its nodes are no candidates for a while (--scale-down-delay-type-local); nullptr:
  /// none.
  const std::vector<std::uint8_t>* held_groups = nullptr;
  /// Simulation::sequence() when nothing was imagined on `seen.nodes`; nullopt: not kept.
  std::optional<std::uint64_t> fork = std::nullopt;
  std::uint64_t facts_version = 0;  // different whenever the facts are; 0: not kept
};

/// What a pass found.
struct ScaleDownState {
  std::vector<std::size_t> candidates;  // indexes of Observation::nodes, in the order to be tried
  std::vector<Removable> unneeded;      // in the order in which the nodes were tried
  /// For each of Observation::nodes. Reason None: nothing was said of it.
  std::vector<Unremovable> unremovable;
  /// For each of Observation::nodes; nullptr: it was not measured. Good until the next pass.
  std::vector<const Utilization*> utilization;
};

struct NodesToDelete {
  std::vector<Removable> empty;
  std::vector<Removable> drain;
};

/// Keeps, from pass to pass, since when nodes have been unneeded and which ones need no second look
/// for a while.
class ScaleDownPlanner {
 public:
  explicit ScaleDownPlanner(const Options& options);

  /// Looks at every node that may go. Changes in the simulation are undone.
  const ScaleDownState& update(const ScaleDownInput& input, Simulation& simulation,
                               PodShapes& shapes);
  const ScaleDownState& state() const { return state_; }

  /// The nodes of the last pass whose time has come, within the sizes of their groups. Why the
  /// others must wait is added to state().unremovable.
  NodesToDelete nodes_to_delete(const ScaleDownInput& input);

  /// The last pass found what the one before had found: another one finds the same while nothing
  /// changes and no moment of next_change has come.
  bool settled() const { return settled_; }
  /// A node was last looked at before `since`, and will be looked at again.
  bool must_look_again(Instant since) const;

  /// All timers start anew.
  void forget_unneeded();

  /// When `nodes_to_delete`, or a look at a node that is not looked at now, can first answer
  /// something else although nothing changed; nullopt: never.
  std::optional<Instant> next_change(const Observation& seen, Instant now) const;

 private:
  class Pass;
  static constexpr std::uint8_t kNoCandidate = 255;

  /// What is asked of many nodes in a pass, kept close together.
  struct Row {
    double used = 0;  // the share that counts; by `usable`
    std::int32_t group = kNoGroup;
    std::uint8_t rank = kNoCandidate;  // candidates are tried by it, lowest first
    bool busy = false;                 // a candidate that is used too much to go
    bool touched = false;              // rank and busy may not hold any more
    bool plain = false;                // ready, not being deleted, not disabled: by its facts
    bool waits = false;                // has a recheck_at
    bool unneeded = false;             // in the last pass: tried first
    // What the node and its pods alone decide; good while its view stays and nothing is imagined on
    // it.
    bool measured = false;
    bool ignored_daemonsets = false;  // while measuring
    bool empty = false;
    bool has_gpu = false;
    bool usable = false;  // its utilization is known
  };
  /// The rest of what is known of a node from pass to pass.
  struct Entry {
    std::shared_ptr<const NodeView> view;
    std::optional<Instant> recheck_at;      // not looked at before
    std::optional<Instant> unneeded_since;  // by the last pass
    Result<Utilization> used;               // measured as the row says
    std::size_t daemonset_pods_first =
        0;                                // PodsToMove's, while its view stays, nothing is imagined
    std::uint64_t daemonset_pods_by = 0;  // on it, and Controllers::version is this
  };
  /// A group, as a pass asks of it for each of its nodes.
  struct GroupRow {
    bool open = false;  // its nodes may go
    bool ignore_daemonsets = false;
    double threshold = 0;
    double gpu_threshold = 0;
    bool operator==(const GroupRow&) const = default;
  };

  void align(const ScaleDownInput& input);
  void align_all(const Observation& seen);
  void follow(const Places& places);
  bool align_changed(const Observation& seen);
  void take(std::size_t index, const std::shared_ptr<const NodeView>& view);
  const DisruptionBudgets& budgets(const Observation& seen);
  void touch(std::size_t index);
  void touch_all();
  void touch_imagined(const ScaleDownInput& input, const Simulation& simulation);
  void settle(const ScaleDownInput& input, const Simulation& simulation);
  void settle(std::size_t index, const ScaleDownInput& input, const Simulation& simulation);
  void leave_out_deleted(const ScaleDownInput& input, const Simulation& simulation);
  bool may_go(const Row& row) const;
  void order_candidates();
  void find_undecided();
  void start_pass(const ScaleDownInput& input);
  void read_groups(const ScaleDownInput& input);
  void read_ids(const std::vector<NodeId>& ids);
  void forget_id(NodeId id);
  std::size_t row_of(NodeId id) const;
  void start_rechecks(Instant now);
  bool rechecks_settled() const;
  void make_sure(std::size_t index, const ScaleDownInput& input, const Simulation& simulation);
  void measure(std::size_t index, const ScaleDownInput& input, const Simulation& simulation);
  void keep_unneeded_since(std::vector<Removable>& found, Instant now);
  std::size_t unneeded_limit() const;
  UnremovableReason waiting_reason(const Removable& removable, const ScaleDownInput& input,
                                   std::vector<std::int64_t>& sizes, ClusterAmounts& above) const;

  const Options options_;
  const Semantics semantics_;
  const DrainOptions drain_;
  const ResourceLimits limits_;
  ScaleDownState state_;
  DisruptionBudgets budgets_;  // compiled
  std::uint64_t budgets_version_ = 0;
  std::vector<Row> rows_;                        // for each of Observation::nodes
  std::vector<std::unique_ptr<Entry>> entries_;  // and for each of them
  std::uint64_t aligned_version_ = 0;            // of the observation that they are of
  std::uint64_t facts_version_ = 0;
  std::vector<GroupRow> groups_;         // in this pass
  std::vector<NodeId> ids_;              // in this pass, for each of the rows
  bool moved_ = true;                    // rows are not where they were
  std::vector<std::size_t> row_of_;      // by id
  state::NodeSet all_;                   // the ids
  std::vector<std::size_t> touched_;     // rows that are
  bool order_stale_ = true;              // the candidates may differ, or their order
  bool undecided_stale_ = true;          // which of them are busy may differ
  std::vector<std::size_t> undecided_;   // candidates that are not busy, in order
  std::vector<std::size_t> unneeded_;    // rows that are
  std::vector<std::size_t> waiting_;     // rows that do
  std::vector<std::size_t> rechecked_;   // nodes whose time came in this pass
  bool new_rechecks_ = false;            // nodes that did not wait before this pass do
  std::optional<Instant> next_recheck_;  // of the rows that wait, the first
  std::size_t unneeded_nodes_ = 0;
  std::optional<Instant> last_update_;
  Duration shortest_interval_;
  bool settled_ = false;
  Placer mover_;
  Placer evicted_;
};

/// What may be deleted at once: at most max-scale-down-parallelism nodes under way, at most
/// max-drain-parallelism of them to be drained. Nodes of a group stay together, in order.
NodesToDelete crop_to_budget(NodesToDelete nodes, const Deletions& deletions,
                             const Options& options);

}  // namespace gputide::scaling
