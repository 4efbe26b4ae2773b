#include "decide/provisioning/consolidation.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>

#include "base/check.h"
#include "decide/provisioning/rehearsal.h"

namespace gputide::provisioning {
namespace {

constexpr std::int64_t kReplacementSavesPercent = 10;

// The cluster without some nodes, whose pods wait for a place. One copy of what nodes are made of
// serves for every choice.
class Without {
 public:
  Without(const ProvisionProblem& cluster, std::span<const Candidate> candidates)
      : cluster_(cluster), candidates_(candidates), problem_(cluster) {
    problem_.bound_by_whole_pods = false;  // nobody is told
    if (problem_.memo == nullptr) problem_.memo = make_offer_memo();
  }

  void choose(std::span<const std::uint32_t> chosen);
  ProvisionProblem& problem() { return problem_; }
  const std::vector<std::uint32_t>& moved() const { return moved_; }

 private:
  const ProvisionProblem& cluster_;
  std::span<const Candidate> candidates_;
  ProvisionProblem problem_;
  std::vector<std::uint32_t> moved_;  // what the problem's pods are: indices into the bound pods
};

void Without::choose(std::span<const std::uint32_t> chosen) {
  std::set<std::uint32_t> gone, moving;
  for (const std::uint32_t i : chosen) {
    gone.insert(candidates_[i].node);
    moving.insert(candidates_[i].pods.begin(), candidates_[i].pods.end());
  }
  problem_.nodes.clear();
  problem_.pods.clear();
  problem_.bound.clear();
  moved_.clear();
  std::set<std::string> names;
  for (std::uint32_t n = 0; n < cluster_.nodes.size(); ++n)
    if (gone.contains(n))
      names.insert(cluster_.nodes[n].name);
    else
      problem_.nodes.push_back(cluster_.nodes[n]);
  for (std::uint32_t p = 0; p < cluster_.bound.size(); ++p) {
    const auto& pod = cluster_.bound[p];
    if (moving.contains(p)) {
      auto waiting = std::make_shared<model::Pod>(*pod);
      waiting->spec.edit().nodeName.clear();
      problem_.pods.push_back(std::move(waiting));
      moved_.push_back(p);
    } else if (!names.contains(pod->spec->nodeName)) {
      problem_.bound.push_back(pod);
    }
  }
}

// Looks for the best of many moves.
class Search {
 public:
  Search(const ProvisionProblem& cluster, std::span<const Candidate> candidates,
         const ConsolidationEffort& effort)
      : cluster_(cluster),
        candidates_(candidates),
        effort_(effort.packing),
        without_(cluster, candidates) {}

  void consider(std::span<const std::uint32_t> chosen);
  /// The best so far.
  std::optional<Consolidation> best();

 private:
  struct Move {
    std::vector<std::uint32_t> candidates;
    Money saves;
    std::size_t moved = 0;
    Draft draft;
  };
  std::optional<Money> most(Money price, std::size_t moved) const;
  bool works(std::span<const std::uint32_t> chosen, const ProvisionPlan& plan);

