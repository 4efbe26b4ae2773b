// Capacity that is asked for before its pods exist: ProvisioningRequests, and the PodTemplates that
// they are made of. Source: autoscaling.x-k8s.io/v1 (v1beta1 has the same fields); core/v1.
#pragma once

#include "model/meta.h"
#include "model/pod.h"

namespace gputide::model {

struct PodTemplate {
  ObjectMeta metadata;
  PodTemplateSpec template_;
};
BOOST_DESCRIBE_STRUCT(PodTemplate, (), (metadata, template_))

struct PodTemplateReference {
  std::string name;  // in the request's namespace
};
BOOST_DESCRIBE_STRUCT(PodTemplateReference, (), (name))

struct PodSet {
  PodTemplateReference podTemplateRef;
  std::int32_t count = 0;
};
BOOST_DESCRIBE_STRUCT(PodSet, (), (podTemplateRef, count))

struct ProvisioningRequestSpec {
  std::string provisioningClassName;
  StringMap parameters;
  std::vector<PodSet> podSets;
};
BOOST_DESCRIBE_STRUCT(ProvisioningRequestSpec, (), (provisioningClassName, parameters, podSets))

struct RequestCondition {
  std::string type;    // Accepted, Provisioned, Failed, BookingExpired, CapacityRevoked
  std::string status;  // True, False
  std::string reason;
  std::string message;
  std::optional<Instant> lastTransitionTime;
  static constexpr std::string_view kKept[] = {"observedGeneration"};
  Kept kept;
};
BOOST_DESCRIBE_STRUCT(RequestCondition, (), (type, status, reason, message, lastTransitionTime))

struct ProvisioningRequestStatus {
  std::vector<RequestCondition> conditions;
  StringMap provisioningClassDetails;
};
BOOST_DESCRIBE_STRUCT(ProvisioningRequestStatus, (), (conditions, provisioningClassDetails))

struct ProvisioningRequest {
  ObjectMeta metadata;
  ProvisioningRequestSpec spec;
  ProvisioningRequestStatus status;
};
BOOST_DESCRIBE_STRUCT(ProvisioningRequest, (), (metadata, spec, status))

inline constexpr std::string_view kCheckCapacityClass = "check-capacity.autoscaling.x-k8s.io";
inline constexpr std::string_view kBestEffortAtomicClass =
    "best-effort-atomic-scale-up.autoscaling.x-k8s.io";

/// On a pod: the ProvisioningRequest of its namespace whose capacity it is for; the older key says
/// the same.
inline constexpr const char* kConsumeRequest = "autoscaling.x-k8s.io/consume-provisioning-request";
inline constexpr const char* kConsumeRequestOld =
    "cluster-autoscaler.kubernetes.io/consume-provisioning-request";

}  // namespace gputide::model
