// Counts granted wishes by the definitions, pod by pod, in plain code: nothing of granted() is
// used.
#include <algorithm>

#include "decide/provisioning/preferences.h"

namespace gputide::provisioning {
namespace {

class Recount {
 public:
  Recount(const WishProblem& problem, const PackPlan& plan) : problem_(problem), plan_(plan) {}

  std::vector<std::int64_t> run() {
    std::vector<std::int64_t> out(problem_.preferences, 0);
    for (turn_ = 0; turn_ < plan_.order.size(); ++turn_)
      for (const PackWish& wish : problem_.wishes[plan_.order[turn_].demand_class])
        out[wish.preference] += (wish.rule ? company(*wish.rule) : node(wish)) ? 1 : 0;
    return out;
  }

 private:
  bool node(const PackWish& wish) const {
    const PlannedNode& on = plan_.nodes[plan_.order[turn_].node];
    if (on.kind == kNone) return wish.existing[on.offer];
    const auto& bits = wish.offers[on.kind];
    return !bits.empty() && ((bits[on.offer / 64] >> (on.offer % 64)) & 1) != 0;
  }

  std::uint32_t domain(std::uint32_t n, std::uint32_t key) const {
    const PlannedNode& on = plan_.nodes[n];
    return on.kind == kNone ? problem_.pack.existing[on.offer].domains[key]
                            : problem_.pack.kinds[on.kind].domains[key];
  }

  // Pods that the group counts and that came before, where `there` holds of their node.
  template <class There>
  std::int64_t before(std::uint32_t group, There there) const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < turn_; ++i) {
      const auto& in = problem_.pack.classes[plan_.order[i].demand_class].counted_in;
      sum += std::find(in.begin(), in.end(), group) != in.end() && there(plan_.order[i].node);
    }
    return sum;
  }

  std::int64_t in_domain(std::uint32_t group, std::uint32_t d) const {
    const TopologyGroup& each = problem_.pack.groups[group];
    return each.counts[d] +
           before(group, [&](std::uint32_t n) { return domain(n, each.key) == d; });
  }

  bool company(const TopologyRule& rule) const {
    const std::uint32_t n = plan_.order[turn_].node;
    const TopologyGroup& group = problem_.pack.groups[rule.group];
    std::int64_t here = 0, least = 0;
    if (group.key == kHostname) {
      const PlannedNode& on = plan_.nodes[n];
      here = before(rule.group, [&](std::uint32_t other) { return other == n; });
      if (on.kind == kNone && on.offer < group.node_counts.size())
        here += group.node_counts[on.offer];
    } else {
      const std::uint32_t d = domain(n, group.key);
      if (d == kNone) return false;
      here = in_domain(rule.group, d);
      if (rule.kind == TopologyRule::Kind::Spread) {
        if (std::find(rule.domains.begin(), rule.domains.end(), d) == rule.domains.end())
          return false;
        if (static_cast<std::int64_t>(rule.domains.size()) >= rule.min_domains) {
          least = here;
          for (const std::uint32_t other : rule.domains)
            least = std::min(least, in_domain(rule.group, other));
        }
      }
    }
    if (rule.kind == TopologyRule::Kind::Spread)
      return here + (rule.counts_itself ? 1 : 0) - least <= rule.max_skew;
    if (rule.kind != TopologyRule::Kind::Affinity) return here == 0;
    if (here > 0 || !rule.counts_itself) return here > 0;
    std::int64_t running = 0;
    for (const std::int64_t c : group.counts) running += c;
    for (const std::int64_t c : group.node_counts) running += c;
    return running + before(rule.group, [](std::uint32_t) { return true; }) == 0;
  }

  const WishProblem& problem_;
  const PackPlan& plan_;
  std::size_t turn_ = 0;
};

}  // namespace

std::vector<std::int64_t> recount_granted(const WishProblem& problem, const PackPlan& plan) {
  return Recount(problem, plan).run();
}

}  // namespace gputide::provisioning
