#include "decide/provisioning/existing_nodes.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "model/conditions.h"

namespace gputide::provisioning {
namespace {

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";
constexpr std::string_view kClosed = "gputide.dev/closed";

// Taints with which nodes start, and which go by themselves.
bool goes_by_itself(const model::Taint& taint) {
  return taint.key == kNotReady || taint.key == "node.kubernetes.io/unreachable" ||
         taint.key == "node.cloudprovider.kubernetes.io/uninitialized" ||
         taint.key == "karpenter.sh/unregistered" || taint.key == kClosed ||
         taint.key.starts_with("readiness.k8s.io/");
}

void keep_off(std::string_view key, std::vector<model::Taint>& taints) {
  const model::Taint taint{std::string(key), "", "NoSchedule", {}};
  taints = merge_taints(taints, std::span(&taint, 1));
}

bool is_initialized(const model::Node& node) {
  const auto label = node.metadata.labels.find("karpenter.sh/initialized");
  return label != node.metadata.labels.end() && label->second == "true";
}

// A node without a claim that is known.
ProvisionNode by_itself(const model::Node& node) {
  ProvisionNode out = ready_node(node);
  if (node.metadata.labels.contains("karpenter.sh/nodepool") && !is_initialized(node)) {
    out.ready = false;
    std::erase_if(out.taints, goes_by_itself);
  } else if (!model::is_ready(node)) {
    keep_off(kNotReady, out.taints);
  }
  return out;
}

}  // namespace

ProvisionNode ready_node(const model::Node& node) {
  ProvisionNode out{node.metadata.name,      node.metadata.labels, node.spec.taints,
                    node.status.allocatable, node.status.capacity, true};
  std::erase_if(out.taints, [](const model::Taint& taint) { return taint.key == kClosed; });
  if (node.spec.unschedulable) keep_off(kUnschedulable, out.taints);
  return out;
}

ProvisionNode coming_node(const model::NodeClaim& claim, const model::Node* node) {
  ProvisionNode out;
  out.ready = false;
  out.name = node == nullptr ? claim.metadata.name : node->metadata.name;
  out.labels = claim.metadata.labels;
  out.allocatable = claim.status.allocatable;
  out.capacity = claim.status.capacity;
  out.taints = claim.spec.taints;
  if (node == nullptr) {
    out.labels["kubernetes.io/hostname"] = claim.metadata.name;
    return out;
  }
  for (const auto& [key, value] : node->metadata.labels) out.labels[key] = value;
  for (const auto& [name, amount] : node->status.allocatable)
    if (!amount.is_zero()) out.allocatable[name] = amount;
  for (const auto& [name, amount] : node->status.capacity)
    if (!amount.is_zero()) out.capacity[name] = amount;
  for (const model::Taint& taint : node->spec.taints) {
    const auto same = [&](const model::Taint& each) {
      return each.key == taint.key && each.effect == taint.effect;
    };
    if (goes_by_itself(taint) ||
        std::any_of(claim.spec.startupTaints.begin(), claim.spec.startupTaints.end(), same) ||
        std::any_of(out.taints.begin(), out.taints.end(), same))
      continue;
    out.taints.push_back(taint);
  }
  if (node->spec.unschedulable) keep_off(kUnschedulable, out.taints);
  return out;
}

bool is_leaving(const model::Node& node) {
  return node.metadata.deletionTimestamp.has_value() ||
         std::any_of(node.spec.taints.begin(), node.spec.taints.end(), [](const auto& taint) {
           return taint.key == "ToBeDeletedByClusterAutoscaler" ||
                  taint.key == "karpenter.sh/disrupted" || taint.key == "karpenter.sh/disruption";
         });
}

ExistingNodes existing_nodes(std::span<const std::shared_ptr<const model::Node>> nodes,
                             std::span<const std::shared_ptr<const model::NodeClaim>> claims) {
  ExistingNodes out;
  std::map<std::string, const model::NodeClaim*> of_provider;
  for (const auto& claim : claims)
    if (!claim->status.providerID.empty()) of_provider[claim->status.providerID] = claim.get();
  std::set<const model::NodeClaim*> registered;
  for (const auto& node : nodes) {
    const auto found = of_provider.find(node->spec.providerID);
    const model::NodeClaim* claim = found == of_provider.end() ? nullptr : found->second;
    registered.insert(claim);
    if (is_leaving(*node) || (claim != nullptr && claim->metadata.deletionTimestamp))
      out.leaving.insert(node->metadata.name);
    else if (claim != nullptr && !is_initialized(*node))
      out.nodes.push_back(coming_node(*claim, node.get()));
    else
      out.nodes.push_back(by_itself(*node));
  }
  for (const auto& claim : claims)
    if (!registered.contains(claim.get()) && !claim->metadata.deletionTimestamp)
      out.nodes.push_back(coming_node(*claim, nullptr));
  return out;
}

}  // namespace gputide::provisioning
