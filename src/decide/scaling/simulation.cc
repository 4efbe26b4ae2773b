#include "decide/scaling/simulation.h"

#include <algorithm>
#include <map>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/check.h"
#include "decide/scaling/pod_shape.h"
#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

using Amounts = std::vector<std::int64_t>;

bool tolerates(const model::Pod& pod, const model::Taint& taint) {
  return std::any_of(pod.spec->tolerations.begin(), pod.spec->tolerations.end(),
                     [&](const auto& t) {
                       if (!t.effect.empty() && t.effect != taint.effect) return false;
                       if (!t.key.empty() && t.key != taint.key) return false;
                       return t.operator_ == "Exists" || (!t.key.empty() && t.value == taint.value);
                     });
}

bool holds(const model::NodeSelectorRequirement& r, const model::StringMap& labels) {
  const auto at = labels.find(r.key);
  const bool in = at != labels.end() &&
                  std::find(r.values.begin(), r.values.end(), at->second) != r.values.end();
  if (r.operator_ == "In") return in;
  if (r.operator_ == "NotIn") return !in;
  if (r.operator_ == "Exists") return at != labels.end();
  if (r.operator_ == "DoesNotExist") return at == labels.end();
  return false;
}

bool selects(const model::Pod& pod, const model::Node& node) {
  for (const auto& [key, value] : pod.spec->nodeSelector) {
    const auto at = node.metadata.labels.find(key);
    if (at == node.metadata.labels.end() || at->second != value) return false;
  }
  const auto& affinity = pod.spec->affinity;
  if (!affinity || !affinity->nodeAffinity ||
      !affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution)
    return true;
  const auto& terms =
      affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution->nodeSelectorTerms;
  return std::any_of(terms.begin(), terms.end(), [&](const auto& term) {
    return !term.matchExpressions.empty() &&
           std::all_of(term.matchExpressions.begin(), term.matchExpressions.end(),
                       [&](const auto& r) { return holds(r, node.metadata.labels); });
  });
}

}  // namespace

struct Simulation::State {
  struct Host {
    NodeRef node;
    std::vector<PodRef> pods;
    Amounts free;
  };
  struct Undo {
    enum class Kind { AddNode, RemoveNode, AddPod, RemovePod } kind;
    NodeId node;
    PodRef pod;
    std::size_t place = 0;
    NodeRef gone = nullptr;
  };

  std::vector<Host> hosts;
  std::map<std::string, NodeId, std::less<>> by_name;
  std::map<std::string, std::size_t> resources{{"cpu", 0}, {"memory", 1}, {"pods", 2}};
  PodShapes shapes;
  std::vector<Amounts> needs;  // by shape
  std::vector<Undo> log;
  std::vector<std::size_t> forks;
  NodeId cursor = 0;

  std::size_t resource(const std::string& name) {
    return resources.try_emplace(name, resources.size()).first->second;
  }
  void put(Amounts& amounts, const std::string& name, const Quantity& quantity) {
    const std::size_t at = resource(name);
    if (amounts.size() <= at) amounts.resize(at + 1);
    amounts[at] = at == 0 ? quantity.milli_value() : quantity.value();
  }
  const Amounts& need(const PodRef& pod) {
    const PodShapes::Id shape = shapes.of(*pod);
    if (shape < needs.size()) return needs[shape];
    Amounts amounts(3);
    for (const auto& [name, quantity] : model::pod_requests(*pod)) put(amounts, name, quantity);
    amounts[2] = 1;
    needs.push_back(std::move(amounts));
    return needs.back();
  }
  void take(Host& host, const PodRef& pod, std::int64_t sign) {
    const Amounts& amounts = need(pod);
    if (host.free.size() < amounts.size()) host.free.resize(amounts.size());
    for (std::size_t i = 0; i < amounts.size(); ++i) host.free[i] -= sign * amounts[i];
  }
  void record(Undo undo) {
    if (!forks.empty()) log.push_back(std::move(undo));
  }
  bool has_room(const Host& host, const Amounts& amounts) const {
    for (std::size_t i = 0; i < amounts.size(); ++i)
      if (amounts[i] > (i < host.free.size() ? host.free[i] : 0) && amounts[i] > 0) return false;
    return true;
  }
};

Simulation::Simulation() : state_(std::make_unique<State>()) {}
Simulation::~Simulation() = default;
Simulation::Simulation(Simulation&&) noexcept = default;
Simulation& Simulation::operator=(Simulation&&) noexcept = default;

NodeId Simulation::add_node(NodeRef node, std::span<const PodRef> pods) {
  const auto id = static_cast<NodeId>(state_->hosts.size());
  State::Host host;
  for (const auto& [name, quantity] : node->status.allocatable)
    state_->put(host.free, name, quantity);
  if (host.free.size() < 3) host.free.resize(3);
  state_->by_name[node->metadata.name] = id;
  host.node = std::move(node);
  state_->hosts.push_back(std::move(host));
  state_->record({State::Undo::Kind::AddNode, id, nullptr});
  for (const PodRef& pod : pods) add_pod(pod, id);
  return id;
}

