#include "sim/run_times.h"

#include <algorithm>

namespace gputide::sim {

namespace {

constexpr Duration kDefaultRun = Duration::seconds(60);

}  // namespace

port::ObjectRef workload_of(const Store& store, const model::Pod& pod) {
  const model::ObjectMeta& meta = pod.metadata;
  const model::OwnerReference* owner = meta.controller();
  if (owner == nullptr) return {"Pod", meta.namespace_, meta.name};
  if (owner->kind == "ReplicaSet") {
    const auto set = store.get<model::ReplicaSet>(meta.namespace_, owner->name);
    if (set)
      if (const model::OwnerReference* parent = set->metadata.controller())
        return {parent->kind, meta.namespace_, parent->name};
  }
  return {owner->kind, meta.namespace_, owner->name};
}

bool RunTimes::matches(const model::WorkloadMatch& match, const model::Pod& pod) const {
  const std::string& namespace_ =
      match.namespace_.empty() && match.labels.empty() ? std::string("default") : match.namespace_;
  if (!namespace_.empty() && namespace_ != pod.metadata.namespace_) return false;
  for (const auto& [key, value] : match.labels) {
    const auto label = pod.metadata.labels.find(key);
    if (label == pod.metadata.labels.end() || label->second != value) return false;
  }
  if (match.kind.empty() && match.name.empty()) return !match.labels.empty();
  const port::ObjectRef workload = workload_of(store_, pod);
  return (match.kind.empty() || match.kind == workload.kind) &&
         (match.name.empty() || match.name == workload.name);
}

std::optional<Duration> RunTimes::of(const model::Pod& pod) const {
  if (pod.spec->restartPolicy != "Never" && pod.spec->restartPolicy != "OnFailure")
    return std::nullopt;
  const auto own = pod.metadata.annotations.find(std::string(kRunForAnnotation));
  if (own != pod.metadata.annotations.end())
    if (const Result<Duration> said = Duration::parse(own->second)) return *said;
  for (const model::WorkloadRule& rule : rules_)
    if (rule.runFor && matches(rule.match, pod)) return rule.runFor;
  return kDefaultRun;
}

std::int32_t RunTimes::exit_code(const model::Pod& pod) const {
  for (const model::WorkloadRule& rule : rules_)
    if (rule.exitCode && pod.spec->restartPolicy == "Never" && matches(rule.match, pod))
      return *rule.exitCode;
  return 0;
}

}  // namespace gputide::sim
