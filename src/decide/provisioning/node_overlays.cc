#include "decide/provisioning/node_overlays.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/provisioning/node_ask.h"

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int32_t kMostWeight = 10'000;

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "12", "1.5"; `bare`: also ".5".
bool is_decimal(std::string_view text, bool bare) {
  const std::size_t point = text.find('.');
  if (point == text.npos) return all_digits(text);
  return (all_digits(text.substr(0, point)) || (bare && point == 0)) &&
         all_digits(text.substr(point + 1));
}

// "+1.5", "-0.5" dollars; "+10%", and down to "-100%".
bool is_adjustment(std::string_view text) {
  if (!text.starts_with('+') && !text.starts_with('-')) return false;
  const bool less = text.starts_with('-'), percent = text.ends_with('%');
  text.remove_prefix(1);
  if (percent) text.remove_suffix(1);
  if (!less || !percent) return is_decimal(text, true);
  return text == "100" || (is_decimal(text, false) && text.substr(0, text.find('.')).size() <= 2);
}

// A decimal number in millionths.
std::int64_t millionths(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool less = text.starts_with('-');
  if (less) text.remove_prefix(1);
  const auto read = Money::parse(text.starts_with('.') ? "0" + std::string(text) : text);
  return (less ? -1 : 1) * (read ? read->micros() : 0);
}

// What has been set so far, and by an overlay of which weight.
struct Done {
  std::map<std::tuple<std::size_t, std::size_t>, std::int32_t> price;     // type, offering
  std::map<std::tuple<std::size_t, std::string>, std::int32_t> capacity;  // type, resource
};

// An overlay and what it selects: offerings by type.
struct Selected {
  const model::NodeOverlay* overlay;
  std::map<std::size_t, std::vector<std::size_t>> offerings;

  std::int32_t weight() const { return overlay->spec.weight.value_or(0); }
  bool sets_price() const {
    return overlay->spec.price.has_value() || overlay->spec.priceAdjustment.has_value();
  }
};

Selected select(const model::NodeOverlay& overlay, const model::NodePool& pool,
                const std::vector<ProviderType>& types) {
  Selected out{&overlay, {}};
  const Requirements asked = Requirements::from_node_selector(overlay.spec.requirements);
  Requirements node = Requirements::from_labels(pool.spec.template_.metadata.labels);
  node.add(Requirement::in("karpenter.sh/nodepool", pool.metadata.name));
  for (std::size_t t = 0; t < types.size(); ++t) {
    Requirements shown = node;
    shown.add(types[t].requirements);
    if (!shown.is_compatible(asked)) continue;
    for (std::size_t o = 0; o < types[t].offerings.size(); ++o) {
      const ProviderType::Offering& offering = types[t].offerings[o];
      if (asked.get("topology.kubernetes.io/zone").has(offering.zone) &&
          asked.get("karpenter.sh/capacity-type").has(offering.capacity_type))
        out.offerings[t].push_back(o);
    }
  }
  return out;
}

bool conflicts(const Selected& selected, const Done& done) {
  const auto same_weight = [&](const auto& table, const auto& key) {
    const auto found = table.find(key);
    return found != table.end() && found->second == selected.weight();
  };
  for (const auto& [t, offerings] : selected.offerings) {
    if (selected.sets_price())
      for (const std::size_t o : offerings)
        if (same_weight(done.price, std::tuple(t, o))) return true;
    for (const auto& [resource, amount] : selected.overlay->spec.capacity)
      if (same_weight(done.capacity, std::tuple(t, resource))) return true;
  }
  return false;
}

void apply(const Selected& selected, std::vector<ProviderType>& types, Done& done) {
  for (const auto& [t, offerings] : selected.offerings) {
    ProviderType& type = types[t];
    if (selected.sets_price())
      for (const std::size_t o : offerings)
        if (type.offerings[o].reservation_id.empty() &&  // else it is paid for, whatever its price
            done.price.try_emplace(std::tuple(t, o), selected.weight()).second)
          type.offerings[o].price = overlaid_price(selected.overlay->spec, type.offerings[o].price);
    for (const auto& [resource, amount] : selected.overlay->spec.capacity)
      if (done.capacity.try_emplace(std::tuple(t, resource), selected.weight()).second)
        type.capacity[resource] = type.allocatable[resource] = amount;
  }
}

}  // namespace

Errors validate_node_overlay(const model::NodeOverlaySpec& spec) {
  Errors out;
  for (const model::NodeSelectorRequirement& each : spec.requirements)
    if (each.key != "karpenter.sh/nodepool")
      for (const std::string& error :
           validate_requirement({each.key, each.operator_, each.values, std::nullopt}))
        out.push_back(error);
  if (spec.price && spec.priceAdjustment)
    out.emplace_back("price and priceAdjustment exclude each other");
  if (spec.price && !is_decimal(*spec.price, false))
    out.push_back(fmt::format("price {} is not an amount in dollars", quote(*spec.price)));
  if (spec.priceAdjustment && !is_adjustment(*spec.priceAdjustment))
    out.push_back(fmt::format("priceAdjustment {} is neither +10% nor -0.5, for instance",
                              quote(*spec.priceAdjustment)));
  if (spec.weight && (*spec.weight < 1 || *spec.weight > kMostWeight))
    out.push_back(fmt::format("weight is not within 1 to {}", kMostWeight));
  // Those that AWS's provider knows of each type, but for GPUs.
  for (const char* resource :
       {"cpu", "memory", "ephemeral-storage", "pods", "vpc.amazonaws.com/pod-eni",
        "vpc.amazonaws.com/efa", "aws.amazon.com/neuron", "habana.ai/gaudi"})
    if (spec.capacity.contains(resource))
      out.push_back(fmt::format("capacity of {} may not be set", resource));
  return out;
}

Money overlaid_price(const model::NodeOverlaySpec& spec, Money price) {
  if (spec.price) return Money::micros(millionths(*spec.price));
  if (!spec.priceAdjustment) return price;
  std::string_view by = *spec.priceAdjustment;
  if (!by.ends_with('%')) return std::max(Money(), price + Money::micros(millionths(by)));
  by.remove_suffix(1);
  constexpr __int128 kWhole = __int128{100} * kMillion;  // millionths of a hundredth
  const __int128 factor = kWhole + millionths(by);
  const __int128 product = price.micros() * factor;
  return Money::micros(static_cast<std::int64_t>((product + kWhole / 2) / kWhole));
}

Errors apply_overlays(std::span<const model::NodeOverlay> overlays, const model::NodePool& pool,
                      std::vector<ProviderType>& types) {
  std::vector<const model::NodeOverlay*> order;
  for (const model::NodeOverlay& overlay : overlays) order.push_back(&overlay);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->spec.weight.value_or(0), a->metadata.name) >
           std::tuple(b->spec.weight.value_or(0), b->metadata.name);
  });
  Errors left_out;
  Done done;
  const std::vector<ProviderType> as_told = types;
  for (const model::NodeOverlay* overlay : order) {
    const std::string& name = overlay->metadata.name;
    if (const Errors wrong = validate_node_overlay(overlay->spec); !wrong.empty()) {
      left_out.push_back(fmt::format("NodeOverlay {} is left out: {}", name, join(wrong, "; ")));
      continue;
    }
    const Selected selected = select(*overlay, pool, as_told);
    if (conflicts(selected, done))
      left_out.push_back(fmt::format(
          "NodeOverlay {} is left out: another of the same weight sets the same for NodePool {}",
          name, pool.metadata.name));
    else
      apply(selected, types, done);
  }
  return left_out;
}

}  // namespace gputide::provisioning
