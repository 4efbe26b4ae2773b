#include "control/provisioner/provisioner.h"

#include <algorithm>
#include <deque>
#include <gmock/gmock.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace gputide::provisioner {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Instant kStart = Instant::from_seconds(1'767'225'600);

std::shared_ptr<const model::NodePool> gpu_pool() {
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

std::shared_ptr<const model::EC2NodeClass> gpu_class() {
  auto node_class = std::make_shared<model::EC2NodeClass>();
  node_class->metadata.name = "gpu";
  node_class->spec.subnetSelectorTerms = {{{{"karpenter.sh/discovery", "dev"}}, ""}};
  return node_class;
}

std::shared_ptr<const model::DaemonSet> plugin() {
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
  void step(port::Event event) {
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

std::size_t lines_with(const Bench& bench, const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(bench.log.begin(), bench.log.end(),
                    [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

TEST(Provisioner, BatchesPodsAndBuysTheCheapestNodes) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::milliseconds(500));
  bench.add_pod("b");
  EXPECT_EQ(lines_with(bench, "launch"), 0u);  // the batch is open
  bench.run(Duration::seconds(3));
  EXPECT_EQ(lines_with(bench, "ScaleUp: 2 × g4dn.xlarge"), 1u);
  EXPECT_EQ(lines_with(bench, "(1.00 × that)"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 2u);
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 2u);  // none twice
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, EmptyNodesGoAfterConsolidateAfter) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(5));
  bench.delete_pod("a");
  bench.run(Duration::seconds(55));
  EXPECT_EQ(bench.nodes(), 1u);
  bench.run(Duration::seconds(20));
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("Empty for 1m")));
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, AMachineThatCouldNotBeEndedIsEndedLater) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.delete_pod("a");
  bench.throttled = true;
  bench.run(Duration::minutes(2));
  EXPECT_FALSE(bench.throttled);
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, WithoutCapacityAnotherTypeIsBoughtAtOnce) {
  Bench bench;
  bench.no_capacity = {"g4dn.xlarge"};
  bench.add_pod("a");
  bench.run(Duration::seconds(3));
  EXPECT_EQ(lines_with(bench, "InsufficientCapacityError"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g5.xlarge"), 1u);
}

TEST(Provisioner, WhereThereIsNoCapacityAtAllItIsAskedEveryThreeMinutes) {
  Bench bench;
  bench.no_capacity = {"g4dn.xlarge", "g5.xlarge"};
  bench.add_pod("a");
  bench.run(Duration::minutes(1));
  EXPECT_EQ(lines_with(bench, "InsufficientCapacityError"), 2u);  // of each type once
  EXPECT_FALSE(bench.at_rest());
  bench.no_capacity = {};
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 1u);
}

// The promise of a GPU that no node keeps is believed twice, not for ever.
TEST(Provisioner, ANodeThatNeverShowsItsGpuIsReplacedOnce) {
  Bench bench;
  bench.plugin_works = false;
  bench.add_pod("a");
  bench.run(Duration::hours(3));
  EXPECT_EQ(lines_with(bench, "launch"), 2u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("never showed nvidia.com/gpu within 15m0s of its "
                                            "registration; it is replaced once")));
  EXPECT_THAT(bench.log, Contains(HasSubstr("NodePool gpu is not counted on for it any more")));
  EXPECT_EQ(bench.nodes(), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("FailedScheduling: it asks nvidia.com/gpu")));
}

TEST(Provisioner, AnInterruptedNodesPodsGetTheirNextNodeAtTheNotice) {
  Bench bench;
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(1));
  bench.log.clear();
  bench.notice("i-1");
  bench.run(Duration::seconds(1));
  EXPECT_EQ(lines_with(bench, "evict a"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 1u);
}

// A node that runs pod a, bought of gpu_pool().
void start_with_one_node(Bench& bench) {
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(2));
  bench.log.clear();
}

std::shared_ptr<const model::NodePool> changed_pool(
    const std::function<void(model::NodePool&)>& change) {
  auto pool = std::make_shared<model::NodePool>(*gpu_pool());
  change(*pool);
  return pool;
}

