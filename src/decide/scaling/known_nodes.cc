#include "decide/scaling/known_nodes.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "decide/scaling/places.h"
#include "decide/scaling/pods.h"
#include "decide/scaling/readiness.h"

namespace gputide::scaling {
namespace {

void exchange_pods(NodeId node, const std::vector<PodRef>& before, const std::vector<PodRef>& now,
                   const Options& options, Simulation& simulation) {
  std::size_t kept = 0;
  for (const PodRef& pod : before) {
    if (kept < now.size() && now[kept] == pod)
      ++kept;
    else if (!is_expendable(*pod, options))
      simulation.remove_pod(pod, node);
  }
  for (; kept < now.size(); ++kept)
    if (!is_expendable(*now[kept], options)) simulation.add_pod(now[kept], node);
}

bool differ_in_pods_alone(const NodeView& a, const NodeView& b) {
  return a.node == b.node && a.group == b.group && a.instance_gone == b.instance_gone &&
         a.instance == b.instance;
}

}  // namespace

bool is_expendable(const model::Pod& pod, const Options& options) {
  return priority_of(pod) < options.expendable_pods_priority_cutoff;
}

void KnownNodes::take(const Observation& seen, const Rules& rules, Simulation& simulation) {
  const bool told = seen.version != 0 && known_.size() == seen.nodes.size() && same_groups(seen);
  if (told && seen.version == version_) return;
  if (told && seen.version == version_ + 1 && seen.changed_nodes) {
    for (const std::size_t i : *seen.changed_nodes) look_at(i, seen, rules, simulation);
    if (open_) open_->insert(open_->end(), seen.changed_nodes->begin(), seen.changed_nodes->end());
  } else {
    look_at_all(seen, rules, simulation);
  }
  version_ = seen.version;
  sum_up();
}

void KnownNodes::look_at_all(const Observation& seen, const Rules& rules, Simulation& simulation) {
  if (!stayed_in_place(seen)) rearrange(seen, simulation);
  if (seen.version == 0) ++facts_version_;
  const bool same_promises = same_groups(seen);
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (same_promises && known_[i].view == seen.nodes[i]) continue;
    look_at(i, seen, rules, simulation);
    if (open_) open_->push_back(i);
  }
  if (same_promises) return;
  promised_.clear();
  for (const GroupView& group : seen.groups) promised_.push_back(group.provider_template);
}

void KnownNodes::forget_ids() {
  for (Known& each : known_) each.id = kNoNode;
  open_.reset();
}

// Their launch data, which say what a node must show to be ready.
bool KnownNodes::same_groups(const Observation& seen) const {
  return std::equal(
      seen.groups.begin(), seen.groups.end(), promised_.begin(), promised_.end(),
      [](const GroupView& group, const auto& before) { return group.provider_template == before; });
}

bool KnownNodes::stayed_in_place(const Observation& seen) const {
  return known_.size() == seen.nodes.size() &&
         std::equal(known_.begin(), known_.end(), seen.nodes.begin(),
                    [](const Known& each, const auto& view) {
                      return each.view == view ||
                             each.view->node->metadata.name == view->node->metadata.name;
                    });
}

// Only views that stay keep what is known of them.
void KnownNodes::rearrange(const Observation& seen, Simulation& simulation) {
  const Places places(places_before(
      seen.nodes.size(), known_.size(),
      [&](std::size_t i, std::size_t b) { return known_[b].view == seen.nodes[i]; },
      [&](std::size_t i) { return seen.nodes[i].get(); },
      [&](std::size_t b) { return known_[b].view.get(); }));
  follow_places(facts_, places);
  for (const Known& gone : follow_places(known_, places))
    if (gone.id != kNoNode) simulation.remove_node(gone.id);
  ++facts_version_;
  open_.reset();
}

void KnownNodes::look_at(std::size_t index, const Observation& seen, const Rules& rules,
                         Simulation& simulation) {
  static const std::shared_ptr<const NodeTemplate> kNone;
  const std::shared_ptr<const NodeView>& view = seen.nodes[index];
  Known& known = known_[index];
  const auto& promised = view->group == kNoGroup
                             ? kNone
                             : seen.groups[static_cast<std::size_t>(view->group)].provider_template;
  if (known.view == view && known.promised == promised) return;
  if (known.id != kNoNode && known.view != view) {
    if (known.view->node == view->node)
      exchange_pods(known.id, known.view->pods, view->pods, rules.options, simulation);
    else
      simulation.remove_node(std::exchange(known.id, kNoNode));
  }
  const bool same_facts = known.view != nullptr && known.promised == promised &&
                          differ_in_pods_alone(*known.view, *view);
  known.view = view;
  known.promised = promised;
  if (same_facts) return;
  const model::ResourceList* expected =
      promised == nullptr ? nullptr : &promised->node.status.allocatable;
  const NodeFacts before = std::exchange(
      facts_[index],
      node_facts(*view, readiness(*view->node, {rules.taints, rules.semantics, expected})));
  if (!(before == facts_[index])) ++facts_version_;
}

void KnownNodes::sum_up() {
  if (summary_.of == facts_version_) return;
  summary_ = {};
  summary_.of = facts_version_;
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    const NodeFacts& node = facts_[i];
    if (node.ready && !node.unschedulable) ++summary_.ready;
    if (node.deleted_since) summary_.to_be_deleted.push_back(i);
    if (node.soft_tainted && node.group != kNoGroup) summary_.soft_tainted.push_back(i);
  }
}

void KnownNodes::synchronise(std::vector<std::size_t> starting, const Rules& rules,
                             Simulation& simulation) {
  std::sort(starting.begin(), starting.end());
  std::vector<std::size_t> open;
  if (open_) {
    open = std::move(*open_);
    open.insert(open.end(), starting.begin(), starting.end());
    open.insert(open.end(), starting_.begin(), starting_.end());
    std::sort(open.begin(), open.end());  // ids are given in the order of the nodes
    open.erase(std::unique(open.begin(), open.end()), open.end());
  } else {
    open.resize(known_.size());
    std::iota(open.begin(), open.end(), std::size_t{0});
  }
  ids_.resize(known_.size(), kNoNode);
  auto start = starting.begin();
  for (const std::size_t i : open) {
    Known& known = known_[i];
    while (start != starting.end() && *start < i) ++start;
    const bool starts = start != starting.end() && *start == i;
    if (starts && known.id != kNoNode)
      simulation.remove_node(std::exchange(known.id, kNoNode));
    else if (!starts && known.id == kNoNode)
      bring_in(i, rules, simulation);
    ids_[i] = known.id;
  }
  starting_ = std::move(starting);
  open_.emplace();
}

void KnownNodes::bring_in(std::size_t index, const Rules& rules, Simulation& simulation) {
  Known& known = known_[index];
  std::vector<PodRef> pods;
  for (const PodRef& pod : known.view->pods)
    if (!is_expendable(*pod, rules.options)) pods.push_back(pod);
  known.id = simulation.add_node(known.view->node, pods);
}

}  // namespace gputide::scaling
