#include "sim/chronicle.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/conditions.h"
#include "model/pod_requests.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

Subject subject_of(const model::Pod& pod) {
  return {"pod", pod.metadata.namespace_, pod.metadata.name};
}

bool is_gpu(std::string_view resource) {
  return resource.starts_with("nvidia.com/") || resource.starts_with("k8s.amazonaws.com/vgpu");
}

std::string_view maker_of(const model::Pod& pod) {
  const model::OwnerReference* owner = pod.metadata.controller();
  if (owner == nullptr) return "kubectl";
  if (owner->kind == "ReplicaSet") return "replicaset-controller";
  if (owner->kind == "DaemonSet") return "daemonset-controller";
  if (owner->kind == "Job") return "job-controller";
  if (owner->kind == "StatefulSet") return "statefulset-controller";
  return "kube-controller-manager";
}

// Taints of conditions come and go with every node.
bool is_told(const model::Taint& taint) {
  return !taint.key.starts_with("node.kubernetes.io/") ||
         taint.key == "node.kubernetes.io/unschedulable";
}

}  // namespace

bool is_counted(const model::Pod& pod) {
  if (pod.metadata.namespace_ == "kube-system") return false;
  const model::OwnerReference* owner = pod.metadata.controller();
  return owner == nullptr || owner->kind != "DaemonSet";
}

GpuAsk gpu_ask(const model::PodSpec& spec) {
  GpuAsk ask;
  for (const model::Container& container : spec.containers)
    for (const auto& [resource, amount] : container.resources.requests) {
      if (!is_gpu(resource)) continue;
      ask.resource = resource;
      ask.count += amount.value();
    }
  return ask;
}

Chronicle::Chronicle(Store& store, Telling& telling, const Heap& heap)
    : telling_(telling), heap_(heap), last_change_(heap.now()) {
  store.listen(*this);
}

void Chronicle::changed(port::Change change, const model::Typed& now, const model::Typed& before) {
  if (change != port::Change::Modified) last_change_ = heap_.now();
  if (const auto* pod = std::get_if<PodRef>(&now)) {
    const auto* old = std::get_if<PodRef>(&before);
    pod_changed(change, **pod, old == nullptr ? nullptr : old->get());
  } else if (const auto* node = std::get_if<NodeRef>(&now)) {
    const auto* old = std::get_if<NodeRef>(&before);
    node_changed(change, **node, old == nullptr ? nullptr : old->get());
  }
}

namespace {

std::int64_t amount(const model::ResourceList& all, const std::string& resource, bool milli) {
  const auto at = all.find(resource);
  if (at == all.end()) return 0;
  return milli ? at->second.milli_value() : at->second.value();
}

}  // namespace

void Chronicle::pod_created(const model::Pod& pod) {
  const bool counted = is_counted(pod);
  if (counted) {
    ++pods_.created;
    ++pods_.pending;
  }
  const GpuAsk ask = gpu_ask(*pod.spec);
  model::ResourceList sum;
  const model::ResourceList& requests = model::pod_requests(*pod.spec, sum);
  const model::OwnerReference* owner = pod.metadata.controller();
  const std::string name = telling_.pod_name(pod.metadata);
  std::string owner_name;
  if (owner != nullptr) {
    owner_name.reserve(owner->kind.size() + 1 + owner->name.size());
    owner_name.append(owner->kind).append(1, '/').append(owner->name);
  }
  telling_.tell(RecordKind::PodCreated, maker_of(pod), subject_of(pod),
                {{"pod", std::string_view(name)},
                 {"owner", std::string_view(owner_name)},
                 {"gpu_resource", ask.resource},
                 {"gpus", ask.count},
                 {"cpu_milli", amount(requests, "cpu", true)},
                 {"memory_bytes", amount(requests, "memory", false)},
                 {"counted", std::int64_t{counted ? 1 : 0}}},
                [&] {
                  std::string text =
                      owner == nullptr ? std::string("created")
                                       : fmt::format("created for {} {}", owner->kind, owner->name);
                  if (ask.count > 0) text += fmt::format(", wants {} {}", ask.count, ask.resource);
                  return text;
                });
}

// Phases are counted where they are entered and left, of workloads' pods only.
void Chronicle::phase_changed(const model::Pod& now, const std::string& before) {
  if (before == "Pending") --pods_.pending;
  if (before == "Running") --pods_.running;
  const std::string& phase = now.status.phase;
  if (phase == "Pending") ++pods_.pending;
  if (phase == "Running") ++pods_.running;
  if (phase == "Succeeded") ++pods_.succeeded;
  if (phase == "Failed") ++pods_.failed;
  if (phase == "Running" && before == "Pending")
    waits_.push_back((heap_.now() - *now.metadata.creationTimestamp).nanoseconds());
}

