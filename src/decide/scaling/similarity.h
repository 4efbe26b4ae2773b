// Are two groups alike, so that a scale-up may be split between them?
// Source: Cluster Autoscaler 1.31.5 processors/nodegroupset/compare_nodegroups.go,
// aws_nodegroups.go.
#pragma once

#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

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

/// The same for templates that stay: an answer is kept as long as both do.
class Likeness {
 public:
  explicit Likeness(SimilarityOptions options) : options_(std::move(options)) {}
  bool operator()(const std::shared_ptr<const NodeTemplate>& a,
                  const std::shared_ptr<const NodeTemplate>& b) const;

 private:
  struct Answer {
    std::weak_ptr<const NodeTemplate> a, b;
    bool alike = false;
  };
  SimilarityOptions options_;
  mutable boost::unordered_flat_map<std::pair<const void*, const void*>, Answer> answers_;
};

}  // namespace gputide::scaling
