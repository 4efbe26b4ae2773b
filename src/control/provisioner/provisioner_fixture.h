// A world of one provisioner, for tests.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "control/provisioner/provisioner.h"

namespace gputide::provisioner {

inline constexpr Instant kStart = Instant::from_seconds(1'767'225'600);

inline std::shared_ptr<const model::NodePool> gpu_pool() {
  auto pool = std::make_shared<model::NodePool>();
  pool->metadata.name = "gpu";
  pool->metadata.uid = "uid-gpu";
  model::NodeClaimTemplateSpec& spec = pool->spec.template_.spec;
  spec.nodeClassRef = {"karpenter.k8s.aws", "EC2NodeClass", "gpu"};
  spec.requirements = {{"node.kubernetes.io/instance-type", "In", {"g4dn.xlarge", "g5.xlarge"}, {}},
                       {"karpenter.sh/capacity-type", "In", {"on-demand"}, {}}};
  pool->spec.disruption.consolidateAfter = "1m";
  pool->spec.disruption.budgets = {{"100%", {}, {}, {}}};
  return pool;
}

inline std::shared_ptr<const model::EC2NodeClass> gpu_class() {
  auto node_class = std::make_shared<model::EC2NodeClass>();
  node_class->metadata.name = "gpu";
  node_class->spec.subnetSelectorTerms = {{{{"karpenter.sh/discovery", "dev"}}, ""}};
  return node_class;
}

inline std::shared_ptr<const model::DaemonSet> plugin() {
  auto set = std::make_shared<model::DaemonSet>();
  set->metadata.name = "nvidia-device-plugin";
  set->metadata.namespace_ = "kube-system";
  model::Container container;
  container.name = "plugin";
  container.image = "nvcr.io/nvidia/k8s-device-plugin:v0.17.1";
  set->spec.template_.spec.edit().containers = {container};
  return set;
}

// A world of one controller: machines come when `can_launch` says so, join after a minute, and show
// their GPU if `plugin_works`; evicted pods are gone at once. What is done is a log of lines.
class Bench {
 public:
  explicit Bench(Options options = {}, const std::shared_ptr<const model::NodePool>& pool = {})
      : controller_(with_names(std::move(options)), pricing::Catalogue::builtin(), "us-west-2", 1) {
    change(port::Change::Added, pool != nullptr ? pool : gpu_pool());
    change(port::Change::Added, gpu_class());
    change(port::Change::Added, plugin());
    run(Duration::seconds(5));
  }

  std::set<std::string> no_capacity;  // types
  std::vector<model::CapacityReservation> reservations;
  bool reservations_full = false;  // whatever they tell
  bool plugin_works = true;
  bool throttled = false;  // the next termination is refused
  std::vector<std::string> log;

  void add_pod(const std::string& name) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata.name = pod->metadata.uid = name;
    pod->metadata.namespace_ = "default";
    pod->metadata.ownerReferences = {{"apps/v1", "ReplicaSet", "train", "uid-train", true, true}};
    model::Container container;
    container.name = "main";
    container.resources.requests["nvidia.com/gpu"] = Quantity::from_value(1);
    pod->spec.edit().containers = {container};
    pod->status.phase = "Pending";
    model::PodCondition condition;
    condition.type = "PodScheduled";
    condition.status = "False";
    condition.reason = "Unschedulable";
    pod->status.conditions = {condition};
    change(port::Change::Added, std::shared_ptr<const model::Pod>(pod));
    pods_[name] = pod;
  }
  // As the scheduler: to any node that shows a free GPU.
  void bind_pods() {
    for (auto& [name, pod] : pods_) {
      if (!pod->spec->nodeName.empty()) continue;
      for (const auto& [node_name, node] : nodes_) {
        const bool free = node->status.allocatable.contains("nvidia.com/gpu") &&
                          std::none_of(pods_.begin(), pods_.end(), [&](const auto& other) {
                            return other.second->spec->nodeName == node_name;
                          });
        if (!free) continue;
        auto bound = std::make_shared<model::Pod>(*pod);
        bound->spec.edit().nodeName = node_name;
        bound->status.phase = "Running";
        change(port::Change::Modified, std::shared_ptr<const model::Pod>(bound));
        pod = bound;
        break;
      }
    }
  }
  void delete_pod(const std::string& name) {
    change(port::Change::Deleted, std::shared_ptr<const model::Pod>(pods_.at(name)));
    pods_.erase(name);
  }
  void apply(model::Typed object) { change(port::Change::Modified, std::move(object)); }
  void annotate_pod(const std::string& name, const std::string& key,
                    const std::string& value = "true") {
    auto pod = std::make_shared<model::Pod>(*pods_.at(name));
    pod->metadata.annotations[key] = value;
    pod->status.startTime = now_;
    pods_[name] = pod;
    change(port::Change::Modified, std::shared_ptr<const model::Pod>(pod));
  }
  void sicken(const std::string& name, const std::string& type) {
    auto node = std::make_shared<model::Node>(*nodes_.at(name));
    node->status.conditions.push_back({type, "False", "", "", now_, now_});
    nodes_[name] = node;
    change(port::Change::Modified, std::shared_ptr<const model::Node>(node));
  }
  // The reason of any claim's condition; "" = no claim has it.
  std::string condition(const std::string& type) const {
    for (const auto& [name, claim] : claims_)
      for (const model::Value& each : claim->status.conditions.as_list())
        if (each.text_at("type") == type) return std::string(each.text_at("reason"));
    return "";
  }
  std::string node_label(const std::string& node, const std::string& key) const {
    const model::StringMap& labels = nodes_.at(node)->metadata.labels;
    const auto found = labels.find(key);
    return found == labels.end() ? "" : found->second;
  }
  // Of the claim of a node, as last written.
  std::string claim_label(const std::string& node, const std::string& key) const {
    for (const auto& [name, claim] : claims_)
      if (claim->status.nodeName == node && claim->metadata.labels.contains(key))
        return claim->metadata.labels.at(key);
    return "";
  }
  model::Value class_status;
  void notice(const std::string& instance) {
    step(port::InstanceNotice{port::InstanceNotice::Kind::SpotInterruption, instance, {}, ""});
  }
  void run(Duration span) {
    const Instant until = now_ + span;
    while (true) {
      Instant next = until;
      for (const auto& [at, action] : later_) next = std::min(next, at);
      if (timer_) next = std::min(next, std::max(*timer_, now_));
      if (next >= until && !(timer_ && *timer_ <= until && next == *timer_)) {
        now_ = until;
        return;
      }
      now_ = next;
      if (timer_ && *timer_ <= now_) {
        timer_.reset();
        step(port::TimerFired{1});
      }
      auto due = std::move(later_);
      later_.clear();
      for (auto& [at, action] : due)
        if (at <= now_)
          action();
        else
          later_.emplace_back(at, std::move(action));
    }
  }
  std::size_t nodes() const { return nodes_.size(); }
  bool at_rest() const { return controller_.at_rest() && later_.empty(); }

 private:
  static Options with_names(Options options) {
    options.cluster_name = "dev";
    options.interruption_queue = "q";
    return options;
  }
  void change(port::Change what, model::Typed object) {
    step(port::ObjectChanged{what, std::move(object)});
  }
  void step(const port::Event& event) {
    port::Commands commands;
    controller_.step(event, now_, commands);
    for (port::Command& command : commands) std::visit([&](auto& each) { execute(each); }, command);
  }
  void after(Duration delay, std::function<void()> action) {
    later_.emplace_back(now_ + delay, std::move(action));
  }

  void execute(port::SetTimer& timer) { timer_ = timer.at; }
  void execute(port::Create& create) {
    auto claim = std::make_shared<model::NodeClaim>(
        *std::get<std::shared_ptr<const model::NodeClaim>>(create.object));
    claim->metadata.uid = "uid-" + claim->metadata.name;
    claim->metadata.creationTimestamp = now_;
    after({}, [this, claim] {
      change(port::Change::Added, std::shared_ptr<const model::NodeClaim>(claim));
    });
  }
  void execute(port::Replace& replace) {
    if (const auto* claim = std::get_if<ClaimRef>(&replace.object))
      claims_[(*claim)->metadata.name] = *claim;
    if (const auto* written = std::get_if<ClassRef>(&replace.object))
      class_status = (*written)->status;
    after({}, [this, object = replace.object] { change(port::Change::Modified, object); });
  }
  void execute(port::Delete& gone) {
    log.push_back("delete " + gone.object.kind);
    if (gone.object.kind == "Pod")
      return after({}, [this, name = gone.object.name] { delete_pod(name); });
    auto claim = std::make_shared<model::NodeClaim>();
    claim->metadata.name = gone.object.name;
    after({}, [this, claim] {
      change(port::Change::Deleted, std::shared_ptr<const model::NodeClaim>(claim));
    });
  }
  void execute(port::PatchNode& patch) {
    const auto found = nodes_.find(patch.name);
    if (found == nodes_.end()) return;
    auto node = std::make_shared<model::Node>(*found->second);
    std::erase_if(node->spec.taints, [&](const model::Taint& taint) {
      return std::find(patch.remove_taint_keys.begin(), patch.remove_taint_keys.end(), taint.key) !=
             patch.remove_taint_keys.end();
    });
    for (const model::Taint& taint : patch.add_taints) node->spec.taints.push_back(taint);
    for (const auto& [key, value] : patch.set_labels) node->metadata.labels[key] = value;
    for (const std::string& key : patch.remove_labels) node->metadata.labels.erase(key);
    found->second = node;
    after({}, [this, node] {
      change(port::Change::Modified, std::shared_ptr<const model::Node>(node));
    });
  }
  void execute(port::Evict& evict) {
    log.push_back("evict " + evict.pod.name);
    after({}, [this, pod = evict.pod] {
      step(port::EvictAnswered{pod, true, ""});
      delete_pod(pod.name);
    });
  }
  void execute(port::Publish& event) {
    if (event.kind == port::RecordKind::NodePoolReady) return;
    log.push_back(event.reason + ": " + event.message);
  }
  void execute(port::CloudCall& call) {
    after(Duration::milliseconds(200), [this, call] {
      step(port::CloudAnswered{
          call.call, std::visit([&](const auto& asked) { return answer(asked); }, call.request)});
    });
  }
  template <class Other>
  void execute(Other&) {}

  port::CloudAnswer answer(const port::DescribeSubnets&) {
    return std::vector<model::Subnet>{{"subnet-a", "us-west-2a", "10.0.0.0/19", {}}};
  }
  port::CloudAnswer answer(const port::DescribeCapacityReservations&) { return reservations; }
  // nullptr: it targets none that has an instance left.
  model::CapacityReservation* target_of(const port::CreateFleet& fleet) {
    for (model::CapacityReservation& each : reservations)
      if (each.id == fleet.launch.capacity_reservation.target_id && each.available > 0 &&
          !reservations_full && each.is_capacity_block() == fleet.launch.capacity_block)
        return &each;
    return nullptr;
  }
  port::CloudAnswer answer(const port::CreateFleet& fleet) {
    port::FleetResult result;
    model::CapacityReservation* target = target_of(fleet);
    if (!fleet.launch.capacity_reservation.target_id.empty() && target == nullptr) {
      log.push_back("full");
      result.errors.push_back({"ReservationCapacityExceeded", fleet.overrides[0].instance_type,
                               fleet.overrides[0].zone, "it is full"});
      return result;
    }
    for (const port::FleetOverride& each : fleet.overrides) {
      if (no_capacity.contains(each.instance_type)) {
        result.errors.push_back(
            {"InsufficientInstanceCapacity", each.instance_type, each.zone, "none left"});
        continue;
      }
      const std::string id = fmt::format("i-{}", ++launched_);
      log.push_back(fmt::format("launch {} as {}{}", each.instance_type, id,
                                target == nullptr ? "" : " in " + target->id));
      if (target != nullptr) --target->available;
      if (target != nullptr) holder_of_[id] = target->id;
      result.instances.push_back({id, each.instance_type, each.zone, fleet.market});
      join(id, each, fleet.bootstrap);
      break;
    }
    return result;
  }
  port::CloudAnswer answer(const port::TerminateInstances& ask) {
    if (std::exchange(throttled, false)) return port::CloudError{"Throttling", "slow down"};
    for (const std::string& id : ask.instance_ids) {
      log.push_back("terminate " + id);
      for (model::CapacityReservation& each : reservations)
        if (holder_of_[id] == each.id) ++each.available;
      const auto node = nodes_.find("node-" + id);
      if (node == nodes_.end()) continue;
      change(port::Change::Deleted, std::shared_ptr<const model::Node>(node->second));
      nodes_.erase(node);
    }
    return port::Done{};
  }
  template <class Other>
  port::CloudAnswer answer(const Other&) {
    return port::CloudError{"NotHere", "not asked of this bench"};
  }
  void join(const std::string& id, const port::FleetOverride& pool,
            const model::NodeBootstrap& bootstrap) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = "node-" + id;
    node->metadata.labels = bootstrap.labels;
    node->spec.providerID = fmt::format("aws:///{}/{}", pool.zone, id);
    node->spec.taints = bootstrap.taints;
    node->status.allocatable = {{"cpu", Quantity::from_value(3)},
                                {"memory", Quantity::from_value(12LL << 30)},
                                {"pods", Quantity::from_value(50)}};
    if (plugin_works) node->status.allocatable["nvidia.com/gpu"] = Quantity::from_value(1);
    node->status.conditions = {{"Ready", "True", "", "", now_, now_}};
    after(Duration::minutes(1), [this, node] {
      nodes_[node->metadata.name] = node;
      change(port::Change::Added, std::shared_ptr<const model::Node>(node));
    });
  }

  Provisioner controller_;
  Instant now_ = kStart;
  std::optional<Instant> timer_;
  std::vector<std::pair<Instant, std::function<void()>>> later_;
  std::map<std::string, std::shared_ptr<const model::Node>> nodes_;
  std::map<std::string, std::shared_ptr<const model::Pod>> pods_;
  std::map<std::string, ClaimRef> claims_;        // as last written
  std::map<std::string, std::string> holder_of_;  // instance -> reservation
  int launched_ = 0;
};

inline std::size_t lines_with(const Bench& bench, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(bench.log.begin(), bench.log.end(),
                    [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

}  // namespace gputide::provisioner
