#include "control/scheduler/scheduler.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "control/scheduler/queue.h"
#include "decide/scheduling/schedule.h"
#include "decide/scheduling/volumes.h"
#include "model/conditions.h"
#include "state/cluster.h"
#include "state/deep.h"
#include "state/text_hash.h"

namespace gputide::control {
namespace {

using port::Change;
using scheduling::PluginSet;
using state::NodeId;
using state::PodRef;

constexpr std::uint64_t kRetryTimer = 1;
constexpr std::uint64_t kOldTimer = 2;
constexpr Duration kLongestWait = Duration::minutes(5);
const char* const kSchedulerName = "default-scheduler";

bool is_ours(const model::Pod& pod) {
  return pod.spec->schedulerName.empty() || pod.spec->schedulerName == kSchedulerName;
}

// Whether scheduling can tell the two apart.
bool same_for_scheduling(const model::Node& a, const model::Node& b) {
  return a.spec.unschedulable == b.spec.unschedulable && a.metadata.labels == b.metadata.labels &&
         state::deep_equal(a.spec.taints, b.spec.taints) &&
         state::deep_equal(a.status.allocatable, b.status.allocatable) &&
         state::deep_equal(a.status.images, b.status.images);
}

// The plugins for which pods that come may make room.
constexpr PluginSet kByPods = scheduling::plugin_bit(scheduling::kPodTopologySpread) |
                              scheduling::plugin_bit(scheduling::kInterPodAffinity);

port::ObjectRef ref_of(const model::Pod& pod) {
  return {"Pod", pod.metadata.namespace_, pod.metadata.name};
}

}  // namespace

class KubeScheduler::Desk {
 public:
  explicit Desk(Rng rng) : rng_(rng) { cluster_.objects().knows_storage = true; }

  void take(const port::Event& event, Instant now);
  void run(Instant now, port::Commands& commands);
  bool at_rest() const { return !queue_.next_moment(); }

 private:
  using Slot = SchedulingQueue::PodId;
  struct Pod {
    PodRef object;
    NodeId node = state::kNoNode;  // in the cluster there, as `object`
    std::string bound_to;          // a node of this name, which need not exist
    std::uint64_t told = 0;        // the sentence that it was marked with; 0: none
    bool promised = false;
  };
  /// What happened that may help pods that wait.
  struct Help {
    std::vector<NodeId> nodes;  // that changed, or lost pods
    bool pods_came = false;
    bool everything = false;
    void clear() {
      nodes.clear();
      pods_came = everything = false;
    }
  };

  void node_changed(Change change, const state::NodeRef& node, Instant now);
  void node_gone(NodeId node, Instant now);
  void pod_changed(Change change, const PodRef& pod, Instant now);
  void pod_gone(const std::string& key);
  void place(Pod& pod, const std::string& node);
  void unplace(Pod& pod);
  void enqueue(Slot slot, Instant now);
  void budget_changed(Change change, const model::PodDisruptionBudget& budget);
  bool begin_binding(Slot slot, port::Commands& commands);
  void go_on_binding(Instant now, port::Commands& commands);
  enum class Binding { Bound, Waits, Failed };
  Binding binding_of(const Pod& pod) const;
  template <class Kind>
  void store(Change change, const std::shared_ptr<const Kind>& object, state::Store<Kind>& store);

  void wake(Instant now);
  bool may_fit(const SchedulingQueue::Kind& kind, PluginSet rejected_by);
  bool fits_somewhere(const SchedulingQueue::Kind& kind);
  bool has_room(const state::SpecInfo& info, NodeId node) const;
  void try_next(Slot slot, Instant now, port::Commands& commands);
  void tell(Slot slot, const scheduling::Placement& placement, port::Commands& commands);
  void preempt(const PodRef& pod, const scheduling::Placement& placement, port::Commands& commands);
  void set_timers(Instant now, port::Commands& commands);

