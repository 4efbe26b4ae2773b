#include "decide/provisioning/packing.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "base/rng.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_builder.h"
#include "decide/provisioning/packing_state.h"
#include "decide/provisioning/shared_gpus.h"

namespace gputide::provisioning {
namespace {

// What each shape cost on the nodes it is on, in parts by worth: dear company makes it dearer.
void learn(const PackState& state, const std::vector<OpenNode>& nodes, std::vector<double>& value) {
  std::vector<double> charged(value.size(), 0.0), times(value.size(), 0.0);
  for (const OpenNode& node : nodes) {
    if (node.kind == kNone) continue;
    double worth = 0;
    for (const std::uint32_t k : node.pods) worth += value[state.shape_of(k)];
    if (worth <= 0) continue;
    const double dear = state.price(node).to_dollars() / worth;
    for (const std::uint32_t k : node.pods) {
      charged[state.shape_of(k)] += value[state.shape_of(k)] * dear;
      times[state.shape_of(k)] += 1;
    }
  }
  for (std::size_t s = 0; s < value.size(); ++s)
    if (times[s] > 0) value[s] = 0.5 * value[s] + 0.5 * charged[s] / times[s];
}

// Takes a few nodes apart and builds them anew; keeps what is cheaper.
class Improver {
 public:
  Improver(PackState& state, Builder& builder, const std::vector<double>& value)
      : state_(state), builder_(builder), value_(value), rng_(1, "repack") {}

  void run(std::vector<OpenNode>& nodes, int attempts);

 private:
  bool repack(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> chosen);

