// Karpenter's v1beta1 objects as the conversion webhook of Karpenter 1.0 stored them, with the
// texts that it kept in annotations.
#pragma once

#include "model/karpenter_v1beta1.h"
#include "model/object.h"

namespace gputide::codec {

/// model::v1beta1::to_v1 with the kubelet and the class reference kept as JSON.
model::NodePool to_v1(const model::v1beta1::NodePool& pool);

/// The v1 form of a v1beta1 NodePool or EC2NodeClass; anything else as it is.
model::Typed to_v1(const model::Typed& object);

}  // namespace gputide::codec
