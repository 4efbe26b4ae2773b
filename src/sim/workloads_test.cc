// The controller manager on a store, without machines: pods become ready when a test says so.
#include <map>

#include <gtest/gtest.h>

#include "codec/objects.h"
#include "control/workloads/manager.h"
#include "sim/controller_host.h"
#include "sim/store.h"

namespace gputide::sim {
namespace {

class WorkloadsTest : public ::testing::Test {
 protected:
  WorkloadsTest() {
    host.add(std::make_unique<workloads::ControllerManager>(), Priority::Controller, {});
  }
  void apply(const std::string& yaml) {
    Diagnostics diagnostics;
    for (const model::Object& object : codec::read_objects(yaml, "t.yaml", diagnostics)) {
      const Result<Applied> applied = store.apply(object);
      EXPECT_TRUE(applied) << (applied ? "" : applied.error().message);
    }
    EXPECT_TRUE(diagnostics.list().empty());
    settle();
  }
  void settle(Duration span = Duration::seconds(1)) {
    const Instant end = heap.now() + span;
    while (!heap.empty() && heap.next_at() <= end) heap.step();
    class Tick final : public Handler {
      void fire(std::uint64_t, Instant) override {}
    } tick;
    heap.at(end, Priority::Report, tick);
    while (!heap.empty() && heap.next_at() <= end) heap.step();
  }
  void set_phase(const std::string& name, const std::string& phase) {
    auto pod = std::make_shared<model::Pod>(*store.pod("default", name));
    pod->status.phase = phase;
    pod->status.conditions = {{"Ready", phase == "Running" ? "True" : "False", {}, {}, {}, {}}};
    ASSERT_TRUE(store.replace(PodRef(std::move(pod))));
    settle();
  }
  void all_ready() {
    for (const PodRef& pod : store.list<model::Pod>())
      if (pod->status.phase == "Pending") set_phase(pod->metadata.name, "Running");
  }
  std::map<std::string, int> images() {
    std::map<std::string, int> count;
    for (const PodRef& pod : store.list<model::Pod>()) ++count[pod->spec->containers[0].image];
    return count;
  }
  void add_node(const std::string& name, bool gpu) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    if (gpu) node->metadata.labels["gpu"] = "yes";
    node->status.conditions.push_back({"Ready", "True", {}, {}, {}, {}});
    ASSERT_TRUE(store.create(NodeRef(std::move(node))));
    settle();
  }

  Heap heap{Instant::from_seconds(1767225600)};
  Store store{heap, 1};
  Telling telling{heap};
  ControllerHost host{heap, store, nullptr, telling};
};

std::string deployment(int replicas, const std::string& image, const std::string& more = {}) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " +
         std::to_string(replicas) + "\n  selector: {matchLabels: {app: web}}\n" + more +
         "  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n        - "
         "{name: c, image: \"" +
         image + "\"}\n";
}

TEST_F(WorkloadsTest, ScalesADeployment) {
  apply(deployment(3, "a:1"));
  EXPECT_EQ(images()["a:1"], 3);
  apply(deployment(5, "a:1"));
  EXPECT_EQ(images()["a:1"], 5);
  apply(deployment(2, "a:1"));
  EXPECT_EQ(images()["a:1"], 2);
  ASSERT_TRUE(store.remove_gracefully({"Deployment", "default", "web"}));
  settle();
  EXPECT_EQ(store.count<model::Pod>(), 0U);
  EXPECT_EQ(store.count<model::ReplicaSet>(), 0U);
}

TEST_F(WorkloadsTest, RemovesPendingPodsBeforeReadyOnes) {
  apply(deployment(2, "a:1"));
  all_ready();
  apply(deployment(4, "a:1"));
  apply(deployment(2, "a:1"));
  for (const PodRef& pod : store.list<model::Pod>()) EXPECT_EQ(pod->status.phase, "Running");
  EXPECT_EQ(store.count<model::Pod>(), 2U);
}

TEST_F(WorkloadsTest, RollsToANewTemplateAsPodsBecomeReady) {
  apply(deployment(4, "a:1"));
  all_ready();
  apply(deployment(4, "a:2"));
  EXPECT_EQ(images()["a:2"], 2) << "one more than wanted, and one old one less";
  EXPECT_EQ(images()["a:1"], 3);
  for (int round = 0; round < 6; ++round) all_ready();
  EXPECT_EQ(images(), (std::map<std::string, int>{{"a:2", 4}}));
}

TEST_F(WorkloadsTest, RecreatesWhenTheStrategySaysSo) {
  const std::string recreate = "  strategy: {type: Recreate}\n";
  apply(deployment(3, "a:1", recreate));
  all_ready();
  apply(deployment(3, "a:2", recreate));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"a:2", 3}}));
}

TEST_F(WorkloadsTest, PutsADaemonOnEachNodeThatItSelects) {
  apply(
      "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec:\n  selector: {matchLabels: "
      "{app: d}}\n  template:\n    metadata: {labels: {app: d}}\n    spec:\n      nodeSelector: "
      "{gpu: \"yes\"}\n      containers: [{name: c, image: \"d:1\"}]\n");
  add_node("n1", true);
  add_node("n2", false);
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  const PodRef pod = store.list<model::Pod>()[0];
  EXPECT_EQ(workloads::daemon_node_of(*pod), "n1");
  set_phase(pod->metadata.name, "Failed");
  ASSERT_EQ(store.count<model::Pod>(), 1U) << "made anew";
  EXPECT_NE(store.list<model::Pod>()[0]->metadata.uid, pod->metadata.uid);
}

