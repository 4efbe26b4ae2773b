#include "control/autoscaler/autoscaler.h"

#include <algorithm>
#include <deque>
#include <gmock/gmock.h>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace gputide::autoscaler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant kStart = Instant::from_seconds(1'767'225'600);

model::AutoScalingGroup group_of(std::string name, const std::string& type, std::int64_t max) {
  model::AutoScalingGroup group;
  group.name = std::move(name);
  group.max_size = max;
  group.availability_zones = {"us-west-2a"};
  group.launch_template = model::LaunchTemplateRef{"lt-" + type, "1"};
  group.tags.edit() = {
      {"k8s.io/cluster-autoscaler/enabled", "true"},
      {"k8s.io/cluster-autoscaler/node-template/label/k8s.amazonaws.com/accelerator",
       "nvidia-tesla-t4"}};
  return group;
}

// A world of one controller: instances come after 30 s and are ready nodes 60 s later, evicted pods
// are gone at once. What the controller does is a log of lines.
class Bench {
 public:
  Bench(scaling::Compat compat, std::vector<std::string> flags) {
    flags.push_back("--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled");
    flags.push_back("--write-status-configmap=false");
    Diagnostics found;
    scaling::Options options =
        scaling::parse_options(flags, compat, scaling::Release::V1_31, "test", {}, found);
    EXPECT_FALSE(found.has_errors());
    controller_ = std::make_unique<Autoscaler>(std::move(options), "cluster-autoscaler",
                                               pricing::Catalogue::builtin(), 1);
  }

  void add(model::AutoScalingGroup group) { groups_[group.name] = std::move(group); }
  bool can_launch = true;
  bool may_grow = true;
  Duration pods_take;  // to end, when they are evicted

  model::Pod pod(const std::string& name, const char* resource, std::int64_t amount) {
    model::Pod made;
    made.metadata.name = name;
    made.metadata.namespace_ = "default";
    made.metadata.uid = name;
    made.metadata.creationTimestamp = now_;
    made.metadata.ownerReferences = {{"apps/v1", "ReplicaSet", "train", "uid-train", true, true}};
    model::Container container;
    container.name = "main";
    container.resources.requests[resource] = Quantity::from_value(amount);
    made.spec.edit().containers = {container};
    made.status.phase = "Pending";
    model::PodCondition condition;
    condition.type = "PodScheduled";
    condition.status = "False";
    condition.reason = "Unschedulable";
    condition.lastTransitionTime = now_;
    made.status.conditions = {condition};
    return made;
  }

  void send(port::Change change, model::Typed object) {
    events_.push_back(port::ObjectChanged{change, std::move(object)});
    drain();
  }
  void replica_set() {
    auto set = std::make_shared<model::ReplicaSet>();
    set->metadata.name = "train";
    set->metadata.namespace_ = "default";
    set->metadata.uid = "uid-train";
    set->spec.replicas = 1;
    send(port::Change::Added, std::shared_ptr<const model::ReplicaSet>(set));
  }
  void set_pod(const model::Pod& pod, port::Change change = port::Change::Added) {
    pods_[pod.metadata.name] = pod;
    if (change == port::Change::Deleted) pods_.erase(pod.metadata.name);
    send(change, std::make_shared<const model::Pod>(pod));
  }
  void bind(const std::string& name, const std::string& node) {
    model::Pod pod = pods_.at(name);
    pod.spec.edit().nodeName = node;
    pod.status.phase = "Running";
    pod.status.conditions.clear();
    set_pod(pod, port::Change::Modified);
  }

  /// Runs until `seconds` after the start.
  void run_to(std::int64_t seconds) {
    const Instant end = kStart + Duration::seconds(seconds);
    while (true) {
      std::optional<Instant> next;
      for (const auto& [key, at] : timers_)
        if (!next || at < *next) next = at;
      for (const auto& [at, action] : plans_)
        if (!next || at < *next) next = at;
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      fire_due();
    }
    now_ = end;
  }

