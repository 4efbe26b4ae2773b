// Filters that look at one node alone: cordon, taints, node affinity, ports and resources.
// Semantics: kube-scheduler 1.31 (NodeUnschedulable, TaintToleration, NodeAffinity, NodePorts,
// NodeResourcesFit).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scheduling/node_affinity.h"
#include "decide/scheduling/status.h"
#include "state/cluster.h"
#include "state/node_set.h"

namespace gputide::scheduling {

/// What depends on the node object and the pod's spec alone, worked out once per node object. Specs
/// that differ in nothing but amounts share one.
class NodeRules {
 public:
  explicit NodeRules(const model::Shared<model::PodSpec>& spec);

  struct Verdict {
    std::uint32_t object_version = 0;
    bool cordoned = false;         // and the pod does not tolerate it
    bool taints_tolerated = true;  // those with effect NoSchedule and NoExecute
    bool affinity_matches = true;
    std::int16_t taint = -1;  // index of the first one not tolerated
  };
  const Verdict& at(const state::Cluster& cluster, state::NodeId node);

  /// The names that node affinity narrows the search to; nullopt: it does not. Empty: its terms
  /// contradict each other.
  const std::optional<std::set<std::string>>& node_names() const { return node_names_; }

  static bool same(const model::PodSpec& a, const model::PodSpec& b);
  static std::uint64_t hash(const model::PodSpec& spec);

 private:
  Verdict judge(const model::Node& node) const;

  const model::Shared<model::PodSpec> spec_;
  RequiredNodeAffinity affinity_;
  std::optional<std::set<std::string>> node_names_;
  std::vector<Verdict> verdicts_;
};

/// The verdicts of these filters on one spec and every node, current without looking at nodes that
/// did not change.
class NodeFit {
 public:
  NodeFit(const state::SpecInfo& spec, std::shared_ptr<NodeRules> rules)
      : spec_(spec), rules_(std::move(rules)) {}

  /// Learns which nodes changed. To be called before the rest whenever the cluster may have.
  void catch_up(const state::Cluster& cluster);

  /// The first node of [from, to), and of `among` where that is given, that fits; kNoNode when
  /// there is none.
  state::NodeId next(const state::Cluster& cluster, state::NodeId from, state::NodeId to,
                     const state::NodeSet* among = nullptr);
  /// Appends those of [from, to) that fit and of which `also` holds, in order, until `out` has
  /// `enough`.
  template <class Also>
  void find(const state::Cluster& cluster, state::NodeId from, state::NodeId to, std::size_t enough,
            std::vector<state::NodeId>& out, Also&& also) {
    const auto end = static_cast<std::size_t>(std::min(to, cluster.end()));
    for (auto index = static_cast<std::size_t>(from); index < end; index = (index / 64 + 1) * 64) {
      std::uint64_t& maybe = maybe_[index / 64];
      for (std::uint64_t left = maybe >> (index % 64) << (index % 64); left != 0;
           left &= left - 1) {
        const auto bit = static_cast<std::size_t>(std::countr_zero(left));
        const std::size_t at = index / 64 * 64 + bit;
        if (at >= end || out.size() >= enough) return;
        const auto node = static_cast<state::NodeId>(at);
        if (!cluster.exists(node) || !fits(cluster, node))
          maybe &= ~(std::uint64_t{1} << bit);
        else if (also(node))
          out.push_back(node);
      }
    }
  }
  bool fits(const state::Cluster& cluster, state::NodeId node) {
    return verdict(cluster, node) == kFits;
  }
  /// A number that stands for plugin and reasons; equal ones have equal statuses, on nodes with
  /// equal taints.
  std::uint64_t verdict(const state::Cluster& cluster, state::NodeId node) {
    std::uint64_t& known = verdicts_[static_cast<std::size_t>(node)];
    if (known == kUnknown) known = judge(cluster, node);
    return known;
  }
  Status status(const state::Cluster& cluster, state::NodeId node);
  /// Whether the status of the verdict is the same on all nodes, and a rejection.
  static bool tells_all(std::uint64_t verdict);
  NodeRules& rules() { return *rules_; }

  static constexpr std::uint64_t kFits = 0;

 private:
  static constexpr std::uint64_t kUnknown = UINT64_MAX;
  std::uint64_t judge(const state::Cluster& cluster, state::NodeId node) const;
  std::uint64_t lacking(const state::Cluster& cluster, state::NodeId node) const;

  const state::SpecInfo& spec_;
  std::shared_ptr<NodeRules> rules_;
  std::uint64_t sequence_ = 0;
  std::vector<std::uint64_t> verdicts_;
  std::vector<std::uint64_t> maybe_;  // a bit a node: fits, or not known yet
};

}  // namespace gputide::scheduling
