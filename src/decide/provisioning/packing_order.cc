#include "decide/provisioning/packing_order.h"

#include <algorithm>
#include <numeric>

namespace gputide::provisioning {
namespace {

struct Unit {
  std::vector<std::int64_t> amounts;
  std::uint32_t index = 0;  // kind of node, or class of pods
};

// How much of the largest thing there is, as a sum of shares: a rough size.
std::vector<double> sizes(const std::vector<Unit>& units) {
  std::vector<double> most, out;
  for (const Unit& unit : units) {
    most.resize(unit.amounts.size(), 1);
    for (std::size_t r = 0; r < most.size(); ++r)
      most[r] = std::max(most[r], static_cast<double>(unit.amounts[r]));
  }
  for (const Unit& unit : units) {
    double sum = 0;
    for (std::size_t r = 0; r < most.size(); ++r)
      sum += static_cast<double>(unit.amounts[r]) / most[r];
    out.push_back(sum);
  }
  return out;
}

std::vector<Unit> in_order(const std::vector<Unit>& units, bool largest_first) {
  const std::vector<double> size = sizes(units);
  std::vector<std::uint32_t> order(units.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return largest_first ? size[a] > size[b] : size[a] < size[b];
  });
  std::vector<Unit> out;
  for (const std::uint32_t i : order) out.push_back(units[i]);
  return out;
}

}  // namespace

bool fits_in_any_order(const PackProblem& pack, const PackPlan& plan) {
  if (pack.gpus != kNone) return false;
  std::vector<Unit> nodes, pods;
  for (const PlannedNode& node : plan.nodes)
    if (node.kind != kNone)
      nodes.push_back({pack.kinds[node.kind].offers[node.offer].capacity, node.kind});
  for (const Placement& step : plan.order)
    if (plan.nodes[step.node].kind != kNone)
      pods.push_back({pack.classes[step.demand_class].demand, step.demand_class});
  nodes = in_order(nodes, true);
  const std::vector<Unit> queue = in_order(pods, false);
  return std::all_of(queue.begin(), queue.end(), [&](const Unit& pod) {
    const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const Unit& node) {
      return !pack.classes[pod.index].offers[node.index].empty() && fits(pod.amounts, node.amounts);
    });
    if (at == nodes.end()) return false;
    for (std::size_t r = 0; r < pod.amounts.size(); ++r) at->amounts[r] -= pod.amounts[r];
    return true;
  });
}

}  // namespace gputide::provisioning
