#include "sim/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/conditions.h"
#include "model/names.h"
#include "model/selector.h"

namespace gputide::sim {

using model::Typed;
using port::Change;

namespace {

// The same object for writing when nobody else holds it, else a copy.
template <class Kind>
std::shared_ptr<Kind> own(Ref<Kind>&& object) {
  if (object.use_count() == 1) return std::const_pointer_cast<Kind>(std::move(object));
  return std::make_shared<Kind>(*object);
}

std::string not_found(const port::ObjectRef& ref) {
  return fmt::format("{} \"{}\" not found", ref.kind, ref.name);
}

std::string_view namespace_of(const port::ObjectRef& ref) {
  if (is_cluster_scoped(ref.kind)) return "";
  return ref.namespace_.empty() ? std::string_view("default") : std::string_view(ref.namespace_);
}

// What is wrong with how a Job deals with failures; "" if nothing.
std::string job_problem(const model::JobSpec& spec) {
  if (spec.backoffLimitPerIndex && spec.completionMode.value_or("NonIndexed") != "Indexed")
    return "spec.backoffLimitPerIndex: requires indexed completion mode";
  if (spec.maxFailedIndexes && !spec.backoffLimitPerIndex)
    return "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified";
  if (spec.successPolicy && spec.completionMode.value_or("NonIndexed") != "Indexed")
    return "spec.successPolicy: Invalid value: requires indexed completion mode";
  if (!spec.podFailurePolicy) return {};
  const std::string& restarts = spec.template_.spec->restartPolicy;
  if (restarts != "Never")
    return fmt::format(
        "spec.template.spec.restartPolicy: Invalid value: \"{}\": only \"Never\" is supported when "
        "podFailurePolicy is specified",
        restarts);
  const auto& rules = spec.podFailurePolicy->rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string& action = rules[i].action;
    const std::string at = fmt::format("spec.podFailurePolicy.rules[{}]", i);
    if (action == "FailIndex" && !spec.backoffLimitPerIndex)
      return at +
             ".action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set";
    if (action != "FailJob" && action != "FailIndex" && action != "Ignore" && action != "Count")
      return fmt::format(
          "{}.action: Unsupported value: \"{}\": supported values: \"Count\", "
          "\"FailIndex\", \"FailJob\", \"Ignore\"",
          at, action);
    if (rules[i].onExitCodes.has_value() == !rules[i].onPodConditions.empty())
      return at + ": Invalid value: exactly one of onExitCodes and onPodConditions is required";
  }
  return {};
}

}  // namespace

Store::Store(Heap& heap, std::uint64_t seed)
    : heap_(heap), uids_(seed, "object uids"), suffixes_(seed, "generated names") {}

Store::Key::Key(std::string_view namespace_, std::string_view name)
    : size_(namespace_.size() + 1 + name.size()) {
  if (size_ > sizeof short_) {
    long_.append(namespace_).append(1, '/').append(name);
    return;
  }
  char* end = std::copy(namespace_.begin(), namespace_.end(), short_);
  *end++ = '/';
  std::copy(name.begin(), name.end(), end);
}

std::string Store::fresh_uid() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string uid(36, '-');
  std::uint64_t bits[2] = {uids_.next(), uids_.next()};
  for (std::size_t i = 0, digit = 0; i < uid.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) continue;
    uid[i] = kHex[(bits[digit / 16] >> (4 * (digit % 16))) & 15];
    ++digit;
  }
  uid[14] = '4';
  return uid;
}

// What the API server appends to generateName.
std::string Store::fresh_suffix() {
  std::string suffix(model::kRandomSuffixLength, ' ');
  for (char& c : suffix) c = model::kSafeLetters[suffixes_.below(model::kSafeLetters.size())];
  return suffix;
}

void Store::tell(Change change, const Typed& now, const Typed& before) {
  for (StoreListener* listener : listeners_) listener->changed(change, now, before);
}

template <class Kind>
void Store::add(std::string_view key, std::shared_ptr<Kind> object) {
  object->metadata.resourceVersion = std::to_string(++version_);
  if constexpr (std::is_same_v<Kind, model::PriorityClass>) ++priority_version_;
  const Ref<Kind> now = std::move(object);
  table<Kind>().emplace(key, now);
  tell(Change::Added, Typed(now), Typed());
}

