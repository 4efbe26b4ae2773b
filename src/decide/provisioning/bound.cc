#include "decide/provisioning/bound.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "decide/provisioning/bound_rows.h"
#include "decide/provisioning/linear_program.h"
#include "decide/provisioning/node_prices.h"

namespace gputide::provisioning {
namespace {

// One offer's classes as bits, in words of 64.
using Bits = std::vector<std::uint64_t>;

bool subset(const Bits& inner, const Bits& outer) {
  for (std::size_t i = 0; i < inner.size(); ++i)
    if ((inner[i] & ~outer[i]) != 0) return false;
  return true;
}

bool test(const Bits& bits, std::size_t i) {
  return (bits[i / 64] >> (i % 64) & 1) != 0;
}

using Int128 = __int128;

// The class-type program over a growing set of offers.
class RatesProgram {
 public:
  explicit RatesProgram(const PlacementProblem& problem)
      : problem_(problem),
        unit_(row_units(problem)),
        class_price_(problem.classes.size(), 0.0),
        own_(problem.offers.size()) {
    read_classes();
    drop_dominated();
    choose_first();
  }

  LowerBound solve(int rounds);

 private:
  struct Chosen {
    std::uint32_t offer;
    int first_row;                   // of its capacity rows; before them that of its count
    std::vector<double> unit_price;  // dollars a unit, from the last solution
  };

  double demand(std::size_t k, std::size_t r) const {
    return static_cast<double>(problem_.classes[k].demand[r]);
  }
  double capacity(std::size_t t, std::size_t r) const {
    return static_cast<double>(problem_.offers[t].capacity[r]);
  }
  double price(std::size_t t) const { return problem_.offers[t].price.to_dollars(); }
  bool limited(std::size_t t) const { return problem_.offers[t].count.has_value(); }
  double worth(std::size_t t, const std::vector<double>& unit_price) const {
    double sum = 0;
    for (std::size_t r = 0; r < problem_.dimensions; ++r) sum += capacity(t, r) * unit_price[r];
    return sum;
  }

  void read_classes();
  void drop_dominated();
  void choose_first();
  bool runs_anything(std::uint32_t t) const;
  bool has_unlimited(std::uint32_t k) const;
  bool dominates(std::uint32_t s, std::uint32_t t) const;
  void build(LinearProgram& lp);
  void read_prices(const LinearProgram& lp);
  bool add_violated();
  const std::vector<double>* best_prices(std::uint32_t t) const;
  bool own_prices(std::uint32_t t, std::vector<double>& unit_price);
  LowerBound finish() const;

