#include "state/pod_kinds.h"

#include <algorithm>
#include <optional>

#include "model/pod_requests.h"
#include "state/deep.h"

namespace gputide::state {
namespace {

const char* const kAnyAddress = "0.0.0.0";
constexpr std::int64_t kDefaultMilliCpu = 100;
constexpr std::int64_t kDefaultMemory = std::int64_t{200} << 20;

// What scheduling reads of a volume: claims, and the disks that only one node may hold.
bool volume_counts(const model::Volume& v) {
  return v.persistentVolumeClaim || !v.ephemeral.is_null() || !v.gcePersistentDisk.is_null() ||
         !v.awsElasticBlockStore.is_null() || !v.azureDisk.is_null() || !v.rbd.is_null() ||
         !v.iscsi.is_null() || !v.csi.is_null();
}

void add_containers(DeepHash& hash, const std::vector<model::Container>& containers) {
  hash.add(containers.size());
  for (const model::Container& c : containers) {
    hash.add(c.resources.requests);
    hash.add(c.image);
    for (const model::ContainerPort& port : c.ports) hash.add(port.hostPort);
  }
}

std::uint64_t hash_of(const model::PodSpec& spec) {
  DeepHash hash;
  add_containers(hash, spec.containers);
  add_containers(hash, spec.initContainers);
  hash.add(spec.nodeSelector);
  hash.add(spec.affinity);
  hash.add(spec.tolerations);
  hash.add(spec.priority);
  hash.add(spec.topologySpreadConstraints);
  hash.add(spec.overhead);
  for (const model::Volume& v : spec.volumes)
    if (volume_counts(v)) hash.add(v);
  return hash.value();
}

bool same_containers(const std::vector<model::Container>& a,
                     const std::vector<model::Container>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const model::Container& x, const model::Container& y) {
                      return x.image == y.image && x.restartPolicy == y.restartPolicy &&
                             deep_equal(x.resources.requests, y.resources.requests) &&
                             deep_equal(x.ports, y.ports);
                    });
}

bool same_volumes(const std::vector<model::Volume>& a, const std::vector<model::Volume>& b) {
  auto i = a.begin();
  auto j = b.begin();
  for (;; ++i, ++j) {
    i = std::find_if(i, a.end(), volume_counts);
    j = std::find_if(j, b.end(), volume_counts);
    if (i == a.end() || j == b.end()) return i == a.end() && j == b.end();
    if (!deep_equal(*i, *j)) return false;
  }
}

bool same_spec(const model::PodSpec& a, const model::PodSpec& b) {
  return same_containers(a.containers, b.containers) &&
         same_containers(a.initContainers, b.initContainers) && a.nodeSelector == b.nodeSelector &&
         a.priority == b.priority && a.preemptionPolicy == b.preemptionPolicy &&
         deep_equal(a.affinity, b.affinity) && deep_equal(a.tolerations, b.tolerations) &&
         deep_equal(a.topologySpreadConstraints, b.topologySpreadConstraints) &&
         deep_equal(a.overhead, b.overhead) && same_volumes(a.volumes, b.volumes);
}

std::optional<std::int64_t> amount_of(const model::ResourceList& list, const char* name,
                                      bool milli) {
  const auto at = list.find(name);
  if (at == list.end()) return std::nullopt;
  return milli ? at->second.milli_value() : at->second.value();
}

// The share of a running pod that scores see. Source: 1.31 framework/types.go calculateResource:
// sidecars are no part of the main sum, and count for the init containers behind them; `absent`
// stands in where neither requests anything.
std::int64_t scored(const model::PodSpec& spec, const char* name, bool milli, std::int64_t absent) {
  std::int64_t sum = 0;
  for (const model::Container& c : spec.containers)
    sum += amount_of(c.resources.requests, name, milli).value_or(absent);
  std::optional<std::int64_t> sidecars;
  for (const model::Container& c : spec.initContainers) {
    std::optional<std::int64_t> needed = amount_of(c.resources.requests, name, milli);
    if (needed || sidecars) needed = needed.value_or(0) + sidecars.value_or(0);
    if (c.restartPolicy == "Always") sidecars = needed;
    sum = std::max(sum, needed.value_or(absent));
  }
  return sum + amount_of(spec.overhead, name, milli).value_or(0);
}

// Of labels that are shared, and so stay as they are while a class holds them; nullptr for none.
const void* address_of(const model::StringMap& labels) {
  return labels.empty() ? nullptr : &*labels.begin();
}

bool prefixed_native(std::string_view name) {
  return name.find("kubernetes.io/") != std::string_view::npos;
}

}  // namespace

Resources::Resources() {
  for (const char* name : {"cpu", "memory", "ephemeral-storage"}) names_.of(name);
}

ResourceId Resources::of(std::string_view name) {
  const Names::Id known = names_.find(name);
  if (known != Names::kNone) return static_cast<ResourceId>(known);
  const bool counted = name.starts_with("hugepages-") || name.starts_with("attachable-volumes-") ||
                       prefixed_native(name) ||
                       (name.find('/') != std::string_view::npos && !name.starts_with("requests."));
  return counted ? static_cast<ResourceId>(names_.of(name)) : kNoResource;
}