  PackState& state_;
  Builder& builder_;
  const std::vector<double>& value_;
  Rng rng_;
};

bool Improver::repack(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> chosen) {
  std::vector<OpenNode> before;
  Money cost;
  for (const std::uint32_t i : chosen) {
    before.push_back(nodes[i]);
    cost += state_.price(nodes[i]);
    state_.buy(nodes[i], -1);
    state_.clear(nodes[i]);
    state_.revive(before.back());
  }
  Weights weights;
  weights.shape_value = value_;
  for (double& v : weights.shape_value)
    v *= 0.85 + 0.3 * static_cast<double>(rng_.below(1000)) / 1000.0;
  weights.small_node = 0.01 * static_cast<double>(rng_.below(6));
  builder_.use(std::move(weights));
  std::vector<OpenNode> fresh;
  std::vector<std::uint32_t> order;  // of what was taken off, and what never found a place
  for (const OpenNode& node : before) order.insert(order.end(), node.pods.begin(), node.pods.end());
  builder_.sort_seeds(order);
  order.erase(std::unique(order.begin(), order.end()), order.end());
  builder_.build(fresh, order);
  Money after;
  std::int64_t placed_before = 0, placed_after = 0;
  for (const OpenNode& node : before) placed_before += static_cast<std::int64_t>(node.pods.size());
  for (const OpenNode& node : fresh) {
    after += state_.price(node);
    placed_after += static_cast<std::int64_t>(node.pods.size());
  }
  if (placed_after >= placed_before && after < cost) {
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (i < chosen.size())
        nodes[chosen[i]] = std::move(fresh[i]);
      else
        nodes.push_back(std::move(fresh[i]));
    }
    return true;
  }
  for (OpenNode& node : fresh) {
    state_.buy(node, -1);
    const OpenNode was = node;
    state_.clear(node);
    state_.revive(was);
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    OpenNode node = state_.make_node(before[i].kind);
    for (std::size_t j = 0; j < before[i].pods.size(); ++j)
      state_.add(node, before[i].pods[j], before[i].offer, gpu_of(before[i].pod_gpus, j));
    state_.buy(node, 1);
    state_.settle(node);
    nodes[chosen[i]] = std::move(node);
  }
  return false;
}

void Improver::run(std::vector<OpenNode>& nodes, int attempts) {
  const PackProblem& problem = state_.problem();
  std::vector<std::uint32_t> live;
  for (int i = 0; i < attempts; ++i) {
    if (i % 16 == 0) {
      live.clear();
      for (std::uint32_t n = 0; n < nodes.size(); ++n)
        if (nodes[n].live && nodes[n].kind != kNone) live.push_back(n);
      if (live.empty()) return;
    }
    const std::uint32_t first = live[rng_.below(live.size())];
    if (!nodes[first].live) continue;
    std::vector<std::uint32_t> chosen{first};
    const std::vector<std::uint32_t>& domains = problem.kinds[nodes[first].kind].domains;
    const std::size_t want = 2 + rng_.below(2);
    for (int tries = 0; tries < 8 && chosen.size() < want; ++tries) {
      const std::uint32_t other = live[rng_.below(live.size())];
      if (nodes[other].live && std::find(chosen.begin(), chosen.end(), other) == chosen.end() &&
          problem.kinds[nodes[other].kind].domains == domains)
        chosen.push_back(other);
    }
    std::vector<char> kinds(problem.kinds.size(), 0);
    for (std::size_t k = 0; k < kinds.size(); ++k)
      kinds[k] = problem.kinds[k].domains == domains ? 1 : 0;
    builder_.restrict_to(std::move(kinds));
    repack(nodes, chosen);
  }
  builder_.restrict_to({});
}

// Places the pods of nodes in an order in which each is admissible when its turn comes; `turn` says
// which classes try first. Pods that never are stay unplaced, and their classes come first in
// `turn`.
PackPlan in_turn(const PackProblem& problem, const std::vector<OpenNode>& nodes,
                 std::vector<int>& turn) {
  PackState state(problem, PackState::Spreads::AtPlacing);
  PackPlan plan;
  std::vector<OpenNode> rebuilt;
  std::map<int, std::vector<Placement>> waiting;  // by turn
  for (const OpenNode& node : nodes) {
    if (!node.live || node.pods.empty()) continue;
    const auto number = static_cast<std::uint32_t>(plan.nodes.size());
    plan.nodes.push_back({node.kind, node.offer, {}});
    rebuilt.push_back(node.kind == kNone ? state.make_existing(node.offer)
                                         : state.make_node(node.kind));
    for (std::size_t i = 0; i < node.pods.size(); ++i)
      waiting[turn[node.pods[i]]].push_back({node.pods[i], number, gpu_of(node.pod_gpus, i)});
    plan.per_hour += state.price(node);
  }
  const auto place = [&](const Placement& step) {
    OpenNode& node = rebuilt[step.node];
    if (!state.admits(node, step.demand_class)) return false;
    state.add(node, step.demand_class, plan.nodes[step.node].offer, step.gpu);
    plan.order.push_back(step);
    auto& pods = plan.nodes[step.node].pods;
    if (!pods.empty() && pods.back().first == step.demand_class)
      ++pods.back().second;
    else
      pods.emplace_back(step.demand_class, 1);
    return true;
  };
  // A turn is over when nothing of it can be placed: a spread grows by turns of its own.
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& [number, steps] : waiting)
      while (std::erase_if(steps, place) > 0) progress = true;
  }
  const int first = *std::min_element(turn.begin(), turn.end()) - 1;
  for (const auto& [number, steps] : waiting)
    for (const Placement& step : steps) turn[step.demand_class] = first;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) plan.unplaced.push_back(state.left(k));
  return plan;
}

