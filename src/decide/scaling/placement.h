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

/// What to do about a pod that fits nowhere.
enum class OnFailure { GoOn, Stop };

/// Places pods into a Simulation: each on the node where it was placed before if that still takes
/// it, else on the first that does. Of equal pods of one controller only the first failure is
/// searched for.
class Placer {
 public:
  /// Where each pod found room, and is now in the simulation; kNoNode: nowhere. With
  /// OnFailure::Stop the first that finds none is the last of the answer. `entries`: what the
  /// simulation knows of each pod, or none.
  std::vector<NodeId> place(std::span<const PodRef> pods, std::span<const state::PodEntry> entries,
                            const Among& among, OnFailure on_failure, Simulation& simulation,
                            PodShapes& shapes);
  /// The simulation was made anew: what it knew of pods is void.
  void forget_entries();
  /// Forgets the places that were not used since the last call.
  void drop_old_hints();
  /// How many pods were placed by searching so far. While it stays, placing the same pods again
  /// gives the same places.
  std::uint64_t searched() const { return searched_; }

 private:
  struct Hint {
    NodeRef place;        // of which only the name counts; nullptr: none yet
    NodeId id = kNoNode;  // that it had
    bool used = false;
    PodRef pod;             // whose entry is below; nullptr: none is
    state::PodEntry entry;  // where the caller had none
  };
  static const state::PodEntry& entry_of(const PodRef& pod, Hint& hint, Simulation& simulation);
  static NodeId hinted(Hint& hint, const PodRef& pod, const state::PodEntry& entry,
                       const Among& among, Simulation& simulation);

  boost::unordered_flat_map<std::string, Hint> hints_;  // by pod
  std::uint64_t searched_ = 0;
};

}  // namespace gputide::scaling
