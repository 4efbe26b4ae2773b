#include "decide/provisioning/pool_types.h"

#include <algorithm>

#include "codec/json.h"
#include "decide/provisioning/ec2_types.h"
#include "decide/provisioning/node_ask.h"
#include "decide/provisioning/node_overlays.h"

namespace gputide::provisioning {
namespace {

constexpr std::string_view kBetaKubelet = "compatibility.karpenter.sh/v1beta1-kubelet-conversion";
constexpr std::int64_t kUsualVolumeGib = 20;  // Karpenter's, where a class maps no device

std::int64_t root_volume_gib(const model::EC2NodeClass& node_class) {
  const auto& mappings = node_class.spec.blockDeviceMappings;
  auto root = std::find_if(mappings.begin(), mappings.end(),
                           [](const model::BlockDeviceMapping& each) { return each.rootVolume; });
  if (root == mappings.end()) root = mappings.begin();
  if (root == mappings.end() || !root->ebs.volumeSize) return kUsualVolumeGib;
  return root->ebs.volumeSize->value() >> 30;
}

bool has_plugin(const PoolSurroundings& from) {
  return std::any_of(from.daemon_sets.begin(), from.daemon_sets.end(), [](const auto& set) {
    return sharing::plugin_role(*set->spec.template_.spec).has_value();
  });
}

}  // namespace

pricing::NodeSizing sizing_of(const model::NodePool& pool, const model::EC2NodeClass* node_class) {
  pricing::NodeSizing sizing = karpenter_sizing();
  const auto beta = pool.metadata.annotations.find(std::string(kBetaKubelet));
  if (beta != pool.metadata.annotations.end())
    if (const auto kubelet = codec::read_json(beta->second))
      sizing.kubelet = model::kubelet_settings(*kubelet);
  if (node_class == nullptr) return sizing;
  sizing.volume_gib = root_volume_gib(*node_class);
  if (node_class->spec.kubelet.is_map())
    sizing.kubelet = model::kubelet_settings(node_class->spec.kubelet);
  sizing.pods_on_local_disks = node_class->spec.instanceStorePolicy == "RAID0";
  return sizing;
}

sharing::Devices devices_on(const PoolSurroundings& from, const model::NodePool& pool,
                            const ProviderType& type) {
  const model::InstanceType* machine = from.catalogue.find(type.name);
  if (machine == nullptr || !machine->has_nvidia()) return {};
  const Requirements node = template_requirements(pool);
  const model::NodeClaimTemplate& shape = pool.spec.template_;
  std::vector<std::shared_ptr<const model::DaemonSet>> coming;
  for (const auto& set : from.daemon_sets)
    if (comes_to(*set->spec.template_.spec, node, shape.spec.taints, type, ec2_well_known_labels()))
      coming.push_back(set);
  return sharing::devices_of(*machine, shape.metadata.labels, {}, coming, from.find_config_map);
}

void offer_devices(const PoolSurroundings& from, const model::NodePool& pool, ProviderType& type,
                   std::vector<std::string>& errors) {
  const model::InstanceType* machine = from.catalogue.find(type.name);
  if (machine == nullptr || !machine->has_nvidia()) return;
  for (model::ResourceList* list : {&type.capacity, &type.allocatable})
    list->erase(std::string(sharing::kNvidiaGpu));
  const sharing::Devices devices = devices_on(from, pool, type);
  for (const auto& [name, amount] : devices.resources)
    type.capacity[name] = type.allocatable[name] = amount;
  for (const std::string& error : devices.errors)
    if (std::find(errors.begin(), errors.end(), error) == errors.end()) errors.push_back(error);
}

PoolTypes types_of_pool(const PoolSurroundings& from, const model::NodePool& pool,
                        const model::EC2NodeClass* node_class) {
  PoolTypes out;
  const Requirements asked = template_requirements(pool);
  const bool as_plugins_offer = !from.assume_plugin || has_plugin(from);
  std::vector<model::CapacityReservation> selected;
  if (node_class != nullptr)
    selected = model::selected_reservations(node_class->spec, from.reservations);
  const auto all =
      ec2_types(from.catalogue, from.region, from.zones, sizing_of(pool, node_class), selected);
  for (const ProviderType& type : all) {
    if (!type.requirements.intersects(asked)) continue;
    out.types.push_back(type);
    if (as_plugins_offer) offer_devices(from, pool, out.types.back(), out.errors);
  }
  out.left_out = apply_overlays(from.overlays, pool, out.types);
  return out;
}

}  // namespace gputide::provisioning
