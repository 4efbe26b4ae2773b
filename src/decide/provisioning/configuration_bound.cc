#include "decide/provisioning/configuration_bound.h"

#include <algorithm>
#include <cmath>

#include "decide/provisioning/bound_rows.h"
#include "decide/provisioning/linear_program.h"
#include "decide/provisioning/node_content.h"

namespace gputide::provisioning {
namespace {

// A proof may leave so much of a node's price open, and the bound is good enough when the program's
// own value is so little more: in the first rounds, and later.
constexpr int kExactRounds = 50;
constexpr double kOpen[] = {1e-9, 5e-5};
constexpr double kNear[] = {1e-8, 5e-4};
// How far between the program's prices and the best that are proved the next ones are.
constexpr double kHold = 0.5;
// How much more than it is worth by the known prices a pod may cost at first.
constexpr double kCeiling = 0.02;
// Ceilings in use are raised when the bound is so near.
constexpr double kRaise = 1e-3;
constexpr int kFirstSteps = 32;
constexpr std::size_t kOfOffer = 8, kInRound = 64;  // contents that are added

// The prices of the class bound are a proof of one leaf an offer.
ContentCertificate as_contents(const LowerBound& known) {
  ContentCertificate out{known.pod_price, {}};
  for (const std::vector<double>& prices : known.certificate.unit_price)
    out.proofs.push_back({{{false, 0}}, {prices}, 0});
  return out;
}

class Program {
 public:
  Program(const PlacementProblem& problem, const LowerBound& known,
          const ConfigurationEffort& effort)
      : problem_(problem), known_(known), effort_(effort), row_(problem.classes.size(), -1) {
    read();
    add_first();
    start();
  }

  ConfigurationBound solve();

 private:
  struct Front {
    std::uint32_t offer;
    ContentSearch search;
    int steps;
  };
  struct Wanted {
    double ratio;  // worth by price
    std::uint32_t offer;
    Content content;
  };

  void read();
  bool stands_in(std::uint32_t s, std::uint32_t t) const;
  void add_first();
  bool widen();
  void start();
  void add(std::uint32_t offer, const Content& content);
  double worth(const Content& content) const;
  void want(Front& front);
  bool add_wanted();
  bool price_nodes();
  void keep_if_best();
  ConfigurationBound finish() const;