TEST(Provisioner, ADriftedNodeGoesWhenItsReplacementIsReady) {
  Bench bench;
  start_with_one_node(bench);
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::seconds(30));
  EXPECT_EQ(bench.condition("Drifted"), "NodePoolDrifted");
  EXPECT_THAT(bench.log, Contains(HasSubstr("in place of node-i-1, which has drifted: labels or "
                                            "annotations of its NodePool changed")));
  EXPECT_EQ(lines_with(bench, "evict"), 0u);
  bench.run(Duration::seconds(75));
  EXPECT_EQ(lines_with(bench, "evict a"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, WhatDoesNotConcernItsNodesIsNoDrift) {
  Bench bench;
  start_with_one_node(bench);
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.weight = 7;
    pool.spec.limits["nvidia.com/gpu"] = Quantity::from_value(9);
    pool.spec.disruption.consolidateAfter = "5m";
  }));
  bench.run(Duration::minutes(5));
  EXPECT_THAT(bench.log, ElementsAre());
}

TEST(Provisioner, BudgetsMayLetDriftedNodesGoOnlyAtTimes) {
  Bench bench;
  start_with_one_node(bench);  // at midnight, UTC
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.metadata.labels["team"] = "b";
    pool.spec.disruption.budgets = {{"100%", {}, {}, {}}, {"0", {"Drifted"}, "0 0 * * *", "1h"}};
  }));
  bench.run(Duration::minutes(50));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_FALSE(bench.at_rest());
  bench.run(Duration::minutes(15));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_TRUE(bench.at_rest() || bench.nodes() == 1);
}

TEST(Provisioner, ADriftedNodeWithAPodThatMustNotBeDisruptedStays) {
  Bench bench;
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::hours(1));
  EXPECT_THAT(bench.log, ElementsAre(HasSubstr("NodePoolDrifted"), HasSubstr("DisruptionBlocked")));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, ProtectionForATimeEnds) {
  Bench bench;
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt", "30m");
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
  bench.run(Duration::minutes(29));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_FALSE(bench.at_rest());
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, WhatIsNoTimeProtectsNothing) {
  for (const char* value : {"false", "-5m", "soon"}) {
    Bench bench;
    start_with_one_node(bench);
    bench.annotate_pod("a", "karpenter.sh/do-not-disrupt", value);
    bench.apply(changed_pool(
        [](model::NodePool& pool) { pool.spec.template_.metadata.labels["team"] = "b"; }));
    bench.run(Duration::minutes(10));
    EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u) << value;
  }
}

