#include "decide/provisioning/pool_weights.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <set>

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kStep = 1000;
constexpr std::int64_t kMostSum = std::numeric_limits<std::int64_t>::max() / 16;

using HeaviestFirst = std::set<std::int32_t, std::greater<>>;

// More than any plan can cost: the dearest node for each pod. At least 1.
std::int64_t dearest_plan(const PackProblem& pack) {
  std::int64_t price = 1, pods = 1;
  for (const NodeKind& kind : pack.kinds)
    for (const PackOffer& offer : kind.offers) price = std::max(price, offer.price.micros());
  for (const PackClass& each : pack.classes) pods += each.count;
  return pods > kMostSum / price ? kMostSum : price * pods;
}

std::int64_t power(std::int64_t base, std::size_t exponent, std::int64_t most) {
  std::int64_t out = 1;
  for (; exponent > 0; --exponent) {
    if (out > most / base) return most + 1;
    out *= base;
  }
  return out;
}

template <class Change>
void reprice(PackProblem& pack, Change change) {
  for (NodeKind& kind : pack.kinds)
    for (PackOffer& offer : kind.offers)
      offer.price = Money::micros(change(offer.price.micros(), kind.pool));
}

}  // namespace

std::vector<std::int64_t> weight_factors(const ProvisionProblem& problem, const PackProblem& pack) {
  const auto weight = [&](std::uint32_t pool) {
    return problem.pools[pool].spec.weight.value_or(0);
  };
  HeaviestFirst weights;
  for (const NodeKind& kind : pack.kinds) weights.insert(weight(kind.pool));
  if (weights.size() < 2) return {};
  const std::int64_t most = kMostSum / dearest_plan(pack);
  std::int64_t step = kStep;
  while (step > 1 && power(step, weights.size() - 1, most) > most) --step;
  std::vector<std::int64_t> factors;
  for (std::uint32_t pool = 0; pool < problem.pools.size(); ++pool) {
    const auto steps = std::distance(weights.begin(), weights.lower_bound(weight(pool)));
    factors.push_back(power(step, static_cast<std::size_t>(steps), most));
  }
  return factors;
}

void count_weights(const std::vector<std::int64_t>& factors, PackProblem& pack) {
  reprice(pack, [&](std::int64_t price, std::uint32_t pool) { return price * factors[pool]; });
}

void forget_weights(const std::vector<std::int64_t>& factors, PackProblem& pack) {
  reprice(pack, [&](std::int64_t price, std::uint32_t pool) { return price / factors[pool]; });
}

}  // namespace gputide::provisioning