  const PlacementProblem& problem_;
  const LowerBound& known_;
  ConfigurationEffort effort_;
  std::vector<std::vector<std::uint32_t>> runs_;  // offer -> classes that it may hold
  std::vector<std::uint32_t> same_as_;            // offer -> itself, or one that stands in for it
  std::vector<Front> front_;
  std::vector<std::uint32_t> rows_;  // classes in the program
  std::vector<int> row_;             // class -> row
  LinearProgram lp_;
  std::vector<Wanted> wanted_;  // in this round
  ContentCertificate now_, best_;
  double best_sum_ = 0;
  std::size_t late_ = 0;
  std::vector<double> ceiling_;  // by row
};

// Offers without a price make their classes free; those, and what fits nowhere, are left out.
void Program::read() {
  runs_.resize(problem_.offers.size());
  std::vector<char> placeable(problem_.classes.size(), 0), free(problem_.classes.size(), 0);
  for (std::uint32_t k = 0; k < problem_.classes.size(); ++k) {
    const DemandClass& each = problem_.classes[k];
    if (each.count <= 0) continue;
    const bool asks = std::any_of(each.demand.begin(), each.demand.end(),
                                  [](std::int64_t amount) { return amount > 0; });
    for (const std::uint32_t t : each.offers) {
      bool fits = true;
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        fits = fits && each.demand[r] <= problem_.offers[t].capacity[r];
      if (!fits) continue;
      runs_[t].push_back(k);
      placeable[k] = 1;
      if (!asks || problem_.offers[t].price <= Money()) free[k] = 1;
    }
  }
  for (std::vector<std::uint32_t>& classes : runs_)
    std::erase_if(classes, [&](std::uint32_t k) { return free[k] != 0; });
  for (std::uint32_t k = 0; k < problem_.classes.size(); ++k)
    if (placeable[k] != 0 && free[k] == 0) {
      rows_.push_back(k);
      row_[k] = lp_.add_row(static_cast<double>(problem_.classes[k].count));
    }
  for (std::uint32_t t = 0; t < problem_.offers.size(); ++t) {
    same_as_.push_back(t);
    for (std::uint32_t s = 0; s < problem_.offers.size() && same_as_[t] == t; ++s)
      if (s != t && stands_in(s, t) && (s < t || !stands_in(t, s))) same_as_[t] = s;
  }
  for (std::uint32_t t = 0; t < problem_.offers.size(); ++t) {
    while (same_as_[same_as_[t]] != same_as_[t]) same_as_[t] = same_as_[same_as_[t]];
    if (same_as_[t] == t) front_.push_back({t, {problem_, t, runs_[t]}, kFirstSteps});
  }
}

// Whether s holds all that t holds, for no more money.
bool Program::stands_in(std::uint32_t s, std::uint32_t t) const {
  const NodeOffer &a = problem_.offers[s], &b = problem_.offers[t];
  if (a.price > b.price) return false;
  for (std::size_t r = 0; r < problem_.dimensions; ++r)
    if (a.capacity[r] < b.capacity[r]) return false;
  return std::includes(runs_[s].begin(), runs_[s].end(), runs_[t].begin(), runs_[t].end());
}

void Program::add(std::uint32_t offer, const Content& content) {
  std::vector<LinearProgram::Entry> entries;
  for (const auto& [k, n] : content.pods) entries.push_back({row_[k], n});
  lp_.add_column(problem_.offers[offer].price.to_dollars(), entries);
}

// A price near the known one, at which one pod of a class can be had without a node: keeps the
// prices from straying while there are few nodes to choose from. See widen().
void Program::add_first() {
  for (const std::uint32_t k : rows_) {
    LinearProgram::Entry entry{row_[k], 1.0};
    ceiling_.push_back(known_.pod_price[k] * (1 + kCeiling) + 1e-3);
    lp_.add_column(ceiling_.back(), std::span(&entry, 1));
  }
}

// Raises the ceilings that are in use; false when none is.
bool Program::widen() {
  bool any = false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (lp_.value(static_cast<int>(i)) < 1e-7) continue;
    ceiling_[i] *= 1.5;
    lp_.set_cost(static_cast<int>(i), ceiling_[i]);
    any = true;
  }
  return any;
}

void Program::start() {
  best_ = as_contents(known_);
  for (const std::uint32_t k : rows_)
    best_sum_ += best_.pod_price[k] * static_cast<double>(problem_.classes[k].count);
}

double Program::worth(const Content& content) const {
  double sum = 0;
  for (const auto& [k, n] : content.pods) sum += n * now_.pod_price[k];
  return sum;
}

void Program::want(Front& front) {
  std::vector<Content>& found = front.search.found();
  std::stable_sort(found.begin(), found.end(),
                   [](const Content& a, const Content& b) { return a.worth > b.worth; });
  double last = -1;  // what is worth as much is most often the same
  std::size_t wanted = 0;
  for (Content& content : found) {
    if (content.worth == last) continue;
    last = content.worth;
    const double price = problem_.offers[front.offer].price.to_dollars();
    wanted_.push_back({content.worth / price, front.offer, std::move(content)});
    if (++wanted == kOfOffer) return;
  }
}

// False when nothing was wanted.
bool Program::add_wanted() {
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const Wanted& a, const Wanted& b) { return a.ratio > b.ratio; });
  if (wanted_.size() > kInRound) wanted_.resize(kInRound);
  for (const Wanted& each : wanted_) add(each.offer, each.content);
  const bool any = !wanted_.empty();
  wanted_.clear();
  return any;
}

