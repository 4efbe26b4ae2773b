#include "decide/scaling/scale_down.h"

#include <algorithm>

#include "base/go_sort.h"
#include "decide/scaling/places.h"
#include "decide/scaling/pods.h"
#include "decide/scaling/taints.h"

namespace gputide::scaling {
namespace {

// Nothing on the node would have to move. Whether budgets or controllers object is not asked: one
// pod that moves already makes it not empty.
bool is_empty(std::span<const PodRef> pods, const DrainOptions& options, Instant now) {
  static const DisruptionBudgets kNone;
  const DrainContext context{options, kNone, nullptr, now};
  return std::all_of(pods.begin(), pods.end(), [&](const PodRef& pod) {
    const DrainVerdict verdict = drainability(*pod, context);
    return verdict.outcome == Drainability::Skipped || verdict.of_daemonset;
  });
}

const GroupView* group_of(const Observation& seen, std::int32_t group) {
  return group == kNoGroup ? nullptr : &seen.groups[static_cast<std::size_t>(group)];
}

}  // namespace

std::string_view unremovable_reason_name(UnremovableReason reason) {
  switch (reason) {
    case UnremovableReason::None:
      return "NoReason";
    case UnremovableReason::ScaleDownDisabledAnnotation:
      return "ScaleDownDisabledAnnotation";
    case UnremovableReason::ScaleDownUnreadyDisabled:
      return "ScaleDownUnreadyDisabled";
    case UnremovableReason::NotAutoscaled:
      return "NotAutoscaled";
    case UnremovableReason::NotUnneededLongEnough:
      return "NotUnneededLongEnough";
    case UnremovableReason::NotUnreadyLongEnough:
      return "NotUnreadyLongEnough";
    case UnremovableReason::NodeGroupMinSizeReached:
      return "NodeGroupMinSizeReached";
    case UnremovableReason::MinimalResourceLimitExceeded:
      return "MinimalResourceLimitExceeded";
    case UnremovableReason::CurrentlyBeingDeleted:
      return "CurrentlyBeingDeleted";
    case UnremovableReason::NotUnderutilized:
      return "NotUnderutilized";
    case UnremovableReason::RecentlyUnremovable:
      return "RecentlyUnremovable";
    case UnremovableReason::NoPlaceToMovePods:
      return "NoPlaceToMovePods";
    case UnremovableReason::BlockedByPod:
      return "BlockedByPod";
    case UnremovableReason::UnexpectedError:
      return "UnexpectedError";
  }
  return "";
}

// One look at all candidates.
class ScaleDownPlanner::Pass {
 public:
  Pass(ScaleDownPlanner& planner, const ScaleDownInput& input, Simulation& simulation,
       PodShapes& shapes)
      : planner_(planner),
        input_(input),
        simulation_(simulation),
        shapes_(shapes),
        budgets_(planner.budgets(input.seen)) {}

  std::vector<Removable> run() {
    // Evicted pods that were placed may be on any node.
    const bool all = !input_.deletions.evicted.empty();
    std::vector<std::size_t> eligible;
    for (const std::size_t index : all ? planner_.state_.candidates : planner_.undecided_) {
      if (deleting_ && input_.deletions.contains(name(index))) continue;
      planner_.state_.utilization[index] = nullptr;
      const UnremovableReason reason = ineligible(index);
      planner_.state_.unremovable[index] = {reason, nullptr, BlockingReason::None};
      if (reason == UnremovableReason::None) eligible.push_back(index);
    }
    std::vector<Removable> found;
    if (eligible.empty()) return found;
    find_destinations();
    const std::size_t limit = planner_.unneeded_limit();
    found.reserve(std::min(eligible.size(), limit));
    for (const std::size_t index : eligible) {
      if (found.size() >= limit) break;
      if (std::optional<Removable> removable = try_removal(index))
        found.push_back(std::move(*removable));
    }
    return found;
  }

 private:
  const NodeView& view(std::size_t index) const { return *input_.seen.nodes[index]; }
  const std::string& name(std::size_t index) const { return view(index).node->metadata.name; }

  void find_destinations() {
    destinations_ = planner_.all_;
    if (!deleting_) return;
    for (const auto* names : {&input_.deletions.empty, &input_.deletions.drain})
      for (const std::string& name : *names)
        if (const NodeId id = simulation_.find(name); id != kNoNode) destinations_.erase(id);
  }

