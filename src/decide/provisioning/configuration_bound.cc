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
constexpr double kLeast = 1e-9;                     // dollars: what is worth less is worth nothing
constexpr std::size_t kOfOffer = 8, kInRound = 64;  // contents that are added

// The prices of the class bound are a proof of one leaf an offer.
ContentCertificate as_contents(const LowerBound& known) {
  ContentCertificate out{known.pod_price, {}};
  for (const std::vector<double>& prices : known.certificate.unit_price)
    out.proofs.push_back({{{false, 0}}, {prices}, 0});
  return out;
}

class ContentsProgram {
 public:
  ContentsProgram(const PlacementProblem& problem, const LowerBound& known,
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
  double price(std::uint32_t offer) const { return problem_.offers[offer].price.to_dollars(); }
  /// What a content may be worth before it is wanted: what the node costs, and of nodes of which
  /// there are only so many what one more would save.
  double allowed(std::uint32_t offer) const { return price(offer) + now_rent_[offer]; }
  double proved(const Front& front) const;
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
  std::vector<double> ceiling_;               // by row
  std::vector<int> count_row_;                // by offer; -1: any number can be had
  std::vector<double> now_rent_, best_rent_;  // by offer: what one more of it would save
};

// Offers without a price make their classes free; those, and what fits nowhere, are left out.
void ContentsProgram::read() {
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
      if (!asks || (problem_.offers[t].price <= Money() && !problem_.offers[t].count)) free[k] = 1;
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
    const auto& count = problem_.offers[t].count;
    count_row_.push_back(count ? lp_.add_row(-static_cast<double>(*count)) : -1);
  }
}

// Whether s holds all that t holds, for no more money.
bool ContentsProgram::stands_in(std::uint32_t s, std::uint32_t t) const {
  const NodeOffer &a = problem_.offers[s], &b = problem_.offers[t];
  if (a.price > b.price || a.count) return false;
  for (std::size_t r = 0; r < problem_.dimensions; ++r)
    if (a.capacity[r] < b.capacity[r]) return false;
  return std::includes(runs_[s].begin(), runs_[s].end(), runs_[t].begin(), runs_[t].end());
}

void ContentsProgram::add(std::uint32_t offer, const Content& content) {
  std::vector<LinearProgram::Entry> entries;
  for (const auto& [k, n] : content.pods) entries.push_back({row_[k], n});
  if (count_row_[offer] >= 0) entries.push_back({count_row_[offer], -1.0});
  lp_.add_column(price(offer), entries);
}

// A price near the known one, at which one pod of a class can be had without a node: keeps the
// prices from straying while there are few nodes to choose from. See widen().
void ContentsProgram::add_first() {
  for (const std::uint32_t k : rows_) {
    LinearProgram::Entry entry{row_[k], 1.0};
    ceiling_.push_back(known_.pod_price[k] * (1 + kCeiling) + 1e-3);
    lp_.add_column(ceiling_.back(), std::span(&entry, 1));
  }
}

// Raises the ceilings that are in use; false when none is. No pod need be worth more than the
// dearest node: those that are left at that find no place.
bool ContentsProgram::widen() {
  Money dearest = Money::dollars(1);
  for (const NodeOffer& offer : problem_.offers) dearest = std::max(dearest, offer.price);
  bool any = false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (lp_.value(static_cast<int>(i)) < 1e-7 || ceiling_[i] > dearest.to_dollars()) continue;
    ceiling_[i] *= 1.5;
    lp_.set_cost(static_cast<int>(i), ceiling_[i]);
    any = true;
  }
  return any;
}

void ContentsProgram::start() {
  best_ = as_contents(known_);
  for (const std::uint32_t k : rows_)
    best_sum_ += best_.pod_price[k] * static_cast<double>(problem_.classes[k].count);
  now_rent_.assign(problem_.offers.size(), 0.0);
  best_rent_ = now_rent_;
  for (const Front& each : front_) {
    const NodeOffer& offer = problem_.offers[each.offer];
    if (!offer.count) continue;
    const double worth = proved_worth(problem_, each.offer, runs_[each.offer], best_.pod_price,
                                      best_.proofs[each.offer]);
    best_rent_[each.offer] = std::max(worth - price(each.offer), 0.0);
    best_sum_ -= best_rent_[each.offer] * static_cast<double>(*offer.count);
  }
}

double ContentsProgram::worth(const Content& content) const {
  double sum = 0;
  for (const auto& [k, n] : content.pods) sum += n * now_.pod_price[k];
  return sum;
}

