#include "decide/pricing/cost_sheet.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace gputide::pricing {

namespace {

// Absurd sizes and prices stop at the end of what Money holds.
Money held(__int128 micros) {
  constexpr __int128 kMost = std::numeric_limits<std::int64_t>::max();
  return Money::micros(static_cast<std::int64_t>(std::clamp(micros, -kMost, kMost)));
}

void add(Money& sum, Money amount) {
  sum = held(static_cast<__int128>(sum.micros()) + amount.micros());
}

}  // namespace

Money times(Money per_hour, std::int64_t count) {
  return held(static_cast<__int128>(per_hour.micros()) * count);
}

SizeCost& SizeCost::operator+=(const SizeCost& other) {
  nodes += other.nodes;
  add(per_hour, other.per_hour);
  unpriced += other.unpriced;
  at_most = at_most || other.at_most;
  unlimited = unlimited || other.unlimited;
  return *this;
}

void sort_choices(std::vector<Choice>& choices) {
  std::sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return std::tie(a.price, a.type, a.market) < std::tie(b.price, b.type, b.market);
  });
  choices.erase(std::unique(choices.begin(), choices.end()), choices.end());
}

void add_up(CostLine& line) {
  for (const Instances& each : line.instances)
    for (const Size size : kSizes) {
      const std::int64_t nodes = each.nodes[static_cast<std::size_t>(size)];
      SizeCost& cost = line.size(size);
      cost.nodes += nodes;
      if (each.price)
        add(cost.per_hour, times(*each.price, nodes));
      else
        cost.unpriced += nodes;
    }
}

SizeCost total(const std::vector<CostLine>& lines, Size size) {
  SizeCost sum;
  for (const CostLine& line : lines) sum += line.size(size);
  return sum;
}

std::vector<LineChange> changes(const std::vector<CostLine>& before,
                                const std::vector<CostLine>& after) {
  std::vector<LineChange> pairs;
  for (const CostLine& line : before) pairs.push_back({&line, nullptr});
  for (const CostLine& line : after) {
    const auto same = std::find_if(pairs.begin(), pairs.end(), [&](const LineChange& pair) {
      return pair.before && !pair.after && pair.before->kind == line.kind &&
             pair.before->name == line.name;
    });
    if (same == pairs.end())
      pairs.push_back({nullptr, &line});
    else
      same->after = &line;
  }
  return pairs;
}

}  // namespace gputide::pricing
