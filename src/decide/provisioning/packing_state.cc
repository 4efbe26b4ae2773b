#include "decide/provisioning/packing_state.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "decide/provisioning/shared_gpus.h"

namespace gputide::provisioning {
namespace {

using Kind = TopologyRule::Kind;

constexpr std::uint32_t kUnknown = kNone - 1;

bool contains(const std::vector<std::uint32_t>& list, std::uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

PackState::PackState(const PackProblem& problem, Spreads spreads)
    : problem_(&problem), spreads_(spreads), reservations_(problem.reservations) {
  for (const TopologyGroup& group : problem.groups) {
    counts_.push_back(group.counts);
    anti_owners_.push_back(group.anti_owners);
    std::int64_t total = 0;
    for (const std::int64_t n : group.counts) total += n;
    for (const std::int64_t n : group.node_counts) total += n;
    totals_.push_back(total);
    host_index_.push_back(group.key == kHostname ? static_cast<std::uint32_t>(host_groups_++)
                                                 : kNone);
  }
  for (const Pool& pool : problem.pools) limits_.push_back(pool.limit);
  std::map<std::tuple<std::vector<std::int64_t>, std::vector<std::vector<std::uint64_t>>,
                      std::vector<bool>, std::int64_t>,
           std::uint32_t>
      known;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) {
    const PackClass& each = problem.classes[k];
    left_.push_back(each.count);
    const auto [at, fresh] =
        known.try_emplace({each.demand, each.offers, each.existing, each.share},
                          static_cast<std::uint32_t>(shapes_.size()));
    if (fresh) shapes_.emplace_back();
    shapes_[at->second].classes.push_back(k);
    shapes_[at->second].alive.push_back(k);
    shapes_[at->second].left += each.count;
    shape_of_.push_back(at->second);
    joining_.push_back(each.demand);
    if (each.share > 0) joining_.back()[problem.gpus] = 0;
  }
  known_ = std::make_shared<Known>();
  known_->first_fit.assign(problem.classes.size() * problem.kinds.size(), kUnknown);
  for (const NodeKind& kind : problem.kinds) {
    std::vector<std::int64_t>& most = known_->largest.emplace_back(problem.dimensions, 0);
    auto& blocks = known_->block_largest.emplace_back();
    auto& uses = known_->block_least_use.emplace_back();
    for (std::size_t t = 0; t < kind.offers.size(); ++t) {
      const std::vector<std::int64_t>& use = kind.offers[t].limit_use;
      if (t % kBlock == 0) {
        blocks.emplace_back(problem.dimensions, 0);
        uses.push_back(use);
      }
      for (std::size_t r = 0; r < use.size(); ++r)
        uses.back()[r] = std::min(uses.back()[r], use[r]);
      for (std::size_t r = 0; r < most.size(); ++r) {
        const std::int64_t amount = kind.offers[t].capacity[r];
        most[r] = std::max(most[r], amount);
        blocks.back()[r] = std::max(blocks.back()[r], amount);
      }
    }
  }
}

void PackState::restore(const PackState& earlier) {
  const std::uint64_t versions = versions_;
  *this = earlier;
  versions_ = versions;
}

// The first offer of the kind that suits class k and holds one of it; the number of offers: none.
std::uint32_t PackState::first_fit(std::uint32_t kind, std::uint32_t k) const {
  std::uint32_t& known = known_->first_fit[k * problem_->kinds.size() + kind];
  if (known != kUnknown) return known;
  const PackClass& each = problem_->classes[k];
  const std::vector<PackOffer>& offers = problem_->kinds[kind].offers;
  const std::vector<std::int64_t> nothing(problem_->dimensions, 0);
  known = 0;
  while (known < offers.size() &&
         (!bit(each.offers[kind], known) || !holds(nothing, each.demand, offers[known].capacity)))
    ++known;
  return known;
}

// Whether no offer of the node's kind holds so much more.
bool PackState::outgrows(const OpenNode& node, const std::vector<std::int64_t>& needed) const {
  return !holds(node.used, needed, known_->largest[node.kind]);
}

// Whether none of the block's offers suits the pods, or none holds so much more.
bool PackState::skips_block(const OpenNode& node, const std::vector<std::int64_t>& needed,
                            const std::vector<std::uint64_t>& suited, std::uint32_t first) const {
  constexpr std::uint64_t kBits = (std::uint64_t{1} << kBlock) - 1;
  return ((node.suits[first / 64] & suited[first / 64]) >> (first % 64) & kBits) == 0 ||
         !holds(node.used, needed, known_->block_largest[node.kind][first / kBlock]);
}

// Whether what is left of a limit of the pool is too little for any of the block's offers.
bool PackState::exceeds_limits(std::uint32_t kind, std::uint32_t first) const {
  const std::vector<std::int64_t>& limit = limits_[problem_->kinds[kind].pool];
  const std::vector<std::int64_t>& use = known_->block_least_use[kind][first / kBlock];
  for (std::size_t r = 0; r < limit.size(); ++r)
    if (use[r] > limit[r]) return true;
  return false;
}

OpenNode PackState::make_node(std::uint32_t kind) const {
  OpenNode node;
  node.kind = kind;
  node.live = true;
  node.used.assign(problem_->dimensions, 0);
  const std::size_t offers = problem_->kinds[kind].offers.size();
  node.suits.assign((offers + 63) / 64, ~std::uint64_t{0});
  node.counts.assign(host_groups_, 0);
  node.anti_owners.assign(host_groups_, 0);
  node.most.assign(host_groups_, std::numeric_limits<std::int32_t>::max());
  return node;
}

OpenNode PackState::make_existing(std::uint32_t number) const {
  OpenNode node;
  node.offer = number;
  node.live = true;
  node.used.assign(problem_->dimensions, 0);
  node.counts.assign(host_groups_, 0);
  node.anti_owners.assign(host_groups_, 0);
  node.most.assign(host_groups_, std::numeric_limits<std::int32_t>::max());
  node.gpus = problem_->existing[number].gpus;
  for (std::size_t g = 0; g < problem_->groups.size(); ++g) {
    if (host_index_[g] == kNone) continue;
    const TopologyGroup& group = problem_->groups[g];
    if (number < group.node_counts.size())
      node.counts[host_index_[g]] = static_cast<std::int32_t>(group.node_counts[number]);
    if (number < group.node_anti_owners.size())
      node.anti_owners[host_index_[g]] = static_cast<std::int32_t>(group.node_anti_owners[number]);
  }
  return node;
}

// What one more pod of class k takes: a share may join others on a GPU.
const std::vector<std::int64_t>& PackState::needs(const OpenNode& node, std::uint32_t k) const {
  const PackClass& each = problem_->classes[k];
  const bool joins = each.share > 0 && fullest_with(node.gpus, each.share) != kNone;
  return joins ? joining_[k] : each.demand;
}

bool PackState::holds(const std::vector<std::int64_t>& used,
                      const std::vector<std::int64_t>& demand,
                      const std::vector<std::int64_t>& capacity) const {
  for (std::size_t r = 0; r < problem_->dimensions; ++r)
    if (const std::int64_t all = used[r] + demand[r]; all > 0 && all > capacity[r]) return false;
  return true;
}

bool PackState::affordable(std::uint32_t kind, std::uint32_t offer) const {
  const NodeKind& each = problem_->kinds[kind];
  const PackOffer& what = each.offers[offer];
  if (what.reservation != kNone && reservations_[what.reservation] <= 0) return false;
  const std::vector<std::int64_t>& limit = limits_[each.pool];
  for (std::size_t r = 0; r < limit.size(); ++r)
    if (what.limit_use[r] > limit[r]) return false;
  return true;
}

// Types count in whatever zone or market of the pool they could be, as long as they hold the pods.
bool PackState::keeps_min_values(const OpenNode& node, std::uint32_t k) const {
  std::vector<std::uint32_t> classes = node.pods;
  classes.push_back(k);
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  const std::uint32_t pool = problem_->kinds[node.kind].pool;
  const auto& rules = problem_->pools[pool].min_values;
  return std::all_of(rules.begin(), rules.end(), [&](const Pool::MinValues& rule) {
    return leaves_values(rule, pool, classes, node.used, needs(node, k));
  });
}

// Counts no further than the rule asks.
bool PackState::leaves_values(const Pool::MinValues& rule, std::uint32_t pool,
                              const std::vector<std::uint32_t>& classes,
                              const std::vector<std::int64_t>& used,
                              const std::vector<std::int64_t>& needed) const {
  std::vector<std::uint32_t> seen;
  const auto enough = [&] { return static_cast<std::int64_t>(seen.size()) >= rule.at_least; };
  for (std::uint32_t other = 0; other < problem_->kinds.size() && !enough(); ++other) {
    const NodeKind& kind = problem_->kinds[other];
    if (kind.pool != pool) continue;
    for (std::uint32_t t = 0; t < kind.offers.size() && !enough(); ++t) {
      const std::uint32_t value = rule.value_of_type[kind.offers[t].type];
      if (value == kNone || contains(seen, value) || !holds(used, needed, kind.offers[t].capacity))
        continue;
      if (std::all_of(classes.begin(), classes.end(),
                      [&](std::uint32_t c) { return bit(problem_->classes[c].offers[other], t); }))
        seen.push_back(value);
    }
  }
  return enough();
}

std::uint32_t PackState::offer_with(const OpenNode& node, std::uint32_t k) const {
  const PackClass& each = problem_->classes[k];
  const std::vector<std::int64_t>& needed = needs(node, k);
  if (node.kind == kNone) {
    const bool fits = each.existing[node.offer] &&
                      holds(node.used, needed, problem_->existing[node.offer].capacity);
    return fits ? node.offer : kNone;
  }
  const std::vector<std::uint64_t>& theirs = each.offers[node.kind];
  if (theirs.empty()) return kNone;
  const NodeKind& kind = problem_->kinds[node.kind];
  const bool bare = node.pods.empty();
  if (outgrows(node, needed)) return kNone;
  std::uint32_t found = kNone, first = node.offer;
  if (bare && node.gpus.empty() &&
      std::all_of(node.used.begin(), node.used.end(), [](std::int64_t all) { return all == 0; }))
    first = std::max(first, first_fit(node.kind, k));
  for (std::uint32_t t = first; t < kind.offers.size(); ++t) {
    const bool must_be_bought = bare || t != node.offer;
    if (t % kBlock == 0 && (skips_block(node, needed, theirs, t) ||
                            (must_be_bought && exceeds_limits(node.kind, t)))) {
      t += kBlock - 1;
      continue;
    }
    if (!bit(node.suits, t) || !bit(theirs, t)) continue;
    if (!holds(node.used, needed, kind.offers[t].capacity)) continue;
    if (must_be_bought && !affordable(node.kind, t)) continue;
    found = t;
    break;
  }
  if (found == kNone || problem_->pools[kind.pool].min_values.empty()) return found;
  return keeps_min_values(node, k) ? found : kNone;
}

std::uint32_t PackState::domain_of(const OpenNode& node, std::uint32_t key) const {
  return node.kind == kNone ? problem_->existing[node.offer].domains[key]
                            : problem_->kinds[node.kind].domains[key];
}

bool PackState::admits_rule(const OpenNode& node, const TopologyRule& rule) const {
  const std::uint32_t host = host_index_[rule.group];
  std::int64_t here = 0, least = 0;
  if (host != kNone) {
    here = node.counts[host];
  } else {
    const std::uint32_t domain = domain_of(node, problem_->groups[rule.group].key);
    if (domain == kNone) return false;
    here = counts_[rule.group][domain];
    if (rule.kind == Kind::Spread) {
      if (!contains(rule.domains, domain)) return false;
      least = std::numeric_limits<std::int64_t>::max();
      for (const std::uint32_t d : rule.domains) least = std::min(least, counts_[rule.group][d]);
      if (static_cast<std::int64_t>(rule.domains.size()) < rule.min_domains) least = 0;
    }
  }
  switch (rule.kind) {
    case Kind::Spread:
      return here + (rule.counts_itself ? 1 : 0) - least <= rule.max_skew;
    case Kind::Affinity:
      return here > 0 || (rule.counts_itself && totals_[rule.group] == 0);
    case Kind::AntiAffinity:
    case Kind::Avoid:
      return here == 0;
  }
  return false;
}

bool PackState::admits(const OpenNode& node, std::uint32_t k) const {
  const PackClass& each = problem_->classes[k];
  for (const std::uint32_t port : each.ports)
    if (contains(node.ports, port)) return false;
  for (const std::uint32_t group : each.counted_in) {
    const std::uint32_t host = host_index_[group];
    if (host != kNone) {
      if (node.anti_owners[host] > 0) return false;
      if (spreads_ == Spreads::Last && node.counts[host] + 1 > node.most[host]) return false;
    } else {
      const std::uint32_t domain = domain_of(node, problem_->groups[group].key);
      if (domain != kNone && anti_owners_[group][domain] > 0) return false;
    }
  }
  return std::all_of(each.rules.begin(), each.rules.end(),
                     [&](const TopologyRule& rule) { return admits_rule(node, rule); });
}

void PackState::count(OpenNode& node, std::uint32_t k, std::int32_t by) {
  const PackClass& each = problem_->classes[k];
  for (const std::uint32_t group : each.counted_in) {
    totals_[group] += by;
    if (host_index_[group] != kNone) {
      node.counts[host_index_[group]] += by;
    } else {
      const std::uint32_t domain = domain_of(node, problem_->groups[group].key);
      if (domain != kNone) counts_[group][domain] += by;
    }
  }
  for (const TopologyRule& rule : each.rules) {
    const std::uint32_t host = host_index_[rule.group];
    if (rule.kind == Kind::AntiAffinity) {
      if (host != kNone) {
        node.anti_owners[host] += by;
      } else {
        anti_owners_[rule.group][domain_of(node, problem_->groups[rule.group].key)] += by;
      }
    }
  }
  left_[k] -= by;
  shapes_[shape_of_[k]].left -= by;
}

// What the pod takes of its node; returns the GPU that it shares.
std::uint32_t PackState::occupy(OpenNode& node, std::uint32_t k, std::uint32_t gpu) const {
  const PackClass& each = problem_->classes[k];
  if (each.share > 0 && gpu == kNone) gpu = fullest_with(node.gpus, each.share);
  const bool joins = each.share > 0 && gpu < node.gpus.size() && node.gpus[gpu] < kGpuThousandths;
  const std::vector<std::int64_t>& needed = joins ? joining_[k] : each.demand;
  for (std::size_t r = 0; r < problem_->dimensions; ++r) node.used[r] += needed[r];
  return each.share > 0 ? put_share(node.gpus, gpu, each.share) : kNone;
}

void PackState::add(OpenNode& node, std::uint32_t k, std::uint32_t offer, std::uint32_t gpu) {
  const PackClass& each = problem_->classes[k];
  gpu = occupy(node, k, gpu);
  if (problem_->gpus != kNone) node.pod_gpus.push_back(gpu);
  node.ports.insert(node.ports.end(), each.ports.begin(), each.ports.end());
  if (node.kind != kNone) {
    const std::vector<std::uint64_t>& theirs = each.offers[node.kind];
    for (std::size_t w = 0; w < node.suits.size(); ++w) node.suits[w] &= theirs[w];
  }
  node.offer = offer;
  node.pods.push_back(k);
  changed(node);
  count(node, k, 1);
  for (const TopologyRule& rule : each.rules)
    if (rule.kind == Kind::Spread && host_index_[rule.group] != kNone)
      node.most[host_index_[rule.group]] =
          std::min(node.most[host_index_[rule.group]], static_cast<std::int32_t>(rule.max_skew));
}

void PackState::clear(OpenNode& node) {
  while (!node.pods.empty()) {
    const std::uint32_t k = node.pods.back();
    node.pods.pop_back();
    count(node, k, -1);
  }
  node.pod_gpus.clear();
  node.live = false;
  changed(node);
}

void PackState::settle(const OpenNode& node) {
  for (const std::uint32_t k : node.pods) {
    if (left_[k] > 0) continue;
    std::vector<std::uint32_t>& alive = shapes_[shape_of_[k]].alive;
    const auto at = std::find(alive.begin(), alive.end(), k);
    if (at != alive.end()) alive.erase(at);
  }
}

void PackState::revive(const OpenNode& node) {
  for (const std::uint32_t k : node.pods) {
    std::vector<std::uint32_t>& alive = shapes_[shape_of_[k]].alive;
    const auto at = std::lower_bound(alive.begin(), alive.end(), k);
    if (at == alive.end() || *at != k) alive.insert(at, k);
  }
}

void PackState::buy(const OpenNode& node, std::int64_t sign) {
  if (node.kind == kNone) return;
  const NodeKind& kind = problem_->kinds[node.kind];
  const PackOffer& offer = kind.offers[node.offer];
  if (offer.reservation != kNone) reservations_[offer.reservation] -= sign;
  std::vector<std::int64_t>& limit = limits_[kind.pool];
  for (std::size_t r = 0; r < limit.size(); ++r) limit[r] -= sign * offer.limit_use[r];
}

}  // namespace gputide::provisioning
