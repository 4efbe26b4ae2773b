// How much of a node's idle GPU the usual pods cannot use: the measure of "Beware of Fragmentation"
// (USENIX ATC 2023), in integers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "decide/placement/cluster.h"

namespace gputide::placement {

/// A kind of pod and how often it comes.
struct Demand {
  Pod pod;
  std::int64_t weight = 0;
};

/// The most frequent kinds of `pods` (without memory) that together are `percent` of them, most
/// frequent first, then larger first; at 95 % the paper's typical pods. Weights are counts.
std::vector<Demand> typical_pods(std::span<const Pod> pods, std::int64_t percent);

/// Looks up fragmentation. A kind of pod finds all idle GPU of a node a fragment when it asks for
/// no GPU or does not fit (memory apart), else what is left on devices that have less than it asks.
class Fragmentation {
 public:
  /// `typical`: weights positive; the sum times 8000 must fit 62 bits.
  explicit Fragmentation(std::span<const Demand> typical);

  /// The fragment of `node` in thousandths of a GPU times `total_weight()`.
  std::int64_t of(const Node& node) const;
  /// The fragments after `pod` took one device, the change of which is `gpu_milli`, at every device
  /// with room (others: undefined). `pod` must share a device and fit.
  void after_sharing(const Node& node, const Pod& pod,
                     std::array<std::int64_t, kMaxGpus>& out) const;
  std::int64_t total_weight() const { return total_weight_; }

 private:
  // Weight of the kinds that the model and the processors allow and that ask at most so much of one
  // device; of the kinds that want at most so many whole devices.
  struct Row {
    std::vector<std::int64_t> one;
    std::array<std::int64_t, kMaxGpus + 1> many{};
  };
  const Row& row(const Node& node, std::int64_t cpu_milli) const;

  std::int64_t total_weight_ = 0;
  std::vector<std::int64_t> cpus_;         // distinct demands, ascending
  std::vector<std::uint16_t> size_index_;  // thousandths -> rank of size
  std::array<std::vector<Row>, 16> rows_;  // model, number of cpus_ satisfied
};

}  // namespace gputide::placement
