// Which node and which devices a policy likes best for a pod.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "decide/placement/fragmentation.h"
#include "decide/placement/tide.h"

namespace gputide::placement {

/// The six of "Beware of Fragmentation" (USENIX ATC 2023) as its artifact defines them, and ours.
enum class Policy { Random, DotProd, GpuClustering, GpuPacking, BestFit, Fgd, Tide };
inline constexpr std::array kPolicies = {Policy::Random,     Policy::DotProd, Policy::GpuClustering,
                                         Policy::GpuPacking, Policy::BestFit, Policy::Fgd,
                                         Policy::Tide};
std::string_view name(Policy policy);

/// A node's offer to a pod: the higher score wins. `devices` is a bit mask.
struct Offer {
  std::int64_t score = 0;
  unsigned devices = 0;
};

/// Scores one node at a time; remembers nothing of earlier placements.
class Scorer {
 public:
  /// `demand`: the pods that are expected, whose typical kinds FGD and Tide look at.
  Scorer(Policy policy, std::span<const Pod> demand);

  /// `pod` must fit `node`. `held`: bit c is set when the node runs pods of GPU class c
  /// (`gpu_class`). Random's offers are all equal; its devices are the tightest.
  Offer offer(const Node& node, unsigned held, const Pod& pod) const;
  const Fragmentation& fragmentation() const { return fragmentation_; }

 private:
  Offer fgd(const Node& node, const Pod& pod) const;
  Offer tide(const Node& node, const Pod& pod) const;
  std::int64_t quantised(std::int64_t gain) const;

  Policy policy_;
  Fragmentation fragmentation_;
  std::array<std::int64_t, 101> thresholds_{};  // least gain for each score
  RoomWorth room_worth_;
};

/// 0 for a part of a GPU, else the number of GPUs: the kinds that GpuClustering keeps together.
inline int gpu_class(const Pod& pod) {
  return pod.shares() ? 0 : pod.gpus;
}

}  // namespace gputide::placement
