// When a node is no longer what its NodePool would buy. Semantics are Karpenter's (core
// pkg/controllers/nodeclaim/disruption, aws pkg/cloudprovider/drift.go): what counts as drift, in
// which order it is looked for, and the reasons.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "decide/provisioning/provision.h"
#include "model/capacity_reservation.h"
#include "model/karpenter.h"

namespace gputide::provisioning {

inline constexpr const char* kPoolHash = "karpenter.sh/nodepool-hash";
inline constexpr const char* kPoolHashVersion = "karpenter.sh/nodepool-hash-version";
inline constexpr const char* kClassHash = "karpenter.k8s.aws/ec2nodeclass-hash";
inline constexpr const char* kClassHashVersion = "karpenter.k8s.aws/ec2nodeclass-hash-version";

/// The annotations with which a NodePool, and what is bought of it, is marked.
model::StringMap hash_annotations(const model::NodePool& pool);
/// The same of an EC2NodeClass. What its selectors find is no part of it. The hash is Karpenter's
/// of version v4, but for `kubelet` and newer fields, and so carries a version of its own.
model::StringMap hash_annotations(const model::EC2NodeClass& node_class);

/// The image that a machine of the class starts with: an id where the class names one, else one
/// that stands for what its first selector term asks. What such a term finds never changes.
std::string image_of(const model::EC2NodeClass& node_class);

struct Drift {
  std::string reason;  // NodePoolDrifted, RequirementsDrifted, SubnetDrift, AMIDrift,
                       // CapacityReservationDrift, NodeClassDrift, InstanceTypeNotFound
  std::string why;     // what has changed: "its NodePool's taints changed"
  bool operator==(const Drift&) const = default;
};

/// What a claim is compared with.
struct DriftGround {
  const model::NodePool& pool;
  const model::EC2NodeClass* node_class = nullptr;  // nullptr: not known
  std::span<const std::string> zones;               // with subnets; none: not known
  std::span<const ProviderType> offered;            // to the pool; none: not known
  /// Of the account; nullopt: not known.
  std::optional<std::span<const model::CapacityReservation>> reservations = std::nullopt;
};

/// nullopt: it has not drifted. `claim` has been launched; annotations of another version than ours
/// tell nothing.
std::optional<Drift> drift_of(const model::NodeClaim& claim, const DriftGround& ground);

}  // namespace gputide::provisioning
