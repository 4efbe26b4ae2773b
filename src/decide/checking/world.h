// What a set of objects amounts to: node groups as AWS would have them, pods as controllers would
// make them, autoscalers and device plugins as they would run.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "decide/checking/place.h"
#include "decide/pricing/catalogue.h"
#include "model/aws.h"
#include "model/object.h"

namespace gputide::checking {

struct ClusterView {
  const model::Object* object = nullptr;
  const model::ClusterConfig* config = nullptr;
  std::string region;
};

/// A node group that eksctl would make.
struct GroupView {
  const ClusterView* cluster = nullptr;
  const model::NodeGroupBase* written = nullptr;
  const model::NodeGroup* self_managed = nullptr;  // one of these two
  const model::ManagedNodeGroup* managed = nullptr;
  Place place;  // of the group's entry
  model::NodeGroupPlan plan;
  std::vector<const model::InstanceType*> types;  // in the plan's order; known ones only
  std::vector<model::StringMap> nodes;  // the labels of each kind of node: a type in a zone

  bool has_nvidia() const;
  /// The place where a type is named.
  Place type_place(std::string_view type) const;
};

/// Pods of one template.
struct PodView {
  const model::Object* object = nullptr;
  const model::ObjectMeta* metadata = nullptr;  // the pods'
  const model::PodSpec* spec = nullptr;
  Place place;       // of the spec
  Place meta_place;  // of the pods' metadata
  std::int64_t count = 1;

  bool is_daemon() const { return object->as<model::DaemonSet>() != nullptr; }
  /// "Deployment cuda-vector-add".
  std::string name() const;
};

/// A container and where it stands.
struct ContainerView {
  const model::Container* container = nullptr;
  Place place;
};

struct World {
  std::vector<ClusterView> clusters;
  std::vector<GroupView> groups;
  std::vector<PodView> pods;
  std::vector<const model::Object*> objects;
  /// NodePools are among the objects: what no node group has, a pool may buy.
  bool has_node_pools = false;

  /// True when some of the pods ask for the resource.
  bool asks_for(std::string_view resource) const;
};

/// Also reports what eksctl refuses in the clusters.
World look_at(std::span<const model::Object* const> objects, const pricing::Catalogue& catalogue,
              Diagnostics& diagnostics);

/// The containers and init containers of a pod.
std::vector<ContainerView> containers(const PodView& pod);

/// What a container asks for: requests, with limits where there is no request.
model::ResourceList requests(const model::Container& container);

/// True when some container asks for a device of NVIDIA's.
bool wants_gpu(const PodView& pod);

/// The pods' spec with the tolerations of devices that the API server adds.
model::PodSpec admitted_spec(const PodView& pod);

/// Labels that a node of the group will have when it is up with the type: those that eksctl, EKS
/// and the kubelet set.
model::StringMap node_labels(const GroupView& group, const model::InstanceType& type,
                             std::string_view zone);

/// True when the labels satisfy the pod's node selector and required node affinity.
bool selects(const model::PodSpec& spec, const model::StringMap& labels);

/// True when the pod may run on a node with these taints (PreferNoSchedule aside).
bool tolerates(const model::PodSpec& spec, std::span<const model::Taint> taints);

}  // namespace gputide::checking
