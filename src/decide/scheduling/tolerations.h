// Taints against tolerations. Source: Kubernetes 1.31 api/core/v1/toleration.go, component-helpers
// scheduling/corev1.
#pragma once

#include <span>

#include "model/pod.h"

namespace gputide::scheduling {

/// A set of taint effects.
enum class Effects : std::uint8_t {
  NoSchedule = 1,
  PreferNoSchedule = 2,
  NoExecute = 4,
  DoNotSchedule = NoSchedule | NoExecute,  // what keeps a pod off a node
  All = 8,                                 // unknown ones too
};

bool tolerates(const model::Toleration& toleration, const model::Taint& taint);
bool tolerates(std::span<const model::Toleration> tolerations, const model::Taint& taint);

/// The first taint with one of these effects that no toleration covers, or nullptr.
const model::Taint* untolerated_taint(std::span<const model::Taint> taints,
                                      std::span<const model::Toleration> tolerations,
                                      Effects effects);

/// How many taints of effect PreferNoSchedule are not covered by the tolerations that speak of that
/// effect (or of all).
std::int64_t intolerable_preferences(std::span<const model::Taint> taints,
                                     std::span<const model::Toleration> tolerations);

/// Per taint the index of the first toleration that covers it; empty when any taint is not covered.
/// Second: all were.
std::pair<std::vector<std::size_t>, bool> matching_tolerations(
    std::span<const model::Taint> taints, std::span<const model::Toleration> tolerations);

}  // namespace gputide::scheduling
