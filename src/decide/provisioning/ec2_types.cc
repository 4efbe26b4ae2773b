#include "decide/provisioning/ec2_types.h"

#include <algorithm>

#include "base/text.h"
#include "decide/pricing/allocatable.h"

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kMemoryOverheadPer10000 = 750;

std::string label_of(std::string_view key) {
  return "karpenter.k8s.aws/instance-" + std::string(key);
}

// "g4dn.xlarge" -> "g" and "4"; "u-6tb1" has no generation.
void add_family(const model::InstanceType& type, Requirements& labels) {
  const std::string_view family = type.family();
  const std::size_t letters =
      std::min(static_cast<std::size_t>(std::find_if(family.begin(), family.end(), is_digit) -
                                        family.begin()),
               family.size());
  std::size_t end = letters;
  while (end < family.size() && is_digit(family[end])) ++end;
  const auto add = [&](std::string_view key, std::string_view value) {
    labels.add(Requirement::in(label_of(key), value));
  };
  add("family", family);
  add("size", type.size());
  add("category", family.substr(0, letters));
  add("capability-flex", family.find("-flex") == std::string_view::npos ? "false" : "true");
  if (end > letters)
    add("generation", family.substr(letters, end - letters));
  else
    labels.add(Requirement::make(label_of("generation"), "DoesNotExist", {}));
}

std::string text_of(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "";
}

// What a type has not, or is not known of it, is on no node of it.
void add_hardware(const model::InstanceType& type, Requirements& labels) {
  const auto add = [&](std::string_view key, const std::string& value) {
    labels.add(value.empty() ? Requirement::make(label_of(key), "DoesNotExist", {})
                             : Requirement::in(label_of(key), value));
  };
  add("cpu", std::to_string(type.vcpu));
  add("cpu-manufacturer", std::string(type.cpu_maker));
  add("cpu-sustained-clock-speed-mhz", text_of(type.cpu_mhz));
  add("memory", std::to_string(type.memory_mib));
  add("hypervisor", std::string(type.hypervisor));
  add("local-nvme", type.local_nvme_gb > 0 ? std::to_string(type.local_nvme_gb) : "");
  add("ebs-bandwidth", text_of(type.ebs_mbps));
  add("network-bandwidth", text_of(type.network_mbps));
  const std::optional<bool>& encrypts = type.encryption_in_transit;
  add("encryption-in-transit-supported", !encrypts ? "" : *encrypts ? "true" : "false");
  const std::int64_t gpus = type.visible_gpus();
  std::string gpu_name = to_lower(type.gpu_name);
  std::replace(gpu_name.begin(), gpu_name.end(), ' ', '-');
  add("gpu-name", gpus > 0 ? gpu_name : "");
  add("gpu-manufacturer", gpus > 0 ? std::string(type.gpu_maker) : "");
  add("gpu-count", gpus > 0 ? std::to_string(gpus) : "");
  add("gpu-memory", gpus > 0 ? std::to_string(type.gpu_memory_mib) : "");
  const std::string_view accelerator = type.accelerators;  // "inferentia:16"
  const std::size_t colon = accelerator.find(':');
  const bool of_aws = accelerator.starts_with("inferentia") || accelerator.starts_with("trainium");
  const bool one =
      colon != std::string_view::npos && (of_aws || accelerator.starts_with("qualcomm"));
  add("accelerator-name", one ? std::string(accelerator.substr(0, colon)) : "");
  add("accelerator-manufacturer", !one ? "" : of_aws ? "aws" : "qualcomm");
  add("accelerator-count", one ? std::string(accelerator.substr(colon + 1)) : "");
}

void add_offerings(const pricing::Catalogue& catalogue, const std::string& region,
                   const std::vector<std::string>& zones, ProviderType& type) {
  for (const std::string& zone : zones) {
    if (const auto price = catalogue.on_demand(region, type.name))
      type.offerings.push_back({zone, "on-demand", {}, 0, price->per_hour, true});
    if (const auto price = catalogue.spot(region, zone, type.name))
      type.offerings.push_back({zone, "spot", {}, 0, price->per_hour, true});
  }
}

