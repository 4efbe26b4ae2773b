// What one loop of the autoscaler looks at: the cluster and the cloud at a moment, as plain data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"
#include "decide/scaling/backoff.h"
#include "decide/scaling/drain.h"
#include "decide/scaling/node_template.h"
#include "decide/scaling/options.h"
#include "model/provisioning_request.h"
#include "state/objects.h"

namespace gputide::scaling {

/// An instance as its group lists it; also the placeholder of one that was asked for and is not
/// there yet.
struct InstanceView {
  std::string provider_id;
  bool deleting = false;
  std::optional<ScaleUpError> creation_error = {};  // it cannot be created
  std::uint32_t number = 0;  // NodeView::instance of its node; 0: numbers are not kept
};

/// A node group as the cloud sees it.
struct GroupView {
  std::string id;
  std::string short_name;  // what people call it; empty: its id
  std::int64_t min_size = 0;
  std::int64_t max_size = 0;
  std::int64_t target_size = 0;
  GroupOptions options;
  std::vector<InstanceView> instances;
  /// The node that the group would add, by its launch data; nullptr: not known. `template_error`
  /// says why.
  std::shared_ptr<const NodeTemplate> provider_template;
  std::string template_error;
  /// Changes whenever the launch data or tags do.
  std::uint64_t template_version = 0;
  std::optional<Money> price_per_hour;  // of one node
  /// The pools of capacity that it may launch from, as "TYPE|ZONE|MARKET"; none: not known.
  std::vector<std::string> pools;

  const std::string& name() const { return short_name.empty() ? id : short_name; }
};

inline constexpr std::int32_t kNoGroup = -1;

/// What is asked as "longer ago than d" first holds so long after d has passed.
inline constexpr Duration kPast = Duration::nanoseconds(1);

/// For finding the first of several moments.
inline void keep_earliest(std::optional<Instant>& earliest, std::optional<Instant> at) {
  if (at && (!earliest || *at < *earliest)) earliest = at;
}

/// A node and what runs on it. Kept as long as neither changes, so that equal addresses mean that
/// nothing did.
struct NodeView {
  NodeRef node;
  std::int32_t group = kNoGroup;  // index into Observation::groups
  bool instance_gone = false;     // the cloud knows no such instance any more
  std::uint32_t instance = 0;     // its number among the groups' instances; 0: not known
  std::vector<PodRef> pods;       // bound to it and not ended
};

using RequestRef = std::shared_ptr<const model::ProvisioningRequest>;

/// A ProvisioningRequest with the templates that its pod sets name, in their order.
struct RequestView {
  RequestRef request;
  std::vector<std::shared_ptr<const model::PodTemplate>> templates;  // nullptr: there is none
};

struct Observation {
  /// Different whenever anything below is. 0 = not kept: every loop looks at everything.
  std::uint64_t version = 0;
  /// Different whenever a group, its instances, or the instances of which there are nodes, are. 0 =
  /// not kept.
  std::uint64_t instances_version = 0;
  std::vector<std::shared_ptr<const NodeView>> nodes;
  /// Indexes of the nodes whose views are not those of the observation with the version before this
  /// one; nullopt: any, and the order may be another one.
  std::optional<std::vector<std::uint32_t>> changed_nodes;
  std::vector<PodRef>
      pending;  // unbound, and marked unschedulable by the scheduler (or of a bypassed scheduler)
  std::vector<GroupView> groups;
  std::vector<std::shared_ptr<const model::DaemonSet>> daemon_sets;
  std::vector<model::PodDisruptionBudget> budgets;
  /// Different whenever these are. 0 = not kept.
  std::uint64_t budgets_version = 0;
  std::shared_ptr<const Controllers> controllers;  // nullptr: whether they exist is not asked
  std::shared_ptr<const state::Storage> storage;   // nullptr: claims are not asked for
  std::optional<model::StringMap> priority_config;
  std::vector<RequestView> requests;  // oldest first; only with --enable-provisioning-requests
};

}  // namespace gputide::scaling
