#include "codec/kinds.h"

#include "base/text.h"

namespace gputide::codec {
namespace {

constexpr std::string_view kSelector =
    "spec.selector is required, must match the template's labels and can never be changed";
constexpr std::string_view kIngress =
    "every path needs a pathType, and backends are written service.name and service.port";
constexpr std::string_view kCrd = "every version needs a structural schema";

const RetiredVersion kRetired[] = {
    {"Deployment", "extensions/v1beta1 apps/v1beta1 apps/v1beta2", "apps/v1", "1.16", kSelector},
    {"ReplicaSet", "extensions/v1beta1 apps/v1beta2", "apps/v1", "1.16", kSelector},
    {"DaemonSet", "extensions/v1beta1 apps/v1beta2", "apps/v1", "1.16", kSelector},
    {"StatefulSet", "apps/v1beta1 apps/v1beta2", "apps/v1", "1.16", kSelector},
    {"NetworkPolicy", "extensions/v1beta1", "networking.k8s.io/v1", "1.16", ""},
    {"Ingress", "extensions/v1beta1 networking.k8s.io/v1beta1", "networking.k8s.io/v1", "1.22",
     kIngress},
    {"IngressClass", "networking.k8s.io/v1beta1", "networking.k8s.io/v1", "1.22", ""},
    {"PodSecurityPolicy", "extensions/v1beta1 policy/v1beta1", "", "1.25",
     "Pod Security admission takes its place"},
    {"PodDisruptionBudget", "policy/v1beta1", "policy/v1", "1.25",
     "an empty selector now selects every pod of the namespace instead of none"},
    {"CronJob", "batch/v1beta1 batch/v2alpha1", "batch/v1", "1.25", ""},
    {"HorizontalPodAutoscaler", "autoscaling/v2beta1 autoscaling/v2beta2", "autoscaling/v2", "1.26",
     "metrics name their target as target.type and target.averageUtilization"},
    {"PriorityClass", "scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1alpha1",
     "scheduling.k8s.io/v1", "1.22", ""},
    {"Role", "rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1",
     "rbac.authorization.k8s.io/v1", "1.22", ""},
    {"RoleBinding", "rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1",
     "rbac.authorization.k8s.io/v1", "1.22", ""},
    {"ClusterRole", "rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1",
     "rbac.authorization.k8s.io/v1", "1.22", ""},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1",
     "rbac.authorization.k8s.io/v1", "1.22", ""},
    {"StorageClass", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "1.22", ""},
    {"CSINode", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "1.22", ""},
    {"CSIDriver", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "1.22", ""},
    {"VolumeAttachment", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "1.22", ""},
    {"CSIStorageCapacity", "storage.k8s.io/v1beta1", "storage.k8s.io/v1", "1.27", ""},
    {"CustomResourceDefinition", "apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1", "1.22",
     kCrd},
    {"MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1beta1",
     "admissionregistration.k8s.io/v1", "1.22",
     "sideEffects and admissionReviewVersions are required"},
    {"ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1beta1",
     "admissionregistration.k8s.io/v1", "1.22",
     "sideEffects and admissionReviewVersions are required"},
    {"APIService", "apiregistration.k8s.io/v1beta1", "apiregistration.k8s.io/v1", "1.22", ""},
    {"Lease", "coordination.k8s.io/v1beta1", "coordination.k8s.io/v1", "1.22", ""},
    {"EndpointSlice", "discovery.k8s.io/v1beta1", "discovery.k8s.io/v1", "1.25", ""},
    {"RuntimeClass", "node.k8s.io/v1beta1", "node.k8s.io/v1", "1.25", ""},
    {"ClusterConfig", "eksctl.io/v1alpha4", "eksctl.io/v1alpha5", "", ""},
};

}  // namespace

bool contains_word(std::string_view words, std::string_view word) {
  for (const std::string_view each : split(words, ' '))
    if (each == word) return true;
  return false;
}

const RetiredVersion* find_retired(std::string_view api_version, std::string_view kind) {
  for (const RetiredVersion& entry : kRetired)
    if (entry.kind == kind && contains_word(entry.versions, api_version)) return &entry;
  return nullptr;
}

}  // namespace gputide::codec
