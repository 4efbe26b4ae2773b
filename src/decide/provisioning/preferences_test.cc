#include "decide/provisioning/preferences.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/provisioning/preference_plan.h"
#include "decide/provisioning/testing.h"

namespace gputide::provisioning {
namespace {

using rc::gen::inRange;
using Kind = TopologyRule::Kind;

constexpr PackEffort kFewTries = [] {
  PackEffort effort;
  effort.constructions = 2;
  effort.most_repacks = effort.shakes = 20;
  effort.orders = 4;
  return effort;
}();

PackWish any_wish(const PackProblem& p, std::uint32_t k) {
  PackWish wish;
  if (!p.groups.empty() && *inRange(0, 3) != 0) {
    TopologyRule rule;
    rule.kind = *rc::gen::element(Kind::Spread, Kind::Affinity, Kind::Avoid);
    rule.group = static_cast<std::uint32_t>(*inRange<std::size_t>(0, p.groups.size()));
    const auto& in = p.classes[k].counted_in;
    rule.counts_itself = std::find(in.begin(), in.end(), rule.group) != in.end();
    rule.max_skew = *inRange(1, 3);
    rule.min_domains = *inRange(0, 4);
    rule.domains = p.groups[rule.group].key == 1 ? std::vector<std::uint32_t>{0}
                                                 : std::vector<std::uint32_t>{0, 1, 2};
    wish.rule = rule;
    return wish;
  }
  for (const NodeKind& kind : p.kinds)
    wish.offers.push_back(*inRange(0, 3) == 0 ? std::vector<std::uint64_t>{}
                                              : std::vector<std::uint64_t>{*inRange<std::uint64_t>(
                                                    0, 1ULL << kind.offers.size())});
  for (std::size_t n = 0; n < p.existing.size(); ++n) wish.existing.push_back(*inRange(0, 2) == 0);
  return wish;
}

WishProblem any_wishes() {
  WishProblem p;
  p.pack = any_problem();
  p.wishes.resize(p.pack.classes.size());
  for (std::uint32_t k = 0; k < p.wishes.size(); ++k)
    for (int i = *inRange(0, 4); i > 0; --i) {
      PackWish wish = any_wish(p.pack, k);
      wish.preference = p.preferences++;
      wish.weight = *inRange(1, 101);
      p.wishes[k].push_back(std::move(wish));
    }
  return p;
}

RC_GTEST_PROP(Preferences, CostNothingAndBreakNothing, ()) {
  const WishProblem p = any_wishes();
  const PackPlan plan = pack(p.pack, kFewTries);
  const PackPlan better = honour(p, plan);
  RC_ASSERT(check_plan(p.pack, better).empty());
  RC_ASSERT(better.per_hour <= plan.per_hour);
  RC_ASSERT(better.unplaced == plan.unplaced);
  RC_ASSERT(granted_weight(p, better) >= granted_weight(p, plan));
  RC_ASSERT(granted(p, better) == recount_granted(p, better));
  RC_ASSERT(granted(p, plan) == recount_granted(p, plan));
}

RC_GTEST_PROP(Preferences, AreHonouredAtAStatedPrice, ()) {
  const WishProblem p = any_wishes();
  const PackPlan plan = pack(p.pack, kFewTries);
  const PreferencePlan found = with_preferences(p, plan, kFewTries);
  RC_ASSERT(check_plan(p.pack, found.plan).empty());
  RC_ASSERT(found.plan.per_hour <= plan.per_hour);
  RC_ASSERT(found.plan.unplaced == plan.unplaced);
  const std::vector<std::int64_t> honoured = recount_granted(p, found.plan);
  for (std::size_t i = 0; i < honoured.size(); ++i) {
    RC_ASSERT(found.preferences[i].honoured == honoured[i]);
    RC_ASSERT(found.preferences[i].at_most >= honoured[i]);
    RC_ASSERT(found.preferences[i].at_most <= found.preferences[i].pods);
  }
  if (found.all) RC_ASSERT(*found.all >= found.plan.per_hour);
}

RC_GTEST_PROP(Preferences, HoldWhereTheyAreRequired, ()) {
  WishProblem p = any_wishes();
  const std::vector<char> all(p.preferences, 1);
  const PackPlan plan = require(p, all, {}, kFewTries);
  RC_ASSERT(check_plan(p.pack, plan).empty());
  RC_ASSERT(granted(p, plan) == recount_granted(p, plan));
}

}  // namespace
}  // namespace gputide::provisioning
