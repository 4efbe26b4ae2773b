#include "decide/provisioning/packing.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/rng.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_state.h"

namespace gputide::provisioning {
namespace {

struct Weights {
  std::vector<double> shape_value;  // what one pod of a shape is worth
  double small_node = 0.02;         // how much worth a dollar a smaller node may lack
};

// When a class's turn comes, as far as its rules say: what only existing nodes take; what starts a
// company of its own; what keeps its like off; others; what others' rules count but has none; what
// waits for company.
int rank_of(const PackClass& each, const std::vector<char>& watched) {
  if (std::all_of(each.offers.begin(), each.offers.end(),
                  [](const auto& bits) { return bits.empty(); }))
    return 0;
  bool starts = false, repels = false, waits = false;
  for (const TopologyRule& rule : each.rules) {
    starts = starts || (rule.kind == TopologyRule::Kind::Affinity && rule.counts_itself);
    waits = waits || (rule.kind == TopologyRule::Kind::Affinity && !rule.counts_itself);
    repels = repels || rule.kind == TopologyRule::Kind::AntiAffinity;
  }
  const bool counted = std::any_of(each.counted_in.begin(), each.counted_in.end(),
                                   [&](std::uint32_t g) { return watched[g] != 0; });
  if (waits) return 5;
  if (starts) return 1;
  if (repels) return 2;
  return each.rules.empty() && counted ? 4 : 3;
}

// Builds nodes one by one: a seed pod, the offer, and what else fills it, by worth for the money.
class Builder {
 public:
  Builder(PackState& state, const PackBound& bound) : state_(state), bound_(bound) {
    for (const Shape& shape : state.shapes())
      for (const std::int64_t d : problem().classes[shape.classes.front()].demand)
        demand_.push_back(static_cast<double>(d));
    std::vector<char> watched(problem().groups.size(), 0);
    for (const PackClass& each : problem().classes)
      for (const TopologyRule& rule : each.rules)
        if (rule.kind != TopologyRule::Kind::AntiAffinity) watched[rule.group] = 1;
    for (const PackClass& each : problem().classes) {
      rank_.push_back(rank_of(each, watched));
    }
    for (const NodeKind& kind : problem().kinds) {
      twins_.push_back(kNone);
      for (std::uint32_t j = 0; j + 1 < twins_.size(); ++j)
        if (same_offers(kind, problem().kinds[j]) && twins_[j] == kNone) {
          twins_.back() = j;
          break;
        }
      bought_.push_back(0);
      bare_.push_back(state_.make_node(static_cast<std::uint32_t>(bare_.size())));
    }
  }

  /// Between nodes that a pod makes equally dear.
  enum class Ties { First, Fullest, Any };
  void break_ties(Ties ties, std::uint64_t seed) {
    ties_ = ties;
    rng_ = Rng(seed, "ties");
  }

  void use(Weights weights) { weights_ = std::move(weights); }
  /// Only these kinds from now on; empty = all.
  void restrict_to(std::vector<char> kinds) { allowed_ = std::move(kinds); }

  void fill_existing(std::vector<OpenNode>& nodes);
  /// Places what is left on new nodes, and what only fits beside others on those.
  void build(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order);

  /// Places pod by pod, each where it makes the plan least dearer now: of the classes named, one
  /// pod a turn or all that are left.
  void place_each(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order, bool all);
  void open_existing(std::vector<OpenNode>& nodes) const;
  /// Opens a node for a pod of class k, of a random offer that costs no more than that.
  bool open_any(std::vector<OpenNode>& nodes, std::uint32_t k, Money most, Rng& rng);
  /// Makes a node the cheapest that holds what is on it.
  void shrink(OpenNode& node);

  /// Classes, the hardest first.
  std::vector<std::uint32_t> seed_order() const;
  void sort_seeds(std::vector<std::uint32_t>& classes) const;
  int rank(std::uint32_t k) const { return rank_[k]; }

