#include "decide/sharing/device_plugin.h"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "codec/objects.h"

namespace gputide::sharing {
namespace {

using ::testing::HasSubstr;

/// The DaemonSet and the ConfigMaps of a text.
struct Fixture {
  explicit Fixture(std::string_view yaml) {
    Diagnostics diagnostics;
    for (const model::Object& object : codec::read_objects(yaml, "test.yaml", diagnostics)) {
      if (const auto* set = object.as<model::DaemonSet>()) daemon_set = *set;
      if (const auto* map = object.as<model::ConfigMap>()) maps.push_back(*map);
    }
    for (const Diagnostic& found : diagnostics.list()) ADD_FAILURE() << text(found);
  }
  Result<ResolvedPlugin> resolve(const model::StringMap& labels = {}) const {
    return resolve_plugin(
        daemon_set,
        [&](std::string_view name_space, std::string_view name) -> const model::ConfigMap* {
          for (const model::ConfigMap& map : maps)
            if (map.metadata.namespace_ == name_space && map.metadata.name == name) return &map;
          return nullptr;
        },
        labels);
  }
  model::DaemonSet daemon_set;
  std::vector<model::ConfigMap> maps;
};

std::string daemon_set(std::string_view pod) {
  return std::string(R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: plugin, namespace: kube-system}
spec:
  selector: {matchLabels: {name: plugin}}
  template:
    metadata: {labels: {name: plugin}}
    spec:
)") + std::string(pod);
}

constexpr std::string_view kHelm = R"(
      initContainers:
        - name: init
          image: nvcr.io/nvidia/k8s-device-plugin:v0.17.1
          command: [config-manager]
          env:
            - {name: ONESHOT, value: "true"}
            - {name: NODE_LABEL, value: nvidia.com/device-plugin.config}
            - {name: CONFIG_FILE_SRCDIR, value: /available-configs}
            - {name: CONFIG_FILE_DST, value: /config/config.yaml}
            - {name: DEFAULT_CONFIG, value: ""}
            - {name: FALLBACK_STRATEGIES, value: "named,single"}
          volumeMounts:
            - {name: available-configs, mountPath: /available-configs}
            - {name: config, mountPath: /config}
      containers:
        - name: plugin
          image: nvcr.io/nvidia/k8s-device-plugin:v0.17.1
          command: [nvidia-device-plugin]
          env:
            - {name: MPS_ROOT, value: /run/nvidia/mps}
            - {name: CONFIG_FILE, value: /config/config.yaml}
            - {name: MIG_STRATEGY, value: single}
          volumeMounts:
            - {name: available-configs, mountPath: /available-configs}
            - {name: config, mountPath: /config}
      volumes:
        - {name: available-configs, configMap: {name: nvidia-device-plugin}}
        - {name: config, emptyDir: {}}
)";

std::string config_map(std::string_view keys) {
  return std::string(R"(
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nvidia-device-plugin, namespace: kube-system}
data:
)") + std::string(keys);
}

std::string slices(std::string_view key, int replicas) {
  return "  " + std::string(key) + R"(: |-
    version: v1
    sharing:
      timeSlicing:
        resources:
        - name: nvidia.com/gpu
          replicas: )" +
         std::to_string(replicas) + "\n";
}

std::int32_t replicas(const Result<ResolvedPlugin>& plugin) {
  if (!plugin) return -1;
  const auto& slicing = plugin->setup.config.sharing.timeSlicing;
  return slicing ? slicing->resources.front().replicas : 0;
}

