#include "decide/provisioning/packing_patterns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>

#include "decide/provisioning/linear_program.h"
#include "decide/provisioning/packing_bundles.h"
#include "decide/provisioning/shared_gpus.h"

namespace gputide::provisioning {
namespace {

// What goes onto a node next: what uses most of what is free there, or what is worth most for its
// part of what is free.
enum class Rule { Balance, Worth };

class PatternSearch {
 public:
  PatternSearch(const PlacementProblem& problem, std::size_t resources, const Shares& shares,
                std::int64_t contents);
  Patterns run(int rounds);

 private:
  double capacity(std::uint32_t t, std::size_t r) const { return capacity_[t * dimensions_ + r]; }
  double price(std::uint32_t t) const { return price_[t]; }
  // With what one more of it would save, where there are only so many.
  double full_price(std::uint32_t t) const { return price_[t] + rent_[t]; }
  bool limited(std::uint32_t t) const { return problem_.offers[t].count.has_value(); }
  bool holds(std::uint32_t t, const double* amounts) const {
    for (std::size_t r = 0; r < dimensions_; ++r)
      if (amounts[r] > capacity(t, r)) return false;
    return true;
  }
  bool suits(std::uint32_t t, std::uint32_t k) const { return suits_[t * classes_ + k] != 0; }
  bool has_unlimited(std::uint32_t k) const {
    return std::any_of(ranked_.begin(), ranked_.end(),
                       [&](std::uint32_t t) { return !limited(t) && suits(t, k); });
  }
  bool dominates(std::uint32_t s, std::uint32_t t) const;
  void rank_offers();
  void first_values();
  void find_candidates();
  std::uint32_t next(std::uint32_t t, Rule rule);
  double fill(std::span<const std::uint32_t> first, std::uint32_t t,
              const std::vector<std::int64_t>& left, Rule rule);
  bool shares() const { return !shares_.thousandths.empty(); }
  bool may_come(std::uint32_t t, std::uint32_t seed) const;
  std::int64_t gpus(std::uint32_t t) const {
    return problem_.offers[t].capacity[shares_.dimension] / kGpuUnits;
  }
  void take_gpus(std::uint32_t t, std::uint32_t k);
  std::uint32_t shrink(std::uint32_t t) const;
  struct Left {
    std::vector<std::int64_t> pods;   // by class
    std::vector<std::int64_t> nodes;  // by offer
  };
  double construct(Left left, std::vector<Pattern>& out);
  std::int64_t take(const Pattern& pattern, std::int64_t times, Left& left);
  bool price_out();
  bool price_contents();
  bool price_contents_of(std::uint32_t t);
  void add_columns();
  double round(double part, std::vector<Pattern>& out);

  const PlacementProblem& problem_;
  const Shares& shares_;
  std::int64_t contents_;  // the most work on contents
  std::size_t resources_, dimensions_, classes_;
  std::vector<double> demand_, capacity_, price_;
  std::vector<char> suits_;                             // offer, class: fits and may run there
  std::vector<std::uint32_t> ranked_;                   // offers that nothing dominates, by price
  std::vector<std::vector<std::uint32_t>> candidates_;  // class -> offers worth a try
  std::vector<std::uint32_t> seeds_;                    // classes that have pods and fit somewhere
  std::vector<std::uint32_t> number_;                   // class -> its place in seeds_
  std::vector<double> by_dimension_;                    // dimension, seed: demand
  std::vector<std::int64_t> count_;
  std::vector<std::int64_t> stock_;  // by offer: how many there are
  std::vector<double> rent_;         // by offer
  std::vector<int> count_row_;       // by offer; -1: any number can be had
  double left_out_ = 1;              // what a pod without a node counts: more than any node
  std::vector<double> value_, unit_;

