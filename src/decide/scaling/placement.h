// Finding room for many pods, one after the other, with a memory of where each went last time.
// Source: Cluster Autoscaler 1.31.5 simulator/scheduling.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scaling/pod_shape.h"
#include "decide/scaling/simulation.h"

namespace gputide::scaling {

struct Placed {
  PodRef pod;
  NodeId node = kNoNode;
};

/// What to do about a pod that fits nowhere.
enum class OnFailure { GoOn, Stop };

/// Places pods into a Simulation: each on the node where it was placed before if that still takes
/// it, else on the first that does. Of equal pods of one controller only the first failure is
/// searched for.
class Placer {
 public:
  /// The pods that found room, in order; they stay in the simulation.
  std::vector<Placed> place(std::span<const PodRef> pods, const Among& among, OnFailure on_failure,
                            Simulation& simulation, PodShapes& shapes);
  /// Forgets the places that were not used since the last call.
  void drop_old_hints();
  /// How many pods were placed by searching so far. While it stays, placing the same pods again
  /// gives the same places.
  std::uint64_t searched() const { return searched_; }

 private:
  struct Hint {
    NodeRef place;  // of which only the name counts; nullptr: none yet
    bool used = false;
  };
  static NodeId hinted(Hint& hint, const PodRef& pod, const Among& among, Simulation& simulation);

  boost::unordered_flat_map<std::string, Hint> hints_;  // by pod
  std::uint64_t searched_ = 0;
};

}  // namespace gputide::scaling
