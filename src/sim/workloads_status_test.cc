// What workloads say of themselves, and updates that wait for pods to be available.
#include "sim/workloads_fixture.h"

namespace gputide::sim {
namespace {

class StatusTest : public WorkloadsTest {
 protected:
  static std::int64_t count(const model::Value& status, const char* key) {
    const model::Value* value = status.find(key);
    return value == nullptr ? 0 : value->as_int();
  }
  model::Value status() { return store.get<model::Deployment>("default", "web")->status; }
  // "True MinimumReplicasAvailable"
  std::string condition(const char* type) {
    const model::Value now = status();
    for (const model::Value& each : now.find("conditions")->as_list())
      if (each.text_at("type") == type)
        return std::string(each.text_at("status")) + " " + std::string(each.text_at("reason"));
    return {};
  }
};

TEST_F(StatusTest, ADeploymentSaysWhatItHas) {
  apply(deployment(4, "a:1"));
  settle(Duration::seconds(5));
  EXPECT_EQ(count(status(), "replicas"), 4);
  EXPECT_EQ(count(status(), "unavailableReplicas"), 4);
  EXPECT_EQ(condition("Available"), "False MinimumReplicasUnavailable");
  EXPECT_EQ(condition("Progressing"), "True ReplicaSetUpdated");
  all_ready();
  settle(Duration::seconds(5));
  EXPECT_EQ(count(status(), "availableReplicas"), 4);
  EXPECT_EQ(count(status(), "unavailableReplicas"), 0);
  EXPECT_EQ(condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(condition("Progressing"), "True NewReplicaSetAvailable");
  const auto set = store.list<model::ReplicaSet>()[0];
  EXPECT_EQ(count(set->status, "readyReplicas"), 4);
  const auto resource_version =
      store.get<model::Deployment>("default", "web")->metadata.resourceVersion;
  settle(Duration::hours(1));
  EXPECT_EQ(store.get<model::Deployment>("default", "web")->metadata.resourceVersion,
            resource_version)
      << "written only when it changes";
  EXPECT_TRUE(host.at_rest());
}

TEST_F(StatusTest, ANewTemplateIsUpdatedStepByStep) {
  apply(deployment(4, "a:1"));
  all_ready();
  settle(Duration::seconds(5));
  apply(deployment(4, "a:2"));
  settle(Duration::seconds(5));
  EXPECT_EQ(count(status(), "updatedReplicas"), 2);
  EXPECT_EQ(count(status(), "availableReplicas"), 3);
  EXPECT_EQ(condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(condition("Progressing"), "True ReplicaSetUpdated");
  for (int round = 0; round < 6; ++round) all_ready();
  settle(Duration::seconds(5));
  EXPECT_EQ(count(status(), "updatedReplicas"), 4);
  EXPECT_EQ(condition("Progressing"), "True NewReplicaSetAvailable");
}

TEST_F(StatusTest, OneOfFourMayBeMissingWhereUpdatesRollAndNoneElsewhere) {
  for (const bool rolls : {true, false}) {
    apply(deployment(4, "a:1", rolls ? "" : "  strategy: {type: Recreate}\n"));
    for (int round = 0; round < 6; ++round) all_ready();
    settle(Duration::seconds(5));
    EXPECT_EQ(condition("Available"), "True MinimumReplicasAvailable");
    set_phase(store.list<model::Pod>().front()->metadata.name, "Pending");
    settle(Duration::seconds(5));
    EXPECT_EQ(condition("Available"),
              rolls ? "True MinimumReplicasAvailable" : "False MinimumReplicasUnavailable");
  }
}

TEST_F(StatusTest, PodsAreAvailableWhenTheyHaveBeenReadyForLongEnough) {
  const std::string slow = "  minReadySeconds: 30\n";
  apply(deployment(4, "a:1", slow));
  all_ready();
  settle(Duration::seconds(5));
  EXPECT_EQ(count(status(), "readyReplicas"), 4);
  EXPECT_EQ(count(status(), "availableReplicas"), 0);
  EXPECT_EQ(condition("Available"), "False MinimumReplicasUnavailable");
  settle(Duration::seconds(30));
  EXPECT_EQ(count(status(), "availableReplicas"), 4);
  EXPECT_EQ(condition("Progressing"), "True NewReplicaSetAvailable");
  apply(deployment(4, "a:2", slow));
  all_ready();
  settle(Duration::seconds(20));
  EXPECT_EQ(images()["a:1"], 3) << "ready is not enough";
  settle(Duration::seconds(15));
  EXPECT_LT(images()["a:1"], 3);
}

TEST_F(StatusTest, APausedDeploymentRollsOutNothing) {
  apply(deployment(2, "a:1"));
  all_ready();
  apply(deployment(2, "a:2", "  paused: true\n"));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"a:1", 2}}));
  apply(deployment(3, "a:2", "  paused: true\n"));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"a:1", 3}}));
  settle(Duration::hours(1));
  EXPECT_TRUE(host.at_rest());
  apply(deployment(3, "a:2"));
  for (int round = 0; round < 6; ++round) all_ready();
  EXPECT_EQ(images(), (std::map<std::string, int>{{"a:2", 3}}));
}

