#include "state/cluster.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/prefetch.h"
#include "state/deep.h"

namespace gputide::state {
namespace {

constexpr std::size_t kMinChangesKept = 1 << 14;

}  // namespace

Cluster::Cluster(Ids ids) : ids_(ids) {}

void Cluster::record(Undo undo) {
  if (!forks_.empty()) log_.push_back(std::move(undo));
}

void Cluster::touch(NodeId id) {
  if (changes_.size() >= kMinChangesKept && changes_.size() >= 8 * nodes_.size()) {
    const std::size_t dropped = changes_.size() / 2;
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(dropped));
    first_change_ += dropped;
  }
  changes_.push_back(id);
}

std::optional<std::span<const NodeId>> Cluster::changes_since(std::uint64_t sequence) const {
  if (sequence < first_change_) return std::nullopt;
  return std::span<const NodeId>(changes_).subspan(sequence - first_change_);
}

void Cluster::widen() {
  if (resources_.count() <= stride_) return;
  const std::size_t wide = std::max(stride_ * 2, resources_.count());
  const auto spread = [&](std::vector<std::int64_t>& rows) {
    std::vector<std::int64_t> out(nodes_.size() * wide);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i * stride_), stride_,
                  out.begin() + static_cast<std::ptrdiff_t>(i * wide));
    rows = std::move(out);
  };
  spread(allocatable_);
  spread(requested_);
  stride_ = wide;
}

void Cluster::place_domains(NodeId id) {
  const auto index = static_cast<std::size_t>(id);
  const NodeRef& object = nodes_[index].object;
  for (Topology& topology : topologies_) {
    if (topology.by_node.size() < nodes_.size()) topology.by_node.resize(nodes_.size(), kNoDomain);
    DomainId domain = kNoDomain;
    if (object != nullptr) {
      const auto& labels = object->metadata.labels;
      const auto label = labels.find(topology.key);
      if (label != labels.end()) domain = static_cast<DomainId>(topology.values.of(label->second));
    }
    topology.by_node[index] = domain;
  }
}

void Cluster::set_object(NodeId id, NodeRef object) {
  NodeState& state = at(id);
  const NodeRef before = std::exchange(state.object, std::move(object));
  const bool renamed = before == nullptr || state.object == nullptr ||
                       before->metadata.name != state.object->metadata.name;
  if (before != nullptr && renamed) {
    by_name_.erase(before->metadata.name);
    --node_count_;
  }
  if (state.object != nullptr && renamed) {
    by_name_[state.object->metadata.name] = id;
    ++node_count_;
  }
  state.object_version = ++object_versions_;
  state.unschedulable = state.object != nullptr && state.object->spec.unschedulable;
  if (before == nullptr || state.object == nullptr ||
      !deep_equal(before->status.allocatable, state.object->status.allocatable))
    set_amounts(id);
  place_domains(id);
  touch(id);
}

void Cluster::set_amounts(NodeId id) {
  NodeState& state = at(id);
  if (state.object != nullptr) read_amounts(state.object);
  state.allowed_pods = state.object == nullptr ? 0 : amounts_.pods;
  widen();
  std::fill_n(allocatable_.begin() + static_cast<std::ptrdiff_t>(row(id)), stride_, 0);
  if (state.object == nullptr) return;
  for (const Amount& each : amounts_.list) allocatable_[row(id) + each.resource] = each.amount;
}

// Nodes of one kind come one after the other.
void Cluster::read_amounts(const NodeRef& node) {
  const model::ResourceList& allocatable = node->status.allocatable;
  if (amounts_.of != nullptr && deep_equal(amounts_.of->status.allocatable, allocatable)) return;
  amounts_.of = node;
  amounts_.pods = 0;
  amounts_.list.clear();
  for (const auto& [name, quantity] : allocatable) {
    const ResourceId resource = resources_.of(name);
    if (name == "pods")
      amounts_.pods = quantity.value();
    else if (resource != Resources::kNoResource)
      amounts_.list.push_back({resource, Resources::amount(resource, quantity)});
  }
}

