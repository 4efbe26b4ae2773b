#include "codec/pod_template_hash.h"

#include <gtest/gtest.h>

#include "codec/json.h"

namespace gputide::codec {
namespace {

std::string stored_text(std::string_view json) {
  return pod_template_text(read_json(json).value(), TemplateOrigin::ApiServer);
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Kubernetes 1.31's own answers; `./dev golden` has more.
TEST(PodTemplateHash, IsKubernetesOwn) {
  const model::Value nothing = read_json("{}").value();
  EXPECT_EQ(pod_template_hash(nothing, TemplateOrigin::AsWritten), "6bc944dc9b");
  EXPECT_NE(pod_template_hash(nothing, TemplateOrigin::AsWritten, 0), "6bc944dc9b");
}

TEST(PodTemplateHash, SeesWhatTheApiServerFillsIn) {
  const std::string text = stored_text(R"({"spec": {"serviceAccountName": "me", "containers": [
      {"name": "a", "image": "r:5000/a", "ports": [{"containerPort": 80}],
       "resources": {"requests": {"cpu": "0.5", "memory": "0"}}},
      {"name": "b", "image": "b:1"}], "volumes": [{"name": "v"}], "tolerations": []}})");
  EXPECT_TRUE(says(text, "RestartPolicy:(v1.RestartPolicy)Always "));
  EXPECT_TRUE(says(text, "TerminationGracePeriodSeconds:(*int64)30 "));
  EXPECT_TRUE(says(text, "SecurityContext:(*v1.PodSecurityContext){SELinuxOptions"));
  EXPECT_TRUE(says(text, "DeprecatedServiceAccount:(string)me "));
  EXPECT_TRUE(says(text, "Protocol:(v1.Protocol)TCP "));
  EXPECT_TRUE(says(text, "EmptyDir:(*v1.EmptyDirVolumeSource){Medium"));
  EXPECT_TRUE(says(text, "Tolerations:([]v1.Toleration)<nil> "));
  EXPECT_TRUE(says(text, "ImagePullPolicy:(v1.PullPolicy)Always "));
  EXPECT_TRUE(says(text, "ImagePullPolicy:(v1.PullPolicy)IfNotPresent "));
  EXPECT_TRUE(
      says(text, "cpu:{i:(resource.int64Amount){value:(int64)500 scale:(resource.Scale)-3}"));
  EXPECT_TRUE(says(text, "s:(string)0 Format:(resource.Format)}"));
}

TEST(PodTemplateHash, LeavesWhatIsThere) {
  const std::string text = stored_text(R"({"spec": {"terminationGracePeriodSeconds": 0,
      "containers": [{"name": "a", "image": "a", "imagePullPolicy": "Never"}],
      "volumes": [{"name": "v", "configMap": {"name": "c"}}]}})");
  EXPECT_TRUE(says(text, "TerminationGracePeriodSeconds:(*int64)0 "));
  EXPECT_TRUE(says(text, "ImagePullPolicy:(v1.PullPolicy)Never "));
  EXPECT_TRUE(says(text, "EmptyDir:(*v1.EmptyDirVolumeSource)<nil> "));
  EXPECT_TRUE(says(text, "DefaultMode:(*int32)420 "));
}

}  // namespace
}  // namespace gputide::codec
