// What kind of pod a pod is, to Cluster Autoscaler. Source: 1.31.5 utils/pod, utils/drain,
// utils/gpu.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "decide/scaling/semantics.h"
#include "model/pod.h"

namespace gputide::scaling {

/// The value of a pod's annotation; nullptr: it has none of that key.
const std::string* annotation(const model::Pod& pod, std::string_view key);

/// Controlled by a DaemonSet, or annotated as if it were.
bool is_daemonset_pod(const model::Pod& pod);

/// The API server's picture of a pod that a kubelet reads from a file.
bool is_mirror_pod(const model::Pod& pod);

/// Comes from a file or URL on its node.
bool is_static_pod(const model::Pod& pod);

/// Somebody makes it anew when it is evicted: neither static, mirror nor of a DaemonSet.
bool is_recreatable(const model::Pod& pod);

/// Has run to its end and will not start again.
bool is_terminal(const model::Pod& pod);

/// Should have been gone for more than 30 s: its deletion began longer ago than its grace period
/// allows.
bool is_long_terminating(const model::Pod& pod, Instant now);

std::int32_t priority_of(const model::Pod& pod);

/// A resource that upstream, or we, take for a GPU.
bool is_gpu_resource(std::string_view name, const Semantics& semantics);

/// A container names such a resource, whatever the amount.
bool requests_gpu(const model::Pod& pod, const Semantics& semantics);

}  // namespace gputide::scaling