template <class Kind>
void Store::put(Place<Kind> at, std::shared_ptr<Kind> object) {
  object->metadata.resourceVersion = std::to_string(++version_);
  if constexpr (std::is_same_v<Kind, model::PriorityClass>) ++priority_version_;
  Ref<Kind> now = std::move(object);
  Ref<Kind> before = std::exchange(at->second, now);
  tell(Change::Modified, Typed(std::move(now)), Typed(std::move(before)));
}

template <class Kind>
void Store::erase(Place<Kind> at) {
  ++version_;
  if constexpr (std::is_same_v<Kind, model::PriorityClass>) ++priority_version_;
  if constexpr (std::is_same_v<Kind, model::Node>) bound_specs_.erase(at->second->metadata.name);
  const Typed last(std::move(at->second));
  table<Kind>().erase(at);
  tell(Change::Deleted, last, last);
}

template <class Kind>
Result<Typed> Store::create_kind(Ref<Kind> given) {
  std::shared_ptr<Kind> object = own(std::move(given));
  model::ObjectMeta& meta = object->metadata;
  if constexpr (is_cluster_scoped(kind_name<Kind>()))
    meta.namespace_.clear();
  else if (meta.namespace_.empty())
    meta.namespace_ = "default";
  if (meta.name.empty()) {
    if (meta.generateName.empty())
      return fail(fmt::format("{} has neither a name nor a generateName", kind_name<Kind>()));
    do {
      meta.name = model::name_prefix(meta.generateName);
      meta.name += fresh_suffix();
    } while (place_of<Kind>(meta.namespace_, meta.name) != table<Kind>().end());
  } else if (place_of<Kind>(meta.namespace_, meta.name) != table<Kind>().end()) {
    return fail(fmt::format("{} \"{}\" already exists", kind_name<Kind>(), meta.name));
  }
  if constexpr (std::is_same_v<Kind, model::Pod>)
    if (Result<void> admitted = admit(*object); !admitted) return tl::unexpected(admitted.error());
  if constexpr (std::is_same_v<Kind, model::PersistentVolumeClaim>) admit(*object);
  if constexpr (requires {
                  object->spec.template_;
                  object->status.is_map();
                })
    object->status = {};  // controllers alone say it
  if constexpr (std::is_same_v<Kind, model::ProvisioningRequest>) object->status = {};
  meta.uid = fresh_uid();
  meta.creationTimestamp = heap_.now();
  meta.deletionTimestamp.reset();
  Ref<Kind> created = object;
  add(Key(created->metadata.namespace_, created->metadata.name).text(), std::move(object));
  return Typed(std::move(created));
}

Result<Typed> Store::create(Typed object) {
  Result<Typed> created = fail("objects of this kind are not served");
  std::visit(
      [&]<class Held>(Held& held) {
        if constexpr (!std::is_same_v<Held, std::monostate>) {
          using Kind = std::remove_const_t<typename Held::element_type>;
          if constexpr (kServed<Kind>) created = create_kind<Kind>(std::move(held));
        }
      },
      object);
  return created;
}

Result<void> Store::replace(Typed object, bool if_current) {
  Result<void> done = fail("objects of this kind are not served");
  std::visit(
      [&]<class Held>(Held& held) {
        if constexpr (!std::is_same_v<Held, std::monostate>) {
          using Kind = std::remove_const_t<typename Held::element_type>;
          if constexpr (kServed<Kind>) {
            const auto at = place_of<Kind>(held->metadata.namespace_, held->metadata.name);
            if (at == table<Kind>().end()) {
              done =
                  fail(fmt::format("{} \"{}\" not found", kind_name<Kind>(), held->metadata.name));
              return;
            }
            const model::ObjectMeta& before = at->second->metadata;
            if constexpr (std::is_same_v<Kind, model::Pod>)
              if (const std::string& node = at->second->spec->nodeName;
                  !node.empty() && held->spec->nodeName != node) {
                done = fail("spec.nodeName: pod updates may not change it");
                return;
              }
            if (if_current && held->metadata.resourceVersion != before.resourceVersion) {
              done = fail("the object has been modified");
              return;
            }
            std::shared_ptr<Kind> now = own(std::move(held));
            now->metadata.uid = before.uid;
            now->metadata.creationTimestamp = before.creationTimestamp;
            done = {};
            if constexpr (std::is_same_v<Kind, model::PersistentVolumeClaim>)
              if (now->metadata.deletionTimestamp && now->metadata.finalizers.empty())
                return remove_now<Kind>(at);  // nobody holds it any more
            put<Kind>(at, std::move(now));
          }
        }
      },
      object);
  return done;
}