  LinearProgram program_;
  std::vector<Pattern> pool_;
  std::size_t in_program_ = 0;
  int first_column_ = 0;  // of the patterns; before them: pods that are left out
  // Of the node being filled:
  std::vector<double> used_;
  std::vector<double> gone_, over_,
      score_;  // by seed: 0 = may come; too much by; how well it suits
  std::vector<std::int64_t> took_;
  std::vector<std::int64_t> shared_;  // GPUs: thousandths free
  std::int64_t gpus_used_ = 0;        // whole, or shared
  std::optional<Bundles> bundles_;    // where contents are searched
  std::vector<char> yields_;          // by offer: a content of it was worth its price
  Pattern trial_;
};

PatternSearch::PatternSearch(const PlacementProblem& problem, std::size_t resources,
                             const Shares& shares, std::int64_t contents)
    : problem_(problem),
      shares_(shares),
      contents_(contents),
      resources_(resources),
      dimensions_(problem.dimensions),
      classes_(problem.classes.size()),
      used_(dimensions_),
      took_(classes_, 0) {
  for (const DemandClass& each : problem.classes) {
    for (const std::int64_t d : each.demand) demand_.push_back(static_cast<double>(d));
    count_.push_back(each.count);
  }
  for (const NodeOffer& offer : problem.offers) {
    for (const std::int64_t c : offer.capacity) capacity_.push_back(static_cast<double>(c));
    price_.push_back(std::max(offer.price.to_dollars(), 1e-9));
    left_out_ = std::max(left_out_, 10 * price_.back());
    stock_.push_back(offer.count.value_or(std::numeric_limits<std::int64_t>::max()));
  }
  rent_.assign(price_.size(), 0.0);
  count_row_.assign(price_.size(), -1);
  suits_.assign(problem.offers.size() * classes_, 0);
  for (std::uint32_t k = 0; k < classes_; ++k)
    for (const std::uint32_t t : problem.classes[k].offers)
      if (holds(t, &demand_[k * dimensions_])) suits_[t * classes_ + k] = 1;
  rank_offers();
  first_values();
  find_candidates();
  if (contents == 0) return;
  bundles_.emplace(problem, shares);
  yields_.assign(problem.offers.size(), 1);
}

bool PatternSearch::dominates(std::uint32_t s, std::uint32_t t) const {
  if (limited(s)) return false;
  for (std::size_t r = 0; r < dimensions_; ++r)
    if (capacity(s, r) < capacity(t, r)) return false;
  for (std::uint32_t k = 0; k < classes_; ++k)
    if (suits(t, k) && !suits(s, k)) return false;
  return true;
}

void PatternSearch::rank_offers() {
  std::vector<std::uint32_t> all(price_.size());
  std::iota(all.begin(), all.end(), 0U);
  std::stable_sort(all.begin(), all.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return price(a) < price(b); });
  for (const std::uint32_t t : all)
    if (stock_[t] > 0 && std::none_of(ranked_.begin(), ranked_.end(),
                                      [&](std::uint32_t s) { return dominates(s, t); }))
      ranked_.push_back(t);
}

void PatternSearch::first_values() {
  value_ = cheapest_parts(problem_, resources_);
  for (std::uint32_t k = 0; k < classes_; ++k) {
    number_.push_back(static_cast<std::uint32_t>(seeds_.size()));
    if (count_[k] > 0 &&
        std::any_of(ranked_.begin(), ranked_.end(), [&](std::uint32_t t) { return suits(t, k); }))
      seeds_.push_back(k);
  }
  unit_ = unit_worth(problem_, resources_, value_);
  for (std::size_t r = 0; r < dimensions_; ++r)
    for (const std::uint32_t k : seeds_) by_dimension_.push_back(demand_[k * dimensions_ + r]);
  gone_.resize(seeds_.size());
  over_.resize(seeds_.size());
  score_.resize(seeds_.size());
}

// Cheap offers, and larger ones in steps, of those that hold most of the class for their price; and
// the one that holds most whole pods of it for its price, where most pods are of the class. Of what
// there is only so much, all.
void PatternSearch::find_candidates() {
  constexpr std::size_t kCheap = 3, kMost = 5;
  const std::int64_t pods = std::accumulate(count_.begin(), count_.end(), std::int64_t{0});
  candidates_.resize(classes_);
  std::vector<double> held(price_.size());  // pods of the class for a dollar
  for (const std::uint32_t k : seeds_) {
    double best = 0, next_price = 0, most_whole = 0;
    std::uint32_t fullest = kNone;
    std::vector<std::uint32_t>& out = candidates_[k];
    for (const std::uint32_t t : ranked_) {
      if (!suits(t, k)) continue;
      if (limited(t)) {
        out.push_back(t);
        continue;
      }
      double part = 1e-9;
      for (std::size_t r = 0; r < resources_; ++r)
        if (const double d = demand_[k * dimensions_ + r]; d > 0)
          part = std::max(part, d / capacity(t, r));
      held[t] = 1 / (part * price(t));
      best = std::max(best, held[t]);
      const double whole = std::floor(1 / part + 1e-9);
      if (2 * count_[k] < pods || whole / price(t) <= most_whole * (1 + 1e-9)) continue;
      most_whole = whole / price(t);
      fullest = t;
    }
    const std::size_t first = out.size();
    for (const std::uint32_t t : ranked_) {
      if (limited(t) || !suits(t, k) || (out.size() > first && held[t] < 0.8 * best)) continue;
      if (out.size() >= first + kCheap && price(t) < next_price) continue;
      out.push_back(t);
      next_price = price(t) * 1.6;
      if (out.size() == first + kMost) break;
    }
    if (fullest != kNone && std::find(out.begin(), out.end(), fullest) == out.end())
      out.push_back(fullest);
  }
}

// The seed to add next, or kNone: of those that fit, the first by the rule.
std::uint32_t PatternSearch::next(std::uint32_t t, Rule rule) {
  const std::size_t n = seeds_.size();
  for (std::size_t i = 0; i < n; ++i) {
    over_[i] = gone_[i];
    score_[i] = 0;
  }
  for (std::size_t r = 0; r < dimensions_; ++r) {
    const double room = capacity(t, r) - used_[r];
    double pull = 0;
    if (rule == Rule::Worth)
      pull = room > 0 ? 1 / room : 0;
    else if (capacity(t, r) > 0)
      pull = unit_[r] * (0.25 + room / capacity(t, r));
    const double* demand = &by_dimension_[r * n];
    for (std::size_t i = 0; i < n; ++i) {
      score_[i] += demand[i] * pull;
      over_[i] = std::max(over_[i], demand[i] - room);
    }
  }
  std::uint32_t best = kNone;
  double most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (over_[i] > 0) continue;
    const double value = value_[seeds_[i]];
    const double score = rule == Rule::Worth ? value / (score_[i] + 0.15) : score_[i] + 0.5 * value;
    if (score <= most) continue;
    most = score;
    best = static_cast<std::uint32_t>(i);
  }
  return best;
}

