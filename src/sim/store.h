// The API objects of a simulated cluster: what a Kubernetes API server does with them, as far as
// the semantics of scheduling and scaling can tell. Source: kube-apiserver 1.34 (defaulting,
// admission plugins Priority, DefaultTolerationSeconds and DefaultStorageClass, pod deletion and
// eviction).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "port/controller.h"
#include "sim/heap.h"
#include "sim/kinds.h"

namespace gputide::sim {

/// Hears of every change, in order, while it is made: it must not change the store itself.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  /// `now` is the new state (the last one when it was deleted), `before` the old one (empty when it
  /// was added).
  virtual void changed(port::Change change, const model::Typed& now,
                       const model::Typed& before) = 0;
};

enum class Applied { Created, Configured, Unchanged };

/// What an eviction came to.
struct EvictionAnswer {
  bool evicted = false;
  std::string message;  // why not
};

class Store {
 public:
  Store(Heap& heap, std::uint64_t seed);

  /// Listeners are told in the order in which they were added.
  void listen(StoreListener& listener) { listeners_.push_back(&listener); }

  /// Creates an object: names it (generateName), gives it a uid and the moment, fills defaults and
  /// admits it. Errors are the API server's refusals.
  Result<model::Typed> create(model::Typed object);
  /// Puts a new state in the place of an object that exists; uid and creation stay as they are.
  /// `if_current`: refused when the object has changed since this state was read.
  Result<void> replace(model::Typed object, bool if_current = false);
  /// As kubectl apply: creates, or replaces what a person decides and keeps status and, where they
  /// are not written, replicas. Kinds that are not served are Unchanged.
  Result<Applied> apply(const model::Object& object);
  /// Sets spec.replicas of a Deployment, ReplicaSet, StatefulSet or ReplicationController, and
  /// spec.parallelism of a Job. Gives the former number.
  Result<std::int32_t> scale(const port::ObjectRef& ref, std::int32_t replicas);

  /// Deletes. A pod that is bound and has not ended is only marked, and goes when its kubelet is
  /// done with it (remove); everything else goes at once. Deleting a marked pod again may shorten
  /// its grace.
  Result<void> remove_gracefully(const port::ObjectRef& ref, std::optional<Duration> grace = {});
  /// Takes a pod away at once: the kubelet's last word, or a deletion without grace.
  void remove_pod(const std::string& namespace_, const std::string& name);

  /// The Eviction API: asks the PodDisruptionBudgets, then deletes with `grace`.
  EvictionAnswer evict(const port::ObjectRef& pod, std::optional<Duration> grace = {});

  Result<void> bind(const port::ObjectRef& pod, const std::string& node);
  Result<void> mark_unschedulable(const port::MarkUnschedulable& mark);
  Result<void> set_condition(const port::SetPodCondition& set);
  Result<void> patch(const port::PatchNode& patch);

  /// nullptr when there is none. Namespace "" for objects that are in none.
  template <class Kind>
  Ref<Kind> get(std::string_view namespace_, std::string_view name) const {
    const auto found = table<Kind>().find(Key(namespace_, name).text());
    return found == table<Kind>().end() ? nullptr : found->second;
  }
  PodRef pod(std::string_view namespace_, std::string_view name) const {
    return get<model::Pod>(namespace_, name);
  }
  NodeRef node(std::string_view name) const { return get<model::Node>("", name); }

