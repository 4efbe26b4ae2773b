// What the kubelets keep of a machine and of a pod that runs on it. Only kubelet*.cc look in here.
#pragma once

#include "sim/kubelet.h"

namespace gputide::sim {

struct Kubelets::Machine {
  Machine(const CloudInstance& instance_, std::uint32_t slot_)
      : instance(&instance_), slot(slot_), images(*instance_.type) {}

  const CloudInstance* instance;
  std::uint32_t slot;
  std::uint32_t generation = 0;  // one more when it is stopped: what was planned lapses
  bool registered = false;
  bool ready = false;
  bool dead = false;
  bool interrupted = false;  // has its two-minute notice
  bool network_coming = false;
  bool devices_coming = false;
  Duration boot;
  std::vector<std::uint32_t> runs;  // in the order in which they came
  ImageCache images;

  std::vector<std::uint32_t> plugins;  // runs whose program is part of a device plugin
  std::string plugin_config;           // value of the label that chooses its config
  std::vector<sharing::DevicePool> pools;
  std::uint32_t pools_generation = 0;
  bool serving = false;  // the plugin that offers the pools runs
  std::int64_t parts_per_gpu = 1;
  std::int64_t parts = 0;
};

struct Kubelets::Run {
  enum class Stage : std::uint8_t { Free, Bound, Starting, Running, Ending, Ended };
  Stage stage = Stage::Free;
  bool finite = false;
  bool busy = false;  // counted in busy_
  bool terminating = false;
  bool expires = false;  // its end is activeDeadlineSeconds, not its own
  bool program = false;  // somebody was told that its program started
  std::uint32_t generation = 0;
  std::uint32_t machine = 0;
  PodRef pod;  // as last seen
  std::vector<Taken> taken;
  std::int64_t gpu_parts = 0;  // that it holds, in the machine's parts_per_gpu
  std::int64_t parts_per_gpu = 1;
  Instant running_since;
};

}  // namespace gputide::sim
