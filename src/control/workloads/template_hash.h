// The name of a pod template's content: what tells one revision of a workload from the next.
#pragma once

#include <string>

#include "model/pod.h"

namespace gputide::workloads {

/// The pod-template-hash that Kubernetes 1.31 gives a Deployment of this template, as long as none
/// of its names collided. DaemonSets use it too, where the real label is a hash of a patch.
std::string template_hash(const model::PodTemplateSpec& pod_template);

/// True when they are one template for sure: cheaper than two hashes.
bool same_template(const model::PodTemplateSpec& a, const model::PodTemplateSpec& b);

}  // namespace gputide::workloads