  bool at_rest() const { return controller_->at_rest(); }
  std::vector<std::string> log;
  std::int64_t wakes = 0;
  Instant now() const { return now_; }

 private:
  void fire_due() {
    for (auto at = plans_.begin(); at != plans_.end();)
      if (at->first <= now_) {
        auto action = std::move(at->second);
        at = plans_.erase(at);
        action();
        return;
      } else {
        ++at;
      }
    for (const auto& [key, at] : timers_)
      if (at <= now_) {
        const std::uint64_t due = key;
        timers_.erase(due);
        ++wakes;
        events_.push_back(port::TimerFired{due});
        drain();
        return;
      }
  }

  void drain() {
    while (!events_.empty()) {
      const port::Event event = std::move(events_.front());
      events_.pop_front();
      port::Commands commands;
      controller_->step(event, now_, commands);
      for (port::Command& command : commands) std::visit([&](auto& c) { obey(c); }, command);
    }
  }

  void note(std::string line) {
    log.push_back(fmt::format("{} {}", (now_ - kStart).whole_seconds(), line));
  }

  void obey(port::SetTimer& timer) {
    if (timer.at)
      timers_[timer.key] = *timer.at;
    else
      timers_.erase(timer.key);
  }
  void obey(port::Publish& what) {
    if (what.reason == "NotTriggerScaleUp" || what.reason == "ScaleUpFailed" ||
        what.reason == "ScaleDownFailed" || what.reason == "DeleteUnregistered")
      note(what.reason + " " + what.about.name + ": " + what.message);
    why = what.kind == port::RecordKind::ScaleUp ? what.message : why;
    for (const port::OwnedField& field : what.fields)
      if (field.key == "plan_over_bound_permille") over_bound = std::get<std::int64_t>(field.value);
  }
  void obey(port::PatchNode& patch) {
    const auto at = nodes_.find(patch.name);
    if (at == nodes_.end()) return;
    for (const model::Taint& taint : patch.add_taints) {
      at->second.spec.taints.push_back(taint);
      note(fmt::format("taint {} {}", patch.name, taint.key));
    }
    for (const std::string& key : patch.remove_taint_keys) {
      std::erase_if(at->second.spec.taints, [&](const auto& t) { return t.key == key; });
      note(fmt::format("untaint {} {}", patch.name, key));
    }
    if (patch.unschedulable) at->second.spec.unschedulable = *patch.unschedulable;
    events_.push_back(port::ObjectChanged{port::Change::Modified,
                                          std::make_shared<const model::Node>(at->second)});
  }
  void obey(port::Evict& evict) {
    note("evict " + evict.pod.name);
    events_.push_back(port::EvictAnswered{evict.pod, true, {}});
    const auto at = pods_.find(evict.pod.name);
    if (at == pods_.end()) return;
    plans_.emplace(now_ + pods_take,
                   [this, pod = at->second] { set_pod(pod, port::Change::Deleted); });
  }
  void obey(port::Replace& replace) {
    const auto* held = std::get_if<scaling::RequestRef>(&replace.object);
    if (held == nullptr) return;
    std::string line = "request " + (*held)->metadata.name;
    for (const model::RequestCondition& each : (*held)->status.conditions)
      line += fmt::format(" {}={}", each.type, each.status);
    note(std::move(line));
    events_.push_back(port::ObjectChanged{port::Change::Modified, replace.object});
  }
  template <class Other>
  void obey(Other&) {}

