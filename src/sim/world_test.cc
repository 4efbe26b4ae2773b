#include "sim/world.h"

#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codec/objects.h"
#include "control/workloads/node_fit.h"
#include "model/pod_requests.h"
#include "sim/kinds.h"

namespace gputide::sim {
namespace {

// Puts each pod on the first node with room, in order of the names. Enough to test a world by.
class FirstFit final : public port::Controller {
 public:
  std::string_view name() const override { return "first-fit"; }
  void step(const port::Event& event, Instant, port::Commands& commands) override {
    const auto* change = std::get_if<port::ObjectChanged>(&event);
    if (change == nullptr) return;
    const bool gone = change->change == port::Change::Deleted;
    if (const auto* pod = std::get_if<PodRef>(&change->object)) {
      if (gone)
        pods_.erase((*pod)->metadata.uid);
      else if (!placed_.contains((*pod)->metadata.uid) || !(*pod)->spec->nodeName.empty())
        pods_[(*pod)->metadata.uid] = *pod;
    } else if (const auto* node = std::get_if<NodeRef>(&change->object)) {
      if (gone)
        nodes_.erase((*node)->metadata.name);
      else
        nodes_[(*node)->metadata.name] = *node;
    }
    for (auto& [uid, pod] : pods_)
      if (pod->spec->nodeName.empty()) place(pod, commands);
  }

 private:
  bool fits(const model::Pod& pod, const model::Node& node) const {
    if (!workloads::selects_node(*pod.spec, node) ||
        workloads::untolerated(*pod.spec, node, "NoSchedule") != nullptr)
      return false;
    model::ResourceList left = node.status.allocatable;
    for (const auto& [uid, other] : pods_)
      if (other->spec->nodeName == node.metadata.name && other->status.phase != "Succeeded" &&
          other->status.phase != "Failed")
        for (const auto& [resource, amount] : model::pod_requests(*other))
          left[resource].sub(amount);
    for (const auto& [resource, amount] : model::pod_requests(pod))
      if (left[resource] < amount) return false;
    return true;
  }
  void place(PodRef& pod, port::Commands& commands) {
    for (const auto& [name, node] : nodes_) {
      if (!fits(*pod, *node)) continue;
      auto bound = std::make_shared<model::Pod>(*pod);
      bound->spec.edit().nodeName = name;
      pod = bound;
      placed_.insert(pod->metadata.uid);
      commands.push_back(
          port::BindPod{{"Pod", pod->metadata.namespace_, pod->metadata.name}, name});
      return;
    }
  }
  std::map<std::string, PodRef> pods_;
  std::map<std::string, NodeRef> nodes_;
  std::set<std::string> placed_;
};

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
        std::uint64_t seed = 1, bool listen = true, Duration until = Duration::hours(2)) {
  Lines lines;
  WorldOptions options;
  options.seed = seed;
  options.until = until;
  options.market.kind = MarketOptions::Kind::Calm;
  options.scheduler = [] { return std::make_unique<FirstFit>(); };
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
