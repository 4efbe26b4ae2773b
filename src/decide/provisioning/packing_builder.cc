#include "decide/provisioning/packing_builder.h"

#include <algorithm>
#include <numeric>

#include "decide/provisioning/shared_gpus.h"

namespace gputide::provisioning {
namespace {

// When a class's turn comes, as far as its rules say: what only existing nodes take; what starts a
// company of its own; what keeps its like off; others; what others' rules count but has none; what
// waits for company.
int turn_of(const PackClass& each, const std::vector<char>& watched) {
  if (std::all_of(each.offers.begin(), each.offers.end(),
                  [](const auto& bits) { return bits.empty(); }))
    return 0;
  bool starts = false, repels = false, waits = false;
  for (const TopologyRule& rule : each.rules) {
    starts = starts || (rule.kind == TopologyRule::Kind::Affinity && rule.counts_itself);
    waits = waits || (rule.kind == TopologyRule::Kind::Affinity && !rule.counts_itself);
    repels = repels || rule.kind == TopologyRule::Kind::AntiAffinity ||
             rule.kind == TopologyRule::Kind::Avoid;
  }
  const bool counted = std::any_of(each.counted_in.begin(), each.counted_in.end(),
                                   [&](std::uint32_t g) { return watched[g] != 0; });
  if (waits) return 5;
  if (starts) return 1;
  if (repels) return 2;
  return each.rules.empty() && counted ? 4 : 3;
}

// The order of seeds where many pods make full nodes: what goes to old nodes alone, what keeps its
// like off, others, what waits for company.
int rank_of(const PackClass& each) {
  if (std::all_of(each.offers.begin(), each.offers.end(),
                  [](const auto& bits) { return bits.empty(); }))
    return 0;
  int rank = 2;
  for (const TopologyRule& rule : each.rules) {
    if (rule.kind == TopologyRule::Kind::AntiAffinity || rule.kind == TopologyRule::Kind::Avoid)
      rank = 1;
    if (rule.kind == TopologyRule::Kind::Affinity && !rule.counts_itself) rank = 3;
  }
  return rank;
}

}  // namespace

Builder::Builder(PackState& state, const PackPrices& prices) : state_(state), prices_(prices) {
  for (const Shape& shape : state.shapes())
    for (const std::int64_t d : problem().classes[shape.classes.front()].demand)
      demand_.push_back(static_cast<double>(d));
  std::vector<char> watched(problem().groups.size(), 0);
  for (const PackClass& each : problem().classes)
    for (const TopologyRule& rule : each.rules)
      if (rule.kind != TopologyRule::Kind::AntiAffinity) watched[rule.group] = 1;
  for (const PackClass& each : problem().classes) {
    turn_.push_back(turn_of(each, watched));
    rank_.push_back(rank_of(each));
  }
  for (const NodeKind& kind : problem().kinds) {
    twins_.push_back(kNone);
    for (std::uint32_t j = 0; j + 1 < twins_.size(); ++j)
      if (same_offers(kind, problem().kinds[j]) && twins_[j] == kNone) {
        twins_.back() = j;
        break;
      }
    bought_.push_back(0);
    place_.push_back(0);
    while (problem().kinds[place_.back()].pool != kind.pool ||
           problem().kinds[place_.back()].domains != kind.domains)
      ++place_.back();
    bare_.push_back(state_.make_node(static_cast<std::uint32_t>(bare_.size())));
  }
}

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
    const std::vector<int>& rank = in_turn_ ? turn_ : rank_;
    if (rank[a] != rank[b]) return rank[a] < rank[b];
    const double va = weights_.shape_value[state_.shape_of(a)];
    const double vb = weights_.shape_value[state_.shape_of(b)];
    return va != vb ? va > vb : a < b;
  });
}

// The class of a shape that may come next, or kNone. One that was refused in this fill is not asked
// again: what a node gets seldom makes it admissible.
std::uint32_t Builder::admissible(const OpenNode& node, std::uint32_t shape) {
  const std::vector<std::uint32_t>& alive = state_.shapes()[shape].alive;
  for (std::size_t& i = asked_[shape]; i < alive.size(); ++i)
    if (state_.left(alive[i]) > 0 && state_.admits(node, alive[i])) return alive[i];
  return kNone;
}