bool Store::has_namespace(std::string_view name) const {
  return name.empty() || name == "default" || name.starts_with("kube-") ||
         get<model::Namespace>("", name) != nullptr;
}

// What the API server refuses in objects that people write, besides what was found when they were
// read.
template <class Kind>
Result<void> Store::validate(const Kind& object) const {
  const model::ObjectMeta& meta = object.metadata;
  if (!has_namespace(meta.namespace_))
    return fail(fmt::format("namespaces \"{}\" not found", meta.namespace_));
  if constexpr (std::is_same_v<Kind, model::Deployment> ||
                std::is_same_v<Kind, model::ReplicaSet> || std::is_same_v<Kind, model::DaemonSet> ||
                std::is_same_v<Kind, model::StatefulSet>) {
    const model::StringMap& labels = object.spec.template_.metadata.labels;
    if (!object.spec.selector)
      return fail(fmt::format("{} \"{}\" is invalid: spec.selector: Required value",
                              kind_name<Kind>(), meta.name));
    if (!model::Selector::of(object.spec.selector).matches(labels))
      return fail(
          fmt::format("{} \"{}\" is invalid: spec.template.metadata.labels: `selector` "
                      "does not match template `labels`",
                      kind_name<Kind>(), meta.name));
  }
  if constexpr (std::is_same_v<Kind, model::ProvisioningRequest>)
    if (object.spec.podSets.empty() ||
        std::any_of(object.spec.podSets.begin(), object.spec.podSets.end(),
                    [](const model::PodSet& set) { return set.count < 1; }))
      return fail(
          fmt::format("ProvisioningRequest.autoscaling.x-k8s.io \"{}\" is invalid: spec.podSets: "
                      "Invalid value: "
                      "1 to 32 sets of 1 pod or more are wanted",
                      meta.name));
  if constexpr (std::is_same_v<Kind, model::Job>)
    if (const std::string why = job_problem(object.spec); !why.empty())
      return fail(fmt::format("Job.batch \"{}\" is invalid: {}", meta.name, why));
  return {};
}

namespace {

// What was found for a claim stays when it is applied anew, and so do the controllers' notes.
void keep_binding(model::PersistentVolumeClaim& now, const model::PersistentVolumeClaim& before) {
  model::ResourceRequirements resources = std::move(now.spec.resources);
  now.spec = before.spec;
  now.spec.resources = std::move(resources);
  now.metadata.annotations.insert(before.metadata.annotations.begin(),
                                  before.metadata.annotations.end());
  now.metadata.finalizers = before.metadata.finalizers;
  now.metadata.deletionTimestamp = before.metadata.deletionTimestamp;
}
void keep_binding(model::PersistentVolume& now, const model::PersistentVolume& before) {
  if (!now.spec.claimRef) now.spec.claimRef = before.spec.claimRef;
  now.metadata.annotations.insert(before.metadata.annotations.begin(),
                                  before.metadata.annotations.end());
}

// Whether a Job's or a Pod's spec may become the other one: of what the API server lets change,
// only a Job's suspend. `before`: nullptr before anything was applied.
bool may_become(const model::Value* before, const model::Value* now, bool job) {
  if (before == nullptr || now == nullptr) return false;
  const auto fixed = [job](model::Value spec) {
    if (job && spec.is_map())
      std::erase_if(spec.as_map(), [](const model::Member& each) { return each.key == "suspend"; });
    return spec;
  };
  return fixed(*before) == fixed(*now);
}

}  // namespace