TEST_F(StatusTest, ADeploymentWithoutProgressIsToldSo) {
  const std::string limit = "  progressDeadlineSeconds: 60\n";
  apply(deployment(2, "a:1", limit));
  settle(Duration::seconds(50));
  EXPECT_EQ(condition("Progressing"), "True ReplicaSetUpdated");
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Running");
  settle(Duration::seconds(55));
  EXPECT_EQ(condition("Progressing"), "True ReplicaSetUpdated") << "counted from the progress";
  settle(Duration::seconds(10));
  EXPECT_EQ(condition("Progressing"), "False ProgressDeadlineExceeded");
  EXPECT_TRUE(host.at_rest());
  all_ready();
  settle(Duration::seconds(5));
  EXPECT_EQ(condition("Progressing"), "True NewReplicaSetAvailable");
  EXPECT_TRUE(host.at_rest());
}

std::string daemon_set(const std::string& image, const std::string& more = {}) {
  return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec:\n" + more +
         "  selector: {matchLabels: {app: d}}\n  template:\n    metadata: {labels: {app: d}}\n"
         "    spec:\n      containers: [{name: c, image: \"" +
         image + "\"}]\n";
}

TEST_F(StatusTest, ADaemonSetCountsItsNodes) {
  for (const char* name : {"n1", "n2", "n3"}) add_node(name, false);
  apply(daemon_set("d:1", "  minReadySeconds: 20\n"));
  const auto has = [&](const char* key) {
    return count(store.get<model::DaemonSet>("default", "d")->status, key);
  };
  settle(Duration::seconds(5));
  EXPECT_EQ(has("desiredNumberScheduled"), 3);
  EXPECT_EQ(has("numberUnavailable"), 3);
  all_ready();
  settle(Duration::seconds(5));
  EXPECT_EQ(has("numberReady"), 3);
  EXPECT_EQ(has("numberAvailable"), 0);
  settle(Duration::seconds(20));
  EXPECT_EQ(has("numberAvailable"), 3);
  ASSERT_TRUE(store.remove_gracefully({"Node", "", "n3"}));
  settle(Duration::seconds(5));
  EXPECT_EQ(has("desiredNumberScheduled"), 2);
  auto node = std::make_shared<model::Node>(*store.node("n2"));
  node->spec.taints.push_back({"keep", "out", "NoSchedule", {}});
  ASSERT_TRUE(store.replace(NodeRef(std::move(node))));
  settle(Duration::seconds(5));
  EXPECT_EQ(has("desiredNumberScheduled"), 1);
  EXPECT_EQ(has("numberMisscheduled"), 1) << "it stays, and should not be there";
}

TEST_F(StatusTest, ADaemonSetReplacesAsManyPodsAsMayBeMissing) {
  for (const char* name : {"n1", "n2", "n3", "n4"}) add_node(name, false);
  const std::string half = "  updateStrategy: {rollingUpdate: {maxUnavailable: 50%}}\n";
  apply(daemon_set("d:1", half));
  all_ready();
  apply(daemon_set("d:2", half));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"d:1", 2}, {"d:2", 2}}));
  all_ready();
  EXPECT_EQ(images(), (std::map<std::string, int>{{"d:2", 4}}));
  all_ready();
  apply(daemon_set("d:3", "  updateStrategy: {type: OnDelete}\n"));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"d:2", 4}})) << "only what is deleted";
  const PodRef pod = store.list<model::Pod>()[0];
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", pod->metadata.name}));
  settle();
  EXPECT_EQ(images()["d:3"], 1);
}

