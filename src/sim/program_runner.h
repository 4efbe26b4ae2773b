// Runs the programs in pods that are controllers: a pod that runs one is its process. Of several
// replicas one leads, as leader election has it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/controller_host.h"
#include "sim/kubelet.h"
#include "sim/world.h"

namespace gputide::sim {

class ProgramRunner final : public Handler {
 public:
  ProgramRunner(Heap& heap, ControllerHost& host, Telling& telling)
      : heap_(heap), host_(host), telling_(telling) {}

  void set_factory(ProgramKind kind, ProgramFactory factory) {
    factories_[kind] = std::move(factory);
  }
  /// What every program is told at its start, besides its own flags.
  void set_surroundings(const pricing::Catalogue& catalogue, std::string region,
                        std::string cluster, std::uint64_t seed);

  void started(const PodRef& pod, Program program);
  void stopped(const PodRef& pod);
  bool at_rest() const { return pending_ == 0; }
  /// Whether a program of that kind was ever started.
  bool has_run(ProgramKind kind) const;

  void fire(std::uint64_t key, Instant now) override;

 private:
  struct Process {
    std::string key;  // what it competes for: kind and namespace
    PodRef pod;
    Program program;
    bool alive = true;
    bool leads = false;
    ControllerHost::Id id = 0;
  };
  void lead(std::size_t index);
  void elect(const std::string& key);

  Heap& heap_;
  ControllerHost& host_;
  Telling& telling_;
  const pricing::Catalogue* catalogue_ = nullptr;
  std::string region_;
  std::string cluster_;
  std::uint64_t seed_ = 0;
  std::map<ProgramKind, ProgramFactory> factories_;
  std::vector<Process> processes_;
  std::uint32_t pending_ = 0;
};

}  // namespace gputide::sim
