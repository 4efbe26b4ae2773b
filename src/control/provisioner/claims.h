// The life of NodeClaims: launched, registered, initialized, and one day drained and ended.
// Semantics are Karpenter's (its pkg/controllers/nodeclaim/lifecycle and node/termination), but for
// nodes that never show what they were bought for: Karpenter waits for them without end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/provisioner/cluster.h"
#include "control/provisioner/offers.h"
#include "control/provisioner/options.h"
#include "decide/provisioning/drift.h"
#include "port/controller.h"

namespace gputide::provisioner {

using ClaimRef = std::shared_ptr<const model::NodeClaim>;

/// The taint of a node that goes.
inline constexpr std::string_view kDisrupted = "karpenter.sh/disrupted";
/// A node that is new, or that pods are on their way to, is left alone so long. Karpenter's, at the
/// usual batch.
inline constexpr Duration kNominated = Duration::seconds(20);

enum class Stage { Launching, Registering, Initializing, Ready, Draining, Ending };

/// Why a claim goes: the word is the record's `reason`.
struct Leaving {
  std::string reason;   // empty, underutilized, drifted, expired, interrupted, unhealthy,
                        // scaled-down, never-ready, capacity-block, deleted
  std::string why;      // a sentence
  bool forced = false;  // pods get no time, whatever they or their budgets say
};

struct Claim {
  ClaimRef object;
  Stage stage = Stage::Launching;
  Instant since;            // in this stage
  std::uint64_t call = 0;   // CreateFleet or TerminateInstances under way
  std::string node;         // the Node's name, once it registered
  Instant last_pod_event;   // pods came, ended or left; at first: it became ready
  Instant nominated_until;  // pods are expected on it
  bool marked = false;      // tainted: it goes when its replacements are ready
  /// Its node is kept closed until of the pods that were to go to cheaper nodes, and of its own, no
  /// more wait than it has of its own.
  std::set<std::string> waits_for;
  std::size_t own_pods = 0;
  bool closed = false;  // by a taint
  std::optional<provisioning::Drift> drift;
  Instant drifted_since;
  std::uint64_t compared = 0;  // with the pools of that generation
  std::string told_kept;       // why it stays though it has drifted
  Leaving leaving;
  std::map<std::string, Instant> evictions;  // by pod: when to ask (again)
  std::map<std::string, bool> asked;         // by pod: asked, and not refused

  /// The NodePool's name.
  const std::string& pool() const;
};

/// What the claims' changes mean for the rest of the provisioner.
struct ClaimNews {
  bool plan_now = false;      // pods lost the node that they were to get
  bool plan_soon = false;     // a node is ready, or gone
  bool disruption = false;    // what can be consolidated may have changed
  bool reservations = false;  // slots of capacity reservations were taken or given back
};

class Claims {
 public:
  using Ask = std::function<std::uint64_t(port::CloudRequest)>;

  Claims(const Options& options, const Cluster& cluster, Offers& offers)
      : options_(options), cluster_(cluster), offers_(offers) {}

  const std::map<std::string, Claim>& all() const { return claims_; }
  Claim* find(const std::string& name);
  Claim* of_node(const std::string& node);
  Claim* of_instance(const std::string& id);
  /// A claim's instance is being asked for.
  bool launching() const;
  /// Every claim is ready, or leaves and waits for pods that stay for now.
  bool are_steady(Instant now) const;
  /// And no time ends that.
  bool at_rest(Instant now) const;

  /// A NodeClaim changed: new ones are launched.
  ClaimNews changed(const port::ObjectChanged& event, const ClaimRef& claim, Instant now,
                    const Ask& ask, port::Commands& commands);
  /// False: the call is none of these.
  bool answered(const port::CloudAnswered& event, Instant now, port::Commands& commands,
                ClaimNews& news);
  void evicted(const port::EvictAnswered& event, Instant now);

  /// Something happened to pods of the node.
  void pod_event(const std::string& node, Instant now);
  /// The claim of that name, which comes soon, is to wait for pods of cheaper nodes; `pods` are
  /// those and its own.
  void let_wait(const std::string& claim, std::set<std::string> pods, std::size_t own_pods) {
    coming_[claim] = {std::move(pods), own_pods};
  }
  /// What a look at the claim told of its drift; its condition Drifted says so.
  void set_drift(Claim& claim, std::optional<provisioning::Drift> drift, Instant now,
                 port::Commands& commands);
  /// Its capacity reservation is over: it goes on as an on-demand one, and its node.
  void demote(Claim& claim, port::Commands& commands);
  /// Starts to take a claim away.
  void leave(Claim& claim, Leaving leaving, Instant now, port::Commands& commands);
  /// Does what is due.
  void advance(Instant now, const Ask& ask, port::Commands& commands, ClaimNews& news);
  /// The next moment after `now` at which something is to be done that no event brings about.
  std::optional<Instant> due(Instant now) const;

 private:
  void set_reservation(const model::NodeClaim& object, port::CreateFleet& fleet) const;
  void launch(Claim& claim, Instant now, const Ask& ask, port::Commands& commands, ClaimNews& news);
  void launched(Claim& claim, const port::FleetResult& result, Instant now,
                port::Commands& commands, ClaimNews& news);
  void failed(Claim& claim, const std::string& why, Instant now, port::Commands& commands,
              ClaimNews& news);
  void register_node(Claim& claim, const NodeRef& node, Instant now, port::Commands& commands);
  void initialize(Claim& claim, const NodeRef& node, Instant now, port::Commands& commands,
                  ClaimNews& news);
  void never_ready(Claim& claim, const std::vector<std::string>& missing, Instant now,
                   port::Commands& commands, ClaimNews& news);
  void close_or_open(Claim& claim, const model::Node& node, Instant now, port::Commands& commands);
  void drain(Claim& claim, Instant now, const Ask& ask, port::Commands& commands);
  void ask_to_go(Claim& claim, const model::Pod& pod, Instant now, port::Commands& commands);
  std::optional<Instant> due(const Claim& claim, Instant now) const;

  const Options& options_;
  const Cluster& cluster_;
  Offers& offers_;
  std::map<std::string, Claim> claims_;  // by name
  std::map<std::string, std::pair<std::set<std::string>, std::size_t>> coming_;
};

}  // namespace gputide::provisioner
