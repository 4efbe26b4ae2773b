#include "report/story_fixture.h"

#include <fmt/format.h>

namespace gputide::report {
namespace {

using port::Field;
using port::RecordKind;

class Teller {
 public:
  explicit Teller(port::Recorder& recorder) : recorder_(recorder) {}
  void at(std::int64_t second) { now_ = Instant::from_seconds(1'767'225'600 + second); }
  void tell(RecordKind kind, std::string_view actor, const std::string& subject,
            const std::string& message, std::vector<Field> fields) {
    recorder_.record({now_, kind, actor, subject, message, std::move(fields)});
  }

 private:
  port::Recorder& recorder_;
  Instant now_;
};

std::string pod(int i) {
  return fmt::format("pod default/train-{}", i);
}
const char* const kNodes[] = {"ip-0", "ip-1", "ip-2"};
const char* const kInstances[] = {"i-0", "i-1", "i-2"};

void begin(Teller& t) {
  t.at(0);
  t.tell(RecordKind::RunStarted, "gputide", "run", "",
         {{"seed", std::int64_t{1}},
          {"until_seconds", std::int64_t{7200}},
          {"region", "us-west-2"},
          {"cluster", "gaia-kube"}});
  t.tell(RecordKind::ObjectApplied, "user", "ClusterConfig gaia-kube", "",
         {{"file", "cluster.yaml"}, {"change", "created"}});
  t.tell(RecordKind::Diagnostic, "eksctl", "group gpu-a",
         "the taint tag has no effect; write value:effect", {{"severity", "warning"}});
  t.tell(RecordKind::PodCreated, "daemonset", "pod kube-system/plugin-0", "", {});
  t.at(300);
  t.tell(RecordKind::ObjectApplied, "user", "Deployment default/train", "",
         {{"file", "work.yaml"}, {"change", "created"}});
  for (int i = 0; i < 10; ++i) {
    t.tell(RecordKind::PodCreated, "deployment", pod(i), "",
           {{"pod", "x"},
            {"owner", "Deployment/train"},
            {"gpu_resource", "nvidia.com/gpu"},
            {"gpus", std::int64_t{1}},
            {"counted", std::int64_t{1}}});
    t.tell(RecordKind::PodUnschedulable, "kube-scheduler", pod(i),
           "0/2 nodes are available: 2 Insufficient nvidia.com/gpu", {});
  }
}

void buy(Teller& t) {
  t.at(310);
  t.tell(RecordKind::ScaleUp, "cluster-autoscaler", "group gpu-a",
         "10 pods need 3 nodes; random of 2 groups",
         {{"group", "gpu-a"}, {"from", std::int64_t{0}}, {"to", std::int64_t{3}}});
  t.at(312);
  for (int i = 0; i < 3; ++i)
    t.tell(RecordKind::InstanceLaunched, "ec2", fmt::format("instance i-{}", i), "cheapest of 5",
           {{"instance", kInstances[i]},
            {"type", "g4dn.12xlarge"},
            {"zone", "us-west-2a"},
            {"market", "spot"},
            {"group", "gpu-a"},
            {"gpus", std::int64_t{4}},
            {"price_micros", std::int64_t{1'170'000}}});
  for (int i = 0; i < 3; ++i) {
    t.at(420 + i * 10);
    t.tell(RecordKind::NodeRegistered, "kubelet", fmt::format("node ip-{}", i), "",
           {{"node", kNodes[i]}, {"instance", kInstances[i]}});
    t.tell(RecordKind::NodeReady, "kubelet", fmt::format("node ip-{}", i), "",
           {{"node", kNodes[i]}});
  }
  t.at(450);
  for (int i = 0; i < 3; ++i)
    t.tell(RecordKind::NodeResources, "kubelet", fmt::format("node ip-{}", i), "",
           {{"node", kNodes[i]}, {"nvidia.com/gpu", std::int64_t{4}}});
  for (int i = 0; i < 10; ++i) {
    t.at(490 + i);
    t.tell(RecordKind::PodScheduled, "kube-scheduler", pod(i), "", {{"node", kNodes[i / 4]}});
    t.tell(RecordKind::PodRunning, "kubelet", pod(i), "",
           {{"node", kNodes[i / 4]},
            {"devices", "GPU-a,GPU-b"},
            {"wait_seconds", std::int64_t{190 + i}}});
  }
}

void lose_one(Teller& t) {
  t.at(600);
  t.tell(RecordKind::PriceChanged, "ec2", "pool", "",
         {{"type", "g4dn.12xlarge"},
          {"zone", "us-west-2a"},
          {"market", "spot"},
          {"price_micros", std::int64_t{1'300'000}}});
  t.at(720);
  t.tell(RecordKind::SpotNotice, "ec2", "instance i-0", "",
         {{"instance", "i-0"}, {"ends_in_seconds", std::int64_t{120}}});
  t.at(840);
  t.tell(RecordKind::InstanceTerminated, "ec2", "instance i-0",
         "AWS took it back; billed 8m48s for $0.1716",
         {{"instance", "i-0"},
          {"reason", "spot-interruption"},
          {"seconds", std::int64_t{528}},
          {"cost_micros", std::int64_t{171'600}}});
}

void end(Teller& t) {
  t.at(1200);
  for (int i = 4; i < 10; ++i)
    t.tell(RecordKind::PodSucceeded, "kubelet", pod(i), "", {{"node", kNodes[i / 4]}});
  t.at(1210);
  t.tell(RecordKind::NodeUnneeded, "cluster-autoscaler", "node ip-1",
         "nobody needs it; it goes in 10m", {{"node", "ip-1"}});
  t.at(1810);
  t.tell(RecordKind::ScaleDown, "cluster-autoscaler", "node ip-1", "empty for 10m0s",
         {{"node", "ip-1"}, {"group", "gpu-a"}, {"reason", "empty"}});
  t.at(1812);
  for (const char* instance : {"i-1", "i-2"})
    t.tell(RecordKind::InstanceTerminated, "ec2", fmt::format("instance {}", instance), "",
           {{"instance", instance},
            {"reason", "scale-in"},
            {"seconds", std::int64_t{1500}},
            {"cost_micros", std::int64_t{487'500}}});
  for (int i = 0; i < 4; ++i)
    t.tell(RecordKind::PodDeleted, "pod-gc", "pod default/train-" + std::to_string(i), "", {});
  t.at(7200);
  t.tell(RecordKind::RunEnded, "gputide", "run", "nothing more will happen",
         {{"reason", "at rest"}});
}

}  // namespace

void tell_small_story(port::Recorder& recorder) {
  Teller teller(recorder);
  begin(teller);
  buy(teller);
  lose_one(teller);
  end(teller);
}

port::RunResult small_result() {
  port::RunResult result;
  result.seed = 1;
  result.fingerprint = 0xdeadbeef;
  result.virtual_time = Duration::hours(2);
  result.wall_time = Duration::milliseconds(100);
  result.events = 1234;
  result.cost = {
      Money::micros(1'500'000), Money::micros(1'150'000), Money::micros(575'000), {}, {}};
  result.nodes = {5, 5, 2, 3, 3, 0, {{"g4dn.12xlarge", 3}, {"m5.large", 2}}};
  result.pods = {10, 6, 0, 0, 4, 0};
  result.wait = {Duration::seconds(192), Duration::seconds(199), Duration::seconds(199)};
  result.gpu = {14'400'000'000, 7'200'000'000, 7'200'000'000};
  result.spot = {1, 1, Duration::minutes(24)};
  result.diagnostics.push_back({Severity::Warning,
                                "cluster.yaml",
                                {3, 5, 0, 0},
                                "tag-without-effect",
                                "the taint tag has no effect",
                                "write value:effect",
                                {}});
  return result;
}

}  // namespace gputide::report
