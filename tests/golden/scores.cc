#include "decide/scheduling/ranking.h"
#include "tests/golden/golden.h"
#include "tests/golden/scheduling.h"

namespace gputide::golden {
namespace {

using scheduling::PluginScores;

Value fit_gpu5(const model::Pod& pod, state::Cluster& cluster, state::NodeId node) {
  static const std::pair<std::string, std::int64_t> kWeights[] = {
      {"cpu", 1}, {"memory", 1}, {"nvidia.com/gpu", 5}};
  static const scheduling::ShapePoint kShape[] = {{0, 0}, {50, 80}, {100, 100}};
  const auto resources = scheduling::weigh(*pod.spec, kWeights, cluster);
  return Value::Map{{"mostAllocated", scheduling::most_allocated(resources, cluster, node), {}},
                    {"leastAllocated", scheduling::least_allocated(resources, cluster, node), {}},
                    {"requestedToCapacityRatio",
                     scheduling::requested_to_capacity_ratio(resources, kShape, cluster, node),
                     {}}};
}

Value scores_answer(const Value& golden_case) {
  state::Cluster cluster;
  fill(golden_case, cluster);
  scheduling::Filters filters(cluster);
  scheduling::Ranking ranking(filters);
  const auto pod = read<model::Pod>(without_type(need(golden_case, "pod")));
  std::vector<state::NodeId> feasible;
  std::vector<std::string> names;
  scheduling::Demand& demand = filters.demand(pod);
  for (state::NodeId id = 0; id < cluster.end(); ++id)
    if (scheduling::check(demand, pod, cluster, id).ok()) {
      feasible.push_back(id);
      names.push_back(cluster.node(id).object->metadata.name);
    }
  Value out = Value::Map{{"feasible", sorted_list(names), {}}};
  const auto error = ranking.error(pod);
  if (!error.empty()) {
    out.set("preScoreError",
            Value::Map{{"code", "Error", {}}, {"message", error, {}}, {"plugin", "", {}}});
    return out;
  }
  std::vector<std::string> skipped{"VolumeBinding"};
  std::vector<Value> raw(feasible.size(), Value::Map{});
  std::vector<Value> normalized(feasible.size(), Value::Map{});
  std::vector<std::int64_t> totals(feasible.size());
  for (const PluginScores& scores : ranking.score(pod, feasible)) {
    if (scores.skipped) {
      skipped.emplace_back(scores.plugin);
      continue;
    }
    for (std::size_t i = 0; i < feasible.size(); ++i) {
      raw[i].set(scores.plugin, scores.raw[i]);
      normalized[i].set(scores.plugin, scores.normalized[i]);
      totals[i] += scores.normalized[i] * scores.weight;
    }
  }
  Value::Map nodes;
  for (std::size_t i = 0; i < feasible.size(); ++i)
    nodes.push_back({names[i],
                     Value::Map{{"raw", raw[i], {}},
                                {"normalized", normalized[i], {}},
                                {"total", totals[i], {}},
                                {"fitGpu5", fit_gpu5(pod, cluster, feasible[i]), {}}},
                     {}});
  out.set("nodes", nodes);
  out.set("skipped", sorted_list(skipped));
  return out;
}

void check_scores(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases)
    report.compare(id_of(each), scores_answer(each), need(each, "expect"));
}

const Register kScores("scores", check_scores);

}  // namespace
}  // namespace gputide::golden