void ContentsProgram::want(Front& front) {
  std::vector<Content>& found = front.search.found();
  std::stable_sort(found.begin(), found.end(),
                   [](const Content& a, const Content& b) { return a.worth > b.worth; });
  double last = -1;  // what is worth as much is most often the same
  std::size_t wanted = 0;
  for (Content& content : found) {
    if (content.worth == last) continue;
    last = content.worth;
    const double ratio = content.worth / std::max(allowed(front.offer), kLeast);
    wanted_.push_back({ratio, front.offer, std::move(content)});
    if (++wanted == kOfOffer) return;
  }
}

// False when nothing was wanted.
bool ContentsProgram::add_wanted() {
  std::stable_sort(wanted_.begin(), wanted_.end(),
                   [](const Wanted& a, const Wanted& b) { return a.ratio > b.ratio; });
  if (wanted_.size() > kInRound) wanted_.resize(kInRound);
  for (const Wanted& each : wanted_) add(each.offer, each.content);
  const bool any = !wanted_.empty();
  wanted_.clear();
  return any;
}

// Adds what would be worth more than its node; false when nothing is.
bool ContentsProgram::price_nodes() {
  std::vector<Front*> undecided;
  for (Front& each : front_) {
    const double enough = allowed(each.offer) * (1 + kOpen[late_]);
    const std::int64_t before = each.search.work();
    each.search.run(now_.pod_price, enough, each.steps);
    effort_.work -= each.search.work() - before;
    now_.proofs[each.offer] = each.search.take_proof();
    if (each.search.best().worth > enough)
      want(each);
    else if (each.search.undecided().worth > enough)
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
    if (worth(each->search.undecided()) > allowed(each->offer) * (1 + kOpen[late_])) {
      add(each->offer, each->search.undecided());
      added = true;
    }
  return added;
}

double ContentsProgram::proved(const Front& front) const {
  return proved_worth(problem_, front.offer, runs_[front.offer], now_.pod_price,
                      now_.proofs[front.offer]);
}

// Scales the prices down to what is proved (Farley).
void ContentsProgram::keep_if_best() {
  double scale = 1, sum = 0;
  for (const Front& each : front_) {
    if (problem_.offers[each.offer].count) continue;
    const double most = proved(each);
    if (most * scale > price(each.offer)) scale = price(each.offer) / most;
  }
  scale *= 1 - 1e-12;
  for (const std::uint32_t k : rows_)
    sum += scale * now_.pod_price[k] * static_cast<double>(problem_.classes[k].count);
  std::vector<double> rent(problem_.offers.size(), 0.0);
  for (const Front& each : front_) {
    if (!problem_.offers[each.offer].count) continue;
    rent[each.offer] = std::max(scale * proved(each) - price(each.offer), 0.0);
    sum -= rent[each.offer] * static_cast<double>(*problem_.offers[each.offer].count);
  }
  if (!(sum > best_sum_)) return;
  best_sum_ = sum;
  best_rent_ = std::move(rent);
  best_ = now_;
  for (double& price : best_.pod_price) price *= scale;
  for (ContentProof& proof : best_.proofs)
    for (std::vector<double>& prices : proof.prices)
      for (double& price : prices) price *= scale;
}

ConfigurationBound ContentsProgram::finish() const {
  const Money proved = in_whole_nodes(problem_, certified(problem_, best_), best_.pod_price);
  return {std::max(known_.per_hour, proved), best_};
}

ConfigurationBound ContentsProgram::solve() {
  now_.pod_price.assign(problem_.classes.size(), 0.0);
  now_.proofs.resize(problem_.offers.size());
  for (std::uint32_t t = 0; t < same_as_.size(); ++t) now_.proofs[t].same_as = same_as_[t];
  double hold = kHold;
  for (int round = 0; round < effort_.rounds && effort_.work > 0 && !rows_.empty() && lp_.solve();
       ++round) {
    late_ = round < kExactRounds ? 0 : 1;
    for (const std::uint32_t k : rows_)
      now_.pod_price[k] = hold * best_.pod_price[k] + (1 - hold) * std::max(0.0, lp_.dual(row_[k]));
    for (std::uint32_t t = 0; t < count_row_.size(); ++t)
      if (count_row_[t] >= 0)
        now_rent_[t] = hold * best_rent_[t] + (1 - hold) * std::max(0.0, lp_.dual(count_row_[t]));
    const bool more = price_nodes();
    keep_if_best();
    const double gap = 1 - best_sum_ / std::max(lp_.objective(), kLeast);
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
  return ContentsProgram(problem, known, effort).solve();
}

}  // namespace gputide::provisioning
