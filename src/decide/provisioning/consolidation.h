// Which nodes to give up because their pods fit elsewhere, or on cheaper nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/money.h"
#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// A node that may go.
struct Candidate {
  std::uint32_t node = 0;           // index into the problem's nodes
  Money price;                      // an hour, what it costs now
  double disruption = 1;            // what moving its pods costs, as Karpenter counts: 1 and more
  std::vector<std::uint32_t> pods;  // indices into the problem's bound pods: those that must move
};

struct Consolidation {
  std::vector<std::uint32_t> candidates;  // indices of those that go
  ProvisionPlan plan;                     // where their pods go; what is bought first
  std::vector<std::uint32_t> moved;       // what the plan's pods are: indices into the bound pods
  Money saves;                            // an hour
};

/// How much to try. Counts of work, not of time.
struct ConsolidationEffort {
  std::size_t most_together = 100;  // candidates that may go at once
  std::size_t most_alone = 32;      // candidates tried one by one
  PackEffort packing{.constructions = 4,
                     .repacks_per_node = 4,
                     .most_repacks = 40,
                     .small = 40,
                     .orders = 8,
                     .shakes = 20};
};

/// The move that saves most an hour, of those tried: the candidates dearest for what they disrupt
/// all together, halves of them, and each alone, then the best without those for which it would buy
/// others at the same price; of equal ones that which moves fewer pods. What buys nodes must save a
/// tenth, and no move counts after which kube-scheduler would find no node for some pod
/// (rehearsal.h): what such a move saves is soon bought again. Unlike Karpenter's, several new
/// nodes may take the place of several old ones. `cluster.pods` must be empty: pods that wait come
/// first. Nodes of the cluster are where pods may go, so it holds none that is not ready.
std::optional<Consolidation> consolidate(const ProvisionProblem& cluster,
                                         std::span<const Candidate> candidates,
                                         const ConsolidationEffort& effort = {});

/// Whether two questions to consolidate() are known to have the same answer. The offers must share
/// a memo; pods are compared by what they are, so that one that has begun to end is the same.
/// False: they may have another, as where topology rules count pods.
bool asks_the_same(const ProvisionProblem& a, std::span<const Candidate> candidates_a,
                   const ProvisionProblem& b, std::span<const Candidate> candidates_b);

/// Where the pods of a node that must go are to go, whatever it costs. The plan's pods are `moved`:
/// indices into the bound pods.
struct Relocation {
  ProvisionPlan plan;
  std::vector<std::uint32_t> moved;
};
Relocation relocate(const ProvisionProblem& cluster, const Candidate& candidate);

}  // namespace gputide::provisioning