  UnremovableReason ineligible(std::size_t index) {
    const Row& row = planner_.rows_[index];
    if (row.waits) return UnremovableReason::RecentlyUnremovable;
    if (!row.plain) {
      const NodeFacts& node = input_.facts[index];
      if (node.being_deleted(input_.now)) return UnremovableReason::CurrentlyBeingDeleted;
      if (node.scale_down_disabled) return UnremovableReason::ScaleDownDisabledAnnotation;
      if (node.group == kNoGroup) return UnremovableReason::NotAutoscaled;
      if (!planner_.options_.scale_down_unready_enabled && !node.ready)
        return UnremovableReason::ScaleDownUnreadyDisabled;
    }
    return judge_utilization(index);
  }

  UnremovableReason judge_utilization(std::size_t index) {
    static const Utilization kUnknown;
    const Row& row = planner_.rows_[index];  // measured as a candidate
    if (!input_.deletions.evicted.empty()) planner_.make_sure(index, input_, simulation_);
    if (!row.usable && planner_.semantics_.utilization_error_blocks)
      return UnremovableReason::UnexpectedError;
    const Result<Utilization>& used = planner_.entries_[index]->used;
    planner_.state_.utilization[index] = used ? &*used : &kUnknown;
    return planner_.may_go(row) ? UnremovableReason::None : UnremovableReason::NotUnderutilized;
  }

  std::optional<Removable> try_removal(std::size_t index) {
    const NodeId id = input_.ids[index];
    const std::span<const PodRef> pods(simulation_.pods(id));
    // What moved here was found to move, and only budgets can have changed since.
    const std::size_t to_judge = pods.size() - (budgets_.empty() ? moved_to(id) : 0);
    PodsToMove moving = pods_to_move_of(index, pods.first(to_judge));
    if (moving.blocking_pod != nullptr) {
      leave(index, {UnremovableReason::BlockedByPod, moving.blocking_pod, moving.reason});
      return std::nullopt;
    }
    const std::span<const PodRef> moved_here = pods.subspan(to_judge);
    moving.pods.insert(moving.pods.end(), moved_here.begin(), moved_here.end());
    if (!move(id, moving.pods)) {
      leave(index, {UnremovableReason::NoPlaceToMovePods, nullptr, BlockingReason::None});
      return std::nullopt;
    }
    destinations_.erase(id);
    Removable removable{name(index),
                        index,
                        view(index).group,
                        std::move(moving.pods),
                        std::move(moving.daemonset_pods),
                        false,
                        input_.now};
    removable.risky = !budgets_.can_remove(removable.pods_to_move).in_parallel;
    budgets_.remove(removable.pods_to_move);
    return removable;
  }

  // How many of the first pods are of DaemonSets is kept: only whether those sets exist decides it.
  PodsToMove pods_to_move_of(std::size_t index, std::span<const PodRef> pods) {
    const Controllers* controllers = input_.seen.controllers.get();
    const std::uint64_t version = controllers == nullptr ? 0 : controllers->version;
    Entry& entry = *planner_.entries_[index];
    const bool as_seen =
        version != 0 && planner_.rows_[index].measured && pods.size() == entry.view->pods.size();
    const std::size_t known =
        as_seen && entry.daemonset_pods_by == version ? entry.daemonset_pods_first : 0;
    PodsToMove moving =
        pods_to_move(pods, {planner_.drain_, budgets_, controllers, input_.now}, known);
    entry.daemonset_pods_first = moving.daemonset_pods_first;
    entry.daemonset_pods_by = as_seen ? version : 0;
    return moving;
  }

  // The node stays, empty of them, so that it still counts as a topology domain.
  bool move(NodeId from, const std::vector<PodRef>& pods) {
    const std::vector<state::PodEntry> entries = entries_of(pods, from);
    simulation_.fork();
    simulation_.remove_pods(pods, from);
    const std::vector<NodeId> placed =
        planner_.mover_.place(pods, entries, {.allowed = &destinations_, .except = from},
                              OnFailure::Stop, simulation_, shapes_);
    if (placed.empty() || placed.back() != kNoNode) {
      simulation_.commit();
      if (!placed.empty()) moved_.resize(static_cast<std::size_t>(simulation_.end()));
      for (const NodeId to : placed) ++moved_[static_cast<std::size_t>(to)];
      return true;
    }
    simulation_.revert();
    return false;
  }

