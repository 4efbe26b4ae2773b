#include "port/record.h"

#include <array>

#include "base/check.h"

namespace gputide::port {

std::string_view record_kind_name(RecordKind kind) {
  static constexpr std::array kNames = {"RunStarted",
                                        "RunEnded",
                                        "ObjectApplied",
                                        "ObjectDeleted",
                                        "Diagnostic",
                                        "GroupCreated",
                                        "GroupResized",
                                        "LaunchFailed",
                                        "InstanceLaunched",
                                        "InstanceRunning",
                                        "InstanceTerminated",
                                        "SpotNotice",
                                        "RebalanceRecommendation",
                                        "PriceChanged",
                                        "CapacityChanged",
                                        "NodeRegistered",
                                        "NodeReady",
                                        "NodeResources",
                                        "NodeNotReady",
                                        "NodeTainted",
                                        "NodeDeleted",
                                        "PodCreated",
                                        "PodUnschedulable",
                                        "PodScheduled",
                                        "PodPulling",
                                        "PodRunning",
                                        "PodSucceeded",
                                        "PodFailed",
                                        "PodEvicted",
                                        "PodPreempted",
                                        "PodDeleted",
                                        "Event",
                                        "ScaleUp",
                                        "ScaleUpSkipped",
                                        "NodeUnneeded",
                                        "ScaleDown",
                                        "NodePoolReady",
                                        "CheckFailed",
                                        "ReservationStarted",
                                        "ReservationUsed",
                                        "ReservationNotice",
                                        "ReservationEnded"};
  static_assert(kNames.size() == static_cast<std::size_t>(RecordKind::ReservationEnded) + 1);
  const auto index = static_cast<std::size_t>(kind);
  GPUTIDE_CHECK(index < kNames.size());
  return kNames[index];
}

}  // namespace gputide::port
