// Which nodes of which group are ready, on their way, or missing; which requests for nodes are
// under way; which groups failed. Source: Cluster Autoscaler 1.31.5 clusterstate; 1.36 where
// Semantics say so.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "decide/scaling/backoff.h"
#include "decide/scaling/node_facts.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/plan.h"

namespace gputide::scaling {

/// The nodes of one group, or of the cluster, by what they are.
struct ReadinessCount {
  std::int64_t registered = 0;  // nodes that exist
  std::int64_t ready = 0;
  std::int64_t unready = 0;
  std::int64_t not_started = 0;  // not ready, but young
  std::int64_t deleted = 0;      // the instance is gone
  std::int64_t leaving = 0;      // of the ready and unready: they count for nothing any more
  std::int64_t unregistered = 0;
  std::int64_t long_unregistered = 0;
  std::int64_t failed = 0;            // of the unregistered: they cannot be created
  std::vector<std::size_t> starting;  // a group's not_started: indexes into Observation::nodes

  bool any() const { return registered + unregistered + long_unregistered > 0; }
  /// The numbers of another group's.
  void add(const ReadinessCount& other);
};

/// An instance without a node.
struct UnregisteredInstance {
  std::string provider_id;
  std::int32_t group = kNoGroup;
  Instant since;
  bool is_long = false;  // longer than the group's max-node-provision-time
  bool failed = false;   // it cannot be created
};

/// A group that has had more or fewer nodes than its target for long.
struct WrongSize {
  std::string group;
  std::int64_t registered = 0;
  std::int64_t target = 0;
};

class ClusterState {
 public:
  explicit ClusterState(const Options& options);

  /// Takes in a loop's look. `facts` has an entry for each node; `facts_version` is different
  /// whenever they are (0: not kept). Requests that were fulfilled or timed out end here, and
  /// instances that cannot be created are noticed.
  void update(const Observation& seen, std::span<const NodeFacts> facts,
              std::uint64_t facts_version, Instant now, std::vector<PlanEvent>& events);

  /// Not too many nodes of the cluster are unready.
  bool cluster_healthy() const;
  /// Not too many of the group's nodes are missing or unready. `group`: index of the last look.
  bool group_healthy(std::size_t group) const;
  /// The error that the group (all of its pools) is backed off for; nullptr: none.
  const ScaleUpError* backed_off(std::size_t group, Instant now) const;

  /// Nodes that are on their way: asked for, and not ready yet.
  std::int64_t upcoming(std::size_t group) const;
  /// Those of the last update; an answer about a group is asked of these alone.
  std::size_t groups() const { return groups_.size(); }
  const ReadinessCount& count(std::size_t group) const { return groups_[group]; }
  const ReadinessCount& total() const { return total_; }
  const std::vector<UnregisteredInstance>& unregistered() const { return unregistered_; }
  /// Instances that cannot be created, by group.
  std::vector<DropInstances> creation_errors() const;
  std::vector<WrongSize> wrong_sizes(Instant now) const;

  /// Growing `group` by `delta` was decided (negative: taken back).
  void request(const std::string& group, std::int64_t delta, Duration provision_time, Instant now);
  bool scaling_up(std::size_t group) const;
  /// Different whenever counts, health, requests and backed-off groups may be. 0: they may be
  /// others at any moment.
  std::uint64_t version() const { return backoffs_.empty() ? version_ : 0; }
  /// No instance, request or error is waited for, and no group is of the wrong size.
  bool quiet() const {
    return unregistered_.empty() && requests_.empty() && known_errors_.empty() &&
           deviations_.empty();
  }
  /// A scale-up of the group failed: it, or the pools that are named, is left alone for a while.
  void fail(const std::string& group, const ScaleUpError& error, Instant now);

  /// When an answer above can first change although nothing else does.
  std::optional<Instant> next_change(Instant now) const;

 private:
  struct Request {
    std::int64_t increase = 0;
    Instant since;
    Instant expected;
  };
  struct Deviation {
    std::int64_t registered = 0;
    std::int64_t target = 0;
    Instant since;
    Duration patience;
    bool operator==(const Deviation&) const = default;
  };

  bool as_before(const Observation& seen, std::uint64_t facts_version, Instant now) const;
  void count_nodes(std::span<const NodeFacts> facts, Instant now);
  bool counted_nodes(std::uint64_t facts_version, Instant now) const;
  void find_unregistered(std::span<const NodeFacts> facts, Instant now);
  void count_instances(std::span<const NodeFacts> facts, Instant now);
  void update_requests(Instant now, std::vector<PlanEvent>& events);
  void notice_creation_errors(Instant now, std::vector<PlanEvent>& events);
  void notice_group_errors(const GroupView& group, Instant now, std::vector<PlanEvent>& events);
  void update_sizes(Instant now);
  std::int64_t still_missing(std::size_t group) const;
  std::int64_t requested(const std::string& group) const;
  void consider(Instant at) { changes_.push_back(at); }

  const Options options_;
  const Semantics semantics_;
  const BackoffOptions backoff_options_;
  Backoffs backoffs_;
  std::map<std::string, Request, std::less<>> requests_;
  bool requests_changed_ = false;  // since the last update
  std::uint64_t instances_version_ = 0;
  std::vector<std::uint64_t> registered_;  // by number of instance: the last search that met it
  std::uint64_t searches_ = 0;
  bool any_error_ = false;                                        // some instance cannot be created
  std::map<std::string, std::string, std::less<>> known_errors_;  // provider id -> error code
  std::map<std::string, Deviation, std::less<>> deviations_;      // group -> wrong size
  // What the nodes alone decide, good for as long as their facts stay and no deadline passes:
  struct NodesCount {
    std::uint64_t facts_version = 0;
    ReadinessCount others;  // of no group
    std::vector<ReadinessCount> groups;
    std::vector<Instant> deadlines;
    std::int64_t gate_nodes = 0;
    std::int64_t gate_unready = 0;
  };
  NodesCount nodes_;
  std::uint64_t version_ = 0;
  // Of the last look:
  const Observation* seen_ = nullptr;
  Instant now_;
  ReadinessCount total_;
  std::vector<ReadinessCount> groups_;
  std::vector<UnregisteredInstance> unregistered_;
  std::vector<std::size_t> leaving_;  // nodes whose instances are being terminated, if they matter
  std::vector<Instant> changes_;
};

}  // namespace gputide::scaling