  void obey(port::CloudCall& call) {
    events_.push_back(port::CloudAnswered{
        call.call, std::visit([&](const auto& request) { return answer(request); }, call.request)});
  }
  port::CloudAnswer answer(const port::DescribeAutoScalingGroups&) {
    std::vector<port::GroupRef> list;
    for (const auto& [name, group] : groups_)
      list.push_back(std::make_shared<const model::AutoScalingGroup>(group));
    return list;
  }
  port::CloudAnswer answer(const port::DescribeScalingActivities& request) {
    std::vector<model::ScalingActivity> list;
    if (!can_launch) {
      model::ScalingActivity failed;
      failed.group = request.group;
      failed.start = now_;
      failed.status_code = "Failed";
      failed.status_message = "We currently do not have sufficient g4dn.xlarge capacity";
      list.push_back(failed);
    }
    return list;
  }
  port::CloudAnswer answer(const port::DescribeLaunchTemplateVersion& request) {
    model::LaunchTemplateData data;
    data.instance_type = request.launch_template.name.substr(3);
    return data;
  }
  port::CloudAnswer answer(const port::SetDesiredCapacity& request) {
    note(fmt::format("set {} {}", request.group, request.desired));
    if (!may_grow) return port::CloudError{"AccessDenied", "not allowed"};
    model::AutoScalingGroup& group = groups_.at(request.group);
    group.desired_capacity = request.desired;
    if (!can_launch) return port::Done{};
    while (static_cast<std::int64_t>(group.instances.size()) < request.desired) launch(group);
    return port::Done{};
  }
  port::CloudAnswer answer(const port::TerminateInstanceInGroup& request) {
    note("end " + request.instance_id);
    for (auto& [name, group] : groups_)
      if (std::erase_if(group.instances,
                        [&](const auto& i) { return i.id == request.instance_id; }) > 0)
        --group.desired_capacity;
    plans_.emplace(now_ + Duration::seconds(20), [this, id = request.instance_id] {
      const auto at = nodes_.find(id);
      if (at == nodes_.end()) return;
      const model::Node node = at->second;
      nodes_.erase(at);
      send(port::Change::Deleted, std::make_shared<const model::Node>(node));
    });
    return port::Done{};
  }
  template <class Other>
  port::CloudAnswer answer(const Other&) {
    return port::CloudError{"NotSupported", "not here"};
  }

  void launch(model::AutoScalingGroup& group) {
    model::GroupInstance instance;
    instance.id = fmt::format("i-{}", ++launched_);
    instance.zone = "us-west-2a";
    instance.state = model::LifecycleState::InService;
    group.instances.push_back(instance);
    plans_.emplace(now_ + Duration::seconds(90), [this, id = instance.id] { register_node(id); });
  }
  void register_node(const std::string& id) {
    model::Node node;
    node.metadata.name = id;
    node.metadata.creationTimestamp = now_;
    node.metadata.labels = {{"k8s.amazonaws.com/accelerator", "nvidia-tesla-t4"},
                            {"kubernetes.io/hostname", id}};
    node.spec.providerID = "aws:///us-west-2a/" + id;
    node.status.allocatable = {{"cpu", Quantity::from_value(4)},
                               {"memory", Quantity::from_value(std::int64_t{15} << 30)},
                               {"pods", Quantity::from_value(29)},
                               {"nvidia.com/gpu", Quantity::from_value(1)}};
    node.status.capacity = node.status.allocatable;
    model::NodeCondition ready;
    ready.type = "Ready";
    ready.status = "True";
    ready.lastTransitionTime = now_;
    node.status.conditions = {ready};
    nodes_[id] = node;
    send(port::Change::Added, std::make_shared<const model::Node>(node));
    for (auto& [name, pod] : pods_)
      if (pod.spec->nodeName.empty()) return bind(std::string(name), id);
  }

  std::unique_ptr<Autoscaler> controller_;
  Instant now_ = kStart;
  std::deque<port::Event> events_;
  std::map<std::uint64_t, Instant> timers_;
  std::multimap<Instant, std::function<void()>> plans_;
  std::map<std::string, model::AutoScalingGroup> groups_;
  std::map<std::string, model::Node> nodes_;
  std::map<std::string, model::Pod> pods_;
  int launched_ = 0;

 public:
  std::string why;
  std::int64_t over_bound = 0;  // of the last ScaleUp that told it, in thousandths
};