void Simulation::remove_node(NodeId node) {
  State::Host& host = state_->hosts[static_cast<std::size_t>(node)];
  while (!host.pods.empty()) remove_pod(PodRef(host.pods.back()), node);
  state_->by_name.erase(host.node->metadata.name);
  state_->record({State::Undo::Kind::RemoveNode, node, nullptr, 0, host.node});
  host.node = nullptr;
}

void Simulation::add_pod(const PodRef& pod, NodeId node) {
  State::Host& host = state_->hosts[static_cast<std::size_t>(node)];
  host.pods.push_back(pod);
  state_->take(host, pod, 1);
  state_->record({State::Undo::Kind::AddPod, node, pod});
}

void Simulation::remove_pod(const PodRef& pod, NodeId node) {
  State::Host& host = state_->hosts[static_cast<std::size_t>(node)];
  const auto at = std::find(host.pods.begin(), host.pods.end(), pod);
  GPUTIDE_CHECK(at != host.pods.end());
  const auto place = static_cast<std::size_t>(at - host.pods.begin());
  state_->record({State::Undo::Kind::RemovePod, node, pod, place});
  state_->take(host, pod, -1);
  host.pods.erase(at);
}

NodeId Simulation::find(std::string_view name) const {
  const auto at = state_->by_name.find(name);
  return at == state_->by_name.end() ? kNoNode : at->second;
}
const NodeRef& Simulation::node(NodeId node) const {
  return state_->hosts[static_cast<std::size_t>(node)].node;
}
const std::vector<PodRef>& Simulation::pods(NodeId node) const {
  return state_->hosts[static_cast<std::size_t>(node)].pods;
}
NodeId Simulation::end() const {
  return static_cast<NodeId>(state_->hosts.size());
}
bool Simulation::exists(NodeId node) const {
  return state_->hosts[static_cast<std::size_t>(node)].node != nullptr;
}

void Simulation::fork() {
  state_->forks.push_back(state_->log.size());
}

void Simulation::revert() {
  const std::size_t mark = state_->forks.back();
  state_->forks.pop_back();
  while (state_->log.size() > mark) {
    State::Undo undo = std::move(state_->log.back());
    state_->log.pop_back();
    State::Host& host = state_->hosts[static_cast<std::size_t>(undo.node)];
    switch (undo.kind) {
      case State::Undo::Kind::AddNode:
        state_->by_name.erase(host.node->metadata.name);
        state_->hosts.pop_back();
        break;
      case State::Undo::Kind::RemoveNode:
        break;  // see remove_node
      case State::Undo::Kind::AddPod:
        state_->take(host, undo.pod, -1);
        host.pods.pop_back();
        break;
      case State::Undo::Kind::RemovePod:
        state_->take(host, undo.pod, 1);
        host.pods.insert(host.pods.begin() + static_cast<std::ptrdiff_t>(undo.place), undo.pod);
        break;
    }
  }
}

void Simulation::commit() {
  state_->forks.pop_back();
  if (state_->forks.empty()) state_->log.clear();
}

std::optional<Rejection> Simulation::check(const PodRef& pod, NodeId node) {
  const State::Host& host = state_->hosts[static_cast<std::size_t>(node)];
  Rejection rejection;
  for (const model::Taint& taint : host.node->spec.taints)
    if (taint.effect != "PreferNoSchedule" && !tolerates(*pod, taint)) {
      rejection.reasons.push_back("node(s) had untolerated taint {" + taint.key + ": " +
                                  taint.value + "}");
      return rejection;
    }
  if (!selects(*pod, *host.node)) {
    rejection.reasons.emplace_back("node(s) didn't match Pod's node affinity/selector");
    return rejection;
  }
  const Amounts& amounts = state_->need(pod);
  for (const auto& [name, at] : state_->resources)
    if (at < amounts.size() && amounts[at] > 0 &&
        amounts[at] > (at < host.free.size() ? host.free[at] : 0))
      rejection.reasons.push_back(at == 2 ? "Too many pods" : "Insufficient " + name);
  if (rejection.reasons.empty()) return std::nullopt;
  return rejection;
}

NodeId Simulation::first_fit(const PodRef& pod, const Among& among) {
  const Amounts amounts = state_->need(pod);
  const NodeId count = end();
  const auto fits = [&](NodeId id) {
    if (id < among.first || id >= among.last || id == among.except || !exists(id)) return false;
    if (among.allowed != nullptr && (static_cast<std::size_t>(id) >= among.allowed->size() ||
                                     !(*among.allowed)[static_cast<std::size_t>(id)]))
      return false;
    const State::Host& host = state_->hosts[static_cast<std::size_t>(id)];
    if (!state_->has_room(host, amounts) || host.node->spec.unschedulable) return false;
    return !check(pod, id);
  };
  for (NodeId i = 0; i < count; ++i) {
    const NodeId id = static_cast<NodeId>((state_->cursor + i) % count);
    if (!fits(id)) continue;
    state_->cursor = (id + 1) % count;
    return id;
  }
  return kNoNode;
}

}  // namespace gputide::scaling
