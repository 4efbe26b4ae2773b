// The life of a pod on its node: admission, images, running, the end.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/conditions.h"
#include "sim/kubelet_state.h"
#include "sim/programs.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

// Sandbox and containers, once the images are there.
constexpr Duration kContainerStart = Duration::seconds(1);
// What containers take to end when they are told to; less when their grace is shorter.
constexpr Duration kTermination = Duration::seconds(2);

bool is_device(std::string_view resource) {
  return resource.find('/') != std::string_view::npos && !resource.starts_with("kubernetes.io/");
}

void set_exit_codes(model::Pod& pod, std::int32_t code) {
  model::Value::List statuses;
  for (const model::Container& container : pod.spec->containers) {
    model::Value terminated;
    terminated.set("exitCode", std::int64_t{code});
    terminated.set("reason", "Error");
    model::Value state;
    state.set("terminated", std::move(terminated));
    model::Value& status = statuses.emplace_back();
    status.set("name", container.name);
    status.set("state", std::move(state));
  }
  std::erase_if(pod.status.kept, [](const auto& each) { return each.key == "containerStatuses"; });
  pod.status.kept.push_back({"containerStatuses", model::Value(std::move(statuses)), {}});
}

}  // namespace

std::uint32_t Kubelets::new_run(std::uint32_t machine, const PodRef& pod) {
  std::uint32_t slot = 0;
  if (free_runs_.empty()) {
    slot = static_cast<std::uint32_t>(runs_.size());
    runs_.emplace_back();
  } else {
    slot = free_runs_.back();
    free_runs_.pop_back();
  }
  Run& run = runs_[slot];
  run.stage = Run::Stage::Bound;
  run.machine = machine;
  run.pod = pod;
  run_of_pod_[pod->metadata.uid] = slot;
  machines_[machine]->runs.push_back(slot);
  return slot;
}

void Kubelets::release(std::uint32_t slot) {
  Run& run = runs_[slot];
  std::erase(machines_[run.machine]->runs, slot);
  run_of_pod_.erase(run.pod->metadata.uid);
  const std::uint32_t generation = run.generation + 1;
  run = Run();
  run.generation = generation;
  free_runs_.push_back(slot);
}

void Kubelets::pod_changed(port::Change change, const PodRef& now, const PodRef& before) {
  if (now->spec->nodeName.empty()) return;
  if (change != port::Change::Deleted && (!before || before->spec->nodeName.empty()))
    return admit(now);
  const auto found = run_of_pod_.find(now->metadata.uid);
  if (found == run_of_pod_.end()) return;
  const std::uint32_t slot = found->second;
  Run& run = runs_[slot];
  run.pod = now;
  if (change == port::Change::Deleted) {
    stop(run);
    return release(slot);
  }
  if (!now->metadata.deletionTimestamp || run.terminating || machines_[run.machine]->dead) return;
  run.terminating = true;
  const Duration grace = Duration::seconds(now->metadata.deletionGracePeriodSeconds.value_or(30));
  if (!run.busy) ++busy_;
  run.busy = true;
  ++run.generation;  // it neither starts nor ends of itself any more
  after(std::min(grace, kTermination), Op::Terminate, slot, run.generation);
}

void Kubelets::admit(const PodRef& pod) {
  const auto machine = machine_of_node_.find(pod->spec->nodeName);
  if (machine == machine_of_node_.end() || machines_[machine->second]->dead) return;
  const std::uint32_t slot = new_run(machine->second, pod);
  ++busy_;
  runs_[slot].busy = true;
  after(Duration(), Op::Start, slot, runs_[slot].generation);
}

void Kubelets::fire_run(Op op, std::uint32_t slot) {
  Run& run = runs_[slot];
  switch (op) {
    case Op::Start:
      return start(run, slot);
    case Op::Run:
      return this->run(run, slot);
    case Op::End:
      return end(run);
    default:
      return terminate(run);
  }
}

std::shared_ptr<model::Pod> Kubelets::edit(const Run& run) const {
  return std::make_shared<model::Pod>(*run.pod);
}

Result<void> Kubelets::take_devices(Machine& machine, Run& run) {
  const auto need = [&](const model::Container& container) -> Result<void> {
    for (const auto& [resource, amount] : container.resources.requests) {
      if (!is_device(resource) || amount.is_zero()) continue;
      const auto pool =
          std::find_if(machine.pools.begin(), machine.pools.end(),
                       [&](const sharing::DevicePool& p) { return p.resource().name == resource; });
      if (pool == machine.pools.end() || !machine.serving)
        return fail(
            fmt::format("Allocate failed due to no healthy devices present; cannot "
                        "allocate unhealthy devices {}",
                        resource));
      Result<std::vector<std::uint32_t>> devices = pool->take(amount.value());
      if (!devices) return tl::unexpected(devices.error());
      for (const std::uint32_t device : *devices)
        run.gpu_parts += pool->resource().devices[device].parts;
      run.taken.push_back({static_cast<std::uint32_t>(pool - machine.pools.begin()),
                           machine.pools_generation, std::move(*devices)});
    }
    return {};
  };
  run.parts_per_gpu = machine.parts_per_gpu;
  for (const model::Container& container : run.pod->spec->containers)
    if (Result<void> got = need(container); !got) return got;
  return {};
}

