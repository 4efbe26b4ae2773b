// What the API server fills into a pod's spec. Source: kubernetes 1.31 pkg/apis/core/v1
// defaults.go.
#pragma once

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

}  // namespace gputide::model