// Fills a node, with those pods first as far as they fit; returns what its pods are worth. The
// pattern is in trial_, on the cheapest offer that holds it.
double PatternSearch::fill(std::span<const std::uint32_t> first, std::uint32_t t,
                           const std::vector<std::int64_t>& left, Rule rule) {
  double worth = 0;
  trial_.pods.clear();
  std::fill(used_.begin(), used_.end(), 0.0);
  shared_.clear();
  gpus_used_ = 0;
  const auto add = [&](std::uint32_t i) {
    const std::uint32_t k = seeds_[i];
    for (std::size_t r = 0; r < dimensions_; ++r) used_[r] += demand_[k * dimensions_ + r];
    worth += value_[k];
    ++took_[k];
    trial_.pods.push_back(k);
    if (shares()) take_gpus(t, k);
    if (took_[k] == left[k]) gone_[i] = 1;
  };
  for (std::size_t i = 0; i < seeds_.size(); ++i)
    gone_[i] = left[seeds_[i]] > 0 && suits(t, seeds_[i]) ? 0.0 : 1.0;
  for (const std::uint32_t k : first)
    if (may_come(t, number_[k])) add(number_[k]);
  for (std::uint32_t i = next(t, rule); i != kNone; i = next(t, rule)) add(i);
  for (const std::uint32_t k : trial_.pods) took_[k] = 0;
  trial_.offer = shrink(t);
  return worth;
}