std::string numbered_set(int replicas, const std::string& image, const std::string& more = {}) {
  return "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n  replicas: " +
         std::to_string(replicas) + "\n" + more +
         "  serviceName: s\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata: "
         "{labels: {app: s}}\n    spec:\n      containers: [{name: c, image: \"" +
         image + "\"}]\n";
}

TEST_F(StatusTest, AStatefulSetNumbersItsPodsFromItsStart) {
  apply(numbered_set(2, "s:1", "  ordinals: {start: 5}\n"));
  all_ready();
  all_ready();
  EXPECT_TRUE(store.pod("default", "s-5"));
  EXPECT_TRUE(store.pod("default", "s-6"));
  EXPECT_EQ(store.count<model::Pod>(), 2U);
  apply(numbered_set(2, "s:1", "  ordinals: {start: 6}\n"));
  all_ready();
  EXPECT_TRUE(store.pod("default", "s-7"));
  EXPECT_FALSE(store.pod("default", "s-5"));
}

TEST_F(StatusTest, AStatefulSetIsUpdatedFromItsLastPod) {
  const std::string slow = "  minReadySeconds: 10\n";
  apply(numbered_set(3, "s:1", slow));
  for (int round = 0; round < 3; ++round) {
    all_ready();
    settle(Duration::seconds(12));
  }
  const auto status_now = [&] { return store.get<model::StatefulSet>("default", "s")->status; };
  EXPECT_EQ(count(status_now(), "availableReplicas"), 3);
  const std::string old(status_now().text_at("currentRevision"));
  const std::string last = "  updateStrategy: {rollingUpdate: {partition: 2}}\n";
  apply(numbered_set(3, "s:2", slow + last));
  EXPECT_EQ(store.pod("default", "s-2")->spec->containers[0].image, "s:2");
  all_ready();
  settle(Duration::seconds(30));
  EXPECT_EQ(images(), (std::map<std::string, int>{{"s:1", 2}, {"s:2", 1}}));
  EXPECT_EQ(count(status_now(), "updatedReplicas"), 1);
  EXPECT_EQ(status_now().text_at("currentRevision"), old);
  ASSERT_TRUE(store.remove_gracefully({"Pod", "default", "s-0"}));
  settle();
  EXPECT_EQ(store.pod("default", "s-0")->spec->containers[0].image, "s:1") << "the old template";
  all_ready();
  settle(Duration::seconds(12));
  apply(numbered_set(3, "s:2", slow));
  for (int round = 0; round < 3; ++round) {
    all_ready();
    settle(Duration::seconds(12));
  }
  EXPECT_EQ(images(), (std::map<std::string, int>{{"s:2", 3}}));
  EXPECT_NE(status_now().text_at("currentRevision"), old);
  EXPECT_EQ(status_now().text_at("currentRevision"), status_now().text_at("updateRevision"));
}

class JobStatusTest : public WorkloadsTest {
 protected:
  static std::string job_of(const std::string& spec) {
    return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n" + spec +
           "  template:\n    spec:\n      restartPolicy: Never\n"
           "      containers: [{name: c, image: \"j:1\"}]\n";
  }
  model::Value status() { return store.get<model::Job>("default", "j")->status; }
  // "active 2, terminating 0, ready 0": the numbers and the indexes, as they are written.
  std::string numbers() {
    std::string text;
    const model::Value now = status();
    for (const model::Member& each : now.as_map()) {
      const bool is_number = each.value.kind() == model::Value::Kind::Int;
      if (!is_number && !each.key.ends_with("Indexes")) continue;
      if (!text.empty()) text += ", ";
      text += each.key + " " +
              (is_number ? std::to_string(each.value.as_int()) : each.value.as_string());
    }
    return text;
  }
  // "SuccessCriteriaMet Complete", less those that do not hold.
  std::string conditions() {
    std::string text;
    const model::Value now = status();
    if (now.find("conditions") == nullptr) return text;
    for (const model::Value& each : now.find("conditions")->as_list())
      if (each.text_at("status") == "True")
        text += (text.empty() ? "" : " ") + std::string(each.text_at("type"));
    return text;
  }
  std::string age() {
    const Result<Instant> since = Instant::parse_rfc3339(status().text_at("startTime"));
    return since ? std::to_string((heap.now() - *since).whole_seconds()) : "";
  }
  // All pods that have not ended, at once and without waiting for what comes of it.
  void all_become(const std::string& phase) {
    for (const PodRef& pod : store.list<model::Pod>()) {
      if (is_finished(*pod)) continue;
      auto now = std::make_shared<model::Pod>(*pod);
      now->status.phase = phase;
      now->status.conditions = {
          {"Ready", phase == "Running" ? "True" : "False", {}, {}, heap.now(), {}}};
      ASSERT_TRUE(store.replace(PodRef(std::move(now))));
    }
  }
  void all_bound() {
    add_node("n1", false);
    for (const PodRef& pod : store.list<model::Pod>())
      ASSERT_TRUE(store.bind({"Pod", "default", pod->metadata.name}, "n1"));
    settle();
  }
};

