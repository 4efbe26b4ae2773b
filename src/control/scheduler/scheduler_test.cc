#include "control/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace gputide::control {
namespace {

using port::Change;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using PodRef = std::shared_ptr<const model::Pod>;
using ClaimRef = std::shared_ptr<const model::PersistentVolumeClaim>;
using VolumeRef = std::shared_ptr<const model::PersistentVolume>;

// A cluster that does at once what the scheduler commands, and remembers it.
class Cluster {
 public:
  void add_node(const std::string& name, std::int64_t gpus, bool ready = true) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    node->metadata.labels["kubernetes.io/hostname"] = name;
    node->status.allocatable = {{"pods", Quantity::from_value(110)},
                                {"nvidia.com/gpu", Quantity::from_value(gpus)}};
    if (!ready) node->spec.taints.push_back({"node.kubernetes.io/not-ready", "", "NoSchedule", {}});
    const Change change = nodes_.contains(name) ? Change::Modified : Change::Added;
    nodes_.insert(name);
    tell({change, std::shared_ptr<const model::Node>(std::move(node))});
  }
  void add_pod(const std::string& name, std::int64_t gpus, int priority = 0,
               const std::string& scheduler = "default-scheduler", bool gated = false,
               const std::string& claim = {}) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata.name = name;
    pod->metadata.uid = name + "-uid";
    pod->metadata.namespace_ = "default";
    model::PodSpec& spec = pod->spec.edit();
    spec.schedulerName = scheduler;
    spec.priority = priority;
    if (gated) spec.schedulingGates.push_back({"wait"});
    if (!claim.empty())
      spec.volumes.emplace_back().persistentVolumeClaim.emplace().claimName = claim;
    spec.containers.emplace_back();
    spec.containers[0].resources.requests["nvidia.com/gpu"] = Quantity::from_value(gpus);
    pods_[name] = pod;
    tell({Change::Added, pods_[name]});
  }
  void add_class() {
    auto waits = std::make_shared<model::StorageClass>();
    waits->metadata.name = "waits";
    waits->provisioner = "ebs.csi.aws.com";
    waits->volumeBindingMode = "WaitForFirstConsumer";
    tell({Change::Added, std::shared_ptr<const model::StorageClass>(std::move(waits))});
  }
  // `volume`: that it is bound to. What was written for an unbound one is gone.
  void set_claim(const std::string& name, const std::string& volume = {}) {
    auto claim = std::make_shared<model::PersistentVolumeClaim>();
    claim->metadata.name = name;
    claim->metadata.namespace_ = "default";
    claim->spec.storageClassName = "waits";
    claim->spec.volumeName = volume;
    if (!volume.empty()) claim->metadata.annotations["pv.kubernetes.io/bind-completed"] = "yes";
    tell({Change::Modified, ClaimRef(std::move(claim))});
  }
  void add_volume(const std::string& name) {
    auto volume = std::make_shared<model::PersistentVolume>();
    volume->metadata.name = name;
    volume->spec.storageClassName = "waits";
    volume->status.phase = "Available";
    tell({Change::Added, VolumeRef(std::move(volume))});
  }
  void open_gates(const std::string& name) {
    auto pod = std::make_shared<model::Pod>(*pods_.at(name));
    pod->spec.edit().schedulingGates.clear();
    pods_[name] = pod;
    tell({Change::Modified, pods_[name]});
  }
  void finish(const std::string& name) {
    auto pod = std::make_shared<model::Pod>(*pods_.at(name));
    pod->status.phase = "Succeeded";
    pods_[name] = pod;
    tell({Change::Modified, pods_[name]});
  }
  void pass(Duration time) {
    const Instant until = now_ + time;
    while (!timers_.empty()) {
      auto first = timers_.begin();
      for (auto at = timers_.begin(); at != timers_.end(); ++at)
        if (at->second < first->second) first = at;
      if (first->second > until) break;
      now_ = first->second;
      const std::uint64_t key = first->first;
      timers_.erase(first);
      step(port::TimerFired{key});
    }
    now_ = until;
  }

  std::string node_of(const std::string& pod) const { return pods_.at(pod)->spec->nodeName; }
  const std::vector<std::string>& log() const { return log_; }
  void forget() { log_.clear(); }
  bool at_rest() const { return scheduler_.at_rest(); }

 private:
  void tell(port::ObjectChanged change) { step(port::Event(std::move(change))); }
  void step(const port::Event& event) {
    port::Commands commands;
    scheduler_.step(event, now_, commands);
    for (const port::Command& command : commands) obey(command);
  }
  void obey(const port::Command& command) {
    if (const auto* bind = std::get_if<port::BindPod>(&command)) {
      log_.push_back(bind->pod.name + " -> " + bind->node);
      auto pod = std::make_shared<model::Pod>(*pods_.at(bind->pod.name));
      pod->spec.edit().nodeName = bind->node;
      pods_[bind->pod.name] = pod;
      tell({Change::Modified, pods_[bind->pod.name]});
    } else if (const auto* mark = std::get_if<port::MarkUnschedulable>(&command)) {
      log_.push_back(mark->pod.name + ": " + mark->message);
      auto pod = std::make_shared<model::Pod>(*pods_.at(mark->pod.name));
      model::PodCondition condition;
      condition.type = "PodScheduled";
      condition.status = "False";
      condition.reason = mark->reason;
      condition.message = mark->message;
      pod->status.conditions = {condition};
      if (mark->nominated_node) pod->status.nominatedNodeName = *mark->nominated_node;
      pods_[mark->pod.name] = pod;
      tell({Change::Modified, pods_[mark->pod.name]});
    } else if (const auto* remove = std::get_if<port::Delete>(&command)) {
      log_.push_back("delete " + remove->object.name);
      const PodRef pod = pods_.at(remove->object.name);
      pods_.erase(remove->object.name);
      tell({Change::Deleted, pod});
    } else if (const auto* replace = std::get_if<port::Replace>(&command)) {
      obey(*replace);
    } else if (const auto* timer = std::get_if<port::SetTimer>(&command)) {
      timers_.erase(timer->key);
      if (timer->at) timers_[timer->key] = *timer->at;
    }
  }
  void obey(const port::Replace& replace) {
    if (const auto* claim = std::get_if<ClaimRef>(&replace.object)) {
      log_.push_back("volume for " + (*claim)->metadata.name + " on " +
                     (*claim)->metadata.annotations.at("volume.kubernetes.io/selected-node"));
      tell({Change::Modified, *claim});
    } else if (const auto* volume = std::get_if<VolumeRef>(&replace.object)) {
      log_.push_back((*volume)->metadata.name + " for " + (*volume)->spec.claimRef->name);
      tell({Change::Modified, *volume});
    }
  }

  KubeScheduler scheduler_{Rng(1, "scheduler")};
  Instant now_ = Instant::from_seconds(1'767'225'600);
  std::set<std::string> nodes_;
  std::map<std::string, PodRef> pods_;
  std::map<std::uint64_t, Instant> timers_;
  std::vector<std::string> log_;
};