  Rng rng_;
  state::Cluster cluster_{state::Cluster::Ids::UsedAgain};
  scheduling::Scheduler scheduler_{cluster_};
  SchedulingQueue queue_;
  std::vector<Pod> pods_;  // by slot
  std::vector<Slot> free_slots_;
  state::TextMap<Slot> slots_;                         // by namespace/name
  std::map<std::string, std::vector<Slot>> homeless_;  // by the node they are bound to
  std::set<Slot> binding_;  // pods that have a node, and wait for their volumes to be bound
  bool claims_changed_ = false;
  std::map<std::pair<std::string, std::string>, scheduling::Budget> budgets_;
  Help help_;
  std::optional<Instant> retry_at_;
  std::optional<Instant> old_at_;  // when sentences that may be out of date are told anew
  std::uint64_t told_at_ = 0;      // the cluster's sequence when that was last planned
  std::string key_;                // scratch
};

void KubeScheduler::Desk::place(Pod& pod, const std::string& node) {
  pod.bound_to = node;
  pod.node = cluster_.find(node);
  if (pod.node == state::kNoNode) {
    homeless_[node].push_back(static_cast<Slot>(&pod - pods_.data()));
    return;
  }
  cluster_.add_pod(pod.object, pod.node);
  help_.pods_came = true;
}

void KubeScheduler::Desk::unplace(Pod& pod) {
  if (pod.node != state::kNoNode) {
    cluster_.remove_pod(pod.object, pod.node);
    help_.nodes.push_back(pod.node);
  } else if (!pod.bound_to.empty()) {
    const auto at = homeless_.find(pod.bound_to);
    std::erase(at->second, static_cast<Slot>(&pod - pods_.data()));
    if (at->second.empty()) homeless_.erase(at);
  }
  pod.node = state::kNoNode;
  pod.bound_to.clear();
}

// Pods that were bound to it stay bound; those whose binding never came true wait again.
void KubeScheduler::Desk::node_gone(NodeId node, Instant now) {
  const std::string name = cluster_.node(node).object->metadata.name;
  std::vector<Slot> unbound;
  for (const PodRef& pod : cluster_.node(node).pods) {
    const Slot slot = slots_.at(pod->metadata.namespace_ + "/" + pod->metadata.name);
    pods_[slot].node = state::kNoNode;
    (pod->spec->nodeName.empty() ? unbound : homeless_[name]).push_back(slot);
  }
  cluster_.remove_node(node);
  help_.everything = true;  // spreading counts one domain less
  for (const Slot slot : unbound) {
    binding_.erase(slot);
    pods_[slot].bound_to.clear();
    enqueue(slot, now);
  }
}

void KubeScheduler::Desk::node_changed(Change change, const state::NodeRef& node, Instant now) {
  const std::string& name = node->metadata.name;
  const NodeId known = cluster_.find(name);
  if (change == Change::Deleted) {
    if (known != state::kNoNode) node_gone(known, now);
    return;
  }
  if (known != state::kNoNode) {
    if (same_for_scheduling(*cluster_.node(known).object, *node)) return;
    cluster_.update_node(known, node);
    help_.nodes.push_back(known);
    return;
  }
  const NodeId id = cluster_.add_node(node);
  help_.nodes.push_back(id);
  const auto waiting = homeless_.find(name);
  if (waiting == homeless_.end()) return;
  for (const Slot slot : waiting->second) {
    pods_[slot].node = id;
    cluster_.add_pod(pods_[slot].object, id);
  }
  homeless_.erase(waiting);
}

void KubeScheduler::Desk::enqueue(Slot slot, Instant now) {
  const model::Pod& pod = *pods_[slot].object;
  if (!is_ours(pod) || !pod.spec->schedulingGates.empty() || pod.metadata.deletionTimestamp) return;
  const state::SpecId spec = cluster_.spec_of(pod);
  queue_.add(slot, {spec, cluster_.class_of(pod), cluster_.kinds().spec(spec).priority}, now);
  if (!pod.status.nominatedNodeName.empty()) {
    scheduler_.nominations().set(pods_[slot].object, pod.status.nominatedNodeName);
    pods_[slot].promised = true;
  }
}

void KubeScheduler::Desk::pod_gone(const std::string& key) {
  const auto at = slots_.find(key);
  if (at == slots_.end()) return;
  Pod& pod = pods_[at->second];
  queue_.remove(at->second);
  if (pod.promised) {
    scheduler_.nominations().remove(*pod.object);
    help_.everything = true;
  }
  unplace(pod);
  binding_.erase(at->second);
  pod = Pod();
  free_slots_.push_back(at->second);
  slots_.erase(at);
}

void KubeScheduler::Desk::pod_changed(Change change, const PodRef& object, Instant now) {
  key_.assign(object->metadata.namespace_).append("/").append(object->metadata.name);
  if (change == Change::Deleted || is_finished(*object)) return pod_gone(key_);
  auto at = slots_.find(key_);
  if (at != slots_.end() && pods_[at->second].object->metadata.uid != object->metadata.uid) {
    pod_gone(key_);
    at = slots_.end();
  }
  if (at == slots_.end()) {
    Slot slot = static_cast<Slot>(pods_.size());
    if (free_slots_.empty()) {
      pods_.emplace_back();
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    slots_.emplace(key_, slot);
    pods_[slot].object = object;
    if (object->spec->nodeName.empty())
      enqueue(slot, now);
    else
      place(pods_[slot], object->spec->nodeName);
    return;
  }
  Pod& pod = pods_[at->second];
  const PodRef before = pod.object;
  const std::string& node = object->spec->nodeName;
  if (!pod.bound_to.empty()) {
    if (!node.empty()) binding_.erase(at->second);
    if (!node.empty() && node != pod.bound_to) {
      unplace(pod);
      pod.object = object;
      return place(pod, node);
    }
    pod.object = object;
    if (pod.node != state::kNoNode) {
      const std::uint64_t was = cluster_.sequence();
      cluster_.replace_pod(before, object, pod.node, before->spec->nodeName.empty());
      if (cluster_.sequence() != was) help_.everything = true;
    }
    return;
  }
  pod.object = object;
  if (!node.empty()) {
    queue_.remove(at->second);
    if (pod.promised) scheduler_.nominations().remove(*object);
    pod.promised = false;
    return place(pod, node);
  }
  const bool same = queue_.contains(at->second) && !object->metadata.deletionTimestamp &&
                    before->metadata.labels == object->metadata.labels &&
                    (before->spec.identity() == object->spec.identity() ||
                     cluster_.spec_of(*before) == cluster_.spec_of(*object));
  if (same) return;
  queue_.remove(at->second);
  enqueue(at->second, now);
}

void KubeScheduler::Desk::budget_changed(Change change, const model::PodDisruptionBudget& budget) {
  const std::pair key{budget.metadata.namespace_, budget.metadata.name};
  if (change == Change::Deleted)
    budgets_.erase(key);
  else
    budgets_.insert_or_assign(key, scheduling::compile_budget(budget));
  std::vector<scheduling::Budget> all;
  for (const auto& entry : budgets_) all.push_back(entry.second);
  scheduler_.set_budgets(std::move(all));
}

template <class Kind>
void KubeScheduler::Desk::store(Change change, const std::shared_ptr<const Kind>& object,
                                state::Store<Kind>& store) {
  // Of a set only what it selects is read, not its status.
  if constexpr (std::is_same_v<Kind, model::ReplicaSet> ||
                std::is_same_v<Kind, model::StatefulSet>) {
    const auto* known = store.find(object->metadata.namespace_, object->metadata.name);
    if (change != Change::Deleted && known != nullptr &&
        known->spec.selector == object->spec.selector)
      return;
  }
  store.take(object, change == Change::Deleted);
  help_.everything = true;
  if constexpr (std::is_same_v<Kind, model::PersistentVolumeClaim>) claims_changed_ = true;
}

void KubeScheduler::Desk::take(const port::Event& event, Instant now) {
  if (const auto* timer = std::get_if<port::TimerFired>(&event)) {
    if (timer->key == kRetryTimer) retry_at_.reset();
    if (timer->key != kOldTimer) return;
    old_at_.reset();
    queue_.wake_old(now - kLongestWait, now);
    return;
  }
  const auto* changed = std::get_if<port::ObjectChanged>(&event);
  if (changed == nullptr) return;
  const Change change = changed->change;
  state::Objects& objects = cluster_.objects();
  std::visit(
      [&](const auto& object) {
        using Held = std::decay_t<decltype(object)>;
        if constexpr (std::is_same_v<Held, PodRef>)
          pod_changed(change, object, now);
        else if constexpr (std::is_same_v<Held, state::NodeRef>)
          node_changed(change, object, now);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::PodDisruptionBudget>>)
          budget_changed(change, *object);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::Namespace>>)
          store(change, object, objects.namespaces);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::Service>>)
          store(change, object, objects.services);
        else if constexpr (std::is_same_v<Held,
                                          std::shared_ptr<const model::ReplicationController>>)
          store(change, object, objects.replication_controllers);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::ReplicaSet>>)
          store(change, object, objects.replica_sets);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::StatefulSet>>)
          store(change, object, objects.stateful_sets);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::PersistentVolume>>)
          store(change, object, objects.volumes);
        else if constexpr (std::is_same_v<Held,
                                          std::shared_ptr<const model::PersistentVolumeClaim>>)
          store(change, object, objects.claims);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::StorageClass>>)
          store(change, object, objects.storage_classes);
        else if constexpr (std::is_same_v<Held, std::shared_ptr<const model::CSINode>>)
          store(change, object, objects.csi_nodes);
      },
      changed->object);
}

