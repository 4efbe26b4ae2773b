#include "decide/provisioning/consolidation.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "base/check.h"

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kReplacementSavesPercent = 10;

// The cluster without some nodes, whose pods wait for a place.
struct Without {
  ProvisionProblem problem;
  std::vector<std::uint32_t> moved;
  Money price;
};

Without without(const ProvisionProblem& cluster, std::span<const Candidate> candidates,
                std::span<const std::uint32_t> chosen) {
  Without out;
  std::set<std::uint32_t> gone, moving;
  for (const std::uint32_t i : chosen) {
    gone.insert(candidates[i].node);
    moving.insert(candidates[i].pods.begin(), candidates[i].pods.end());
    out.price += candidates[i].price;
  }
  out.problem = cluster;
  out.problem.bound_by_whole_pods = false;  // nobody is told
  out.problem.nodes.clear();
  out.problem.bound.clear();
  std::set<std::string> names;
  for (std::uint32_t n = 0; n < cluster.nodes.size(); ++n)
    if (gone.contains(n))
      names.insert(cluster.nodes[n].name);
    else
      out.problem.nodes.push_back(cluster.nodes[n]);
  for (std::uint32_t p = 0; p < cluster.bound.size(); ++p) {
    const auto& pod = cluster.bound[p];
    if (moving.contains(p)) {
      auto waiting = std::make_shared<model::Pod>(*pod);
      waiting->spec.edit().nodeName.clear();
      out.problem.pods.push_back(std::move(waiting));
      out.moved.push_back(p);
    } else if (!names.contains(pod->spec->nodeName)) {
      out.problem.bound.push_back(pod);
    }
  }
  return out;
}

std::optional<Consolidation> attempt(const ProvisionProblem& cluster,
                                     std::span<const Candidate> candidates,
                                     std::span<const std::uint32_t> chosen,
                                     const PackEffort& effort) {
  Without rest = without(cluster, candidates, chosen);
  ProvisionPlan plan = provision(rest.problem, effort);
  if (!plan.unplaced.empty() || plan.per_hour >= rest.price) return std::nullopt;
  const Money saves = rest.price - plan.per_hour;
  if (plan.per_hour > Money() && saves * 100 < rest.price * kReplacementSavesPercent)
    return std::nullopt;
  return Consolidation{
      {chosen.begin(), chosen.end()}, std::move(plan), std::move(rest.moved), saves};
}

// Those of the move that could stay, as it buys a node at the same price for each.
std::vector<std::uint32_t> with_a_like(const Consolidation& move,
                                       std::span<const Candidate> candidates) {
  std::vector<Money> bought;
  for (const PlannedMachine& machine : move.plan.machines)
    if (machine.existing.empty() && machine.price > Money()) bought.push_back(machine.price);
  std::vector<std::uint32_t> alike;
  for (const std::uint32_t i : move.candidates) {
    const auto like = std::find(bought.begin(), bought.end(), candidates[i].price);
    if (like == bought.end()) continue;
    bought.erase(like);
    alike.push_back(i);
  }
  return alike;
}

}  // namespace

std::optional<Consolidation> consolidate(const ProvisionProblem& cluster,
                                         std::span<const Candidate> candidates,
                                         const ConsolidationEffort& effort) {
  GPUTIDE_CHECK(cluster.pods.empty());
  std::vector<std::uint32_t> order(candidates.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return candidates[a].price.to_dollars() / candidates[a].disruption >
           candidates[b].price.to_dollars() / candidates[b].disruption;
  });
  std::optional<Consolidation> best;
  const auto consider = [&](std::span<const std::uint32_t> chosen) {
    auto found = attempt(cluster, candidates, chosen, effort.packing);
    const auto worth = [](const Consolidation& each) {
      return std::pair(each.saves, -static_cast<std::int64_t>(each.moved.size()));
    };
    if (found && (!best || worth(*found) > worth(*best))) best = std::move(found);
  };
  for (std::size_t n = std::min(order.size(), effort.most_together); n > 1; n /= 2)
    consider(std::span(order).first(n));
  for (std::size_t i = 0; i < std::min(order.size(), effort.most_alone); ++i)
    consider(std::span(order).subspan(i, 1));
  if (!best) return best;
  const std::vector<std::uint32_t> alike = with_a_like(*best, candidates);
  std::vector<std::uint32_t> rest = best->candidates;
  std::erase_if(rest, [&](std::uint32_t i) {
    return std::find(alike.begin(), alike.end(), i) != alike.end();
  });
  if (!alike.empty() && !rest.empty()) consider(rest);
  return best;
}

Relocation relocate(const ProvisionProblem& cluster, const Candidate& candidate) {
  GPUTIDE_CHECK(cluster.pods.empty());
  const std::uint32_t only = 0;
  Without rest = without(cluster, std::span(&candidate, 1), std::span(&only, 1));
  rest.problem.preferences = true;
  return {provision(rest.problem), std::move(rest.moved)};
}

}  // namespace gputide::provisioning
