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
/// each class needs one node that it fits.
class WholeNodes {
 public:
  explicit WholeNodes(const PlacementProblem& problem);
  Money raise(Money at_least, const std::vector<bool>& present) const;

 private:
  std::vector<Money> cheapest_;        // by class; zero when it fits nowhere
  std::vector<std::int64_t> measure_;  // by class, micro-dollars
};

}  // namespace gputide::provisioning