bool PatternSearch::may_come(std::uint32_t t, std::uint32_t seed) const {
  if (gone_[seed] != 0) return false;
  for (std::size_t r = 0; r < dimensions_; ++r)
    if (demand_[seeds_[seed] * dimensions_ + r] > capacity(t, r) - used_[r]) return false;
  return true;
}

// Counts the GPUs that pod k takes, and out what no longer finds one.
void PatternSearch::take_gpus(std::uint32_t t, std::uint32_t k) {
  const auto whole = [&](std::uint32_t each) {
    return problem_.classes[each].demand[shares_.dimension] / kGpuUnits;
  };
  if (const std::int64_t share = shares_.thousandths[k]; share == 0) {
    gpus_used_ += whole(k);
  } else {
    const std::uint32_t gpu = fullest_with(shared_, share);
    if (gpu == kNone) ++gpus_used_;
    put_share(shared_, gpu, share);
  }
  const std::int64_t left = gpus(t) - gpus_used_;
  for (std::size_t i = 0; i < seeds_.size(); ++i) {
    const std::int64_t share = shares_.thousandths[seeds_[i]];
    const bool fits =
        share == 0 ? whole(seeds_[i]) <= left : left > 0 || fullest_with(shared_, share) != kNone;
    if (!fits) gone_[i] = 1;
  }
}

std::uint32_t PatternSearch::shrink(std::uint32_t t) const {
  for (const std::uint32_t s : ranked_) {
    if (s == t || limited(t)) break;
    if (limited(s)) continue;
    if (shares() && gpus(s) < gpus_used_) continue;
    if (holds(s, used_.data()) && std::all_of(trial_.pods.begin(), trial_.pods.end(),
                                              [&](std::uint32_t k) { return suits(s, k); }))
      return s;
  }
  return t;
}

// Takes the pattern out of what is left as often as it lasts, at the most so often.
std::int64_t PatternSearch::take(const Pattern& pattern, std::int64_t times, Left& left) {
  times = std::min(times, left.nodes[pattern.offer]);
  for (const std::uint32_t k : pattern.pods) ++took_[k];
  for (const std::uint32_t k : pattern.pods) times = std::min(times, left.pods[k] / took_[k]);
  for (const std::uint32_t k : pattern.pods) {
    left.pods[k] -= times;
    took_[k] = 0;
  }
  left.nodes[pattern.offer] -= times;
  return times;
}

// Node by node: of the offers for the dearest pod that is left, the one that gives most for its
// price.
double PatternSearch::construct(Left left, std::vector<Pattern>& out) {
  constexpr double kSmallNode = 0.02;  // so much worth a dollar may a cheaper node lack
  const auto takes_slot = [&](std::uint32_t k) {
    const auto* demand = &demand_[k * dimensions_];
    return std::any_of(demand + resources_, demand + dimensions_, [](double d) { return d > 0; });
  };
  std::vector<std::uint32_t> order = seeds_;
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const bool slot_a = takes_slot(a), slot_b = takes_slot(b);
    return slot_a != slot_b ? slot_a : value_[a] > value_[b];
  });
  double cost = 0;
  std::vector<std::pair<double, Pattern>> trials;
  for (const std::uint32_t k : order) {
    while (left.pods[k] > 0) {
      trials.clear();
      double best = 0;
      for (const std::uint32_t t : candidates_[k]) {
        if (left.nodes[t] == 0) continue;
        const double worth =
            fill(std::span(&k, 1), t, left.pods, Rule::Balance) / price(trial_.offer);
        best = std::max(best, worth);
        trials.emplace_back(worth, trial_);
      }
      Pattern* chosen = nullptr;
      for (auto& [worth, pattern] : trials)
        if (worth >= best * (1 - kSmallNode) &&
            (chosen == nullptr || price(pattern.offer) < price(chosen->offer)))
          chosen = &pattern;
      if (chosen == nullptr) {  // all that can hold it is used up
        cost += left_out_ * static_cast<double>(left.pods[k]);
        break;
      }
      chosen->times = take(*chosen, left.pods[k], left);
      cost += price(chosen->offer) * static_cast<double>(chosen->times);
      out.push_back(std::move(*chosen));
    }
  }
  return cost;
}

