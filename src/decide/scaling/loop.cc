#include "decide/scaling/loop.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/go_sort.h"
#include "decide/scaling/pods.h"
#include "decide/scaling/request_capacity.h"
#include "decide/scaling/taints.h"

namespace gputide::scaling {
namespace {

constexpr std::size_t kMostConsumersTold = 50;  // in a loop
constexpr const char* kDelayAnnotation = "cluster-autoscaler.kubernetes.io/pod-scale-up-delay";
// The simulation is built anew when so many of its node ids are of nodes that are gone.
constexpr NodeId kWornIds = 4096;
// Copies of what this loop buys are numbered from here on, behind those of what is on its way.
constexpr std::int64_t kBoughtNumbers = 10000;

Instant created(const model::Pod& pod) {
  return pod.metadata.creationTimestamp.value_or(Instant());
}

}  // namespace

// One run of the loop over a state.
class LoopRun {
 public:
  LoopRun(const Observation& seen, const Deletions& deletions, LoopState& state, Instant now,
          Rng* rng)
      : seen_(seen), deletions_(deletions), state_(state), now_(now), rng_(rng) {
    for (const GroupView& group : seen.groups) targets_.push_back(group.target_size);
  }

  Plan run() {
    state_.waiting_.reset();
    state_.may_retry_ = false;
    settled_ = seen_.version != 0;
    const bool unchanged = settled_ && seen_.version == state_.last_version_;
    if (!unchanged) state_.last_change_ = now_;
    state_.last_version_ = seen_.version;
    state_.requests_.begin(seen_, now_);
    if (start()) {
      add_upcoming();
      fork_ = state_.simulation_.sequence();
      state_.simulation_.fork();
      act();
      state_.simulation_.revert();
    } else {
      settled_ = false;
    }
    state_.requests_.end(plan_);
    plan_.settled = settled_ && (unchanged || quiet()) && !plan_.productive() &&
                    plan_.drop.empty() && plan_.resize.empty() && plan_.requests.empty() &&
                    plan_.delete_requests.empty();
    tell_next();
    return std::move(plan_);
  }

 private:
  const Semantics& rules() const { return state_.rules_.semantics; }
  const Options& options() const { return state_.rules_.options; }
  void status_event(bool warning, std::string reason, std::string message) {
    plan_.events.push_back(
        {PlanEvent::About::Status, {}, {}, warning, std::move(reason), std::move(message)});
  }

  // Nothing is under way, and this loop changed nothing that it remembers: the next one would find
  // the same.
  bool quiet() const {
    return seen_.pending.empty() && seen_.requests.empty() && deletions_.by_group.empty() &&
           upcoming_nodes_ == 0 && state_.cluster_.quiet() && plan_.events.empty() &&
           plan_.unneeded.empty() && plan_.soft_taints.empty();
  }

  // ---- what is there ----

  // False: the loop ends here.
  bool start() {
    take_over_known();
    if (!options().scale_up_from_zero && ready_nodes_ == 0) {
      status_event(true, "ClusterUnhealthy", "Cluster has no ready nodes.");
      plan_.outcome = Outcome::Unhealthy;
      return false;
    }
    if (const Result<void> found = state_.templates_.update(seen_, state_.nodes_.facts(),
                                                            state_.nodes_.facts_version(), now_);
        !found) {
      plan_.outcome = Outcome::Failed;
      status_event(true, "FailedToBuildTemplates", found.error().message);
      return false;
    }
    state_.cluster_.update(seen_, state_.nodes_.facts(), state_.nodes_.facts_version(), now_,
                           plan_.events);
    if (drop_long_unregistered()) {
      plan_.outcome = Outcome::Repaired;
      return false;
    }
    if (!state_.cluster_.cluster_healthy()) {
      state_.planner_.forget_unneeded();
      status_event(true, "ClusterUnhealthy", "Cluster is unhealthy");
      plan_.outcome = Outcome::Unhealthy;
      return false;
    }
    for (DropInstances& drop : state_.cluster_.creation_errors())
      plan_.drop.push_back(std::move(drop));
    if (correct_sizes()) {
      plan_.outcome = Outcome::Repaired;
      return false;
    }
    synchronise();
    return true;
  }