NodeId Cluster::add_node(NodeRef node) {
  NodeId id = end();
  if (!free_ids_.empty()) {
    id = free_ids_.back();
    free_ids_.pop_back();
  } else {
    nodes_.emplace_back();
    allocatable_.resize(nodes_.size() * stride_);
    requested_.resize(nodes_.size() * stride_);
  }
  set_object(id, std::move(node));
  record({Undo::Kind::AddNode, id, 0, {}, nullptr, nullptr});
  return id;
}

std::unique_ptr<Cluster::Before> Cluster::object_before(NodeId id) const {
  return forks_.empty() ? nullptr : std::make_unique<Before>(node(id).object);
}

void Cluster::update_node(NodeId id, NodeRef node) {
  std::unique_ptr<Before> before = object_before(id);
  set_object(id, std::move(node));
  record({Undo::Kind::UpdateNode, id, 0, {}, nullptr, std::move(before)});
}

void Cluster::remove_node(NodeId id) {
  remove_pods(at(id).pods, id);
  std::unique_ptr<Before> before = object_before(id);
  set_object(id, nullptr);
  if (ids_ == Ids::UsedAgain) free_ids_.push_back(id);
  record({Undo::Kind::RemoveNode, id, 0, {}, nullptr, std::move(before)});
}

SpecId Cluster::spec_of(const model::Pod& pod) {
  const SpecId id = kinds_.spec_of(pod);
  widen();
  return id;
}

ResourceId Cluster::resource(std::string_view name) {
  const ResourceId id = resources_.of(name);
  widen();
  return id;
}

// Pods of one spec come, or go where the sign is negative.
void Cluster::count(NodeId id, std::span<const PodEntry> entries, std::int64_t sign) {
  const SpecInfo& info = kinds_.spec(entries.front().spec);
  const std::int64_t times = sign * static_cast<std::int64_t>(entries.size());
  std::int64_t* sums = requested_.data() + row(id);
  for (const Amount& request : info.requests) sums[request.resource] += times * request.amount;
  NodeState& state = at(id);
  state.scored_cpu += times * info.scored_cpu;
  state.scored_memory += times * info.scored_memory;
  const auto step = static_cast<std::int32_t>(times);
  if (info.required_anti_affinity) {
    state.with_anti_affinity += static_cast<std::uint32_t>(step);
    with_anti_affinity_ += step;
  }
  if (info.any_pod_affinity) {
    state.with_any_affinity += static_cast<std::uint32_t>(step);
    for (const PodEntry& entry : entries) count_kind(entry, sign);
  }
  count_priority(info.priority, times);
  touch(id);
}

void Cluster::count_all(NodeId id, std::span<const PodEntry> entries, std::int64_t sign) {
  for (std::size_t from = 0, to = 0; from < entries.size(); from = to) {
    while (to < entries.size() && entries[to].spec == entries[from].spec) ++to;
    count(id, entries.subspan(from, to - from), sign);
  }
}

void Cluster::count_kind(const PodEntry& entry, std::int64_t step) {
  const auto at = with_affinity_.try_emplace({entry.spec, entry.pod_class}).first;
  at->second += step;
  if (at->second == 0) with_affinity_.erase(at);
}

void Cluster::count_priority(std::int32_t priority, std::int64_t times) {
  auto at = std::lower_bound(priorities_.begin(), priorities_.end(), priority,
                             [](const auto& known, std::int32_t p) { return known.first < p; });
  if (at == priorities_.end() || at->first != priority) at = priorities_.insert(at, {priority, 0});
  at->second += times;
  if (at->second == 0) priorities_.erase(at);
}

std::size_t Cluster::place_of(const PodRef& pod, NodeId id) const {
  const auto& pods = node(id).pods;
  // The last to come are the first to go in what-ifs.
  const auto found = std::find(pods.rbegin(), pods.rend(), pod);
  GPUTIDE_CHECK(found != pods.rend());
  return static_cast<std::size_t>(pods.rend() - found) - 1;
}

