// Nodes that may go of the provisioner's own accord: empty, replaceable by cheaper ones, too old.
// Methods, budgets and candidate rules are Karpenter's (its pkg/controllers/disruption), but
// several new nodes may replace several old ones, and a replacement must save a tenth.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/provisioner/claims.h"
#include "decide/provisioning/consolidation.h"

namespace gputide::provisioner {

/// Nodes that go once others have taken their place.
struct Replacement {
  std::vector<std::string> old_claims;
  std::vector<std::string> new_claims;
  std::set<std::string> seen;  // of the new claims: those that were there once
  Instant deadline;
  Leaving leaving;
};

class Disruption {
 public:
  Disruption(const Cluster& cluster, Claims& claims) : cluster_(cluster), claims_(claims) {}

  /// Something changed by which another decision may follow.
  void changed(Instant now) {
    settled_.reset();
    stuck_.clear();
    if (!changed_first_) changed_first_ = now;
    changed_last_ = now;
  }
  /// Pools changed, and with them perhaps the schedules of budgets.
  void pools_changed() { budgets_read_ = false; }
  /// `expected`: nodes that waiting pods will go to are left alone.
  void nominate(const std::string& claim, Instant until);

  /// Empty nodes begin to leave.
  void end_empty(Instant now, port::Commands& commands);
  /// Those that are too old begin to leave.
  void end_old(Instant now, port::Commands& commands);
  /// Drifted nodes that nothing keeps and budgets let go: those without pods first, then in order
  /// of drift. Unlike consolidation, they need not have been quiet for consolidateAfter.
  std::vector<std::string> drifted(Instant now) const;
  /// The pods of a drifted node find no other: it is not looked at until something changes.
  void set_stuck(const std::string& claim) { stuck_.insert(claim); }
  void forget_stuck() { stuck_.clear(); }
  /// What keeps the node's pods where they are; "" = nothing. `eventual`: only until its
  /// terminationGracePeriod ends, where it has one, as for Karpenter's drift.
  std::string kept_by(const Claim& claim, bool eventual, Instant now) const;
  bool is_empty(const Claim& claim) const { return cluster_.is_empty(claim.node); }

  /// Something may have changed since the last look at the candidates, and nothing is under way.
  /// Changes that follow each other, as while a Deployment shrinks, are looked at together.
  bool wants_a_look(Instant now) const;
  /// The look begins.
  void look() { changed_first_.reset(); }
  /// What could be consolidated now, in order of names.
  std::vector<std::string> candidates(Instant now) const;
  /// The candidates were looked at, and none went.
  void settle(Instant now) { settled_ = now; }
  /// How many of the candidates the pools' budgets let go, in their order.
  std::vector<std::string> within_budgets(const std::vector<std::string>& names,
                                          std::string_view reason, Instant now) const;

  /// Taints the old nodes and waits for the new ones.
  void begin(Replacement replacement, Instant now, port::Commands& commands);
  /// Replacements whose nodes are ready, lost, or too late.
  void advance(Instant now, port::Commands& commands);
  bool replacing() const { return !replacements_.empty(); }

  std::optional<Instant> due(Instant now) const;
  /// Nothing will go of itself, but for old age.
  bool at_rest(Instant now) const;

  /// How much the node's pods would be disturbed, as Karpenter counts: 1 for the node, and for each
  /// pod 1, more or less by its deletion cost and priority.
  double disruption_cost(const Claim& claim) const;

 private:
  const model::NodePool* pool_of(const Claim& claim) const;
  bool is_awaited(const Claim& claim) const;
  std::optional<Instant> consolidatable_at(const Claim& claim) const;
  bool may_be_disrupted(const Claim& claim, Instant now) const;
  std::vector<std::string> may_go_for_drift(Instant now) const;
  std::vector<std::string> may_go_empty(Instant now) const;
  void read_budgets(Instant now);
  bool is_settled(Instant now) const;
  std::optional<Instant> quiet_at() const;
  void unmark(const Replacement& replacement, port::Commands& commands);

  /// nullopt: Never.
  std::optional<Duration> duration_of(const std::optional<std::string>& text,
                                      std::string_view usual) const;

  const Cluster& cluster_;
  Claims& claims_;
  // By how they are written.
  mutable std::map<std::string, std::optional<Duration>, std::less<>> durations_;
  std::vector<Replacement> replacements_;
  std::vector<Replacement> moving_;  // pods leave the old nodes for the new ones
  std::set<std::string> stuck_;
  bool budgets_read_ = false;
  std::optional<Instant> budgets_change_;  // when a schedule next lets more or fewer nodes go
  std::optional<Instant> settled_;         // nothing to gain then, and nothing changed since
  // The first and the last change since the last look.
  std::optional<Instant> changed_first_;
  Instant changed_last_;
};

}  // namespace gputide::provisioner
