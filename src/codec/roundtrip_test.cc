// Objects lose nothing: what is read and written back still says all that was written.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <gtest/gtest.h>

#include "codec/json.h"
#include "codec/objects.h"
#include "codec/yaml.h"
#include "tests/repository_root.h"

namespace gputide::codec {
namespace {

namespace fs = std::filesystem;
using model::Value;

const fs::path kRoot = tests::repository_root();

std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Says no more than its absence does.
bool is_blank(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::Null:
      return true;
    case Value::Kind::Bool:
      return !value.as_bool();
    case Value::Kind::Int:
      return value.as_int() == 0;
    case Value::Kind::String:
      return value.as_string().empty();
    case Value::Kind::List:
      return value.as_list().empty();
    case Value::Kind::Map:
      return std::all_of(value.as_map().begin(), value.as_map().end(),
                         [](const model::Member& m) { return is_blank(m.value); });
    default:
      return false;
  }
}

std::string scalar_text(const Value& value) {
  return value.is_string() ? value.as_string() : write_json(value);
}

// Equal as written, as a number, or as a quantity ("1" and 1, "0.5" and "500m").
bool same_scalar(const Value& a, const Value& b) {
  if (a == b) return true;
  const auto left = Quantity::parse(scalar_text(a));
  const auto right = Quantity::parse(scalar_text(b));
  if (left && right) return *left == *right;
  const auto span = Duration::parse(scalar_text(a));
  const auto other = Duration::parse(scalar_text(b));
  return span && other && *span == *other;
}

// eksctl's map form of taints, as the list that it means.
Value taint_list(const Value& map) {
  Value::List list;
  for (const model::Member& member : map.as_map()) {
    const std::string& text = member.value.as_string();
    const std::size_t colon = text.find(':');
    Value taint{Value::Map{}};
    taint.set("key", member.key);
    taint.set("value", colon == std::string::npos ? "" : text.substr(0, colon));
    taint.set("effect", text.substr(colon + 1));
    list.push_back(std::move(taint));
  }
  return Value(std::move(list));
}

// Everything in `written` is in `kept`, at the same path; else says where it is not.
void expect_kept(const Value& written, const Value& kept, const std::string& path) {
  if (written.is_map() && kept.is_list())
    return expect_kept(taint_list(written), kept, path + "(list)");
  if (written.is_map()) {
    for (const model::Member& member : written.as_map()) {
      const Value* found = kept.find(member.key);
      if (found != nullptr)
        expect_kept(member.value, *found, path + "." + member.key);
      else
        EXPECT_TRUE(is_blank(member.value)) << path << "." << member.key << " is lost";
    }
  } else if (written.is_list()) {
    ASSERT_TRUE(kept.is_list()) << path;
    ASSERT_EQ(written.as_list().size(), kept.as_list().size()) << path;
    for (std::size_t i = 0; i < written.as_list().size(); ++i)
      expect_kept(written.as_list()[i], kept.as_list()[i], path + "[" + std::to_string(i) + "]");
  } else {
    EXPECT_TRUE(same_scalar(written, kept) || is_blank(written))
        << path << ": " << write_json(written) << " became " << write_json(kept);
  }
}

bool mentions(const Diagnostics& diagnostics, std::string_view code) {
  return std::any_of(diagnostics.list().begin(), diagnostics.list().end(),
                     [&](const Diagnostic& d) { return d.code == code; });
}

void check_text(const std::string& text, const std::string& name) {
  SCOPED_TRACE(name);
  Diagnostics diagnostics;
  const std::vector<model::Object> objects = read_objects(text, name, diagnostics);
  ASSERT_FALSE(objects.empty());
  EXPECT_FALSE(mentions(diagnostics, "unknown-field"));
  const bool unquoted = mentions(diagnostics, "unquoted-scalar");  // those values are not read
  for (const model::Object& object : objects) {
    if (object.apiVersion.empty() || unquoted) continue;
    const Value out = encode_object(object);
    expect_kept(object.source, out, object.kind);
    Diagnostics again;
    const model::Object second = read_object(out, name, again);
    EXPECT_EQ(encode_object(second), out) << object.kind << " " << object.metadata.name;
    Diagnostics yaml_again;
    const auto reread = read_yaml(write_yaml(out), name, yaml_again);
    ASSERT_EQ(reread.size(), 1u);
    EXPECT_EQ(reread[0], out);
  }
}

void check_folder(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  EXPECT_FALSE(files.empty());
  for (const fs::path& file : files) check_text(slurp(file), file.filename().string());
}

Value inner_of(const std::string& key) {
  return Value::Map{{key, Value("x"), {}}, {"other", Value(2), {}}};
}

TEST(RoundTrip, StringsThatYamlWouldChange) {
  for (const char* text : {"\xEF\xBB\xBF-.-",
                           "a\xC2\x85"
                           "b",
                           "a\xE2\x80\xA8"
                           "b",
                           "-", "~", "1e3", "a: b", " a"}) {
    Diagnostics diagnostics;
    const auto read = read_yaml(write_yaml(Value(text)), "text.yaml", diagnostics);
    ASSERT_EQ(read.size(), 1u) << text;
    EXPECT_EQ(read[0], Value(text));
  }
}

TEST(RoundTrip, KeysOfAnyLength) {
  for (const std::size_t length : {999U, 1001U, 5000U}) {
    const std::string key(length, 'k');
    const Value inner =
        Value::Map{{key, Value(1), {}}, {"list", Value(Value::List{inner_of(key)}), {}}};
    const Value outer = Value::Map{{key, inner, {}}};
    Diagnostics diagnostics;
    const auto read = read_yaml(write_yaml(outer), "text.yaml", diagnostics);
    ASSERT_EQ(read.size(), 1u) << length;
    EXPECT_EQ(read[0], outer);
  }
}

TEST(RoundTrip, SharedInputs) {
  const fs::path inputs = kRoot.parent_path() / "shared" / "inputs";
  if (!fs::exists(inputs)) {
    std::cout << "skipped: ../shared/inputs is not there\n";
    GTEST_SKIP();
  }
  check_folder(inputs);
}

TEST(RoundTrip, Samples) {
  check_folder(kRoot / "tests" / "check" / "good");
}

// What says how the pods of workloads come and go.
TEST(RoundTrip, Workloads) {
  const std::string pods =
      "  selector: {matchLabels: {a: b}}\n"
      "  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}\n";
  check_text(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 10%, maxUnavailable: 0}}
  minReadySeconds: 5
  revisionHistoryLimit: 0
  paused: true
  progressDeadlineSeconds: 60
)" + pods + R"(---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: r}
spec:
  minReadySeconds: 5
)" + pods + R"(---
apiVersion: v1
kind: ReplicationController
metadata: {name: c}
spec:
  minReadySeconds: 5
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: e}
spec:
  updateStrategy: {type: OnDelete, rollingUpdate: {maxSurge: 1, maxUnavailable: 50%}}
  minReadySeconds: 5
  revisionHistoryLimit: 3
)" + pods + R"(---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: s
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2, maxUnavailable: 1}}
  minReadySeconds: 5
  revisionHistoryLimit: 3
  ordinals: {start: 5}
)" + pods + R"(---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  completions: 3
  completionMode: Indexed
  activeDeadlineSeconds: 60
  ttlSecondsAfterFinished: 0
  podReplacementPolicy: Failed
  successPolicy: {rules: [{succeededIndexes: "0,2", succeededCount: 1}, {succeededIndexes: "1"}]}
  manualSelector: true
  managedBy: example.com/jobs
)" + pods,
             "workloads.yaml");
}