TEST(KubeScheduler, BindsAPodThatFits) {
  Cluster cluster;
  cluster.add_node("gpu-1", 1);
  cluster.add_pod("train", 1);
  EXPECT_THAT(cluster.log(), ElementsAre("train -> gpu-1"));
}

TEST(KubeScheduler, TellsAPodOnceWhyItWaits) {
  Cluster cluster;
  cluster.add_node("cpu-1", 0);
  cluster.add_pod("train", 1);
  ASSERT_EQ(cluster.log().size(), 1U);
  EXPECT_THAT(cluster.log()[0],
              HasSubstr("train: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu."));
  cluster.pass(Duration::minutes(20));
  EXPECT_EQ(cluster.log().size(), 1U);
  EXPECT_TRUE(cluster.at_rest());
}

TEST(KubeScheduler, TriesAgainWhenANodeBecomesReady) {
  Cluster cluster;
  cluster.add_pod("train", 1);
  cluster.pass(Duration::minutes(1));
  cluster.forget();
  cluster.add_node("gpu-1", 1, false);
  EXPECT_THAT(cluster.log(), IsEmpty());
  cluster.add_node("gpu-1", 1);
  EXPECT_THAT(cluster.log(), ElementsAre("train -> gpu-1"));
}

TEST(KubeScheduler, HoldsAPodBackForASecondAfterItsFirstFailure) {
  Cluster cluster;
  cluster.add_pod("train", 1);
  cluster.forget();
  cluster.add_node("gpu-1", 1);
  EXPECT_THAT(cluster.log(), IsEmpty());
  EXPECT_FALSE(cluster.at_rest());
  cluster.pass(Duration::seconds(1));
  EXPECT_THAT(cluster.log(), ElementsAre("train -> gpu-1"));
  EXPECT_TRUE(cluster.at_rest());
}

TEST(KubeScheduler, GivesAFreedNodeToTheMoreImportantPodThenToTheOlder) {
  Cluster cluster;
  cluster.add_node("gpu-1", 1);
  cluster.add_pod("running", 1, 100);
  cluster.add_pod("old", 1);
  cluster.pass(Duration::seconds(1));
  cluster.add_pod("young", 1);
  cluster.add_pod("urgent", 1, 10);
  cluster.pass(Duration::minutes(1));
  cluster.forget();
  cluster.finish("running");
  EXPECT_THAT(cluster.log()[0], "urgent -> gpu-1");
  cluster.pass(Duration::minutes(1));
  cluster.forget();
  cluster.finish("urgent");
  EXPECT_THAT(cluster.log()[0], "old -> gpu-1");
  EXPECT_EQ(cluster.node_of("young"), "");
}

