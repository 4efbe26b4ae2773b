#include "decide/pricing/catalogue.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/pricing/tables.h"

namespace gputide::pricing {
namespace {

using model::InstanceType;

bool by_name(const InstanceType& type, std::string_view name) {
  return type.name < name;
}

std::string nearest(std::string_view word, std::span<const std::string_view> known) {
  const std::optional<std::string_view> best = closest(word, known);
  return best ? fmt::format("; did you mean {}?", *best) : std::string();
}

bool more_gpu_memory_for_the_money(const InstanceType& candidate, const InstanceType& old) {
  return candidate.visible_gpus() >= old.visible_gpus() &&
         candidate.gpu_memory_mib >= old.gpu_memory_mib;
}

std::int64_t total_gpu_memory(const InstanceType& type) {
  return type.gpu_memory_mib * type.visible_gpus();
}

std::vector<Replacement> keep(const std::vector<Replacement>& from, auto&& wanted) {
  std::vector<Replacement> kept;
  std::copy_if(from.begin(), from.end(), std::back_inserter(kept), wanted);
  return kept;
}

// Those that can do the old type's GPU work; the strictest rule that leaves any wins.
std::vector<Replacement> for_gpu_type(const std::vector<Replacement>& all, const InstanceType& old,
                                      const std::optional<Price>& old_price) {
  std::vector<Replacement> alike =
      keep(all, [&](const Replacement& r) { return more_gpu_memory_for_the_money(*r.type, old); });
  if (old_price) {
    const std::int64_t limit = old_price->per_hour.micros() / 4 * 5;
    std::vector<Replacement> affordable =
        keep(alike, [&](const Replacement& r) { return r.price.per_hour.micros() <= limit; });
    if (!affordable.empty()) return affordable;
  }
  if (!alike.empty()) return alike;
  return keep(all, [&](const Replacement& r) {
    return total_gpu_memory(*r.type) >= total_gpu_memory(old);
  });
}

}  // namespace

const Catalogue& Catalogue::builtin() {
  static const Catalogue kBuiltin;
  return kBuiltin;
}

std::span<const InstanceType> Catalogue::all() const {
  if (merged_ != nullptr) return *merged_;
  return tables().types;
}

const InstanceType* Catalogue::find(std::string_view type) const {
  const std::span<const InstanceType> types = all();
  const auto found = std::lower_bound(types.begin(), types.end(), type, by_name);
  return found != types.end() && found->name == type ? &*found : nullptr;
}

std::string Catalogue::unknown_type(std::string_view type) const {
  std::vector<std::string_view> names;
  for (const InstanceType& known : all()) names.push_back(known.name);
  return fmt::format("there is no instance type {}{}", quote(type), nearest(type, names));
}

Result<const InstanceType*> Catalogue::get(std::string_view type) const {
  const InstanceType* found = find(type);
  if (found == nullptr) return fail(unknown_type(type));
  return found;
}

std::vector<std::string_view> Catalogue::regions() const {
  std::vector<std::string_view> names = tables().on_demand.regions;
  for (const auto& [key, price] : given_on_demand_) names.push_back(key.first);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<Price> Catalogue::on_demand(std::string_view region, std::string_view type) const {
  const auto given = given_on_demand_.find(std::pair(std::string(region), std::string(type)));
  if (given != given_on_demand_.end()) return Price{given->second, PriceBasis::Given};
  const PriceCell* cell = tables().on_demand.find(region, type);
  if (cell == nullptr || cell->micros < 0) return std::nullopt;
  return Price{Money::micros(cell->micros), cell->basis};
}

std::optional<Price> Catalogue::spot(std::string_view region, std::string_view zone,
                                     std::string_view type) const {
  if (const auto zones = given_spot_.find(type); zones != given_spot_.end()) {
    std::optional<Price> cheapest;
    for (const auto& [told, price] : zones->second) {
      const bool asked = zone.empty() ? region_of_zone(told) == region : told == zone;
      if (asked && (!cheapest || price < cheapest->per_hour))
        cheapest = Price{price, PriceBasis::Given};
    }
    if (cheapest) return cheapest;
  }
  const SpotCell* cell = tables().spot.find(region, type);
  const std::optional<Price> full = on_demand(region, type);
  if (cell == nullptr || cell->interruption_class < 0 || !full) return std::nullopt;
  const std::int64_t saving = std::max<std::int64_t>(cell->saving_percent, 0);
  const std::int64_t hundredths = full->per_hour.micros() * (100 - saving);
  return Price{Money::micros((hundredths + 50) / 100), PriceBasis::SpotAverage};
}

std::string Catalogue::no_price(std::string_view region, std::string_view type,
                                std::string_view market) const {
  if (find(type) == nullptr) return unknown_type(type);
  const std::vector<std::string_view> known = regions();
  if (!std::binary_search(known.begin(), known.end(), region))
    return fmt::format("no prices are known for the region {}{}", quote(region),
                       nearest(region, known));
  return fmt::format("no {} price is known for {} in {}", market, type, region);
}

Result<Money> Catalogue::price(std::string_view region, std::string_view type,
                               model::Market market) const {
  if (market == model::Market::Spot) return spot_price(region, {}, type);
  const std::optional<Price> found = on_demand(region, type);
  if (!found) return fail(no_price(region, type, "on-demand"));
  return found->per_hour;
}

Result<Money> Catalogue::spot_price(std::string_view region, std::string_view zone,
                                    std::string_view type) const {
  const std::optional<Price> found = spot(region, zone, type);
  if (!found) return fail(no_price(region, type, "spot"));
  return found->per_hour;
}

std::optional<int> Catalogue::interruption_class(std::string_view region,
                                                 std::string_view type) const {
  const SpotCell* cell = tables().spot.find(region, type);
  if (cell == nullptr || cell->interruption_class < 0) return std::nullopt;
  return cell->interruption_class;
}

bool Catalogue::offered(std::string_view region, std::string_view type) const {
  const InstanceType* known = find(type);
  if (known == nullptr || known->status == InstanceType::Status::Retired) return false;
  const std::optional<Price> spot_told = spot(region, "", type);
  if (spot_told && spot_told->basis == PriceBasis::Given) return true;
  const std::optional<Price> told = on_demand(region, type);
  if (!told) return false;
  if (!told->estimated() || interruption_class(region, type)) return true;
  const std::vector<std::string_view>& elsewhere = tables().spot.regions;
  return std::none_of(elsewhere.begin(), elsewhere.end(), [&](std::string_view other) {
    return interruption_class(other, type).has_value();
  });
}

std::vector<Replacement> Catalogue::replacements(std::string_view region, std::string_view type,
                                                 std::size_t limit) const {
  const InstanceType* old = find(type);
  if (old == nullptr) return {};
  const bool gpus = old->visible_gpus() > 0;
  std::vector<Replacement> fitting;
  for (const InstanceType& candidate : all()) {
    if (candidate.name == old->name || candidate.arch != old->arch) continue;
    if (candidate.gpu_maker != old->gpu_maker || candidate.accelerators != old->accelerators)
      continue;
    const bool less_memory = candidate.memory_mib < old->memory_mib;
    const bool fewer_vcpus = candidate.vcpu < old->vcpu;
    if (!gpus && (less_memory || fewer_vcpus)) continue;
    if (!offered(region, candidate.name)) continue;
    fitting.push_back({&candidate, *on_demand(region, candidate.name), less_memory, fewer_vcpus});
  }
  if (gpus) fitting = for_gpu_type(fitting, *old, on_demand(region, type));
  std::sort(fitting.begin(), fitting.end(), [](const Replacement& a, const Replacement& b) {
    return std::tuple(a.type->bare_metal, a.price.per_hour, a.type->name) <
           std::tuple(b.type->bare_metal, b.price.per_hour, b.type->name);
  });
  if (fitting.size() > limit) fitting.resize(limit);
  return fitting;
}

Catalogue Catalogue::with_on_demand(std::string region, std::string type, Money per_hour) const {
  Catalogue copy = *this;
  copy.given_on_demand_[{std::move(region), std::move(type)}] = per_hour;
  return copy;
}

Catalogue Catalogue::with_spot(std::string zone, std::string type, Money per_hour) const {
  Catalogue copy = *this;
  copy.given_spot_[std::move(type)][std::move(zone)] = per_hour;
  return copy;
}

Catalogue Catalogue::with_spot(std::span<const SpotQuote> quotes) const {
  Catalogue copy = *this;
  for (const SpotQuote& quote : quotes) copy.given_spot_[quote.type][quote.zone] = quote.per_hour;
  return copy;
}

Catalogue Catalogue::with_types(std::shared_ptr<const model::InstanceTypeList> types) const {
  std::map<std::string_view, InstanceType> merged;
  for (const InstanceType& type : all()) merged.emplace(type.name, type);
  // The old entry's key may belong to another owner than the new entry's name; both live on.
  for (const InstanceType& type : types->types) merged.insert_or_assign(type.name, type);
  auto list = std::make_shared<std::vector<InstanceType>>();
  list->reserve(merged.size());
  for (auto& [name, type] : merged) list->push_back(type);
  Catalogue copy = *this;
  copy.given_types_.push_back(std::move(types));
  copy.merged_ = std::move(list);
  return copy;
}

// A region is "<area>-<direction>-<number>", gov and iso regions have one word more; the zone's own
// part follows.
std::string_view region_of_zone(std::string_view zone) {
  for (std::size_t i = 1; i < zone.size(); ++i) {
    if (zone[i - 1] != '-' || zone[i] < '0' || zone[i] > '9') continue;
    std::size_t end = i;
    while (end < zone.size() && zone[end] >= '0' && zone[end] <= '9') ++end;
    return zone.substr(0, end);
  }
  return zone;
}

}  // namespace gputide::pricing