std::unique_ptr<Cluster::Before> Cluster::ports_before(NodeId id,
                                                       std::span<const PodEntry> entries) const {
  const bool changed = std::any_of(entries.begin(), entries.end(), [&](const PodEntry& entry) {
    return !kinds_.spec(entry.spec).ports.empty();
  });
  if (forks_.empty() || !changed) return nullptr;
  auto before = std::make_unique<Before>();
  before->ports = node(id).ports;
  return before;
}

void Cluster::take_ports(NodeId id, const PodEntry& entry) {
  std::vector<HostPort>& taken = at(id).ports;
  for (const HostPort& port : kinds_.spec(entry.spec).ports)
    if (std::find(taken.begin(), taken.end(), port) == taken.end()) taken.push_back(port);
}

void Cluster::free_ports(NodeId id, const PodEntry& entry) {
  for (const HostPort& port : kinds_.spec(entry.spec).ports) std::erase(at(id).ports, port);
}

PodEntry Cluster::entry_of(const model::Pod& pod) {
  return {spec_of(pod), class_of(pod), pod.metadata.deletionTimestamp.has_value()};
}

void Cluster::add_pod(const PodRef& pod, const PodEntry& entry, NodeId node) {
  NodeState& state = at(node);
  record({Undo::Kind::AddPods,
          node,
          static_cast<std::uint32_t>(state.pods.size()),
          {},
          nullptr,
          ports_before(node, {&entry, 1})});
  state.pods.push_back(pod);
  state.entries.push_back(entry);
  take_ports(node, entry);
  count(node, {&entry, 1}, 1);
}

void Cluster::add_pods(std::span<const PodRef> pods, std::span<const PodEntry> entries,
                       NodeId node) {
  NodeState& state = at(node);
  const std::size_t place = state.pods.size();
  if (pods.size() > 1) {  // others may come to them
    state.pods.reserve(place + 2 * pods.size());
    state.entries.reserve(place + 2 * pods.size());
  }
  for (std::size_t i = 0; i < pods.size(); ++i) {
    if (entries.empty() && i + kAhead < pods.size()) prefetch(*pods[i + kAhead]);
    state.pods.push_back(pods[i]);
    state.entries.push_back(entries.empty() ? entry_of(*pods[i]) : entries[i]);
  }
  const std::span<const PodEntry> added = std::span(state.entries).subspan(place);
  record({Undo::Kind::AddPods,
          node,
          static_cast<std::uint32_t>(place),
          {},
          nullptr,
          ports_before(node, added)});
  for (const PodEntry& entry : added) take_ports(node, entry);
  count_all(node, added, 1);
}

void Cluster::remove_pod(const PodRef& pod, NodeId node) {
  NodeState& state = at(node);
  const std::size_t place = place_of(pod, node);
  const PodEntry entry = state.entries[place];
  record({Undo::Kind::RemovePod, node, static_cast<std::uint32_t>(place), entry, pod,
          ports_before(node, {&entry, 1})});
  free_ports(node, entry);
  state.pods.erase(state.pods.begin() + static_cast<std::ptrdiff_t>(place));
  state.entries.erase(state.entries.begin() + static_cast<std::ptrdiff_t>(place));
  count(node, {&entry, 1}, -1);
}

void Cluster::remove_pods(std::span<const PodRef> pods, NodeId node) {
  if (pods.empty()) return;
  NodeState& state = at(node);
  auto before = std::make_unique<Before>();
  before->ports = state.ports;
  before->pods.swap(state.pods);  // `pods` may be these
  before->entries.swap(state.entries);
  std::size_t gone = 0;
  for (std::size_t i = 0; i < before->pods.size(); ++i)
    if (gone < pods.size() && before->pods[i] == pods[gone]) {
      free_ports(node, before->entries[i]);
      ++gone;
    } else {
      state.pods.push_back(before->pods[i]);
      state.entries.push_back(before->entries[i]);
    }
  GPUTIDE_CHECK(gone == pods.size());
  count_all(node, before->entries, -1);
  count_all(node, state.entries, 1);
  record({Undo::Kind::RemovePods, node, 0, {}, nullptr, std::move(before)});
}

