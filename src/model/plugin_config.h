// NVIDIA device plugin configuration (version v1): how the GPUs of a node are offered.
#pragma once

#include "model/meta.h"

namespace gputide::model {

/// Which GPUs an entry is about: all of them, the first N, or a list of indexes ("0"), MIG indexes
/// ("0:1") or UUIDs.
struct ReplicatedDevices {
  bool all = true;
  std::optional<std::int32_t> count;
  std::vector<std::string> list;
};

struct ReplicatedResource {
  std::string name;  // nvidia.com/gpu, or nvidia.com/mig-<profile>
  std::string rename;
  ReplicatedDevices devices;
  std::int32_t replicas = 0;  // at least 2
};
BOOST_DESCRIBE_STRUCT(ReplicatedResource, (), (name, rename, devices, replicas))

struct ReplicatedResources {
  bool renameByDefault = false;
  std::optional<bool> failRequestsGreaterThanOne;  // absent = false for time slicing, true for MPS
  std::vector<ReplicatedResource> resources;
};
BOOST_DESCRIBE_STRUCT(ReplicatedResources, (),
                      (renameByDefault, failRequestsGreaterThanOne, resources))

struct Sharing {
  std::optional<ReplicatedResources> timeSlicing;
  std::optional<ReplicatedResources> mps;  // wins when both are given
};
BOOST_DESCRIBE_STRUCT(Sharing, (), (timeSlicing, mps))

struct PluginFlags {
  std::optional<std::string> migStrategy;  // none (default), single, mixed
  std::optional<bool> failOnInitError;
  std::optional<std::string> mpsRoot;
  static constexpr std::string_view kKept[] = {"nvidiaDriverRoot",
                                               "nvidiaDevRoot",
                                               "gdrcopyEnabled",
                                               "gdsEnabled",
                                               "mofedEnabled",
                                               "useNodeFeatureAPI",
                                               "deviceDiscoveryStrategy",
                                               "plugin",
                                               "gfd",
                                               "resourceConfig"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PluginFlags, (), (migStrategy, failOnInitError, mpsRoot))

struct PluginConfig {
  std::string version;  // "" or v1
  PluginFlags flags;
  Sharing sharing;
  static constexpr std::string_view kKept[] = {"resources", "imex"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(PluginConfig, (), (version, flags, sharing))

}  // namespace gputide::model