template <class Kind>
Result<Applied> Store::apply_kind(const model::Object& object, const Ref<Kind>& wanted) {
  std::shared_ptr<Kind> now = std::make_shared<Kind>(*wanted);
  if constexpr (is_cluster_scoped(kind_name<Kind>()))
    now->metadata.namespace_.clear();
  else if (now->metadata.namespace_.empty())
    now->metadata.namespace_ = "default";
  const Key key(now->metadata.namespace_, now->metadata.name);
  if (Result<void> valid = validate(*now); !valid) return tl::unexpected(valid.error());
  model::Value& last = last_applied_[fmt::format("{}/{}", kind_name<Kind>(), key.text())];
  const Ref<Kind> before = get<Kind>(now->metadata.namespace_, now->metadata.name);
  if (!before) {
    Result<Typed> created = create(Typed(Ref<Kind>(std::move(now))));
    if (!created) return tl::unexpected(created.error());
    last = object.source;
    return Applied::Created;
  }
  if (last == object.source) return Applied::Unchanged;
  if constexpr (std::is_same_v<Kind, model::ProvisioningRequest>)
    if (!may_become(last.find("spec"), object.source.find("spec"), false))
      return fail(fmt::format(
          "ProvisioningRequest.autoscaling.x-k8s.io \"{}\" is invalid: spec: Invalid value: Value "
          "is immutable",
          now->metadata.name));
  if constexpr (std::is_same_v<Kind, model::Pod> || std::is_same_v<Kind, model::Job>) {
    constexpr bool is_job = std::is_same_v<Kind, model::Job>;
    if (!may_become(last.find("spec"), object.source.find("spec"), is_job))
      return fail(
          fmt::format("{} \"{}\" is invalid: spec: Forbidden: the spec of a {} that exists "
                      "may not be changed",
                      kind_name<Kind>(), now->metadata.name, kind_name<Kind>()));
    now->spec = before->spec;
    if constexpr (is_job) now->spec.suspend = wanted->spec.suspend;
  }
  if constexpr (requires { now->spec.selector; })
    if constexpr (std::is_same_v<Kind, model::Deployment> ||
                  std::is_same_v<Kind, model::ReplicaSet> ||
                  std::is_same_v<Kind, model::DaemonSet> ||
                  std::is_same_v<Kind, model::StatefulSet>)
      if (now->spec.selector != before->spec.selector)
        return fail(fmt::format("{} \"{}\" is invalid: spec.selector: field is immutable",
                                kind_name<Kind>(), now->metadata.name));
  if constexpr (std::is_same_v<Kind, model::NodePool>)
    if (now->spec.replicas.has_value() != before->spec.replicas.has_value())
      return fail(fmt::format(
          "NodePool \"{}\" is invalid: spec: Invalid value: \"object\": Cannot transition "
          "NodePool between static (replicas set) and dynamic (replicas unset) "
          "provisioning modes",
          now->metadata.name));
  if constexpr (requires { now->spec.replicas; })
    if (!now->spec.replicas) now->spec.replicas = before->spec.replicas;
  if constexpr (requires { keep_binding(*now, *before); }) keep_binding(*now, *before);
  if constexpr (requires { now->status; }) now->status = before->status;
  now->metadata.ownerReferences = before->metadata.ownerReferences;
  last = object.source;
  if (Result<void> replaced = replace(Typed(Ref<Kind>(std::move(now)))); !replaced)
    return tl::unexpected(replaced.error());
  return Applied::Configured;
}

Result<Applied> Store::apply(const model::Object& object) {
  Result<Applied> applied = Applied::Unchanged;
  with_kind(object.typed,
            [&]<class Kind>(const Ref<Kind>& held) { applied = apply_kind<Kind>(object, held); });
  return applied;
}

template <class Kind>
Result<std::int32_t> Store::scale_kind(const port::ObjectRef& ref, std::int32_t replicas) {
  const Ref<Kind> before = get<Kind>(namespace_of(ref), ref.name);
  if (!before) return fail(not_found(ref));
  std::shared_ptr<Kind> now = std::make_shared<Kind>(*before);
  std::int32_t from = 1;
  if constexpr (std::is_same_v<Kind, model::Job>)
    from = std::exchange(now->spec.parallelism, replicas).value_or(1);
  else
    from = static_cast<std::int32_t>(std::exchange(now->spec.replicas, replicas).value_or(1));
  if (Result<void> done = replace(Typed(Ref<Kind>(std::move(now)))); !done)
    return tl::unexpected(done.error());
  return from;
}

Result<std::int32_t> Store::scale(const port::ObjectRef& ref, std::int32_t replicas) {
  if (ref.kind == "Deployment") return scale_kind<model::Deployment>(ref, replicas);
  if (ref.kind == "ReplicaSet") return scale_kind<model::ReplicaSet>(ref, replicas);
  if (ref.kind == "StatefulSet") return scale_kind<model::StatefulSet>(ref, replicas);
  if (ref.kind == "ReplicationController")
    return scale_kind<model::ReplicationController>(ref, replicas);
  if (ref.kind == "NodePool") {
    const auto pool = get<model::NodePool>("", ref.name);
    if (pool && !pool->spec.replicas)
      return fail(fmt::format("NodePool {} has no replicas", ref.name));
    return scale_kind<model::NodePool>(ref, replicas);
  }
  if (ref.kind == "Job") return scale_kind<model::Job>(ref, replicas);
  return fail(fmt::format("a {} has no number of replicas that could be scaled", ref.kind));
}

