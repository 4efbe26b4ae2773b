#include "app/cost_bound.h"

#include <algorithm>

#include "base/text.h"
#include "decide/pricing/allocatable.h"
#include "report/fields.h"

namespace gputide::app {

using port::RecordKind;
using report::number_of;
using report::text_of;

// A simulated spot price is never more than 15 % from the catalogue's average (sim/spot_price.h).
constexpr std::int64_t kLeastSpotPercent = 85;

void CostBound::record(const port::Record& record) {
  last_ = record.at;
  const std::string pod(text_of(record, "pod"));
  switch (record.kind) {
    case RecordKind::RunStarted:
      region_ = text_of(record, "region");
      break;
    case RecordKind::GroupCreated:
    case RecordKind::NodePoolReady:
      group_created(record);
      break;
    case RecordKind::ReservationStarted: {
      const Money price = Money::micros(number_of(record, "price_micros"));
      Money& least =
          reserved_.try_emplace(std::string(text_of(record, "type")), price).first->second;
      least = std::min(least, price);
      break;
    }
    case RecordKind::InstanceLaunched:
      gpus_of_instance_[std::string(text_of(record, "instance"))] = number_of(record, "gpus");
      break;
    case RecordKind::NodeRegistered:
      instance_of_node_[std::string(text_of(record, "node"))] = text_of(record, "instance");
      break;
    case RecordKind::NodeResources:
      resources(record);
      break;
    case RecordKind::PodCreated: {
      if (number_of(record, "counted") == 0) break;
      Demand demand{number_of(record, "cpu_milli"), number_of(record, "memory_bytes"),
                    std::string(text_of(record, "gpu_resource")), number_of(record, "gpus")};
      const auto [at, fresh] =
          demand_ids_.emplace(demand, static_cast<std::uint32_t>(demands_.size()));
      if (fresh) demands_.push_back(std::move(demand));
      pods_[pod] = {at->second, std::nullopt};
      break;
    }
    case RecordKind::PodRunning:
      if (const auto at = pods_.find(pod); at != pods_.end()) at->second.running = record.at;
      break;
    case RecordKind::PodSucceeded:
    case RecordKind::PodFailed:
    case RecordKind::PodDeleted:
      ended(record);
      break;
    default:
      break;
  }
}

void CostBound::group_created(const port::Record& record) {
  const std::string_view market = text_of(record, "market");
  for (const std::string_view type : split(text_of(record, "types"), ',')) {
    if (market != "on-demand" && market != "reserved") offers_.insert({std::string(type), true});
    if (market != "spot") offers_.insert({std::string(type), false});
  }
}

// How many units of a resource one GPU gives (slices), as nodes of this run showed.
void CostBound::resources(const port::Record& record) {
  const auto instance = instance_of_node_.find(std::string(text_of(record, "node")));
  if (instance == instance_of_node_.end()) return;
  const std::int64_t gpus = std::max<std::int64_t>(gpus_of_instance_[instance->second], 1);
  for (const port::Field& field : record.fields) {
    const auto* amount = std::get_if<std::int64_t>(&field.value);
    if (amount == nullptr) continue;
    std::int64_t& most = most_per_gpu_[std::string(field.key)];
    most = std::max(most, (*amount + gpus - 1) / gpus);
  }
}

void CostBound::ended(const port::Record& record) {
  const auto at = pods_.find(std::string(text_of(record, "pod")));
  if (at == pods_.end()) return;
  if (at->second.running) spans_.push_back({at->second.demand, *at->second.running, record.at});
  pods_.erase(at);
}

std::optional<Money> CostBound::least_price(const Offer& offer) const {
  const auto price = offer.spot ? catalogue_.spot(region_, "", offer.type)
                                : catalogue_.on_demand(region_, offer.type);
  if (!price) return std::nullopt;
  if (!offer.spot) return price->per_hour;
  return Money::micros(price->per_hour.micros() * kLeastSpotPercent / 100);
}

provisioning::PlacementProblem CostBound::problem() const {
  std::vector<std::string> resources;
  for (const Demand& demand : demands_)
    if (!demand.resource.empty() &&
        std::find(resources.begin(), resources.end(), demand.resource) == resources.end())
      resources.push_back(demand.resource);
  provisioning::PlacementProblem problem;
  problem.dimensions = 3 + resources.size();
  std::vector<std::pair<std::string, std::optional<Money>>> prices(reserved_.begin(),
                                                                   reserved_.end());
  for (const Offer& offer : offers_) prices.emplace_back(offer.type, least_price(offer));
  for (const auto& [name, price] : prices) {
    const model::InstanceType* type = catalogue_.find(name);
    if (type == nullptr || !price) continue;
    const pricing::NodeSize size = pricing::node_sizes(*type).allocatable;
    std::vector<std::int64_t> capacity{size.cpu_milli, size.memory_bytes, size.pods};
    for (const std::string& resource : resources) {
      const auto per_gpu = most_per_gpu_.find(resource);
      capacity.push_back(type->visible_gpus() *
                         (per_gpu == most_per_gpu_.end() ? 1 : per_gpu->second));
    }
    problem.offers.push_back({std::move(capacity), *price});
  }
  for (const Demand& demand : demands_) {
    std::vector<std::int64_t> row{demand.cpu_milli, demand.memory_bytes, 1};
    for (const std::string& resource : resources)
      row.push_back(resource == demand.resource ? demand.gpus : 0);
    std::vector<std::uint32_t> offers;
    for (std::uint32_t i = 0; i < problem.offers.size(); ++i) offers.push_back(i);
    problem.classes.push_back({std::move(row), 1, std::move(offers)});
  }
  return problem;
}

std::optional<Money> CostBound::bound() const {
  std::vector<provisioning::RunningSpan> spans = spans_;
  for (const auto& [name, pod] : pods_)
    if (pod.running) spans.push_back({pod.demand, *pod.running, last_});
  if (spans.empty()) return std::nullopt;
  // The map's order is not a run's: only sums follow, and they are sorted by time there.
  return provisioning::lower_bound_over_time(problem(), spans);
}

}  // namespace gputide::app
