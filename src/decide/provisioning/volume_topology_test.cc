#include "decide/provisioning/volume_topology.h"

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

model::NodeSelectorTerm in(const char* key, std::vector<std::string> values) {
  return {{{key, "In", std::move(values)}}, {}};
}

// A pod with the claim "data".
struct OneClaim {
  state::Storage storage;
  std::shared_ptr<model::Pod> pod = std::make_shared<model::Pod>();

  OneClaim() {
    pod->metadata.namespace_ = "default";
    model::Volume volume;
    volume.name = "data";
    volume.persistentVolumeClaim.emplace().claimName = "data";
    pod->spec.edit().volumes.push_back(volume);
  }
  void add_claim(const std::string& volume, const std::string& storage_class) {
    auto claim = std::make_shared<model::PersistentVolumeClaim>();
    claim->metadata.namespace_ = "default";
    claim->metadata.name = "data";
    claim->spec.volumeName = volume;
    claim->spec.storageClassName = storage_class;
    storage.claims.set(std::move(claim));
  }
  void add_volume(const std::string& name, std::vector<model::NodeSelectorTerm> terms) {
    auto volume = std::make_shared<model::PersistentVolume>();
    volume->metadata.name = name;
    volume->spec.nodeAffinity.emplace().required.emplace().nodeSelectorTerms = std::move(terms);
    storage.volumes.set(std::move(volume));
  }
  void add_class(const std::string& name, const std::string& mode,
                 std::vector<model::TopologySelectorTerm> allowed) {
    auto storage_class = std::make_shared<model::StorageClass>();
    storage_class->metadata.name = name;
    storage_class->volumeBindingMode = mode;
    storage_class->allowedTopologies = std::move(allowed);
    storage.storage_classes.set(std::move(storage_class));
  }
  // What is required of nodes: for each alternative "key=values,...;".
  std::string required() const {
    const auto placed = with_volume_topology(pod, storage);
    if (!placed) return placed.error().message;
    if (!(*placed)->spec->affinity) return "anywhere";
    std::string out;
    for (const auto& term :
         (*placed)
             ->spec->affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution
             ->nodeSelectorTerms) {
      for (const auto& each : term.matchExpressions) {
        out += each.key + "=";
        for (const std::string& value : each.values) out += value + ",";
        out += ";";
      }
      out += "|";
    }
    return out;
  }
};

TEST(VolumeTopology, ThePodGoesWhereItsVolumeIs) {
  OneClaim world;
  world.add_claim("v", "gp3");
  world.add_volume("v", {in("topology.ebs.csi.aws.com/zone", {"b"})});
  EXPECT_EQ(world.required(), "topology.kubernetes.io/zone=b,;|");
  EXPECT_FALSE(world.pod->spec->affinity);  // the pod itself stays as it is
}

TEST(VolumeTopology, OneOfThePodsTermsAndOneOfTheVolumes) {
  OneClaim world;
  world.add_claim("v", "gp3");
  world.add_volume(
      "v", {in("topology.kubernetes.io/zone", {"a"}), in("topology.kubernetes.io/zone", {"b"})});
  auto& affinity = world.pod->spec.edit().affinity.emplace().nodeAffinity.emplace();
  affinity.requiredDuringSchedulingIgnoredDuringExecution.emplace().nodeSelectorTerms = {
      in("gpu", {"t4"}), in("gpu", {"a10g"})};
  EXPECT_EQ(world.required(),
            "gpu=t4,;topology.kubernetes.io/zone=a,;|gpu=t4,;topology.kubernetes.io/zone=b,;|"
            "gpu=a10g,;topology.kubernetes.io/zone=a,;|gpu=a10g,;topology.kubernetes.io/zone=b,;|");
}

TEST(VolumeTopology, AClassThatWaitsSaysWhereVolumesMayBeMade) {
  OneClaim world;
  world.add_claim("", "gp3");
  world.add_class("gp3", "WaitForFirstConsumer", {});
  EXPECT_EQ(world.required(), "anywhere");
  world.add_class("gp3", "WaitForFirstConsumer", {{{{"topology.kubernetes.io/zone", {"a", "c"}}}}});
  EXPECT_EQ(world.required(), "topology.kubernetes.io/zone=a,c,;|");
}

TEST(VolumeTopology, SaysWhatIsWrongWithAClaim) {
  OneClaim world;
  EXPECT_EQ(world.required(), "there is no PersistentVolumeClaim data; create it");
  world.add_claim("", "gp3");
  EXPECT_NE(world.required().find("there is no StorageClass \"gp3\""), std::string::npos);
  world.add_class("gp3", "Immediate", {});
  EXPECT_NE(world.required().find("binds at once"), std::string::npos);
  world.add_claim("v", "gp3");
  EXPECT_NE(world.required().find("names the volume v, which is not there"), std::string::npos);
}

}  // namespace
}  // namespace gputide::provisioning