TEST(RoundTrip, KarpenterV1) {
  check_text(R"(
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: gpu, annotations: {a: b}}
spec:
  weight: 10
  limits: {cpu: 100, nvidia.com/gpu: 8, nodes: 4}
  disruption:
    consolidationPolicy: WhenEmpty
    consolidateAfter: 30s
    budgets: [{nodes: 10%, reasons: [Empty], schedule: "0 9 * * *", duration: 8h}]
  template:
    metadata: {labels: {team: ml}, annotations: {x: y}}
    spec:
      expireAfter: Never
      terminationGracePeriod: 1h
      taints: [{key: nvidia.com/gpu, effect: NoSchedule}]
      startupTaints: [{key: boot, value: "1", effect: NoExecute}]
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: gpu}
      requirements:
      - {key: karpenter.k8s.aws/instance-family, operator: In, values: [g5, g6], minValues: 2}
      - {key: karpenter.k8s.aws/instance-gpu-count, operator: Gt, values: ["0"]}
---
apiVersion: karpenter.k8s.aws/v1
kind: EC2NodeClass
metadata: {name: gpu}
spec:
  role: node
  amiSelectorTerms: [{alias: al2023@latest}]
  subnetSelectorTerms: [{tags: {karpenter.sh/discovery: dev}}, {id: subnet-1}]
  securityGroupSelectorTerms: [{name: nodes}]
  capacityReservationSelectorTerms:
  - {id: cr-0a1}
  - {tags: {team: ml}, ownerID: "111122223333", instanceMatchCriteria: targeted}
  kubelet: {maxPods: 58}
  instanceStorePolicy: RAID0
  metadataOptions: {httpTokens: required, httpPutResponseHopLimit: 1}
  networkInterfaces: [{deviceIndex: 0}]
  blockDeviceMappings:
  - deviceName: /dev/xvda
    rootVolume: true
    ebs: {volumeSize: 100Gi, volumeType: gp3, iops: 3000, throughput: 125, encrypted: true}
---
apiVersion: karpenter.sh/v1
kind: NodeClaim
metadata: {name: gpu-x}
spec:
  expireAfter: 720h
  resources: {requests: {cpu: "1", nvidia.com/gpu: "1"}}
  nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: gpu}
  requirements: [{key: a, operator: Exists}]
status:
  nodeName: ip-10-0-0-1
  providerID: aws:///us-west-2a/i-1
  imageID: ami-1
  capacity: {cpu: "4"}
  conditions: [{type: Launched, status: "True"}]
)",
             "karpenter.yaml");
}

}  // namespace
}  // namespace gputide::codec
