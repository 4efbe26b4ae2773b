// Builds the nodes of a plan. pack() alone uses it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/rng.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/packing_patterns.h"
#include "decide/provisioning/packing_relaxation.h"
#include "decide/provisioning/packing_state.h"

namespace gputide::provisioning {

struct Weights {
  std::vector<double> shape_value;  // what one pod of a shape is worth
  double small_node = 0.02;         // how much worth a dollar a smaller node may lack
};

// Builds nodes one by one: a seed pod, the offer, and what else fills it, by worth for the money.
class Builder {
 public:
  Builder(PackState& state, const PackPrices& prices);

  /// Between nodes that a pod makes equally dear.
  enum class Ties { First, Fullest, Any };
  void break_ties(Ties ties, std::uint64_t seed) {
    ties_ = ties;
    rng_ = Rng(seed, "ties");
  }

  void use(Weights weights) { weights_ = std::move(weights); }
  /// Only these kinds from now on; empty = all.
  void restrict_to(std::vector<char> kinds) { allowed_ = std::move(kinds); }

  void fill_existing(std::vector<OpenNode>& nodes);
  /// Places what is left on new nodes, and what only fits beside others on those.
  void build(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order);

  /// Builds the patterns' nodes as far as limits and topology rules let it.
  void build_patterns(std::vector<OpenNode>& nodes, std::span<const Pattern> patterns,
                      const Relaxation& relaxed);

  /// Places pod by pod, each where it makes the plan least dearer now: of the classes named, one
  /// pod a turn or all that are left.
  void place_each(std::vector<OpenNode>& nodes, std::span<const std::uint32_t> order, bool all);
  void open_existing(std::vector<OpenNode>& nodes) const;
  /// Opens a node for a pod of class k, of a random offer that costs no more than that.
  bool open_any(std::vector<OpenNode>& nodes, std::uint32_t k, Money most, Rng& rng);
  /// Makes a node the cheapest that holds what is on it.
  void shrink(OpenNode& node);

  /// Classes, the hardest first.
  std::vector<std::uint32_t> seed_order() const;
  void sort_seeds(std::vector<std::uint32_t>& classes) const;
  int turn(std::uint32_t k) const { return turn_[k]; }
  /// Seeds come in their turn rather than by rank: for few pods.
  void seed_in_turn() { in_turn_ = true; }

 private:
  const PackProblem& problem() const { return state_.problem(); }
  static bool same_offers(const NodeKind& a, const NodeKind& b);
  bool open(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool join(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool place_one(std::vector<OpenNode>& nodes, std::uint32_t k);
  bool fuller(const OpenNode& a, const OpenNode& b) const;
  OpenNode* least_dearer(std::vector<OpenNode>& nodes, std::uint32_t k, std::uint32_t& offer,
                         Money& dearer);
  void candidates(std::uint32_t kind, std::uint32_t k, std::vector<std::uint32_t>& out) const;
  void join_gpus(const OpenNode& node);
  void open_shapes();
  std::uint32_t next_shape(const OpenNode& node, const std::vector<std::int64_t>& capacity);
  double fill(OpenNode& node, const std::vector<std::int64_t>& capacity);
  bool must_wait(const OpenNode& node);
  std::uint32_t admissible(const OpenNode& node, std::uint32_t shape);
  void replay(std::vector<OpenNode>& nodes, std::uint32_t kind, std::uint32_t offer,
              std::span<const std::uint32_t> pods);
  std::uint32_t cheapest(const OpenNode& node) const;
  // A node of a pattern, and the pods that it is still to get.
  struct Stamped {
    const Pattern* pattern = nullptr;
    OpenNode node;
    std::vector<std::uint32_t> wanted;
  };
  bool stamp(const Pattern& pattern, const Relaxation& relaxed, bool anywhere, OpenNode& node,
             std::vector<std::uint32_t>& wanted);
  void take_turns(std::vector<Stamped>& stamped);
  void fill_up(OpenNode& node);
  bool add_wanted(OpenNode& node, std::vector<std::uint32_t>& wanted);
  bool add_one(OpenNode& node, std::span<const std::uint32_t> alike);

  PackState& state_;
  const PackPrices& prices_;
  Weights weights_;
  std::vector<char> allowed_;
  std::vector<std::uint32_t> twins_;  // kind -> an earlier kind with the same offers, or kNone
  std::vector<std::int64_t> bought_;  // by kind
  std::vector<int> rank_, turn_;      // by class
  bool in_turn_ = false;
  Ties ties_ = Ties::First;
  Rng rng_{0, "ties"};
  std::vector<OpenNode> bare_;              // by kind: an empty node
  std::vector<double> demand_;              // shape by shape, on the node being filled
  std::vector<std::uint32_t> place_;        // by kind: the first kind of the same pool and domains
  std::vector<std::int64_t> bought_there_;  // by such a kind
  std::vector<std::vector<std::uint32_t>> alike_;  // by the patterns' classes: classes with pods
  // Of the node being filled:
  std::vector<std::uint32_t> open_shapes_;  // more of them may fit
  std::vector<std::size_t> asked_;          // by shape: classes of it that were refused
  std::vector<double> room_, pull_;         // by dimension: what is left, what a unit is wanted for
};

}  // namespace gputide::provisioning