  const ProvisionProblem& cluster_;
  std::span<const Candidate> candidates_;
  PackEffort effort_;
  Without without_;
  std::unique_ptr<Rehearsal> rehearsal_;  // made when there is something to try
  std::optional<Move> best_;
};

// The most that a plan for these pods may cost to be better than the best move so far; nullopt:
// none is.
std::optional<Money> Search::most(Money price, std::size_t moved) const {
  const std::int64_t now = price.micros();
  if (now <= 0) return std::nullopt;
  std::int64_t saves = (now * kReplacementSavesPercent + 99) / 100;
  if (saves > now) return std::nullopt;
  if (best_) saves = std::max(saves, best_->saves.micros() + (moved < best_->moved ? 0 : 1));
  if (saves > now) return std::nullopt;
  return Money::micros(now - saves);
}

void Search::consider(std::span<const std::uint32_t> chosen) {
  Money price;
  std::size_t moved = 0;
  for (const std::uint32_t i : chosen) {
    price += candidates_[i].price;
    moved += candidates_[i].pods.size();
  }
  PackEffort effort = effort_;
  effort.most = most(price, moved);
  if (!effort.most) return;
  without_.choose(chosen);
  Draft found = draft(without_.problem(), effort);
  if (!found.places_all() || found.per_hour() > *effort.most) return;
  if (!works(chosen, named(without_.problem(), found))) return;
  best_ = Move{{chosen.begin(), chosen.end()}, price - found.per_hour(), moved, std::move(found)};
}

std::optional<Consolidation> Search::best() {
  if (!best_) return std::nullopt;
  without_.choose(best_->candidates);
  return Consolidation{best_->candidates, finish(without_.problem(), best_->draft),
                       without_.moved(), best_->saves};
}

// Else what was saved is soon bought again.
bool Search::works(std::span<const std::uint32_t> chosen, const ProvisionPlan& plan) {
  if (rehearsal_ == nullptr) rehearsal_ = std::make_unique<Rehearsal>(cluster_);
  std::vector<std::string> gone;
  for (const std::uint32_t i : chosen) gone.push_back(cluster_.nodes[candidates_[i].node].name);
  return rehearsal_->places_all(without_.problem(), plan, gone);
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

bool same_node(const ProvisionNode& a, const ProvisionNode& b) {
  return a.name == b.name && a.ready == b.ready && a.labels == b.labels &&
         a.allocatable == b.allocatable && a.capacity == b.capacity &&
         std::equal(a.taints.begin(), a.taints.end(), b.taints.begin(), b.taints.end(),
                    [](const model::Taint& x, const model::Taint& y) {
                      return x.key == y.key && x.value == y.value && x.effect == y.effect;
                    });
}

// Nobody counts pods because of it.
bool is_plain(const model::PodSpec& spec) {
  return !spec.affinity && spec.topologySpreadConstraints.empty();
}

bool same_pod(const model::Pod& a, const model::Pod& b) {
  return is_plain(*b.spec) &&
         (&a == &b || (a.metadata.uid == b.metadata.uid && a.metadata.name == b.metadata.name &&
                       a.metadata.namespace_ == b.metadata.namespace_ &&
                       a.spec.identity() == b.spec.identity()));
}

}  // namespace

bool asks_the_same(const ProvisionProblem& a, std::span<const Candidate> candidates_a,
                   const ProvisionProblem& b, std::span<const Candidate> candidates_b) {
  return a.memo != nullptr && a.memo == b.memo && a.pods.empty() && b.pods.empty() &&
         std::equal(candidates_a.begin(), candidates_a.end(), candidates_b.begin(),
                    candidates_b.end(),
                    [](const Candidate& x, const Candidate& y) {
                      return x.node == y.node && x.price == y.price &&
                             x.disruption == y.disruption && x.pods == y.pods;
                    }) &&
         std::equal(a.bound.begin(), a.bound.end(), b.bound.begin(), b.bound.end(),
                    [](const auto& x, const auto& y) { return same_pod(*x, *y); }) &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), same_node);
}

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
  Search search(cluster, candidates, effort);
  for (std::size_t n = std::min(order.size(), effort.most_together); n > 1; n /= 2)
    search.consider(std::span(order).first(n));
  for (std::size_t i = 0; i < std::min(order.size(), effort.most_alone); ++i)
    search.consider(std::span(order).subspan(i, 1));
  std::optional<Consolidation> best = search.best();
  if (!best) return best;
  const std::vector<std::uint32_t> alike = with_a_like(*best, candidates);
  std::vector<std::uint32_t> rest = best->candidates;
  std::erase_if(rest, [&](std::uint32_t i) {
    return std::find(alike.begin(), alike.end(), i) != alike.end();
  });
  if (alike.empty() || rest.empty()) return best;
  search.consider(rest);
  return search.best();
}

Relocation relocate(const ProvisionProblem& cluster, const Candidate& candidate) {
  GPUTIDE_CHECK(cluster.pods.empty());
  const std::uint32_t only = 0;
  Without rest(cluster, std::span(&candidate, 1));
  rest.choose(std::span(&only, 1));
  rest.problem().preferences = true;
  return {provision(rest.problem()), rest.moved()};
}

}  // namespace gputide::provisioning
