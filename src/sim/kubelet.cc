#include "sim/kubelet.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/conditions.h"
#include "sim/kubelet_state.h"
#include "sim/node_object.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

// From running to the kubelet's first word, as EKS's AMIs take.
constexpr std::int64_t kShortestBootMs = 30'000;
constexpr std::int64_t kLongestBootMs = 60'000;
// From the network plugin's start to the kubelet's next status.
constexpr Duration kNetworkDelay = Duration::seconds(3);
// The node controller's patience with a kubelet that says nothing, and the cloud controller's
// round.
constexpr Duration kLease = Duration::seconds(40);
constexpr Duration kCloudRound = Duration::seconds(2);

}  // namespace

Kubelets::Kubelets(Heap& heap, Store& store, Telling& telling, const RunTimes& run_times,
                   std::uint64_t seed)
    : heap_(heap), store_(store), telling_(telling), run_times_(run_times), seed_(seed) {
  store_.listen(*this);
}

Kubelets::~Kubelets() = default;

// Keys: the operation, 24 bits of the generation, the slot.
void Kubelets::after(Duration delay, Op op, std::uint32_t slot, std::uint32_t generation) {
  const std::uint64_t key = (static_cast<std::uint64_t>(op) << 56) |
                            (static_cast<std::uint64_t>(generation & 0xffffff) << 32) | slot;
  heap_.after(delay, Priority::Node, *this, key);
}

void Kubelets::fire(std::uint64_t key, Instant) {
  const auto op = static_cast<Op>(key >> 56);
  const auto generation = static_cast<std::uint32_t>(key >> 32 & 0xffffff);
  const auto slot = static_cast<std::uint32_t>(key);
  if (op < Op::Start) {
    --busy_;
    Machine& machine = *machines_[slot];
    if ((machine.generation & 0xffffff) == generation) fire_machine(op, machine);
  } else if ((runs_[slot].generation & 0xffffff) == generation) {
    fire_run(op, slot);
  }
}

void Kubelets::fire_machine(Op op, Machine& machine) {
  switch (op) {
    case Op::Register:
      return register_node(machine);
    case Op::NetworkUp:
      return network_up(machine);
    case Op::DevicesUp:
      return devices_up(machine);
    case Op::LeaseEnds:
      return lease_ends(machine);
    default:
      return instance_gone(machine);
  }
}

void Kubelets::instance_running(const CloudInstance& instance) {
  const auto slot = static_cast<std::uint32_t>(machines_.size());
  machines_.push_back(std::make_unique<Machine>(instance, slot));
  counts_.peak = std::max(counts_.peak, ++counts_.now);
  if (instance.type->visible_gpus() > 0)
    counts_.gpu_peak = std::max(counts_.gpu_peak, ++counts_.gpu_now);
  machine_of_instance_[instance.id] = slot;
  Rng rng(seed_, "boot of " + instance.id);
  machines_.back()->boot = Duration::milliseconds(rng.between(kShortestBootMs, kLongestBootMs));
  ++busy_;
  after(machines_.back()->boot, Op::Register, slot, 0);
}

void Kubelets::register_node(Machine& machine) {
  const std::string& name = machine.instance->private_dns_name;
  auto node = node_of(*machine.instance, heap_.now());
  const auto config = node->metadata.labels.find(std::string(sharing::kConfigLabel));
  if (config != node->metadata.labels.end()) machine.plugin_config = config->second;
  machine.registered = true;
  machine_of_node_[name] = machine.slot;
  telling_.tell(RecordKind::NodeRegistered, "kubelet", {"node", "", name},
                {{"node", name}, {"instance", machine.instance->id}}, [&] {
                  return fmt::format(
                      "joined the cluster after {} s of booting: {} in {}, not ready until "
                      "its network is up",
                      machine.boot.whole_seconds(), machine.instance->type->name,
                      machine.instance->zone);
                });
  // A node of that name is still there when an address is used again: the kubelet takes it over.
  if (store_.node(name))
    static_cast<void>(store_.replace(NodeRef(std::move(node))));
  else
    static_cast<void>(store_.create(NodeRef(std::move(node))));
}

void Kubelets::network_up(Machine& machine) {
  const std::string& name = machine.instance->private_dns_name;
  const NodeRef before = store_.node(name);
  if (!before) return;
  auto node = std::make_shared<model::Node>(*before);
  set_condition(node->status.conditions,
                {"Ready", "True", "KubeletReady", "kubelet is posting ready status", heap_.now(),
                 heap_.now()});
  machine.ready = true;
  telling_.tell(RecordKind::NodeReady, "kubelet", {"node", "", name}, {{"node", name}}, [&] {
    return fmt::format("ready {} s after its launch",
                       (heap_.now() - machine.instance->launched).whole_seconds());
  });
  static_cast<void>(store_.replace(NodeRef(std::move(node))));
}

