// Kubernetes' own kinds: from documents to typed forms and back.
#include "codec/objects.h"
#include "codec/typed_kinds.h"

namespace gputide::codec {

using model::Value;

namespace {

constexpr std::string_view kRbac = "rbac.authorization.k8s.io/v1";

const KindEntry kKubernetesKinds[] = {
    kind_entry<model::Pod>("Pod", "v1"),
    kind_entry<model::Node>("Node", "v1"),
    kind_entry<model::ConfigMap>("ConfigMap", "v1"),
    kind_entry<model::Namespace>("Namespace", "v1"),
    kind_entry<model::Service>("Service", "v1"),
    kind_entry<model::MetadataOnly>("ServiceAccount", "v1"),
    kind_entry<model::MetadataOnly>("Secret", "v1"),
    kind_entry<model::ReplicationController>("ReplicationController", "v1"),
    kind_entry<model::PodTemplate>("PodTemplate", "v1"),
    kind_entry<model::PersistentVolume>("PersistentVolume", "v1"),
    kind_entry<model::PersistentVolumeClaim>("PersistentVolumeClaim", "v1"),
    kind_entry<model::Deployment>("Deployment", "apps/v1"),
    kind_entry<model::ReplicaSet>("ReplicaSet", "apps/v1"),
    kind_entry<model::DaemonSet>("DaemonSet", "apps/v1"),
    kind_entry<model::StatefulSet>("StatefulSet", "apps/v1"),
    kind_entry<model::Job>("Job", "batch/v1"),
    kind_entry<model::PodDisruptionBudget>("PodDisruptionBudget", "policy/v1"),
    kind_entry<model::PriorityClass>("PriorityClass", "scheduling.k8s.io/v1"),
    kind_entry<model::MetadataOnly>("Role", kRbac),
    kind_entry<model::MetadataOnly>("RoleBinding", kRbac),
    kind_entry<model::MetadataOnly>("ClusterRole", kRbac),
    kind_entry<model::MetadataOnly>("ClusterRoleBinding", kRbac),
    kind_entry<model::StorageClass>("StorageClass", "storage.k8s.io/v1"),
    kind_entry<model::CSINode>("CSINode", "storage.k8s.io/v1"),
};

}  // namespace

std::span<const KindEntry> kubernetes_kinds() {
  return kKubernetesKinds;
}

void read_metadata(const Value& metadata, model::Object& object, Decoder& decoder) {
  decode(metadata, object.metadata, decoder);
}

template <class Kind>
Kind read_kind(const Value& value, const std::string& file, Diagnostics& diagnostics) {
  Kind out;
  Decoder decoder(file, diagnostics);
  decode(value, out, decoder);
  return out;
}

template model::NodePool read_kind(const Value&, const std::string&, Diagnostics&);
template model::Pod read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodSpec read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodTemplateSpec read_kind(const Value&, const std::string&, Diagnostics&);
template model::Node read_kind(const Value&, const std::string&, Diagnostics&);
template model::ObjectMeta read_kind(const Value&, const std::string&, Diagnostics&);
template model::LabelSelector read_kind(const Value&, const std::string&, Diagnostics&);
template model::Taint read_kind(const Value&, const std::string&, Diagnostics&);
template model::Toleration read_kind(const Value&, const std::string&, Diagnostics&);
template model::Namespace read_kind(const Value&, const std::string&, Diagnostics&);
template model::Service read_kind(const Value&, const std::string&, Diagnostics&);
template model::ReplicaSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::ReplicationController read_kind(const Value&, const std::string&, Diagnostics&);
template model::DaemonSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::StatefulSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::Job read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodDisruptionBudget read_kind(const Value&, const std::string&, Diagnostics&);
template model::PersistentVolume read_kind(const Value&, const std::string&, Diagnostics&);
template model::PersistentVolumeClaim read_kind(const Value&, const std::string&, Diagnostics&);
template model::StorageClass read_kind(const Value&, const std::string&, Diagnostics&);
template model::CSINode read_kind(const Value&, const std::string&, Diagnostics&);

}  // namespace gputide::codec