// Karpenter's eventual disruption: what forbids it holds until the grace period ends.
TEST(Provisioner, ATerminationGracePeriodOverrulesWhatKeepsADriftedNode) {
  Bench bench;
  bench.apply(changed_pool(
      [](model::NodePool& pool) { pool.spec.template_.spec.terminationGracePeriod = "10m"; }));
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.spec.terminationGracePeriod = "10m";
    pool.spec.template_.metadata.labels["team"] = "b";
  }));
  bench.run(Duration::minutes(9));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(bench.nodes(), 2u);
  bench.run(Duration::minutes(4));
  EXPECT_EQ(lines_with(bench, "evict"), 0u);
  EXPECT_EQ(lines_with(bench, "delete Pod"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, NodesCarryTheLabelsThatRequirementsName) {
  Bench bench;
  bench.apply(changed_pool([](model::NodePool& pool) {
    pool.spec.template_.spec.requirements.push_back({"team", "In", {"a", "b"}, {}});
  }));
  start_with_one_node(bench);
  bench.run(Duration::hours(1));
  EXPECT_EQ(bench.condition("Drifted"), "");
  EXPECT_EQ(bench.nodes(), 1u);
}

Options with(bool Options::* gate) {
  Options options;
  options.*gate = true;
  return options;
}

TEST(Provisioner, ASickNodeIsReplacedWhateverKeepsItsPods) {
  Bench bench(with(&Options::node_repair));
  start_with_one_node(bench);
  bench.annotate_pod("a", "karpenter.sh/do-not-disrupt");
  bench.sicken("node-i-1", "AcceleratedHardwareReady");
  bench.run(Duration::minutes(9));
  EXPECT_THAT(bench.log, ElementsAre());
  bench.run(Duration::minutes(2));
  EXPECT_THAT(bench.log, Contains(HasSubstr("AcceleratedHardwareReady has been False for 10m0s")));
  EXPECT_EQ(lines_with(bench, "delete Pod"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Provisioner, SickNodesStayWhereManyAreSickAndWhereTheGateIsOff) {
  Bench two(with(&Options::node_repair)), off;
  for (Bench* bench : {&two, &off}) {
    bench->add_pod("b");
    start_with_one_node(*bench);
    bench->sicken("node-i-1", "KernelReady");
    bench->sicken("node-i-2", "KernelReady");
    bench->run(Duration::hours(1));
    EXPECT_EQ(lines_with(*bench, "terminate"), 0u);
  }
  EXPECT_EQ(lines_with(two, "NodeRepairBlocked"), 2u);
  EXPECT_TRUE(two.at_rest());
  EXPECT_THAT(off.log, ElementsAre());
}

std::shared_ptr<const model::NodePool> static_pool(std::int64_t replicas,
                                                   const std::string& team = "a") {
  return changed_pool([&](model::NodePool& pool) {
    pool.spec.replicas = replicas;
    pool.spec.limits["nodes"] = Quantity::from_value(3);
    pool.spec.template_.metadata.labels["team"] = team;
  });
}

TEST(Provisioner, ReplicasAreKept) {
  Bench bench(with(&Options::static_capacity), static_pool(2));
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_TRUE(bench.at_rest());
  bench.apply(static_pool(9));  // no more than the limit of three
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 3u);
  bench.notice("i-1");
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 3u);
  EXPECT_EQ(lines_with(bench, "launch"), 4u);
  bench.apply(static_pool(1));
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, ReplicasThatDriftAreReplacedOneByOne) {
  Bench bench(with(&Options::static_capacity), static_pool(2));
  bench.run(Duration::minutes(5));
  bench.apply(static_pool(2, "b"));
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 4u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-2"), 1u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Provisioner, ReplicasWaitForCapacity) {
  Bench bench(with(&Options::static_capacity), static_pool(1));
  bench.run(Duration::minutes(5));
  bench.no_capacity = {"g4dn.xlarge", "g5.xlarge"};
  bench.notice("i-1");
  bench.run(Duration::minutes(10));
  EXPECT_EQ(bench.nodes(), 0u);
  bench.no_capacity = {};
  bench.run(Duration::minutes(5));
  EXPECT_EQ(bench.nodes(), 1u);
}

TEST(Provisioner, PodsBuyNothingOfAPoolWithReplicas) {
  Bench bench({}, static_pool(2));
  bench.add_pod("a");
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 0u);
  EXPECT_THAT(bench.log, Contains(HasSubstr("the gate StaticCapacity is off")));
}

// What an earlier run of the program held in memory alone is taken back.
TEST(Provisioner, TakesOverNodesThatItFinds) {
  auto claim = std::make_shared<model::NodeClaim>();
  claim->metadata.name = "gpu-abcde";
  claim->metadata.labels["karpenter.sh/nodepool"] = "gpu";
  claim->status.providerID = "aws:///us-west-2a/i-9";
  auto node = std::make_shared<model::Node>();
  node->metadata.name = "node-9";
  node->spec.providerID = claim->status.providerID;
  node->spec.taints = {{"gputide.dev/closed", "", "NoSchedule", {}}};
  node->status.conditions = {{"Ready", "True", "", "", kStart, kStart}};
  Provisioner controller({}, pricing::Catalogue::builtin(), "us-west-2", 1);
  port::Commands commands;
  controller.step(
      port::ObjectChanged{port::Change::Added, std::shared_ptr<const model::Node>(node)}, kStart,
      commands);
  controller.step(
      port::ObjectChanged{port::Change::Added, std::shared_ptr<const model::NodeClaim>(claim)},
      kStart, commands);
  std::vector<std::string> removed;
  bool launched = false;
  for (const port::Command& command : commands) {
    if (const auto* patch = std::get_if<port::PatchNode>(&command))
      removed.insert(removed.end(), patch->remove_taint_keys.begin(),
                     patch->remove_taint_keys.end());
    launched = launched || std::holds_alternative<port::CloudCall>(command);
  }
  EXPECT_THAT(removed, Contains("gputide.dev/closed"));
  EXPECT_FALSE(launched);
}

TEST(Provisioner, SaysWhyAPoolCanBuyNothing) {
  port::Commands commands;
  Provisioner controller({}, pricing::Catalogue::builtin(), "us-west-2", 1);
  controller.step(port::ObjectChanged{port::Change::Added, gpu_pool()}, kStart, commands);
  controller.step(port::TimerFired{1}, kStart + Duration::seconds(2), commands);
  std::vector<std::string> told;
  for (const port::Command& command : commands)
    if (const auto* event = std::get_if<port::Publish>(&command)) told.push_back(event->message);
  EXPECT_THAT(told, ElementsAre("there is no EC2NodeClass gpu; apply it"));
}

