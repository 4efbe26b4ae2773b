// What the bounds share.
#pragma once

#include <vector>

#include "decide/provisioning/bound.h"

namespace gputide::provisioning {

/// A scale for each dimension: its largest capacity.
std::vector<double> row_units(const PlacementProblem& problem);

/// What one pod of each class must cost by the certificate; 0 for one that fits nowhere.
std::vector<double> pod_prices(const PlacementProblem& problem, const Certificate& certificate);

/// `dollars` less `off`, rounded down by more than what sums of doubles may be wrong; at least 0.
Money whole_micros(double dollars, double off);

/// The least amount, `at_least` or more, that whole nodes can cost. `present` says which classes
/// there are: what they can use costs multiples of the greatest common measure of its prices, and
/// each class needs one node that it fits. Classes that share no offer, not even by way of others,
/// need nodes of their own: where what is proved of such a part is less than its dearest class's
/// node, the rest comes on top.
class WholeNodes {
 public:
  explicit WholeNodes(const PlacementProblem& problem);
  /// `worth`: what is proved of all pods of each class, in dollars; `at_least` is the sum of it,
  /// or less.
  Money raise(Money at_least, const std::vector<bool>& present,
              const std::vector<double>& worth) const;

 private:
  void find_parts(const PlacementProblem& problem);

  std::vector<Money> cheapest_;        // by class; zero when it fits nowhere
  std::vector<std::int64_t> measure_;  // by class, micro-dollars
  std::vector<std::uint32_t> part_;    // by class, counted from 0
  std::size_t parts_ = 0;
};

/// The same for all the problem's pods, of which one of each class is proved to cost `pod_price`.
Money in_whole_nodes(const PlacementProblem& problem, Money at_least,
                     const std::vector<double>& pod_price);

}  // namespace gputide::provisioning