bool KubeScheduler::Desk::has_room(const state::SpecInfo& info, NodeId node) const {
  const std::int64_t* offered = cluster_.allocatable(node);
  const std::int64_t* taken = cluster_.requested(node);
  return std::all_of(info.requests.begin(), info.requests.end(), [&](const state::Amount& wanted) {
    return wanted.amount <= offered[wanted.resource] - taken[wanted.resource];
  });
}

bool KubeScheduler::Desk::fits_somewhere(const SchedulingQueue::Kind& kind) {
  scheduling::Demand& demand = scheduler_.filters().demand(kind.spec, kind.pod_class);
  return demand.pre_filter().ok() && demand.next(0, cluster_.end()) != state::kNoNode;
}

// A pod is tried again only when it now fits somewhere: one that fits nowhere would be told the
// same.
bool KubeScheduler::Desk::may_fit(const SchedulingQueue::Kind& kind, PluginSet rejected_by) {
  const state::SpecInfo& info = cluster_.kinds().spec(kind.spec);
  const bool counts_pods = (rejected_by & kByPods) != 0;
  if (help_.everything || counts_pods) return fits_somewhere(kind);
  return std::any_of(help_.nodes.begin(), help_.nodes.end(), [&](NodeId node) {
    return cluster_.exists(node) && has_room(info, node) &&
           scheduler_.filters().demand(kind.spec, kind.pod_class).fits(node);
  });
}

