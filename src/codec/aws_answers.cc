#include "codec/aws_answers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/core.h>

#include "base/text.h"
#include "codec/json.h"

namespace gputide::codec {
namespace {

using model::InstanceType;
using model::Value;

// The list of that name in an answer.
Result<Value::List> entries(std::string_view json, std::string_view list,
                            std::string_view command) {
  Result<Value> answer = read_json(json);
  if (!answer) return tl::unexpected(answer.error());
  Value* found = answer->find(list);
  if (found == nullptr || !found->is_list())
    return fail(
        fmt::format("there is no list {}: this is not what aws ec2 {} prints", list, command));
  return std::move(found->as_list());
}

std::int64_t number(const Value* value) {
  if (value == nullptr) return 0;
  if (value->kind() == Value::Kind::Int) return value->as_int();
  if (value->kind() == Value::Kind::Double) return static_cast<std::int64_t>(value->as_double());
  return 0;
}

// 1500 of 1.5; nullopt where there is no number.
std::optional<std::int64_t> thousandths(const Value* value) {
  if (value == nullptr) return std::nullopt;
  const double whole = value->kind() == Value::Kind::Double ? value->as_double()
                                                            : static_cast<double>(number(value));
  return std::llround(whole * 1000);
}

bool flag(const Value* value) {
  return value != nullptr && value->kind() == Value::Kind::Bool && value->as_bool();
}

const Value::List& list_at(const Value* value) {
  static const Value::List kNone;
  return value != nullptr && value->is_list() ? value->as_list() : kNone;
}

// The text of a member; `otherwise` where it is not there.
std::string text_or(const Value& entry, std::string_view key, std::string_view otherwise) {
  const std::string_view text = entry.text_at(key);
  return std::string(text.empty() ? otherwise : text);
}

std::optional<Instant> instant_at(const Value& entry, std::string_view key) {
  const auto at = Instant::parse_rfc3339(entry.text_at(key));
  return at ? std::optional(*at) : std::nullopt;
}

// EC2 counts fractions of a GPU as 0. All that are sold are of an L4; the memory tells how much.
void read_gpus(const Value& entry, InstanceType& type, model::InstanceTypeList& list) {
  constexpr std::int64_t kL4Mib = 22'888;
  for (const Value& gpu : list_at(entry.at("GpuInfo", "Gpus"))) {
    if (!type.gpu_name.empty()) continue;  // one kind of GPU a type
    type.gpu_name = list.keep(std::string(gpu.text_at("Name")));
    type.gpu_maker = list.keep(to_lower(gpu.text_at("Manufacturer")));
    type.gpu_count = number(gpu.find("Count"));
    type.gpu_memory_mib = number(gpu.at("MemoryInfo", "SizeInMiB"));
    const bool fraction = type.gpu_count == 0 && type.gpu_memory_mib > 0;
    if (fraction)
      type.gpu_eighths =
          std::clamp<std::int64_t>((type.gpu_memory_mib * 8 + kL4Mib / 2) / kL4Mib, 1, 7);
  }
}

std::string accelerators(const Value& entry) {
  const Value* neuron = entry.at("NeuronInfo", "NeuronDevices");
  const auto& devices =
      list_at(neuron != nullptr ? neuron : entry.at("InferenceAcceleratorInfo", "Accelerators"));
  if (devices.empty()) return {};
  return fmt::format("{}:{}", to_lower(devices.front().text_at("Name")),
                     number(devices.front().find("Count")));
}

void read_network(const Value& entry, InstanceType& type) {
  const Value* network = entry.find("NetworkInfo");
  if (network == nullptr) return;
  type.ipv4_per_eni = number(network->find("Ipv4AddressesPerInterface"));
  type.enis_all_cards = number(network->find("MaximumNetworkInterfaces"));
  type.enis = type.enis_all_cards;
  const auto& cards = list_at(network->find("NetworkCards"));
  const auto chosen = static_cast<std::size_t>(
      std::max<std::int64_t>(0, number(network->find("DefaultNetworkCardIndex"))));
  if (chosen >= cards.size()) return;
  const Value& card = cards[chosen];
  if (const std::int64_t enis = number(card.find("MaximumNetworkInterfaces")); enis > 0)
    type.enis = enis;
  type.network_mbps = thousandths(card.find("BaselineBandwidthInGbps"));
}

// What Karpenter makes labels of, and nothing else here asks.
void read_labels(const Value& entry, InstanceType& type, model::InstanceTypeList& list) {
  const Value* processor = entry.find("ProcessorInfo");
  if (processor == nullptr || processor->text_at("Manufacturer").empty()) return;
  type.cpu_maker = list.keep(to_lower(processor->text_at("Manufacturer")));
  type.cpu_mhz = thousandths(processor->find("SustainedClockSpeedInGhz")).value_or(0);
  type.encryption_in_transit = flag(entry.at("NetworkInfo", "EncryptionInTransitSupported"));
  const Value* ebs = entry.find("EbsInfo");
  if (ebs == nullptr || ebs->text_at("EbsOptimizedSupport") != "default") return;
  if (const Value* most = ebs->at("EbsOptimizedInfo", "MaximumBandwidthInMbps"))
    type.ebs_mbps = number(most);
}

InstanceType read_type(const Value& entry, model::InstanceTypeList& list) {
  InstanceType type;
  type.name = list.keep(std::string(entry.text_at("InstanceType")));
  type.arch = "amd64";
  for (const Value& arch : list_at(entry.at("ProcessorInfo", "SupportedArchitectures")))
    if (arch.is_string() && arch.as_string().starts_with("arm64")) type.arch = "arm64";
  type.vcpu = number(entry.at("VCpuInfo", "DefaultVCpus"));
  type.memory_mib = number(entry.at("MemoryInfo", "SizeInMiB"));
  read_gpus(entry, type, list);
  type.accelerators = list.keep(accelerators(entry));
  read_network(entry, type);
  type.local_nvme_gb = number(entry.at("InstanceStorageInfo", "TotalSizeInGB"));
  read_labels(entry, type, list);
  type.hypervisor = list.keep(std::string(entry.text_at("Hypervisor")));
  type.bare_metal = flag(entry.find("BareMetal"));
  type.current_generation = flag(entry.find("CurrentGeneration"));
  return type;
}

model::CapacityReservation read_reservation(const Value& entry) {
  model::CapacityReservation told;
  told.id = text_or(entry, "CapacityReservationId", "");
  told.instance_type = text_or(entry, "InstanceType", "");
  told.zone = text_or(entry, "AvailabilityZone", "");
  told.total = number(entry.find("TotalInstanceCount"));
  told.available = number(entry.find("AvailableInstanceCount"));
  told.type = text_or(entry, "ReservationType", told.type);
  told.match_criteria = text_or(entry, "InstanceMatchCriteria", told.match_criteria);
  told.owner_id = text_or(entry, "OwnerId", "");
  told.state = text_or(entry, "State", "");
  told.platform = text_or(entry, "InstancePlatform", told.platform);
  told.tenancy = text_or(entry, "Tenancy", told.tenancy);
  told.interruptible = flag(entry.find("Interruptible"));
  for (const Value& tag : list_at(entry.find("Tags")))
    told.tags[std::string(tag.text_at("Key"))] = tag.text_at("Value");
  told.start = instant_at(entry, "StartDate");
  told.end = instant_at(entry, "EndDate");
  return told;
}

}  // namespace

Result<std::vector<SpotPrice>> read_spot_prices(std::string_view json) {
  const auto list = entries(json, "SpotPriceHistory", "describe-spot-price-history");
  if (!list) return tl::unexpected(list.error());
  struct Newest {
    Instant at;
    Money price;
  };
  std::map<std::pair<std::string, std::string>, Newest> newest;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Value& entry = (*list)[i];
    const std::string_view zone = entry.text_at("AvailabilityZone");
    const std::string_view type = entry.text_at("InstanceType");
    const std::string_view product = entry.text_at("ProductDescription");
    if (!product.empty() && !product.starts_with("Linux/UNIX")) continue;
    const auto price = Money::parse(entry.text_at("SpotPrice"));
    if (zone.empty() || type.empty() || !price || *price < Money())
      return fail(
          fmt::format("SpotPriceHistory[{}] has no AvailabilityZone, InstanceType or "
                      "SpotPrice that can be read",
                      i));
    const auto at = Instant::parse_rfc3339(entry.text_at("Timestamp"));
    const Newest told{at ? *at : Instant(), *price};
    const auto [known, fresh] = newest.emplace(std::pair(zone, type), told);
    if (!fresh && known->second.at < told.at) known->second = told;
  }
  std::vector<SpotPrice> prices;
  for (const auto& [key, told] : newest) prices.push_back({key.first, key.second, told.price});
  return prices;
}

