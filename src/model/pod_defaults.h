// What the API server fills into a pod's spec. Source: kubernetes 1.31 pkg/apis/core/v1
// defaults.go; plugin/pkg/admission/extendedresourcetoleration.
#pragma once

#include <algorithm>
#include <set>

#include "model/pod.h"

namespace gputide::model {

/// A limit without a request is a request too.
inline void default_requests(std::vector<Container>& containers) {
  for (Container& container : containers)
    for (const auto& [name, limit] : container.resources.limits)
      container.resources.requests.try_emplace(name, limit);
}

inline void default_requests(PodSpec& spec) {
  default_requests(spec.containers);
  default_requests(spec.initContainers);
}

/// Tells whether the name is a device's, such as nvidia.com/gpu: no node can promise more of it
/// than it has.
inline bool is_extended_resource(std::string_view name) {
  return name.find('/') != std::string_view::npos &&
         name.find("kubernetes.io/") == std::string_view::npos && !name.starts_with("requests.");
}

/// A pod that asks for a device tolerates the NoSchedule taint of the device's name: EKS turns the
/// admission plugin ExtendedResourceToleration on in every version that it offers. Takes requests
/// as default_requests leaves them. Only pods are admitted so, not the templates of workloads.
inline void tolerate_requested_devices(PodSpec& spec) {
  std::set<std::string> devices;
  for (const auto* containers : {&spec.containers, &spec.initContainers})
    for (const Container& container : *containers)
      for (const auto& [name, request] : container.resources.requests)
        if (is_extended_resource(name)) devices.insert(name);
  for (const std::string& device : devices) {
    const bool said = std::any_of(
        spec.tolerations.begin(), spec.tolerations.end(), [&](const Toleration& toleration) {
          return toleration.key == device && toleration.operator_ == "Exists" &&
                 toleration.effect == "NoSchedule";
        });
    if (!said) spec.tolerations.push_back({device, "Exists", "", "NoSchedule", {}});
  }
}

}  // namespace gputide::model
