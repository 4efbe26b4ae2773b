// Our own placement policy: fragmentation, and two things that it does not see.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decide/placement/fragmentation.h"

namespace gputide::placement {

/// What the room on one device is worth to one who waits for the right pods: the GPU, in
/// millionths, that parts of GPUs will fill of it. Pods that share come as in `demand` and may be
/// refused; patience costs 2 % of the worth at each. Full use of a room is not always worth its
/// size: 190 thousandths are little where nearly all ask for more.
class RoomWorth {
 public:
  explicit RoomWorth(std::span<const Demand> demand);

  /// What taking `taken` of `left` (thousandths) loses beyond what is taken, in millionths; 0 or
  /// more unless the pod fills room that was thought lost.
  std::int64_t loss(std::int64_t left, std::int64_t taken) const {
    return worth_[left] - worth_[left - taken] - 1000 * taken;
  }

 private:
  std::vector<std::int64_t> worth_;  // by thousandths left
};

/// GPU, in thousandths, that `node` cannot sell because its processors run out, at 16 vCPU for a
/// GPU.
std::int64_t stranded(const Node& node);

}  // namespace gputide::placement
