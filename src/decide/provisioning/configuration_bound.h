// The bound of the configuration linear program: nodes are bought in fractions, but each with whole
// pods on it (Gilmore and Gomory). Never below lower_bound(), and mostly far nearer what can be
// had.
#pragma once

#include <cstdint>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/content_proof.h"

namespace gputide::provisioning {

/// How hard to try. Counts of work, not of time: equal inputs give equal bounds, and a bound is
/// valid however little was done.
struct ConfigurationEffort {
  int rounds = 300;  // of column generation
  int steps = 300;   // small linear programs to decide what one node can hold
  /// In all, in products of pod classes and dimensions that were looked at.
  std::int64_t work = 600'000'000;
  /// A problem with more products of offers, classes and dimensions gets lower_bound() alone.
  std::int64_t largest = 1'000'000;
};

struct ConfigurationBound {
  Money per_hour;
  ContentCertificate certificate;
};

/// `known` is lower_bound(problem).
ConfigurationBound configuration_bound(const PlacementProblem& problem, const LowerBound& known,
                                       const ConfigurationEffort& effort = {});

}  // namespace gputide::provisioning