TEST(DevicePlugin, TheStaticManifest) {
  const Fixture fixture(daemon_set(R"(
      containers:
        - name: c
          image: nvcr.io/nvidia/k8s-device-plugin:v0.10.0
          args: ["--fail-on-init-error=false", "--mig-strategy", "mixed"]
          env: [{name: MIG_STRATEGY, value: single}]
)"));
  const auto plugin = fixture.resolve().value();
  EXPECT_TRUE(plugin.role.offers_devices);
  EXPECT_FALSE(plugin.role.publishes_labels);
  EXPECT_EQ(plugin.setup.kind, PluginKind::Nvidia);
  EXPECT_EQ(plugin.setup.config.flags.failOnInitError, false);
  EXPECT_EQ(plugin.setup.config.flags.migStrategy, "mixed");
  EXPECT_EQ(plugin.config_map, "");
}

// The chart with config.name set, and a ConfigMap with the one key "any": the only key is taken.
TEST(DevicePlugin, TheOnlyKeyOfAConfigMap) {
  const Fixture fixture(daemon_set(kHelm) + config_map(slices("any", 10)));
  const auto plugin = fixture.resolve().value();
  EXPECT_EQ(plugin.config_key, "any");
  EXPECT_EQ(plugin.config_map, "kube-system/nvidia-device-plugin");
  EXPECT_EQ(replicas(plugin), 10);
  EXPECT_EQ(plugin.setup.config.flags.migStrategy, "single");
}

TEST(DevicePlugin, LabelThenDefaultThenFallback) {
  const Fixture fixture(daemon_set(kHelm) + config_map(slices("default", 2) + slices("many", 8)));
  EXPECT_EQ(replicas(fixture.resolve()), 2);
  EXPECT_EQ(replicas(fixture.resolve({{"nvidia.com/device-plugin.config", "many"}})), 8);
  EXPECT_THAT(fixture.resolve({{"nvidia.com/device-plugin.config", "mnay"}}).error().message,
              HasSubstr("has no key mnay, which the node's label"));
  std::string with_default(kHelm);
  with_default.replace(with_default.find("DEFAULT_CONFIG, value: \"\""),
                       std::string_view("DEFAULT_CONFIG, value: \"\"").size(),
                       "DEFAULT_CONFIG, value: many");
  const Fixture defaulted(daemon_set(with_default) +
                          config_map(slices("default", 2) + slices("many", 8)));
  EXPECT_EQ(replicas(defaulted.resolve()), 8);
  const Fixture two(daemon_set(kHelm) + config_map(slices("few", 2) + slices("many", 8)));
  EXPECT_THAT(two.resolve().error().message, HasSubstr("name one of them \"default\""));
}

TEST(DevicePlugin, MissingOrUnreadableConfiguration) {
  EXPECT_THAT(Fixture(daemon_set(kHelm)).resolve().error().message, HasSubstr("does not exist"));
  const Fixture bad(daemon_set(kHelm) + config_map("  any: |-\n    sharing: [1\n"));
  EXPECT_FALSE(bad.resolve().has_value());
}

TEST(DevicePlugin, AConfigFileMountedDirectly) {
  const Fixture fixture(daemon_set(R"(
      containers:
        - name: c
          image: nvcr.io/nvidia/k8s-device-plugin:v0.17.1
          args: [--config-file=/etc/plugin/config.yaml, --shared-devices-allocation-policy=packed]
          volumeMounts: [{name: config, mountPath: /etc/plugin}]
      volumes:
        - {name: config, configMap: {name: nvidia-device-plugin}}
)") + config_map(slices("config.yaml", 4)));
  const auto plugin = fixture.resolve().value();
  EXPECT_EQ(replicas(plugin), 4);
  EXPECT_EQ(plugin.setup.allocation, AllocationPolicy::Packed);
}

TEST(DevicePlugin, OurAgentDoesAllOfIt) {
  const Fixture fixture(daemon_set(R"(
      containers:
        - name: agent
          image: ghcr.io/gputide/gputide-agent:0.1
          args: [--config, /etc/gputide/config.yaml]
          volumeMounts: [{name: config, mountPath: /etc/gputide/config.yaml, subPath: any}]
      volumes:
        - {name: config, configMap: {name: nvidia-device-plugin}}
)") + config_map(slices("any", 6)));
  const auto plugin = fixture.resolve().value();
  EXPECT_EQ(replicas(plugin), 6);
  EXPECT_EQ(plugin.setup.kind, PluginKind::Gputide);
  EXPECT_TRUE(plugin.role.offers_devices && plugin.role.publishes_labels && plugin.role.runs_mps);
}

const char* const kVirtualGpus = R"(
      hostIPC: true
      containers:
        - name: aws-virtual-gpu-device-plugin-ctr
          image: amazon/aws-virtual-gpu-device-plugin:v0.1.1
          command: ["/usr/bin/aws-virtual-gpu-device-plugin-linux", "--vgpu=48"]
        - name: mps
          image: nvidia/mps
          command: [nvidia-cuda-mps-control, -f]
)";

TEST(DevicePlugin, TheVirtualGpuPluginOfAws) {
  const Fixture fixture(daemon_set(kVirtualGpus));
  const auto plugin = fixture.resolve().value();
  EXPECT_EQ(plugin.setup.kind, PluginKind::AwsVgpu);
  EXPECT_EQ(plugin.setup.vgpus, 48);
}

TEST(DevicePlugin, TellsTheShareOfADevice) {
  const Fixture fixture(daemon_set(kVirtualGpus));
  model::InstanceType four;
  four.name = "g4dn.12xlarge";
  four.gpu_count = 4;
  four.gpu_name = "T4";
  four.gpu_maker = "nvidia";
  const std::vector daemon_sets = {std::make_shared<const model::DaemonSet>(fixture.daemon_set)};
  const Devices devices = devices_of(four, {}, "node", daemon_sets, {});
  ASSERT_TRUE(devices.shares.contains("k8s.amazonaws.com/vgpu"));
  const DeviceShare& share = devices.shares.at("k8s.amazonaws.com/vgpu");
  EXPECT_EQ(share.of / share.parts, 4 * 48);
  EXPECT_EQ(device_price(Money::micros(3'912'000), share), Money::micros(20'375));
}

TEST(DevicePlugin, OthersAreNone) {
  const Fixture fixture(daemon_set(R"(
      containers: [{name: c, image: "fluent/fluent-bit:2"}]
)"));
  EXPECT_FALSE(plugin_role(*fixture.daemon_set.spec.template_.spec).has_value());
  EXPECT_FALSE(fixture.resolve().has_value());
}

}  // namespace
}  // namespace gputide::sharing