TEST(Autoscaler, BuysAGpuNodeAsUpstreamDoesAndTakesItBack) {
  Bench bench(scaling::Compat::Upstream, {"--max-bulk-soft-taint-count=0"});
  bench.add(group_of("gpu-a", "g4dn.xlarge", 5));
  bench.replica_set();
  bench.run_to(65);
  bench.set_pod(bench.pod("train-0", "nvidia.com/gpu", 1));
  bench.run_to(600);
  // A pod that asks for a GPU waits until it is 30 s old; the next look is at 100 s.
  EXPECT_THAT(bench.log, ElementsAre("100 set gpu-a 1"));
  EXPECT_THAT(bench.why, testing::HasSubstr("1 pod (ReplicaSet default/train) needs 1 more node"));
  bench.log.clear();
  bench.set_pod(
      [&] {
        model::Pod pod = bench.pod("train-0", "nvidia.com/gpu", 1);
        pod.spec.edit().nodeName = "i-1";
        return pod;
      }(),
      port::Change::Deleted);
  bench.run_to(1203);
  EXPECT_THAT(bench.log, IsEmpty());
  bench.run_to(3600);
  // Unneeded from the look at 600 s on, for more than ten minutes.
  EXPECT_THAT(bench.log,
              ElementsAre("1210 taint i-1 ToBeDeletedByClusterAutoscaler", "1215 end i-1"));
  EXPECT_TRUE(bench.at_rest());
}

// With bands an empty node waits for the pods of its DaemonSets, for a band's grace period and half
// a minute.
TEST(Autoscaler, BandsMakeAnEmptyNodeWaitForItsDaemonsInRelease131) {
  for (const auto& [takes, end] : {std::pair(20, 1235), std::pair(600, 1305)}) {
    Bench bench(scaling::Compat::Upstream,
                {"--max-bulk-soft-taint-count=0", "--daemonset-eviction-for-empty-nodes",
                 "--drain-priority-config=0:60,1000:5"});
    bench.pods_take = Duration::seconds(takes);
    bench.add(group_of("gpu-a", "g4dn.xlarge", 5));
    bench.replica_set();
    bench.run_to(65);
    bench.set_pod(bench.pod("train-0", "nvidia.com/gpu", 1));
    bench.run_to(600);
    auto logs = std::make_shared<model::DaemonSet>();
    logs->metadata.name = "logs";
    logs->metadata.namespace_ = "default";
    logs->metadata.uid = "uid-logs";
    bench.send(port::Change::Added, std::shared_ptr<const model::DaemonSet>(logs));
    model::Pod daemon = bench.pod("logs-1", "cpu", 1);
    daemon.metadata.ownerReferences = {{"apps/v1", "DaemonSet", "logs", "uid-logs", true, true}};
    bench.set_pod(daemon);
    bench.bind("logs-1", "i-1");
    bench.log.clear();
    model::Pod train = bench.pod("train-0", "nvidia.com/gpu", 1);
    train.spec.edit().nodeName = "i-1";
    bench.set_pod(train, port::Change::Deleted);
    bench.run_to(3600);
    EXPECT_THAT(bench.log, ElementsAre("1210 taint i-1 ToBeDeletedByClusterAutoscaler",
                                       "1215 evict logs-1", fmt::format("{} end i-1", end)));
  }
}

TEST(Autoscaler, SleepsWhileNothingCanChange) {
  Bench bench(scaling::Compat::Upstream, {});
  bench.add(group_of("gpu-a", "g4dn.xlarge", 5));
  bench.run_to(0);
  bench.replica_set();
  bench.run_to(60 * 24 * 3600);
  EXPECT_LT(bench.wakes, 10);
  EXPECT_TRUE(bench.at_rest());
}

