#include "sim/program_runner.h"

#include <algorithm>

#include <fmt/format.h>

namespace gputide::sim {

namespace {

// A process that starts first wins its lease and lists the cluster.
constexpr Duration kStart = Duration::seconds(2);
// A lease that is not given up runs out.
constexpr Duration kTakeOver = Duration::seconds(15);

std::string_view lease_of(ProgramKind kind) {
  switch (kind) {
    case ProgramKind::ClusterAutoscaler:
    case ProgramKind::GputideAutoscaler:
      return "cluster-autoscaler";
    case ProgramKind::GputideProvisioner:
    case ProgramKind::Karpenter:
      return "karpenter-leader-election";
    case ProgramKind::NodeTerminationHandler:
      return "node-termination-handler";
    case ProgramKind::Cni:
      return "cni";
  }
  return "";
}

Watches watches_of(ProgramKind kind) {
  Watches watches;
  watches.notices = kind != ProgramKind::ClusterAutoscaler;
  if (kind == ProgramKind::NodeTerminationHandler)
    watches.kinds = Watches::of<model::Pod, model::Node>();
  return watches;
}

}  // namespace

void ProgramRunner::set_surroundings(const pricing::Catalogue& catalogue, std::string region,
                                     std::string cluster, std::uint64_t seed) {
  catalogue_ = &catalogue;
  region_ = std::move(region);
  cluster_ = std::move(cluster);
  seed_ = seed;
}

void ProgramRunner::started(const PodRef& pod, Program program) {
  if (!factories_.contains(program.kind)) return;
  std::string key = fmt::format("{}/{}", pod->metadata.namespace_, lease_of(program.kind));
  processes_.push_back({std::move(key), pod, std::move(program)});
  ++pending_;
  heap_.after(kStart, Priority::Kube, *this, processes_.size() - 1);
}

bool ProgramRunner::has_run(ProgramKind kind) const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [&](const Process& process) { return process.program.kind == kind; });
}

void ProgramRunner::stopped(const PodRef& pod) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    Process& process = processes_[i];
    if (!process.alive || process.pod->metadata.uid != pod->metadata.uid) continue;
    process.alive = false;
    if (!process.leads) continue;
    host_.remove(process.id);
    for (std::size_t other = 0; other < processes_.size(); ++other) {
      if (!processes_[other].alive || processes_[other].key != process.key) continue;
      ++pending_;
      // Handlers of single nodes wait for no lease.
      const bool leased = process.program.kind != ProgramKind::NodeTerminationHandler;
      heap_.after(leased ? kTakeOver : Duration(), Priority::Kube, *this, other);
      break;
    }
  }
}

void ProgramRunner::fire(std::uint64_t key, Instant) {
  --pending_;
  if (processes_[key].alive) elect(processes_[key].key);
}

void ProgramRunner::elect(const std::string& key) {
  std::size_t first = processes_.size();
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const Process& process = processes_[i];
    if (!process.alive || process.key != key) continue;
    if (process.leads) return;
    first = std::min(first, i);
  }
  if (first < processes_.size()) lead(first);
}

void ProgramRunner::lead(std::size_t index) {
  Process& process = processes_[index];
  const ProgramStart start{process.program, *catalogue_, region_, cluster_, seed_};
  Result<std::unique_ptr<port::Controller>> made = factories_.at(process.program.kind)(start);
  const model::ObjectMeta& meta = process.pod->metadata;
  const Subject about{"pod", meta.namespace_, meta.name};
  if (!made) {
    process.alive = false;  // it would fail again
    const port::Field fields[] = {{"reason", std::string_view("BackOff")},
                                  {"warning", std::int64_t{1}}};
    telling_.tell(port::RecordKind::Event, "kubelet", about, fields, made.error().message);
    return;
  }
  process.leads = true;
  const std::string name((*made)->name());
  process.id = host_.add(std::move(*made), Priority::Controller, watches_of(process.program.kind));
  const port::Field fields[] = {{"reason", std::string_view("LeaderElection")},
                                {"warning", std::int64_t{0}}};
  telling_.tell(port::RecordKind::Event, name, about, fields,
                fmt::format("{} became the leader", meta.name));
}

}  // namespace gputide::sim