// A plan of nodes that were taken apart and joined, so that the order of their pods need not be one
// in which they can be placed.
PackPlan finish(const PackProblem& problem, const Builder& builder,
                const std::vector<OpenNode>& nodes) {
  constexpr int kTries = 4;  // node by node, in turn, and twice with those first that were missed
  std::int64_t placed = 0;
  for (const OpenNode& node : nodes)
    if (node.live) placed += static_cast<std::int64_t>(node.pods.size());
  std::vector<int> turn(problem.classes.size(), 0);
  if (turn.empty()) return {};
  PackPlan plan = in_turn(problem, nodes, turn);
  for (int i = 1; i < kTries && static_cast<std::int64_t>(plan.order.size()) < placed; ++i) {
    if (i == 1)
      for (std::uint32_t k = 0; k < turn.size(); ++k) turn[k] = builder.turn(k);
    PackPlan other = in_turn(problem, nodes, turn);
    if (other.order.size() > plan.order.size()) plan = std::move(other);
  }
  return plan;
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

// Keeps the best of many plans: the most pods, then the least money.
class Best {
 public:
  explicit Best(Money bound) : bound_(bound) {}

  void offer(PackPlan plan) {
    const std::int64_t left = total(plan.unplaced);
    if (!any_ || left < left_ || (left == left_ && plan.per_hour < plan_.per_hour)) {
      plan_ = std::move(plan);
      left_ = left;
      any_ = true;
    }
  }
  /// Nothing can be better.
  bool done() const { return any_ && left_ == 0 && plan_.per_hour <= bound_; }
  const PackPlan& plan() const { return plan_; }

 private:
  Money bound_;
  bool any_ = false;
  std::int64_t left_ = 0;
  PackPlan plan_;
};

// Takes pods off a few nodes, old ones too, and places them anew one by one; keeps what is no
// worse, or in the end what is little dearer than the best: two nodes may have to change for either
// to be worth it.
class Shaker {
 public:
  Shaker(PackState& state, Builder& builder, const std::vector<double>& value)
      : state_(state), builder_(builder), value_(value), rng_(1, "shake") {}

  void run(std::vector<OpenNode>& nodes, const PackEffort& effort, Best& best);

 private:
  struct Score {
    std::int64_t left = 0;
    Money cost;
    auto operator<=>(const Score&) const = default;
  };
  Score score(const std::vector<OpenNode>& nodes) const;
  Money take_off(std::vector<OpenNode>& nodes);
  std::vector<std::uint32_t> order();
  void shake(std::vector<OpenNode>& nodes);

  PackState& state_;
  Builder& builder_;
  const std::vector<double>& value_;
  Rng rng_;
};

// Makes `to` equal to `from`, which was it some steps before or after.
void copy_changed(const std::vector<OpenNode>& from, std::vector<OpenNode>& to) {
  if (to.size() > from.size()) to.resize(from.size());
  for (std::size_t n = 0; n < to.size(); ++n)
    if (to[n].version != from[n].version) to[n] = from[n];
  to.insert(to.end(), from.begin() + std::ssize(to), from.end());
}

Shaker::Score Shaker::score(const std::vector<OpenNode>& nodes) const {
  Score out;
  for (const Shape& shape : state_.shapes()) out.left += shape.left;
  for (const OpenNode& node : nodes) out.cost += state_.price(node);
  return out;
}

// Returns what the nodes cost of which pods were taken.
Money Shaker::take_off(std::vector<OpenNode>& nodes) {
  const std::uint64_t want = rng_.below(8) == 0 ? nodes.size() : 1 + rng_.below(3);
  Money cost;
  for (std::uint64_t i = 0; i < want; ++i) {
    OpenNode& node = nodes[want == nodes.size() ? i : rng_.below(nodes.size())];
    if (node.pods.empty()) continue;
    const std::vector<std::uint32_t> pods = node.pods, gpus = node.pod_gpus;
    const std::uint32_t offer = node.offer;
    const bool some = rng_.below(3) == 0;
    cost += state_.price(node);
    state_.buy(node, -1);
    state_.clear(node);
    node = node.kind == kNone ? state_.make_existing(offer) : state_.make_node(node.kind);
    for (std::size_t j = 0; j < pods.size(); ++j)
      if (some && rng_.below(2) == 0) state_.add(node, pods[j], offer, gpu_of(gpus, j));
    node.live = node.kind == kNone || !node.pods.empty();
    state_.changed(node);
    if (node.live) state_.buy(node, 1);
    builder_.shrink(node);
  }
  std::erase_if(nodes, [](const OpenNode& node) { return !node.live; });
  return cost;
}

// The pods that wait, one entry each.
std::vector<std::uint32_t> Shaker::order() {
  const bool ranked = rng_.below(4) != 0, mixed = rng_.below(2) == 0;
  std::vector<std::tuple<int, double, std::uint32_t>> keys;
  for (std::uint32_t k = 0; k < state_.problem().classes.size(); ++k) {
    double key = 0;
    for (std::int64_t i = 0; i < state_.left(k); ++i) {
      if (i == 0 || mixed)
        key = -(value_[state_.shape_of(k)] + 1e-6) * static_cast<double>(1 + rng_.below(100));
      keys.emplace_back(ranked ? builder_.turn(k) : 0, key, k);
    }
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::uint32_t> out;
  for (const auto& [rank, key, k] : keys) out.push_back(k);
  return out;
}

void Shaker::shake(std::vector<OpenNode>& nodes) {
  const Money cost = take_off(nodes);
  const std::vector<std::uint32_t> waiting = order();
  if (waiting.empty()) return;
  if (!state_.problem().kinds.empty() && rng_.below(2) == 0)
    builder_.open_any(nodes, waiting[rng_.below(4) == 0 ? rng_.below(waiting.size()) : 0], cost,
                      rng_);
  builder_.break_ties(static_cast<Builder::Ties>(rng_.below(3)), rng_.below(1 << 20));
  builder_.place_each(nodes, waiting, false);
  for (OpenNode& node : nodes) builder_.shrink(node);
}

void Shaker::run(std::vector<OpenNode>& nodes, const PackEffort& effort, Best& best) {
  constexpr std::int64_t kLittle = 10;  // a tenth of the price
  Score now = score(nodes), lowest = now;
  PackState state = state_;
  std::vector<OpenNode> kept = nodes;
  const int attempts = effort.shakes + effort.shakes * 2 / 3;
  for (int i = 0; i < attempts && !best.done() && !nodes.empty(); ++i) {
    shake(nodes);
    const Score then = score(nodes);
    bool keep = i < effort.shakes ? then <= now
                                  : then.left == lowest.left &&
                                        (then.cost - lowest.cost) * kLittle <= lowest.cost;
    if (then < lowest) {  // what was taken apart and joined may have no order of placing
      PackPlan plan = finish(state_.problem(), builder_, nodes);
      keep = total(plan.unplaced) == then.left;
      if (keep) lowest = then;
      if (keep) best.offer(std::move(plan));
    }
    if (keep) {
      now = then;
      state = state_;
      copy_changed(nodes, kept);
    } else {
      state_.restore(state);
      copy_changed(kept, nodes);
    }
  }
}

// Attempts are for nodes that are bought: those that are there are never taken apart.
void improve(PackState& state, Builder& builder, const std::vector<double>& value,
             std::vector<OpenNode>& nodes, int attempts_per_node, int most) {
  const auto bought = std::count_if(nodes.begin(), nodes.end(), [](const OpenNode& node) {
    return node.live && node.kind != kNone;
  });
  Improver(state, builder, value)
      .run(nodes, std::min(most, attempts_per_node * static_cast<int>(bought)));
}

// Pod by pod in many orders: what rules, limits and full nodes ask of few pods. Classes that found
// no place come earlier the next time.
void try_orders(const PackProblem& problem, const PackBound& bound,
                const std::vector<double>& value, const PackEffort& effort, Best& best) {
  Rng rng(1, "orders");
  std::vector<int> missed(problem.classes.size(), 0);
  const PackState last(problem, PackState::Spreads::Last);
  const PackState at_placing(problem, PackState::Spreads::AtPlacing);
  for (int i = 0; i < effort.orders && !best.done(); ++i) {
    PackState state = i % 2 == 1 ? at_placing : last;
    Builder builder(state, bound);
    builder.seed_in_turn();
    builder.break_ties(static_cast<Builder::Ties>(i % 3), static_cast<std::uint64_t>(i));
    Weights weights;
    weights.shape_value = value;
    if (i > 1)
      for (double& v : weights.shape_value)
        v = (v + 1e-6) * static_cast<double>(1 + rng.below(i % 2 == 0 ? 1000 : 20));
    builder.use(weights);
    std::vector<std::uint32_t> order = builder.seed_order();
    if (i % 4 == 3)
      for (std::size_t j = order.size(); j > 1; --j) std::swap(order[j - 1], order[rng.below(j)]);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return missed[a] > missed[b]; });
    std::vector<OpenNode> nodes;
    builder.open_existing(nodes);
    builder.place_each(nodes, order, true);
    improve(state, builder, value, nodes, 1, effort.most_repacks);
    PackPlan plan = finish(problem, builder, nodes);
    for (std::uint32_t k = 0; k < missed.size(); ++k)
      if (plan.unplaced[k] > 0) ++missed[k];
    best.offer(std::move(plan));
  }
}