void Chronicle::pod_changed(port::Change change, const model::Pod& now, const model::Pod* before) {
  if (change == port::Change::Added) return pod_created(now);
  const std::string name = telling_.pod_name(now.metadata);
  const std::string_view node = now.spec->nodeName;
  if (change == port::Change::Deleted) {
    if (is_counted(now)) {
      if (now.status.phase == "Pending") --pods_.pending;
      if (now.status.phase == "Running") --pods_.running;
    }
    telling_.tell(RecordKind::PodDeleted, node.empty() ? "kube-apiserver" : "kubelet",
                  subject_of(now), {{"pod", std::string_view(name)}, {"node", node}}, [&] {
                    return node.empty() ? std::string("gone") : fmt::format("gone from {}", node);
                  });
    return;
  }
  if (before->spec->nodeName.empty() && !node.empty()) {
    telling_.tell(RecordKind::PodScheduled, "kube-scheduler", subject_of(now),
                  {{"pod", std::string_view(name)}, {"node", node}},
                  [&] { return fmt::format("assigned to {}", node); });
  } else if (node.empty()) {
    const model::PodCondition* condition = find_condition(now, "PodScheduled");
    const model::PodCondition* old = find_condition(*before, "PodScheduled");
    if (condition != nullptr && condition->status == "False" &&
        (old == nullptr || old->message != condition->message))
      telling_.tell(RecordKind::PodUnschedulable, "kube-scheduler", subject_of(now),
                    {{"pod", std::string_view(name)}}, [&] { return condition->message; });
  }
  if (now.status.phase == before->status.phase) return;
  last_change_ = heap_.now();
  if (is_counted(now)) phase_changed(now, before->status.phase);
  if (now.status.phase == "Failed")
    telling_.tell(RecordKind::PodFailed, "kubelet", subject_of(now),
                  {{"pod", std::string_view(name)},
                   {"node", node},
                   {"reason", std::string_view(now.status.reason)}},
                  [&] { return now.status.message; });
}

void Chronicle::node_changed(port::Change change, const model::Node& now,
                             const model::Node* before) {
  const std::string& name = now.metadata.name;
  if (change == port::Change::Deleted) {
    const std::size_t slash = now.spec.providerID.rfind('/');
    const std::string_view instance = slash == std::string::npos
                                          ? std::string_view()
                                          : std::string_view(now.spec.providerID).substr(slash + 1);
    telling_.tell(RecordKind::NodeDeleted, "cloud-controller-manager", {"node", "", name},
                  {{"node", std::string_view(name)}, {"instance", instance}},
                  [&] { return fmt::format("left the cluster: {} is gone", instance); });
    return;
  }
  if (before == nullptr) return;
  for (const model::Taint& taint : now.spec.taints) {
    const bool old = std::any_of(before->spec.taints.begin(), before->spec.taints.end(),
                                 [&](const model::Taint& each) {
                                   return each.key == taint.key && each.effect == taint.effect;
                                 });
    if (old || !is_told(taint)) continue;
    const std::string text = taint.value.empty()
                                 ? fmt::format("{}:{}", taint.key, taint.effect)
                                 : fmt::format("{}={}:{}", taint.key, taint.value, taint.effect);
    telling_.tell(RecordKind::NodeTainted, "kube-apiserver", {"node", "", name},
                  {{"node", std::string_view(name)}, {"taint", std::string_view(text)}},
                  [&] { return fmt::format("tainted {}", text); });
  }
}

void Chronicle::evicted(const model::Pod& pod, std::string_view by) {
  if (is_counted(pod)) ++pods_.evicted;
  const std::string name = telling_.pod_name(pod.metadata);
  telling_.tell(
      RecordKind::PodEvicted, by, subject_of(pod),
      {{"pod", std::string_view(name)}, {"node", std::string_view(pod.spec->nodeName)}, {"by", by}},
      [&] { return fmt::format("evicted from {}", pod.spec->nodeName); });
}

void Chronicle::preempted(const model::Pod& pod, std::string_view by) {
  const std::string name = telling_.pod_name(pod.metadata);
  telling_.tell(
      RecordKind::PodPreempted, by, subject_of(pod),
      {{"pod", std::string_view(name)}, {"node", std::string_view(pod.spec->nodeName)}, {"by", by}},
      [&] {
        return fmt::format("preempted on {} for a pod of higher priority", pod.spec->nodeName);
      });
}

// Nearest rank, as most tools define percentiles of a sample.
std::optional<port::RunResult::Wait> Chronicle::wait() const {
  if (waits_.empty()) return std::nullopt;
  std::vector<std::int64_t> sorted = waits_;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = [&](std::size_t percent) {
    const std::size_t at = (sorted.size() * percent + 99) / 100;
    return Duration::nanoseconds(sorted[std::max<std::size_t>(at, 1) - 1]);
  };
  return port::RunResult::Wait{rank(50), rank(95), Duration::nanoseconds(sorted.back())};
}

}  // namespace gputide::sim
