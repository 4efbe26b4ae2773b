// Patterns: what whole nodes may be filled with, and how often each is worth building. Column
// generation over a PlacementProblem; what lies between nodes is left to who builds them.
#pragma once

#include <cstdint>
#include <vector>

#include "decide/provisioning/bound.h"

namespace gputide::provisioning {

/// Pods that share GPUs: what sums over a node do not tell. Their offers have GPUs.
struct Shares {
  std::size_t dimension = 0;              // counts kGpuUnits
  std::vector<std::int64_t> thousandths;  // by class, of one GPU; 0 = none, or whole GPUs
};

struct Pattern {
  std::uint32_t offer = 0;  // the cheapest that holds the pods
  /// Classes, one entry a pod. Shares fit in this order, each on the fullest GPU that holds it.
  std::vector<std::uint32_t> pods;
  std::int64_t times = 0;  // how many such nodes to build
};

struct Patterns {
  std::vector<Pattern> nodes;     // together they hold every pod, as far as there are offers for it
  std::vector<double> pod_value;  // by class: dollars an hour, what a pod is worth in these nodes
};

/// `resources`: so many dimensions are shared by size; those after them are "one of these a node".
/// `rounds` bounds the work: linear programs solved. What whole nodes may hold is searched as far
/// as `contents` goes, in products of pods' classes and dimensions that are looked at; then, and
/// where that is 0, nodes are filled pod by pod. Equal inputs give equal patterns.
Patterns choose_patterns(const PlacementProblem& problem, std::size_t resources, int rounds,
                         std::int64_t contents, const Shares& shares = {});

/// What a pod of each class is worth at first: the cheapest part of a node that holds it; 0 where
/// none does.
std::vector<double> cheapest_parts(const PlacementProblem& problem, std::size_t resources);

/// What a unit of each dimension is worth when a pod of each class is worth that much: each
/// resource gets an equal part of the sum.
std::vector<double> unit_worth(const PlacementProblem& problem, std::size_t resources,
                               const std::vector<double>& pod_value);

}  // namespace gputide::provisioning