// What may share a GPU of the node asks for none of its own.
void Builder::join_gpus(const OpenNode& node) {
  if (problem().gpus == kNone) return;
  for (std::size_t s = 0; s < state_.shapes().size(); ++s)
    if (const std::int64_t share = problem().classes[state_.shapes()[s].classes.front()].share;
        share > 0)
      demand_[s * problem().dimensions + problem().gpus] =
          fullest_with(node.gpus, share) == kNone ? 1 : 0;
}

// Before next_shape(): every shape may come.
void Builder::open_shapes() {
  const std::vector<Shape>& shapes = state_.shapes();
  open_shapes_.clear();
  for (std::uint32_t s = 0; s < shapes.size(); ++s)
    if (shapes[s].left > 0) open_shapes_.push_back(s);
  asked_.assign(shapes.size(), 0);
}

// Of the shapes that are open and fit, the one that suits the node's room best, or kNone.
std::uint32_t Builder::next_shape(const OpenNode& node, const std::vector<std::int64_t>& capacity) {
  const std::size_t dimensions = problem().dimensions;
  room_.resize(dimensions);
  pull_.resize(dimensions);
  join_gpus(node);
  for (std::size_t r = 0; r < dimensions; ++r) {
    const auto all = static_cast<double>(capacity[r]);
    room_[r] = static_cast<double>(capacity[r] - node.used[r]);
    pull_[r] = all > 0 ? prices_.unit_worth[r] * (0.25 + room_[r] / all) : 0;
  }
  std::uint32_t best = kNone;
  double most = -1;
  std::size_t kept = 0;
  for (const std::uint32_t s : open_shapes_) {
    const double* demand = &demand_[s * dimensions];
    bool fits = state_.shapes()[s].left > 0;
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
  return best;
}

// Fills a node of that capacity as well as pods can; returns what they are worth.
double Builder::fill(OpenNode& node, const std::vector<std::int64_t>& capacity) {
  double worth = 0;
  open_shapes();
  while (true) {
    const std::uint32_t best = next_shape(node, capacity);
    if (best == kNone) return worth;
    const std::uint32_t k = admissible(node, best);
    const std::uint32_t offer = k == kNone ? kNone : state_.offer_with(node, k);
    if (offer != node.offer) {
      open_shapes_.erase(std::find(open_shapes_.begin(), open_shapes_.end(), best));
      continue;
    }
    state_.add(node, k, node.offer);
    worth += weights_.shape_value[best];
  }
}

// What suits an empty node best may not come there yet: then it waits while others are filled.
bool Builder::must_wait(const OpenNode& node) {
  open_shapes();
  const std::uint32_t best = next_shape(node, problem().existing[node.offer].capacity);
  return best != kNone && admissible(node, best) == kNone;
}

void Builder::fill_existing(std::vector<OpenNode>& nodes) {
  constexpr int kTurns = 8;
  const std::size_t first = nodes.size();
  open_existing(nodes);
  std::vector<std::size_t> waiting(nodes.size() - first);
  std::iota(waiting.begin(), waiting.end(), first);
  for (int turn = 0; turn <= kTurns && !waiting.empty(); ++turn) {
    const std::size_t before = waiting.size();
    std::erase_if(waiting, [&](std::size_t n) {
      if (turn < kTurns && must_wait(nodes[n])) return false;
      fill(nodes[n], problem().existing[nodes[n].offer].capacity);
      return true;
    });
    if (waiting.size() == before) turn = kTurns - 1;  // none of them can wait for another
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
  const std::vector<double>& value = prices_.offer_value[kind];  // worth a dollar, at the most 1
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

// Adds a pod of the first class that the node admits.
bool Builder::add_one(OpenNode& node, std::span<const std::uint32_t> alike) {
  for (const std::uint32_t k : alike) {
    if (state_.left(k) <= 0 || !state_.admits(node, k) || state_.offer_with(node, k) != node.offer)
      continue;
    state_.add(node, k, node.offer);
    return true;
  }
  return false;
}

// Adds what may come now of the pods that the node is to have; the others stay in `wanted`.
bool Builder::add_wanted(OpenNode& node, std::vector<std::uint32_t>& wanted) {
  const std::size_t before = wanted.size();
  std::erase_if(wanted, [&](std::uint32_t k) { return add_one(node, alike_[k]); });
  return wanted.size() < before;
}

// Builds a node of the pattern: `anywhere` it misses the fewest pods, else in the place with the
// fewest nodes of those that admit its first pod, if there are any.
bool Builder::stamp(const Pattern& pattern, const Relaxation& relaxed, bool anywhere,
                    OpenNode& node, std::vector<std::uint32_t>& wanted) {
  auto members = relaxed.members[pattern.offer];
  std::erase_if(members, [&](const auto& m) { return !state_.affordable(m.first, m.second); });
  if (members.empty()) return false;
  std::stable_sort(members.begin(), members.end(), [&](const auto& a, const auto& b) {
    return bought_there_[place_[a.first]] < bought_there_[place_[b.first]];
  });
  const auto build = [&](const auto& member) {
    node = bare_[member.first];
    node.offer = member.second;
    wanted = pattern.pods;
    add_wanted(node, wanted);
  };
  std::size_t best = 0, missed = pattern.pods.size() + 1;
  for (std::size_t i = 0; i < members.size() && missed > 0; ++i) {
    build(members[i]);
    if (wanted.size() < missed) {
      missed = wanted.size();
      best = i;
    }
    if (!anywhere && (wanted.empty() || wanted.front() != pattern.pods.front())) break;
    if (missed > 0) state_.clear(node);
  }
  if (!node.live) build(members[best]);
  state_.buy(node, 1);
  ++bought_[node.kind];
  ++bought_there_[place_[node.kind]];
  return true;
}

void Builder::build_patterns(std::vector<OpenNode>& nodes, std::span<const Pattern> patterns,
                             const Relaxation& relaxed) {
  bought_there_.assign(problem().kinds.size(), 0);
  alike_.assign(relaxed.placement.classes.size(), {});
  for (std::uint32_t k = 0; k < problem().classes.size(); ++k)
    if (state_.left(k) > 0) alike_[relaxed.class_of[k]].push_back(k);
  for (std::vector<std::uint32_t>& classes : alike_)
    std::stable_sort(classes.begin(), classes.end(), [&](std::uint32_t a, std::uint32_t b) {
      return problem().classes[a].rules.size() > problem().classes[b].rules.size();
    });
  std::vector<Stamped> stamped;
  for (const Pattern& pattern : patterns)
    for (std::int64_t i = 0; i < pattern.times; ++i) {
      stamped.push_back({&pattern, {}, {}});
      if (stamp(pattern, relaxed, false, stamped.back().node, stamped.back().wanted)) continue;
      stamped.pop_back();
      break;
    }
  take_turns(stamped);
  for (Stamped& each : stamped) {
    if (each.wanted.empty()) continue;
    state_.buy(each.node, -1);
    state_.clear(each.node);
    --bought_there_[place_[each.node.kind]];
    stamp(*each.pattern, relaxed, true, each.node, each.wanted);
  }
  take_turns(stamped);
  for (Stamped& each : stamped) {
    state_.settle(each.node);
    if (!each.wanted.empty()) fill_up(each.node);
    if (each.node.live) nodes.push_back(std::move(each.node));
  }
}

// A pod on one node may let another come to a second: a spread grows everywhere by turns.
void Builder::take_turns(std::vector<Stamped>& stamped) {
  constexpr int kTurns = 32;
  bool progress = true;
  for (int turn = 0; progress && turn < kTurns; ++turn) {
    progress = false;
    for (Stamped& each : stamped)
      if (!each.wanted.empty()) progress = add_wanted(each.node, each.wanted) || progress;
  }
}

// Other pods take the room of those that may not come; the node becomes no larger than it must.
void Builder::fill_up(OpenNode& node) {
  state_.buy(node, -1);
  fill(node, problem().kinds[node.kind].offers[node.offer].capacity);
  node.live = !node.pods.empty();
  if (!node.live) return;
  node.offer = cheapest(node);
  state_.buy(node, 1);
  state_.settle(node);
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
    if (node.kind == kNone &&
        (!problem().classes[k].existing[node.offer] || state_.offer_with(node, k) == kNone))
      continue;
    if (!state_.admits(node, k)) continue;
    std::uint32_t with = node.offer;
    if (node.kind != kNone) {
      state_.buy(node, -1);
      with = state_.offer_with(node, k);
      state_.buy(node, 1);
    }
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
      if (ties_ == Ties::First && more == Money()) break;  // none takes it for less
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
  const std::uint32_t offer = cheapest(node);
  if (offer != node.offer) {
    node.offer = offer;
    state_.changed(node);
  }
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

}  // namespace gputide::provisioning