  const PlacementProblem& problem_;
  std::vector<Bits> runs_;                  // offer -> classes that may run and fit there
  std::vector<std::uint32_t> dominator_;    // offer -> an offer no worse a dollar; itself if none
  std::vector<std::uint32_t> front_;        // offers that nothing dominates
  std::vector<std::uint32_t> placeable_;    // classes
  std::vector<std::uint32_t> unplaceable_;  // classes
  std::vector<Chosen> chosen_;
  std::vector<char> is_chosen_;
  std::vector<double> unit_;  // the scale of each dimension
  std::vector<int> class_row_;
  std::vector<double> class_price_;       // dollars a pod, from the last solution
  std::vector<std::vector<double>> own_;  // prices that an offer got by itself
};

void RatesProgram::read_classes() {
  const std::size_t words = (problem_.classes.size() + 63) / 64;
  runs_.assign(problem_.offers.size(), Bits(words, 0));
  for (std::uint32_t k = 0; k < problem_.classes.size(); ++k) {
    const DemandClass& each = problem_.classes[k];
    bool somewhere = false;
    for (const std::uint32_t t : each.offers) {
      const std::vector<std::int64_t>& room = problem_.offers[t].capacity;
      bool fits = true;
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        fits = fits && each.demand[r] <= room[r];
      if (!fits) continue;
      runs_[t][k / 64] |= std::uint64_t{1} << (k % 64);
      somewhere = true;
    }
    if (!somewhere)
      unplaceable_.push_back(k);
    else if (each.count > 0)
      placeable_.push_back(k);
  }
}

// Whether every dollar spent on t buys as much and serves as many classes when spent on s.
bool RatesProgram::dominates(std::uint32_t s, std::uint32_t t) const {
  if (limited(s)) return false;
  const NodeOffer &a = problem_.offers[s], &b = problem_.offers[t];
  for (std::size_t r = 0; r < problem_.dimensions; ++r)
    if (Int128(a.capacity[r]) * b.price.micros() < Int128(b.capacity[r]) * a.price.micros())
      return false;
  if (b.price.micros() == 0 && a.price.micros() != 0) return false;
  return subset(runs_[t], runs_[s]);
}

void RatesProgram::drop_dominated() {
  const auto count = static_cast<std::uint32_t>(problem_.offers.size());
  dominator_.resize(count);
  std::iota(dominator_.begin(), dominator_.end(), 0U);
  for (std::uint32_t t = 0; t < count; ++t) {
    for (const std::uint32_t s : front_)
      if (dominates(s, t)) {
        dominator_[t] = s;
        break;
      }
    if (dominator_[t] != t) continue;
    std::erase_if(front_, [&](std::uint32_t s) {
      if (!dominates(t, s)) return false;
      dominator_[s] = t;
      return true;
    });
    front_.push_back(t);
  }
  for (std::uint32_t t = 0; t < count; ++t)
    while (dominator_[dominator_[t]] != dominator_[t]) dominator_[t] = dominator_[dominator_[t]];
}

// Each class brings the offer of which it takes the cheapest part. What there is only so much of
// is in from the start: it takes off the bound.
void RatesProgram::choose_first() {
  is_chosen_.assign(problem_.offers.size(), 0);
  for (const std::uint32_t k : placeable_) {
    std::optional<std::uint32_t> best;
    double least = 0;
    for (const std::uint32_t t : front_) {
      if (limited(t) || !test(runs_[t], k)) continue;
      double part = 0;
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        if (problem_.classes[k].demand[r] > 0) part = std::max(part, demand(k, r) / capacity(t, r));
      if (!best || part * price(t) < least) {
        best = t;
        least = part * price(t);
      }
    }
    if (best && is_chosen_[*best] == 0) {
      is_chosen_[*best] = 1;
      chosen_.push_back({*best, 0, {}});
    }
  }
  for (const std::uint32_t t : front_)
    if (limited(t) && runs_anything(t)) {
      is_chosen_[t] = 1;
      chosen_.push_back({t, 0, {}});
    }
}

bool RatesProgram::runs_anything(std::uint32_t t) const {
  return std::any_of(runs_[t].begin(), runs_[t].end(), [](std::uint64_t w) { return w != 0; });
}

bool RatesProgram::has_unlimited(std::uint32_t k) const {
  return std::any_of(front_.begin(), front_.end(),
                     [&](std::uint32_t t) { return !limited(t) && test(runs_[t], k); });
}

// Rows: a class's pods are placed; an offer's capacity covers what is placed on it, and no more of
// its nodes are used than there are. Columns: nodes of an offer; pods of a class on an offer; pods
// left out, of classes that may find no node for all.
void RatesProgram::build(LinearProgram& lp) {
  class_row_.assign(problem_.classes.size(), -1);
  for (const std::uint32_t k : placeable_)
    class_row_[k] = lp.add_row(static_cast<double>(problem_.classes[k].count));
  double dearest = 1;
  for (Chosen& each : chosen_) {
    dearest = std::max(dearest, price(each.offer));
    if (limited(each.offer)) lp.add_row(-static_cast<double>(*problem_.offers[each.offer].count));
    for (std::size_t r = 0; r < problem_.dimensions; ++r) {
      const int row = lp.add_row(0.0);
      if (r == 0) each.first_row = row;
    }
  }
  std::vector<LinearProgram::Entry> entries;
  for (const std::uint32_t k : placeable_)
    if (!has_unlimited(k)) {
      entries.assign(1, {class_row_[k], 1.0});
      lp.add_column(dearest, entries);
    }
  for (const Chosen& each : chosen_) {
    entries.clear();
    if (limited(each.offer)) entries.push_back({each.first_row - 1, -1.0});
    for (std::size_t r = 0; r < problem_.dimensions; ++r)
      entries.push_back({each.first_row + static_cast<int>(r), capacity(each.offer, r) / unit_[r]});
    lp.add_column(price(each.offer), entries);
    for (const std::uint32_t k : placeable_) {
      if (!test(runs_[each.offer], k)) continue;
      entries.clear();
      entries.push_back({class_row_[k], 1.0});
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        if (problem_.classes[k].demand[r] > 0)
          entries.push_back({each.first_row + static_cast<int>(r), -demand(k, r) / unit_[r]});
      lp.add_column(0.0, entries);
    }
  }
}

void RatesProgram::read_prices(const LinearProgram& lp) {
  for (const std::uint32_t k : placeable_) class_price_[k] = std::max(0.0, lp.dual(class_row_[k]));
  for (Chosen& each : chosen_) {
    each.unit_price.assign(problem_.dimensions, 0.0);
    for (std::size_t r = 0; r < problem_.dimensions; ++r)
      each.unit_price[r] = std::max(0.0, lp.dual(each.first_row + static_cast<int>(r))) / unit_[r];
  }
}

// The prices, of the chosen offers and its own, that make a node of t cheapest, among those that
// price every class of t.
const std::vector<double>* RatesProgram::best_prices(std::uint32_t t) const {
  const std::vector<double>* best = own_[t].empty() ? nullptr : &own_[t];
  double least = best == nullptr ? 0 : worth(t, *best);
  for (const Chosen& each : chosen_) {
    if (each.unit_price.empty() || !subset(runs_[t], runs_[each.offer])) continue;
    const double sum = worth(t, each.unit_price);
    if (best == nullptr || sum < least) {
      best = &each.unit_price;
      least = sum;
    }
  }
  return best;
}

// Prices for t alone at which its classes are worth what they are now.
bool RatesProgram::own_prices(std::uint32_t t, std::vector<double>& unit_price) {
  NodePrices prices(problem_.dimensions);
  std::vector<double> row(problem_.dimensions);
  for (const std::uint32_t k : placeable_) {
    if (!test(runs_[t], k)) continue;
    for (std::size_t r = 0; r < problem_.dimensions; ++r) row[r] = demand(k, r) / unit_[r];
    prices.add_pod(row, class_price_[k]);
  }
  for (std::size_t r = 0; r < problem_.dimensions; ++r) row[r] = capacity(t, r) / unit_[r];
  if (!prices.solve(row, unit_price)) return false;
  for (std::size_t r = 0; r < problem_.dimensions; ++r) unit_price[r] /= unit_[r];
  return true;
}

// Adds the offers that would be worth more than they cost; false when there are none.
bool RatesProgram::add_violated() {
  struct Violated {
    double ratio;
    std::uint32_t offer;
  };
  std::vector<Violated> all;
  std::vector<double> unit_price;
  for (const std::uint32_t t : front_) {
    if (is_chosen_[t] != 0) continue;
    if (!runs_anything(t)) continue;
    own_[t].clear();
    const std::vector<double>* prices = best_prices(t);
    double sum = prices == nullptr ? 1e300 : worth(t, *prices);
    if (sum > price(t) && own_prices(t, unit_price)) {
      own_[t] = unit_price;
      sum = std::min(sum, worth(t, unit_price));
    }
    if (sum > price(t) * (1 + 1e-7)) all.push_back({sum / std::max(price(t), 1e-9), t});
  }
  constexpr std::size_t kAtOnce = 12;
  std::sort(all.begin(), all.end(), [](const Violated& a, const Violated& b) {
    return a.ratio != b.ratio ? a.ratio > b.ratio : a.offer < b.offer;
  });
  for (std::size_t i = 0; i < all.size() && i < kAtOnce; ++i) {
    is_chosen_[all[i].offer] = 1;
    chosen_.push_back({all[i].offer, 0, {}});
  }
  return !all.empty();
}

LowerBound RatesProgram::finish() const {
  LowerBound out;
  out.unplaceable = unplaceable_;
  const std::vector<double> nothing(problem_.dimensions, 0.0);
  for (std::uint32_t t = 0; t < problem_.offers.size(); ++t) {
    // On which no pod runs is worth nothing: its price must not bring the others down.
    const std::vector<double>* prices = runs_anything(t) ? best_prices(dominator_[t]) : nullptr;
    out.certificate.unit_price.push_back(prices == nullptr ? nothing : *prices);
  }
  // What rounding, and offers that did not get their turn, left too dear is brought down.
  double scale = 1;
  for (std::uint32_t t = 0; t < problem_.offers.size(); ++t) {
    const double sum = worth(t, out.certificate.unit_price[t]);
    if (!limited(t) && sum * scale > price(t)) scale = price(t) / sum;
  }
  scale *= 1 - 1e-12;
  for (std::vector<double>& prices : out.certificate.unit_price)
    for (double& p : prices) p *= scale;
  out.pod_price = pod_prices(problem_, out.certificate);
  out.per_hour = in_whole_nodes(problem_, certified(problem_, out.certificate), out.pod_price);
  return out;
}

LowerBound RatesProgram::solve(int rounds) {
  for (int round = 0; round < rounds && !chosen_.empty(); ++round) {
    LinearProgram lp;
    build(lp);
    if (!lp.solve()) break;
    read_prices(lp);
    if (!add_violated()) break;
  }
  return finish();
}

}  // namespace

LowerBound lower_bound(const PlacementProblem& problem, int rounds) {
  return RatesProgram(problem).solve(rounds);
}

// Deliberately by itself: this is what makes the bound worth believing.
Money certified(const PlacementProblem& problem, const Certificate& certificate) {
  if (certificate.unit_price.size() != problem.offers.size()) return {};
  const auto worth = [&](const std::vector<std::int64_t>& amounts, std::size_t offer) {
    double sum = 0;
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      sum += static_cast<double>(amounts[r]) * certificate.unit_price[offer][r];
    return sum;
  };
  double dollars = 0, off = 0;
  for (std::size_t t = 0; t < problem.offers.size(); ++t) {
    const NodeOffer& offer = problem.offers[t];
    for (const double p : certificate.unit_price[t])
      if (!(p >= 0)) return {};
    const double more = worth(offer.capacity, t) - offer.price.to_dollars();
    if (!offer.count && more > 0) return {};
    if (more > 0) off += more * static_cast<double>(*offer.count);
  }
  for (const DemandClass& each : problem.classes) {
    double least = -1;
    for (const std::uint32_t t : each.offers) {
      bool fits = true;
      for (std::size_t r = 0; r < problem.dimensions; ++r)
        fits = fits && each.demand[r] <= problem.offers[t].capacity[r];
      if (fits && (least < 0 || worth(each.demand, t) < least)) least = worth(each.demand, t);
    }
    if (least > 0) dollars += least * static_cast<double>(each.count);
  }
  return whole_micros(dollars, off);
}

namespace {

// How many `parts`-ths of `whole` the amount is, rounded half up.
std::int64_t rounded_parts(Money amount, Money whole, std::int64_t parts) {
  const __int128 twice = static_cast<__int128>(amount.micros()) * 2 * parts + whole.micros();
  return static_cast<std::int64_t>(twice / (static_cast<__int128>(whole.micros()) * 2));
}

}  // namespace

std::optional<std::int64_t> over_bound_permille(Money price, Money bound) {
  if (bound <= Money()) return std::nullopt;
  return rounded_parts(price, bound, 1000);
}

std::string over_bound_text(Money price, Money bound) {
  if (bound <= Money()) return price == Money() ? "1.00" : "-";
  const std::int64_t hundredths = rounded_parts(price, bound, 100);
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

}  // namespace gputide::provisioning
