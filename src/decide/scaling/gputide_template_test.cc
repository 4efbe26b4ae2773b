#include "decide/scaling/gputide_template.h"

#include <gtest/gtest.h>

#include "decide/pricing/catalogue.h"

namespace gputide::scaling {
namespace {

class GputideTemplate : public testing::Test {
 protected:
  GputideTemplate() {
    group.name = "gpu";
    group.availability_zones = {"us-west-2a"};
    types = {pricing::Catalogue::builtin().find("g4dn.xlarge")};
  }
  void add_plugin(const char* config) {
    auto set = std::make_shared<model::DaemonSet>();
    set->metadata.name = "nvidia-device-plugin";
    set->metadata.namespace_ = "kube-system";
    model::Container container;
    container.name = "plugin";
    container.image = "nvcr.io/nvidia/k8s-device-plugin:v0.17.1";
    if (config != nullptr) {
      container.args = {"--config-file=/etc/config/config.yaml"};
      container.volumeMounts.push_back({"config", "/etc/config", {}});
      model::Volume volume;
      volume.name = "config";
      volume.configMap.emplace().name = "plugin-config";
      set->spec.template_.spec.edit().volumes.push_back(volume);
      map.metadata.name = "plugin-config";
      map.metadata.namespace_ = "kube-system";
      map.data["config.yaml"] = config;
    }
    set->spec.template_.spec.edit().containers.push_back(container);
    sets.push_back(set);
  }
  std::int64_t offered(const std::string& resource) {
    const Result<NodeTemplate> made =
        gputide_template({group, types, nullptr, 0, sets,
                          [this](std::string_view, std::string_view name) {
                            return name == map.metadata.name ? &map : nullptr;
                          }},
                         "x");
    if (!made) return -2;
    const auto at = made->node.status.allocatable.find(resource);
    return at == made->node.status.allocatable.end() ? -1 : at->second.value();
  }

  model::AutoScalingGroup group;
  std::vector<const model::InstanceType*> types;
  std::vector<std::shared_ptr<const model::DaemonSet>> sets;
  model::ConfigMap map;
};

TEST_F(GputideTemplate, AllocatableIsLessThanCapacity) {
  EXPECT_LT(offered("memory"), std::int64_t{16} << 30);
  EXPECT_EQ(offered("pods"), 29);
}

TEST_F(GputideTemplate, WithoutADevicePluginThereAreNoGpus) {
  EXPECT_EQ(offered("nvidia.com/gpu"), -1);
  add_plugin(nullptr);
  EXPECT_EQ(offered("nvidia.com/gpu"), 1);
}

TEST_F(GputideTemplate, KnowsTheSlicesOfAnEmptyGroup) {
  add_plugin(
      "version: v1\nsharing:\n  timeSlicing:\n    resources:\n"
      "      - {name: nvidia.com/gpu, replicas: 10}\n");
  EXPECT_EQ(offered("nvidia.com/gpu"), 10);
}

TEST_F(GputideTemplate, OfSeveralTypesTheLeastCounts) {
  types.push_back(pricing::Catalogue::builtin().find("g4dn.12xlarge"));
  add_plugin(nullptr);
  EXPECT_EQ(offered("nvidia.com/gpu"), 1);
  std::swap(types[0], types[1]);
  EXPECT_EQ(offered("nvidia.com/gpu"), 1);
}

TEST_F(GputideTemplate, TagsWin) {
  group.tags.edit() = {{"k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu", "7"}};
  EXPECT_EQ(offered("nvidia.com/gpu"), 7);
}

}  // namespace
}  // namespace gputide::scaling