template <class Kind>
void Store::remove_now(Place<Kind> at) {
  if (!last_applied_.empty()) {
    std::string applied(kind_name<Kind>());
    last_applied_.erase(applied.append(1, '/').append(at->first));
  }
  erase<Kind>(at);
}

Result<void> Store::delete_pod(const port::ObjectRef& ref, std::optional<Duration> grace,
                               bool evicted) {
  const auto at = place_of<model::Pod>(namespace_of(ref), ref.name);
  if (at == table<model::Pod>().end()) return fail(not_found(ref));
  const PodRef& before = at->second;
  const std::string& phase = before->status.phase;
  std::int64_t seconds =
      grace ? grace->whole_seconds() : before->spec->terminationGracePeriodSeconds.value_or(30);
  if (before->spec->nodeName.empty() || phase == "Succeeded" || phase == "Failed") seconds = 0;
  if (seconds <= 0) {
    remove_now<model::Pod>(at);
    return {};
  }
  if (before->metadata.deletionTimestamp &&
      before->metadata.deletionGracePeriodSeconds.value_or(0) <= seconds)
    return {};
  auto now = std::make_shared<model::Pod>(*before);
  now->metadata.deletionTimestamp = heap_.now() + Duration::seconds(seconds);
  now->metadata.deletionGracePeriodSeconds = seconds;
  if (evicted)
    model::set_condition(now->status.conditions, {"DisruptionTarget",
                                                  "True",
                                                  "EvictionByEvictionAPI",
                                                  "Eviction API: evicting",
                                                  heap_.now(),
                                                  {}});
  put<model::Pod>(at, std::move(now));
  return {};
}

Result<void> Store::remove_gracefully(const port::ObjectRef& ref, std::optional<Duration> grace) {
  if (ref.kind == "Pod") return delete_pod(ref, grace);
  const Key key(namespace_of(ref), ref.name);
  std::optional<Result<void>> done;
  std::apply(
      [&]<class... Tables>(Tables&... tables) {
        const auto one = [&]<class Table>(Table&) {
          using Kind = std::remove_const_t<typename Table::mapped_type::element_type>;
          if (kind_name<Kind>() != ref.kind) return;
          const auto at = table<Kind>().find(key.text());
          if (at == table<Kind>().end()) {
            done = fail(not_found(ref));
            return;
          }
          done = Result<void>();
          if constexpr (std::is_same_v<Kind, model::PersistentVolumeClaim>) {
            const Kind& before = *at->second;
            if (!before.metadata.finalizers.empty()) {
              if (before.metadata.deletionTimestamp) return;
              auto now = std::make_shared<Kind>(before);
              now->metadata.deletionTimestamp = heap_.now();
              return put<Kind>(at, std::move(now));
            }
          }
          remove_now<Kind>(at);
        };
        (one(tables), ...);
      },
      tables_);
  return done ? std::move(*done) : fail(fmt::format("kind {} is not served", ref.kind));
}

void Store::remove_pod(const std::string& namespace_, const std::string& name) {
  const auto at = place_of<model::Pod>(namespace_, name);
  if (at != table<model::Pod>().end()) remove_now<model::Pod>(at);
}

// Pods of one template on one node share a spec: it is copied, and compared by others, once.
model::Shared<model::PodSpec> Store::bound_spec(const model::Shared<model::PodSpec>& spec,
                                                const std::string& node) {
  constexpr std::size_t kKept = 16;
  std::vector<BoundSpec>& known = bound_specs_[node];
  const auto same = std::find_if(known.begin(), known.end(), [&](const BoundSpec& each) {
    return each.unbound.identity() == spec.identity();
  });
  if (same != known.end()) return same->bound;
  model::Shared<model::PodSpec> bound = spec;
  bound.edit().nodeName = node;
  if (known.size() == kKept) known.erase(known.begin());
  known.push_back({spec, bound});
  return bound;
}

Result<void> Store::bind(const port::ObjectRef& ref, const std::string& node) {
  const auto at = place_of<model::Pod>(namespace_of(ref), ref.name);
  if (at == table<model::Pod>().end()) return fail(not_found(ref));
  const PodRef& before = at->second;
  if (!before->spec->nodeName.empty())
    return fail(
        fmt::format("pod {} is already assigned to node \"{}\"", ref.name, before->spec->nodeName));
  if (before->metadata.deletionTimestamp)
    return fail(fmt::format("pod {} is being deleted, cannot be assigned to a host", ref.name));
  auto now = std::make_shared<model::Pod>(*before);
  now->spec = bound_spec(before->spec, node);
  now->status.nominatedNodeName.clear();
  model::set_condition(now->status.conditions, {"PodScheduled", "True", {}, {}, heap_.now(), {}});
  put<model::Pod>(at, std::move(now));
  return {};
}

