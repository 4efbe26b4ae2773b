// The worthiest contents of single nodes. Where pods share GPUs, what lies on one GPU together is
// one thing, a bundle: with whole GPUs and bundles alone, sums say what fits.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/node_prices.h"
#include "decide/provisioning/packing_patterns.h"

namespace gputide::provisioning {

class Bundles {
 public:
  Bundles(const PlacementProblem& problem, const Shares& shares);

  /// Pods that fit a node of the offer and are worth more than it costs, the worthiest first: some
  /// such contents, or none. `value` is of a pod of each class.
  std::vector<std::vector<std::uint32_t>> worthy(std::uint32_t offer,
                                                 const std::vector<double>& value);

  /// What all calls took, in products of items and dimensions.
  std::int64_t work() const { return work_; }

 private:
  using Pods = std::vector<std::pair<std::uint32_t, std::int64_t>>;  // class, how many
  struct Cut {
    double worth = 0;
    std::uint32_t of = 0;  // class
  };

  std::int64_t share(std::uint32_t k) const {
    return shares_.thousandths.empty() ? 0 : shares_.thousandths[k];
  }
  void add(Pods pods);
  double worth(const Pods& pods) const;
  bool price_node(std::uint32_t offer);
  std::vector<Cut> best_cuts(std::uint32_t offer) const;
  bool add_best(std::uint32_t offer);
  std::vector<std::uint32_t> unpacked(const std::vector<std::pair<std::uint32_t, double>>& items);

  const PlacementProblem& problem_;
  const Shares& shares_;
  std::int64_t work_ = 0;
  std::int64_t cell_ = 0;   // thousandths: all shares are multiples
  PlacementProblem items_;  // the classes, one by one, then bundles
  std::vector<Pods> pods_;  // of each item
  std::set<Pods> known_;
  std::vector<std::vector<std::uint32_t>> on_;  // offer -> items that fit it
  std::vector<double> value_, worth_;           // by class, by item
  NodePrices program_;
  std::vector<double> unit_;  // what the whole capacity of the node is worth, by dimension
};

}  // namespace gputide::provisioning
