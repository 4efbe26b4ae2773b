#include "decide/scaling/estimator.h"

#include <algorithm>
#include <map>

#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

using scaling::PodRef;

std::int64_t room(const Value& group) {
  return std::max<std::int64_t>(need(group, "max").as_int() - need(group, "size").as_int(), 0);
}

scaling::EstimateLimits limits_of(const Value& limits) {
  scaling::EstimateLimits out;
  out.max_nodes_per_scale_up = need(limits, "maxNodesPerScaleUp").as_int();
  out.cluster_max = need(limits, "maxNodesTotal").as_int();
  out.cluster_nodes = need(limits, "currentNodeCount").as_int();
  out.group_room = room(need(limits, "group"));
  for (const Value& similar : need(limits, "similarGroups").as_list())
    out.group_room += room(similar);
  return out;
}

Value indexes(const std::vector<PodRef>& pods, const std::map<PodRef, std::int64_t>& index) {
  std::vector<std::int64_t> sorted;
  for (const PodRef& pod : pods) sorted.push_back(index.at(pod));
  std::sort(sorted.begin(), sorted.end());
  Value::List list;
  for (const std::int64_t i : sorted) list.emplace_back(i);
  return list;
}

struct Estimate {
  Value schedulable;
  Value outcome;
};

Estimate estimator_answer(const Value& input) {
  scaling::Simulation simulation;
  for (const Value& each : need(input, "existing").as_list())
    simulation.add_node(std::make_shared<const model::Node>(read<model::Node>(need(each, "node"))),
                        pod_refs(each.find("pods")));
  const Value& made_of = need(input, "template");
  const scaling::NodeTemplate node{read<model::Node>(need(made_of, "node")),
                                   pod_refs(made_of.find("pods"))};
  const std::vector<PodRef> pods = pod_refs(input.find("pods"));
  std::map<PodRef, std::int64_t> index;
  for (std::size_t i = 0; i < pods.size(); ++i) index[pods[i]] = static_cast<std::int64_t>(i);

  const auto semantics = scaling::Semantics::upstream(scaling::Release::V1_31);
  scaling::PodShapes shapes;
  const std::vector<scaling::PodGroup> groups = scaling::group_pods(pods, shapes);
  const auto verdicts = scaling::try_on_template(groups, node, simulation);
  std::vector<const scaling::PodGroup*> fitting;
  std::vector<PodRef> schedulable;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (verdicts[i]) continue;
    fitting.push_back(&groups[i]);
    schedulable.insert(schedulable.end(), groups[i].pods.begin(), groups[i].pods.end());
  }
  const scaling::Estimate estimate = scaling::estimate(
      fitting, node, scaling::node_limit(limits_of(need(input, "limits"))), semantics, simulation);
  return {indexes(schedulable, index),
          Value::Map{{"nodes", estimate.nodes, {}}, {"pods", indexes(estimate.pods, index), {}}}};
}

// An unstable answer of the original is one of those seen, or at least has their count of nodes.
bool accepted(const Value& outcome, const Value& expected) {
  const auto& seen = need(expected, "outcomes").as_list();
  const bool stable = need(expected, "stable").as_bool();
  return std::any_of(seen.begin(), seen.end(), [&](const Value& one) {
    return one == outcome || (!stable && need(one, "nodes") == need(outcome, "nodes"));
  });
}

void check_estimator(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value& expected = need(each, "expected");
    const Estimate ours = estimator_answer(need(each, "input"));
    const bool equal = ours.schedulable == need(expected, "schedulableOnTemplate") &&
                       accepted(ours.outcome, expected);
    if (equal)
      report.equal();
    else
      report.unequal(id_of(each),
                     codec::write_json(Value::Map{{"schedulableOnTemplate", ours.schedulable, {}},
                                                  {"outcome", ours.outcome, {}}}),
                     codec::write_json(expected));
  }
}

const Register kEstimator("estimator", check_estimator);

}  // namespace
}  // namespace gputide::golden