void KubeScheduler::Desk::wake(Instant now) {
  const bool by_nodes = help_.everything || !help_.nodes.empty();
  if (!queue_.any_parked() || (!by_nodes && !(help_.pods_came && queue_.any_parked_by(kByPods)))) {
    help_.clear();
    return;
  }
  std::sort(help_.nodes.begin(), help_.nodes.end());
  help_.nodes.erase(std::unique(help_.nodes.begin(), help_.nodes.end()), help_.nodes.end());
  queue_.wake(now,
              [&](const auto& kind, PluginSet rejected_by) { return may_fit(kind, rejected_by); });
  help_.clear();
}

void KubeScheduler::Desk::tell(Slot slot, const scheduling::Placement& placement,
                               port::Commands& commands) {
  Pod& pod = pods_[slot];
  const model::PodCondition* condition = find_condition(*pod.object, "PodScheduled");
  const std::uint64_t sentence = fnv1a(placement.message) | 1;
  const bool nominates = !placement.nominated.empty() || placement.clear_nomination;
  const bool told = pod.told == sentence || (condition != nullptr && condition->status == "False" &&
                                             condition->reason == "Unschedulable" &&
                                             condition->message == placement.message);
  pod.told = sentence;
  if (told && !nominates) return;
  port::MarkUnschedulable mark{ref_of(*pod.object), "Unschedulable", placement.message, {}};
  if (nominates) mark.nominated_node = placement.nominated;
  commands.emplace_back(std::move(mark));
}