  // `pods` are some of the node's, in order.
  std::vector<state::PodEntry> entries_of(const std::vector<PodRef>& pods, NodeId node) const {
    std::vector<state::PodEntry> entries;
    entries.reserve(pods.size());
    const std::vector<PodRef>& all = simulation_.pods(node);
    for (std::size_t i = 0; entries.size() < pods.size(); ++i)
      if (all[i] == pods[entries.size()]) entries.push_back(simulation_.entries(node)[i]);
    return entries;
  }

  std::size_t moved_to(NodeId node) const {
    const auto at = static_cast<std::size_t>(node);
    return at < moved_.size() ? moved_[at] : 0;
  }

  void leave(std::size_t index, Unremovable why) {
    const Instant recheck_at = input_.now + planner_.options_.unremovable_node_recheck_timeout;
    planner_.entries_[index]->recheck_at = recheck_at;
    planner_.rows_[index].waits = true;
    keep_earliest(planner_.next_recheck_, recheck_at);
    planner_.waiting_.push_back(index);
    const std::vector<std::size_t>& due = planner_.rechecked_;
    if (!std::binary_search(due.begin(), due.end(), index)) planner_.new_rechecks_ = true;
    planner_.state_.unremovable[index] = std::move(why);
  }

  ScaleDownPlanner& planner_;
  const ScaleDownInput& input_;
  Simulation& simulation_;
  PodShapes& shapes_;
  DisruptionBudgets budgets_;
  const bool deleting_ = input_.deletions.any();
  state::NodeSet destinations_;
  std::vector<std::uint32_t> moved_;  // pods to each node; as long as it has to be
};

ScaleDownPlanner::ScaleDownPlanner(const Options& options)
    : options_(options),
      semantics_(options.semantics()),
      drain_(DrainOptions::of(options)),
      limits_(options),
      shortest_interval_(options.scale_down_unneeded_time) {
  if (shortest_interval_ <= Duration()) shortest_interval_ = Duration::nanoseconds(1);
}

const DisruptionBudgets& ScaleDownPlanner::budgets(const Observation& seen) {
  if (seen.budgets_version == 0 || seen.budgets_version != budgets_version_)
    budgets_ = DisruptionBudgets(seen.budgets);
  budgets_version_ = seen.budgets_version;
  return budgets_;
}

void ScaleDownPlanner::touch(std::size_t index) {
  if (!std::exchange(rows_[index].touched, true)) touched_.push_back(index);
}

void ScaleDownPlanner::touch_all() {
  for (std::size_t i = 0; i < rows_.size(); ++i) touch(i);
}

// Finds anew how the touched nodes stand, and with them the candidates, if any differ.
void ScaleDownPlanner::settle(const ScaleDownInput& input, const Simulation& simulation) {
  touch_imagined(input, simulation);
  for (const std::size_t i : std::exchange(touched_, {})) {
    rows_[i].touched = false;
    settle(i, input, simulation);
  }
  const bool reordered = std::exchange(order_stale_, false);
  if (reordered) order_candidates();
  if (std::exchange(undecided_stale_, false) || reordered) find_undecided();
  leave_out_deleted(input, simulation);
}

// Nothing is said of nodes that are being deleted.
void ScaleDownPlanner::leave_out_deleted(const ScaleDownInput& input,
                                         const Simulation& simulation) {
  for (const auto* names : {&input.deletions.empty, &input.deletions.drain})
    for (const std::string& name : *names) {
      const NodeId id = simulation.find(name);
      const std::size_t i = id == kNoNode ? kNowhere : row_of(id);
      if (i == kNowhere) continue;
      state_.unremovable[i] = {};
      state_.utilization[i] = nullptr;
      touch(i);
    }
}

void ScaleDownPlanner::settle(std::size_t index, const ScaleDownInput& input,
                              const Simulation& simulation) {
  Row& row = rows_[index];
  const std::uint8_t rank_before = row.rank;
  const bool busy_before = row.busy;
  row.rank = kNoCandidate;
  row.busy = false;
  if (row.group != kNoGroup && input.ids[index] != kNoNode &&
      groups_[static_cast<std::size_t>(row.group)].open) {
    make_sure(index, input, simulation);
    row.rank = static_cast<std::uint8_t>((row.empty ? 0 : 2) + (row.unneeded ? 0 : 1));
    row.busy = row.plain && !row.waits && row.usable && !may_go(row);
  }
  order_stale_ = order_stale_ || row.rank != rank_before;
  undecided_stale_ = undecided_stale_ || row.busy != busy_before;
  state_.unremovable[index] = {
      row.busy ? UnremovableReason::NotUnderutilized : UnremovableReason::None, nullptr,
      BlockingReason::None};
  state_.utilization[index] = row.busy ? &*entries_[index]->used : nullptr;
}

bool ScaleDownPlanner::may_go(const Row& row) const {
  const GroupRow& group = groups_[static_cast<std::size_t>(row.group)];
  const double threshold = row.has_gpu ? group.gpu_threshold : group.threshold;
  return semantics_.threshold_is_inclusive ? row.used <= threshold : row.used < threshold;
}

void ScaleDownPlanner::order_candidates() {
  std::vector<std::size_t>& order = state_.candidates;
  order.clear();
  bool sorted = true;
  std::uint8_t last = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::uint8_t rank = rows_[i].rank;
    if (rank == kNoCandidate) continue;
    sorted = sorted && last <= rank;
    last = rank;
    order.push_back(i);
  }
  if (!sorted)
    GoSorter(
        [&](std::size_t i, std::size_t j) { return rows_[order[i]].rank < rows_[order[j]].rank; },
        [&](std::size_t i, std::size_t j) { std::swap(order[i], order[j]); })
        .sort(order.size());
}