TEST(ProvisionerOptions, FlagsComeBeforeTheEnvironmentAndUnknownOnesAreRefused) {
  const std::vector<std::string> environment{"BATCH_IDLE_DURATION=3s", "CLUSTER_NAME=a",
                                             "HOME=/root"};
  const auto options = parse_options(
      std::vector<std::string>{"--batch-idle-duration", "2s", "--log-level=debug"}, environment);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->batch_idle, Duration::seconds(2));
  EXPECT_EQ(options->cluster_name, "a");
  const auto gates = parse_options(
      std::vector<std::string>{"--feature-gates=NodeRepair=true,SpotToSpotConsolidation=true"}, {});
  ASSERT_TRUE(gates);
  EXPECT_TRUE(gates->node_repair);
  EXPECT_FALSE(gates->static_capacity);
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--feature-gates=NodeRepair"}, {}));
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--no-such-flag"}, {}));
  EXPECT_FALSE(parse_options(std::vector<std::string>{"--batch-max-duration=soon"}, {}));
}

// ---- Capacity reservations ----

model::CapacityReservation reserved(std::int64_t count) {
  model::CapacityReservation made;
  made.id = "cr-1";
  made.instance_type = "g4dn.xlarge";
  made.zone = "us-west-2a";
  made.total = made.available = count;
  made.match_criteria = "targeted";
  made.tags = {{"team", "ml"}};
  return made;
}

void select_reservations(Bench& bench, const std::string& team = "ml") {
  auto node_class = std::make_shared<model::EC2NodeClass>(*gpu_class());
  node_class->spec.capacityReservationSelectorTerms = {{{{"team", team}}, "", "", ""}};
  bench.apply(std::shared_ptr<const model::EC2NodeClass>(std::move(node_class)));
  bench.run(Duration::seconds(3));
}

std::shared_ptr<const model::NodePool> reserved_pool(std::vector<std::string> markets) {
  auto pool = std::make_shared<model::NodePool>(*gpu_pool());
  pool->spec.template_.spec.requirements[1].values = std::move(markets);
  return pool;
}

constexpr const char* kCapacityType = "karpenter.sh/capacity-type";
constexpr const char* kId = "karpenter.k8s.aws/capacity-reservation-id";
constexpr const char* kType = "karpenter.k8s.aws/capacity-reservation-type";

TEST(Reservations, AreBoughtOfFirstAndNeverBeyondWhatTheyHold) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(2)};
  select_reservations(bench);
  for (const char* name : {"a", "b", "c"}) bench.add_pod(name);
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  EXPECT_EQ(lines_with(bench, " in cr-1"), 2u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge"), 3u);
  EXPECT_EQ(
      lines_with(bench, "2 × g4dn.xlarge (reserved, us-west-2a) of capacity reservation cr-1"), 1u);
  EXPECT_EQ(lines_with(bench, "full"), 0u);
  std::map<std::string, int> of;
  for (const char* node : {"node-i-1", "node-i-2", "node-i-3"}) {
    const bool in = bench.node_label(node, kCapacityType) == "reserved";
    ++of[bench.node_label(node, kCapacityType)];
    EXPECT_EQ(bench.node_label(node, kId), in ? "cr-1" : "");
    EXPECT_EQ(bench.node_label(node, kType), in ? "default" : "");
    EXPECT_EQ(bench.claim_label(node, kId), in ? "cr-1" : "");
  }
  EXPECT_EQ(of, (std::map<std::string, int>{{"on-demand", 1}, {"reserved", 2}}));
  const model::Value* told = bench.class_status.find("capacityReservations");
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->as_list().at(0).text_at("id"), "cr-1");
  EXPECT_EQ(told->as_list().at(0).text_at("state"), "active");
  bench.run(Duration::minutes(10));
  EXPECT_EQ(lines_with(bench, "launch"), 3u);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Reservations, ThatTurnOutToBeFullAreLeftForAMinute) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  bench.reservations_full = true;
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(30));
  EXPECT_EQ(lines_with(bench, "full"), 2u) << "AWS's answer, and the event";
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-1"), 1u);
  bench.run(Duration::seconds(60));
  bench.bind_pods();
  bench.reservations_full = false;
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u) << "cheaper, and free now";
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
}

