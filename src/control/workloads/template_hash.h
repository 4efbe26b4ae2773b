// The name of a pod template's content: what tells one revision of a workload from the next.
#pragma once

#include <string>

#include "model/pod.h"

namespace gputide::workloads {

/// Equal templates have equal hashes, on every machine. Ten characters of Kubernetes' alphabet
/// without vowels. Which ones differs from upstream, where they depend on Go's printing of structs.
std::string template_hash(const model::PodTemplateSpec& pod_template);

}  // namespace gputide::workloads
