// What the parts of the controller manager share: where their commands go, and their timers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/conditions.h"
#include "port/controller.h"

namespace gputide::workloads {

template <class Kind>
using Ref = std::shared_ptr<const Kind>;
using PodRef = Ref<model::Pod>;
using NodeRef = Ref<model::Node>;

/// The parts that set timers.
enum class Part : std::uint8_t {
  Jobs = 1,
  JobEnds,
  Evictions,
  OrphanedPods,
  Volumes,
  Statuses,
  Alarms,
  JobStatuses
};

/// Valid while one event is taken in.
class Desk {
 public:
  Desk(Instant now, port::Commands& commands, std::unordered_map<std::uint64_t, Instant>& armed)
      : now_(now), commands_(commands), armed_(armed) {}

  Instant now() const { return now_; }
  template <class Kind>
  void command(Kind&& command) {
    commands_.emplace_back(std::forward<Kind>(command));
  }
  template <class Kind>
  void create(std::shared_ptr<Kind> object) {
    command(port::Create{Ref<Kind>(std::move(object))});
  }
  template <class Kind>
  void replace(std::shared_ptr<Kind> object) {
    command(port::Replace{Ref<Kind>(std::move(object))});
  }
  /// Only if nobody has changed it since it was read.
  template <class Kind>
  void replace_current(std::shared_ptr<Kind> object) {
    command(port::Replace{Ref<Kind>(std::move(object)), true});
  }
  void remove(std::string kind, const model::ObjectMeta& meta, std::optional<Duration> grace = {}) {
    command(port::Delete{{std::move(kind), meta.namespace_, meta.name}, grace});
  }
  void publish(std::string kind, const model::ObjectMeta& about, bool warning, std::string reason,
               std::string message) {
    command(port::Publish{{std::move(kind), about.namespace_, about.name},
                          warning,
                          std::move(reason),
                          std::move(message)});
  }

  /// Asks for the part's timer `id` at `at`; a later one with the same id replaces it.
  void arm(Part part, std::uint64_t id, Instant at) {
    const std::uint64_t key = timer_key(part, id);
    armed_[key] = at;
    command(port::SetTimer{key, at});
  }
  /// The same, unless it is armed already.
  void arm_once(Part part, std::uint64_t id, Instant at) {
    if (!armed_.contains(timer_key(part, id))) arm(part, id, at);
  }
  void disarm(Part part, std::uint64_t id) {
    const std::uint64_t key = timer_key(part, id);
    if (armed_.erase(key) != 0) command(port::SetTimer{key, std::nullopt});
  }
  static std::uint64_t timer_key(Part part, std::uint64_t id) {
    return (static_cast<std::uint64_t>(part) << 56) | id;
  }

 private:
  Instant now_;
  port::Commands& commands_;
  std::unordered_map<std::uint64_t, Instant>& armed_;
};

/// Still to be counted among what runs, or will.
inline bool is_active(const model::Pod& pod) {
  return !pod.metadata.deletionTimestamp && !is_finished(pod);
}

/// How long pods of a workload with this spec must have been ready to be available.
template <class Spec>
Duration min_ready(const Spec& spec) {
  return Duration::seconds(spec.minReadySeconds);
}

/// When a pod that is ready has been so for `min_ready`; nullopt: it is not ready, or ends.
inline std::optional<Instant> available_at(const model::Pod& pod, Duration min_ready) {
  if (!is_active(pod) || !is_ready(pod)) return std::nullopt;
  return find_condition(pod, "Ready")->lastTransitionTime.value_or(Instant()) + min_ready;
}

/// The pod, with the note that it was not its own failure that ended it.
inline std::shared_ptr<model::Pod> disrupted(const model::Pod& pod, std::string reason,
                                             std::string message, Instant now) {
  auto marked = std::make_shared<model::Pod>(pod);
  set_condition(marked->status.conditions,
                {"DisruptionTarget", "True", std::move(reason), std::move(message), now, {}});
  return marked;
}

/// A pod of `pod_template`, owned by the object; without a name yet.
template <class Owner>
std::shared_ptr<model::Pod> pod_of(const Owner& owner, std::string api_version, std::string kind) {
  auto pod = std::make_shared<model::Pod>();
  const model::ObjectMeta& meta = owner.metadata;
  pod->metadata.namespace_ = meta.namespace_;
  pod->metadata.generateName = meta.name + "-";
  pod->metadata.labels = owner.spec.template_.metadata.labels;
  pod->metadata.annotations = owner.spec.template_.metadata.annotations;
  pod->metadata.ownerReferences.push_back(
      {std::move(api_version), std::move(kind), meta.name, meta.uid, true, true});
  pod->spec = owner.spec.template_.spec;
  return pod;
}

}  // namespace gputide::workloads