Result<std::shared_ptr<const model::InstanceTypeList>> read_instance_types(std::string_view json) {
  const auto list = entries(json, "InstanceTypes", "describe-instance-types");
  if (!list) return tl::unexpected(list.error());
  auto types = std::make_shared<model::InstanceTypeList>();
  for (std::size_t i = 0; i < list->size(); ++i) {
    InstanceType type = read_type((*list)[i], *types);
    if (type.name.empty() || type.vcpu <= 0 || type.memory_mib <= 0)
      return fail(
          fmt::format("InstanceTypes[{}] has no InstanceType, DefaultVCpus or SizeInMiB that "
                      "can be read",
                      i));
    types->types.push_back(type);
  }
  return types;
}

Result<std::vector<model::CapacityReservation>> read_capacity_reservations(std::string_view json) {
  const auto list = entries(json, "CapacityReservations", "describe-capacity-reservations");
  if (!list) return tl::unexpected(list.error());
  std::map<std::string, model::CapacityReservation> by_id;
  for (std::size_t i = 0; i < list->size(); ++i) {
    model::CapacityReservation told = read_reservation((*list)[i]);
    if (told.id.empty() || told.instance_type.empty() || told.zone.empty() || told.state.empty())
      return fail(
          fmt::format("CapacityReservations[{}] has no CapacityReservationId, InstanceType, "
                      "AvailabilityZone or State that can be read",
                      i));
    if (told.available < 0 || told.available > told.total)
      return fail(
          fmt::format("CapacityReservations[{}]: AvailableInstanceCount {} is not within 0 to "
                      "TotalInstanceCount {}",
                      i, told.available, told.total));
    std::string id = told.id;
    if (!by_id.emplace(std::move(id), told).second)
      return fail(fmt::format("CapacityReservations[{}] tells of {} a second time", i, told.id));
  }
  std::vector<model::CapacityReservation> reservations;
  for (auto& [id, told] : by_id) reservations.push_back(std::move(told));
  return reservations;
}

}  // namespace gputide::codec
