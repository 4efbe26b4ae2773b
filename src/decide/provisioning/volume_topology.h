// Where a pod's volumes let it run, as requirements of the pod itself.
// Source: Karpenter's volume topology (pkg/controllers/provisioning/scheduling/volumetopology.go);
// which claims a scheduler refuses: kube-scheduler 1.31 VolumeBinding.
#pragma once

#include <memory>

#include "base/result.h"
#include "model/pod.h"
#include "state/objects.h"

namespace gputide::provisioning {

/// The pod, required to run where its volumes are, or where those of classes that wait for it may
/// be made; the pod itself when its volumes do not care. Error: no node can take it until its
/// claims are mended, and why.
Result<std::shared_ptr<const model::Pod>> with_volume_topology(
    const std::shared_ptr<const model::Pod>& pod, const state::Storage& storage);

}  // namespace gputide::provisioning