TEST_F(WorkloadsTest, CountsAJobsFailures) {
  apply(
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  backoffLimit: 1\n  "
      "template:\n"
      "    spec:\n      restartPolicy: Never\n      containers: [{name: c, image: \"j:1\"}]\n");
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Failed");
  EXPECT_EQ(store.count<model::Pod>(), 1U) << "the retry waits";
  settle(Duration::seconds(10));
  ASSERT_EQ(store.count<model::Pod>(), 2U);
  for (const PodRef& pod : store.list<model::Pod>())
    if (pod->status.phase == "Pending") set_phase(pod->metadata.name, "Failed");
  settle(Duration::hours(1));
  EXPECT_EQ(store.count<model::Pod>(), 2U) << "the limit is reached";
  EXPECT_TRUE(host.at_rest());
}

TEST_F(WorkloadsTest, EndsAJobAtItsDeadline) {
  apply(
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  activeDeadlineSeconds: 60\n  "
      "template:\n"
      "    spec:\n      restartPolicy: Never\n      containers: [{name: c, image: \"j:1\"}]\n");
  all_ready();
  settle(Duration::seconds(55));
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  settle(Duration::seconds(10));
  const auto pods = store.list<model::Pod>();
  for (const PodRef& pod : pods) EXPECT_TRUE(pod->metadata.deletionTimestamp);
  const auto job = store.list<model::Job>()[0];
  ASSERT_NE(job->status.find("conditions"), nullptr);
  const model::Value& condition = job->status.find("conditions")->as_list()[0];
  EXPECT_EQ(condition.text_at("type"), "Failed");
  EXPECT_EQ(condition.text_at("reason"), "DeadlineExceeded");
}

TEST_F(WorkloadsTest, GivesEachIndexOfAnIndexedJobOnePod) {
  apply(
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  completions: 3\n  "
      "parallelism: "
      "2\n  completionMode: Indexed\n  template:\n    spec:\n      restartPolicy: Never\n      "
      "containers: [{name: c, image: \"j:1\"}]\n");
  EXPECT_EQ(store.count<model::Pod>(), 2U);
  for (int round = 0; round < 3; ++round)
    for (const PodRef& pod : store.list<model::Pod>())
      if (pod->status.phase == "Pending") {
        set_phase(pod->metadata.name, "Succeeded");
        break;
      }
  std::map<std::string, int> indexes;
  for (const PodRef& pod : store.list<model::Pod>())
    ++indexes[pod->metadata.labels.at("batch.kubernetes.io/job-completion-index")];
  EXPECT_EQ(indexes, (std::map<std::string, int>{{"0", 1}, {"1", 1}, {"2", 1}}));
}

TEST_F(WorkloadsTest, KeepsTheIndexInThePodNameOfALongNamedJob) {
  apply("apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + std::string(60, 'j') +
        "}\nspec:\n  completions: 1\n  completionMode: Indexed\n  template:\n    spec:\n      "
        "restartPolicy: Never\n      containers: [{name: c, image: \"j:1\"}]\n");
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  const std::string name = store.list<model::Pod>()[0]->metadata.name;
  EXPECT_EQ(name.substr(0, 58), std::string(55, 'j') + "-0-");
  EXPECT_EQ(name.size(), 63U);
}

TEST_F(WorkloadsTest, StartsStatefulPodsInOrder) {
  apply(
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  replicas: 2\n  "
      "serviceName: s\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata: {labels: "
      "{app: s}}\n    spec:\n      containers: [{name: c, image: \"s:1\"}]\n");
  EXPECT_TRUE(store.pod("default", "s-0"));
  EXPECT_FALSE(store.pod("default", "s-1"));
  all_ready();
  EXPECT_TRUE(store.pod("default", "s-1"));
}

TEST_F(WorkloadsTest, KeepsABudgetsCount) {
  apply(deployment(4, "a:1"));
  apply(
      "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: "
      "{maxUnavailable: "
      "25%, selector: {matchLabels: {app: web}}}\n");
  const auto status = [&] { return store.get<model::PodDisruptionBudget>("default", "b")->status; };
  EXPECT_EQ(status().disruptionsAllowed, 0);
  EXPECT_EQ(status().desiredHealthy, 3);
  all_ready();
  EXPECT_EQ(status().disruptionsAllowed, 1);
}

TEST_F(WorkloadsTest, EvictsFromAnUnreachableNodeAfterItsPodsHaveToleratedIt) {
  add_node("n1", false);
  apply(deployment(1, "a:1"));
  const PodRef pod = store.list<model::Pod>()[0];
  ASSERT_TRUE(store.bind({"Pod", "default", pod->metadata.name}, "n1"));
  set_phase(pod->metadata.name, "Running");
  auto node = std::make_shared<model::Node>(*store.node("n1"));
  node->status.conditions[0].status = "Unknown";
  ASSERT_TRUE(store.replace(NodeRef(std::move(node))));
  settle(Duration::seconds(299));
  EXPECT_FALSE(store.pod("default", pod->metadata.name)->metadata.deletionTimestamp);
  EXPECT_FALSE(host.at_rest());
  settle(Duration::seconds(2));
  EXPECT_TRUE(store.pod("default", pod->metadata.name)->metadata.deletionTimestamp);
  EXPECT_EQ(store.count<model::Pod>(), 2U) << "its replacement is there";
  ASSERT_TRUE(store.remove_gracefully({"Node", "", "n1"}));
  settle(Duration::seconds(41));
  EXPECT_EQ(store.count<model::Pod>(), 1U) << "a pod without a node goes";
}

}  // namespace
}  // namespace gputide::sim