Result<void> Store::mark_unschedulable(const port::MarkUnschedulable& mark) {
  const auto at = place_of<model::Pod>(namespace_of(mark.pod), mark.pod.name);
  if (at == table<model::Pod>().end()) return fail(not_found(mark.pod));
  const PodRef& before = at->second;
  auto now = std::make_shared<model::Pod>(*before);
  if (mark.nominated_node) now->status.nominatedNodeName = *mark.nominated_node;
  const bool changed =
      model::set_condition(now->status.conditions,
                           {"PodScheduled", "False", mark.reason, mark.message, heap_.now(), {}});
  if (!changed && now->status.nominatedNodeName == before->status.nominatedNodeName) return {};
  put<model::Pod>(at, std::move(now));
  return {};
}

Result<void> Store::set_condition(const port::SetPodCondition& set) {
  const auto at = place_of<model::Pod>(namespace_of(set.pod), set.pod.name);
  if (at == table<model::Pod>().end()) return fail(not_found(set.pod));
  auto now = std::make_shared<model::Pod>(*at->second);
  model::PodCondition condition = set.condition;
  condition.lastTransitionTime = heap_.now();
  if (!model::set_condition(now->status.conditions, std::move(condition))) return {};
  put<model::Pod>(at, std::move(now));
  return {};
}

Result<void> Store::patch(const port::PatchNode& patch) {
  const auto at = place_of<model::Node>("", patch.name);
  if (at == table<model::Node>().end())
    return fail(fmt::format("Node \"{}\" not found", patch.name));
  auto now = std::make_shared<model::Node>(*at->second);
  std::vector<model::Taint>& taints = now->spec.taints;
  std::erase_if(taints, [&](const model::Taint& taint) {
    return std::find(patch.remove_taint_keys.begin(), patch.remove_taint_keys.end(), taint.key) !=
           patch.remove_taint_keys.end();
  });
  for (const model::Taint& taint : patch.add_taints) {
    std::erase_if(taints, [&](const model::Taint& old) {
      return old.key == taint.key && old.effect == taint.effect;
    });
    taints.push_back(taint);
    if (taint.effect == "NoExecute" && !taint.timeAdded) taints.back().timeAdded = heap_.now();
  }
  if (patch.unschedulable) now->spec.unschedulable = *patch.unschedulable;
  for (const auto& [key, value] : patch.set_annotations) now->metadata.annotations[key] = value;
  for (const auto& [key, value] : patch.set_labels) now->metadata.labels[key] = value;
  for (const std::string& key : patch.remove_labels) now->metadata.labels.erase(key);
  put<model::Node>(at, std::move(now));
  return {};
}

template <class Kind>
std::vector<Ref<Kind>> Store::list() const {
  std::vector<std::pair<std::string_view, const Ref<Kind>*>> sorted;
  for (const auto& [key, object] : table<Kind>()) sorted.emplace_back(key, &object);
  std::sort(sorted.begin(), sorted.end());
  std::vector<Ref<Kind>> objects;
  objects.reserve(sorted.size());
  for (const auto& [key, object] : sorted) objects.push_back(*object);
  return objects;
}

template std::vector<PodRef> Store::list() const;
template std::vector<NodeRef> Store::list() const;
template std::vector<Ref<model::PodDisruptionBudget>> Store::list() const;
template std::vector<Ref<model::ReplicaSet>> Store::list() const;
template std::vector<Ref<model::Deployment>> Store::list() const;
template std::vector<Ref<model::DaemonSet>> Store::list() const;
template std::vector<Ref<model::Job>> Store::list() const;

std::vector<Typed> Store::everything() const {
  std::vector<Typed> objects;
  std::apply(
      [&]<class... Tables>(const Tables&...) {
        const auto one = [&]<class Kind>(std::type_identity<Kind>) {
          for (Ref<Kind>& object : list<Kind>()) objects.emplace_back(std::move(object));
        };
        (one(std::type_identity<std::remove_const_t<typename Tables::mapped_type::element_type>>{}),
         ...);
      },
      tables_);
  return objects;
}

}  // namespace gputide::sim
