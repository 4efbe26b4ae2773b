// The worthiest content of one node: a knapsack of several dimensions, by branch and bound.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "decide/provisioning/content_proof.h"
#include "decide/provisioning/node_prices.h"

namespace gputide::provisioning {

/// A node with pods on it. Of a real one the numbers are whole.
struct Content {
  std::vector<std::pair<std::uint32_t, double>> pods;  // class, how many
  double worth = 0;
};

class ContentSearch {
 public:
  /// `classes`: those that may run on the offer.
  ContentSearch(const PlacementProblem& problem, std::uint32_t offer,
                std::vector<std::uint32_t> classes);

  /// Looks for a content worth more than `enough`, by at most so many steps (small linear
  /// programs).
  void run(std::span<const double> pod_price, double enough, int steps);

  /// The worthiest content that was found.
  const Content& best() const { return best_; }
  /// Those that were found to be worth more than `enough`.
  std::vector<Content>& found() { return found_; }
  /// Of what the steps did not reach: where it may be worth most, with parts of pods.
  const Content& undecided() const { return undecided_; }
  /// That no content is worth more than the larger of the two, and of `enough`.
  ContentProof take_proof() { return std::move(proof_); }
  /// What all runs took, in products of classes and dimensions.
  std::int64_t work() const { return work_; }

 private:
  struct Prices {
    std::vector<double> unit;  // of the whole capacity of each dimension
    std::int64_t number = -1;  // in the proof
  };
  struct Open {
    std::uint32_t at;   // in classes_
    std::int64_t most;  // pods that still fit
  };

  std::int64_t demand(std::uint32_t at, std::size_t r) const {
    return problem_.classes[classes_[at]].demand[r];
  }
  std::int64_t fitting(std::uint32_t at) const;
  std::vector<Open> still_open(const std::vector<Open>& before) const;
  double most(const Prices& prices, const std::vector<Open>& open) const;
  void leaf(Prices& prices);
  void explore(Prices& inherited, const std::vector<Open>& before);
  void branch(const Open& on, Prices& prices, const std::vector<Open>& open);
  const Open* partial(const std::vector<std::pair<std::uint32_t, double>>& content,
                      const std::vector<Open>& open) const;
  void complete(std::vector<std::pair<std::uint32_t, double>>& content, const Prices& prices,
                const std::vector<Open>& open);
  void take(std::uint32_t at, std::int64_t pods);
  void cannot_decide(const std::vector<std::pair<std::uint32_t, double>>& content, double worth);

  const PlacementProblem& problem_;
  const NodeOffer& offer_;
  double price_;
  std::vector<std::uint32_t> classes_;
  std::vector<double> share_;  // class by class, of the capacity of each dimension
  std::vector<double> scale_;  // by dimension: such a part is one unit
  NodePrices program_;

  std::vector<double> worth_;  // by classes_
  double enough_ = 0;
  int steps_ = 0, last_step_ = 0;
  std::int64_t work_ = 0;
  std::vector<std::int64_t> room_;
  std::vector<double> room_share_;
  double packed_ = 0;
  std::vector<std::pair<std::uint32_t, double>> decided_;  // in classes_, how many
  Content best_, undecided_;
  std::vector<Content> found_;
  ContentProof proof_;
};

}  // namespace gputide::provisioning
