// Checks a plan by the definitions, pod by pod, in plain code: nothing of pack() is used.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {
namespace {

class Checker {
 public:
  Checker(const PackProblem& problem, const PackPlan& plan) : problem_(problem), plan_(plan) {}

  std::vector<std::string> run() {
    sums();
    shares();
    for (std::uint32_t n = 0; n < plan_.nodes.size(); ++n) node(n);
    pools();
    for (const Placement& step : plan_.order) {
      rules(step);
      on_node_[step.node].push_back(step.demand_class);
    }
    return std::move(found_);
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    found_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  void sums() {
    std::vector<std::int64_t> count(problem_.classes.size(), 0);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> listed;
    Money cost;
    for (std::uint32_t n = 0; n < plan_.nodes.size(); ++n) {
      const PlannedNode& each = plan_.nodes[n];
      if (each.kind != kNone) cost += problem_.kinds[each.kind].offers[each.offer].price;
      for (const auto& [k, times] : each.pods) {
        count[k] += times;
        listed[{n, k}] += times;
      }
    }
    for (const Placement& step : plan_.order) --listed[{step.node, step.demand_class}];
    for (const auto& [place, times] : listed)
      if (times != 0) say("node {}: its pods are not those of the order of placing", place.first);
    for (std::uint32_t k = 0; k < count.size(); ++k)
      if (count[k] + plan_.unplaced[k] != problem_.classes[k].count)
        say("class {}: {} pods, {} placed, {} not", k, problem_.classes[k].count, count[k],
            plan_.unplaced[k]);
    if (cost != plan_.per_hour)
      say("the nodes cost {}, not {}", cost.text(6), plan_.per_hour.text(6));
  }

  void node(std::uint32_t n) {
    const PlannedNode& each = plan_.nodes[n];
    const std::vector<std::int64_t>& room =
        each.kind == kNone ? problem_.existing[each.offer].capacity
                           : problem_.kinds[each.kind].offers[each.offer].capacity;
    std::set<std::uint32_t> ports;
    std::vector<std::int64_t> used(problem_.dimensions, 0);
    for (const auto& [k, times] : each.pods) {
      const PackClass& pods = problem_.classes[k];
      bool suits = false;
      if (each.kind == kNone) {
        suits = pods.existing[each.offer];
      } else if (const auto& bits = pods.offers[each.kind]; !bits.empty()) {
        suits = (bits[each.offer / 64] >> (each.offer % 64) & 1) != 0;
      }
      if (!suits) say("node {}: does not suit class {}", n, k);
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        if (pods.share == 0 || r != problem_.gpus) used[r] += pods.demand[r] * times;
      for (const std::uint32_t port : pods.ports)
        if (!ports.insert(port).second || times > 1) say("node {}: a host port is taken twice", n);
    }
    if (problem_.gpus != kNone) used[problem_.gpus] += gpus_opened_[n];
    for (std::size_t r = 0; r < problem_.dimensions; ++r)
      if (used[r] > 0 && used[r] > room[r])
        say("node {}: {} of {} in dimension {}", n, used[r], room[r], r);
    if (each.kind != kNone) min_values(n, used);
  }

  // Every share lies on one GPU, and those of one GPU on no more than all of it.
  void shares() {
    gpus_opened_.assign(plan_.nodes.size(), 0);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> free;
    for (const Placement& step : plan_.order) {
      const std::int64_t share = problem_.classes[step.demand_class].share;
      if (share == 0) continue;
      const PlannedNode& node = plan_.nodes[step.node];
      if (step.gpu == kNone) say("node {}: class {} is on no GPU", step.node, step.demand_class);
      const auto [at, fresh] = free.try_emplace({step.node, step.gpu}, 1000);
      if (fresh && node.kind == kNone && step.gpu < problem_.existing[node.offer].gpus.size())
        at->second = problem_.existing[node.offer].gpus[step.gpu];
      else if (fresh)
        ++gpus_opened_[step.node];
      at->second -= share;
      if (at->second < 0)
        say("node {}: GPU {} is shared by {} thousandths too many", step.node, step.gpu,
            -at->second);
    }
  }

  void min_values(std::uint32_t n, const std::vector<std::int64_t>& used) {
    const PlannedNode& each = plan_.nodes[n];
    const NodeKind& kind = problem_.kinds[each.kind];
    for (const Pool::MinValues& rule : problem_.pools[kind.pool].min_values) {
      std::set<std::uint32_t> values;
      for (std::uint32_t other = 0; other < problem_.kinds.size(); ++other) {
        if (problem_.kinds[other].pool != kind.pool) continue;
        for (std::uint32_t t = 0; t < problem_.kinds[other].offers.size(); ++t) {
          const PackOffer& offer = problem_.kinds[other].offers[t];
          bool could = true;
          for (std::size_t r = 0; r < problem_.dimensions; ++r)
            could = could && (used[r] == 0 || used[r] <= offer.capacity[r]);
          for (const auto& [k, times] : each.pods) {
            const auto& bits = problem_.classes[k].offers[other];
            could = could && !bits.empty() && (bits[t / 64] >> (t % 64) & 1) != 0;
          }
          if (could && rule.value_of_type[offer.type] != kNone)
            values.insert(rule.value_of_type[offer.type]);
        }
      }
      if (static_cast<std::int64_t>(values.size()) < rule.at_least)
        say("node {}: {} values where {} must stay possible", n, values.size(), rule.at_least);
    }
  }

  void pools() {
    std::vector<std::int64_t> stock = problem_.reservations;
    std::vector<std::vector<std::int64_t>> left;
    for (const Pool& pool : problem_.pools) left.push_back(pool.limit);
    for (const PlannedNode& each : plan_.nodes) {
      if (each.kind == kNone) continue;
      const NodeKind& kind = problem_.kinds[each.kind];
      const PackOffer& offer = kind.offers[each.offer];
      if (offer.reservation != kNone && --stock[offer.reservation] < 0)
        say("reservation {}: more is bought than there is", offer.reservation);
      for (std::size_t r = 0; r < left[kind.pool].size(); ++r) {
        left[kind.pool][r] -= offer.limit_use[r];
        if (left[kind.pool][r] < 0 && offer.limit_use[r] > 0)
          say("pool {}: over its limit {}", kind.pool, r);
      }
    }
  }

  std::uint32_t domain(std::uint32_t n, std::uint32_t key) const {
    const PlannedNode& each = plan_.nodes[n];
    return each.kind == kNone ? problem_.existing[each.offer].domains[key]
                              : problem_.kinds[each.kind].domains[key];
  }

  bool counted(std::uint32_t k, std::uint32_t group) const {
    const auto& in = problem_.classes[k].counted_in;
    return std::find(in.begin(), in.end(), group) != in.end();
  }
  bool repels(std::uint32_t k, std::uint32_t group) const {
    const auto& all = problem_.classes[k].rules;
    return std::any_of(all.begin(), all.end(), [&](const TopologyRule& rule) {
      return rule.kind == TopologyRule::Kind::AntiAffinity && rule.group == group;
    });
  }

  // Pods placed so far for which `what` holds, on node n or in a domain.
  template <class What>
  std::int64_t tally(std::uint32_t group, std::uint32_t where, bool node, What what) const {
    std::int64_t sum = 0;
    for (const auto& [n, pods] : on_node_) {
      if (node ? n != where : domain(n, problem_.groups[group].key) != where) continue;
      for (const std::uint32_t k : pods) sum += what(k) ? 1 : 0;
    }
    return sum;
  }

  static std::int64_t at(const std::vector<std::int64_t>& list, std::uint32_t i) {
    return i < list.size() ? list[i] : 0;
  }

  // Counted pods, or repelling ones, where the group looks: a node or a domain.
  std::int64_t present(std::uint32_t group, std::uint32_t where, bool repelling) const {
    const TopologyGroup& each = problem_.groups[group];
    const bool node = each.key == kHostname;
    std::int64_t sum = tally(group, where, node, [&](std::uint32_t k) {
      return repelling ? repels(k, group) : counted(k, group);
    });
    if (!node) return sum + at(repelling ? each.anti_owners : each.counts, where);
    if (plan_.nodes[where].kind == kNone)
      sum += at(repelling ? each.node_anti_owners : each.node_counts, plan_.nodes[where].offer);
    return sum;
  }

  void rules(const Placement& step) {
    const PackClass& pod = problem_.classes[step.demand_class];
    const auto where = [&](std::uint32_t group) {
      const std::uint32_t key = problem_.groups[group].key;
      return key == kHostname ? step.node : domain(step.node, key);
    };
    for (const std::uint32_t group : pod.counted_in)
      if (where(group) != kNone && present(group, where(group), true) > 0)
        say("node {}: a pod there repels class {}", step.node, step.demand_class);
    for (const TopologyRule& rule : pod.rules)
      if (where(rule.group) == kNone || !keeps(rule, where(rule.group)))
        say("node {}: class {} breaks a rule of group {}", step.node, step.demand_class,
            rule.group);
  }

  bool keeps(const TopologyRule& rule, std::uint32_t where) const {
    const std::int64_t here = present(rule.group, where, false);
    const TopologyGroup& group = problem_.groups[rule.group];
    if (rule.kind == TopologyRule::Kind::AntiAffinity || rule.kind == TopologyRule::Kind::Avoid)
      return here == 0;
    if (rule.kind == TopologyRule::Kind::Affinity) {
      if (here > 0) return true;
      std::int64_t all = 0;
      for (const std::int64_t n : group.counts) all += n;
      for (const std::int64_t n : group.node_counts) all += n;
      for (const auto& [n, pods] : on_node_)
        for (const std::uint32_t k : pods) all += counted(k, rule.group) ? 1 : 0;
      return all == 0 && rule.counts_itself;
    }
    std::int64_t least = 0;
    if (group.key != kHostname) {
      if (std::find(rule.domains.begin(), rule.domains.end(), where) == rule.domains.end())
        return false;
      if (static_cast<std::int64_t>(rule.domains.size()) >= rule.min_domains) {
        least = here;
        for (const std::uint32_t d : rule.domains)
          least = std::min(least, present(rule.group, d, false));
      }
    }
    return here + (rule.counts_itself ? 1 : 0) - least <= rule.max_skew;
  }

  const PackProblem& problem_;
  const PackPlan& plan_;
  std::vector<std::string> found_;
  std::vector<std::int64_t> gpus_opened_;                        // by node: for shares alone
  std::map<std::uint32_t, std::vector<std::uint32_t>> on_node_;  // node -> classes, so far
};

}  // namespace

std::vector<std::string> check_plan(const PackProblem& problem, const PackPlan& plan) {
  return Checker(problem, plan).run();
}

}  // namespace gputide::provisioning