  // Node ids are not used again: after many of them the simulation begins anew.
  void take_over_known() {
    const NodeId worn = static_cast<NodeId>(2 * seen_.nodes.size()) + kWornIds;
    if (state_.simulation_.end() > worn) state_.simulation_.take_off_top();
    if (state_.simulation_.end() > worn) {
      state_.simulation_ = Simulation();
      state_.nodes_.forget_ids();
      state_.copies_.clear();
      state_.schedulable_.forget_entries();
      state_.requested_.forget_entries();
    }
    if (seen_.storage != nullptr) state_.simulation_.set_storage(*seen_.storage);
    state_.nodes_.take(seen_, {state_.taints_, rules(), options()}, state_.simulation_);
    ready_nodes_ = state_.nodes_.summary().ready;
  }

  // Instances that never became nodes are given up, down to the group's minimum.
  bool drop_long_unregistered() {
    std::map<std::int32_t, std::vector<std::string>> by_group;
    for (const UnregisteredInstance& instance : state_.cluster_.unregistered())
      if (instance.is_long) by_group[instance.group].push_back(instance.provider_id);
    bool any = false;
    for (auto& [index, ids] : by_group) {
      const GroupView& group = seen_.groups[static_cast<std::size_t>(index)];
      if (!options().force_delete_unregistered_nodes) {
        const std::int64_t most = group.target_size - group.min_size;
        if (most <= 0) continue;
        if (static_cast<std::int64_t>(ids.size()) > most)
          ids.resize(static_cast<std::size_t>(most));
      }
      plan_.drop.push_back({DropInstances::Why::NeverRegistered, group.id, std::move(ids)});
      any = true;
    }
    return any;
  }

  bool correct_sizes() {
    bool any = false;
    for (const WrongSize& wrong : state_.cluster_.wrong_sizes(now_))
      for (const GroupView& group : seen_.groups)
        if (group.id == wrong.group &&
            wrong.registered >= static_cast<std::int64_t>(group.instances.size())) {
          plan_.resize.push_back({group.id, group.target_size, wrong.registered, group.max_size, 0,
                                  0,
                                  fmt::format("only {} of {} nodes have come for long",
                                              wrong.registered, wrong.target),
                                  now_});
          any = true;
        }
    return any;
  }

  // Upcoming copies stand for the nodes that still start.
  void synchronise() {
    std::vector<std::size_t> starting;
    for (std::size_t g = 0; g < seen_.groups.size(); ++g)
      if (state_.cluster_.upcoming(g) > 0) {
        const std::vector<std::size_t>& mine = state_.cluster_.count(g).starting;
        starting.insert(starting.end(), mine.begin(), mine.end());
      }
    state_.nodes_.synchronise(std::move(starting), {state_.taints_, rules(), options()},
                              state_.simulation_);
  }

  // ---- what is to be done ----

  void act() {
    const bool scaled = help_pods();
    if (scaled) state_.last_added_ = now_;
    if (!(scaled && rules().scale_up_ends_loop) && options().scale_down_enabled) scale_down(scaled);
    if (options().enforce_node_group_min_size && !(scaled && rules().scale_up_ends_loop))
      enforce_minimum();
  }

  // They stay from look to look for as long as nothing beneath them changes.
  void add_upcoming() {
    state_.copies_.resize(seen_.groups.size());
    state_.upcoming_.resize(seen_.groups.size());
    bool same = state_.simulation_.has_top();
    for (std::size_t g = 0; g < seen_.groups.size(); ++g) {
      const std::int64_t count = state_.cluster_.upcoming(g);
      upcoming_nodes_ += count;
      same = state_.copies_[g].use(state_.templates_.of(g)) && same;
      same = std::exchange(state_.upcoming_[g], count) == count && same;
    }
    if (same) return;
    state_.simulation_.put_on_top([this] {
      for (std::size_t g = 0; g < seen_.groups.size(); ++g) {
        TemplateCopies& copies = state_.copies_[g];
        if (state_.templates_.of(g) == nullptr) continue;
        for (std::int64_t i = 0; i < state_.upcoming_[g]; ++i)
          state_.simulation_.add_node(copies.upcoming(static_cast<std::size_t>(i)),
                                      copies.node().pods, copies.entries(state_.simulation_));
      }
    });
  }

