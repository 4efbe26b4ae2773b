#include "decide/scaling/node_templates.h"

#include <algorithm>
#include <set>

#include "decide/scaling/pods.h"
#include "decide/scaling/simulation.h"

namespace gputide::scaling {
namespace {

constexpr Duration kStable = Duration::minutes(1);
constexpr const char* kTemplateLabel = "cluster-autoscaler.kubernetes.io/template-node";

bool is_critical_to_nodes(const model::PodSpec& spec) {
  return spec.priorityClassName == "system-node-critical" ||
         spec.priority.value_or(0) >= 2'000'001'000;
}

// What the DaemonSet controller lets its pods bear.
void add_daemon_tolerations(model::PodSpec& spec) {
  const auto add = [&](const char* key, const char* effect) {
    spec.tolerations.push_back({key, "Exists", {}, effect, {}});
  };
  add("node.kubernetes.io/not-ready", "NoExecute");
  add("node.kubernetes.io/unreachable", "NoExecute");
  add("node.kubernetes.io/disk-pressure", "NoSchedule");
  add("node.kubernetes.io/memory-pressure", "NoSchedule");
  add("node.kubernetes.io/pid-pressure", "NoSchedule");
  add("node.kubernetes.io/unschedulable", "NoSchedule");
  if (spec.hostNetwork) add("node.kubernetes.io/network-unavailable", "NoSchedule");
}

model::Pod daemon_pod(const model::DaemonSet& set, const std::string& node) {
  model::Pod pod;
  pod.metadata = set.spec.template_.metadata;
  pod.metadata.namespace_ = set.metadata.namespace_;
  pod.metadata.name = set.metadata.name + "-pod-" + node;
  pod.metadata.uid.clear();
  pod.metadata.ownerReferences = {
      {"apps/v1", "DaemonSet", set.metadata.name, set.metadata.uid, true, true}};
  pod.spec = set.spec.template_.spec;
  model::PodSpec& spec = pod.spec.edit();
  spec.nodeName = node;
  add_daemon_tolerations(spec);
  return pod;
}

// The same pod with nothing that asks for room: where it should run is a matter of selectors and
// taints.
PodRef without_requests(const model::Pod& pod) {
  auto light = std::make_shared<model::Pod>(pod);
  model::PodSpec& spec = light->spec.edit();
  spec.overhead.clear();
  spec.volumes.clear();
  for (auto* list : {&spec.containers, &spec.initContainers})
    for (model::Container& container : *list) {
      container.resources = {};
      container.ports.clear();
    }
  return light;
}

void add_beta_labels(model::StringMap& labels) {
  const auto copy = [&](const char* from, const char* to) {
    if (const auto at = labels.find(from); at != labels.end()) labels[to] = at->second;
  };
  copy("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type");
  copy("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  copy("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
}

// Pods that the node itself brings with it: any other node of its kind would have them too.
std::vector<PodRef> pods_of_node(const NodeView& view) {
  std::vector<PodRef> pods;
  for (const PodRef& pod : view.pods)
    if (is_mirror_pod(*pod) || is_daemonset_pod(*pod)) pods.push_back(pod);
  return pods;
}

void add_absent(model::ResourceList& to, const model::ResourceList& from) {
  for (const auto& [name, amount] : from) to.try_emplace(name, amount);
}

}  // namespace

std::vector<PodRef> daemon_pods(const model::Node& node,
                                std::span<const std::shared_ptr<const model::DaemonSet>> sets) {
  std::vector<PodRef> pods;
  if (sets.empty()) return pods;
  Simulation simulation;
  const NodeId id = simulation.add_node(std::make_shared<const model::Node>(node), {});
  for (const auto& set : sets) {
    model::Pod pod = daemon_pod(*set, node.metadata.name);
    if (!simulation.check(without_requests(pod), id))
      pods.push_back(std::make_shared<const model::Pod>(std::move(pod)));
  }
  return pods;
}

NodeTemplates::NodeTemplates(const Options& options, bool add_missing_resources)
    : semantics_(options.semantics()),
      taints_(options),
      force_ds_(options.force_ds),
      add_missing_(add_missing_resources),
      mark_templates_(options.release == Release::V1_36),
      cache_time_(options.node_info_cache_expire_time) {}

bool NodeTemplates::Made::made_of(const std::shared_ptr<const NodeView>& view,
                                  const GroupView& group, const Observation& seen) const {
  if (launch != group.provider_template || daemon_sets != seen.daemon_sets) return false;
  if (from == view) return true;
  return from != nullptr && view != nullptr && from->node == view->node &&
         pods_of_node(*from) == pods_of_node(*view);
}

void NodeTemplates::sanitize(model::Node& node, const GroupView& group,
                             std::string_view kind) const {
  node.metadata.name = std::string(kind) + "-for-" + group.id;
  node.metadata.uid = node.metadata.name;
  node.metadata.labels["kubernetes.io/hostname"] = node.metadata.name;
  node.spec.taints = taints_.lasting(node.spec.taints);
}

void NodeTemplates::add_missing(model::Node& node, const GroupView& group) const {
  if (!add_missing_ || group.provider_template == nullptr) return;
  add_absent(node.status.capacity, group.provider_template->node.status.capacity);
  add_absent(node.status.allocatable, group.provider_template->node.status.allocatable);
}

const std::shared_ptr<const NodeTemplate>& NodeTemplates::from_node(
    const std::shared_ptr<const NodeView>& view, std::size_t index, const Observation& seen) {
  const GroupView& group = seen.groups[index];
  Made*& made = kept_[index].of_node;
  if (made == nullptr) made = &of_nodes_[group.id];
  if (made->node != nullptr && made->made_of(view, group, seen)) {
    if (made->from != view) made->from = view;
    return made->node;
  }
  *made = {view, group.provider_template, seen.daemon_sets, made_from(*view, group, seen)};
  return made->node;
}

std::shared_ptr<const NodeTemplate> NodeTemplates::made_from(const NodeView& view,
                                                             const GroupView& group,
                                                             const Observation& seen) const {
  auto result = std::make_shared<NodeTemplate>();
  result->node = *view.node;
  result->node.spec.unschedulable = false;
  sanitize(result->node, group, "template-node");
  add_missing(result->node, group);
  std::set<std::string> running;
  for (const PodRef& pod : pods_of_node(view)) {
    if (pod->metadata.deletionTimestamp) continue;
    const model::OwnerReference* owner = pod->metadata.controller();
    if (owner != nullptr && owner->kind == "DaemonSet") running.insert(owner->uid);
    result->pods.push_back(pod);
  }
  std::vector<std::shared_ptr<const model::DaemonSet>> to_come;
  for (const auto& set : seen.daemon_sets)
    if (!running.contains(set->metadata.uid) &&
        (force_ds_ || (mark_templates_ && is_critical_to_nodes(*set->spec.template_.spec))))
      to_come.push_back(set);
  for (PodRef& pod : daemon_pods(result->node, to_come)) result->pods.push_back(std::move(pod));
  return result;
}

const std::shared_ptr<const NodeTemplate>& NodeTemplates::from_launch(std::size_t index,
                                                                      const Observation& seen) {
  const GroupView& group = seen.groups[index];
  Made*& made = kept_[index].of_launch;
  if (made == nullptr) made = &of_launch_[group.id];
  if (made->node != nullptr && made->made_of(nullptr, group, seen)) return made->node;
  auto result = std::make_shared<NodeTemplate>(*group.provider_template);
  add_beta_labels(result->node.metadata.labels);
  if (mark_templates_) result->node.metadata.labels[kTemplateLabel] = "true";
  sanitize(result->node, group, "template-node");
  for (PodRef& pod : daemon_pods(result->node, seen.daemon_sets))
    result->pods.push_back(std::move(pod));
  *made = {nullptr, group.provider_template, seen.daemon_sets, std::move(result)};
  return made->node;
}

const NodeTemplates::Cached* NodeTemplates::cached(std::size_t index, const GroupView& group,
                                                   Instant now) {
  Cached*& known = kept_[index].cached;
  if (known == nullptr) {
    const auto at = cache_.find(group.id);
    if (at == cache_.end()) return nullptr;
    known = &at->second;
  }
  const bool outdated =
      semantics_.template_cache_follows_group && known->template_version != group.template_version;
  if (!outdated && now - known->added <= cache_time_) return known;
  cache_.erase(group.id);
  known = nullptr;
  return nullptr;
}

// The groups are mostly those of the last look, in the same order.
void NodeTemplates::find_kept(const Observation& seen) {
  if (std::equal(seen.groups.begin(), seen.groups.end(), ids_.begin(), ids_.end(),
                 [](const GroupView& group, const std::string& id) { return group.id == id; }))
    return;
  ids_.clear();
  for (const GroupView& group : seen.groups) ids_.push_back(group.id);
  kept_.assign(ids_.size(), {});
  chosen_.assign(ids_.size(), {});
}

void NodeTemplates::choose(std::size_t group, const std::shared_ptr<const NodeTemplate>& node,
                           TemplateOrigin origin) {
  Chosen& chosen = chosen_[group];
  if (chosen.node != node) chosen.node = node;
  chosen.origin = origin;
}

void NodeTemplates::find_real(const Observation& seen, std::span<const NodeFacts> facts,
                              Instant now) {
  real_.assign(seen.groups.size(), kNoNodeOf);
  changes_.clear();
  std::size_t open = seen.groups.size();
  for (std::size_t i = 0; i < facts.size() && open > 0; ++i) {
    const NodeFacts& node = facts[i];
    if (node.group == kNoGroup || !node.ready || node.unschedulable) continue;
    const auto g = static_cast<std::size_t>(node.group);
    if (real_[g] != kNoNodeOf) continue;
    const Instant good_at = node.last_transition + kStable + kPast;
    if (good_at > now) {
      changes_.push_back(good_at);
      continue;
    }
    real_[g] = i;
    --open;
  }
}

void NodeTemplates::choose_real(const Observation& seen, Instant now) {
  for (std::size_t g = 0; g < real_.size(); ++g) {
    if (real_[g] == kNoNodeOf) {
      choose(g, nullptr, TemplateOrigin::None);
      continue;
    }
    const GroupView& group = seen.groups[g];
    choose(g, from_node(seen.nodes[real_[g]], g, seen), TemplateOrigin::RealNode);
    Cached*& known = kept_[g].cached;
    if (known == nullptr) known = &cache_[group.id];
    if (known->node != chosen_[g].node) known->node = chosen_[g].node;
    known->added = now;
    known->template_version = group.template_version;
  }
}

void NodeTemplates::choose_bad(const Observation& seen) {
  for (const auto& view : seen.nodes) {
    if (view->group == kNoGroup) continue;
    const auto g = static_cast<std::size_t>(view->group);
    if (chosen_[g].node == nullptr) choose(g, from_node(view, g, seen), TemplateOrigin::BadNode);
  }
}

Result<void> NodeTemplates::update(const Observation& seen, std::span<const NodeFacts> facts,
                                   std::uint64_t facts_version, Instant now) {
  find_kept(seen);
  const bool found =
      facts_version != 0 && facts_version == facts_version_ && real_.size() == seen.groups.size() &&
      std::all_of(changes_.begin(), changes_.end(), [&](Instant good_at) { return good_at > now; });
  if (!found) find_real(seen, facts, now);
  facts_version_ = facts_version;
  choose_real(seen, now);
  bool all = true;
  for (std::size_t g = 0; g < seen.groups.size(); ++g) {
    const GroupView& group = seen.groups[g];
    if (group.provider_template == nullptr && semantics_.template_error_ends_loop)
      return fail("failed to build node infos for node groups: " + group.template_error);
    if (chosen_[g].node != nullptr) continue;
    if (const Cached* old = cached(g, group, now))
      choose(g, old->node, TemplateOrigin::Cached);
    else if (group.provider_template != nullptr)
      choose(g, from_launch(g, seen), TemplateOrigin::Launch);
    all = all && chosen_[g].node != nullptr;
  }
  if (!all) choose_bad(seen);
  drop_gone(seen);
  return {};
}

void NodeTemplates::drop_gone(const Observation& seen) {
  const auto drop_from = [&](auto& known) {
    if (known.size() <= seen.groups.size()) return;
    std::erase_if(known, [&](const auto& entry) {
      return std::none_of(seen.groups.begin(), seen.groups.end(),
                          [&](const GroupView& group) { return group.id == entry.first; });
    });
  };
  drop_from(cache_);
  drop_from(of_nodes_);
  drop_from(of_launch_);
}

std::optional<Instant> NodeTemplates::next_change(Instant now) const {
  std::optional<Instant> next;
  for (const Instant at : changes_)
    if (at > now && (!next || at < *next)) next = at;
  return next;
}

}  // namespace gputide::scaling