TEST_F(JobStatusTest, AJobSaysAtOnceThatItHasStartedAndASecondLaterWhatItsPodsDo) {
  apply(job_of("  completions: 3\n  parallelism: 2\n"));
  EXPECT_EQ(numbers(), "active 2, terminating 0, ready 0");
  EXPECT_EQ(age(), "1");
  ASSERT_NE(status().find("uncountedTerminatedPods"), nullptr);
  EXPECT_TRUE(status().find("uncountedTerminatedPods")->is_map());
  all_become("Running");
  settle(Duration::milliseconds(999));
  EXPECT_EQ(numbers(), "active 2, terminating 0, ready 0") << "they are gathered";
  settle(Duration::milliseconds(1));
  EXPECT_EQ(numbers(), "active 2, terminating 0, ready 2");
  const auto version = store.get<model::Job>("default", "j")->metadata.resourceVersion;
  settle(Duration::hours(1));
  EXPECT_EQ(store.get<model::Job>("default", "j")->metadata.resourceVersion, version)
      << "written only when it changes";
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Succeeded");
  EXPECT_EQ(numbers(), "active 2, succeeded 1, terminating 0, ready 1");
  EXPECT_EQ(conditions(), "");
  all_become("Succeeded");
  settle();
  EXPECT_EQ(numbers(), "succeeded 3, terminating 0, ready 0");
  EXPECT_EQ(conditions(), "SuccessCriteriaMet Complete");
  EXPECT_EQ(status().text_at("completionTime"), (heap.now() - Duration::seconds(1)).rfc3339());
  EXPECT_EQ(age(), "3604");
  EXPECT_TRUE(host.at_rest());
}

TEST_F(JobStatusTest, PodsThatGoAreTerminatingAsSoonAsTheJobIsSuspended) {
  apply(job_of("  parallelism: 2\n  completions: 2\n"));
  all_bound();
  all_become("Running");
  settle(Duration::seconds(10));
  Diagnostics none;
  ASSERT_TRUE(store.apply(codec::read_objects(
      job_of("  suspend: true\n  parallelism: 2\n  completions: 2\n"), "t.yaml", none)[0]));
  settle(Duration());
  EXPECT_EQ(numbers(), "terminating 2, ready 0");
  EXPECT_EQ(conditions(), "Suspended");
  EXPECT_EQ(age(), "13") << "Kubernetes 1.34 does not clear it";
  for (const PodRef& pod : store.list<model::Pod>())
    ASSERT_TRUE(store.remove_gracefully({"Pod", "default", pod->metadata.name}, Duration()));
  settle();
  EXPECT_EQ(numbers(), "terminating 0, ready 0");
  apply(job_of("  suspend: false\n  parallelism: 2\n  completions: 2\n"));
  EXPECT_EQ(numbers(), "active 2, terminating 0, ready 0");
  EXPECT_EQ(conditions(), "");
  EXPECT_EQ(age(), "1") << "it starts anew";
  EXPECT_TRUE(host.at_rest());
}

TEST_F(JobStatusTest, AJobThatWasNeverResumedHasNotStarted) {
  apply(job_of("  suspend: true\n"));
  EXPECT_EQ(numbers(), "terminating 0, ready 0");
  EXPECT_EQ(conditions(), "Suspended");
  EXPECT_EQ(age(), "");
}