  void add_bought(std::size_t group, std::int64_t from, std::int64_t to) {
    if (state_.templates_.of(group) == nullptr) return;
    TemplateCopies& copies = state_.copies_[group];
    for (std::int64_t i = from; i < to; ++i)
      state_.simulation_.add_node(
          copy_of(copies.node(), fmt::format("{}-upcoming-{}", copies.node().node.metadata.name,
                                             kBoughtNumbers + i)),
          copies.node().pods, copies.entries(state_.simulation_));
  }

  // The pending pods that need more nodes; those that fit what is there or on its way are placed.
  std::vector<PodRef> pods_to_help() {
    std::vector<PodRef> pending;
    for (const PodRef& pod : seen_.pending) {
      if (is_expendable(*pod, options())) continue;
      const NodeId nominated = pod->status.nominatedNodeName.empty()
                                   ? kNoNode
                                   : state_.simulation_.find(pod->status.nominatedNodeName);
      if (nominated == kNoNode)
        pending.push_back(pod);
      else
        state_.simulation_.add_pod(pod, nominated);
    }
    if (!deletions_.drain.empty())
      for (const auto& view : seen_.nodes)
        if (deletions_.drain.contains(view->node->metadata.name))
          for (const PodRef& pod : view->pods)
            if (is_recreatable(*pod)) pending.push_back(pod);
    std::vector<PodRef> left = unplaced(std::move(pending));
    if (options().enable_provisioning_requests) leave_out_consumers(left);
    return old_enough(std::move(left));
  }

  // What pods were promised by a ProvisioningRequest is not bought for them a second time.
  void leave_out_consumers(std::vector<PodRef>& pods) {
    std::set<std::string, std::less<>> told;
    std::size_t fresh = 0;
    std::erase_if(pods, [&](const PodRef& pod) {
      const std::string* request = consumed_request(*pod);
      if (request == nullptr) return false;
      const model::ObjectMeta& meta = pod->metadata;
      std::string key = meta.namespace_ + "/" + meta.name;
      if (!state_.told_consumers_.contains(key)) {
        if (fresh == kMostConsumersTold) return true;
        ++fresh;
        plan_.events.push_back(
            {PlanEvent::About::Pod, meta.namespace_, meta.name, false, "",
             fmt::format("Unschedulable pod didn't trigger scale-up, because it's consuming "
                         "ProvisioningRequest {}/{}",
                         meta.namespace_, *request)});
      }
      told.insert(std::move(key));
      return true;
    });
    state_.told_consumers_ = std::move(told);
  }

  std::vector<PodRef> unplaced(std::vector<PodRef> pods) {
    if (pods.empty()) return pods;
    go_sort(pods,
            [](const PodRef& a, const PodRef& b) { return priority_of(*a) > priority_of(*b); });
    const std::uint64_t searched = state_.schedulable_.searched();
    const std::vector<NodeId> placed = state_.schedulable_.place(
        pods, {}, {}, OnFailure::GoOn, state_.simulation_, state_.shapes_);
    settled_ = settled_ && searched == state_.schedulable_.searched();
    std::vector<PodRef> left;
    for (std::size_t i = 0; i < pods.size(); ++i)
      if (placed[i] == kNoNode && !is_daemonset_pod(*pods[i])) left.push_back(std::move(pods[i]));
    return left;
  }

  std::vector<PodRef> old_enough(std::vector<PodRef> pods) {
    std::erase_if(pods, [&](const PodRef& pod) {
      Duration delay = options().new_pod_scale_up_delay;
      const auto asked = pod->metadata.annotations.find(kDelayAnnotation);
      if (asked != pod->metadata.annotations.end())
        if (const Result<Duration> own = Duration::parse(asked->second); own && *own > delay)
          delay = *own;
      const Instant ready_at = created(*pod) + delay + kPast;
      if (ready_at <= now_) return false;
      keep_earliest(state_.waiting_, ready_at);
      return true;
    });
    return pods;
  }