void ScaleDownPlanner::find_undecided() {
  undecided_.clear();
  for (const std::size_t i : state_.candidates)
    if (!rows_[i].busy) undecided_.push_back(i);
}

// Measures the node unless what is known of it holds.
void ScaleDownPlanner::make_sure(std::size_t index, const ScaleDownInput& input,
                                 const Simulation& simulation) {
  const Row& row = rows_[index];
  const GroupRow& group = groups_[static_cast<std::size_t>(row.group)];
  if (!row.measured || row.ignored_daemonsets != group.ignore_daemonsets ||
      simulation.pods(input.ids[index]).size() != entries_[index]->view->pods.size())
    measure(index, input, simulation);
}

void ScaleDownPlanner::measure(std::size_t index, const ScaleDownInput& input,
                               const Simulation& simulation) {
  Row& row = rows_[index];
  Entry& known = *entries_[index];
  const NodeView& view = *known.view;
  const std::vector<PodRef>& pods = simulation.pods(input.ids[index]);
  const std::vector<state::PodEntry>& entries = simulation.entries(input.ids[index]);
  const bool as_seen = pods.size() == view.pods.size();  // nothing is imagined on it
  const bool passing = std::any_of(entries.begin(), entries.end(), [](const auto& pod) {
    return pod.terminating;
  });  // time decides
  row.measured = as_seen && !passing;
  row.ignored_daemonsets = groups_[static_cast<std::size_t>(row.group)].ignore_daemonsets;
  row.empty = is_empty(pods, drain_, input.now);
  known.used = utilization(
      *view.node, pods, entries,
      {row.ignored_daemonsets, options_.ignore_mirror_pods_utilization, semantics_}, input.now);
  row.usable = known.used.has_value();
  row.used = row.usable ? known.used->value : 0;
  row.has_gpu = row.usable && known.used->of_gpu;
  if (!row.measured) touch(index);
}

void ScaleDownPlanner::align(const ScaleDownInput& input) {
  const Observation& seen = input.seen;
  if (!align_changed(seen)) align_all(seen);
  aligned_version_ = seen.version;
  const bool same_facts = input.facts_version != 0 && input.facts_version == facts_version_;
  facts_version_ = input.facts_version;
  if (same_facts) return;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const NodeFacts& node = input.facts[i];
    const bool plain = node.ready && !node.deleted_since && !node.scale_down_disabled;
    if (std::exchange(rows_[i].plain, plain) != plain) touch(i);
  }
}

// False: more may differ than the views that the observation names.
bool ScaleDownPlanner::align_changed(const Observation& seen) {
  if (seen.version == 0 || entries_.size() != seen.nodes.size()) return false;
  if (seen.version != aligned_version_) {
    if (seen.version != aligned_version_ + 1 || !seen.changed_nodes) return false;
    for (const std::size_t i : *seen.changed_nodes) take(i, seen.nodes[i]);
  }
  settled_ = true;
  return true;
}

