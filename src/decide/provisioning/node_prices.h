// A small linear program, solved often: what a node is worth when its pods' prices are given.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace gputide::provisioning {

/// Fills a node with fractions of pods to the greatest worth, and prices its resources so: on
/// return sum(demand * price) >= worth for every pod (to rounding), and sum(capacity * price) is
/// the worth of the fullest node. A dense simplex on one row a resource.
class NodePrices {
 public:
  explicit NodePrices(std::size_t dimensions) : dimensions_(dimensions) {}

  void clear() { demand_.clear(), worth_.clear(); }
  /// `demand` is in the same (scaled) units as the capacity.
  void add_pod(std::span<const double> demand, double worth);
  /// False when it gave up; the prices are then not to be trusted.
  bool solve(std::span<const double> capacity, std::vector<double>& price);
  /// What the fullest node of the last solve holds: pods by their number, how much of each.
  std::vector<std::pair<std::uint32_t, double>> content() const;

 private:
  std::size_t dimensions_;
  std::vector<double> demand_;  // pod by pod
  std::vector<double> worth_;
  std::vector<double> inverse_;  // of the basis
  std::vector<double> basic_;    // values of the basis
  std::vector<int> basis_;       // pod, or -1 - resource for a slack
};

}  // namespace gputide::provisioning