DeviceIds Kubelets::device_ids(const Machine& machine, const Run& run) {
  DeviceIds ids;
  for (const Taken& taken : run.taken) {
    if (taken.generation != machine.pools_generation) continue;
    for (const std::uint32_t device : taken.devices)
      ids.emplace_back(machine.pools[taken.pool].resource().devices[device].id);
  }
  return ids;
}

void Kubelets::give_back(Machine& machine, Run& run) {
  if (run.taken.empty()) return;
  const DeviceIds ids = device_ids(machine, run);
  for (const Taken& taken : run.taken)
    if (taken.generation == machine.pools_generation)
      machine.pools[taken.pool].give_back(taken.devices);
  run.taken.clear();
  run.gpu_parts = 0;
  if (devices_ != nullptr) devices_->devices_given_back(machine.instance->private_dns_name, ids);
  report_use(machine);
}

void Kubelets::refuse(Run& run, const std::string& why) {
  auto pod = edit(run);
  pod->status.phase = "Failed";
  pod->status.reason = "UnexpectedAdmissionError";
  pod->status.message = why;
  pod->status.startTime = heap_.now();
  run.stage = Run::Stage::Ended;
  run.busy = false;
  --busy_;
  static_cast<void>(store_.replace(PodRef(std::move(pod))));
}

void Kubelets::start(Run& run, std::uint32_t slot) {
  Machine& machine = *machines_[run.machine];
  if (Result<void> got = take_devices(machine, run); !got) {
    give_back(machine, run);
    return refuse(run, got.error().message);
  }
  if (!run.taken.empty()) {
    if (devices_ != nullptr)
      devices_->devices_taken(machine.instance->private_dns_name, device_ids(machine, run));
    report_use(machine);
  }
  run.stage = Run::Stage::Starting;
  const Instant now = heap_.now();
  Instant there = now;
  const std::string* pulled = nullptr;
  const model::PodSpec& spec = *run.pod->spec;
  for (const auto* containers : {&spec.initContainers, &spec.containers})
    for (const model::Container& container : *containers) {
      const bool missing = !machine.images.has(container.image);
      const Instant at = machine.images.available_at(container.image, always_pulls(container), now);
      if (missing) pulled = &container.image;
      there = std::max(there, at);
    }
  if (pulled != nullptr) {
    const model::ObjectMeta& meta = run.pod->metadata;
    const std::string name = telling_.pod_name(meta);
    const std::int64_t seconds = (there - now).whole_seconds();
    telling_.tell(RecordKind::PodPulling, "kubelet", {"pod", meta.namespace_, meta.name},
                  {{"pod", std::string_view(name)},
                   {"node", spec.nodeName},
                   {"image", std::string_view(*pulled)},
                   {"seconds", seconds}},
                  [&] {
                    return fmt::format("pulling {} on {}: about {} MB, {} s", *pulled,
                                       spec.nodeName, image_megabytes(*pulled), seconds);
                  });
  }
  const auto inits = static_cast<std::int64_t>(spec.initContainers.size());
  after(there - now + kContainerStart * (1 + inits), Op::Run, slot, run.generation);
}

// The node says which images it has as soon as a pod runs on them, where a kubelet does so every
// ten seconds: the largest 50.
void Kubelets::report_images(Machine& machine, const model::PodSpec& spec) {
  constexpr std::size_t kMost = 50;
  std::vector<model::ContainerImage> fresh;
  for (const auto* containers : {&spec.initContainers, &spec.containers})
    for (const model::Container& container : *containers)
      if (machine.images.report(container.image))
        fresh.push_back(
            {{reported_name(container.image)}, image_megabytes(container.image) * 1'000'000});
  if (fresh.empty()) return;
  const NodeRef before = store_.node(machine.instance->private_dns_name);
  if (!before) return;
  auto node = std::make_shared<model::Node>(*before);
  std::vector<model::ContainerImage>& images = node->status.images.edit();
  for (model::ContainerImage& image : fresh) {
    const auto smaller =
        std::upper_bound(images.begin(), images.end(), image,
                         [](const auto& a, const auto& b) { return a.sizeBytes > b.sizeBytes; });
    images.insert(smaller, std::move(image));
  }
  if (images.size() > kMost) images.resize(kMost);
  static_cast<void>(store_.replace(NodeRef(std::move(node))));
}