TEST(Autoscaler, OursBuysWithinTwoSecondsAndOnce) {
  Bench bench(scaling::Compat::Gputide, {});
  model::AutoScalingGroup group = group_of("gpu-a", "g4dn.xlarge", 5);
  group.tags.edit().emplace_back("k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu",
                                 "1");
  bench.add(group);
  bench.replica_set();
  bench.run_to(65);
  bench.set_pod(bench.pod("train-0", "nvidia.com/gpu", 1));
  bench.set_pod(bench.pod("train-1", "nvidia.com/gpu", 1));
  bench.run_to(600);
  EXPECT_THAT(bench.log, ElementsAre("66 set gpu-a 2"));
  EXPECT_EQ(bench.over_bound, 1000);
}

TEST(Autoscaler, OursTurnsToAnotherGroupWhenALaunchFails) {
  Bench bench(scaling::Compat::Gputide, {"--balance-similar-node-groups=false"});
  for (const auto& [name, type] :
       {std::pair("gpu-a", "g4dn.xlarge"), std::pair("gpu-b", "g5.xlarge")}) {
    model::AutoScalingGroup group = group_of(name, type, 5);
    group.tags.edit().emplace_back(
        "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu", "1");
    bench.add(group);
  }
  bench.replica_set();
  bench.run_to(65);
  bench.can_launch = false;
  bench.set_pod(bench.pod("train-0", "nvidia.com/gpu", 1));
  bench.run_to(70);
  bench.run_to(80);
  ASSERT_GE(bench.log.size(), 4u);
  EXPECT_EQ(bench.log[0], "66 set gpu-a 1");
  EXPECT_THAT(bench.log[1], testing::HasSubstr("ScaleUpFailed"));
  EXPECT_EQ(bench.log[2], "66 set gpu-a 0");
  EXPECT_EQ(bench.log[3], "66 set gpu-b 1");
}

TEST(Autoscaler, UpstreamTellsWhyNobodyHelps) {
  Bench bench(scaling::Compat::Upstream, {});
  bench.add(group_of("gpu-a", "g4dn.xlarge", 5));
  bench.replica_set();
  bench.run_to(5);
  bench.set_pod(bench.pod("train-0", "nvidia.com/gpu", 8));
  bench.run_to(600);
  EXPECT_THAT(bench.log, ElementsAre("40 NotTriggerScaleUp train-0: pod didn't trigger scale-up: 1 "
                                     "Insufficient nvidia.com/gpu"));
}

TEST(Autoscaler, ARequestWhoseScaleUpIsRefusedIsTriedAgain) {
  Bench bench(scaling::Compat::Upstream, {"--enable-provisioning-requests"});
  bench.add(group_of("gpu", "g4dn.xlarge", 4));
  bench.may_grow = false;
  auto pods = std::make_shared<model::PodTemplate>();
  pods->metadata.name = "worker";
  pods->metadata.namespace_ = "default";
  pods->template_.spec = bench.pod("worker", "cpu", 3).spec;
  auto gang = std::make_shared<model::ProvisioningRequest>();
  gang->metadata.name = gang->metadata.uid = "gang";
  gang->metadata.namespace_ = "default";
  gang->metadata.creationTimestamp = kStart;
  gang->spec.provisioningClassName = std::string(model::kBestEffortAtomicClass);
  gang->spec.podSets = {{{"worker"}, 2}};
  bench.send(port::Change::Added, std::shared_ptr<const model::ProvisioningRequest>(gang));
  bench.send(port::Change::Added, std::shared_ptr<const model::PodTemplate>(pods));
  bench.run_to(60);
  EXPECT_THAT(bench.log,
              ElementsAre("10 request gang Accepted=True Provisioned=True", "10 set gpu 2",
                          "10 request gang Accepted=True Provisioned=False"));
  bench.may_grow = true;
  bench.log.clear();
  bench.run_to(11 * 60);
  EXPECT_THAT(bench.log,
              ElementsAre("620 request gang Accepted=True Provisioned=True", "620 set gpu 2"));
}

}  // namespace
}  // namespace gputide::autoscaler
