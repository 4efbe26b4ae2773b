#include "sim/world.h"

#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codec/objects.h"

namespace gputide::sim {
namespace {

// Lines of "seconds kind subject: message".
class Lines final : public port::Recorder {
 public:
  void record(const port::Record& record) override {
    text += fmt::format("{:>6} {} {}: {}\n", (record.at - sim_epoch()).whole_seconds(),
                        port::record_kind_name(record.kind), record.subject, record.message);
    ++counts[record.kind];
  }
  std::string text;
  std::map<port::RecordKind, int> counts;
};

std::vector<model::Object> read(const std::string& yaml) {
  Diagnostics diagnostics;
  std::vector<model::Object> objects = codec::read_objects(yaml, "test.yaml", diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.list()) ADD_FAILURE() << text(diagnostic);
  return objects;
}

constexpr const char* kCluster = R"(
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: test, region: us-west-2, version: "1.34"}
availabilityZones: [us-west-2a, us-west-2b]
nodeGroups:
  - {name: system, instanceType: m5.large, minSize: 1, maxSize: 1, desiredCapacity: 1}
  - name: gpu
    instanceType: g4dn.12xlarge
    minSize: 0
    maxSize: 2
    desiredCapacity: 1
    labels: {nvidia.com/gpu.present: "true"}
)";

constexpr const char* kPlugin = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: nvidia-device-plugin, namespace: kube-system}
spec:
  selector: {matchLabels: {name: plugin}}
  template:
    metadata: {labels: {name: plugin}}
    spec:
      nodeSelector: {nvidia.com/gpu.present: "true"}
      containers:
        - {name: plugin, image: "nvcr.io/nvidia/k8s-device-plugin:v0.17.1"}
)";

constexpr const char* kDeployment = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: train}
spec:
  replicas: 3
  selector: {matchLabels: {app: train}}
  template:
    metadata: {labels: {app: train}}
    spec:
      containers:
        - name: train
          image: busybox:1
          resources: {limits: {nvidia.com/gpu: 1}}
)";

constexpr const char* kJob = R"(
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  parallelism: 2
  completions: 5
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: once
          image: busybox:1
          resources: {requests: {cpu: 100m}}
)";

struct Outcome {
  port::RunResult result;
  std::string text;
  std::int64_t failed_checks = 0;
};

Outcome run(const std::vector<std::pair<int, std::function<void(World&)>>>& steps,
            std::uint64_t seed = 1, bool listen = true, std::optional<Duration> until = {}) {
  Lines lines;
  WorldOptions options;
  options.seed = seed;
  options.until = until;
  options.market.kind = MarketOptions::Kind::Calm;
  World world(options, listen ? &lines : nullptr);
  for (const auto& [when, step] : steps)
    world.at(Duration::seconds(when), [&world, action = step] { action(world); });
  world.run();
  return {world.result(), lines.text, world.failed_checks()};
}

std::function<void(World&)> apply(const char* yaml) {
  return [yaml](World& world) { world.apply(read(yaml)); };
}

TEST(World, RunsADeploymentOnGpusThatItsPluginOffers) {
  const Outcome ran = run({{0, apply(kCluster)}, {0, apply(kPlugin)}, {60, apply(kDeployment)}});
  SCOPED_TRACE(ran.text);
  EXPECT_EQ(ran.failed_checks, 0);
  EXPECT_EQ(ran.result.pods.running, 3);
  EXPECT_EQ(ran.result.pods.created, 3);
  EXPECT_EQ(ran.result.nodes.gpu_final, 1);
  EXPECT_GT(ran.result.cost.gpu, Money());
  EXPECT_LT(ran.result.virtual_time, Duration::minutes(30)) << "it should have come to rest";
}

TEST(World, OffersNoGpuWithoutAPlugin) {
  const Outcome ran = run({{0, apply(kCluster)}, {60, apply(kDeployment)}});
  SCOPED_TRACE(ran.text);
  EXPECT_EQ(ran.result.pods.running, 0);
  EXPECT_EQ(ran.result.pods.pending, 3);
  EXPECT_EQ(ran.failed_checks, 0);
}

TEST(World, RemovesWhatADeletedDeploymentOwned) {
  const Outcome ran =
      run({{0, apply(kCluster)},
           {0, apply(kPlugin)},
           {60, apply(kDeployment)},
           {900, [](World& world) { world.scale({"Deployment", "default", "train"}, 4); }},
           {1200, [](World& world) { world.remove({"Deployment", "default", "train"}); }}});
  SCOPED_TRACE(ran.text);
  EXPECT_EQ(ran.result.pods.created, 4);
  EXPECT_EQ(ran.result.pods.running, 0);
  EXPECT_EQ(ran.result.pods.pending, 0);
  EXPECT_EQ(ran.failed_checks, 0);
}

TEST(World, RunsAJobToItsEnd) {
  const Outcome ran = run({{0, apply(kCluster)}, {60, apply(kJob)}});
  SCOPED_TRACE(ran.text);
  EXPECT_EQ(ran.result.pods.succeeded, 5);
  EXPECT_EQ(ran.result.pods.created, 5);
  EXPECT_EQ(ran.failed_checks, 0);
}

TEST(World, RepeatsItselfForTheSameSeed) {
  const std::vector<std::pair<int, std::function<void(World&)>>> steps = {
      {0, apply(kCluster)}, {0, apply(kPlugin)}, {60, apply(kDeployment)}, {60, apply(kJob)}};
  const Outcome first = run(steps);
  const Outcome again = run(steps);
  EXPECT_EQ(first.text, again.text);
  EXPECT_EQ(first.result.fingerprint, again.result.fingerprint);
  EXPECT_EQ(run(steps, 1, false).result.fingerprint, first.result.fingerprint);
  EXPECT_NE(run(steps, 2).result.fingerprint, first.result.fingerprint);
}

}  // namespace
}  // namespace gputide::sim
