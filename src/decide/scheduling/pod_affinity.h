// InterPodAffinity as a filter: pods that must be near others, or must not.
// Semantics: kube-scheduler 1.31. matchLabelKeys is resolved by the API server before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scheduling/class_memo.h"
#include "decide/scheduling/domain_tally.h"
#include "decide/scheduling/status.h"
#include "model/selector.h"
#include "state/cluster.h"

namespace gputide::scheduling {

/// One term of a pod's (anti-)affinity.
struct AffinityTerm {
  state::TopologyId topology = 0;
  std::int32_t weight = 0;  // of preferred terms
  model::Selector selector;
  std::set<std::string> namespaces;
  std::optional<model::Selector> namespace_selector;

  /// Whether the term of a pod that is to be placed covers pods of this class. A selector of
  /// namespaces finds those that exist.
  bool covers(const state::ClassInfo& other, const state::Objects& objects) const;
  /// Whether the term of a pod that runs covers pods of this class that are to be placed. Of a
  /// namespace that does not exist the labels are taken to be none.
  bool covers_incoming(const state::ClassInfo& incoming, const state::Objects& objects) const;
};

/// The terms of a spec, for a pod in `namespace_`.
struct AffinityTerms {
  std::vector<AffinityTerm> required;
  std::vector<AffinityTerm> required_anti;
  std::vector<AffinityTerm> preferred;
  std::vector<AffinityTerm> preferred_anti;
  std::string error;  // not empty: a selector cannot be read, in upstream's words
};
AffinityTerms compile_affinity(const model::PodSpec& spec, const std::string& namespace_,
                               state::Cluster& cluster);

/// Terms by spec and class, compiled once.
class AffinityTermCache {
 public:
  const AffinityTerms& of(state::Cluster& cluster, state::SpecId spec, state::ClassId pod_class);

 private:
  boost::unordered_flat_map<std::uint64_t, std::unique_ptr<AffinityTerms>> terms_;
};

class PodAffinity {
 public:
  PodAffinity(const AffinityTerms& terms, state::ClassId class_id);

  const std::string& error() const { return terms_.error; }
  /// Nothing to check, as long as no pod in the cluster has required anti-affinity.
  bool empty() const { return terms_.required.empty() && terms_.required_anti.empty(); }
  /// Counts the node anew.
  void update(state::Cluster& cluster, AffinityTermCache& cache, state::NodeId node);
  /// The node's id is no longer in use.
  void forget(state::NodeId node);
  void clear();
  /// nullptr: the node may take the pod.
  const Status* check(const state::Cluster& cluster, state::NodeId node) const;

 private:
  struct Repelled {  // by pods that run, for one topology
    state::TopologyId topology = 0;
    DomainTally tally;
  };
  bool all_required(const state::Cluster& cluster, state::ClassId id) const;
  bool has_required(const state::Cluster& cluster, state::NodeId node) const;
  void update_repelled(state::Cluster& cluster, AffinityTermCache& cache, state::NodeId node);

  const AffinityTerms& terms_;
  const state::ClassId class_;
  ClassMemo all_required_;
  std::vector<ClassMemo> anti_;
  std::vector<DomainTally> required_tallies_;
  std::vector<DomainTally> anti_tallies_;
  std::vector<Repelled> repelled_;
  std::vector<std::uint8_t> repels_;  // by node: it counted in some of repelled_
  boost::unordered_flat_map<std::uint64_t, std::vector<state::TopologyId>> repelled_by_;
};

}  // namespace gputide::scheduling