void Kubelets::run(Run& run, std::uint32_t slot) {
  Machine& machine = *machines_[run.machine];
  const Instant now = heap_.now();
  auto pod = edit(run);
  pod->status.phase = "Running";
  pod->status.startTime = now;
  set_condition(pod->status.conditions, {"Ready", "True", {}, {}, now, {}});
  run.stage = Run::Stage::Running;
  run.running_since = now;
  std::optional<Duration> length = run_times_.of(*pod);
  if (const auto& deadline = pod->spec->activeDeadlineSeconds;
      deadline && (!length || *length > Duration::seconds(*deadline))) {
    length = Duration::seconds(*deadline);
    run.expires = true;
  }
  run.finite = length.has_value();
  const DeviceIds ids = device_ids(machine, run);
  const std::string devices = fmt::format("{}", fmt::join(ids, ","));
  const model::ObjectMeta& meta = pod->metadata;
  const std::string name = telling_.pod_name(meta);
  const std::int64_t waited = (now - *meta.creationTimestamp).whole_seconds();
  telling_.tell(RecordKind::PodRunning, "kubelet", {"pod", meta.namespace_, meta.name},
                {{"pod", std::string_view(name)},
                 {"node", pod->spec->nodeName},
                 {"devices", std::string_view(devices)},
                 {"wait_seconds", waited}},
                [&] {
                  std::string text = fmt::format("runs on {} {} s after it was created",
                                                 pod->spec->nodeName, waited);
                  if (!ids.empty()) text += fmt::format(", with {}", devices);
                  return text;
                });
  if (length) {
    after(*length, Op::End, slot, run.generation);
  } else {
    run.busy = false;
    --busy_;
  }
  program_runs(machine, run, slot);
  report_images(machine, *pod->spec);
  static_cast<void>(store_.replace(PodRef(std::move(pod))));
}

void Kubelets::program_runs(Machine& machine, Run& run, std::uint32_t slot) {
  if (sharing::plugin_role(*run.pod->spec)) {
    machine.plugins.push_back(slot);
    return role_changed(machine);
  }
  std::optional<Program> program = program_of(*run.pod->spec);
  if (!program) return;
  if (program->kind == ProgramKind::Cni) return start_network(machine);
  run.program = true;
  if (program_started_) program_started_(run.pod, std::move(*program));
}

// Its containers run no more; whatever was planned for it lapses.
void Kubelets::stop(Run& run) {
  Machine& machine = *machines_[run.machine];
  account_gpu(run);
  give_back(machine, run);
  if (run.busy) --busy_;
  run.busy = false;
  ++run.generation;
  run.stage = Run::Stage::Ended;
  if (std::exchange(run.program, false) && program_stopped_) program_stopped_(run.pod);
  const auto slot = static_cast<std::uint32_t>(&run - runs_.data());
  if (std::erase(machine.plugins, slot) != 0 && !machine.dead) role_changed(machine);
}

void Kubelets::end(Run& run) {
  auto pod = edit(run);
  stop(run);
  const std::int32_t code = run.expires ? 0 : run_times_.exit_code(*pod);
  const bool failed = run.expires || code != 0;
  pod->status.phase = failed ? "Failed" : "Succeeded";
  set_condition(pod->status.conditions,
                {"Ready", "False", failed ? "PodFailed" : "PodCompleted", {}, heap_.now(), {}});
  if (run.expires) {
    pod->status.reason = "DeadlineExceeded";
    pod->status.message = "Pod was active on the node longer than the specified deadline";
  } else if (failed) {
    set_exit_codes(*pod, code);
    pod->status.message = fmt::format("exited with {}", code);
  } else {
    tell_done(run, *pod);
  }
  static_cast<void>(store_.replace(PodRef(std::move(pod))));
}

void Kubelets::tell_done(const Run& run, const model::Pod& pod) {
  const model::ObjectMeta& meta = pod.metadata;
  const std::string name = telling_.pod_name(meta);
  const Duration ran = heap_.now() - run.running_since;
  telling_.tell(RecordKind::PodSucceeded, "kubelet", {"pod", meta.namespace_, meta.name},
                {{"pod", std::string_view(name)}, {"node", pod.spec->nodeName}}, [&] {
                  return fmt::format("done after {} s on {}", ran.whole_seconds(),
                                     pod.spec->nodeName);
                });
}

void Kubelets::terminate(Run& run) {
  count_loss(run);
  const PodRef pod = run.pod;
  store_.remove_pod(pod->metadata.namespace_, pod->metadata.name);
}

}  // namespace gputide::sim
