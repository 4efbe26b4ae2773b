#include "decide/scaling/node_facts.h"

namespace gputide::scaling {
namespace {

constexpr const char* kDisabledAnnotation = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

bool is_disabled(const model::Node& node) {
  const auto at = node.metadata.annotations.find(kDisabledAnnotation);
  return at != node.metadata.annotations.end() && at->second == "true";
}

}  // namespace

NodeFacts node_facts(const NodeView& view, const NodeReadiness& readiness) {
  const model::Node& node = *view.node;
  NodeFacts facts;
  facts.created = node.metadata.creationTimestamp.value_or(Instant());
  facts.last_transition = readiness.last_transition;
  facts.deleted_since = taint_time(node, kToBeDeletedTaint);
  facts.group = view.group;
  facts.instance = view.instance;
  facts.instance_gone = view.instance_gone;
  facts.ready = readiness.ready;
  facts.unschedulable = node.spec.unschedulable;
  facts.to_be_deleted = has_taint(node, kToBeDeletedTaint);
  facts.soft_tainted = has_taint(node, kDeletionCandidateTaint);
  facts.scale_down_disabled = is_disabled(node);
  return facts;
}

}  // namespace gputide::scaling