 private:
  const PackProblem& problem() const { return state_.problem(); }
  static bool same_offers(const NodeKind& a, const NodeKind& b);
  bool open(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool join(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool place_one(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool fuller(const OpenNode& a, const OpenNode& b) const;
  OpenNode* least_dearer(std::vector<OpenNode>& nodes, std::uint32_t k, std::uint32_t& offer,
                         Money& dearer);
  void candidates(std::uint32_t kind, std::uint32_t k, std::vector<std::uint32_t>& out) const;
  double fill(OpenNode& node, const std::vector<std::int64_t>& capacity);
  std::uint32_t admissible(const OpenNode& node, const Shape& shape) const;
  void replay(std::vector<OpenNode>& nodes, std::uint32_t kind, std::uint32_t offer,
              std::span<const std::uint32_t> pods);
  std::uint32_t cheapest(const OpenNode& node) const;

  PackState& state_;
  const PackBound& bound_;
  Weights weights_;
  std::vector<char> allowed_;
  std::vector<std::uint32_t> twins_;  // kind -> an earlier kind with the same offers, or kNone
  std::vector<std::int64_t> bought_;  // by kind
  std::vector<int> rank_;             // by class
  Ties ties_ = Ties::First;
  Rng rng_{0, "ties"};
  std::vector<OpenNode> bare_;  // by kind: an empty node
  std::vector<double> demand_;  // shape by shape
  // Of the node being filled:
  std::vector<std::uint32_t> open_shapes_;  // more of them may fit
  std::vector<double> room_, pull_;         // by dimension: what is left, what a unit is wanted for
};

bool Builder::same_offers(const NodeKind& a, const NodeKind& b) {
  if (a.pool != b.pool || a.offers.size() != b.offers.size()) return false;
  for (std::size_t i = 0; i < a.offers.size(); ++i)
    if (a.offers[i].price != b.offers[i].price || a.offers[i].type != b.offers[i].type ||
        a.offers[i].reservation != b.offers[i].reservation)
      return false;
  return true;
}

std::vector<std::uint32_t> Builder::seed_order() const {
  std::vector<std::uint32_t> order(problem().classes.size());
  std::iota(order.begin(), order.end(), 0U);
  sort_seeds(order);
  return order;
}

void Builder::sort_seeds(std::vector<std::uint32_t>& classes) const {
  std::sort(classes.begin(), classes.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (rank_[a] != rank_[b]) return rank_[a] < rank_[b];
    const double va = weights_.shape_value[state_.shape_of(a)];
    const double vb = weights_.shape_value[state_.shape_of(b)];
    return va != vb ? va > vb : a < b;
  });
}

// The class of a shape that may come next, or kNone.
std::uint32_t Builder::admissible(const OpenNode& node, const Shape& shape) const {
  for (const std::uint32_t k : shape.alive)
    if (state_.left(k) > 0 && state_.admits(node, k)) return k;
  return kNone;
}

// Fills a node of that capacity as well as pods can; returns what they are worth.
double Builder::fill(OpenNode& node, const std::vector<std::int64_t>& capacity) {
  const std::size_t dimensions = problem().dimensions;
  std::vector<Shape>& shapes = state_.shapes();
  double worth = 0;
  open_shapes_.clear();
  for (std::uint32_t s = 0; s < shapes.size(); ++s)
    if (shapes[s].left > 0) open_shapes_.push_back(s);
  room_.resize(dimensions);
  pull_.resize(dimensions);
  while (true) {
    for (std::size_t r = 0; r < dimensions; ++r) {
      const auto all = static_cast<double>(capacity[r]);
      room_[r] = static_cast<double>(capacity[r] - node.used[r]);
      pull_[r] = all > 0 ? bound_.unit_worth[r] * (0.25 + room_[r] / all) : 0;
    }
    std::uint32_t best = kNone;
    double most = -1;
    std::size_t kept = 0;
    for (const std::uint32_t s : open_shapes_) {
      const double* demand = &demand_[s * dimensions];
      bool fits = shapes[s].left > 0;
      double score = weights_.shape_value[s] * 0.5;
      for (std::size_t r = 0; r < dimensions; ++r) {
        fits = fits && (demand[r] <= room_[r] || demand[r] == 0);
        score += demand[r] * pull_[r];
      }
      if (!fits) continue;
      open_shapes_[kept++] = s;
      if (score > most) {
        most = score;
        best = s;
      }
    }
    open_shapes_.resize(kept);
    if (best == kNone) return worth;
    const std::uint32_t k = admissible(node, shapes[best]);
    const std::uint32_t offer = k == kNone ? kNone : state_.offer_with(node, k);
    if (offer != node.offer) {
      open_shapes_.erase(std::find(open_shapes_.begin(), open_shapes_.end(), best));
      continue;
    }
    state_.add(node, k, node.offer);
    worth += weights_.shape_value[best];
  }
}

void Builder::fill_existing(std::vector<OpenNode>& nodes) {
  for (std::uint32_t i = 0; i < problem().existing.size(); ++i) {
    OpenNode node = state_.make_existing(i);
    fill(node, problem().existing[i].capacity);
    nodes.push_back(std::move(node));
  }
}

// Offers worth a try for a node that starts with class k: cheap ones, and larger ones in steps, of
// those that give near their price.
void Builder::candidates(std::uint32_t kind, std::uint32_t k,
                         std::vector<std::uint32_t>& out) const {
  constexpr std::size_t kCheap = 3, kMost = 6;
  out.clear();
  const NodeKind& each = problem().kinds[kind];
  const std::vector<std::uint64_t>& suits = problem().classes[k].offers[kind];
  const std::vector<double>& value = bound_.offer_value[kind];  // worth a dollar, at the most 1
  const std::vector<std::int64_t>& demand = problem().classes[k].demand;
  double best = 0, next_price = 0;
  const auto usable = [&](std::uint32_t t) {
    if ((suits[t / 64] >> (t % 64) & 1) == 0) return false;
    for (std::size_t r = 0; r < problem().dimensions; ++r)
      if (demand[r] > 0 && demand[r] > each.offers[t].capacity[r]) return false;
    return state_.affordable(kind, t);
  };
  for (std::uint32_t t = 0; t < each.offers.size(); ++t)
    if (value[t] > best && usable(t)) best = value[t];
  bool first = true;
  for (std::uint32_t t = 0; t < each.offers.size() && out.size() < kMost; ++t) {
    if (!first && value[t] < 0.8 * best) continue;
    if (!usable(t)) continue;
    const double price = each.offers[t].price.to_dollars();
    if (out.size() >= kCheap && price < next_price) continue;
    out.push_back(t);
    first = false;
    next_price = price * 1.6;
  }
}

std::uint32_t Builder::cheapest(const OpenNode& node) const {
  const NodeKind& kind = problem().kinds[node.kind];
  for (std::uint32_t t = 0; t < node.offer; ++t) {
    if ((node.suits[t / 64] >> (t % 64) & 1) == 0 || !state_.affordable(node.kind, t)) continue;
    bool fits = true;
    for (std::size_t r = 0; r < problem().dimensions; ++r)
      fits = fits && node.used[r] <= kind.offers[t].capacity[r];
    if (fits) return t;
  }
  return node.offer;
}

bool Builder::open(std::vector<OpenNode>& nodes, std::uint32_t k) {
  struct Trial {
    std::uint32_t kind, offer;
    std::vector<std::uint32_t> pods;
    double worth_per_dollar;
    double price;
  };
  std::vector<Trial> trials;
  std::vector<std::uint32_t> offers;
  double best = 0;
  for (std::uint32_t kind = 0; kind < problem().kinds.size(); ++kind) {
    if (!allowed_.empty() && allowed_[kind] == 0) continue;
    const PackClass& each = problem().classes[k];
    if (each.offers[kind].empty()) continue;
    const OpenNode& bare = bare_[kind];
    if (!state_.admits(bare, k)) continue;
    // Of kinds with the same offers, the one of which fewer were bought.
    const std::uint32_t family = twins_[kind] == kNone ? kind : twins_[kind];
    bool twin_is_better = false;
    for (std::uint32_t j = 0; j < problem().kinds.size() && !twin_is_better; ++j) {
      if (j == kind || (twins_[j] == kNone ? j : twins_[j]) != family) continue;
      if (!allowed_.empty() && allowed_[j] == 0) continue;
      if (bought_[j] > bought_[kind] || (bought_[j] == bought_[kind] && j > kind)) continue;
      twin_is_better = each.offers[j] == each.offers[kind] && state_.admits(state_.make_node(j), k);
    }
    if (twin_is_better) continue;
    candidates(kind, k, offers);
    for (const std::uint32_t t : offers) {
      OpenNode node = bare;
      if (state_.offer_with(node, k) == kNone) break;
      node.offer = t;
      state_.add(node, k, t);
      const double worth = weights_.shape_value[state_.shape_of(k)] +
                           fill(node, problem().kinds[kind].offers[t].capacity);
      node.offer = cheapest(node);
      const double price =
          std::max(problem().kinds[kind].offers[node.offer].price.to_dollars(), 1e-9);
      best = std::max(best, worth / price);
      trials.push_back({kind, node.offer, node.pods, worth / price, price});
      state_.clear(node);
    }
  }
  const Trial* chosen = nullptr;
  for (const Trial& trial : trials)
    if (trial.worth_per_dollar >= best * (1 - weights_.small_node) &&
        (chosen == nullptr || trial.price < chosen->price))
      chosen = &trial;
  if (chosen == nullptr) return false;
  const std::int64_t before = state_.left(k);
  replay(nodes, chosen->kind, chosen->offer, chosen->pods);
  return state_.left(k) < before;
}

// Builds the pattern as often as its pods last.
void Builder::replay(std::vector<OpenNode>& nodes, std::uint32_t kind, std::uint32_t offer,
                     std::span<const std::uint32_t> pods) {
  while (true) {
    if (!state_.affordable(kind, offer)) return;
    for (const std::uint32_t k : pods)
      if (state_.left(k) <= 0) return;
    OpenNode node = bare_[kind];
    for (const std::uint32_t k : pods) {
      if (state_.left(k) <= 0 || !state_.admits(node, k)) {
        state_.clear(node);
        return;
      }
      state_.add(node, k, offer);
    }
    state_.buy(node, 1);
    ++bought_[kind];
    state_.settle(node);
    nodes.push_back(std::move(node));
  }
}

// Whether a is the fuller node, by the share of its scarcest resource.
bool Builder::fuller(const OpenNode& a, const OpenNode& b) const {
  const auto share = [&](const OpenNode& node) {
    const std::vector<std::int64_t>& room =
        node.kind == kNone ? problem().existing[node.offer].capacity
                           : problem().kinds[node.kind].offers[node.offer].capacity;
    double most = 0;
    for (std::size_t r = 0; r < problem().dimensions; ++r)
      if (room[r] > 0)
        most = std::max(most, static_cast<double>(node.used[r]) / static_cast<double>(room[r]));
    return most;
  };
  return share(a) > share(b);
}

// The node that is there and takes the pod for the least more money; nullptr: none does.
OpenNode* Builder::least_dearer(std::vector<OpenNode>& nodes, std::uint32_t k, std::uint32_t& offer,
                                Money& dearer) {
  OpenNode* best = nullptr;
  for (OpenNode& node : nodes) {
    if (!node.live || (node.kind != kNone && !allowed_.empty() && allowed_[node.kind] == 0))
      continue;
    if (!state_.admits(node, k)) continue;
    state_.buy(node, -1);
    const std::uint32_t with = state_.offer_with(node, k);
    state_.buy(node, 1);
    if (with == kNone) continue;
    const Money more = node.kind == kNone
                           ? Money()
                           : problem().kinds[node.kind].offers[with].price - state_.price(node);
    bool better = best == nullptr || more < dearer;
    if (!better && more == dearer && ties_ == Ties::Fullest) better = fuller(node, *best);
    if (!better && more == dearer && ties_ == Ties::Any) better = rng_.below(2) == 0;
    if (better) {
      best = &node;
      offer = with;
      dearer = more;
    }
  }
  return best;
}

bool Builder::join(std::vector<OpenNode>& nodes, std::uint32_t k) {
  std::uint32_t offer = kNone;
  Money dearer;
  OpenNode* node = least_dearer(nodes, k, offer, dearer);
  if (node == nullptr) return false;
  state_.buy(*node, -1);
  state_.add(*node, k, offer);
  state_.buy(*node, 1);
  return true;
}

bool Builder::place_one(std::vector<OpenNode>& nodes, std::uint32_t k) {
  std::uint32_t offer = kNone, new_kind = kNone, new_offer = kNone;
  Money dearer, new_price;
  OpenNode* node = least_dearer(nodes, k, offer, dearer);
  if (node == nullptr || dearer > Money())
    for (std::uint32_t kind = 0; kind < problem().kinds.size(); ++kind) {
      if ((!allowed_.empty() && allowed_[kind] == 0) || problem().classes[k].offers[kind].empty() ||
          !state_.admits(bare_[kind], k))
        continue;
      const std::uint32_t with = state_.offer_with(bare_[kind], k);
      if (with == kNone) continue;
      const Money price = problem().kinds[kind].offers[with].price;
      if (new_kind == kNone || price < new_price) {
        new_kind = kind;
        new_offer = with;
        new_price = price;
      }
    }
  if (new_kind != kNone && (node == nullptr || new_price < dearer)) {
    OpenNode fresh = bare_[new_kind];
    state_.add(fresh, k, new_offer);
    state_.buy(fresh, 1);
    ++bought_[new_kind];
    nodes.push_back(std::move(fresh));
    return true;
  }
  if (node == nullptr) return false;
  state_.buy(*node, -1);
  state_.add(*node, k, offer);
  state_.buy(*node, 1);
  return true;
}

void Builder::open_existing(std::vector<OpenNode>& nodes) const {
  for (std::uint32_t i = 0; i < problem().existing.size(); ++i)
    nodes.push_back(state_.make_existing(i));
}

void Builder::place_each(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order,
                         bool all) {
  bool progress = true;
  while (progress) {
    progress = false;
    for (const std::uint32_t k : order)
      while (state_.left(k) > 0 && place_one(nodes, k)) {
        progress = true;
        if (!all) break;
      }
  }
}

bool Builder::open_any(std::vector<OpenNode>& nodes, std::uint32_t k, Money most, Rng& rng) {
  constexpr int kTries = 16;
  const PackClass& each = problem().classes[k];
  for (int i = 0; i < kTries; ++i) {
    const auto kind = static_cast<std::uint32_t>(rng.below(problem().kinds.size()));
    const std::vector<PackOffer>& offers = problem().kinds[kind].offers;
    const auto t = static_cast<std::uint32_t>(rng.below(offers.size()));
    const std::vector<std::uint64_t>& suits = each.offers[kind];
    if (suits.empty() || (suits[t / 64] >> (t % 64) & 1) == 0 || offers[t].price > most ||
        !state_.affordable(kind, t) || !state_.admits(bare_[kind], k))
      continue;
    bool fits = state_.offer_with(bare_[kind], k) != kNone;
    for (std::size_t r = 0; r < problem().dimensions; ++r)
      fits = fits && (each.demand[r] == 0 || each.demand[r] <= offers[t].capacity[r]);
    if (!fits) continue;
    OpenNode node = bare_[kind];
    state_.add(node, k, t);
    state_.buy(node, 1);
    nodes.push_back(std::move(node));
    return true;
  }
  return false;
}

void Builder::shrink(OpenNode& node) {
  if (node.kind == kNone || !node.live) return;
  state_.buy(node, -1);
  node.offer = cheapest(node);
  state_.buy(node, 1);
}

void Builder::build(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order) {
  bool progress = true;
  while (progress) {
    progress = false;
    for (const std::uint32_t k : order) {
      bool needs_company = false;
      for (const TopologyRule& rule : problem().classes[k].rules)
        needs_company = needs_company || rule.kind == TopologyRule::Kind::Affinity;
      while (state_.left(k) > 0) {
        const bool placed =
            needs_company ? join(nodes, k) || open(nodes, k) : open(nodes, k) || join(nodes, k);
        if (!placed) break;
        progress = true;
      }
    }
  }
}

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
    for (const std::uint32_t k : before[i].pods) state_.add(node, k, before[i].offer);
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
  std::vector<Placement> waiting;
  for (const OpenNode& node : nodes) {
    if (!node.live || node.pods.empty()) continue;
    const auto number = static_cast<std::uint32_t>(plan.nodes.size());
    plan.nodes.push_back({node.kind, node.offer, {}});
    rebuilt.push_back(node.kind == kNone ? state.make_existing(node.offer)
                                         : state.make_node(node.kind));
    for (const std::uint32_t k : node.pods) waiting.push_back({k, number});
    plan.per_hour += state.price(node);
  }
  std::stable_sort(waiting.begin(), waiting.end(), [&](const Placement& a, const Placement& b) {
    return turn[a.demand_class] < turn[b.demand_class];
  });
  for (std::size_t before = waiting.size() + 1; waiting.size() < before;) {
    before = waiting.size();
    std::erase_if(waiting, [&](const Placement& step) {
      OpenNode& node = rebuilt[step.node];
      if (!state.admits(node, step.demand_class)) return false;
      state.add(node, step.demand_class, plan.nodes[step.node].offer);
      plan.order.push_back(step);
      auto& pods = plan.nodes[step.node].pods;
      if (!pods.empty() && pods.back().first == step.demand_class)
        ++pods.back().second;
      else
        pods.emplace_back(step.demand_class, 1);
      return true;
    });
  }
  const int first = *std::min_element(turn.begin(), turn.end()) - 1;
  for (const Placement& step : waiting) turn[step.demand_class] = first;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) plan.unplaced.push_back(state.left(k));
  return plan;
}

// A plan of nodes that were taken apart and joined, so that the order of their pods need not be one
// in which they can be placed.
PackPlan finish(const PackProblem& problem, const Builder& builder,
                const std::vector<OpenNode>& nodes) {
  constexpr int kTries = 3;
  std::int64_t placed = 0;
  for (const OpenNode& node : nodes)
    if (node.live) placed += static_cast<std::int64_t>(node.pods.size());
  std::vector<int> turn;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) turn.push_back(builder.rank(k));
  if (turn.empty()) return {};
  PackPlan plan = in_turn(problem, nodes, turn);
  for (int i = 1; i < kTries && static_cast<std::int64_t>(plan.order.size()) < placed; ++i) {
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
// worse.
class Shaker {
 public:
  Shaker(PackState& state, Builder& builder, const std::vector<double>& value)
      : state_(state), builder_(builder), value_(value), rng_(1, "shake") {}

  void run(std::vector<OpenNode>& nodes, int attempts, Best& best);

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
    const std::vector<std::uint32_t> pods = node.pods;
    const std::uint32_t offer = node.offer;
    const bool some = rng_.below(3) == 0;
    cost += state_.price(node);
    state_.buy(node, -1);
    state_.clear(node);
    node = node.kind == kNone ? state_.make_existing(offer) : state_.make_node(node.kind);
    for (const std::uint32_t k : pods)
      if (some && rng_.below(2) == 0) state_.add(node, k, offer);
    node.live = node.kind == kNone || !node.pods.empty();
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
      keys.emplace_back(ranked ? builder_.rank(k) : 0, key, k);
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

void Shaker::run(std::vector<OpenNode>& nodes, int attempts, Best& best) {
  Score now = score(nodes);
  PackState state = state_;
  std::vector<OpenNode> kept = nodes;
  for (int i = 0; i < attempts && !best.done() && !nodes.empty(); ++i) {
    shake(nodes);
    const Score then = score(nodes);
    bool keep = then <= now;
    if (then < now) {  // what was taken apart and joined may have no order of placing
      PackPlan plan = finish(state_.problem(), builder_, nodes);
      keep = total(plan.unplaced) == then.left;
      if (keep) best.offer(std::move(plan));
    }
    if (keep) {
      now = then;
      state = state_;
      kept = nodes;
    } else {
      state_ = state;
      nodes = kept;
    }
  }
}

void improve(PackState& state, Builder& builder, const std::vector<double>& value,
             std::vector<OpenNode>& nodes, const PackEffort& effort) {
  Improver(state, builder, value)
      .run(nodes,
           std::min(effort.most_repacks, effort.repacks_per_node * static_cast<int>(nodes.size())));
}

// Pod by pod in many orders: what rules, limits and full nodes ask of few pods. Classes that found
// no place come earlier the next time.
void try_orders(const PackProblem& problem, const PackBound& bound,
                const std::vector<double>& value, const PackEffort& effort, Best& best) {
  Rng rng(1, "orders");
  std::vector<int> missed(problem.classes.size(), 0);
  for (int i = 0; i < effort.orders && !best.done(); ++i) {
    PackState state(problem, i % 2 == 1 ? PackState::Spreads::AtPlacing : PackState::Spreads::Last);
    Builder builder(state, bound);
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
    Improver(state, builder, value).run(nodes, static_cast<int>(nodes.size()));
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
    state.add(nodes[number[step.node]], step.demand_class, best.plan().nodes[step.node].offer);
  for (const OpenNode& node : nodes) state.buy(node, 1);
  Shaker(state, builder, value).run(nodes, effort.shakes, best);
}

}  // namespace

PackPlan pack(const PackProblem& problem, const PackEffort& effort) {
  const PackBound bound = pack_bound(problem);
  Best best(bound.bound.per_hour);
  std::vector<double> value;
  std::int64_t pods = 0;
  for (const PackClass& each : problem.classes) pods += each.count;
  const bool small = pods <= effort.small;
  for (int round = 0; round < std::max(1, effort.constructions) && !best.done(); ++round) {
    PackState state(problem);
    if (round == 0)
      for (const Shape& shape : state.shapes())
        value.push_back(bound.class_value[shape.classes.front()]);
    Builder builder(state, bound);
    Weights weights;
    weights.shape_value = value;
    constexpr double kSmaller[] = {0.02, 0.05, 0.01, 0.1, 0.0};
    weights.small_node = kSmaller[round % 5];
    builder.use(weights);
    std::vector<OpenNode> nodes;
    builder.fill_existing(nodes);
    builder.build(nodes, builder.seed_order());
    if (round + 1 >= effort.constructions) improve(state, builder, value, nodes, effort);
    best.offer(finish(problem, builder, nodes));
    learn(state, nodes, value);
  }
  if (small) try_orders(problem, bound, value, effort, best);
  if (small) shake_best(problem, bound, value, effort, best);
  return best.plan();
}

}  // namespace gputide::provisioning
