#include "sim/store.h"

#include <gtest/gtest.h>

#include "codec/objects.h"

namespace gputide::sim {
namespace {

class StoreTest : public ::testing::Test, public StoreListener {
 protected:
  StoreTest() { store.listen(*this); }
  void changed(port::Change change, const model::Typed& now, const model::Typed&) override {
    heard.emplace_back(change, std::string(kind_of(now)));
  }
  Result<Applied> apply(const std::string& yaml) {
    Diagnostics diagnostics;
    const std::vector<model::Object> objects = codec::read_objects(yaml, "t.yaml", diagnostics);
    return store.apply(objects.at(0));
  }
  PodRef run(const std::string& name, const std::string& extra = {}) {
    const Result<Applied> applied =
        apply("apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
              ", labels: {app: a}}\nspec:\n  containers:\n    - {name: c, "
              "image: busybox, resources: {limits: {cpu: 1}}}\n" +
              extra);
    if (!applied) return nullptr;
    return store.pod("default", name);
  }
  PodRef make_ready(const std::string& name) {
    EXPECT_TRUE(store.bind({"Pod", "default", name}, "n1"));
    auto pod = std::make_shared<model::Pod>(*store.pod("default", name));
    pod->status.phase = "Running";
    pod->status.conditions.push_back({"Ready", "True", {}, {}, {}, {}});
    EXPECT_TRUE(store.replace(PodRef(std::move(pod))));
    return store.pod("default", name);
  }

  Heap heap{Instant::from_seconds(1767225600)};
  Store store{heap, 1};
  std::vector<std::pair<port::Change, std::string>> heard;
};

TEST_F(StoreTest, FillsAPodsDefaults) {
  const PodRef pod = run("one");
  ASSERT_TRUE(pod);
  EXPECT_EQ(pod->status.phase, "Pending");
  EXPECT_EQ(pod->spec->restartPolicy, "Always");
  EXPECT_EQ(pod->spec->containers[0].resources.requests.at("cpu").text(), "1");
  EXPECT_EQ(pod->spec->priority, 0);
  ASSERT_EQ(pod->spec->tolerations.size(), 2U);
  EXPECT_EQ(pod->spec->tolerations[0].tolerationSeconds, 300);
  EXPECT_EQ(pod->metadata.uid.size(), 36U);
}

TEST_F(StoreTest, APodToleratesTheTaintOfADeviceThatItAsksFor) {
  ASSERT_TRUE(
      apply("{apiVersion: v1, kind: Pod, metadata: {name: gpu}, spec: {containers: [{name: c, "
            "image: x, resources: {limits: {nvidia.com/gpu: 1, cpu: 1}}}]}}"));
  const auto& tolerations = store.pod("default", "gpu")->spec->tolerations;
  ASSERT_EQ(tolerations.size(), 3U);
  EXPECT_EQ(tolerations[2].key, "nvidia.com/gpu");
  EXPECT_EQ(tolerations[2].operator_, "Exists");
  EXPECT_EQ(tolerations[2].effect, "NoSchedule");
}

TEST_F(StoreTest, APodThatIsBoundStaysOnItsNode) {
  const PodRef unbound = run("one");
  ASSERT_TRUE(store.bind({"Pod", "default", "one"}, "n1"));
  // Who has not heard of it yet knows a pod without a node.
  EXPECT_FALSE(store.replace(PodRef(std::make_shared<model::Pod>(*unbound))));
  model::PodCondition condition;
  condition.type = "DisruptionTarget";
  condition.status = "True";
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(store.set_condition({{"Pod", "default", "one"}, condition}));
  const PodRef now = store.pod("default", "one");
  EXPECT_EQ(now->spec->nodeName, "n1");
  EXPECT_EQ(std::count_if(now->status.conditions.begin(), now->status.conditions.end(),
                          [](const auto& each) { return each.type == "DisruptionTarget"; }),
            1);
}

TEST_F(StoreTest, RefusesWhatTheServerRefuses) {
  EXPECT_FALSE(run("two", "  priorityClassName: nobody-knows\n"));
  const auto gpu = apply(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: g}\nspec:\n  containers:\n    - {name: c, "
      "image: "
      "b, resources: {requests: {nvidia.com/gpu: 1}}}\n");
  ASSERT_FALSE(gpu);
  EXPECT_NE(gpu.error().message.find("Limit must be set"), std::string::npos);
  const auto nowhere =
      apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: nowhere}\ndata: {}\n");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().message, "namespaces \"nowhere\" not found");
}