void ScaleDownPlanner::take(std::size_t index, const std::shared_ptr<const NodeView>& view) {
  entries_[index]->view = view;
  entries_[index]->daemonset_pods_by = 0;
  rows_[index].group = view->group;
  rows_[index].measured = false;
  touch(index);
}

// What is known follows its node, by name.
void ScaleDownPlanner::align_all(const Observation& seen) {
  const auto name_now = [&](std::size_t i) -> std::string_view {
    return seen.nodes[i]->node->metadata.name;
  };
  const auto name_before = [&](std::size_t b) -> std::string_view {
    return entries_[b]->view->node->metadata.name;
  };
  follow(Places(places_before(
      seen.nodes.size(), entries_.size(),
      [&](std::size_t i, std::size_t b) {
        return entries_[b]->view == seen.nodes[i] || name_before(b) == name_now(i);
      },
      name_now, name_before)));
  unneeded_.clear();
  touched_.clear();
  waiting_.clear();
  next_recheck_.reset();
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (std::exchange(rows_[i].touched, false)) touch(i);
    if (entries_[i]->view != seen.nodes[i]) take(i, seen.nodes[i]);
    if (rows_[i].unneeded) unneeded_.push_back(i);
    if (!rows_[i].waits) continue;
    waiting_.push_back(i);
    keep_earliest(next_recheck_, entries_[i]->recheck_at);
  }
  order_stale_ = moved_ = true;
}

// `places`: of the nodes in the pass before; kNowhere: it is new.
void ScaleDownPlanner::follow(const Places& places) {
  const std::vector<Row> gone = follow_places(rows_, places);
  settled_ = std::none_of(gone.begin(), gone.end(),
                          [](const Row& row) { return row.unneeded || row.waits; });
  follow_places(entries_, places);
  follow_places(state_.unremovable, places);
  follow_places(state_.utilization, places);
  for (const NodeId id : follow_places(ids_, places)) forget_id(id);
  for (std::unique_ptr<Entry>& entry : entries_)
    if (entry == nullptr) entry = std::make_unique<Entry>();
}

void ScaleDownPlanner::read_groups(const ScaleDownInput& input) {
  std::vector<GroupRow> groups;
  groups.reserve(input.seen.groups.size());
  for (std::size_t g = 0; g < input.seen.groups.size(); ++g) {
    const GroupView& group = input.seen.groups[g];
    const bool held = input.held_groups != nullptr && (*input.held_groups)[g] != 0;
    groups.push_back({!held && group.target_size > group.min_size,
                      group.options.ignore_daemonsets_utilization,
                      group.options.scale_down_utilization_threshold,
                      group.options.scale_down_gpu_utilization_threshold});
  }
  if (groups == groups_) return;
  groups_ = std::move(groups);
  touch_all();
}

void ScaleDownPlanner::read_ids(const std::vector<NodeId>& ids) {
  const bool moved = std::exchange(moved_, false);
  if (!moved && ids == ids_) return;
  ids_.resize(ids.size(), kNoNode);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids_[i] == ids[i]) continue;
    forget_id(ids_[i]);
    touch(i);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!moved && ids_[i] == ids[i]) continue;
    ids_[i] = ids[i];
    if (ids[i] == kNoNode) continue;
    const auto at = static_cast<std::size_t>(ids[i]);
    if (at >= row_of_.size()) row_of_.resize(at + 1, kNowhere);
    row_of_[at] = i;
    all_.insert(ids[i]);
  }
}

void ScaleDownPlanner::forget_id(NodeId id) {
  if (row_of(id) == kNowhere) return;
  row_of_[static_cast<std::size_t>(id)] = kNowhere;
  all_.erase(id);
}

std::size_t ScaleDownPlanner::row_of(NodeId id) const {
  const auto at = static_cast<std::size_t>(id);
  return at < row_of_.size() ? row_of_[at] : kNowhere;
}

// What is imagined on a node decides how it stands, in this pass.
void ScaleDownPlanner::touch_imagined(const ScaleDownInput& input, const Simulation& simulation) {
  const auto changed = input.fork ? simulation.changes_since(*input.fork) : std::nullopt;
  if (!changed) return touch_all();
  for (const NodeId id : *changed)
    if (const std::size_t i = row_of(id); i != kNowhere) touch(i);
}