// Goes on from the best plan so far.
void shake_best(const PackProblem& problem, const PackBound& bound,
                const std::vector<double>& value, const PackEffort& effort, Best& best) {
  PackState state(problem, PackState::Spreads::AtPlacing);
  Builder builder(state, bound);
  std::vector<OpenNode> nodes;
  builder.open_existing(nodes);
  std::vector<std::size_t> number;
  for (const PlannedNode& node : best.plan().nodes) {
    number.push_back(node.kind == kNone ? node.offer : nodes.size());
    if (node.kind != kNone) nodes.push_back(state.make_node(node.kind));
  }
  for (const Placement& step : best.plan().order)
    state.add(nodes[number[step.node]], step.demand_class, best.plan().nodes[step.node].offer,
              step.gpu);
  for (const OpenNode& node : nodes) state.buy(node, 1);
  Shaker(state, builder, value).run(nodes, effort, best);
}

std::vector<double> by_shape(const PackState& state, const std::vector<double>& class_value) {
  std::vector<double> out;
  for (const Shape& shape : state.shapes()) out.push_back(class_value[shape.classes.front()]);
  return out;
}

// Greedy plans; each learns from the last what is dear. Returns what pods of each shape are worth.
std::vector<double> construct(const PackProblem& problem, const PackPrices& prices,
                              const PackEffort& effort, Best& best) {
  const PackState fresh(problem);
  std::vector<double> value = by_shape(fresh, prices.class_value);
  for (int round = 0; round < effort.constructions && !best.done(); ++round) {
    PackState state = fresh;
    Builder builder(state, prices);
    constexpr double kSmaller[] = {0.02, 0.05, 0.01, 0.1, 0.0};
    builder.use({value, kSmaller[round % 5]});
    std::vector<OpenNode> nodes;
    builder.fill_existing(nodes);
    builder.build(nodes, builder.seed_order());
    if (round + 1 >= effort.constructions)
      improve(state, builder, value, nodes, effort.repacks_per_node, effort.most_repacks);
    best.offer(finish(problem, builder, nodes));
    learn(state, nodes, value);
  }
  return value;
}