TEST_F(JobStatusTest, ADeadlineIsAskedBeforeAResumedJobStartsAnew) {
  for (const int seconds : {30, 90}) {
    const std::string limit = "  activeDeadlineSeconds: 60\n  suspend: ";
    apply(job_of(limit + "false\n"));
    settle(Duration::seconds(20));
    apply(job_of(limit + "true\n"));
    settle(Duration::seconds(seconds));
    EXPECT_EQ(conditions(), "Suspended") << "none ends while it is";
    apply(job_of(limit + "false\n"));
    if (seconds == 90) {
      EXPECT_EQ(conditions(), "Suspended FailureTarget Failed");
    } else {
      settle(Duration::seconds(58));
      EXPECT_EQ(conditions(), "");
      settle(Duration::seconds(1));
      EXPECT_EQ(conditions(), "FailureTarget Failed");
    }
    ASSERT_TRUE(store.remove_gracefully({"Job", "default", "j"}));
    settle();
  }
}

TEST_F(JobStatusTest, ADeadlineHas64BitsOfNanoseconds) {
  apply(job_of("  activeDeadlineSeconds: 9223372036\n"));
  settle(Duration::hours(100));
  EXPECT_EQ(conditions(), "");
  ASSERT_TRUE(store.remove_gracefully({"Job", "default", "j"}));
  settle();
  apply(job_of("  activeDeadlineSeconds: 9223372036854775807\n"));
  EXPECT_EQ(conditions(), "FailureTarget Failed") << "a second less than none is left of it";
}

TEST_F(JobStatusTest, APodThatFailedIsNotActiveUntilItsSuccessorIsMade) {
  apply(job_of("  parallelism: 2\n  completions: 2\n"));
  all_become("Running");
  settle();
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Failed");
  EXPECT_EQ(numbers(), "active 1, failed 1, terminating 0, ready 1");
  settle(Duration::seconds(10));
  EXPECT_EQ(numbers(), "active 2, failed 1, terminating 0, ready 1");
}

TEST_F(JobStatusTest, IndexesAreToldWhenTheyAreDone) {
  apply(
      job_of("  parallelism: 2\n  completions: 2\n  completionMode: Indexed\n"
             "  backoffLimitPerIndex: 0\n"));
  EXPECT_EQ(numbers(), "active 2, terminating 0, failedIndexes , ready 0");
  set_phase(store.list<model::Pod>()[0]->metadata.name, "Failed");
  EXPECT_EQ(numbers(), "active 1, failed 1, terminating 0, failedIndexes 0, ready 0");
  set_phase(store.list<model::Pod>()[1]->metadata.name, "Succeeded");
  EXPECT_EQ(numbers(),
            "succeeded 1, failed 1, terminating 0, completedIndexes 1, failedIndexes 0, ready 0");
}

TEST_F(JobStatusTest, AJobThatIsScaledSaysSoAtOnce) {
  apply(job_of("  parallelism: 3\n  completions: 5\n"));
  all_bound();
  all_become("Running");
  settle();
  ASSERT_TRUE(store.scale({"Job", "default", "j"}, 1));
  settle(Duration());
  EXPECT_EQ(numbers(), "active 1, terminating 2, ready 1");
  settle();
  EXPECT_EQ(numbers(), "active 1, terminating 2, ready 1");
  ASSERT_TRUE(store.scale({"Job", "default", "j"}, 2));
  settle(Duration());
  EXPECT_EQ(numbers(), "active 2, terminating 2, ready 1");
}

TEST_F(JobStatusTest, AStatusUndoesNothingThatWasAskedMeanwhile) {
  class Suspend final : public Handler {
   public:
    Suspend(Store& store, const std::string& yaml) : store_(store), yaml_(yaml) {}
    void fire(std::uint64_t, Instant) override {
      Diagnostics none;
      done = store_.apply(codec::read_objects(yaml_, "t.yaml", none)[0]).has_value();
    }
    bool done = false;

   private:
    Store& store_;
    std::string yaml_;
  };
  apply(job_of("  suspend: false\n"));
  all_become("Running");
  Suspend suspend(store, job_of("  suspend: true\n"));
  heap.after(Duration::seconds(1), Priority::Scenario, suspend);
  for (const Instant end = heap.now() + Duration::seconds(5);
       !heap.empty() && heap.next_at() <= end;) {
    heap.step();
    if (suspend.done) {
      ASSERT_EQ(store.get<model::Job>("default", "j")->spec.suspend, true);
    }
  }
  EXPECT_TRUE(suspend.done);
  EXPECT_EQ(numbers(), "terminating 0, ready 0");
  EXPECT_EQ(conditions(), "Suspended");
}

}  // namespace
}  // namespace gputide::sim
