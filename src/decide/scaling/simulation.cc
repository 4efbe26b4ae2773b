#include "decide/scaling/simulation.h"

#include <algorithm>

#include "base/check.h"
#include "decide/scheduling/filters.h"
#include "state/cluster.h"

namespace gputide::scaling {

struct Simulation::State {
  state::Cluster cluster;
  scheduling::Filters filters{cluster};
  NodeId cursor = 0;  // where the next search begins
  int forks = 0;      // but for the one that the top is
  bool has_top = false;

  /// Something is about to change.
  void change() {
    if (has_top && forks == 0) take_off_top();
  }
  void take_off_top() {
    cluster.revert();
    has_top = false;
  }
  NodeId first_fit(scheduling::Demand& demand, const Among& among);
};

Simulation::Simulation() : state_(std::make_unique<State>()) {}
Simulation::~Simulation() = default;
Simulation::Simulation(Simulation&&) noexcept = default;
Simulation& Simulation::operator=(Simulation&&) noexcept = default;

void Simulation::set_storage(const state::Storage& storage) {
  state::Objects& objects = state_->cluster.objects();
  if (objects.knows_storage && objects.storage_version() == storage.storage_version()) return;
  objects.knows_storage = true;
  static_cast<state::Storage&>(objects) = storage;
}

NodeId Simulation::add_node(NodeRef node, std::span<const PodRef> pods,
                            std::span<const state::PodEntry> entries) {
  state_->change();
  const NodeId id = state_->cluster.add_node(std::move(node));
  state_->cluster.add_pods(pods, entries, id);
  return id;
}

void Simulation::remove_node(NodeId node) {
  state_->change();
  state_->cluster.remove_node(node);
}
state::PodEntry Simulation::entry_of(const model::Pod& pod) {
  return state_->cluster.entry_of(pod);
}
void Simulation::add_pod(const PodRef& pod, const state::PodEntry& entry, NodeId node) {
  state_->change();
  state_->cluster.add_pod(pod, entry, node);
}
void Simulation::remove_pod(const PodRef& pod, NodeId node) {
  state_->change();
  state_->cluster.remove_pod(pod, node);
}
void Simulation::remove_pods(std::span<const PodRef> pods, NodeId node) {
  state_->change();
  state_->cluster.remove_pods(pods, node);
}
NodeId Simulation::find(std::string_view name) const {
  return state_->cluster.find(name);
}
const NodeRef& Simulation::node(NodeId node) const {
  return state_->cluster.node(node).object;
}
const std::vector<PodRef>& Simulation::pods(NodeId node) const {
  return state_->cluster.node(node).pods;
}
const std::vector<state::PodEntry>& Simulation::entries(NodeId node) const {
  return state_->cluster.node(node).entries;
}
NodeId Simulation::end() const {
  return state_->cluster.end();
}
bool Simulation::exists(NodeId node) const {
  return state_->cluster.exists(node);
}
std::uint64_t Simulation::sequence() const {
  return state_->cluster.sequence();
}
std::optional<std::span<const NodeId>> Simulation::changes_since(std::uint64_t sequence) const {
  return state_->cluster.changes_since(sequence);
}
void Simulation::fork() {
  ++state_->forks;
  state_->cluster.fork();
}
void Simulation::revert() {
  --state_->forks;
  state_->cluster.revert();
}
void Simulation::commit() {
  --state_->forks;
  state_->cluster.commit();
}

void Simulation::begin_top() {
  GPUTIDE_CHECK(state_->forks == 0);
  take_off_top();
  fork();
}
void Simulation::end_top() {
  --state_->forks;
  state_->has_top = true;
}
bool Simulation::has_top() const {
  return state_->has_top;
}
void Simulation::take_off_top() {
  if (state_->has_top) state_->take_off_top();
}

std::optional<Rejection> Simulation::check(const PodRef& pod, const state::PodEntry& entry,
                                           NodeId node) {
  scheduling::Demand& demand = state_->filters.demand(entry.spec, entry.pod_class);
  scheduling::Status status = demand.pre_filter();
  const auto& names = demand.node_names();
  if (status.ok() && names && !names->contains(this->node(node)->metadata.name))
    return Rejection{{"PreFilter filtered the Node out"}, false};
  if (status.ok()) status = demand.check(node);
  if (status.ok()) return std::nullopt;
  const auto& spread = pod->spec->topologySpreadConstraints;
  const bool by_host = status.plugin == scheduling::kPodTopologySpread &&
                       std::any_of(spread.begin(), spread.end(), [](const auto& constraint) {
                         return constraint.topologyKey == "kubernetes.io/hostname";
                       });
  return Rejection{std::move(status.reasons), by_host};
}

NodeId Simulation::State::first_fit(scheduling::Demand& demand, const Among& among) {
  if (!demand.pre_filter().ok()) return kNoNode;
  const auto& names = demand.node_names();
  const auto allowed = [&](NodeId id) {
    if (id == among.except || cluster.node(id).unschedulable) return false;
    return !names || names->contains(cluster.node(id).object->metadata.name);
  };
  const NodeId first = std::max<NodeId>(among.first, 0);
  const NodeId last = std::min(among.last, cluster.end());
  const auto search = [&](NodeId from, NodeId to) {
    for (NodeId id = from; (id = demand.next(id, to, among.allowed)) != kNoNode; ++id)
      if (allowed(id)) return id;
    return kNoNode;
  };
  const NodeId middle = std::clamp(cursor, first, std::max(first, last));
  NodeId found = search(middle, last);
  if (found == kNoNode) found = search(first, middle);
  // The search goes round over the nodes that there are now, not over ones that come later.
  if (found != kNoNode) cursor = found + 1 < cluster.end() ? found + 1 : 0;
  return found;
}

NodeId Simulation::first_fit(const PodRef& pod, const Among& among) {
  return state_->first_fit(state_->filters.demand(*pod), among);
}

NodeId Simulation::add_to_first_fit(const PodRef& pod, const state::PodEntry& entry,
                                    const Among& among) {
  state_->change();
  const NodeId node = state_->first_fit(state_->filters.demand(entry.spec, entry.pod_class), among);
  if (node != kNoNode) state_->cluster.add_pod(pod, entry, node);
  return node;
}

}  // namespace gputide::scaling