void ScaleDownPlanner::start_pass(const ScaleDownInput& input) {
  if (last_update_) shortest_interval_ = std::min(shortest_interval_, input.now - *last_update_);
  if (shortest_interval_ <= Duration()) shortest_interval_ = Duration::nanoseconds(1);
  last_update_ = input.now;
  align(input);
  read_groups(input);
  read_ids(input.ids);
  start_rechecks(input.now);
  state_.unneeded.clear();
}

void ScaleDownPlanner::start_rechecks(Instant now) {
  rechecked_.clear();
  new_rechecks_ = false;
  if (!next_recheck_ || *next_recheck_ > now) return;
  next_recheck_.reset();
  std::erase_if(waiting_, [&](std::size_t i) {
    std::optional<Instant>& at = entries_[i]->recheck_at;
    if (*at > now) {
      keep_earliest(next_recheck_, at);
      return false;
    }
    at.reset();
    rows_[i].waits = false;
    touch(i);
    rechecked_.push_back(i);
    return true;
  });
  std::sort(rechecked_.begin(), rechecked_.end());
}

// The same nodes wait as before the pass.
bool ScaleDownPlanner::rechecks_settled() const {
  return !new_rechecks_ && std::all_of(rechecked_.begin(), rechecked_.end(),
                                       [&](std::size_t i) { return rows_[i].waits; });
}

// Once nodes are unneeded for long enough, this many go in each loop; more need not be known.
std::size_t ScaleDownPlanner::unneeded_limit() const {
  const std::int64_t parallelism = options_.max_scale_down_parallelism;
  const std::int64_t limit = static_cast<std::int64_t>(unneeded_nodes_) + 2 * parallelism;
  const Duration unneeded_time = std::max(options_.scale_down_unneeded_time, shortest_interval_);
  const std::int64_t loops = unneeded_time.nanoseconds() / shortest_interval_.nanoseconds();
  return static_cast<std::size_t>(std::min(limit, parallelism * loops + parallelism));
}

void ScaleDownPlanner::keep_unneeded_since(std::vector<Removable>& found, Instant now) {
  const std::vector<std::size_t> before = std::move(unneeded_);
  for (const std::size_t i : before) rows_[i].unneeded = false;
  unneeded_.clear();
  for (Removable& removable : found) {
    std::optional<Instant>& since = entries_[removable.index]->unneeded_since;
    if (!since) since = now;
    removable.since = *since;
    rows_[removable.index].unneeded = true;
    unneeded_.push_back(removable.index);
  }
  if (before != unneeded_)
    for (const std::vector<std::size_t>* list : {&before, &std::as_const(unneeded_)})
      for (const std::size_t i : *list) touch(i);
  settled_ = settled_ && before.size() == unneeded_.size();
  for (const std::size_t i : before) {
    if (rows_[i].unneeded) continue;
    settled_ = false;
    entries_[i]->unneeded_since.reset();
  }
  unneeded_nodes_ = found.size();
}

const ScaleDownState& ScaleDownPlanner::update(const ScaleDownInput& input, Simulation& simulation,
                                               PodShapes& shapes) {
  const std::uint64_t searched_before = mover_.searched() + evicted_.searched();
  const Duration interval_before = shortest_interval_;
  start_pass(input);
  settle(input, simulation);
  simulation.fork();
  evicted_.place(input.deletions.evicted, {}, {}, OnFailure::Stop, simulation, shapes);
  Pass pass(*this, input, simulation, shapes);
  std::vector<Removable> found = pass.run();
  simulation.revert();
  keep_unneeded_since(found, input.now);
  state_.unneeded = std::move(found);
  mover_.drop_old_hints();
  evicted_.drop_old_hints();
  settled_ = settled_ && shortest_interval_ == interval_before &&
             searched_before == mover_.searched() + evicted_.searched() && rechecks_settled();
  return state_;
}

