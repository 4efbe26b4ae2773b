// Whether a node is one that a DaemonSet wants: its selectors and taints, without its resources.
#pragma once

#include <string_view>

#include "model/node.h"
#include "model/pod.h"

namespace gputide::workloads {

/// The pod's node selector and required node affinity accept the node.
bool selects_node(const model::PodSpec& spec, const model::Node& node);

/// The first taint with `effect` (or, for "NoSchedule", also with NoExecute) that the pod does not
/// tolerate; nullptr when there is none.
const model::Taint* untolerated(const model::PodSpec& spec, const model::Node& node,
                                std::string_view effect);

bool tolerates(const model::Toleration& toleration, const model::Taint& taint);

}  // namespace gputide::workloads