void add_reservations(const pricing::Catalogue& catalogue, const std::string& region,
                      const std::vector<std::string>& zones,
                      std::span<const model::CapacityReservation> reservations,
                      ProviderType& type) {
  for (const model::CapacityReservation& each : reservations) {
    if (each.instance_type != type.name || !model::why_unusable(each).empty() ||
        std::find(zones.begin(), zones.end(), each.zone) == zones.end())
      continue;
    const auto price = catalogue.on_demand(region, type.name);
    type.offerings.push_back({each.zone, "reserved", each.id, each.available, Money(), true,
                              each.type, each.interruptible, price ? price->per_hour : Money()});
  }
}

ProviderType provider_type(const pricing::Catalogue& catalogue, const model::InstanceType& type,
                           const std::string& region, const std::vector<std::string>& zones,
                           const pricing::NodeSizing& sizing,
                           std::span<const model::CapacityReservation> reservations) {
  ProviderType told;
  told.name = type.name;
  if (catalogue.offered(region, type.name)) add_offerings(catalogue, region, zones, told);
  add_reservations(catalogue, region, zones, reservations, told);
  std::vector<std::string> markets;
  for (const ProviderType::Offering& offering : told.offerings)
    if (std::find(markets.begin(), markets.end(), offering.capacity_type) == markets.end())
      markets.push_back(offering.capacity_type);
  told.requirements.add(Requirement::in("node.kubernetes.io/instance-type", type.name));
  told.requirements.add(Requirement::in("kubernetes.io/arch", type.arch));
  told.requirements.add(Requirement::in("kubernetes.io/os", "linux"));
  told.requirements.add(Requirement::in("topology.kubernetes.io/region", region));
  told.requirements.add(Requirement::make("topology.kubernetes.io/zone", "In", zones));
  // Which zone has which id differs between accounts.
  told.requirements.add(Requirement::make("topology.k8s.aws/zone-id", "DoesNotExist", {}));
  told.requirements.add(Requirement::make("karpenter.sh/capacity-type", "In", markets));
  add_family(type, told.requirements);
  add_hardware(type, told.requirements);
  pricing::NodeResources resources = pricing::node_resources(type, sizing);
  told.capacity = std::move(resources.capacity);
  told.allocatable = std::move(resources.allocatable);
  if (type.visible_gpus() > 0) {
    const char* resource = type.gpu_maker == "amd" ? "amd.com/gpu" : "nvidia.com/gpu";
    told.capacity[resource] = told.allocatable[resource] =
        Quantity::from_value(type.visible_gpus());
  }
  return told;
}

}  // namespace

pricing::NodeSizing karpenter_sizing() {
  pricing::NodeSizing sizing;
  sizing.vm_overhead_per_10000 = kMemoryOverheadPer10000;
  return sizing;
}

std::vector<ProviderType> ec2_types(const pricing::Catalogue& catalogue, const std::string& region,
                                    const std::vector<std::string>& zones,
                                    const pricing::NodeSizing& sizing,
                                    std::span<const model::CapacityReservation> reservations) {
  std::vector<ProviderType> types;
  for (const model::InstanceType& type : catalogue.all()) {
    const bool reserved =
        std::any_of(reservations.begin(), reservations.end(),
                    [&](const auto& each) { return each.instance_type == type.name; });
    if (!reserved && !catalogue.offered(region, type.name)) continue;
    ProviderType told = provider_type(catalogue, type, region, zones, sizing, reservations);
    if (!told.offerings.empty()) types.push_back(std::move(told));
  }
  return types;
}

const LabelSet& ec2_well_known_labels() {
  static const LabelSet kLabels = [] {
    LabelSet labels = core_well_known_labels();
    labels.insert("topology.k8s.aws/zone-id");
    for (const char* name : {"id", "interruptible", "type"})
      labels.insert("karpenter.k8s.aws/capacity-reservation-" + std::string(name));
    for (const char* name : {"accelerator-count",
                             "accelerator-manufacturer",
                             "accelerator-name",
                             "capability-flex",
                             "category",
                             "cpu",
                             "cpu-manufacturer",
                             "cpu-sustained-clock-speed-mhz",
                             "ebs-bandwidth",
                             "encryption-in-transit-supported",
                             "family",
                             "generation",
                             "gpu-count",
                             "gpu-manufacturer",
                             "gpu-memory",
                             "gpu-name",
                             "hypervisor",
                             "local-nvme",
                             "memory",
                             "network-bandwidth",
                             "size"})
      labels.insert(label_of(name));
    return labels;
  }();
  return kLabels;
}

}  // namespace gputide::provisioning
