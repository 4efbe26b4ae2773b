// Are two groups alike, so that a scale-up may be split between them?
// Source: Cluster Autoscaler 1.31.5 processors/nodegroupset/compare_nodegroups.go,
// aws_nodegroups.go.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "decide/scaling/node_template.h"
#include "decide/scaling/options.h"

namespace gputide::scaling {

struct SimilarityOptions {
  std::set<std::string, std::less<>> ignored_labels;
  std::vector<std::string> only_labels;  // when not empty, these labels alone decide
  double capacity_memory_ratio = 0.015;
  double allocatable_ratio = 0.05;
  double free_ratio = 0.05;

  /// Labels that never make groups different, on any cloud, and those that AWS adds.
  static SimilarityOptions generic(std::span<const std::string> extra_ignored);
  static SimilarityOptions aws(std::span<const std::string> extra_ignored,
                               const Semantics& semantics);
  static SimilarityOptions of(const Options& options);
};

/// Why two templates are not alike; empty when they are.
std::string difference(const NodeTemplate& a, const NodeTemplate& b,
                       const SimilarityOptions& options);

inline bool similar(const NodeTemplate& a, const NodeTemplate& b,
                    const SimilarityOptions& options) {
  return difference(a, b, options).empty();
}

}  // namespace gputide::scaling
