#include "decide/provisioning/preferences.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "decide/provisioning/wish_tally.h"

namespace gputide::provisioning {

std::vector<std::int64_t> granted(const WishProblem& problem, const PackPlan& plan) {
  std::vector<std::int64_t> out(problem.preferences, 0);
  WishTally tally(problem, plan.nodes);
  for (const Placement& step : plan.order) {
    for (const PackWish& wish : problem.wishes[step.demand_class])
      out[wish.preference] += tally.grants(wish, step.node) ? 1 : 0;
    tally.add(step.demand_class, step.node);
  }
  return out;
}

std::int64_t granted_weight(const WishProblem& problem, const PackPlan& plan) {
  std::int64_t sum = 0;
  WishTally tally(problem, plan.nodes);
  for (const Placement& step : plan.order) {
    for (const PackWish& wish : problem.wishes[step.demand_class])
      sum += tally.grants(wish, step.node) ? wish.weight : 0;
    tally.add(step.demand_class, step.node);
  }
  return sum;
}

namespace {

// Some pods of a class, and how many of its wishes they do without.
struct Part {
  std::uint32_t of = 0;
  std::size_t without = 0;
  std::int64_t count = 0;
};

// The wishes of each class that are to be required, those to be dropped first at the front.
std::vector<std::vector<const PackWish*>> in_order(const WishProblem& problem,
                                                   std::span<const char> preferences,
                                                   std::span<const std::uint32_t> drop_first) {
  const auto place = [&](const PackWish* wish) {
    return std::find(drop_first.begin(), drop_first.end(), wish->preference) - drop_first.begin();
  };
  std::vector<std::vector<const PackWish*>> out;
  for (const std::vector<PackWish>& wishes : problem.wishes) {
    out.emplace_back();
    for (const PackWish& wish : wishes)
      if (preferences[wish.preference] != 0) out.back().push_back(&wish);
    std::stable_sort(out.back().begin(), out.back().end(), [&](const auto* a, const auto* b) {
      return std::pair(place(a), a->weight) < std::pair(place(b), b->weight);
    });
  }
  return out;
}

void add_requirement(const PackWish& wish, PackClass& out) {
  if (wish.rule) return out.rules.push_back(*wish.rule);
  for (std::size_t kind = 0; kind < out.offers.size(); ++kind) {
    std::vector<std::uint64_t>& bits = out.offers[kind];
    bool any = false;
    for (std::size_t w = 0; w < bits.size(); ++w) {
      bits[w] &= wish.offers[kind].empty() ? 0 : wish.offers[kind][w];
      any = any || bits[w] != 0;
    }
    if (!any) bits.clear();
  }
  for (std::size_t n = 0; n < out.existing.size(); ++n)
    out.existing[n] = out.existing[n] && wish.existing[n];
}

}  // namespace

PackPlan require(const WishProblem& problem, std::span<const char> preferences,
                 std::span<const std::uint32_t> drop_first, const PackEffort& effort) {
  const auto wishes = in_order(problem, preferences, drop_first);
  std::vector<Part> parts;
  for (std::uint32_t k = 0; k < problem.pack.classes.size(); ++k)
    parts.push_back({k, 0, problem.pack.classes[k].count});
  PackProblem asked = problem.pack;
  PackPlan plan;
  constexpr int kRounds = 8;
  bool again = true;
  for (int round = 0; again && round < kRounds; ++round) {
    asked.classes.clear();
    for (const Part& part : parts) {
      PackClass each = problem.pack.classes[part.of];
      each.count = part.count;
      for (std::size_t i = part.without; i < wishes[part.of].size(); ++i)
        add_requirement(*wishes[part.of][i], each);
      asked.classes.push_back(std::move(each));
    }
    plan = pack(asked, effort);
    again = false;
    if (round + 1 == kRounds) break;
    const std::size_t before = parts.size();
    for (std::size_t i = 0; i < before; ++i) {
      const std::int64_t left = plan.unplaced[i];
      if (left == 0 || parts[i].without == wishes[parts[i].of].size()) continue;
      parts[i].count -= left;
      parts.push_back({parts[i].of, parts[i].without + 1, left});
      again = true;
    }
    if (again) std::erase_if(parts, [](const Part& part) { return part.count == 0; });
  }
  // Back to the classes of the problem.
  std::vector<std::int64_t> unplaced(problem.pack.classes.size(), 0);
  for (std::size_t i = 0; i < parts.size(); ++i) unplaced[parts[i].of] += plan.unplaced[i];
  plan.unplaced = std::move(unplaced);
  for (Placement& step : plan.order) step.demand_class = parts[step.demand_class].of;
  for (PlannedNode& node : plan.nodes) {
    std::map<std::uint32_t, std::int64_t> counts;
    for (const auto& [k, n] : node.pods) counts[parts[k].of] += n;
    node.pods.assign(counts.begin(), counts.end());
  }
  return plan;
}

}  // namespace gputide::provisioning