TEST_F(StoreTest, TakesPrioritiesFromClasses) {
  ASSERT_TRUE(apply(
      "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 7\n"));
  EXPECT_EQ(run("high", "  priorityClassName: high\n")->spec->priority, 7);
  EXPECT_EQ(run("node", "  priorityClassName: system-node-critical\n")->spec->priority, 2000001000);
}

TEST_F(StoreTest, AppliesOnceAndThenOnlyChanges) {
  const std::string one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: x}\n";
  EXPECT_EQ(*apply(one), Applied::Created);
  EXPECT_EQ(*apply(one), Applied::Unchanged);
  EXPECT_EQ(*apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: z}\n"),
            Applied::Configured);
  EXPECT_EQ(store.get<model::ConfigMap>("default", "c")->data.at("a"), "z");
  EXPECT_EQ(heard.size(), 2U);
}

TEST_F(StoreTest, LetsAKubeletFinishABoundPod) {
  run("one");
  make_ready("one");
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", "one"}));
  const PodRef leaving = store.pod("default", "one");
  ASSERT_TRUE(leaving);
  EXPECT_EQ(leaving->metadata.deletionGracePeriodSeconds, 30);
  store.remove_pod("default", "one");
  EXPECT_FALSE(store.pod("default", "one"));
  run("two");  // not bound: nobody to wait for
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", "two"}));
  EXPECT_FALSE(store.pod("default", "two"));
}

TEST_F(StoreTest, AsksBudgetsBeforeItEvicts) {
  ASSERT_TRUE(apply(
      "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: "
      "1, selector: {matchLabels: {app: a}}}\n"));
  run("one");
  EXPECT_TRUE(store.evict({"Pod", "default", "one"}).evicted) << "a pending pod disrupts nobody";
  run("two");
  make_ready("two");
  const EvictionAnswer refused = store.evict({"Pod", "default", "two"});
  EXPECT_FALSE(refused.evicted);
  auto budget = std::make_shared<model::PodDisruptionBudget>(
      *store.get<model::PodDisruptionBudget>("default", "b"));
  budget->status.disruptionsAllowed = 1;
  ASSERT_TRUE(store.replace(Ref<model::PodDisruptionBudget>(std::move(budget))));
  EXPECT_TRUE(store.evict({"Pod", "default", "two"}).evicted);
  EXPECT_EQ(store.get<model::PodDisruptionBudget>("default", "b")->status.disruptionsAllowed, 0);
}

TEST_F(StoreTest, TakesNoStatusOfAWorkloadFromWhoCreatesIt) {
  ASSERT_TRUE(
      apply("apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nstatus: {conditions: none}\n"
            "spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: a}]}}}"));
  EXPECT_TRUE(store.get<model::Job>("default", "j")->status.is_null());
}

TEST_F(StoreTest, CutsALongGenerateNameForItsSuffix) {
  auto node = std::make_shared<model::Node>();
  node->metadata.generateName = std::string(70, 'n');
  ASSERT_TRUE(store.create(NodeRef(node)));
  const std::string name = store.list<model::Node>().at(0)->metadata.name;
  EXPECT_EQ(name.size(), 63U);
  EXPECT_EQ(name.substr(0, 58), std::string(58, 'n'));
  EXPECT_EQ(name.find_first_not_of("bcdfghjklmnpqrstvwxz2456789", 58), std::string::npos);
}

TEST_F(StoreTest, PatchesNodesByKey) {
  auto node = std::make_shared<model::Node>();
  node->metadata.name = "n";
  ASSERT_TRUE(store.create(NodeRef(node)));
  port::PatchNode patch;
  patch.name = "n";
  patch.add_taints = {{"a", "1", "NoSchedule", {}}, {"a", "1", "NoExecute", {}}};
  patch.unschedulable = true;
  ASSERT_TRUE(store.patch(patch));
  patch.add_taints = {{"a", "2", "NoSchedule", {}}};
  ASSERT_TRUE(store.patch(patch));
  ASSERT_EQ(store.node("n")->spec.taints.size(), 2U);
  patch = {};
  patch.name = "n";
  patch.remove_taint_keys = {"a"};
  ASSERT_TRUE(store.patch(patch));
  EXPECT_TRUE(store.node("n")->spec.taints.empty());
  EXPECT_TRUE(store.node("n")->spec.unschedulable);
}

}  // namespace
}  // namespace gputide::sim
