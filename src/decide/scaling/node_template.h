// A node that a group would add, with the pods that stand on it from the start.
#pragma once

#include <memory>
#include <vector>

#include "model/node.h"
#include "model/pod.h"

namespace gputide::scaling {

using PodRef = std::shared_ptr<const model::Pod>;
using NodeRef = std::shared_ptr<const model::Node>;

struct NodeTemplate {
  model::Node node;
  std::vector<PodRef> pods;
};

}  // namespace gputide::scaling
