// The nodes of a simulated cluster: machines that boot and register, their kubelets, and the pods
// that run on them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decide/sharing/device_plugin.h"
#include "decide/sharing/device_pool.h"
#include "sim/cloud.h"
#include "sim/heap.h"
#include "sim/images.h"
#include "sim/programs.h"
#include "sim/run_times.h"
#include "sim/store.h"
#include "sim/telling.h"

namespace gputide::sim {

/// As the plugin advertises them.
using DeviceIds = std::vector<std::string_view>;

/// Hears what containers get, as it happens: the checkers do.
class DeviceListener {
 public:
  virtual ~DeviceListener() = default;
  virtual void devices_taken(const std::string& node, const DeviceIds& ids) = 0;
  virtual void devices_given_back(const std::string& node, const DeviceIds& ids) = 0;
};

class Kubelets final : public InstanceListener, public StoreListener, public Handler {
 public:
  Kubelets(Heap& heap, Store& store, Telling& telling, const RunTimes& run_times,
           std::uint64_t seed);
  ~Kubelets() override;

  /// The cloud is told which GPUs are in use. It may come later than its first instance.
  void set_cloud(Cloud& cloud) { cloud_ = &cloud; }
  void set_devices(DeviceListener& listener) { devices_ = &listener; }
  /// Told of EventBridge's notices.
  void on_notice(std::function<void(const port::InstanceNotice&)> hook) {
    notice_ = std::move(hook);
  }

  /// Told when a pod's program starts and stops to run, for programs that are controllers.
  using ProgramStarted = std::function<void(const PodRef& pod, Program program)>;
  using ProgramStopped = std::function<void(const PodRef& pod)>;
  void on_program(ProgramStarted started, ProgramStopped stopped) {
    program_started_ = std::move(started);
    program_stopped_ = std::move(stopped);
  }

  /// No machine boots or is being given up, no image is on its way, no pod will end of itself.
  bool at_rest() const { return busy_ == 0; }
  /// GPU time that pods held, in microseconds of one GPU, rounded down; up to now.
  std::int64_t gpu_microseconds_held() const;
  /// Machines that run now, most at one time, and of those the ones with GPUs.
  struct Counts {
    std::int64_t now = 0;
    std::int64_t peak = 0;
    std::int64_t gpu_now = 0;
    std::int64_t gpu_peak = 0;
  };
  const Counts& counts() const { return counts_; }
  /// Notices of spot interruptions, and those of machines that no workload's pod ran on any more
  /// when they ended.
  std::int64_t interruptions() const { return interruptions_; }
  std::int64_t notices_handled() const { return notices_handled_; }
  /// How long pods that would have ended of themselves had run for nothing when an interruption
  /// ended them.
  Duration lost_run_time() const { return lost_; }

  void instance_running(const CloudInstance& instance) override;
  void instance_stopping(const CloudInstance& instance) override;
  void instance_notice(const port::InstanceNotice& notice) override;
  void changed(port::Change change, const model::Typed& now, const model::Typed& before) override;
  void fire(std::uint64_t key, Instant now) override;

 private:
  enum class Op : std::uint8_t {
    // of a machine
    Register,
    NetworkUp,
    DevicesUp,
    LeaseEnds,
    InstanceGone,
    // of a run
    Start,
    Run,
    End,
    Terminate
  };
  struct Machine;
  struct Run;
  struct Taken {
    std::uint32_t pool = 0;
    std::uint32_t generation = 0;  // of the machine's pools
    std::vector<std::uint32_t> devices;
  };

  void after(Duration delay, Op op, std::uint32_t slot, std::uint32_t generation);
  void fire_machine(Op op, Machine& machine);
  void fire_run(Op op, std::uint32_t slot);

  void register_node(Machine& machine);
  void start_network(Machine& machine);
  void network_up(Machine& machine);
  void lease_ends(Machine& machine);
  void instance_gone(Machine& machine);
  void role_changed(Machine& machine);
  void devices_up(Machine& machine);
  void offer(Machine& machine, const sharing::NodeOffer& offered);
  void set_amounts(Machine& machine, const model::ResourceList& amounts,
                   const model::StringMap& labels);
  void report_use(Machine& machine);
  void report_images(Machine& machine, const model::PodSpec& spec);

  void pod_changed(port::Change change, const PodRef& now, const PodRef& before);
  void admit(const PodRef& pod);
  void start(Run& run, std::uint32_t slot);
  void run(Run& run, std::uint32_t slot);
  void program_runs(Machine& machine, Run& run, std::uint32_t slot);
  void end(Run& run);
  void tell_done(const Run& run, const model::Pod& pod);
  void terminate(Run& run);
  void stop(Run& run);  // its containers run no more; its devices are free
  void release(std::uint32_t slot);
  Result<void> take_devices(Machine& machine, Run& run);
  static DeviceIds device_ids(const Machine& machine, const Run& run);
  void give_back(Machine& machine, Run& run);
  void count_loss(const Run& run);
  void refuse(Run& run, const std::string& why);
  std::shared_ptr<model::Pod> edit(const Run& run) const;
  void account_gpu(const Run& run);
  std::uint32_t new_run(std::uint32_t machine, const PodRef& pod);

  Heap& heap_;
  Store& store_;
  Telling& telling_;
  const RunTimes& run_times_;
  std::uint64_t seed_;
  Cloud* cloud_ = nullptr;
  DeviceListener* devices_ = nullptr;
  std::function<void(const port::InstanceNotice&)> notice_;
  ProgramStarted program_started_;
  ProgramStopped program_stopped_;

  std::vector<std::unique_ptr<Machine>> machines_;
  std::unordered_map<std::string, std::uint32_t> machine_of_node_;
  std::unordered_map<std::string, std::uint32_t> machine_of_instance_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> free_runs_;
  std::unordered_map<std::string, std::uint32_t> run_of_pod_;  // by uid
  std::uint32_t busy_ = 0;
  Counts counts_;
  std::int64_t interruptions_ = 0;
  std::int64_t notices_handled_ = 0;
  Duration lost_;
  // Nanoseconds of GPU parts that pods held, by how many parts make a GPU.
  std::map<std::int64_t, unsigned __int128> gpu_time_;
};

}  // namespace gputide::sim
