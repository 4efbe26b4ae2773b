// The cluster as the autoscaler imagines it: nodes that do not exist yet, pods that have moved. A
// thin layer over the scheduler's own filters; nothing else here asks whether a pod fits a node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decide/scaling/node_template.h"
#include "state/node_set.h"
#include "state/objects.h"
#include "state/pod_kinds.h"

namespace gputide::scaling {

/// A node of a Simulation. Ids grow in the order of addition and are not used again.
using NodeId = std::int32_t;
inline constexpr NodeId kNoNode = -1;

/// Why a pod does not fit a node, in kube-scheduler's words ("Insufficient cpu").
struct Rejection {
  std::vector<std::string> reasons;
  /// Another node of the same kind might take it: the failed constraint counts pods per host.
  bool by_host = false;
};

/// Some nodes: ids in [first, last), of those the allowed ones where any are named, and never
/// `except`.
struct Among {
  NodeId first = 0;
  NodeId last = INT32_MAX;
  const state::NodeSet* allowed = nullptr;
  NodeId except = kNoNode;
};

class Simulation {
 public:
  Simulation();
  ~Simulation();
  Simulation(Simulation&&) noexcept;
  Simulation& operator=(Simulation&&) noexcept;

  /// What pods' claims are looked up in from now on. Before the first call nobody asks for them.
  void set_storage(const state::Storage& storage);

  NodeId add_node(NodeRef node, std::span<const PodRef> pods) {
    return add_node(std::move(node), pods, {});
  }
  /// `entries`: entry_of each of the pods, or none.
  NodeId add_node(NodeRef node, std::span<const PodRef> pods,
                  std::span<const state::PodEntry> entries);
  void remove_node(NodeId node);
  /// A pod as numbers, which calls about it may be given to spare them a look at it.
  state::PodEntry entry_of(const model::Pod& pod);
  void add_pod(const PodRef& pod, NodeId node) { add_pod(pod, entry_of(*pod), node); }
  void add_pod(const PodRef& pod, const state::PodEntry& entry, NodeId node);
  void remove_pod(const PodRef& pod, NodeId node);
  /// Several, in the order in which they are on the node.
  void remove_pods(std::span<const PodRef> pods, NodeId node);

  /// kNoNode when there is none of that name.
  NodeId find(std::string_view name) const;
  const NodeRef& node(NodeId node) const;
  /// In the order in which they came.
  const std::vector<PodRef>& pods(NodeId node) const;
  /// What is known of each of pods(node), without looking at it.
  const std::vector<state::PodEntry>& entries(NodeId node) const;
  /// One more than the largest id so far.
  NodeId end() const;
  bool exists(NodeId node) const;

  /// The nodes that changed, or whose pods did, since `sequence` was the value of sequence();
  /// nullopt: too long ago to tell.
  std::uint64_t sequence() const;
  std::optional<std::span<const NodeId>> changes_since(std::uint64_t sequence) const;

  /// Changes after fork() are undone by revert(), or kept by commit(). Forks nest; each costs what
  /// was changed in it.
  void fork();
  void revert();
  void commit();

  /// Puts on top of all else what `add` adds, outside of forks. It lies there until something else
  /// changes outside of forks: what is beneath never sees it, and ids are given as if it had gone
  /// with every look.
  template <class Add>
  void put_on_top(const Add& add) {
    begin_top();
    add();
    end_top();
  }
  /// What was put on top last still lies there.
  bool has_top() const;
  void take_off_top();

  /// Whether the pod could run on the node besides what is there; nullopt when it could. A node
  /// name in the pod's spec is not looked at: pods that move carry their old one.
  std::optional<Rejection> check(const PodRef& pod, NodeId node) {
    return check(pod, entry_of(*pod), node);
  }
  std::optional<Rejection> check(const PodRef& pod, const state::PodEntry& entry, NodeId node);
  /// The first node that takes the pod, searched from behind the last one found, round; kNoNode
  /// when none does. Cordoned nodes are passed over.
  NodeId first_fit(const PodRef& pod, const Among& among);
  /// The same, and puts the pod there.
  NodeId add_to_first_fit(const PodRef& pod, const state::PodEntry& entry, const Among& among);

 private:
  void begin_top();
  void end_top();

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gputide::scaling
