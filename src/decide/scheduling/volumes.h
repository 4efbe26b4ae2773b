// The filters that look at a pod's claims: VolumeRestrictions, NodeVolumeLimits, VolumeBinding and
// VolumeZone. Semantics: kube-scheduler 1.31; generic ephemeral volumes and storage capacity are
// not looked at.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "decide/scheduling/status.h"
#include "decide/scheduling/volume_binding.h"
#include "state/cluster.h"

namespace gputide::scheduling {

/// Whether anything in the spec is for these filters to look at.
bool has_claims(const model::PodSpec& spec);

class Volumes {
 public:
  Volumes(model::Shared<model::PodSpec> spec, std::string namespace_)
      : spec_(std::move(spec)), namespace_(std::move(namespace_)) {}

  /// Why no node can take the pod, whatever it is.
  Status pre_filter(const state::Cluster& cluster) const;
  /// Asked only where pre_filter() is ok.
  Status check(const state::Cluster& cluster, state::NodeId node) const;
  /// What is to be done for the pod's unbound claims when it goes to the node; nullopt: it cannot.
  std::optional<VolumePlan> plan(const state::Cluster& cluster, state::NodeId node) const;

 private:
  using Claims = std::vector<const model::PersistentVolumeClaim*>;
  Claims claims(const state::Cluster& cluster) const;
  bool used_elsewhere(const state::Cluster& cluster) const;
  bool over_limit(const state::Cluster& cluster, state::NodeId node) const;

  const model::Shared<model::PodSpec> spec_;
  const std::string namespace_;
};

}  // namespace gputide::scheduling