// Adds what would be worth more than its node; false when nothing is.
bool Program::price_nodes() {
  std::vector<Front*> undecided;
  for (Front& each : front_) {
    const double price = problem_.offers[each.offer].price.to_dollars();
    const std::int64_t before = each.search.work();
    each.search.run(now_.pod_price, price * (1 + kOpen[late_]), each.steps);
    effort_.work -= each.search.work() - before;
    now_.proofs[each.offer] = each.search.take_proof();
    if (each.search.best().worth > price * (1 + kOpen[late_]))
      want(each);
    else if (each.search.undecided().worth > price * (1 + kOpen[late_]))
      undecided.push_back(&each);
  }
  if (add_wanted()) return true;
  // More steps, and where there are none, what cannot be refuted counts as if it could be had.
  bool more = false;
  for (Front* each : undecided)
    if (each->steps < effort_.steps) {
      each->steps = std::min(effort_.steps, each->steps * 4);
      more = true;
    }
  if (more) return true;
  bool added = false;
  for (Front* each : undecided)
    if (worth(each->search.undecided()) >
        problem_.offers[each->offer].price.to_dollars() * (1 + kOpen[late_])) {
      add(each->offer, each->search.undecided());
      added = true;
    }
  return added;
}

// Scales the prices down to what is proved (Farley).
void Program::keep_if_best() {
  double scale = 1, sum = 0;
  for (const Front& each : front_) {
    const double price = problem_.offers[each.offer].price.to_dollars();
    const double most = proved_worth(problem_, each.offer, runs_[each.offer], now_.pod_price,
                                     now_.proofs[each.offer]);
    if (most * scale > price) scale = price / most;
  }
  scale *= 1 - 1e-12;
  for (const std::uint32_t k : rows_)
    sum += scale * now_.pod_price[k] * static_cast<double>(problem_.classes[k].count);
  if (!(sum > best_sum_)) return;
  best_sum_ = sum;
  best_ = now_;
  for (double& price : best_.pod_price) price *= scale;
  for (ContentProof& proof : best_.proofs)
    for (std::vector<double>& prices : proof.prices)
      for (double& price : prices) price *= scale;
}

ConfigurationBound Program::finish() const {
  std::vector<bool> present;
  for (const DemandClass& each : problem_.classes) present.push_back(each.count > 0);
  const Money proved = WholeNodes(problem_).raise(certified(problem_, best_), present);
  return {std::max(known_.per_hour, proved), best_};
}

ConfigurationBound Program::solve() {
  now_.pod_price.assign(problem_.classes.size(), 0.0);
  now_.proofs.resize(problem_.offers.size());
  for (std::uint32_t t = 0; t < same_as_.size(); ++t) now_.proofs[t].same_as = same_as_[t];
  double hold = kHold;
  for (int round = 0; round < effort_.rounds && effort_.work > 0 && !rows_.empty() && lp_.solve();
       ++round) {
    late_ = round < kExactRounds ? 0 : 1;
    for (const std::uint32_t k : rows_)
      now_.pod_price[k] = hold * best_.pod_price[k] + (1 - hold) * std::max(0.0, lp_.dual(row_[k]));
    const bool more = price_nodes();
    keep_if_best();
    const double gap = 1 - best_sum_ / lp_.objective();
    const bool done = !more && hold == 0;
    hold = more ? kHold : 0;
    if ((done || gap <= kRaise) && widen()) continue;
    if (done || gap <= kNear[late_]) break;
  }
  return finish();
}

}  // namespace

ConfigurationBound configuration_bound(const PlacementProblem& problem, const LowerBound& known,
                                       const ConfigurationEffort& effort) {
  if (problem.classes.size() * problem.offers.size() * problem.dimensions >
      static_cast<std::size_t>(effort.largest))
    return {known.per_hour, as_contents(known)};
  return Program(problem, known, effort).solve();
}

}  // namespace gputide::provisioning
