// What a pod asks of its node: requests, limits, and the class of service they amount to.
#pragma once

#include "model/pod.h"

namespace gputide::model {

struct PodRequestOptions {
  /// Leave spec.overhead out.
  bool without_overhead = false;
  /// Stands in for each resource that a container states no request for (schedulers count 100m CPU
  /// and 200Mi memory so that pods without requests still spread).
  const ResourceList* missing = nullptr;
};

/// What the scheduler must find free: the larger of the sum over containers and the most that any
/// init container needs while it runs, sidecars (init containers with restartPolicy Always) counted
/// in both, plus overhead. Source: Kubernetes 1.31 pkg/api/v1/resource PodRequests.
ResourceList pod_requests(const Pod& pod, const PodRequestOptions& options = {});
ResourceList pod_requests(const PodSpec& spec, const PodRequestOptions& options = {});
/// The same without a copy where the only container's requests are all there is; else it is made in
/// `sum`. Belongs to one of the two.
const ResourceList& pod_requests(const PodSpec& spec, ResourceList& sum);
/// Of one resource; zero where nothing asks for it.
Quantity pod_request(const PodSpec& spec, const std::string& resource);

/// The same for limits; overhead is added only where there is a limit above zero.
ResourceList pod_limits(const PodSpec& spec, bool without_overhead = false);

enum class QosClass { Guaranteed, Burstable, BestEffort };

/// Decided by CPU and memory of all containers alone. Source: Kubernetes 1.31
/// pkg/apis/core/v1/helper/qos.
QosClass qos_class(const PodSpec& spec);
std::string_view qos_class_name(QosClass qos);

}  // namespace gputide::model