UnremovableReason ScaleDownPlanner::waiting_reason(const Removable& removable,
                                                   const ScaleDownInput& input,
                                                   std::vector<std::int64_t>& sizes,
                                                   ClusterAmounts& above) const {
  const NodeFacts& node = input.facts[removable.index];
  if (node.scale_down_disabled) return UnremovableReason::ScaleDownDisabledAnnotation;
  const GroupView* group = group_of(input.seen, node.group);
  if (group == nullptr) return UnremovableReason::NotAutoscaled;
  const Duration wait =
      node.ready ? group->options.scale_down_unneeded_time : group->options.scale_down_unready_time;
  if (removable.since + wait >= input.now)
    return node.ready ? UnremovableReason::NotUnneededLongEnough
                      : UnremovableReason::NotUnreadyLongEnough;
  std::int64_t& size = sizes[static_cast<std::size_t>(node.group)];
  const auto deleting = input.deletions.by_group.find(group->id);
  const std::int64_t going = deleting == input.deletions.by_group.end() ? 0 : deleting->second;
  if (size - going <= group->min_size) return UnremovableReason::NodeGroupMinSizeReached;
  if (!ResourceLimits::take(above, *input.seen.nodes[removable.index]->node))
    return UnremovableReason::MinimalResourceLimitExceeded;
  --size;
  return UnremovableReason::None;
}

NodesToDelete ScaleDownPlanner::nodes_to_delete(const ScaleDownInput& input) {
  if (state_.unneeded.empty()) return {};
  std::vector<std::int64_t> sizes;
  for (const GroupView& group : input.seen.groups) sizes.push_back(group.target_size);
  ClusterAmounts above = limits_.above_minimum(input.seen, input.now);
  std::vector<Removable> now;
  for (const bool empty : {true, false})
    for (const bool risky : {false, true})
      for (const Removable& removable : state_.unneeded) {
        if (removable.pods_to_move.empty() != empty || removable.risky != risky) continue;
        const UnremovableReason reason = waiting_reason(removable, input, sizes, above);
        if (reason == UnremovableReason::None)
          now.push_back(removable);
        else
          state_.unremovable[removable.index] = {reason, nullptr, BlockingReason::None};
      }
  const auto most = static_cast<std::size_t>(options_.max_scale_down_parallelism);
  if (now.size() > most) now.resize(most);
  NodesToDelete result;
  for (Removable& removable : now)
    (removable.pods_to_move.empty() ? result.empty : result.drain).push_back(std::move(removable));
  return result;
}

bool ScaleDownPlanner::must_look_again(Instant since) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry->recheck_at &&
           *entry->recheck_at - options_.unremovable_node_recheck_timeout < since;
  });
}

void ScaleDownPlanner::forget_unneeded() {
  for (const auto& entry : entries_) entry->unneeded_since.reset();
  unneeded_nodes_ = 0;
  state_.unneeded.clear();
}

std::optional<Instant> ScaleDownPlanner::next_change(const Observation& seen, Instant now) const {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  if (next_recheck_ && *next_recheck_ > now) {
    consider(*next_recheck_);
  } else {
    for (const std::size_t i : waiting_) consider(*entries_[i]->recheck_at);
  }
  for (const Removable& removable : state_.unneeded) {
    const GroupView* group = group_of(seen, removable.group);
    if (group == nullptr) continue;
    consider(removable.since + group->options.scale_down_unneeded_time + kPast);
    consider(removable.since + group->options.scale_down_unready_time + kPast);
  }
  return next;
}

NodesToDelete crop_to_budget(NodesToDelete nodes, const Deletions& deletions,
                             const Options& options) {
  const auto crop = [](std::vector<Removable>& list, std::int64_t budget) {
    std::vector<Removable> kept;
    std::vector<std::int32_t> groups;
    for (const Removable& one : list)
      if (std::find(groups.begin(), groups.end(), one.group) == groups.end())
        groups.push_back(one.group);
    for (const std::int32_t group : groups)
      for (Removable& one : list)
        if (one.group == group && static_cast<std::int64_t>(kept.size()) < budget)
          kept.push_back(std::move(one));
    list = std::move(kept);
  };
  const auto draining = static_cast<std::int64_t>(deletions.drain.size());
  std::int64_t all = options.max_scale_down_parallelism - draining -
                     static_cast<std::int64_t>(deletions.empty.size());
  crop(nodes.empty, all);
  all -= static_cast<std::int64_t>(nodes.empty.size());
  crop(nodes.drain, std::min(all, options.max_drain_parallelism - draining));
  return nodes;
}

}  // namespace gputide::scaling