PodKinds::PodKinds(Resources& resources) : resources_(resources) {
  port_names_.of(kAnyAddress);
}

SpecInfo PodKinds::compile(const model::Pod& pod) {
  const model::PodSpec& spec = *pod.spec;
  SpecInfo info;
  info.spec = pod.spec;
  for (const auto& [name, quantity] : model::pod_requests(pod)) {
    const ResourceId id = resources_.of(name);
    if (id == Resources::kNoResource) continue;
    const std::int64_t amount = Resources::amount(id, quantity);
    if (amount != 0) info.requests.push_back({id, amount});
  }
  std::sort(info.requests.begin(), info.requests.end(),
            [](const Amount& a, const Amount& b) { return a.resource < b.resource; });
  info.scored_cpu = scored(spec, "cpu", true, kDefaultMilliCpu);
  info.scored_memory = scored(spec, "memory", false, kDefaultMemory);
  for (const model::Container& container : spec.containers)
    for (const model::ContainerPort& port : container.ports)
      if (port.hostPort > 0)
        info.ports.push_back({port_names_.of(port.hostIP.empty() ? kAnyAddress : port.hostIP),
                              port_names_.of(port.protocol.empty() ? "TCP" : port.protocol),
                              port.hostPort});
  info.priority = spec.priority.value_or(0);
  info.spreads = !spec.topologySpreadConstraints.empty();
  info.claims = std::any_of(spec.volumes.begin(), spec.volumes.end(),
                            [](const auto& v) { return v.persistentVolumeClaim.has_value(); });
  if (spec.affinity) {
    const auto& anti = spec.affinity->podAntiAffinity;
    const auto& pro = spec.affinity->podAffinity;
    const auto any = [](const auto& a) {
      return a && !(a->requiredDuringSchedulingIgnoredDuringExecution.empty() &&
                    a->preferredDuringSchedulingIgnoredDuringExecution.empty());
    };
    info.required_anti_affinity =
        anti && !anti->requiredDuringSchedulingIgnoredDuringExecution.empty();
    info.any_pod_affinity = any(anti) || any(pro);
  }
  return info;
}

void PodKinds::remember(SpecId id, const model::Shared<model::PodSpec>& spec) {
  // Of each number two values are held: the first, or the last that came twice, and the newest.
  // Templates are found by address that way, and copies made for one pod do not pile up.
  Spec& known = specs_[id];
  if (spec.identity() == nullptr) return;
  if (known.recent.identity() != nullptr) by_address_.erase(known.recent.identity());
  last_address_ = nullptr;  // it may be the one that is no longer held
  known.recent = spec;
  by_address_.emplace(spec.identity(), id);
}

SpecId PodKinds::spec_of(const model::Pod& pod) {
  const void* address = pod.spec.identity();
  if (address != nullptr) {
    if (address == last_address_) return last_spec_;
    const auto at = by_address_.find(address);
    if (at != by_address_.end()) {
      Spec& known = specs_[at->second];
      if (address == known.recent.identity()) std::swap(known.info.spec, known.recent);
      last_address_ = address;
      return last_spec_ = at->second;
    }
  }
  std::vector<SpecId>& same_hash = by_spec_hash_[hash_of(*pod.spec)];
  for (const SpecId id : same_hash)
    if (same_spec(*specs_[id].info.spec, *pod.spec)) {
      remember(id, pod.spec);
      return id;
    }
  const auto id = static_cast<SpecId>(specs_.size());
  same_hash.push_back(id);
  specs_.push_back({compile(pod), {}});
  if (address != nullptr) by_address_.emplace(address, id);
  return id;
}

ClassId PodKinds::class_of(const model::Pod& pod) {
  const auto is_of = [&](ClassId id) {
    return classes_[id].namespace_ == pod.metadata.namespace_ &&
           classes_[id].labels == pod.metadata.labels;
  };
  const void* address = address_of(pod.metadata.labels);
  if (address != nullptr)
    if (const auto at = by_labels_.find(address);
        at != by_labels_.end() && classes_[at->second].namespace_ == pod.metadata.namespace_)
      return last_class_ = at->second;
  if (last_class_ < classes_.size() && is_of(last_class_)) return last_class_;
  DeepHash hash;
  hash.add(pod.metadata.namespace_);
  hash.add(pod.metadata.labels);
  std::vector<ClassId>& same_hash = by_class_hash_[hash.value()];
  const auto known = std::find_if(same_hash.begin(), same_hash.end(), is_of);
  if (known != same_hash.end()) return last_class_ = *known;
  last_class_ = static_cast<ClassId>(classes_.size());
  same_hash.push_back(last_class_);
  classes_.push_back({pod.metadata.namespace_, pod.metadata.labels});
  if (address != nullptr) by_labels_.emplace(address, last_class_);
  return last_class_;
}

bool ports_conflict(const HostPort& a, const HostPort& b) {
  return a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || a.ip == 0 || b.ip == 0);
}

}  // namespace gputide::state