  // Pods that came just now may have siblings that are still to come.
  bool all_new(const std::vector<PodRef>& pods) {
    std::optional<Instant> oldest;
    std::optional<Instant> oldest_gpu;
    for (const PodRef& pod : pods) {
      keep_earliest(oldest, created(*pod));
      if (requests_gpu(*pod, rules())) keep_earliest(oldest_gpu, created(*pod));
    }
    std::optional<Instant> until;
    if (*oldest + rules().new_pod_wait > now_) until = *oldest + rules().new_pod_wait;
    if (oldest_gpu && *oldest_gpu + rules().new_gpu_pod_wait > now_)
      until = std::max(until.value_or(now_), *oldest_gpu + rules().new_gpu_pod_wait);
    keep_earliest(state_.waiting_, until);
    return until.has_value();
  }

  // True when something grows.
  bool help_pods() {
    std::vector<PodRef> pods = pods_to_help();
    state_.schedulable_.drop_old_hints();
    const std::optional<std::size_t> request = take_request();
    if (pods.empty() && !request) return false;
    if (!may_scale_up(pods, request) && !(request && rules().requests_back_off)) return false;
    return requests_turn(!pods.empty(), request.has_value()) ? provision(*request)
                                                             : help(std::move(pods));
  }

  bool may_scale_up(std::vector<PodRef> pods, std::optional<std::size_t> request) {
    if (options().max_nodes_total > 0 && ready_nodes_ >= options().max_nodes_total) {
      plan_.outcome = Outcome::NoOptions;
      return false;
    }
    if (request) {
      const std::vector<PodRef>& asked = state_.requests_.pods(*request);
      pods.insert(pods.end(), asked.begin(), asked.end());
    }
    if (options().bypassed_scheduler_names.empty() && all_new(pods)) {
      plan_.outcome = Outcome::Waiting;
      scale_down_waits_ = true;
      return false;
    }
    return true;
  }

  // True when something grows.
  bool help(std::vector<PodRef> pods) {
    for (int round = 0; rules().options_per_loop == 0 || round < rules().options_per_loop;
         ++round) {
      if (pods.empty()) break;
      ScaleUpResult result = scale_up(pods, scale_up_input(false), state_.rules_,
                                      state_.simulation_, state_.shapes_, rng_);
      for (PlanEvent& event : result.events) plan_.events.push_back(std::move(event));
      if (result.resize.empty()) {
        if (round == 0) tell_unhelped(result);
        break;
      }
      execute(result);
      if (rules().options_per_loop != 1) pods = left_after(pods, result);
    }
    if (plan_.resize.empty()) return false;
    plan_.outcome = Outcome::ScaledUp;
    return true;
  }

  // ---- ProvisioningRequests ----

  // The one whose turn it is; the pods of those that are booked have their places from here on.
  std::optional<std::size_t> take_request() {
    if (!options().enable_provisioning_requests) return std::nullopt;
    std::optional<std::size_t> request = state_.requests_.take_next();
    const std::vector<PodRef> booked = state_.requests_.booked();
    const std::uint64_t searched = state_.requested_.searched();
    if (!booked.empty())
      state_.requested_.place(booked, {}, {}, OnFailure::GoOn, state_.simulation_, state_.shapes_);
    settled_ = settled_ && searched == state_.requested_.searched();
    state_.requested_.drop_old_hints();
    if (request) {
      settled_ = false;
      plan_.request_processed = rules().requests_back_off;
      const std::vector<PodRef>& pods = state_.requests_.pods(*request);
      if (old_enough(pods).size() < pods.size()) {
        plan_.request_processed = false;
        request.reset();
      }
    }
    return request;
  }

  // Where both wait they take turns.
  bool requests_turn(bool pods, bool request) {
    bool& first = state_.requests_first_;
    if (!request)
      first = false;
    else if (!pods)
      first = true;
    return std::exchange(first, !first);
  }