TEST(KubeScheduler, LeavesGatedPodsAndThoseOfOthersAlone) {
  Cluster cluster;
  cluster.add_node("gpu-1", 8);
  cluster.add_pod("theirs", 1, 0, "volcano");
  cluster.add_pod("gated", 1, 0, "default-scheduler", true);
  EXPECT_THAT(cluster.log(), IsEmpty());
  cluster.open_gates("gated");
  EXPECT_THAT(cluster.log(), ElementsAre("gated -> gpu-1"));
}

TEST(KubeScheduler, TakesLessImportantPodsAwayForAMoreImportantOne) {
  Cluster cluster;
  cluster.add_node("gpu-1", 2);
  cluster.add_pod("low-a", 1, 1);
  cluster.add_pod("low-b", 1, 2);
  cluster.forget();
  cluster.add_pod("high", 1, 100);
  cluster.pass(Duration::seconds(10));
  ASSERT_GE(cluster.log().size(), 3U);
  EXPECT_THAT(cluster.log()[0], HasSubstr("high: 0/1 nodes are available"));
  EXPECT_THAT(cluster.log()[1], "delete low-a");
  EXPECT_THAT(cluster.log().back(), "high -> gpu-1");
  EXPECT_EQ(cluster.node_of("low-b"), "gpu-1");
}

TEST(KubeScheduler, KeepsThousandsOfEqualPodsWaitingWithoutTryingThem) {
  Cluster cluster;
  cluster.add_node("gpu-1", 1);
  for (int i = 0; i < 2000; ++i) cluster.add_pod("p" + std::to_string(i), 1);
  EXPECT_EQ(cluster.node_of("p0"), "gpu-1");
  cluster.pass(Duration::minutes(1));
  cluster.forget();
  cluster.finish("p0");
  EXPECT_THAT(cluster.log(), ElementsAre("p1 -> gpu-1"));
}

TEST(KubeScheduler, TellsAPodThatComesLaterThanOthersLikeIt) {
  Cluster cluster;
  cluster.add_node("gpu-1", 1);
  cluster.add_pod("running", 1);
  cluster.add_pod("first", 1);
  cluster.pass(Duration::minutes(1));
  cluster.forget();
  cluster.add_pod("second", 1);
  EXPECT_THAT(cluster.log(), ElementsAre(HasSubstr("second: 0/1 nodes are available")));
}

TEST(KubeScheduler, HasVolumesMadeWhereThePodGoesAndBindsItThen) {
  Cluster cluster;
  cluster.add_class();
  cluster.set_claim("data");
  cluster.add_pod("a", 1, 0, "default-scheduler", false, "data");
  cluster.add_node("n1", 1);
  cluster.pass(Duration::seconds(2));
  EXPECT_EQ(cluster.log().back(), "volume for data on n1");
  // The room is taken, though the pod is not bound yet.
  cluster.add_pod("b", 1);
  EXPECT_EQ(cluster.node_of("b"), "");
  cluster.forget();
  cluster.add_volume("v");
  cluster.set_claim("data", "v");
  EXPECT_THAT(cluster.log(), ElementsAre("a -> n1"));
}

TEST(KubeScheduler, KeepsAFreeVolumeForAPod) {
  Cluster cluster;
  cluster.add_class();
  cluster.add_volume("v");
  cluster.set_claim("data");
  cluster.set_claim("more");
  cluster.add_node("n1", 2);
  cluster.add_pod("a", 1, 0, "default-scheduler", false, "data");
  cluster.add_pod("b", 1, 0, "default-scheduler", false, "more");
  EXPECT_THAT(cluster.log(), ElementsAre("v for data", "volume for more on n1"));
}

TEST(KubeScheduler, TriesAgainWhenNothingCameOfAClaim) {
  Cluster cluster;
  cluster.add_class();
  cluster.set_claim("data");
  cluster.add_node("n1", 1);
  cluster.add_pod("a", 1, 0, "default-scheduler", false, "data");
  cluster.forget();
  cluster.set_claim("data");  // somebody else wrote it in between
  EXPECT_THAT(cluster.log(), ElementsAre("volume for data on n1"));
  cluster.add_volume("v");
  cluster.set_claim("data", "v");
  EXPECT_EQ(cluster.node_of("a"), "n1");
}

}  // namespace
}  // namespace gputide::control
