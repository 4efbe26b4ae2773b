#include "decide/provisioning/preference_plan.h"

#include <algorithm>
#include <numeric>

namespace gputide::provisioning {
namespace {

constexpr std::size_t kTried = 8;  // preferences of which the price is found
constexpr int kRepacks = 50;       // where there are many pods

class Negotiation {
 public:
  Negotiation(const WishProblem& problem, const PackPlan& plan, const PackEffort& effort)
      : placed_(problem), effort_(effort), counts_(problem.preferences) {
    for (std::uint32_t k = 0; k < placed_.pack.classes.size(); ++k) {
      placed_.pack.classes[k].count -= plan.unplaced[k];
      for (const PackWish& wish : placed_.wishes[k]) {
        counts_[wish.preference].weight = wish.weight;
        counts_[wish.preference].pods += placed_.pack.classes[k].count;
      }
    }
    if (static_cast<std::int64_t>(plan.order.size()) > effort_.small) {
      effort_.constructions = std::min(effort_.constructions, 2);
      effort_.most_repacks = std::min(effort_.most_repacks, kRepacks);
    }
    take(honour(placed_, plan));
  }

  PreferencePlan run() {
    std::vector<Money> price(counts_.size());
    for (const std::uint32_t i : heaviest_missing()) try_one(i, price[i]);
    PreferencePlan out;
    out.all = price_of_all(price);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      counts_[i].honoured = granted_[i];
      counts_[i].at_most = std::max(counts_[i].at_most, granted_[i]);
      if (counts_[i].at_most > granted_[i])
        counts_[i].dearer = std::max(Money(), price[i] - best_.per_hour);
    }
    out.plan = std::move(best_);
    out.preferences = std::move(counts_);
    return out;
  }

 private:
  void take(PackPlan plan) {
    best_ = std::move(plan);
    granted_ = granted(placed_, best_);
    weight_ = granted_weight(placed_, best_);
  }

  // A plan that costs no more and places as many becomes the best if it grants more.
  void consider(const PackPlan& plan) {
    if (plan.order.size() != best_.order.size() || plan.per_hour > best_.per_hour) return;
    PackPlan better = honour(placed_, plan);
    const std::int64_t weight = granted_weight(placed_, better);
    if (weight > weight_ || (weight == weight_ && better.per_hour < best_.per_hour))
      take(std::move(better));
  }

  std::vector<std::uint32_t> heaviest_missing() const {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < counts_.size(); ++i)
      if (granted_[i] < counts_[i].pods) out.push_back(i);
    const auto missing = [&](std::uint32_t i) {
      return counts_[i].weight * (counts_[i].pods - granted_[i]);
    };
    std::stable_sort(out.begin(), out.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return missing(a) > missing(b); });
    if (out.size() > kTried) out.resize(kTried);
    return out;
  }

  // For how many pods preference i can be honoured at no higher price, at the cost of others.
  std::int64_t instead_of_others(std::uint32_t i, const std::vector<char>& chosen) const {
    constexpr std::int64_t kHeavier = 1'000, kHeaviest = 1'000'000;
    WishProblem heavier = placed_;
    for (std::vector<PackWish>& wishes : heavier.wishes)
      for (PackWish& wish : wishes)
        if (chosen[wish.preference] != 0)
          wish.weight *= wish.preference == i ? kHeavier : kHeaviest;
    return granted(placed_, honour(heavier, best_))[i];
  }

  // Preference i on top of those that are honoured in full.
  void try_one(std::uint32_t i, Money& price) {
    std::vector<char> chosen(counts_.size(), 0);
    for (std::size_t j = 0; j < chosen.size(); ++j)
      chosen[j] = j == i || granted_[j] == counts_[j].pods ? 1 : 0;
    counts_[i].at_most = instead_of_others(i, chosen);
    if (counts_[i].at_most == counts_[i].pods) {
      counts_[i].tried = true;
      price = best_.per_hour;
      return;
    }
    const PackPlan plan = require(placed_, chosen, std::span(&i, 1), effort_);
    if (plan.order.size() != best_.order.size()) return;
    counts_[i].tried = true;
    const std::int64_t reached = granted(placed_, plan)[i];
    price = reached > counts_[i].at_most ? plan.per_hour : best_.per_hour;
    counts_[i].at_most = std::max(counts_[i].at_most, reached);
    consider(plan);
  }

  // All of them; who cannot have all goes without what fewest could have.
  std::optional<Money> price_of_all(const std::vector<Money>& price) {
    std::vector<std::uint32_t> open;  // could be honoured further, or were not tried
    for (std::uint32_t i = 0; i < counts_.size(); ++i)
      if (granted_[i] < counts_[i].pods && (!counts_[i].tried || counts_[i].at_most > granted_[i]))
        open.push_back(i);
    if (open.empty()) return best_.per_hour;
    if (open.size() == 1 && counts_[open[0]].tried) return std::max(price[open[0]], best_.per_hour);
    std::vector<std::uint32_t> scarce;
    for (std::uint32_t i = 0; i < counts_.size(); ++i)
      if (counts_[i].tried && counts_[i].at_most < counts_[i].pods) scarce.push_back(i);
    const auto share = [&](std::uint32_t i) {
      return static_cast<double>(counts_[i].at_most) / static_cast<double>(counts_[i].pods);
    };
    std::stable_sort(scarce.begin(), scarce.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return share(a) < share(b); });
    const PackPlan plan = require(placed_, std::vector<char>(counts_.size(), 1), scarce, effort_);
    if (plan.order.size() != best_.order.size()) return std::nullopt;
    const Money whole = plan.per_hour;
    consider(plan);
    return std::max(whole, best_.per_hour);
  }

  WishProblem placed_;
  PackEffort effort_;
  std::vector<PreferenceCount> counts_;
  PackPlan best_;
  std::vector<std::int64_t> granted_;
  std::int64_t weight_ = 0;
};

}  // namespace

PreferencePlan with_preferences(const WishProblem& problem, const PackPlan& plan,
                                const PackEffort& effort) {
  PreferencePlan out = Negotiation(problem, plan, effort).run();
  out.plan.unplaced = plan.unplaced;
  return out;
}

}  // namespace gputide::provisioning
