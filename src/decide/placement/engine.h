// Places pods one by one on nodes that exist, as a policy likes it. Nothing is moved or removed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"
#include "decide/placement/policy.h"

namespace gputide::placement {

struct Place {
  std::uint32_t node = 0;
  unsigned devices = 0;  ///< bit mask; 0 for a pod without GPU
  bool operator==(const Place&) const = default;
};

/// Scores are kept for each kind of pod and renewed only for nodes that changed since that kind was
/// last placed; a tree of the best offers finds the first of the highest.
class Engine {
 public:
  /// `nodes` in the order in which ties are broken. `kinds`: every pod that will be asked for.
  /// `demand`: the pods that are expected. `seed` decides only Random's draws.
  Engine(Policy policy, std::vector<Node> nodes, std::vector<Pod> kinds,
         std::span<const Pod> demand, std::uint64_t seed);

  /// Places one pod of `kinds[kind]` and says where, or changes nothing when it fits nowhere.
  std::optional<Place> place(std::size_t kind);
  /// What is free now.
  std::span<const Node> nodes() const { return nodes_; }

 private:
  struct Board {                     // one kind's view of all nodes
    std::vector<std::int64_t> tree;  // tree[leaves_ + n] is node n's score
    std::vector<std::uint8_t> devices;
    std::vector<std::uint32_t> version;  // of the node, when it was scored
    std::size_t seen = 0;                // how much of log_ it knows
  };
  void refresh(Board& board, const Pod& pod);
  void rescore(Board& board, const Pod& pod, std::uint32_t n, bool climb);
  std::optional<Place> draw(const Pod& pod);
  void take(const Pod& pod, const Place& place);

  Policy policy_;
  Scorer scorer_;
  std::vector<Node> nodes_;
  std::vector<Pod> kinds_;
  std::vector<unsigned> held_;
  std::vector<std::uint32_t> version_;
  std::vector<std::uint32_t> log_;  // nodes, in the order of their changes
  std::vector<Board> boards_;
  std::size_t leaves_ = 1;
  Rng rng_;
};

}  // namespace gputide::placement
