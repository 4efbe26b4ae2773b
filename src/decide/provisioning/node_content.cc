#include "decide/provisioning/node_content.h"

#include <algorithm>
#include <cmath>

namespace gputide::provisioning {
namespace {

// A small linear program takes so many times the work of a look at every class.
constexpr std::int64_t kProgram = 10;
// What a node without a price counts as where it matters how fine to look.
constexpr double kSmallPrice = 1e-3;

}  // namespace
ContentSearch::ContentSearch(const PlacementProblem& problem, std::uint32_t offer,
                             std::vector<std::uint32_t> classes)
    : problem_(problem),
      offer_(problem.offers[offer]),
      price_(offer_.price > Money() ? offer_.price.to_dollars() : kSmallPrice),
      classes_(std::move(classes)),
      program_(problem.dimensions) {
  for (const std::int64_t capacity : offer_.capacity)
    scale_.push_back(1.0 / static_cast<double>(std::max<std::int64_t>(capacity, 1)));
  for (const std::uint32_t k : classes_)
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      share_.push_back(static_cast<double>(problem.classes[k].demand[r]) * scale_[r]);
  worth_.resize(classes_.size());
}

void ContentSearch::run(std::span<const double> pod_price, double enough, int steps) {
  enough_ = enough;
  steps_ = steps;
  last_step_ = -steps;
  packed_ = 0;
  best_ = undecided_ = {};
  proof_ = {};
  found_.clear();
  room_ = offer_.capacity;
  std::vector<Open> all;
  for (std::uint32_t at = 0; at < classes_.size(); ++at) {
    worth_[at] = pod_price[classes_[at]];
    if (worth_[at] > 0) all.push_back({at, 0});
  }
  Prices nothing{std::vector<double>(problem_.dimensions, 0.0), -1};
  explore(nothing, all);
}

std::int64_t ContentSearch::fitting(std::uint32_t at) const {
  std::int64_t most = problem_.classes[classes_[at]].count;
  for (std::size_t r = 0; r < room_.size(); ++r)
    if (const std::int64_t each = demand(at, r); each > room_[r])
      return 0;
    else if (static_cast<double>(each) * static_cast<double>(most) > static_cast<double>(room_[r]))
      most = std::min(most, room_[r] / each);
  return most;
}

void ContentSearch::take(std::uint32_t at, std::int64_t pods) {
  for (std::size_t r = 0; r < room_.size(); ++r) room_[r] -= demand(at, r) * pods;
}

std::vector<ContentSearch::Open> ContentSearch::still_open(const std::vector<Open>& before) const {
  std::vector<Open> out;
  out.reserve(before.size());
  for (const Open& each : before)
    if (const std::int64_t most = fitting(each.at); most > 0) out.push_back({each.at, most});
  return out;
}

// What is packed and the room that is left are worth no more, whatever comes into the room.
double ContentSearch::most(const Prices& prices, const std::vector<Open>& open) const {
  double sum = packed_;
  for (std::size_t r = 0; r < room_.size(); ++r) sum += prices.unit[r] * room_share_[r];
  for (const Open& each : open) {
    const double* share = &share_[each.at * room_.size()];
    double more = worth_[each.at];
    for (std::size_t r = 0; r < room_.size(); ++r) more -= prices.unit[r] * share[r];
    if (more > 0) sum += more * static_cast<double>(each.most);
  }
  return sum;
}

void ContentSearch::leaf(Prices& prices) {
  if (prices.number < 0) {
    prices.number = static_cast<std::int64_t>(proof_.prices.size());
    proof_.prices.push_back(prices.unit);
    for (std::size_t r = 0; r < scale_.size(); ++r) proof_.prices.back()[r] *= scale_[r];
  }
  proof_.steps.push_back({false, static_cast<std::uint32_t>(prices.number)});
}

// Makes whole pods of parts, adds what still fits, and remembers the result.
void ContentSearch::complete(std::vector<std::pair<std::uint32_t, double>>& content,
                             const Prices& prices, const std::vector<Open>& open) {
  const std::vector<std::int64_t> before = room_;
  Content found;
  found.worth = packed_;
  for (const auto& [at, n] : decided_)
    if (n > 0) found.pods.emplace_back(classes_[at], n);
  const auto add = [&](std::uint32_t at, std::int64_t n) {
    take(at, n);
    found.worth += worth_[at] * static_cast<double>(n);
    found.pods.emplace_back(classes_[at], static_cast<double>(n));
  };
  std::sort(content.begin(), content.end(), [&](const auto& a, const auto& b) {
    const double x = a.second * worth_[a.first], y = b.second * worth_[b.first];
    return x != y ? x > y : a.first < b.first;
  });
  std::vector<std::uint32_t> taken;
  for (const auto& [at, amount] : content)
    if (const std::int64_t n =
            std::min(fitting(at), static_cast<std::int64_t>(std::ceil(amount - 1e-6)));
        n > 0) {
      add(at, n);
      taken.push_back(at);
    }
  std::vector<std::pair<double, std::uint32_t>> rest;  // the best for its room first
  for (const Open& each : open) {
    if (std::find(taken.begin(), taken.end(), each.at) != taken.end() || fitting(each.at) == 0)
      continue;
    double room = 0;
    for (std::size_t r = 0; r < room_.size(); ++r)
      room += (prices.unit[r] + 1e-3 * price_) * share_[each.at * room_.size() + r];
    rest.emplace_back(-worth_[each.at] / room, each.at);
  }
  std::sort(rest.begin(), rest.end());
  for (const auto& [rank, at] : rest)
    if (const std::int64_t n = fitting(at); n > 0) add(at, n);
  room_ = before;
  if (found.worth > enough_) found_.push_back(found);
  if (found.worth > best_.worth) best_ = std::move(found);
}

void ContentSearch::cannot_decide(const std::vector<std::pair<std::uint32_t, double>>& content,
                                  double worth) {
  if (worth <= undecided_.worth) return;
  undecided_.worth = worth;
  undecided_.pods.clear();
  for (const auto& part : {decided_, content})
    for (const auto& [at, n] : part)
      if (n > 0) undecided_.pods.emplace_back(classes_[at], n);
}

void ContentSearch::explore(Prices& inherited, const std::vector<Open>& before) {
  const std::vector<Open> open = still_open(before);
  room_share_.clear();
  for (std::size_t r = 0; r < room_.size(); ++r)
    room_share_.push_back(static_cast<double>(room_[r]) * scale_[r]);
  work_ += static_cast<std::int64_t>(before.size() * room_.size());
  const double heir = most(inherited, open);
  if (heir <= std::max(enough_, best_.worth) || steps_ <= last_step_) return leaf(inherited);
  --steps_;
  work_ += kProgram * static_cast<std::int64_t>(open.size() * room_.size());
  program_.clear();
  for (const Open& each : open)
    program_.add_pod(std::span(&share_[each.at * room_.size()], room_.size()), worth_[each.at]);
  Prices own;
  std::vector<std::pair<std::uint32_t, double>> content;
  double bound = heir;
  bool better = false;
  if (program_.solve(room_share_, own.unit)) {
    const double sum = most(own, open);
    better = sum < heir;
    bound = std::min(sum, heir);
    content = program_.content();
    for (auto& [at, amount] : content) at = open[at].at;
  }
  Prices& prices = better ? own : inherited;
  if (bound > std::max(enough_, best_.worth)) complete(content, prices, open);
  if (bound <= std::max(enough_, best_.worth)) return leaf(prices);
  const Open* on = partial(content, open);
  const bool deeper = steps_ > 0 && on != nullptr;
  if (deeper) branch(*on, prices, open);
  if (!deeper || steps_ <= last_step_) cannot_decide(content, bound);
  if (!deeper) leaf(prices);
}

// The class to branch on: the one of which most worth is in parts, or asks more pods than there
// are.
const ContentSearch::Open* ContentSearch::partial(
    const std::vector<std::pair<std::uint32_t, double>>& content,
    const std::vector<Open>& open) const {
  const Open* on = nullptr;
  double parts = 1e-6 * price_;
  for (const auto& [at, amount] : content) {
    const auto each =
        std::find_if(open.begin(), open.end(), [&, k = at](const Open& o) { return o.at == k; });
    const double whole = std::min(std::floor(amount + 1e-7), static_cast<double>(each->most));
    if ((amount - whole) * worth_[at] > parts) {
      parts = (amount - whole) * worth_[at];
      on = &*each;
    }
  }
  return on;
}

void ContentSearch::branch(const Open& on, Prices& prices, const std::vector<Open>& open) {
  proof_.steps.push_back({true, classes_[on.at]});
  std::vector<Open> others = open;
  std::erase_if(others, [&](const Open& each) { return each.at == on.at; });
  const std::vector<std::int64_t> room = room_;
  const double packed = packed_;
  for (std::int64_t n = 0; n <= on.most; ++n) {
    room_ = room;
    take(on.at, n);
    packed_ = packed + worth_[on.at] * static_cast<double>(n);
    decided_.emplace_back(on.at, static_cast<double>(n));
    explore(prices, others);
    decided_.pop_back();
  }
  room_ = room;
  packed_ = packed;
}

}  // namespace gputide::provisioning
