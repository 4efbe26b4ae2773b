// Node selectors and node affinity, compiled once for a pod and matched against many nodes.
// Source: Kubernetes 1.31 component-helpers scheduling/corev1/nodeaffinity.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/node.h"
#include "model/selector.h"

namespace gputide::scheduling {

/// One term: all its expressions hold of a node's labels and name. A term that is wrong matches
/// nothing and says why.
class NodeTerm {
 public:
  /// `path` is what problems are told below of: "nodeSelectorTerms[0]".
  NodeTerm(const model::NodeSelectorTerm& term, const std::string& path);
  bool matches(const model::StringMap& labels, const std::string& name) const;
  const model::Problems& problems() const { return problems_; }

 private:
  struct NameTest {
    std::string field;  // only metadata.name is ever set on a node
    bool equal = true;
    std::string value;
  };
  model::Selector labels_ = model::Selector::everything();
  std::vector<NameTest> names_;
  model::Problems problems_;
};

/// The node affinity that a pod requires, nullptr if none.
const model::NodeSelector* required_node_affinity(const model::PodSpec& spec);

/// What a pod demands of its node: nodeSelector and required node affinity.
class RequiredNodeAffinity {
 public:
  explicit RequiredNodeAffinity(const model::PodSpec& spec);

  /// Any node will do.
  bool matches_all() const { return !affinity_ && selector_.empty(); }
  /// Whether the node will do. An error is a wrong term, told only when no other term matches.
  Result<bool> match(const model::StringMap& labels, const std::string& name) const;
  Result<bool> match(const model::Node& node) const {
    return match(node.metadata.labels, node.metadata.name);
  }
  /// match(), where an error is no.
  bool matches(const model::StringMap& labels, const std::string& name) const;
  bool matches(const model::Node& node) const {
    return matches(node.metadata.labels, node.metadata.name);
  }

 private:
  model::Selector selector_ = model::Selector::everything();
  std::optional<std::vector<NodeTerm>> affinity_;
};

/// The names that required node affinity narrows the nodes to: absent = not narrowed, empty =
/// contradictory. What the scheduler's NodeAffinity plugin answers in PreFilter.
std::optional<std::set<std::string>> named_nodes(const model::PodSpec& spec);

/// What a pod prefers of its node.
class PreferredNodeAffinity {
 public:
  PreferredNodeAffinity() = default;
  /// An error when any term with a weight is wrong.
  static Result<PreferredNodeAffinity> compile(
      const std::vector<model::PreferredSchedulingTerm>& terms);

  /// Sum of the weights of the terms that match.
  std::int64_t score(const model::StringMap& labels, const std::string& name) const;
  std::int64_t score(const model::Node& node) const {
    return score(node.metadata.labels, node.metadata.name);
  }
  bool empty() const { return terms_.empty(); }

 private:
  struct Weighted {
    NodeTerm term;
    std::int64_t weight;
  };
  std::vector<Weighted> terms_;
};

}  // namespace gputide::scheduling
