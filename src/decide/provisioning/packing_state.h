// What is packed so far, and whether one more pod may go somewhere. pack() alone uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "decide/provisioning/packing.h"

namespace gputide::provisioning {

/// Bit `i` of a set; beyond its end nothing is in it.
inline bool bit(const std::vector<std::uint64_t>& bits, std::size_t i) {
  return i / 64 < bits.size() && (bits[i / 64] >> (i % 64) & 1) != 0;
}

/// Pods that ask the same and may use the same offers; they differ in topology only.
struct Shape {
  std::vector<std::uint32_t> classes;
  std::vector<std::uint32_t> alive;  // classes of which pods are left, and maybe others
  std::int64_t left = 0;
};

/// A node in the making.
struct OpenNode {
  std::uint32_t kind = kNone;  // kNone: an existing node
  std::uint32_t offer = 0;     // the cheapest that holds it now; for existing nodes their number
  bool live = false;
  std::vector<std::int64_t> used;
  std::vector<std::uint64_t> suits;       // offers that suit every pod on it
  std::vector<std::uint32_t> pods;        // classes, in the order of placing
  std::vector<std::uint32_t> pod_gpus;    // where GPUs are shared: the GPU of each pod, or kNone
  std::vector<std::int64_t> gpus;         // thousandths free of each GPU that is shared
  std::vector<std::int32_t> counts;       // by hostname group
  std::vector<std::int32_t> anti_owners;  // by hostname group
  std::vector<std::int32_t> most;         // by hostname group: the least that an owner allows
  std::vector<std::uint32_t> ports;
  /// Two nodes of one plan in the making with the same number are equal.
  std::uint64_t version = 0;
};

/// The GPU of the i-th pod by OpenNode::pod_gpus.
inline std::uint32_t gpu_of(const std::vector<std::uint32_t>& pod_gpus, std::size_t i) {
  return pod_gpus.empty() ? kNone : pod_gpus[i];
}

class PackState {
 public:
  /// Whether a pod that a spread per host counts may still come to a node after the one that asked
  /// for the spread: rules are of the moment of placing, but a plan is better when they last.
  enum class Spreads { Last, AtPlacing };
  explicit PackState(const PackProblem& problem, Spreads spreads = Spreads::Last);

  const PackProblem& problem() const { return *problem_; }
  /// Goes back to what `earlier`, a copy of this, was; versions of nodes go on.
  void restore(const PackState& earlier);
  /// The node was changed by other means than add() and clear().
  void changed(OpenNode& node) { node.version = ++versions_; }
  std::vector<Shape>& shapes() { return shapes_; }
  const std::vector<Shape>& shapes() const { return shapes_; }
  std::uint32_t shape_of(std::uint32_t k) const { return shape_of_[k]; }
  std::int64_t left(std::uint32_t k) const { return left_[k]; }

  OpenNode make_node(std::uint32_t kind) const;
  OpenNode make_existing(std::uint32_t number) const;

  /// Resources, labels and limits only: the offer, this one or a dearer, that would hold one more
  /// of class k, or kNone.
  std::uint32_t offer_with(const OpenNode& node, std::uint32_t k) const;
  /// Topology rules and host ports.
  bool admits(const OpenNode& node, std::uint32_t k) const;

  /// Places one pod of class k, which admits() allows, with the offer that offer_with() named. A
  /// share goes to the GPU that is named, else to the fullest that holds it.
  void add(OpenNode& node, std::uint32_t k, std::uint32_t offer, std::uint32_t gpu = kNone);
  /// Takes every pod off.
  void clear(OpenNode& node);
  /// Forgets classes that ended with this node. After clear() of a settled node call revive().
  void settle(const OpenNode& node);
  void revive(const OpenNode& node);

  /// Counts a node against its pool's limits and the reservations, or gives it back.
  void buy(const OpenNode& node, std::int64_t sign);
  bool affordable(std::uint32_t kind, std::uint32_t offer) const;

  Money price(const OpenNode& node) const {
    return node.kind == kNone ? Money() : problem().kinds[node.kind].offers[node.offer].price;
  }

 private:
  const std::vector<std::int64_t>& needs(const OpenNode& node, std::uint32_t k) const;
  std::uint32_t occupy(OpenNode& node, std::uint32_t k, std::uint32_t gpu) const;
  bool holds(const std::vector<std::int64_t>& used, const std::vector<std::int64_t>& demand,
             const std::vector<std::int64_t>& capacity) const;
  std::uint32_t first_fit(std::uint32_t kind, std::uint32_t k) const;
  bool outgrows(const OpenNode& node, const std::vector<std::int64_t>& needed) const;
  bool skips_block(const OpenNode& node, const std::vector<std::int64_t>& needed,
                   const std::vector<std::uint64_t>& suited, std::uint32_t first) const;
  bool exceeds_limits(std::uint32_t kind, std::uint32_t first) const;
  bool keeps_min_values(const OpenNode& node, std::uint32_t k) const;
  bool leaves_values(const Pool::MinValues& rule, std::uint32_t pool,
                     const std::vector<std::uint32_t>& classes,
                     const std::vector<std::int64_t>& used,
                     const std::vector<std::int64_t>& needed) const;
  bool admits_rule(const OpenNode& node, const TopologyRule& rule) const;
  std::uint32_t domain_of(const OpenNode& node, std::uint32_t key) const;
  void count(OpenNode& node, std::uint32_t k, std::int32_t by);

  const PackProblem* problem_;  // never null; a pointer, so that states can be put back
  Spreads spreads_;
  std::vector<std::uint32_t>
      host_index_;  // group -> its number among the hostname groups, or kNone
  std::size_t host_groups_ = 0;
  std::vector<std::vector<std::int64_t>> counts_, anti_owners_;  // group -> domain
  std::vector<std::int64_t> totals_;                             // group -> everywhere
  std::vector<std::vector<std::int64_t>> limits_;                // pool -> what is left
  std::vector<std::int64_t> reservations_;
  std::vector<std::int64_t> left_;  // by class
  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> shape_of_;
  std::vector<std::vector<std::int64_t>> joining_;  // by class: its demand beside others on a GPU
  // Offers are looked through by so many; a part of a word of bits.
  static constexpr std::uint32_t kBlock = 16;
  // What is worked out of the problem alone, for all copies.
  struct Known {
    std::vector<std::uint32_t> first_fit;            // by class and kind, or kUnknown
    std::vector<std::vector<std::int64_t>> largest;  // by kind: the most that offers have of each
    // By kind and block: the same of kBlock offers that follow each other.
    std::vector<std::vector<std::vector<std::int64_t>>> block_largest;
    // And the least that any of them counts against each limit of the pool.
    std::vector<std::vector<std::vector<std::int64_t>>> block_least_use;
  };
  std::shared_ptr<Known> known_;
  std::uint64_t versions_ = 0;
};

}  // namespace gputide::provisioning