  // True when capacity was found or bought.
  bool provision(std::size_t request) {
    const RequestTrial trial{state_.requests_, state_.requested_, state_.simulation_,
                             state_.shapes_};
    const std::vector<std::size_t> checks = state_.requests_.checks(request);
    bool done = false;
    state_.simulation_.fork();
    for (const std::size_t each : checks) done = check_capacity(trial, each) || done;
    state_.simulation_.revert();
    if (checks.empty()) {
      ScaleUpResult result =
          provision_at_once(trial, request, scale_up_input(true), state_.rules_, rng_);
      for (PlanEvent& event : result.events) plan_.events.push_back(std::move(event));
      done = !result.resize.empty();
      state_.may_retry_ = !done;
      execute(result);
    }
    plan_.outcome = done ? Outcome::ScaledUp : Outcome::NoOptions;
    return done;
  }

  ScaleUpInput scale_up_input(bool all_or_nothing) {
    return {seen_,    state_.templates_, state_.cluster_,
            targets_, state_.copies_,    ready_nodes_ + upcoming_nodes_,
            now_,     all_or_nothing};
  }

  void tell_unhelped(ScaleUpResult& result) {
    plan_.outcome = Outcome::NoOptions;
    state_.may_retry_ = true;
    std::map<std::string, std::string, std::less<>> told;
    for (Unhelped& each : result.unhelped) {
      const std::string key = each.pod->metadata.namespace_ + "/" + each.pod->metadata.name;
      const auto before = state_.told_.find(key);
      if (before == state_.told_.end() || before->second != each.message)
        plan_.events.push_back({PlanEvent::About::Pod, each.pod->metadata.namespace_,
                                each.pod->metadata.name, false, "NotTriggerScaleUp",
                                "pod didn't trigger scale-up: " + each.message});
      told.emplace(key, std::move(each.message));
    }
    state_.told_ = std::move(told);
  }

  void execute(ScaleUpResult& result) {
    for (SetSize& size : result.resize) {
      const std::size_t group = index_of(size.group);
      const std::int64_t delta = size.to - size.from;
      state_.cluster_.request(size.group, delta,
                              seen_.groups[group].options.max_node_provision_time, now_);
      state_.group_times_[size.group].added = now_;
      if (rules().options_per_loop != 1) add_bought(group, size.from, size.to);
      targets_[group] = size.to;
      upcoming_nodes_ += delta;
      status_event(false, "ScaledUpGroup",
                   fmt::format("Scale-up: setting group {} size to {} instead of {} (max: {})",
                               size.group, size.to, size.from, size.max));
      merge(std::move(size));
    }
  }

  // A group that grows twice in a loop is told the sum.
  void merge(SetSize size) {
    for (SetSize& known : plan_.resize) {
      if (known.group != size.group) continue;
      known.to = size.to;
      known.pods += size.pods;
      known.why += "; and " + size.why;
      return;
    }
    plan_.resize.push_back(std::move(size));
  }

  std::vector<PodRef> left_after(const std::vector<PodRef>& pods, const ScaleUpResult& result) {
    std::set<const model::Pod*> helped;
    for (const PodRef& pod : result.helped) helped.insert(pod.get());
    std::vector<PodRef> ordered = result.helped;
    for (const PodRef& pod : pods)
      if (!helped.contains(pod.get())) ordered.push_back(pod);
    return unplaced(std::move(ordered));
  }

  std::size_t index_of(const std::string& group) const {
    for (std::size_t g = 0; g < seen_.groups.size(); ++g)
      if (seen_.groups[g].id == group) return g;
    GPUTIDE_CHECK(false);
  }

  void enforce_minimum() {
    std::vector<SetSize> raised = raise_to_minimum(scale_up_input(false), state_.rules_);
    for (SetSize& size : raised) {
      state_.cluster_.request(size.group, size.to - size.from,
                              seen_.groups[index_of(size.group)].options.max_node_provision_time,
                              now_);
      state_.last_added_ = now_;
      merge(std::move(size));
    }
  }

  // ---- scale-down ----