// Adds the contents of whole nodes that would be worth more than they cost: of the offers that had
// such the last time, else of the others. False when none was found.
bool PatternSearch::price_contents() {
  if (!bundles_ || bundles_->work() > contents_) return false;
  const std::vector<char> before = yields_;
  for (const bool yielded : {true, false}) {
    bool any = false;
    for (const std::uint32_t t : ranked_) {
      if ((before[t] != 0) != yielded || bundles_->work() > contents_) continue;
      yields_[t] = price_contents_of(t) ? 1 : 0;
      any = any || yields_[t] != 0;
    }
    if (any) return true;
  }
  return false;
}

// The largest shares first, so that each goes where it did in its bundle or no worse.
bool PatternSearch::price_contents_of(std::uint32_t t) {
  const std::size_t before = pool_.size();
  for (std::vector<std::uint32_t>& pods : bundles_->worthy(t, value_)) {
    if (shares())
      std::stable_sort(pods.begin(), pods.end(), [&](std::uint32_t a, std::uint32_t b) {
        return shares_.thousandths[a] > shares_.thousandths[b];
      });
    const double worth = fill(pods, t, count_, Rule::Worth);
    if (worth > full_price(trial_.offer) * (1 + 1e-6)) pool_.push_back(trial_);
  }
  return pool_.size() > before;
}

// Adds the patterns that would be worth more than they cost; false when none was found.
bool PatternSearch::price_out() {
  const std::size_t before = pool_.size();
  for (const std::uint32_t k : seeds_) {
    double most = 1 + 1e-6;
    Pattern best;
    for (const std::uint32_t t : candidates_[k]) {
      const double worth =
          fill(std::span(&k, 1), t, count_, Rule::Worth) / full_price(trial_.offer);
      if (worth <= most) continue;
      most = worth;
      best = trial_;
    }
    if (!best.pods.empty()) pool_.push_back(std::move(best));
  }
  return pool_.size() > before;
}

void PatternSearch::add_columns() {
  std::vector<int> row_of(classes_, -1);
  for (std::size_t i = 0; i < seeds_.size(); ++i)
    row_of[seeds_[i]] = in_program_ > 0 ? static_cast<int>(i)
                                        : program_.add_row(static_cast<double>(count_[seeds_[i]]));
  for (std::uint32_t t = 0; t < count_row_.size() && in_program_ == 0; ++t)
    if (limited(t)) count_row_[t] = program_.add_row(-static_cast<double>(stock_[t]));
  std::vector<LinearProgram::Entry> entries;
  for (std::size_t i = 0; i < seeds_.size() && in_program_ == 0; ++i) {
    if (has_unlimited(seeds_[i])) continue;
    entries.assign(1, {row_of[seeds_[i]], 1.0});
    first_column_ = program_.add_column(left_out_, entries) + 1;
  }
  for (; in_program_ < pool_.size(); ++in_program_) {
    const Pattern& pattern = pool_[in_program_];
    entries.clear();
    for (const std::uint32_t k : pattern.pods) ++took_[k];
    for (const std::uint32_t k : pattern.pods) {
      if (took_[k] == 0) continue;
      entries.push_back({row_of[k], static_cast<double>(took_[k])});
      took_[k] = 0;
    }
    if (count_row_[pattern.offer] >= 0) entries.push_back({count_row_[pattern.offer], -1.0});
    program_.add_column(price(pattern.offer), entries);
  }
}