void KubeScheduler::Desk::preempt(const PodRef& pod, const scheduling::Placement& placement,
                                  port::Commands& commands) {
  for (const PodRef& victim : placement.victims) {
    if (victim->metadata.deletionTimestamp) continue;
    model::PodCondition condition;
    condition.type = "DisruptionTarget";
    condition.status = "True";
    condition.reason = "PreemptionByScheduler";
    condition.message = "default-scheduler: preempting to accommodate a higher priority pod";
    // A patch: the victim may have been bound a moment ago, which is not yet heard here.
    commands.emplace_back(port::SetPodCondition{ref_of(*victim), std::move(condition)});
    commands.emplace_back(port::Delete{ref_of(*victim), {}});
    port::Publish event{
        ref_of(*victim), false, "Preempted",
        "Preempted by pod " + pod->metadata.uid + " on node " + placement.nominated};
    commands.emplace_back(std::move(event));
  }
}

void KubeScheduler::Desk::try_next(Slot slot, Instant now, port::Commands& commands) {
  const PodRef object = pods_[slot].object;
  // Others of more importance may have taken the room that this one was woken for.
  const SchedulingQueue::Kind kind = queue_.kind(slot);
  if (queue_.may_wait_on(slot) && !pods_[slot].promised &&
      cluster_.lowest_priority() >= kind.priority && !fits_somewhere(kind))
    return queue_.wait_on(slot, now);
  const scheduling::Placement placement = scheduler_.schedule(*object, rng_);
  if (placement.node != state::kNoNode) {
    const std::string& node = cluster_.node(placement.node).object->metadata.name;
    queue_.placed(slot, now);
    if (pods_[slot].promised) scheduler_.nominations().remove(*object);
    pods_[slot].promised = false;
    place(pods_[slot], node);
    if (!scheduling::has_claims(*object->spec) || !begin_binding(slot, commands))
      commands.emplace_back(port::BindPod{ref_of(*object), node});
    return;
  }
  tell(slot, placement, commands);
  if (!placement.victims.empty()) {
    preempt(object, placement, commands);
    scheduler_.nominations().set(object, placement.nominated);
    pods_[slot].promised = true;
    return queue_.preempting(slot, now);
  }
  if (placement.clear_nomination) {
    scheduler_.nominations().remove(*object);
    pods_[slot].promised = false;
  }
  for (const Slot other : queue_.failed(slot, placement.rejected_by, now))
    tell(other, placement, commands);
}