  void scale_down(bool scaled_up) {
    const std::vector<std::uint8_t> held = held_groups();
    const ScaleDownInput input{seen_,
                               state_.nodes_.ids(),
                               state_.nodes_.facts(),
                               deletions_,
                               now_,
                               options().scale_down_delay_type_local ? &held : nullptr,
                               fork_,
                               state_.nodes_.facts_version()};
    const ScaleDownState& found = state_.planner_.update(input, state_.simulation_, state_.shapes_);
    settled_ = settled_ && state_.planner_.settled();
    note_unneeded(found);
    const bool cooling = in_cooldown(found, scaled_up);
    if (!cooling) {
      plan_.remove = crop_to_budget(state_.planner_.nodes_to_delete(input), deletions_, options());
      if (!plan_.remove.empty.empty() || !plan_.remove.drain.empty()) {
        state_.last_deleted_ = now_;
        for (const auto* list : {&plan_.remove.empty, &plan_.remove.drain})
          for (const Removable& node : *list)
            state_.group_times_[seen_.groups[static_cast<std::size_t>(node.group)].id].deleted =
                now_;
        return;
      }
    }
    if (!cooling || options().release == Release::V1_36) update_soft_taints(found);
  }

  bool in_cooldown(const ScaleDownState& found, bool scaled_up) {
    bool cooling = scale_down_waits_ || scaled_up || found.candidates.empty();
    if (options().scale_down_delay_type_local) return cooling;
    const auto hold = [&](const std::optional<Instant>& since, Duration delay) {
      if (!since || *since + delay <= now_) return;
      cooling = true;
      if (!found.unneeded.empty()) keep_earliest(state_.waiting_, *since + delay);
    };
    hold(state_.last_added_, options().scale_down_delay_after_add);
    hold(state_.last_failed_, options().scale_down_delay_after_failure);
    hold(state_.last_deleted_, options().scale_down_delay_after_delete);
    return cooling;
  }

  std::vector<std::uint8_t> held_groups() {
    std::vector<std::uint8_t> held(seen_.groups.size(), 0);
    if (!options().scale_down_delay_type_local) return held;
    for (std::size_t g = 0; g < held.size(); ++g) {
      const auto times = state_.group_times_.find(seen_.groups[g].id);
      if (times == state_.group_times_.end()) continue;
      const auto hold = [&](const std::optional<Instant>& since, Duration delay) {
        if (!since || *since + delay <= now_) return;
        held[g] = 1;
        keep_earliest(state_.waiting_, *since + delay);
      };
      hold(times->second.added, options().scale_down_delay_after_add);
      hold(times->second.failed, options().scale_down_delay_after_failure);
      hold(times->second.deleted, options().scale_down_delay_after_delete);
    }
    return held;
  }

  void note_unneeded(const ScaleDownState& found) {
    std::size_t old = 0;
    for (const Removable& node : found.unneeded) {
      // Who has been so for a while needs no search.
      if (node.since < now_ || state_.unneeded_before_.contains(node.node)) {
        ++old;
        continue;
      }
      const GroupOptions& own = seen_.groups[static_cast<std::size_t>(node.group)].options;
      const Duration wait = state_.nodes_.facts()[node.index].ready ? own.scale_down_unneeded_time
                                                                    : own.scale_down_unready_time;
      plan_.unneeded.push_back({node.node, node.since + wait, why_unneeded(node, found)});
    }
    if (old == found.unneeded.size() && old == state_.unneeded_before_.size()) return;
    state_.unneeded_before_.clear();
    for (const Removable& node : found.unneeded) state_.unneeded_before_.insert(node.node);
  }

  static std::string why_unneeded(const Removable& node, const ScaleDownState& found) {
    const Utilization* used = found.utilization[node.index];
    const std::string share =
        used == nullptr || used->dominant.empty()
            ? std::string()
            : fmt::format("{:.0f} % of its {} is asked for", used->value * 100, used->dominant);
    const std::string pods =
        node.pods_to_move.empty()
            ? "no pod would have to move"
            : fmt::format("its {} fit on other nodes", describe_pods(node.pods_to_move));
    return share.empty() ? pods : share + ", and " + pods;
  }

