// What the controller manager makes, replaces and ends.
#include <fmt/format.h>

#include "sim/workloads_fixture.h"

namespace gputide::sim {
namespace {

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

TEST_F(WorkloadsTest, SharesOutAnotherNumberWhileItRolls) {
  const auto split = [this](int old, int now) {
    EXPECT_EQ(images(), (std::map<std::string, int>{{"a:1", old}, {"a:2", now}}));
  };
  apply(deployment(10, "a:1"));
  apply(deployment(10, "a:2"));
  split(8, 5);  // no pod runs: so many wait
  apply(deployment(20, "a:2"));
  split(15, 10);
  apply(deployment(5, "a:2"));
  split(4, 3);
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
  const model::Value& condition = job->status.find("conditions")->as_list().back();
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

std::string volume(const std::string& name, const std::string& size, const std::string& more = {}) {
  return "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: " + name +
         "}\nspec: {capacity: {storage: " + size + "}, accessModes: [ReadWriteOnce]" + more +
         "}\n---\n";
}

std::string claim(const std::string& name, const std::string& size, const std::string& more = {}) {
  return "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " + name +
         "}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: " + size + "}}" +
         more + "}\n---\n";
}

std::string storage_class(const std::string& name, const std::string& more) {
  return "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: " + name +
         "}\nprovisioner: ebs.csi.aws.com\n" + more + "---\n";
}

class VolumesTest : public WorkloadsTest {
 protected:
  Ref<model::PersistentVolumeClaim> claim_named(const std::string& name) {
    return store.get<model::PersistentVolumeClaim>("default", name);
  }
  std::string volume_of(const std::string& name) { return claim_named(name)->spec.volumeName; }
  Ref<model::PersistentVolume> volume_named(const std::string& name) {
    return store.get<model::PersistentVolume>("", name);
  }
  std::string affinity_of(const std::string& claim) {
    const auto made = volume_named(volume_of(claim));
    if (!made || !made->spec.nodeAffinity) return "none";
    const auto& term = made->spec.nodeAffinity->required->nodeSelectorTerms[0].matchExpressions[0];
    return term.key + "=" + term.values[0];
  }
  void add_node_in(const std::string& name, const std::string& zone) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    node->metadata.labels["topology.kubernetes.io/zone"] = zone;
    ASSERT_TRUE(store.create(NodeRef(std::move(node))));
    settle();
  }
  void select(const std::string& name, const std::string& node) {
    auto next = std::make_shared<model::PersistentVolumeClaim>(*claim_named(name));
    next->metadata.annotations["volume.kubernetes.io/selected-node"] = node;
    ASSERT_TRUE(store.replace(Ref<model::PersistentVolumeClaim>(std::move(next))));
    settle(Duration::seconds(5));
  }
};

TEST_F(VolumesTest, ClaimsGetTheSmallestVolumesThatFitOneEach) {
  // The claims come first: that volumes are there a moment later is no reason to refuse them.
  apply(claim("a", "5Gi", ", storageClassName: x") + claim("b", "5Gi", ", storageClassName: x") +
        claim("c", "5Gi", ", storageClassName: x") +
        volume("large", "50Gi", ", storageClassName: x") +
        volume("small", "10Gi", ", storageClassName: x") +
        volume("tiny", "1Gi", ", storageClassName: x") + volume("other", "6Gi"));
  EXPECT_EQ(volume_of("a"), "small");
  EXPECT_EQ(volume_of("b"), "large");
  EXPECT_EQ(volume_of("c"), "");
  EXPECT_EQ(claim_named("a")->status.phase, "Bound");
  EXPECT_TRUE(claim_named("a")->metadata.annotations.contains("pv.kubernetes.io/bind-completed"));
  EXPECT_EQ(claim_named("c")->status.phase, "Pending");
  EXPECT_EQ(volume_named("small")->spec.claimRef->name, "a");
  EXPECT_EQ(volume_named("small")->status.phase, "Bound");
  EXPECT_EQ(volume_named("tiny")->status.phase, "Available");
  // A volume that comes later is found too.
  apply(volume("late", "5Gi", ", storageClassName: x"));
  EXPECT_EQ(volume_of("c"), "late");
}

TEST_F(VolumesTest, AVolumeThatIsAskedForByNameMustFit) {
  apply(volume("small", "10Gi") + volume("large", "50Gi") +
        claim("fits", "5Gi", ", storageClassName: \"\", volumeName: large") +
        claim("not", "20Gi", ", storageClassName: \"\", volumeName: small"));
  EXPECT_EQ(claim_named("fits")->status.phase, "Bound");
  EXPECT_EQ(claim_named("not")->status.phase, "Pending");
  EXPECT_FALSE(volume_named("small")->spec.claimRef);
}

TEST_F(VolumesTest, AVolumeThatIsKeptForAClaimIsTheClaims) {
  apply(volume("kept", "50Gi", ", claimRef: {namespace: default, name: a}") + volume("v", "5Gi"));
  EXPECT_EQ(volume_named("kept")->status.phase, "Available");
  apply(claim("a", "5Gi", ", storageClassName: \"\""));
  EXPECT_EQ(volume_of("a"), "kept");
}

TEST_F(VolumesTest, AVolumeIsMadeWhereTheNodeIsThatWasChosen) {
  add_node_in("n1", "us-west-2a");
  add_node_in("n2", "us-west-2b");
  apply(storage_class("gp3", "volumeBindingMode: WaitForFirstConsumer\n") +
        claim("a", "5Gi", ", storageClassName: gp3"));
  settle(Duration::minutes(1));
  EXPECT_EQ(volume_of("a"), "") << "it waits for the first pod";
  EXPECT_TRUE(host.at_rest());
  select("a", "n2");
  EXPECT_EQ(affinity_of("a"), "topology.kubernetes.io/zone=us-west-2b");
  const auto made = volume_named(volume_of("a"));
  EXPECT_EQ(made->spec.persistentVolumeReclaimPolicy, "Delete");
  EXPECT_EQ(made->spec.capacity.at("storage").text(), "5Gi");
}

TEST_F(VolumesTest, ANodeThatIsGoneIsForgotten) {
  add_node_in("n1", "us-west-2a");
  apply(storage_class("gp3", "volumeBindingMode: WaitForFirstConsumer\n") +
        claim("a", "5Gi", ", storageClassName: gp3"));
  ASSERT_TRUE(store.remove_gracefully({"Node", "", "n1"}));
  settle();
  select("a", "n1");
  EXPECT_EQ(volume_of("a"), "");
  EXPECT_FALSE(
      claim_named("a")->metadata.annotations.contains("volume.kubernetes.io/selected-node"));
}

TEST_F(VolumesTest, AClassThatDoesNotWaitMakesAVolumeWhereItMay) {
  apply(storage_class("any", "") +
        storage_class("b",
                      "allowedTopologies: [{matchLabelExpressions: [{key: "
                      "topology.ebs.csi.aws.com/zone, values: [us-west-2b]}]}]\n") +
        claim("anywhere", "5Gi", ", storageClassName: any") +
        claim("in-b", "5Gi", ", storageClassName: b"));
  settle(Duration::seconds(5));
  EXPECT_EQ(affinity_of("in-b"), "topology.ebs.csi.aws.com/zone=us-west-2b");
  EXPECT_EQ(volume_of("anywhere"), "") << "no node is there that could say which zones there are";
  EXPECT_TRUE(host.at_rest());
  add_node_in("n1", "us-west-2a");
  settle(Duration::seconds(5));
  EXPECT_EQ(affinity_of("anywhere"), "topology.kubernetes.io/zone=us-west-2a");
}

TEST_F(VolumesTest, ClaimsWithoutAClassAreOfTheDefaultOneEvenIfItComesLater) {
  add_node_in("n1", "us-west-2a");
  apply(claim("a", "5Gi") + claim("none", "5Gi", ", storageClassName: \"\""));
  EXPECT_EQ(volume_of("a"), "");
  apply(
      "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: gp3, annotations: "
      "{storageclass.kubernetes.io/is-default-class: \"true\"}}\nprovisioner: ebs.csi.aws.com\n");
  settle(Duration::seconds(5));
  EXPECT_EQ(claim_named("a")->spec.storageClassName, "gp3");
  EXPECT_NE(volume_of("a"), "");
  EXPECT_EQ(volume_of("none"), "");
}

TEST_F(VolumesTest, VolumesGoOrStayWhenTheirClaimsDo) {
  add_node_in("n1", "us-west-2a");
  apply(storage_class("goes", "") + storage_class("stays", "reclaimPolicy: Retain\n") +
        claim("a", "5Gi", ", storageClassName: goes") +
        claim("b", "5Gi", ", storageClassName: stays"));
  settle(Duration::seconds(5));
  const std::string first = volume_of("a");
  const std::string second = volume_of("b");
  ASSERT_TRUE(store.remove_gracefully({"PersistentVolumeClaim", "default", "a"}));
  ASSERT_TRUE(store.remove_gracefully({"PersistentVolumeClaim", "default", "b"}));
  settle();
  EXPECT_FALSE(volume_named(first));
  EXPECT_EQ(volume_named(second)->status.phase, "Released");
  // A claim of the same name is another claim.
  apply(claim("b", "5Gi", ", storageClassName: stays, selector: {matchLabels: {no: such}}"));
  EXPECT_NE(volume_of("b"), second);
}

TEST_F(VolumesTest, AClaimInUseGoesAfterItsLastPod) {
  add_node_in("n1", "us-west-2a");
  apply(storage_class("goes", "") + claim("a", "5Gi", ", storageClassName: goes") +
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: "
        "\"a:1\"}]\n  volumes: [{name: d, persistentVolumeClaim: {claimName: a}}]\n");
  settle(Duration::seconds(5));
  const std::string made = volume_of("a");
  ASSERT_TRUE(store.bind({"Pod", "default", "p"}, "n1"));
  settle();
  ASSERT_TRUE(store.remove_gracefully({"PersistentVolumeClaim", "default", "a"}));
  settle(Duration::hours(1));
  ASSERT_TRUE(claim_named("a"));
  EXPECT_TRUE(claim_named("a")->metadata.deletionTimestamp);
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", "p"}, Duration()));
  settle();
  EXPECT_FALSE(claim_named("a"));
  EXPECT_FALSE(volume_named(made));
}

TEST_F(VolumesTest, AClaimIsLostWithItsVolume) {
  apply(volume("v", "10Gi") + claim("a", "5Gi", ", storageClassName: \"\""));
  ASSERT_TRUE(store.remove_gracefully({"PersistentVolume", "", "v"}));
  settle();
  EXPECT_EQ(claim_named("a")->status.phase, "Lost");
}

TEST_F(VolumesTest, ApplyingAClaimAnewLeavesItBound) {
  apply(volume("v", "10Gi") + claim("a", "5Gi", ", storageClassName: \"\""));
  apply(claim("a", "6Gi", ", storageClassName: \"\""));
  EXPECT_EQ(volume_of("a"), "v");
  EXPECT_TRUE(claim_named("a")->metadata.annotations.contains("pv.kubernetes.io/bind-completed"));
}

std::string stateful_set(int replicas, const std::string& more = {}) {
  return "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  replicas: " +
         std::to_string(replicas) + "\n" + more +
         "  serviceName: s\n  podManagementPolicy: Parallel\n  selector: {matchLabels: {app: s}}\n"
         "  template:\n    metadata: {labels: {app: s}}\n    spec:\n      containers: [{name: c, "
         "image: \"s:1\"}]\n      volumes: [{name: data, emptyDir: {}}]\n  volumeClaimTemplates:\n"
         "    - metadata: {name: data}\n      spec: {accessModes: [ReadWriteOnce], "
         "storageClassName: gp3, resources: {requests: {storage: 5Gi}}}\n";
}

TEST_F(VolumesTest, StatefulPodsHaveClaimsOfTheirOwnThatStay) {
  apply(stateful_set(2));
  ASSERT_TRUE(claim_named("data-s-1"));
  EXPECT_EQ(claim_named("data-s-1")->metadata.labels.at("app"), "s");
  const PodRef pod = store.pod("default", "s-1");
  ASSERT_EQ(pod->spec->volumes.size(), 1U) << "in the place of the template's volume";
  EXPECT_EQ(pod->spec->volumes[0].persistentVolumeClaim->claimName, "data-s-1");
  const std::string uid = claim_named("data-s-1")->metadata.uid;
  apply(stateful_set(0));
  EXPECT_EQ(store.count<model::Pod>(), 0U);
  apply(stateful_set(2));
  EXPECT_EQ(claim_named("data-s-1")->metadata.uid, uid);
  ASSERT_TRUE(store.remove_gracefully({"StatefulSet", "default", "s"}));
  settle();
  EXPECT_EQ(store.count<model::Pod>(), 0U);
  EXPECT_TRUE(claim_named("data-s-1"));
}

TEST_F(VolumesTest, StatefulPodsClaimsGoWithThemWhereTheSetSaysSo) {
  const std::string policy =
      "  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}\n";
  apply(stateful_set(2, policy));
  apply(stateful_set(1, policy));
  EXPECT_FALSE(claim_named("data-s-1"));
  EXPECT_TRUE(claim_named("data-s-0"));
  ASSERT_TRUE(store.remove_gracefully({"StatefulSet", "default", "s"}));
  settle();
  EXPECT_FALSE(claim_named("data-s-0"));
}

class JobFailureTest : public WorkloadsTest {
 protected:
  // Ends the first pod that is pending, of the index where one is given.
  void fail(std::int64_t code, const std::string& condition = {}, const std::string& index = {}) {
    for (const PodRef& pod : store.list<model::Pod>()) {
      const auto& labels = pod->metadata.labels;
      if (pod->status.phase != "Pending" ||
          (!index.empty() && labels.at("batch.kubernetes.io/job-completion-index") != index))
        continue;
      auto failed = std::make_shared<model::Pod>(*pod);
      failed->status.phase = "Failed";
      if (!condition.empty())
        failed->status.conditions.push_back({condition, "True", {}, {}, {}, {}});
      model::Value terminated;
      terminated.set("exitCode", code);
      model::Value state;
      state.set("terminated", terminated);
      model::Value status;
      status.set("name", "c");
      status.set("state", state);
      failed->status.kept.push_back(
          {"containerStatuses", model::Value(model::Value::List{status}), {}});
      ASSERT_TRUE(store.replace(PodRef(std::move(failed))));
      return settle();
    }
    FAIL() << "no pod is pending";
  }
  std::string job(const std::string& spec) {
    return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n" + spec +
           "  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: c, "
           "image: "
           "\"j:1\"}]\n";
  }
  // "Failed PodFailurePolicy", "" while the Job goes on.
  std::string ending() {
    const auto found = store.get<model::Job>("default", "j");
    const model::Value* conditions = found->status.find("conditions");
    if (conditions == nullptr) return {};
    const model::Value& condition = conditions->as_list().back();
    return std::string(condition.text_at("type")) + " " + std::string(condition.text_at("reason"));
  }
};

TEST_F(JobFailureTest, AnExitCodeEndsTheJobAtOnce) {
  apply(
      job("  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: c, "
          "operator: In, values: [42]}}]}\n"));
  fail(1);
  EXPECT_EQ(ending(), "");
  settle(Duration::seconds(10));
  fail(42);
  EXPECT_EQ(ending(), "Failed PodFailurePolicy");
}

TEST_F(JobFailureTest, AJobHasEndedWhenItsLastPodHas) {
  add_node("n1", false);
  apply(job("  activeDeadlineSeconds: 60\n"));
  const std::string name = store.list<model::Pod>()[0]->metadata.name;
  ASSERT_TRUE(store.bind({"Pod", "default", name}, "n1"));
  set_phase(name, "Running");
  settle(Duration::seconds(65));
  EXPECT_EQ(ending(), "FailureTarget DeadlineExceeded") << "its pod is still ending";
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", name}, Duration()));
  settle();
  EXPECT_EQ(ending(), "Failed DeadlineExceeded");
  EXPECT_TRUE(host.at_rest());
}

TEST_F(JobFailureTest, ASuccessorComesWhenThePodHasEndedWhereTheJobSaysSo) {
  add_node("n1", false);
  for (const char* policy : {"TerminatingOrFailed", "Failed"}) {
    apply(job("  podReplacementPolicy: " + std::string(policy) + "\n"));
    const std::string name = store.list<model::Pod>()[0]->metadata.name;
    ASSERT_TRUE(store.bind({"Pod", "default", name}, "n1"));
    set_phase(name, "Running");
    ASSERT_TRUE(store.remove_gracefully({"Pod", "default", name}));
    settle();
    EXPECT_EQ(store.count<model::Pod>(), 1U);
    settle(Duration::seconds(10));
    EXPECT_EQ(store.count<model::Pod>(), std::string(policy) == "Failed" ? 1U : 2U);
    ASSERT_TRUE(store.remove_gracefully({"Pod", "default", name}, Duration()));
    settle(Duration::seconds(11));
    EXPECT_EQ(store.count<model::Pod>(), 1U);
    ASSERT_TRUE(store.remove_gracefully({"Job", "default", "j"}));
    settle();
  }
}

TEST_F(JobFailureTest, ASuccessPolicyEndsTheJobBeforeAllIndexes) {
  apply(
      job("  completions: 3\n  parallelism: 3\n  completionMode: Indexed\n  successPolicy: "
          "{rules: [{succeededIndexes: \"1-2\", succeededCount: 1}]}\n"));
  const auto succeed = [&](const std::string& index) {
    for (const PodRef& pod : store.list<model::Pod>())
      if (pod->metadata.labels.at("batch.kubernetes.io/job-completion-index") == index)
        return set_phase(pod->metadata.name, "Succeeded");
  };
  succeed("0");
  EXPECT_EQ(ending(), "");
  succeed("2");
  EXPECT_EQ(ending(), "Complete SuccessPolicy");
  EXPECT_EQ(store.count<model::Pod>(), 2U) << "the other one was ended";
  const auto ended = store.get<model::Job>("default", "j");
  EXPECT_EQ(ended->status.find("conditions")->as_list()[0].text_at("type"), "SuccessCriteriaMet");
  EXPECT_EQ(ended->status.text_at("completedIndexes"), "0,2");
  EXPECT_EQ(ended->status.find("failed"), nullptr) << "what was left over does not count";
}

TEST_F(JobFailureTest, ARuleThatNamesNoIndexOfTheJobNeverHolds) {
  apply(
      job("  completions: 2\n  completionMode: Indexed\n  successPolicy: "
          "{rules: [{succeededIndexes: \"5-6\"}]}\n"));
  EXPECT_EQ(ending(), "");
}

TEST_F(JobFailureTest, ALastFailureFailsAJobThatHadASuccess) {
  apply(job("  parallelism: 2\n  backoffLimit: 0\n"));
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Succeeded");
  EXPECT_EQ(ending(), "") << "it ends with its last pod";
  fail(1);
  EXPECT_EQ(ending(), "Failed BackoffLimitExceeded");
}

TEST_F(JobFailureTest, ThePassedDeadlineIsAskedBeforeTheCompletions) {
  apply(job("  completions: 0\n  activeDeadlineSeconds: 0\n"));
  EXPECT_EQ(ending(), "Failed DeadlineExceeded");
}

TEST_F(JobFailureTest, ASuspendedJobHasNoPodsAndLosesNoTries) {
  add_node("n1", false);
  const std::string spec = "  backoffLimit: 0\n  suspend: ";
  const auto suspended = [&] {
    const auto found = store.get<model::Job>("default", "j");
    const model::Value* conditions = found->status.find("conditions");
    if (conditions == nullptr) return std::string();
    const model::Value& first = conditions->as_list()[0];
    return fmt::format("{} {} {}: {}", first.text_at("type"), first.text_at("status"),
                       first.text_at("reason"), first.text_at("message"));
  };
  apply(job(spec + "false\n"));
  const std::string name = store.list<model::Pod>()[0]->metadata.name;
  ASSERT_TRUE(store.bind({"Pod", "default", name}, "n1"));
  set_phase(name, "Running");
  EXPECT_EQ(suspended(), "");
  apply(job(spec + "true\n"));
  EXPECT_EQ(suspended(), "Suspended True JobSuspended: Job suspended");
  EXPECT_TRUE(store.pod("default", name)->metadata.deletionTimestamp);
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", name}, Duration()));
  settle(Duration::minutes(20));
  EXPECT_EQ(store.count<model::Pod>(), 0U);
  apply(job(spec + "false\n"));
  EXPECT_EQ(suspended(), "Suspended False JobResumed: Job resumed");
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Succeeded");
  EXPECT_EQ(ending(), "Complete CompletionsReached");
  EXPECT_TRUE(host.at_rest());
}

TEST_F(JobFailureTest, ScaledDownItKeepsThePodsThatRun) {
  add_node("n1", false);
  apply(job("  completions: 3\n  parallelism: 3\n  backoffLimit: 0\n"));
  const std::string name = store.list<model::Pod>()[1]->metadata.name;
  ASSERT_TRUE(store.bind({"Pod", "default", name}, "n1"));
  set_phase(name, "Running");
  ASSERT_TRUE(store.scale({"Job", "default", "j"}, 1));
  settle();
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  EXPECT_EQ(store.list<model::Pod>()[0]->metadata.name, name);
  EXPECT_EQ(ending(), "") << "those that went did not fail";
}

TEST_F(JobFailureTest, ADisruptedPodDoesNotCountWhereTheJobSaysSo) {
  apply(
      job("  backoffLimit: 0\n  podFailurePolicy: {rules: [{action: Ignore, onPodConditions: "
          "[{type: DisruptionTarget}]}, {action: FailJob, onExitCodes: {operator: NotIn, values: "
          "[1]}}]}\n"));
  for (int round = 0; round < 3; ++round) {
    fail(143, "DisruptionTarget");
    EXPECT_EQ(ending(), "");
    settle(Duration::minutes(10));
  }
  fail(1);
  EXPECT_EQ(ending(), "Failed BackoffLimitExceeded");
}

TEST_F(JobFailureTest, EachIndexHasItsLimit) {
  apply(
      job("  completions: 2\n  parallelism: 2\n  completionMode: Indexed\n  "
          "backoffLimitPerIndex: 1\n  podFailurePolicy: {rules: [{action: FailIndex, "
          "onExitCodes: {operator: In, values: [3]}}]}\n"));
  fail(1, {}, "0");
  settle(Duration::seconds(10));
  fail(1, {}, "0");
  settle(Duration::hours(1));
  EXPECT_EQ(store.count<model::Pod>(), 3U) << "the index has failed";
  EXPECT_EQ(ending(), "");
  fail(3, {}, "1");
  EXPECT_EQ(ending(), "Failed FailedIndexes") << "by the rule, at its first failure";
  EXPECT_EQ(store.get<model::Job>("default", "j")->status.text_at("failedIndexes"), "0,1");
}

TEST_F(JobFailureTest, TooManyFailedIndexesEndTheJob) {
  apply(
      job("  completions: 3\n  parallelism: 3\n  completionMode: Indexed\n  "
          "backoffLimitPerIndex: 0\n  maxFailedIndexes: 0\n"));
  fail(1, {}, "2");
  EXPECT_EQ(ending(), "Failed MaxFailedIndexesExceeded");
}

TEST_F(JobFailureTest, APodWhoseNodeIsGoneWasDisrupted) {
  add_node("n1", false);
  apply(
      job("  backoffLimit: 0\n  podFailurePolicy: {rules: [{action: Ignore, onPodConditions: "
          "[{type: DisruptionTarget}]}]}\n"));
  const PodRef pod = store.list<model::Pod>()[0];
  ASSERT_TRUE(store.bind({"Pod", "default", pod->metadata.name}, "n1"));
  set_phase(pod->metadata.name, "Running");
  ASSERT_TRUE(store.remove_gracefully({"Node", "", "n1"}));
  settle(Duration::minutes(2));
  EXPECT_EQ(ending(), "");
  ASSERT_EQ(store.count<model::Pod>(), 1U);
  EXPECT_NE(store.list<model::Pod>()[0]->metadata.uid, pod->metadata.uid);
}

TEST_F(JobFailureTest, AnEvictedPodWasDisrupted) {
  add_node("n1", false);
  apply(job(""));
  const PodRef pod = store.list<model::Pod>()[0];
  ASSERT_TRUE(store.bind({"Pod", "default", pod->metadata.name}, "n1"));
  set_phase(pod->metadata.name, "Running");
  EXPECT_TRUE(store.evict({"Pod", "default", pod->metadata.name}).evicted);
  const auto* condition =
      model::find_condition(*store.pod("default", pod->metadata.name), "DisruptionTarget");
  ASSERT_NE(condition, nullptr);
  EXPECT_EQ(condition->reason, "EvictionByEvictionAPI");
}

TEST_F(JobFailureTest, WrongPoliciesAreRefused) {
  Diagnostics diagnostics;
  const auto refusal = [&](const std::string& yaml) {
    const auto objects = codec::read_objects(yaml, "t.yaml", diagnostics);
    const Result<Applied> applied = store.apply(objects.at(0));
    return applied ? std::string() : applied.error().message;
  };
  EXPECT_NE(refusal(job("  backoffLimitPerIndex: 1\n")).find("requires indexed"),
            std::string::npos);
  EXPECT_NE(refusal(job("  podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: "
                        "In, values: [3]}}]}\n"))
                .find("requires the backoffLimitPerIndex"),
            std::string::npos);
}

}  // namespace
}  // namespace gputide::sim