  /// Every object, by kind, then in byte order of namespace/name: what a new watch begins with.
  std::vector<model::Typed> everything() const;
  template <class Kind>
  std::vector<Ref<Kind>> list() const;
  template <class Kind>
  std::size_t count() const {
    return table<Kind>().size();
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class Kind>
  using Table = std::unordered_map<std::string, Ref<Kind>, Hash, std::equal_to<>>;
  template <class... Kinds>
  using Tables = std::tuple<Table<Kinds>...>;
  template <class Kind>
  Table<Kind>& table() {
    return std::get<Table<Kind>>(tables_);
  }
  template <class Kind>
  const Table<Kind>& table() const {
    return std::get<Table<Kind>>(tables_);
  }

  template <class Kind>
  using Place = typename Table<Kind>::iterator;

  /// "namespace/name" for a search, which needs no memory of its own where it is short.
  class Key {
   public:
    Key(std::string_view namespace_, std::string_view name);
    std::string_view text() const {
      return long_.empty() ? std::string_view(short_, size_) : std::string_view(long_);
    }

   private:
    char short_[128];  // written as far as it is read
    std::size_t size_;
    std::string long_;
  };
  /// The end of the table when there is none.
  template <class Kind>
  Place<Kind> place_of(std::string_view namespace_, std::string_view name) {
    return table<Kind>().find(Key(namespace_, name).text());
  }
  template <class Kind>
  Result<model::Typed> create_kind(Ref<Kind> object);
  template <class Kind>
  void add(std::string_view key, std::shared_ptr<Kind> object);  // there must be none
  template <class Kind>
  void put(Place<Kind> at, std::shared_ptr<Kind> object);  // over what is there
  template <class Kind>
  void erase(Place<Kind> at);
  template <class Kind>
  void remove_now(Place<Kind> at);
  bool has_namespace(std::string_view name) const;
  template <class Kind>
  Result<void> validate(const Kind& object) const;
  template <class Kind>
  Result<Applied> apply_kind(const model::Object& object, const Ref<Kind>& wanted);
  template <class Kind>
  Result<std::int32_t> scale_kind(const port::ObjectRef& ref, std::int32_t replicas);
  Result<void> delete_pod(const port::ObjectRef& ref, std::optional<Duration> grace,
                          bool evicted = false);

  Result<void> admit(model::Pod& pod);  // store_admission.cc
  void admit(model::PersistentVolumeClaim& claim) const;
  Result<void> default_spec(model::PodSpec& spec) const;
  Result<void> admit_priority(model::PodSpec& spec) const;

  std::string fresh_uid();
  std::string fresh_suffix();
  void tell(port::Change change, const model::Typed& now, const model::Typed& before);

  Heap& heap_;
  Rng uids_;
  Rng suffixes_;
  std::uint64_t version_ = 0;
  std::vector<StoreListener*> listeners_;
  Tables<model::Pod, model::Node, model::ReplicaSet, model::ReplicationController,
         model::Deployment, model::DaemonSet, model::StatefulSet, model::Job,
         model::PodDisruptionBudget, model::PriorityClass, model::ConfigMap, model::Namespace,
         model::Service, model::PersistentVolume, model::PersistentVolumeClaim, model::StorageClass,
         model::CSINode, model::NodePool, model::NodeClaim, model::EC2NodeClass, model::NodeOverlay,
         model::PodTemplate, model::ProvisioningRequest>
      tables_;
  /// A spec, and what it is on a node.
  struct BoundSpec {
    model::Shared<model::PodSpec> unbound;
    model::Shared<model::PodSpec> bound;
  };
  model::Shared<model::PodSpec> bound_spec(const model::Shared<model::PodSpec>& spec,
                                           const std::string& node);

  std::unordered_map<std::string, std::vector<BoundSpec>> bound_specs_;  // by node; the latest ones
  std::unordered_map<std::string, model::Value> last_applied_;           // by kind/namespace/name

  // Templates' specs with their defaults, so that pods of one template share one spec.
  struct Defaulted {
    model::Shared<model::PodSpec> original;  // holds on to the address that is the key
    model::Shared<model::PodSpec> spec;
  };
  std::unordered_map<const void*, Defaulted> defaulted_;
  std::uint64_t defaulted_at_priority_ = 0;
  std::uint64_t priority_version_ = 0;  // counts changes of PriorityClasses
};

}  // namespace gputide::sim