  void update_soft_taints(const ScaleDownState& found) {
    std::int64_t budget = options().max_bulk_soft_taint_count;
    if (budget == 0) return;
    const auto change = [&](std::size_t index, bool add) {
      const NodeFacts& node = state_.nodes_.facts()[index];
      if (node.soft_tainted == add || node.to_be_deleted) return;
      if (budget-- > 0)
        plan_.soft_taints.push_back({seen_.nodes[index]->node->metadata.name, add});
      else
        settled_ = false;
    };
    for (const std::size_t i : state_.nodes_.summary().soft_tainted)
      if (std::none_of(found.unneeded.begin(), found.unneeded.end(),
                       [&](const Removable& node) { return node.index == i; }))
        change(i, false);
    for (const Removable& node : found.unneeded) change(node.index, true);
  }

  // ---- when to look again ----

  void tell_next() {
    std::optional<Instant> next = state_.waiting_;
    keep_earliest(next, state_.cluster_.next_change(now_));
    keep_earliest(next, state_.templates_.next_change(now_));
    keep_earliest(next, state_.requests_.next_change());
    if (options().scale_down_enabled) keep_earliest(next, state_.planner_.next_change(seen_, now_));
    for (const std::size_t i : state_.nodes_.summary().to_be_deleted)
      if (const Instant end = *state_.nodes_.facts()[i].deleted_since + kMaxDeletionTime;
          end > now_)
        keep_earliest(next, end);
    plan_.next = next;
  }

  const Observation& seen_;
  const Deletions& deletions_;
  LoopState& state_;
  const Instant now_;
  Rng* rng_;
  Plan plan_;
  std::optional<std::uint64_t> fork_;  // where the simulation was before anything was imagined
  std::vector<std::int64_t> targets_;
  std::int64_t ready_nodes_ = 0;
  std::int64_t upcoming_nodes_ = 0;
  bool scale_down_waits_ = false;
  bool settled_ = false;
};

LoopState::LoopState(const Options& options, bool add_missing_resources)
    : rules_(options),
      taints_(options),
      cluster_(options),
      templates_(options, add_missing_resources),
      planner_(options),
      requests_(options),
      requests_first_(!rules_.semantics.requests_back_off) {}

void LoopState::scale_up_refused(const std::string& group, std::int64_t delta,
                                 const ScaleUpError& error, Instant now) {
  cluster_.request(group, -delta, Duration(), now);
  cluster_.fail(group, error, now);
}

void LoopState::scale_down_failed(const std::string& group, bool at_start, Instant now) {
  if (at_start) last_failed_ = now;
  group_times_[group].failed = now;
}

bool LoopState::at_rest(const Observation& seen, Instant now) const {
  if (waiting_ && *waiting_ > now) return false;
  if (!requests_.at_rest(last_change_)) return false;
  if (!planner_.state().unneeded.empty() && rules_.options.scale_down_enabled) {
    for (const Removable& node : planner_.state().unneeded)
      if (planner_.state().unremovable[node.index].reason !=
          UnremovableReason::NodeGroupMinSizeReached)
        return false;
  }
  if (rules_.options.scale_down_enabled && planner_.must_look_again(last_change_)) return false;
  for (std::size_t g = 0; g < seen.groups.size(); ++g) {
    if (may_retry_ && cluster_.backed_off(g, now) != nullptr) return false;
    if (cluster_.scaling_up(g) || cluster_.count(g).not_started > 0) return false;
  }
  // Instances that stay unregistered for long are only kept where a group is at its minimum.
  const std::vector<UnregisteredInstance>& missing = cluster_.unregistered();
  return std::all_of(missing.begin(), missing.end(), [](const auto& each) { return each.is_long; });
}

Plan decide(const Observation& seen, const Deletions& deletions, LoopState& state, Instant now,
            Rng* rng) {
  const bool same = state.settled_ && seen.version != 0 && seen.version == state.last_version_ &&
                    deletions.by_group.empty();
  if (same && (!state.next_ || now < *state.next_)) {
    Plan plan;
    plan.next = state.next_;
    plan.settled = true;
    return plan;
  }
  Plan plan = LoopRun(seen, deletions, state, now, rng).run();
  state.settled_ = plan.settled;
  state.next_ = plan.next;
  return plan;
}

}  // namespace gputide::scaling
