#include "decide/provisioning/reservation_order.h"

#include <algorithm>

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kSmall = 100'000, kOfLowerWeight = 100;

std::int32_t weight_of(const ProvisionProblem& problem, const NodeKind& kind) {
  return problem.weights ? problem.pools[kind.pool].spec.weight.value_or(0) : 0;
}

// The most that an instance of the kind's reservation costs otherwise.
Money on_demand(const ProvisionProblem& problem, const NodeKind& kind, const std::string& id) {
  Money most;
  for (const PackOffer& offer : kind.offers)
    for (const ProviderType::Offering& each : problem.types[offer.type].offerings)
      if (each.reservation_id == id) most = std::max(most, each.on_demand);
  return most;
}

}  // namespace

std::vector<Money> reservation_shifts(const ProvisionProblem& problem, const Compiled& compiled) {
  const std::vector<NodeKind>& kinds = compiled.pack.kinds;
  if (compiled.pack.reservations.empty()) return {};
  std::int32_t highest = 0;
  for (const NodeKind& kind : kinds) highest = std::max(highest, weight_of(problem, kind));
  std::vector<Money> out(kinds.size());
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::string& id = compiled.kinds[k].reservation_id;
    if (id.empty()) continue;
    const std::int64_t part = weight_of(problem, kinds[k]) < highest ? kOfLowerWeight : kSmall;
    out[k] =
        Money::micros(std::max<std::int64_t>(on_demand(problem, kinds[k], id).micros() / part, 1));
  }
  return out;
}

}  // namespace gputide::provisioning
