// The least that any placement of some pods can cost: a bound that stands beside every plan, with a
// certificate that a few lines of other code can check.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/money.h"
#include "base/time.h"

namespace gputide::provisioning {

/// One kind of node.
struct NodeOffer {
  std::vector<std::int64_t> capacity;      // by dimension, less what the node itself uses
  Money price;                             // an hour
  std::optional<std::int64_t> count = {};  // how many can be had; nullopt = any number
};

/// Pods that are alike.
struct DemandClass {
  std::vector<std::int64_t> demand;  // a number for each dimension
  std::int64_t count = 1;
  std::vector<std::uint32_t> offers;  // where one may run, as indices; those too small do not count
};

/// Pods to place on nodes. What a dimension means is up to the caller: millicores, bytes, pods,
/// GPUs, slices, or "one of these pods a node" (capacity 1, demand 1). For parts of one GPU see
/// share_dimensions().
struct PlacementProblem {
  std::size_t dimensions = 0;
  std::vector<NodeOffer> offers;
  std::vector<DemandClass> classes;
};

/// Prices that prove a bound: on a node of offer t, one unit of dimension r is worth
/// unit_price[t][r] dollars an hour, a whole node no more than it costs. What a pod is worth
/// wherever it may run, at the least, it must cost. Nodes of which there are only so many may be
/// worth more; all of them together are then taken off the bound by what they are worth more.
struct Certificate {
  std::vector<std::vector<double>> unit_price;
};

struct LowerBound {
  Money per_hour;
  Certificate certificate;
  std::vector<double> pod_price;           // dollars an hour for one pod of each class
  std::vector<std::uint32_t> unplaceable;  // classes that fit no offer; the bound is without them
};

/// The bound of the class-type linear program (fractions of nodes, fractions of pods), raised to
/// the next sum that whole nodes can cost where all prices have a common measure. `rounds` bounds
/// the work; a bound is valid however few. Where offers have counts it holds if all pods can be
/// placed.
LowerBound lower_bound(const PlacementProblem& problem, int rounds = 50);

/// What the certificate proves, computed afresh from the problem alone; 0 when it is not one.
Money certified(const PlacementProblem& problem, const Certificate& certificate);

/// `price` ÷ `bound` in thousandths, rounded half up; nullopt without a bound. Neither is negative.
std::optional<std::int64_t> over_bound_permille(Money price, Money bound);
/// The same for a person, "1.03"; "1.00" where both are zero, "-" without a bound.
std::string over_bound_text(Money price, Money bound);

/// Pods that ask a part of one GPU.
struct Share {
  std::int64_t thousandths = 0;
  std::int64_t count = 0;
};

/// One whole GPU in the rows of share_dimensions.
inline constexpr std::int64_t kGpuUnits = 1'000'000;

/// Dimensions that make parts of a GPU count as they pack: what fits one GPU has at most kGpuUnits
/// in each. Each row has a number for each entry of `shares`; a node has kGpuUnits for each GPU, a
/// pod that takes whole GPUs as well. (Dual feasible functions of one-dimensional cutting stock.)
std::vector<std::vector<std::int64_t>> share_dimensions(std::span<const Share> shares);

/// The most that shares which fit one GPU count for in a row: kGpuUnits at the most, if it is one
/// of share_dimensions(). Computed from the sizes alone.
std::int64_t most_on_one_gpu(std::span<const Share> shares, std::span<const std::int64_t> row);

/// A pod's time on a node: it needed a place of its class from `from` to `to`.
struct RunningSpan {
  std::uint32_t demand_class = 0;
  Instant from, to;
};

/// The least that any choice of nodes could have cost to run these pods at these times: at every
/// moment the bound for the pods that ran, summed over time. Nodes are free to come and go in no
/// time, so start-up and idle time count nothing. `problem`'s counts do not matter.
Money lower_bound_over_time(const PlacementProblem& problem, std::span<const RunningSpan> spans);

}  // namespace gputide::provisioning
