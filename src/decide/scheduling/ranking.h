// Scores: which of the nodes that take a pod is best. Semantics: the default profile of
// kube-scheduler 1.31, its plugins and weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scheduling/affinity_score.h"
#include "decide/scheduling/filters.h"
#include "decide/scheduling/node_scores.h"
#include "decide/scheduling/spread_score.h"

namespace gputide::scheduling {

inline constexpr std::string_view kImageLocality = "ImageLocality";
inline constexpr std::string_view kBalancedAllocation = "NodeResourcesBalancedAllocation";

/// What one plugin says of the feasible nodes, in their order.
struct PluginScores {
  std::string_view plugin;
  std::int64_t weight = 1;
  bool skipped = false;  // it has nothing to say, and adds nothing
  std::vector<std::int64_t> raw;
  std::vector<std::int64_t> normalized;  // 0..100
};

class Ranking {
 public:
  explicit Ranking(Filters& filters) : filters_(filters), cluster_(filters.cluster()) {}
  Ranking(const Ranking&) = delete;
  Ranking& operator=(const Ranking&) = delete;

  /// Scores `feasible`; the answer is valid until the next call.
  std::span<const PluginScores> score(const model::Pod& pod,
                                      std::span<const state::NodeId> feasible);
  /// Why nothing can be scored, in upstream's words; "" when it can: a preference that cannot be
  /// read.
  std::string error(const model::Pod& pod) const;
  /// The weighted sums of those that are not skipped.
  void total(const model::Pod& pod, std::span<const state::NodeId> feasible,
             std::vector<std::int64_t>& totals);

 private:
  // What a pod likes of other pods, kept current.
  struct Likes {
    Likes(const model::Pod& pod, Filters& filters, Demand& demand);
    std::unique_ptr<SpreadScore> spread;
    std::unique_ptr<AffinityScore> affinity;
    std::uint64_t sequence = 0;
    std::uint64_t objects_version = 0;
  };
  NodeScores& node_scores(const Demand& demand);
  bool likes_nothing(const model::Pod& pod, const Demand& demand);
  bool may_be_liked(state::ClassId pod_class);
  bool total_by_fullness(Demand& demand, std::span<const state::NodeId> feasible,
                         std::vector<std::int64_t>& totals);
  Likes& likes(const model::Pod& pod, Demand& demand);
  void catch_up(Likes& likes, Demand& demand);

  Filters& filters_;
  state::Cluster& cluster_;
  Images images_;
  boost::unordered_flat_map<state::SpecId, std::unique_ptr<NodeScores>> node_scores_;
  boost::unordered_flat_map<std::string, std::unique_ptr<Likes>> likes_;
  std::vector<PluginScores> scores_;
};

}  // namespace gputide::scheduling