// The program's nodes without their fractions; then, while their pods last, one more of those of
// which a large part is wanted; then nodes for the pods that are left.
double PatternSearch::round(double part, std::vector<Pattern>& out) {
  Left left{count_, stock_};
  std::vector<std::pair<double, std::size_t>> parts;
  double cost = 0;
  const auto build = [&](std::size_t i, std::int64_t times) {
    times = take(pool_[i], times, left);
    if (times <= 0) return;
    cost += price(pool_[i].offer) * static_cast<double>(times);
    out.push_back(pool_[i]);
    out.back().times = times;
  };
  for (std::size_t i = 0; i < pool_.size(); ++i) {
    const double wanted = program_.value(first_column_ + static_cast<int>(i)) + 1e-6;
    build(i, static_cast<std::int64_t>(wanted));
    if (wanted - std::floor(wanted) > part) parts.emplace_back(std::floor(wanted) - wanted, i);
  }
  std::sort(parts.begin(), parts.end());
  for (const auto& [unused, i] : parts) build(i, 1);
  return cost + construct(std::move(left), out);
}

Patterns PatternSearch::run(int rounds) {
  Patterns best;
  double least = construct({count_, stock_}, best.nodes);
  best.pod_value = value_;
  pool_ = best.nodes;
  bool solved = false;
  for (int round = 0; round < rounds && !seeds_.empty(); ++round) {
    if (round > 0 && !price_contents() && !price_out()) break;
    add_columns();
    if (!program_.solve()) return best;
    solved = true;
    for (std::size_t i = 0; i < seeds_.size(); ++i)
      value_[seeds_[i]] = std::max(0.0, program_.dual(static_cast<int>(i)));
    for (std::uint32_t t = 0; t < count_row_.size(); ++t)
      if (count_row_[t] >= 0) rent_[t] = std::max(0.0, program_.dual(count_row_[t]));
  }
  for (const double part : {1.0, 0.6, 0.3, 0.05}) {
    if (!solved) break;
    std::vector<Pattern> rounded;
    const double cost = this->round(part, rounded);
    if (cost >= least) continue;
    least = cost;
    best = {std::move(rounded), value_};
  }
  return best;
}

}  // namespace

Patterns choose_patterns(const PlacementProblem& problem, std::size_t resources, int rounds,
                         std::int64_t contents, const Shares& shares) {
  return PatternSearch(problem, resources, shares, contents).run(rounds);
}

// Better than the prices of the linear program over parts of nodes, in which small pods fill every
// gap.
std::vector<double> cheapest_parts(const PlacementProblem& problem, std::size_t resources) {
  std::vector<double> out;
  for (const DemandClass& each : problem.classes) {
    double least = -1;
    const bool some_unlimited =
        std::any_of(each.offers.begin(), each.offers.end(),
                    [&](std::uint32_t t) { return !problem.offers[t].count; });
    for (const std::uint32_t t : each.offers) {
      const NodeOffer& offer = problem.offers[t];
      if (offer.count && some_unlimited) continue;
      double part = 0;
      bool holds = true;
      for (std::size_t r = 0; r < problem.dimensions; ++r) {
        holds = holds && each.demand[r] <= offer.capacity[r];
        if (r < resources && each.demand[r] > 0)
          part = std::max(
              part, static_cast<double>(each.demand[r]) / static_cast<double>(offer.capacity[r]));
      }
      const double price = part * offer.price.to_dollars();
      if (holds && (least < 0 || price < least)) least = price;
    }
    out.push_back(std::max(least, 0.0));
  }
  return out;
}

std::vector<double> unit_worth(const PlacementProblem& problem, std::size_t resources,
                               const std::vector<double>& pod_value) {
  std::vector<double> needed(problem.dimensions, 0.0);
  double all = 0;
  for (std::size_t k = 0; k < problem.classes.size(); ++k) {
    const auto count = static_cast<double>(problem.classes[k].count);
    all += pod_value[k] * count;
    for (std::size_t r = 0; r < resources; ++r)
      needed[r] += static_cast<double>(problem.classes[k].demand[r]) * count;
  }
  std::vector<double> out(problem.dimensions, 0.0);
  for (std::size_t r = 0; r < resources; ++r)
    if (needed[r] > 0) out[r] = all / needed[r] / static_cast<double>(resources);
  return out;
}

}  // namespace gputide::provisioning
