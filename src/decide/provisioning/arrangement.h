// A plan whose pods and offers are moved about, at no higher price, so that more wishes are
// granted. honour() alone uses it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "decide/provisioning/preferences.h"
#include "decide/provisioning/wish_tally.h"

namespace gputide::provisioning {

class Arrangement {
 public:
  Arrangement(const WishProblem& problem, const PackPlan& plan);
  Arrangement(const Arrangement&) = delete;  // the tally looks at the nodes
  Arrangement& operator=(const Arrangement&) = delete;

  /// Betters the nodes as long as that is found to be possible, within a fixed amount of work.
  /// What topology rules require sees the same counts as before.
  void search();
  /// The plan, in the order of placing that it was given; no pods, if that cannot be kept.
  PackPlan in_old_order() const;
  /// In an order that places pods while their wishes can be granted; not every pod, if the rules
  /// that are required do not allow it.
  PackPlan in_wished_order() const;

 private:
  struct Pull {  // equal wishes of company
    TopologyRule rule;
    std::int64_t weight = 0;
    std::vector<std::int64_t> base, owners;  // where the group looks: running pods, wishing pods
  };

  void name_pulls();
  void find_bonds();
  std::int64_t value(const Pull& pull, std::uint32_t where) const;
  std::int64_t total(const Pull& pull) const;
  std::int64_t around(const std::vector<std::uint32_t>& pulls, std::uint32_t a,
                      std::uint32_t b) const;
  std::int64_t node_weight(std::uint32_t k, std::uint32_t kind, std::uint32_t offer) const;
  std::int64_t node_weight(std::uint32_t k, std::uint32_t node) const {
    return node_weight(k, nodes_[node].kind, nodes_[node].offer);
  }
  void put(std::uint32_t k, std::uint32_t node, std::int64_t times);
  bool wants_better(std::uint32_t k, std::uint32_t node) const;

  bool may_go(std::uint32_t k, std::uint32_t from, std::uint32_t to) const;
  bool has_room(std::uint32_t node, std::uint32_t add, std::uint32_t instead_of) const;
  bool exchange(std::uint32_t k, std::uint32_t a, std::uint32_t l, std::uint32_t b);
  bool better_place(std::uint32_t k, std::uint32_t node);
  bool exchange_all();

  std::int64_t gain_of_company(std::uint32_t node, std::uint32_t kind);
  bool could_be(std::uint32_t node, std::uint32_t kind, std::uint32_t offer) const;
  bool affordable(std::uint32_t node, std::uint32_t kind, std::uint32_t offer) const;
  void become(std::uint32_t node, std::uint32_t kind, std::uint32_t offer);
  bool better_offer(std::uint32_t node);

  const PackProblem& pack() const { return problem_.pack; }
  Money price(std::uint32_t node) const;
  std::uint32_t domain(const PlannedNode& node, std::uint32_t key) const;
  PackPlan bare_plan(std::vector<std::uint32_t>& number) const;

  const WishProblem& problem_;
  const PackPlan& given_;
  std::vector<PlannedNode> nodes_;
  std::vector<std::map<std::uint32_t, std::int64_t>> pods_;  // by node: class -> how many
  std::vector<std::vector<std::int64_t>> used_;              // by node
  std::vector<std::vector<std::int64_t>> left_;              // by pool: what limits leave
  std::vector<std::int64_t> stock_;                          // of reservations
  WishTally tally_;
  std::vector<Pull> pulls_;
  std::vector<std::vector<std::uint32_t>> own_, touched_;  // by class: pulls
  std::vector<std::vector<std::uint32_t>> bonds_;  // by class: keys whose domain it may not leave
  std::vector<char> fixed_;                        // by class: it stays on its node
  std::int64_t work_ = 0;
};

}  // namespace gputide::provisioning