void Cluster::replace_pod(const PodRef& before, PodRef now, NodeId node, bool same_spec) {
  const std::size_t place = place_of(before, node);
  NodeState& state = at(node);
  PodEntry& held = state.entries[place];
  const bool terminating = now->metadata.deletionTimestamp.has_value();
  if (forks_.empty() && held.terminating == terminating &&
      (same_spec || before->spec.identity() == now->spec.identity() ||
       held.spec == spec_of(*now)) &&
      before->metadata.labels == now->metadata.labels) {
    state.pods[place] = std::move(now);
    return;
  }
  remove_pod(PodRef(before), node);
  add_pod(now, node);
}

NodeId Cluster::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? kNoNode : at->second;
}

void Cluster::fork() {
  forks_.push_back(log_.size());
}

void Cluster::commit() {
  GPUTIDE_CHECK(!forks_.empty());
  forks_.pop_back();
  if (forks_.empty()) log_.clear();
}

void Cluster::revert() {
  GPUTIDE_CHECK(!forks_.empty());
  const std::size_t mark = forks_.back();
  forks_.pop_back();
  while (log_.size() > mark) {
    if (log_.size() > mark + kAhead) prefetch_last_pod(log_[log_.size() - 1 - kAhead].node);
    Undo entry = std::move(log_.back());
    log_.pop_back();
    undo(entry);
  }
}

// The pod that is the next to leave the node.
void Cluster::prefetch_last_pod(NodeId id) const {
  const std::vector<PodRef>& pods = node(id).pods;
  if (!pods.empty()) __builtin_prefetch(pods.back().get());
}

void Cluster::undo(Undo& entry) {
  NodeState& node = at(entry.node);
  const auto place = static_cast<std::ptrdiff_t>(entry.place);
  switch (entry.kind) {
    case Undo::Kind::AddNode:
      set_object(entry.node, nullptr);
      if (ids_ == Ids::UsedAgain) {
        free_ids_.push_back(entry.node);
      } else {
        nodes_.pop_back();
        allocatable_.resize(nodes_.size() * stride_);
        requested_.resize(nodes_.size() * stride_);
        for (Topology& topology : topologies_) topology.by_node.resize(nodes_.size());
      }
      break;
    case Undo::Kind::UpdateNode:
      set_object(entry.node, std::move(entry.before->object));
      break;
    case Undo::Kind::RemoveNode:
      if (ids_ == Ids::UsedAgain) free_ids_.pop_back();
      set_object(entry.node, std::move(entry.before->object));
      break;
    case Undo::Kind::AddPods:
      if (entry.before) node.ports = std::move(entry.before->ports);
      count_all(entry.node, std::span(node.entries).subspan(entry.place), -1);
      node.pods.erase(node.pods.begin() + place, node.pods.end());
      node.entries.erase(node.entries.begin() + place, node.entries.end());
      break;
    case Undo::Kind::RemovePod:
      if (entry.before) node.ports = std::move(entry.before->ports);
      node.pods.insert(node.pods.begin() + place, std::move(entry.pod));
      node.entries.insert(node.entries.begin() + place, entry.entry);
      count(entry.node, {&entry.entry, 1}, 1);
      break;
    case Undo::Kind::RemovePods:
      count_all(entry.node, node.entries, -1);
      count_all(entry.node, entry.before->entries, 1);
      node.pods.swap(entry.before->pods);
      node.entries.swap(entry.before->entries);
      node.ports.swap(entry.before->ports);
      break;
  }
}

TopologyId Cluster::topology(std::string_view key) {
  const auto known = topology_ids_.find(key);
  if (known != topology_ids_.end()) return known->second;
  const auto id = static_cast<TopologyId>(topologies_.size());
  topology_ids_.emplace(std::string(key), id);
  topologies_.emplace_back(key);
  topologies_.back().by_node.resize(nodes_.size(), kNoDomain);
  for (NodeId node = 0; node < end(); ++node) place_domains(node);
  return id;
}

DomainId Cluster::domain_of_value(TopologyId topology, std::string_view value) {
  return static_cast<DomainId>(topologies_[topology].values.of(value));
}

}  // namespace gputide::state
