#include "decide/scaling/placement.h"

#include <algorithm>
#include <map>
#include <set>

namespace gputide::scaling {
namespace {

// What a pod is remembered by; `scratch` holds it where it has no uid.
const std::string& hint_key(const model::Pod& pod, std::string& scratch) {
  if (!pod.metadata.uid.empty()) return pod.metadata.uid;
  scratch = pod.metadata.namespace_ + "/" + pod.metadata.name;
  return scratch;
}

bool allowed(NodeId node, const Among& among) {
  if (node < among.first || node >= among.last || node == among.except) return false;
  return among.allowed == nullptr || among.allowed->contains(node);
}

// Adding pods elsewhere can never make room for it: nothing in its spec counts other pods.
bool only_loses_room(const model::PodSpec& spec) {
  return spec.topologySpreadConstraints.empty() && (!spec.affinity || !spec.affinity->podAffinity);
}

// Shapes that were found to fit nowhere.
class Hopeless {
 public:
  bool empty() const { return by_controller_.empty() && anywhere_.empty(); }
  bool contains(const model::Pod& pod, PodShapes::Id shape) const {
    const model::OwnerReference* owner = pod.metadata.controller();
    if (owner == nullptr) return anywhere_.contains(shape);
    const auto at = by_controller_.find(owner->uid);
    return at != by_controller_.end() && at->second.contains(shape);
  }
  void add(const model::Pod& pod, PodShapes::Id shape) {
    if (const model::OwnerReference* owner = pod.metadata.controller()) {
      std::set<PodShapes::Id>& shapes = by_controller_[owner->uid];
      if (shapes.size() < kMaxShapesOfController) shapes.insert(shape);
    } else if (only_loses_room(*pod.spec)) {
      anywhere_.insert(shape);
    }
  }

 private:
  std::map<std::string, std::set<PodShapes::Id>, std::less<>> by_controller_;
  std::set<PodShapes::Id> anywhere_;
};

}  // namespace

NodeId Placer::hinted(Hint& hint, const PodRef& pod, const state::PodEntry& entry,
                      const Among& among, Simulation& simulation) {
  if (hint.place == nullptr) return kNoNode;
  const bool same = hint.id < simulation.end() && simulation.node(hint.id) == hint.place;
  const NodeId node = same ? hint.id : simulation.find(hint.place->metadata.name);
  if (node == kNoNode || simulation.check(pod, entry, node)) return kNoNode;
  hint.used = true;
  return allowed(node, among) ? node : kNoNode;
}

std::vector<NodeId> Placer::place(std::span<const PodRef> pods,
                                  std::span<const state::PodEntry> entries, const Among& among,
                                  OnFailure on_failure, Simulation& simulation, PodShapes& shapes) {
  std::vector<NodeId> placed;
  placed.reserve(pods.size());
  Hopeless hopeless;
  std::string scratch;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const PodRef& pod = pods[i];
    Hint& hint = hints_[hint_key(*pod, scratch)];
    const state::PodEntry entry = entries.empty() ? entry_of(pod, hint, simulation) : entries[i];
    NodeId node = hinted(hint, pod, entry, among, simulation);
    if (node != kNoNode) {
      simulation.add_pod(pod, entry, node);
    } else if (hopeless.empty() || !hopeless.contains(*pod, shapes.of(*pod))) {
      node = simulation.add_to_first_fit(pod, entry, among);
      if (node == kNoNode) {
        hopeless.add(*pod, shapes.of(*pod));
      } else {
        ++searched_;
        hint.place = simulation.node(node);
        hint.id = node;
        hint.used = true;
      }
    }
    placed.push_back(node);
    if (node == kNoNode && on_failure == OnFailure::Stop) break;
  }
  return placed;
}

// Pods wait for many looks.
const state::PodEntry& Placer::entry_of(const PodRef& pod, Hint& hint, Simulation& simulation) {
  if (hint.pod != pod) {
    hint.pod = pod;
    hint.entry = simulation.entry_of(*pod);
  }
  return hint.entry;
}

void Placer::forget_entries() {
  for (auto& [pod, hint] : hints_) hint.pod = nullptr;
}

void Placer::drop_old_hints() {
  if (hints_.empty()) return;
  boost::unordered::erase_if(hints_, [](const auto& hint) { return !hint.second.used; });
  for (auto& [pod, hint] : hints_) hint.used = false;
}

}  // namespace gputide::scaling
