// What a node's pods can be worth together, with a proof that a few lines of other code can check:
// the certificate of the configuration bound.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decide/provisioning/bound.h"

namespace gputide::provisioning {

/// A proof that no pods that fit one node together are worth more than so much. It is a tree, told
/// from its root on. A branch is followed by a subtree for every number of pods of its class that
/// still fits, from none on; a leaf names prices at which whatever else fits is not worth more than
/// the room that is left.
struct ContentProof {
  struct Step {
    bool branch = false;
    std::uint32_t number = 0;  // of the class, or of the prices
  };
  std::vector<Step> steps;
  std::vector<std::vector<double>> prices;  // dollars a unit of each dimension
  /// Without steps: the offer that is no smaller, no dearer, and takes the same classes.
  std::uint32_t same_as = 0;
};

/// Prices of pods that prove a bound: what fits on a node is never worth more than the node costs.
/// Nodes of which there are only so many may be worth more; all of them together are then taken off
/// the bound by what they are worth more.
struct ContentCertificate {
  std::vector<double> pod_price;     // dollars an hour, by class
  std::vector<ContentProof> proofs;  // by offer
};

/// What the proof shows that pods on one node of the offer, of the classes that may run there, are
/// worth at the most; infinity when it shows nothing.
double proved_worth(const PlacementProblem& problem, std::uint32_t offer,
                    std::span<const std::uint32_t> classes, const std::vector<double>& pod_price,
                    const ContentProof& proof);

/// What the certificate proves, computed afresh from the problem alone; 0 when it is not one. It
/// holds for no more pods of each class than the problem has.
Money certified(const PlacementProblem& problem, const ContentCertificate& certificate);

}  // namespace gputide::provisioning
