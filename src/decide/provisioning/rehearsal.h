// Whether a plan works without its pods being told: kube-scheduler places them as it likes.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

/// A cluster on which moves are tried by kube-scheduler's own filters and scores
/// (decide/scheduling), each from the state that the cluster was given in.
class Rehearsal {
 public:
  /// `cluster`: its nodes and bound pods.
  explicit Rehearsal(const ProvisionProblem& cluster);
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// Whether every pod of `moved` finds a node when `gone` are gone and what the plan buys is
  /// there: in the order given, in the opposite one, and in one by chance. A plan may be right and
  /// yet fail here: it says for which node each pod was meant, and nobody tells the scheduler.
  bool places_all(const ProvisionProblem& moved, const ProvisionPlan& plan,
                  std::span<const std::string> gone);

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
};

}  // namespace gputide::provisioning
