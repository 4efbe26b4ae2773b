// The kinds that a simulated API server serves: their names, and the metadata of any of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "model/object.h"

namespace gputide::sim {

template <class Kind>
using Ref = std::shared_ptr<const Kind>;
using PodRef = Ref<model::Pod>;
using NodeRef = Ref<model::Node>;

/// "Pod" for model::Pod; "" for what is no Kubernetes object, or only kept as it was written.
template <class Kind>
constexpr std::string_view kind_name() {
  if constexpr (std::is_same_v<Kind, model::Pod>) return "Pod";
  if constexpr (std::is_same_v<Kind, model::Node>) return "Node";
  if constexpr (std::is_same_v<Kind, model::ReplicaSet>) return "ReplicaSet";
  if constexpr (std::is_same_v<Kind, model::ReplicationController>) return "ReplicationController";
  if constexpr (std::is_same_v<Kind, model::Deployment>) return "Deployment";
  if constexpr (std::is_same_v<Kind, model::DaemonSet>) return "DaemonSet";
  if constexpr (std::is_same_v<Kind, model::StatefulSet>) return "StatefulSet";
  if constexpr (std::is_same_v<Kind, model::Job>) return "Job";
  if constexpr (std::is_same_v<Kind, model::PodDisruptionBudget>) return "PodDisruptionBudget";
  if constexpr (std::is_same_v<Kind, model::PriorityClass>) return "PriorityClass";
  if constexpr (std::is_same_v<Kind, model::ConfigMap>) return "ConfigMap";
  if constexpr (std::is_same_v<Kind, model::Namespace>) return "Namespace";
  if constexpr (std::is_same_v<Kind, model::Service>) return "Service";
  if constexpr (std::is_same_v<Kind, model::PersistentVolume>) return "PersistentVolume";
  if constexpr (std::is_same_v<Kind, model::PersistentVolumeClaim>) return "PersistentVolumeClaim";
  if constexpr (std::is_same_v<Kind, model::StorageClass>) return "StorageClass";
  if constexpr (std::is_same_v<Kind, model::CSINode>) return "CSINode";
  if constexpr (std::is_same_v<Kind, model::NodePool>) return "NodePool";
  if constexpr (std::is_same_v<Kind, model::NodeClaim>) return "NodeClaim";
  if constexpr (std::is_same_v<Kind, model::EC2NodeClass>) return "EC2NodeClass";
  if constexpr (std::is_same_v<Kind, model::NodeOverlay>) return "NodeOverlay";
  if constexpr (std::is_same_v<Kind, model::PodTemplate>) return "PodTemplate";
  if constexpr (std::is_same_v<Kind, model::ProvisioningRequest>) return "ProvisioningRequest";
  return "";
}

template <class Kind>
constexpr bool kServed = !kind_name<Kind>().empty();

/// Objects that are in no namespace.
constexpr bool is_cluster_scoped(std::string_view kind) {
  return kind == "Node" || kind == "PriorityClass" || kind == "Namespace" ||
         kind == "PersistentVolume" || kind == "StorageClass" || kind == "CSINode" ||
         kind == "NodePool" || kind == "NodeClaim" || kind == "EC2NodeClass" ||
         kind == "NodeOverlay";
}

/// Calls `f` with the held Ref<Kind>, if it is a served kind.
template <class F>
void with_kind(const model::Typed& object, F&& f) {
  std::visit(
      [&]<class Held>(const Held& held) {
        if constexpr (!std::is_same_v<Held, std::monostate>) {
          using Kind = std::remove_const_t<typename Held::element_type>;
          if constexpr (kServed<Kind>)
            if (held) f(held);
        }
      },
      object);
}

/// "" when it is not served.
inline std::string_view kind_of(const model::Typed& object) {
  std::string_view name;
  with_kind(object, [&]<class Kind>(const Ref<Kind>&) { name = kind_name<Kind>(); });
  return name;
}

/// nullptr when it is not served.
inline const model::ObjectMeta* meta_of(const model::Typed& object) {
  const model::ObjectMeta* meta = nullptr;
  with_kind(object, [&](const auto& held) { meta = &held->metadata; });
  return meta;
}

}  // namespace gputide::sim
