// The device plugin of a node: what its DaemonSets offer, and who holds it.
#include <algorithm>

#include <fmt/format.h>

#include "sim/kubelet_state.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

// From the plugin's start to the node's next status: the driver's library loads, the plugin
// registers, the kubelet lists its devices.
constexpr Duration kRegistration = Duration::seconds(3);

}  // namespace

void Kubelets::role_changed(Machine& machine) {
  if (machine.devices_coming) return;
  machine.devices_coming = true;
  ++busy_;
  after(kRegistration, Op::DevicesUp, machine.slot, machine.generation);
}

void Kubelets::report_use(Machine& machine) {
  if (cloud_ == nullptr || machine.parts == 0 || machine.dead) return;
  std::int64_t used = 0;
  for (const sharing::DevicePool& pool : machine.pools) used += pool.parts_taken();
  cloud_->set_gpu_use(machine.instance->id, std::min(used, machine.parts), machine.parts);
}

// Puts the amounts of devices and the labels of feature discovery on the node.
void Kubelets::set_amounts(Machine& machine, const model::ResourceList& amounts,
                           const model::StringMap& labels) {
  const std::string& name = machine.instance->private_dns_name;
  const NodeRef before = store_.node(name);
  if (!before) return;
  auto node = std::make_shared<model::Node>(*before);
  bool different = false;
  std::vector<port::Field> fields = {{"node", std::string_view(name)}};
  std::string text;
  for (const auto& [resource, amount] : amounts) {
    const auto old = before->status.allocatable.find(resource);
    if (old != before->status.allocatable.end() && old->second == amount) continue;
    different = true;
    node->status.allocatable[resource] = amount;
    if (!amount.is_zero()) node->status.capacity[resource] = amount;
    fields.push_back({resource, amount.value()});
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", amount.value(), resource);
  }
  if (different)
    telling_.tell(RecordKind::NodeResources, "kubelet", {"node", "", name}, fields,
                  "its device plugin offers " + text);
  for (const auto& [key, value] : labels) {
    std::string& label = node->metadata.labels[key];
    different = different || label != value;
    label = value;
  }
  if (different) static_cast<void>(store_.replace(NodeRef(std::move(node))));
}

void Kubelets::offer(Machine& machine, const sharing::NodeOffer& offered) {
  const bool same = std::equal(
      machine.pools.begin(), machine.pools.end(), offered.resources.begin(),
      offered.resources.end(), [](const sharing::DevicePool& pool, const auto& resource) {
        return pool.resource().name == resource.name &&
               pool.size() == static_cast<std::int64_t>(resource.devices.size());
      });
  if (same) return;  // the kubelet remembers what was handed out
  ++machine.pools_generation;
  machine.pools.clear();
  for (const sharing::ResourceOffer& resource : offered.resources)
    machine.pools.emplace_back(resource, sharing::AllocationPolicy::Distributed);
  machine.parts_per_gpu = offered.parts_per_gpu;
  machine.parts = offered.parts();
}

void Kubelets::devices_up(Machine& machine) {
  machine.devices_coming = false;
  const CloudInstance& instance = *machine.instance;
  const NodeRef node = store_.node(instance.private_dns_name);
  if (!node) return;
  model::ResourceList amounts;
  for (const sharing::DevicePool& pool : machine.pools)
    amounts[pool.resource().name] = Quantity::from_value(0);
  model::StringMap labels;
  machine.serving = false;
  bool mps_daemon = false;
  for (const std::uint32_t slot : machine.plugins)
    mps_daemon = mps_daemon || sharing::plugin_role(*runs_[slot].pod->spec)->runs_mps;
  for (const std::uint32_t slot : machine.plugins) {
    const model::Pod& pod = *runs_[slot].pod;
    const auto complain = [&](const std::string& why) {
      const port::Field fields[] = {{"reason", std::string_view("DevicePlugin")},
                                    {"warning", std::int64_t{1}}};
      telling_.tell(RecordKind::Event, "device-plugin",
                    {"pod", pod.metadata.namespace_, pod.metadata.name}, fields, why);
    };
    model::DaemonSet set;
    set.metadata.namespace_ = pod.metadata.namespace_;
    set.spec.template_.metadata.labels = pod.metadata.labels;
    set.spec.template_.spec = pod.spec;
    Ref<model::ConfigMap> held;  // for as long as the answer is used
    const auto config_map = [&](std::string_view namespace_, std::string_view name) {
      held = store_.get<model::ConfigMap>(namespace_, name);
      return held.get();
    };
    const auto resolved = sharing::resolve_plugin(set, config_map, node->metadata.labels);
    if (!resolved) {
      complain(resolved.error().message);
      continue;
    }
    if (!instance.type->has_nvidia()) continue;
    if (!instance.bootstrap->nvidia_driver) {
      complain(fmt::format("{} has no NVIDIA driver: no GPU is offered", instance.id));
      continue;
    }
    const auto layout = node->metadata.labels.find(std::string(sharing::kMigConfigLabel));
    const auto offered =
        sharing::offer(*instance.type, resolved->setup, instance.id,
                       layout == node->metadata.labels.end() ? std::string_view() : layout->second);
    if (!offered) {
      complain(offered.error().message);
      continue;
    }
    if (resolved->role.publishes_labels)
      labels.insert(offered->labels.begin(), offered->labels.end());
    if (!resolved->role.offers_devices) continue;
    for (const std::string& warning : offered->warnings) complain(warning);
    if (offered->needs_mps_daemon && !mps_daemon) {
      complain("waits for the MPS control daemon, which does not run on this node");
      continue;
    }
    offer(machine, *offered);
    machine.serving = true;
    for (const auto& [resource, amount] : offered->resource_list()) amounts[resource] = amount;
  }
  set_amounts(machine, amounts, labels);
  report_use(machine);
}

}  // namespace gputide::sim
