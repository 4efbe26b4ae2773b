// What pods would rather have: honoured as far as it costs nothing, then at a stated price. Numbers
// only, like packing.h; pods and selectors become these in compile.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// One wish of the pods of a class, which a place grants or not.
struct PackWish {
  std::uint32_t preference = 0;  // wishes of one number are told together
  std::int64_t weight = 1;
  /// Of company: Spread, Affinity or Avoid. Without one, of the node: which offers grant it, by
  /// kind, as bits (empty = none), and which existing nodes.
  std::optional<TopologyRule> rule;
  std::vector<std::vector<std::uint64_t>> offers;
  std::vector<bool> existing;
};

/// A problem with wishes. Its classes are as fine as the wishes need, its groups are those of
/// wishes too.
struct WishProblem {
  PackProblem pack;                           // what is required
  std::vector<std::vector<PackWish>> wishes;  // by class
  std::uint32_t preferences = 0;              // how many numbers there are
};

/// Pods with their wish granted at their turn in the order of placing, by preference.
std::vector<std::int64_t> granted(const WishProblem& problem, const PackPlan& plan);
/// What the granted wishes weigh together.
std::int64_t granted_weight(const WishProblem& problem, const PackPlan& plan);
/// As granted(), by the definitions and code that shares nothing with it: slow.
std::vector<std::int64_t> recount_granted(const WishProblem& problem, const PackPlan& plan);

/// A plan of the same pods for no more money that grants at least as much by weight: other offers
/// of no higher price, pods moved and exchanged between nodes, another order of placing. Where GPUs
/// are shared, the plan as it is.
PackPlan honour(const WishProblem& problem, const PackPlan& plan);

/// Plans with the wishes of some preferences as requirements. Pods that find no place so do without
/// one wish more, those of `drop_first` before others, then the lightest. The answer is a plan of
/// `problem`.
PackPlan require(const WishProblem& problem, std::span<const char> preferences,
                 std::span<const std::uint32_t> drop_first, const PackEffort& effort);

}  // namespace gputide::provisioning
