#include "decide/provisioning/arrangement.h"

#include <algorithm>
#include <tuple>

#include "decide/provisioning/packing_state.h"

namespace gputide::provisioning {
namespace {

using Kind = TopologyRule::Kind;

constexpr std::int64_t kWork = 400'000;  // places looked at

std::vector<PlannedNode> bare(std::vector<PlannedNode> nodes) {
  for (PlannedNode& node : nodes) node.pods.clear();
  return nodes;
}

void merge_into(std::vector<std::uint32_t>& all, const std::vector<std::uint32_t>& more) {
  all.insert(all.end(), more.begin(), more.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace

Arrangement::Arrangement(const WishProblem& problem, const PackPlan& plan)
    : problem_(problem),
      given_(plan),
      nodes_(bare(plan.nodes)),
      pods_(nodes_.size()),
      used_(nodes_.size(), std::vector<std::int64_t>(problem.pack.dimensions, 0)),
      stock_(problem.pack.reservations),
      tally_(problem, nodes_) {
  for (const Pool& pool : pack().pools) left_.push_back(pool.limit);
  name_pulls();
  find_bonds();
  for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
    for (const auto& [k, times] : plan.nodes[n].pods) put(k, n, times);
    if (nodes_[n].kind == kNone) continue;
    const NodeKind& kind = pack().kinds[nodes_[n].kind];
    const PackOffer& offer = kind.offers[nodes_[n].offer];
    if (offer.reservation != kNone) --stock_[offer.reservation];
    for (std::size_t r = 0; r < left_[kind.pool].size(); ++r)
      left_[kind.pool][r] -= offer.limit_use[r];
  }
}

void Arrangement::name_pulls() {
  std::map<std::tuple<int, std::uint32_t, bool, std::int64_t, std::int64_t,
                      std::vector<std::uint32_t>, std::int64_t>,
           std::uint32_t>
      known;
  std::vector<std::vector<std::uint32_t>> on_group(pack().groups.size());
  own_.resize(pack().classes.size());
  touched_.resize(pack().classes.size());
  for (std::uint32_t k = 0; k < own_.size(); ++k)
    for (const PackWish& wish : problem_.wishes[k]) {
      if (!wish.rule) continue;
      const TopologyRule& r = *wish.rule;
      const auto [at, fresh] =
          known.try_emplace({static_cast<int>(r.kind), r.group, r.counts_itself, r.max_skew,
                             r.min_domains, r.domains, wish.weight},
                            static_cast<std::uint32_t>(pulls_.size()));
      if (fresh) {
        Pull pull{r, wish.weight, {}, {}};
        const std::size_t places = pack().groups[r.group].key == kHostname
                                       ? nodes_.size()
                                       : pack().groups[r.group].counts.size();
        for (std::uint32_t w = 0; w < places; ++w) pull.base.push_back(tally_.count(r.group, w));
        pull.owners.assign(places, 0);
        on_group[r.group].push_back(at->second);
        pulls_.push_back(std::move(pull));
      }
      own_[k].push_back(at->second);
    }
  for (std::uint32_t k = 0; k < own_.size(); ++k) {
    merge_into(touched_[k], own_[k]);
    for (const std::uint32_t g : pack().classes[k].counted_in) merge_into(touched_[k], on_group[g]);
  }
}

// A pod whose move could be seen by a rule that is required does not leave the domain in which the
// rule looks.
void Arrangement::find_bonds() {
  std::vector<char> watched(pack().groups.size(), 0);
  for (const PackClass& each : pack().classes)
    for (const TopologyRule& rule : each.rules) watched[rule.group] = 1;
  for (std::size_t g = 0; g < watched.size(); ++g)
    for (const auto* owners : {&pack().groups[g].anti_owners, &pack().groups[g].node_anti_owners})
      for (const std::int64_t n : *owners) watched[g] = watched[g] != 0 || n > 0 ? 1 : 0;
  for (const PackClass& each : pack().classes) {
    std::vector<std::uint32_t> keys;
    for (const TopologyRule& rule : each.rules) keys.push_back(pack().groups[rule.group].key);
    for (const std::uint32_t g : each.counted_in)
      if (watched[g] != 0) keys.push_back(pack().groups[g].key);
    const auto host = std::find(keys.begin(), keys.end(), kHostname);
    fixed_.push_back(host != keys.end() || !each.ports.empty() ? 1 : 0);
    std::erase(keys, kHostname);
    bonds_.push_back(std::move(keys));
  }
}

std::uint32_t Arrangement::domain(const PlannedNode& each, std::uint32_t key) const {
  return each.kind == kNone ? pack().existing[each.offer].domains[key]
                            : pack().kinds[each.kind].domains[key];
}

Money Arrangement::price(std::uint32_t node) const {
  const PlannedNode& each = nodes_[node];
  return each.kind == kNone ? Money() : pack().kinds[each.kind].offers[each.offer].price;
}

void Arrangement::put(std::uint32_t k, std::uint32_t node, std::int64_t times) {
  std::int64_t& here = pods_[node][k];
  here += times;
  if (here == 0) pods_[node].erase(k);
  for (std::size_t r = 0; r < pack().dimensions; ++r)
    used_[node][r] += pack().classes[k].demand[r] * times;
  tally_.add(k, node, times);
  for (const std::uint32_t p : own_[k])
    if (const std::uint32_t at = tally_.where(pulls_[p].rule.group, node); at != kNone)
      pulls_[p].owners[at] += times;
}

// What the wishes of one place come to when their owners are placed as soon as that helps.
std::int64_t Arrangement::value(const Pull& pull, std::uint32_t where) const {
  const std::int64_t owners = pull.owners[where], base = pull.base[where];
  if (owners == 0) return 0;
  const TopologyRule& rule = pull.rule;
  std::int64_t granted = 0;
  if (rule.kind == Kind::Affinity) {
    const bool company = tally_.count(rule.group, where) > (rule.counts_itself ? owners : 0);
    granted = company ? owners : (rule.counts_itself ? owners - 1 : 0);
  } else if (rule.kind == Kind::Spread) {
    const std::int64_t room = rule.max_skew + tally_.least(rule) - base;
    granted =
        rule.counts_itself ? std::clamp<std::int64_t>(room, 0, owners) : (room >= 0 ? owners : 0);
  } else if (base == 0) {
    granted = rule.counts_itself ? 1 : owners;
  }
  return granted * pull.weight;
}

std::int64_t Arrangement::total(const Pull& pull) const {
  std::int64_t sum = 0;
  for (std::uint32_t w = 0; w < pull.owners.size(); ++w) sum += value(pull, w);
  return sum;
}

std::int64_t Arrangement::around(const std::vector<std::uint32_t>& pulls, std::uint32_t a,
                                 std::uint32_t b) const {
  std::int64_t sum = 0;
  for (const std::uint32_t p : pulls) {
    const Pull& pull = pulls_[p];
    sum += pack().groups[pull.rule.group].key == kHostname ? value(pull, a) + value(pull, b)
                                                           : total(pull);
  }
  return sum;
}

std::int64_t Arrangement::node_weight(std::uint32_t k, std::uint32_t kind,
                                      std::uint32_t offer) const {
  std::int64_t sum = 0;
  for (const PackWish& wish : problem_.wishes[k]) {
    if (wish.rule) continue;
    const bool has = kind == kNone ? wish.existing[offer] : bit(wish.offers[kind], offer);
    sum += has ? wish.weight : 0;
  }
  return sum;
}

bool Arrangement::wants_better(std::uint32_t k, std::uint32_t node) const {
  std::int64_t wished = 0;
  for (const PackWish& wish : problem_.wishes[k]) wished += wish.rule ? 0 : wish.weight;
  if (node_weight(k, node) < wished) return true;
  return std::any_of(touched_[k].begin(), touched_[k].end(), [&](std::uint32_t p) {
    const std::uint32_t at = tally_.where(pulls_[p].rule.group, node);
    return at != kNone && value(pulls_[p], at) < pulls_[p].owners[at] * pulls_[p].weight;
  });
}

bool Arrangement::may_go(std::uint32_t k, std::uint32_t from, std::uint32_t to) const {
  const PackClass& each = pack().classes[k];
  const PlannedNode& node = nodes_[to];
  const bool suits =
      node.kind == kNone ? each.existing[node.offer] : bit(each.offers[node.kind], node.offer);
  if (!suits || fixed_[k] != 0) return false;
  for (const std::uint32_t n : {from, to})
    if (nodes_[n].kind != kNone &&
        !pack().pools[pack().kinds[nodes_[n].kind].pool].min_values.empty())
      return false;
  return std::all_of(bonds_[k].begin(), bonds_[k].end(), [&](std::uint32_t key) {
    return domain(nodes_[from], key) == domain(nodes_[to], key);
  });
}

bool Arrangement::has_room(std::uint32_t node, std::uint32_t add, std::uint32_t instead_of) const {
  const PlannedNode& each = nodes_[node];
  const std::vector<std::int64_t>& capacity =
      each.kind == kNone ? pack().existing[each.offer].capacity
                         : pack().kinds[each.kind].offers[each.offer].capacity;
  for (std::size_t r = 0; r < pack().dimensions; ++r) {
    const std::int64_t more = pack().classes[add].demand[r] -
                              (instead_of == kNone ? 0 : pack().classes[instead_of].demand[r]);
    if (more > 0 && used_[node][r] + more > capacity[r]) return false;
  }
  return true;
}

// Class k of node a for class l of node b (kNone: for nothing); undone when it does not help.
bool Arrangement::exchange(std::uint32_t k, std::uint32_t a, std::uint32_t l, std::uint32_t b) {
  if (!has_room(b, k, l) || (l != kNone && !has_room(a, l, k))) return false;
  std::vector<std::uint32_t> pulls = touched_[k];
  if (l != kNone) merge_into(pulls, touched_[l]);
  const auto score = [&](std::uint32_t at_k, std::uint32_t at_l) {
    return around(pulls, a, b) + node_weight(k, at_k) + (l == kNone ? 0 : node_weight(l, at_l));
  };
  const auto change = [&](std::int64_t sign) {
    put(k, a, -sign);
    put(k, b, sign);
    if (l == kNone) return;
    put(l, b, -sign);
    put(l, a, sign);
  };
  const std::int64_t before = score(a, b);
  change(1);
  if (score(b, a) > before) return true;
  change(-1);
  return false;
}

bool Arrangement::better_place(std::uint32_t k, std::uint32_t node) {
  for (std::uint32_t other = 0; other < nodes_.size() && work_ < kWork; ++other) {
    ++work_;
    if (other == node || !may_go(k, node, other)) continue;
    if (exchange(k, node, kNone, other)) return true;
    std::vector<std::uint32_t> there;
    for (const auto& [l, count] : pods_[other]) there.push_back(l);
    for (const std::uint32_t l : there) {
      ++work_;
      if (l != k && may_go(l, other, node) && exchange(k, node, l, other)) return true;
    }
  }
  return false;
}

bool Arrangement::exchange_all() {
  bool any = false;
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    std::vector<std::uint32_t> here;
    for (const auto& [k, count] : pods_[node]) here.push_back(k);
    for (const std::uint32_t k : here)
      while (work_ < kWork && pods_[node].contains(k) && wants_better(k, node) &&
             better_place(k, node))
        any = true;
  }
  return any;
}

// What wishes of company gain when the node becomes one of another kind.
std::int64_t Arrangement::gain_of_company(std::uint32_t node, std::uint32_t kind) {
  if (pack().kinds[kind].domains == pack().kinds[nodes_[node].kind].domains) return 0;
  std::vector<std::uint32_t> pulls;
  for (const auto& [k, count] : pods_[node]) merge_into(pulls, touched_[k]);
  if (pulls.empty()) return 0;
  const std::uint32_t was = nodes_[node].kind;
  const auto pods = pods_[node];
  const auto become_kind = [&](std::uint32_t to) {
    for (const auto& [k, count] : pods) put(k, node, -count);
    nodes_[node].kind = to;
    for (const auto& [k, count] : pods) put(k, node, count);
  };
  const std::int64_t before = around(pulls, node, node);
  become_kind(kind);
  const std::int64_t after = around(pulls, node, node);
  become_kind(was);
  return after - before;
}

bool Arrangement::affordable(std::uint32_t node, std::uint32_t kind, std::uint32_t offer) const {
  const NodeKind& old_kind = pack().kinds[nodes_[node].kind];
  const PackOffer& old_offer = old_kind.offers[nodes_[node].offer];
  const NodeKind& new_kind = pack().kinds[kind];
  const PackOffer& what = new_kind.offers[offer];
  if (what.reservation != kNone && what.reservation != old_offer.reservation &&
      stock_[what.reservation] <= 0)
    return false;
  const std::vector<std::int64_t>& left = left_[new_kind.pool];
  for (std::size_t r = 0; r < left.size(); ++r)
    if (what.limit_use[r] > left[r] + (new_kind.pool == old_kind.pool ? old_offer.limit_use[r] : 0))
      return false;
  return true;
}

bool Arrangement::could_be(std::uint32_t node, std::uint32_t kind, std::uint32_t offer) const {
  const PackOffer& what = pack().kinds[kind].offers[offer];
  for (const auto& [k, count] : pods_[node])
    if (!bit(pack().classes[k].offers[kind], offer)) return false;
  for (std::size_t r = 0; r < pack().dimensions; ++r)
    if (used_[node][r] > 0 && used_[node][r] > what.capacity[r]) return false;
  return affordable(node, kind, offer);
}

void Arrangement::become(std::uint32_t node, std::uint32_t kind, std::uint32_t offer) {
  const auto account = [&](std::int64_t sign) {
    const NodeKind& each = pack().kinds[nodes_[node].kind];
    const PackOffer& what = each.offers[nodes_[node].offer];
    if (what.reservation != kNone) stock_[what.reservation] += sign;
    for (std::size_t r = 0; r < left_[each.pool].size(); ++r)
      left_[each.pool][r] += sign * what.limit_use[r];
  };
  const auto pods = pods_[node];
  account(1);
  for (const auto& [k, count] : pods) put(k, node, -count);
  nodes_[node].kind = kind;
  nodes_[node].offer = offer;
  for (const auto& [k, count] : pods) put(k, node, count);
  account(-1);
}

// The offer of no higher price that grants its pods the most more.
bool Arrangement::better_offer(std::uint32_t node) {
  const PlannedNode was = nodes_[node];
  const auto has_min_values = [&](std::uint32_t kind) {
    return !pack().pools[pack().kinds[kind].pool].min_values.empty();
  };
  if (was.kind == kNone || has_min_values(was.kind)) return false;
  std::vector<std::uint32_t> keys;
  std::int64_t now = 0;
  for (const auto& [k, count] : pods_[node]) {
    merge_into(keys, bonds_[k]);
    now += count * node_weight(k, node);
  }
  std::int64_t most = 0;
  PlannedNode best;
  for (std::uint32_t kind = 0; kind < pack().kinds.size() && work_ < kWork; ++kind) {
    const std::vector<std::uint32_t>& domains = pack().kinds[kind].domains;
    if (has_min_values(kind) || std::any_of(keys.begin(), keys.end(), [&](std::uint32_t key) {
          return domains[key] != domain(was, key);
        }))
      continue;
    const std::int64_t company = gain_of_company(node, kind);
    const std::vector<PackOffer>& offers = pack().kinds[kind].offers;
    for (std::uint32_t t = 0; t < offers.size() && offers[t].price <= price(node); ++t) {
      ++work_;
      std::int64_t gain = company - now;
      for (const auto& [k, count] : pods_[node]) gain += count * node_weight(k, kind, t);
      if (gain <= most || !could_be(node, kind, t)) continue;
      most = gain;
      best = {kind, t, {}};
    }
  }
  if (most > 0) become(node, best.kind, best.offer);
  return most > 0;
}

void Arrangement::search() {
  constexpr int kPasses = 4;
  bool again = true;
  for (int pass = 0; again && pass < kPasses && work_ < kWork; ++pass) {
    again = false;
    for (std::uint32_t node = 0; node < nodes_.size(); ++node) again = better_offer(node) || again;
    again = exchange_all() || again;
  }
}

PackPlan Arrangement::bare_plan(std::vector<std::uint32_t>& number) const {
  PackPlan plan;
  plan.unplaced = given_.unplaced;
  for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
    number.push_back(static_cast<std::uint32_t>(plan.nodes.size()));
    if (pods_[n].empty()) continue;
    plan.per_hour += price(n);
    plan.nodes.push_back({nodes_[n].kind, nodes_[n].offer, {pods_[n].begin(), pods_[n].end()}});
  }
  return plan;
}

PackPlan Arrangement::in_old_order() const {
  std::vector<std::uint32_t> number;
  PackPlan plan = bare_plan(number);
  auto waiting = pods_;
  const auto take = [&](std::uint32_t k, std::uint32_t node) {
    const auto at = waiting[node].find(k);
    if (at == waiting[node].end() || at->second == 0) return false;
    --at->second;
    return true;
  };
  // A pod that moved takes its turn on another node in the domains that matter.
  const auto move = [&](Placement& step) {
    for (std::uint32_t n = 0; n < nodes_.size(); ++n) {
      const bool alike =
          std::all_of(bonds_[step.demand_class].begin(), bonds_[step.demand_class].end(),
                      [&](std::uint32_t key) {
                        return domain(nodes_[n], key) == domain(given_.nodes[step.node], key);
                      });
      if (!alike || !take(step.demand_class, n)) continue;
      step.node = n;
      return true;
    }
    return false;
  };
  plan.order = given_.order;
  std::vector<char> moved;
  for (const Placement& step : plan.order)
    moved.push_back(take(step.demand_class, step.node) ? 0 : 1);
  for (std::size_t i = 0; i < moved.size(); ++i)
    if (moved[i] != 0 && !move(plan.order[i])) return {};
  for (Placement& step : plan.order) step.node = number[step.node];
  return plan;
}

PackPlan Arrangement::in_wished_order() const {
  struct Entry {
    int rank;
    std::uint32_t node, k;
    std::int64_t left;
  };
  std::vector<std::uint32_t> number;
  PackPlan plan = bare_plan(number);
  PackState state(pack(), PackState::Spreads::AtPlacing);
  WishTally tally(problem_, plan.nodes);
  std::vector<OpenNode> open;
  std::vector<Entry> entries;
  for (std::uint32_t n = 0; n < plan.nodes.size(); ++n) {
    const PlannedNode& node = plan.nodes[n];
    open.push_back(node.kind == kNone ? state.make_existing(node.offer)
                                      : state.make_node(node.kind));
    for (const auto& [k, count] : node.pods) {
      int rank = 2;  // those that keep apart come first, those that want company last
      for (const std::uint32_t p : own_[k]) {
        const Kind kind = pulls_[p].rule.kind;
        rank = std::min(rank, kind == Kind::Avoid ? 0 : kind == Kind::Spread ? 1 : 2);
      }
      if (rank == 2 && !own_[k].empty()) rank = 3;
      entries.push_back({rank, n, k, count});
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.rank < b.rank; });
  const auto place = [&](Entry& entry, bool as_wished) {
    if (entry.left == 0 || !state.admits(open[entry.node], entry.k)) return false;
    if (as_wished)
      for (const PackWish& wish : problem_.wishes[entry.k])
        if (wish.rule && !tally.grants(wish, entry.node)) return false;
    state.add(open[entry.node], entry.k, plan.nodes[entry.node].offer);
    tally.add(entry.k, entry.node);
    plan.order.push_back({entry.k, entry.node});
    --entry.left;
    return true;
  };
  for (bool progress = true; progress;) {
    progress = false;
    for (bool more = true; more;) {
      more = false;
      for (Entry& entry : entries)
        while (place(entry, true)) more = progress = true;
    }
    for (Entry& entry : entries) progress = place(entry, false) || progress;
  }
  return plan;
}

PackPlan honour(const WishProblem& problem, const PackPlan& plan) {
  if (problem.pack.gpus != kNone) return plan;  // pods are not moved between single GPUs
  Arrangement arrangement(problem, plan);
  arrangement.search();
  PackPlan best = plan;
  std::int64_t most = granted_weight(problem, plan);
  for (PackPlan other : {arrangement.in_wished_order(), arrangement.in_old_order()}) {
    if (other.order.size() != plan.order.size()) continue;
    const std::int64_t weight = granted_weight(problem, other);
    if (weight < most || (weight == most && other.per_hour >= best.per_hour)) continue;
    most = weight;
    best = std::move(other);
  }
  return best;
}

}  // namespace gputide::provisioning