TEST(Reservations, ThatAreAllThereIsKeepPodsWaitingUntilASlotIsFree) {
  Bench bench({}, reserved_pool({"reserved"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.log.clear();
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.add_pod("b");
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  EXPECT_EQ(lines_with(bench, "the capacity reservations that it may use are taken"), 1u);
  EXPECT_EQ(lines_with(bench, "NotReady"), 0u);
  bench.reservations[0].total = 2;
  bench.reservations[0].available = 1;
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u);
}

TEST(Reservations, TakeOverFromOnDemandNodesWhenThereAreAny) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
  bench.reservations = {reserved(1)};
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2 in cr-1"), 1u);
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  bench.run(Duration::minutes(10));
  EXPECT_EQ(lines_with(bench, "launch"), 2u) << "and stay";
}

TEST(Reservations, ThatAreOverLeaveOnDemandNodes) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(1));
  bench.reservations[0].state = "expired";
  bench.reservations[0].available = 0;
  bench.run(Duration::minutes(2));
  EXPECT_EQ(bench.node_label("node-i-1", kCapacityType), "on-demand");
  EXPECT_EQ(bench.node_label("node-i-1", kId), "");
  EXPECT_EQ(bench.claim_label("node-i-1", kCapacityType), "on-demand");
  EXPECT_EQ(lines_with(bench, "capacity reservation cr-1 is over"), 1u);
  EXPECT_EQ(bench.condition("Drifted"), "");
  EXPECT_TRUE(bench.class_status.find("capacityReservations")->as_list().empty());
  bench.run(Duration::minutes(5));
  EXPECT_EQ(lines_with(bench, "launch"), 1u);
}

TEST(Reservations, ThatAreNotSelectedAnyMoreAreDrift) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  bench.run(Duration::minutes(1));
  EXPECT_EQ(bench.condition("Drifted"), "");
  select_reservations(bench, "web");
  EXPECT_EQ(bench.condition("Drifted"), "CapacityReservationDrift");
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-2"), 1u);
  EXPECT_EQ(lines_with(bench, " in cr-1"), 1u);
}

TEST(Reservations, OfCapacityBlocksAreEmptiedFortyMinutesBeforeTheirEnd) {
  Bench bench({}, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  bench.reservations[0].type = "capacity-block";
  bench.reservations[0].end = kStart + Duration::minutes(60);
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  bench.bind_pods();
  EXPECT_EQ(bench.node_label("node-i-1", kType), "capacity-block");
  bench.run(Duration::minutes(17));
  EXPECT_EQ(lines_with(bench, "terminate"), 0u);
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, "terminate i-1"), 1u);
  EXPECT_EQ(lines_with(bench, "capacity block cr-1 ends in"), 1u);
  bench.add_pod("b");
  bench.run(Duration::minutes(2));
  EXPECT_EQ(lines_with(bench, " in cr-1"), 1u) << "nothing more is launched into it";
  EXPECT_GE(lines_with(bench, "launch g4dn.xlarge as i-2"), 1u);
}

TEST(Reservations, AreLeftAloneWithoutTheGate) {
  Options options;
  options.reserved_capacity = false;
  Bench bench(options, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(1)};
  select_reservations(bench);
  bench.add_pod("a");
  bench.run(Duration::seconds(90));
  EXPECT_EQ(lines_with(bench, "launch g4dn.xlarge as i-1"), 1u);
  EXPECT_EQ(lines_with(bench, " in cr-1"), 0u);
}

TEST(Reservations, AreFilledByReplicasToo) {
  Options options;
  options.static_capacity = true;
  auto pool = std::make_shared<model::NodePool>(*reserved_pool({"reserved", "on-demand"}));
  pool->spec.replicas = 3;
  Bench bench(options, reserved_pool({"reserved", "on-demand"}));
  bench.reservations = {reserved(2)};
  select_reservations(bench);
  bench.apply(std::shared_ptr<const model::NodePool>(pool));
  bench.run(Duration::minutes(3));
  EXPECT_EQ(lines_with(bench, " in cr-1"), 2u);
  EXPECT_EQ(lines_with(bench, "launch"), 3u);
}

}  // namespace
}  // namespace gputide::provisioner
