// Object: one document that somebody applied, typed if its kind is known, and always as it was
// written.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "model/cluster_config.h"
#include "model/core.h"
#include "model/karpenter.h"
#include "model/karpenter_v1beta1.h"
#include "model/meta.h"
#include "model/node.h"
#include "model/pod.h"
#include "model/provisioning_request.h"
#include "model/scenario.h"
#include "model/workload.h"

namespace gputide::model {

template <class... Kinds>
using OneOf = std::variant<std::monostate, std::shared_ptr<const Kinds>...>;

/// The typed forms. std::monostate: a kind that nobody here knows, kept opaque.
using Typed =
    OneOf<Pod, Node, ReplicaSet, ReplicationController, Deployment, DaemonSet, StatefulSet, Job,
          PodDisruptionBudget, PriorityClass, ConfigMap, Namespace, Service, MetadataOnly,
          PersistentVolume, PersistentVolumeClaim, StorageClass, CSINode, ClusterConfig, Scenario,
          NodePool, NodeClaim, EC2NodeClass, NodeOverlay, v1beta1::NodePool, v1beta1::NodeClaim,
          v1beta1::EC2NodeClass, PodTemplate, ProvisioningRequest>;

struct Object {
  std::string file;        // as given on the command line
  std::string apiVersion;  // "apps/v1"
  std::string kind;        // "Deployment"
  ObjectMeta metadata;     // of Kubernetes objects; name and namespace only of others
  Value source;
  Typed typed;

  template <class Kind>
  const Kind* as() const {
    const auto* held = std::get_if<std::shared_ptr<const Kind>>(&typed);
    return held == nullptr ? nullptr : held->get();
  }
  /// "apps" of "apps/v1"; "" of "v1".
  std::string_view group() const {
    const std::size_t slash = apiVersion.find('/');
    return slash == std::string::npos ? std::string_view()
                                      : std::string_view(apiVersion).substr(0, slash);
  }
};

}  // namespace gputide::model
