// Well-known labels, spelled once. Sources: Kubernetes ("Well-Known Labels, Annotations and
// Taints"); Karpenter v1 (apis/v1/labels.go).
#pragma once

#include <string_view>

namespace gputide::labels {

inline constexpr std::string_view kHostnameLabel = "kubernetes.io/hostname";
inline constexpr std::string_view kZone = "topology.kubernetes.io/zone";
inline constexpr std::string_view kInstanceType = "node.kubernetes.io/instance-type";
inline constexpr std::string_view kNodePool = "karpenter.sh/nodepool";
/// on-demand, spot or reserved.
inline constexpr std::string_view kCapacityType = "karpenter.sh/capacity-type";
/// Of nodes that run in a capacity reservation.
inline constexpr std::string_view kReservationId = "karpenter.k8s.aws/capacity-reservation-id";
/// default or capacity-block.
inline constexpr std::string_view kReservationType = "karpenter.k8s.aws/capacity-reservation-type";
inline constexpr std::string_view kReservationInterruptible =
    "karpenter.k8s.aws/capacity-reservation-interruptible";

}  // namespace gputide::labels