void Kubelets::instance_stopping(const CloudInstance& instance) {
  const auto found = machine_of_instance_.find(instance.id);
  if (found == machine_of_instance_.end()) return;  // it never ran
  Machine& machine = *machines_[found->second];
  if (machine.dead) return;
  machine.dead = true;
  ++machine.generation;
  --counts_.now;
  if (instance.type->visible_gpus() > 0) --counts_.gpu_now;
  bool vacated = true;
  for (const std::uint32_t slot : std::vector<std::uint32_t>(machine.runs)) {
    Run& run = runs_[slot];
    const model::OwnerReference* owner = run.pod->metadata.controller();
    if (run.stage != Run::Stage::Ended && (owner == nullptr || owner->kind != "DaemonSet"))
      vacated = false;
    count_loss(run);
    stop(run);
  }
  if (machine.interrupted && vacated) ++notices_handled_;
  if (!machine.registered) return;
  ++busy_;
  after(kLease, Op::LeaseEnds, machine.slot, machine.generation);
}

void Kubelets::lease_ends(Machine& machine) {
  const std::string& name = machine.instance->private_dns_name;
  const NodeRef before = store_.node(name);
  if (!before || !before->spec.providerID.ends_with(machine.instance->id)) return;
  auto node = std::make_shared<model::Node>(*before);
  model::NodeCondition& ready = condition_of(node->status.conditions, "Ready");
  ready = {"Ready",
           "Unknown",
           "NodeStatusUnknown",
           "Kubelet stopped posting node status.",
           heap_.now(),
           ready.lastHeartbeatTime};
  telling_.tell(
      RecordKind::NodeNotReady, "node-controller", {"node", "", name},
      {{"node", name}, {"reason", std::string_view("NodeStatusUnknown")}},
      [&] { return fmt::format("its kubelet has said nothing for {} s", kLease.whole_seconds()); });
  static_cast<void>(store_.replace(NodeRef(std::move(node))));
  ++busy_;
  after(kCloudRound, Op::InstanceGone, machine.slot, machine.generation);
}

void Kubelets::instance_gone(Machine& machine) {
  const std::string& name = machine.instance->private_dns_name;
  const NodeRef node = store_.node(name);
  if (node && node->spec.providerID.ends_with(machine.instance->id))
    static_cast<void>(store_.remove_gracefully({"Node", "", name}));
  const auto mine = machine_of_node_.find(name);
  if (mine != machine_of_node_.end() && mine->second == machine.slot) machine_of_node_.erase(mine);
}

// What a pod that would have ended of itself has run for nothing.
void Kubelets::count_loss(const Run& run) {
  if (run.stage == Run::Stage::Running && run.finite && machines_[run.machine]->interrupted)
    lost_ += heap_.now() - run.running_since;
}

void Kubelets::instance_notice(const port::InstanceNotice& notice) {
  if (notice.kind == port::InstanceNotice::Kind::SpotInterruption) {
    ++interruptions_;
    const auto found = machine_of_instance_.find(notice.instance_id);
    if (found != machine_of_instance_.end()) machines_[found->second]->interrupted = true;
  }
  if (notice_) notice_(notice);
}

void Kubelets::changed(port::Change change, const model::Typed& now, const model::Typed& before) {
  if (const auto* pod = std::get_if<PodRef>(&now)) {
    const auto* old = std::get_if<PodRef>(&before);
    pod_changed(change, *pod, old == nullptr ? nullptr : *old);
  } else if (const auto* node = std::get_if<NodeRef>(&now); node != nullptr) {
    // A label chooses the plugin's configuration while it runs.
    const auto found = machine_of_node_.find((*node)->metadata.name);
    if (found == machine_of_node_.end()) return;
    Machine& machine = *machines_[found->second];
    const model::StringMap& labels = (*node)->metadata.labels;
    const auto config = labels.find(sharing::kConfigLabel);
    const std::string_view value = config == labels.end() ? std::string_view() : config->second;
    if (value == machine.plugin_config) return;
    machine.plugin_config = value;
    role_changed(machine);
  }
}

std::int64_t Kubelets::gpu_microseconds_held() const {
  std::map<std::int64_t, unsigned __int128> time = gpu_time_;
  for (const Run& run : runs_)
    if (run.stage == Run::Stage::Running && run.gpu_parts > 0)
      time[run.parts_per_gpu] +=
          static_cast<unsigned __int128>((heap_.now() - run.running_since).nanoseconds()) *
          static_cast<unsigned __int128>(run.gpu_parts);
  unsigned __int128 microseconds = 0;
  for (const auto& [parts_per_gpu, nanoseconds] : time)
    microseconds += nanoseconds / static_cast<unsigned __int128>(parts_per_gpu) / 1000;
  return static_cast<std::int64_t>(microseconds);
}

void Kubelets::account_gpu(const Run& run) {
  if (run.gpu_parts == 0 || run.stage != Run::Stage::Running) return;
  gpu_time_[run.parts_per_gpu] +=
      static_cast<unsigned __int128>((heap_.now() - run.running_since).nanoseconds()) *
      static_cast<unsigned __int128>(run.gpu_parts);
}

void Kubelets::start_network(Machine& machine) {
  if (machine.ready || machine.network_coming) return;
  machine.network_coming = true;
  ++busy_;
  after(kNetworkDelay, Op::NetworkUp, machine.slot, machine.generation);
}

}  // namespace gputide::sim
