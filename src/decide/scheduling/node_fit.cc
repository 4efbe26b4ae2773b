#include "decide/scheduling/node_fit.h"

#include <algorithm>
#include <bit>

#include <fmt/core.h>

#include "decide/scheduling/tolerations.h"
#include "state/deep.h"

namespace gputide::scheduling {
namespace {

using state::Cluster;
using state::NodeId;

// The low bits of a verdict; what is above says more.
enum Kind : std::uint64_t { Fits, Cordoned, Taint, Affinity, Ports, Resources };
constexpr int kKindBits = 4;

std::uint64_t pack(Kind kind, std::uint64_t detail = 0) {
  return static_cast<std::uint64_t>(kind) | detail << kKindBits;
}

Kind kind_of(std::uint64_t verdict) {
  return static_cast<Kind>(verdict & ((1U << kKindBits) - 1));
}

}  // namespace

NodeRules::NodeRules(const model::Shared<model::PodSpec>& spec)
    : spec_(spec), affinity_(*spec), node_names_(named_nodes(*spec)) {}

bool NodeRules::same(const model::PodSpec& a, const model::PodSpec& b) {
  const model::NodeSelector* x = required_node_affinity(a);
  const model::NodeSelector* y = required_node_affinity(b);
  return a.nodeSelector == b.nodeSelector && state::deep_equal(a.tolerations, b.tolerations) &&
         (x == nullptr) == (y == nullptr) && (x == nullptr || state::deep_equal(*x, *y));
}

std::uint64_t NodeRules::hash(const model::PodSpec& spec) {
  state::DeepHash hash;
  hash.add(spec.nodeSelector);
  hash.add(spec.tolerations);
  if (const model::NodeSelector* selector = required_node_affinity(spec)) hash.add(*selector);
  return hash.value();
}

NodeRules::Verdict NodeRules::judge(const model::Node& node) const {
  static const model::Taint kCordon{"node.kubernetes.io/unschedulable", "", "NoSchedule", {}};
  Verdict verdict;
  verdict.cordoned = node.spec.unschedulable && !tolerates(spec_->tolerations, kCordon);
  const model::Taint* blocking =
      untolerated_taint(node.spec.taints, spec_->tolerations, Effects::DoNotSchedule);
  if (blocking != nullptr) {
    verdict.taints_tolerated = false;
    verdict.taint = static_cast<std::int16_t>(blocking - node.spec.taints.data());
  }
  verdict.affinity_matches = affinity_.matches(node);
  return verdict;
}

const NodeRules::Verdict& NodeRules::at(const Cluster& cluster, NodeId node) {
  const auto index = static_cast<std::size_t>(node);
  if (index >= verdicts_.size()) verdicts_.resize(static_cast<std::size_t>(cluster.end()));
  Verdict& known = verdicts_[index];
  const state::NodeState& state = cluster.node(node);
  if (known.object_version != state.object_version) {
    known = judge(*state.object);
    known.object_version = state.object_version;
  }
  return known;
}

void NodeFit::catch_up(const Cluster& cluster) {
  if (sequence_ == cluster.sequence() && sequence_ != 0) return;
  const auto count = static_cast<std::size_t>(cluster.end());
  const auto changes = cluster.changes_since(sequence_);
  const bool all = sequence_ == 0 || !changes || changes->size() > count;
  sequence_ = cluster.sequence();
  maybe_.resize((count + 63) / 64);
  if (all) {
    verdicts_.assign(count, kUnknown);
    std::fill(maybe_.begin(), maybe_.end(), ~std::uint64_t{0});
    return;
  }
  verdicts_.resize(count, kUnknown);
  for (const NodeId node : *changes) {
    const auto index = static_cast<std::size_t>(node);
    if (index >= count) continue;
    verdicts_[index] = kUnknown;
    maybe_[index / 64] |= std::uint64_t{1} << (index % 64);
  }
}

NodeId NodeFit::next(const Cluster& cluster, NodeId from, NodeId to, const state::NodeSet* among) {
  auto index = static_cast<std::size_t>(from);
  const auto end = static_cast<std::size_t>(std::min(to, cluster.end()));
  while (index < end) {
    const std::uint64_t asked = among == nullptr ? ~std::uint64_t{0} : among->word(index / 64);
    const std::uint64_t word = (maybe_[index / 64] & asked) >> (index % 64);
    if (word == 0) {
      index = (index / 64 + 1) * 64;
      continue;
    }
    index += static_cast<std::size_t>(std::countr_zero(word));
    if (index >= end) break;
    const auto node = static_cast<NodeId>(index);
    if (cluster.exists(node) && fits(cluster, node)) return node;
    maybe_[index / 64] &= ~(std::uint64_t{1} << (index % 64));
    ++index;
  }
  return state::kNoNode;
}

// Bit 0: too many pods; bit i + 1: not enough of the i-th request.
std::uint64_t NodeFit::lacking(const Cluster& cluster, NodeId node) const {
  const state::NodeState& state = cluster.node(node);
  const std::int64_t* offered = cluster.allocatable(node);
  const std::int64_t* taken = cluster.requested(node);
  std::uint64_t lacking = static_cast<std::int64_t>(state.pods.size()) + 1 > state.allowed_pods;
  for (std::size_t i = 0; i < spec_.requests.size(); ++i) {
    const auto [resource, amount] = spec_.requests[i];
    const bool scalar = resource >= state::kFirstScalar;
    if ((scalar || amount > 0) && amount > offered[resource] - taken[resource])
      lacking |= std::uint64_t{2} << std::min<std::size_t>(i, 58);
  }
  return lacking;
}

std::uint64_t NodeFit::judge(const Cluster& cluster, NodeId node) const {
  const NodeRules::Verdict& rules = rules_->at(cluster, node);
  if (rules.cordoned) return pack(Cordoned);
  if (!rules.taints_tolerated) return pack(Taint, static_cast<std::uint64_t>(rules.taint));
  if (!rules.affinity_matches) return pack(Affinity);
  const state::NodeState& state = cluster.node(node);
  for (const state::HostPort& wanted : spec_.ports)
    for (const state::HostPort& taken : state.ports)
      if (state::ports_conflict(taken, wanted)) return pack(Ports);
  const std::uint64_t lack = lacking(cluster, node);
  return lack == 0 ? kFits : pack(Resources, lack);
}

bool NodeFit::tells_all(std::uint64_t verdict) {
  return verdict != kFits && kind_of(verdict) != Taint;
}

Status NodeFit::status(const Cluster& cluster, NodeId node) {
  const std::uint64_t code = verdict(cluster, node);
  const std::uint64_t detail = code >> kKindBits;
  switch (kind_of(code)) {
    case Cordoned:
      return {
          Code::UnschedulableAndUnresolvable, kNodeUnschedulable, {"node(s) were unschedulable"}};
    case Taint: {
      const model::Taint& taint = cluster.node(node).object->spec.taints[detail];
      return {Code::UnschedulableAndUnresolvable,
              kTaintToleration,
              {fmt::format("node(s) had untolerated taint {{{}: {}}}", taint.key, taint.value)}};
    }
    case Affinity:
      return {Code::UnschedulableAndUnresolvable,
              kNodeAffinity,
              {"node(s) didn't match Pod's node affinity/selector"}};
    case Ports:
      return {Code::Unschedulable,
              kNodePorts,
              {"node(s) didn't have free ports for the requested pod ports"}};
    case Resources: {
      Status status{Code::Unschedulable, kNodeResourcesFit, {}};
      if (detail & 1) status.reasons.emplace_back("Too many pods");
      for (std::size_t i = 0; i < spec_.requests.size(); ++i)
        if (detail >> (i + 1) & 1)
          status.reasons.push_back("Insufficient " +
                                   cluster.resources().name(spec_.requests[i].resource));
      return status;
    }
    case Fits:
      break;
  }
  return {};
}

}  // namespace gputide::scheduling