PackPrices first_prices(const PackProblem& problem, const Relaxation& relaxed) {
  PackPrices out;
  const std::vector<double> value = cheapest_parts(relaxed.placement, relaxed.resources);
  for (const std::uint32_t k : relaxed.class_of) out.class_value.push_back(value[k]);
  out.unit_worth = unit_worth(relaxed.placement, relaxed.resources, value);
  if (problem.gpus != kNone) out.unit_worth[problem.gpus] *= kGpuUnits;
  for (const NodeKind& kind : problem.kinds) {
    out.offer_value.emplace_back();
    for (const PackOffer& offer : kind.offers) {
      double worth = 0;
      for (std::size_t r = 0; r < problem.dimensions; ++r)
        worth += static_cast<double>(offer.capacity[r]) * out.unit_worth[r];
      out.offer_value.back().push_back(worth / std::max(offer.price.to_dollars(), 1e-9));
    }
  }
  return out;
}

// Rules between nodes spoil patterns, so that better ones are not worth their time.
int pattern_rounds(const PackProblem& problem, const PackEffort& effort, std::int64_t pods) {
  const auto rounds = [&](int most, std::int64_t pods_a_round) {
    return std::min(most, std::max(3, static_cast<int>(pods / pods_a_round)));
  };
  return problem.groups.empty() ? rounds(effort.free_rounds, 100) : rounds(effort.rounds, 300);
}

std::int64_t pattern_contents(const PackProblem& problem, const PackEffort& effort) {
  return problem.groups.empty() || problem.gpus != kNone ? effort.contents : 0;
}

// The nodes that column generation chooses without the rules between nodes, then what the rules
// kept off those. `prices` learn what pods are worth in such nodes.
PackPlan from_patterns(const PackProblem& problem, Relaxation relaxed, const PackEffort& effort,
                       std::int64_t pods, PackPrices& prices) {
  PackState state(problem);
  Builder builder(state, prices);
  builder.use({by_shape(state, prices.class_value)});
  std::vector<OpenNode> nodes;
  builder.fill_existing(nodes);
  for (DemandClass& each : relaxed.placement.classes) each.count = 0;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k)
    relaxed.placement.classes[relaxed.class_of[k]].count += state.left(k);
  const Patterns patterns =
      choose_patterns(relaxed.placement, relaxed.resources, pattern_rounds(problem, effort, pods),
                      pattern_contents(problem, effort), relaxed.shares);
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k)
    if (const double value = patterns.pod_value[relaxed.class_of[k]]; value > 0)
      prices.class_value[k] = value;
  builder.use({by_shape(state, prices.class_value)});
  builder.build_patterns(nodes, patterns.nodes, relaxed);
  builder.build(nodes, builder.seed_order());
  return finish(problem, builder, nodes);
}