// Keeps volumes for the claims of a pod that has a node, or has them made there; false when all are
// bound.
bool KubeScheduler::Desk::begin_binding(Slot slot, port::Commands& commands) {
  const Pod& pod = pods_[slot];
  const scheduling::Volumes volumes(pod.object->spec, pod.object->metadata.namespace_);
  const std::optional<scheduling::VolumePlan> plan = volumes.plan(cluster_, pod.node);
  if (!plan || (plan->bind.empty() && plan->provision.empty())) return false;
  state::Objects& objects = cluster_.objects();
  for (const auto& [claim, volume] : plan->bind) {
    auto kept = std::make_shared<model::PersistentVolume>(*volume);
    if (kept->spec.claimRef) continue;
    kept->spec.claimRef.emplace();
    kept->spec.claimRef->namespace_ = claim->metadata.namespace_;
    kept->spec.claimRef->name = claim->metadata.name;
    kept->metadata.annotations["pv.kubernetes.io/bound-by-controller"] = "yes";
    objects.volumes.set(kept);
    commands.emplace_back(
        port::Replace{std::shared_ptr<const model::PersistentVolume>(kept), true});
  }
  for (const model::PersistentVolumeClaim* claim : plan->provision) {
    auto asked = std::make_shared<model::PersistentVolumeClaim>(*claim);
    std::string& selected = asked->metadata.annotations[std::string(scheduling::kSelectedNode)];
    if (selected == pod.bound_to) continue;
    selected = pod.bound_to;
    objects.claims.set(asked);
    commands.emplace_back(
        port::Replace{std::shared_ptr<const model::PersistentVolumeClaim>(asked), true});
  }
  binding_.insert(slot);
  return true;
}

// Failed: a claim is gone, or somebody else changed what was written for it.
KubeScheduler::Desk::Binding KubeScheduler::Desk::binding_of(const Pod& pod) const {
  const state::Objects& objects = cluster_.objects();
  Binding all = Binding::Bound;
  for (const model::Volume& volume : pod.object->spec->volumes) {
    if (!volume.persistentVolumeClaim) continue;
    const auto* claim = objects.claims.find(pod.object->metadata.namespace_,
                                            volume.persistentVolumeClaim->claimName);
    if (claim == nullptr) return Binding::Failed;
    if (scheduling::is_bound(*claim)) continue;
    const auto selected = claim->metadata.annotations.find(std::string(scheduling::kSelectedNode));
    const bool asked =
        selected != claim->metadata.annotations.end() && selected->second == pod.bound_to;
    if (!asked && scheduling::kept_volume(*claim, objects) == nullptr) return Binding::Failed;
    all = Binding::Waits;
  }
  return all;
}

void KubeScheduler::Desk::go_on_binding(Instant now, port::Commands& commands) {
  for (const Slot slot : std::set<Slot>(binding_)) {
    Pod& pod = pods_[slot];
    const Binding binding = binding_of(pod);
    if (binding == Binding::Waits) continue;
    binding_.erase(slot);
    if (binding == Binding::Bound) {
      commands.emplace_back(port::BindPod{ref_of(*pod.object), pod.bound_to});
      continue;
    }
    unplace(pod);
    enqueue(slot, now);
  }
}

void KubeScheduler::Desk::set_timers(Instant now, port::Commands& commands) {
  const std::optional<Instant> retry = queue_.next_moment();
  if (retry != retry_at_) {
    retry_at_ = retry;
    commands.emplace_back(port::SetTimer{kRetryTimer, retry});
  }
  if (old_at_ || !queue_.any_parked() || told_at_ == cluster_.sequence()) return;
  told_at_ = cluster_.sequence();
  old_at_ = now + kLongestWait;
  commands.emplace_back(port::SetTimer{kOldTimer, old_at_});
}

void KubeScheduler::Desk::run(Instant now, port::Commands& commands) {
  if (std::exchange(claims_changed_, false) && !binding_.empty()) go_on_binding(now, commands);
  do {
    wake(now);
    while (const std::optional<Slot> next = queue_.pop(now)) try_next(*next, now, commands);
  } while (help_.pods_came && queue_.any_parked_by(kByPods));
  help_.clear();
  set_timers(now, commands);
}

KubeScheduler::KubeScheduler(Rng rng) : desk_(std::make_unique<Desk>(rng)) {}
KubeScheduler::~KubeScheduler() = default;

void KubeScheduler::step(const port::Event& event, Instant now, port::Commands& commands) {
  desk_->take(event, now);
  desk_->run(now, commands);
}

bool KubeScheduler::at_rest() const {
  return desk_->at_rest();
}

}  // namespace gputide::control