// Whether no node, however empty, holds a pod of the class.
bool fits_nowhere(const PackProblem& problem, const PackClass& each) {
  const auto holds = [&](const std::vector<std::int64_t>& capacity, bool joins = false) {
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      if (each.demand[r] > 0 && each.demand[r] > capacity[r] && !(joins && r == problem.gpus))
        return false;
    return true;
  };
  for (std::size_t n = 0; n < each.existing.size(); ++n)
    if (const ExistingNode& node = problem.existing[n];
        each.existing[n] &&
        holds(node.capacity, each.share > 0 && fullest_with(node.gpus, each.share) != kNone))
      return false;
  for (std::size_t kind = 0; kind < each.offers.size(); ++kind)
    for (std::size_t t = 0; t < problem.kinds[kind].offers.size(); ++t)
      if (!each.offers[kind].empty() && (each.offers[kind][t / 64] >> (t % 64) & 1) != 0 &&
          holds(problem.kinds[kind].offers[t].capacity))
        return false;
  return true;
}

// Whether a search among plans that know of limits and rules may do better than patterns, which do
// not.
bool worth_a_search(const PackProblem& problem, const PackPlan& plan) {
  for (std::size_t k = 0; k < problem.classes.size(); ++k)
    if (plan.unplaced[k] > 0 && !fits_nowhere(problem, problem.classes[k])) return true;
  return !problem.reservations.empty() ||
         std::any_of(problem.pools.begin(), problem.pools.end(), [](const Pool& pool) {
           return !pool.limit.empty() || !pool.min_values.empty();
         });
}

PackPlan pack_many(const PackProblem& problem, const PackEffort& effort, std::int64_t pods) {
  const Relaxation relaxed = relax(problem);
  PackPrices prices = first_prices(problem, relaxed);
  PackPlan plan = from_patterns(problem, relaxed, effort, pods, prices);
  if (!worth_a_search(problem, plan)) return plan;
  Best best{Money()};
  best.offer(std::move(plan));
  // A construction takes time with every pod: the more there are, the fewer.
  constexpr std::int64_t kPodsBuilt = 4000;
  PackEffort less = effort;
  less.constructions = static_cast<int>(
      std::clamp<std::int64_t>(kPodsBuilt / pods, 1, std::max(effort.constructions, 1)));
  construct(problem, prices, less, best);
  return best.plan();
}

PackPlan nothing_placed(const PackProblem& problem) {
  PackPlan plan;
  for (const PackClass& each : problem.classes) plan.unplaced.push_back(each.count);
  return plan;
}

PackPlan pack_few(const PackProblem& problem, const PackEffort& effort) {
  const PackBound bound = pack_bound(problem);
  if (effort.most && bound.bound.per_hour > *effort.most) return nothing_placed(problem);
  Best best(bound.bound.per_hour);
  const std::vector<double> value = construct(problem, bound, effort, best);
  try_orders(problem, bound, value, effort, best);
  shake_best(problem, bound, value, effort, best);
  PackPlan plan = best.plan();
  plan.lower_bound = bound.bound.per_hour;
  return plan;
}

}  // namespace

bool fits(const std::vector<std::int64_t>& asked, const std::vector<std::int64_t>& there) {
  for (std::size_t r = 0; r < asked.size(); ++r)
    if (asked[r] > 0 && asked[r] > there[r]) return false;
  return true;
}

PackPlan pack(const PackProblem& problem, const PackEffort& effort) {
  std::int64_t pods = 0;
  for (const PackClass& each : problem.classes) pods += each.count;
  return pods > effort.small ? pack_many(problem, effort, pods) : pack_few(problem, effort);
}

}  // namespace gputide::provisioning
