// ./dev bench scaling: one loop of the autoscaler on Cluster Autoscaler's own benchmark workloads,
// beside what its loop took. Writes build/bench/scaling.csv.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "decide/scaling/estimator.h"
#include "decide/scaling/loop.h"
#include "processor_time.h"

namespace gputide::scaling {
namespace {

constexpr Instant kNow = Instant::from_seconds(1'767'225'600);
constexpr const char* kSource = "Cluster Autoscaler 1.31.5 RunOnce; 2 vCPU";
constexpr int kRuns = 3;

model::Node node(std::string name, std::int64_t milli_cpu, std::int64_t memory, std::int64_t pods) {
  model::Node node;
  node.metadata.name = std::move(name);
  node.metadata.labels["kubernetes.io/hostname"] = node.metadata.name;
  node.metadata.creationTimestamp = kNow - Duration::hours(2);
  node.status.allocatable = {{"cpu", Quantity::from_milli(milli_cpu)},
                             {"memory", Quantity::from_value(memory)},
                             {"pods", Quantity::from_value(pods)}};
  node.status.capacity = node.status.allocatable;
  model::NodeCondition ready;
  ready.type = "Ready";
  ready.status = "True";
  ready.lastTransitionTime = kNow - Duration::hours(1);
  node.status.conditions = {ready};
  return node;
}

model::Shared<model::PodSpec> asking(std::int64_t milli_cpu, std::int64_t memory) {
  model::Container container;
  container.name = "main";
  container.resources.requests = {{"cpu", Quantity::from_milli(milli_cpu)},
                                  {"memory", Quantity::from_value(memory)}};
  model::PodSpec spec;
  spec.containers = {container};
  return model::Shared<model::PodSpec>(std::move(spec));
}

enum class Owner { Nobody, ReplicaSet };

PodRef pod(std::string name, const model::Shared<model::PodSpec>& spec, Owner owner) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = std::move(name);
  pod->metadata.uid = pod->metadata.name;
  pod->metadata.namespace_ = "default";
  pod->metadata.creationTimestamp = kNow - Duration::hours(1);
  if (owner == Owner::ReplicaSet)
    pod->metadata.ownerReferences = {{"apps/v1", "ReplicaSet", "set", "set-uid", true, true}};
  pod->spec = spec;
  return pod;
}

std::vector<PodRef> pods(const std::string& prefix, std::int64_t count,
                         const model::Shared<model::PodSpec>& spec, Owner owner) {
  std::vector<PodRef> list;
  for (std::int64_t i = 0; i < count; ++i)
    list.push_back(pod(fmt::format("{}-{}", prefix, i), spec, owner));
  return list;
}

// One group of nodes, each with `on_node` pods of a ReplicaSet.
Observation cluster(std::int64_t nodes, const model::Node& kind, std::int64_t on_node,
                    const model::Shared<model::PodSpec>& spec) {
  GroupView group;
  group.id = "group";
  group.max_size = 10'000;
  group.target_size = nodes;
  auto promised = std::make_shared<NodeTemplate>();
  promised->node = kind;
  group.provider_template = promised;
  Observation seen;
  seen.version = 1;
  seen.groups = {group};
  for (std::int64_t i = 0; i < nodes; ++i) {
    auto view = std::make_shared<NodeView>();
    model::Node own = kind;
    own.metadata.name = own.metadata.labels["kubernetes.io/hostname"] = fmt::format("node-{}", i);
    view->node = std::make_shared<const model::Node>(std::move(own));
    view->group = 0;
    view->pods = pods(fmt::format("pod-{}", i), on_node, spec, Owner::ReplicaSet);
    seen.nodes.push_back(std::move(view));
  }
  return seen;
}

Options upstream() {
  return default_options(Compat::Upstream, Release::V1_36);
}

struct Answer {
  double ms = 0;
  std::int64_t nodes = 0;
};

Answer scale_up(std::int64_t count, Owner owner) {
  Observation seen = cluster(1, node("kind", 10'000, 10'000, 50), 50, asking(200, 200));
  seen.pending = pods("pending", count, asking(200, 200), owner);
  Options options = upstream();
  options.max_nodes_per_scaleup = 10'000;
  LoopState state(options);
  Answer answer;
  answer.ms = milliseconds([&] {
    const Plan plan = decide(seen, {}, state, kNow, nullptr);
    for (const SetSize& size : plan.resize) answer.nodes += size.to - size.from;
  });
  return answer;
}

Answer estimator(std::int64_t small) {
  std::vector<PodRef> all = pods("small", small, asking(50, 100), Owner::Nobody);
  for (PodRef& big : pods("big", small / 50, asking(95, 190), Owner::Nobody))
    all.push_back(std::move(big));
  const NodeTemplate kind{node("kind", 1000, 5000, 100), {}};
  PodShapes shapes;
  Simulation simulation;
  Answer answer;
  answer.ms = milliseconds([&] {
    const std::vector<PodGroup> groups = group_pods(all, shapes);
    std::vector<const PodGroup*> in_order;
    for (const PodGroup& group : groups) in_order.push_back(&group);
    answer.nodes =
        estimate(in_order, kind, 3000, Semantics::upstream(Release::V1_36), simulation).nodes;
  });
  return answer;
}

Answer scale_down(std::int64_t nodes) {
  const Observation seen =
      cluster(nodes, node("kind", 10'000, 1'000'000, 110), 40, asking(100, 10'000));
  Options options = upstream();
  options.max_scale_down_parallelism = options.max_drain_parallelism = 2000;
  LoopState state(options);
  Answer answer;
  answer.ms = milliseconds([&] { decide(seen, {}, state, kNow, nullptr); });
  answer.nodes = static_cast<std::int64_t>(state.planner().state().unneeded.size());
  return answer;
}

// Nothing to do; one pod came or went since the loop before.
Answer idle(std::int64_t nodes) {
  const model::Shared<model::PodSpec> spec = asking(300, 30'000);
  Observation seen = cluster(nodes, node("kind", 10'000, 1'000'000, 110), 30, spec);
  LoopState state(upstream());
  Instant now = kNow;
  const auto change = [&](std::size_t at) {
    auto view = std::make_shared<NodeView>(*seen.nodes[at]);
    view->pods.back() = pod(fmt::format("other-{}", now.unix_seconds()), spec, Owner::ReplicaSet);
    seen.nodes[at] = std::move(view);
    ++seen.version;
    now = now + Duration::seconds(10);
  };
  decide(seen, {}, state, now, nullptr);
  constexpr int kLoops = 20;
  Answer answer;
  for (int loop = 0; loop < kLoops; ++loop) {
    change(static_cast<std::size_t>(loop) * 7 % seen.nodes.size());
    answer.ms += milliseconds([&] { decide(seen, {}, state, now, nullptr); }) / kLoops;
  }
  answer.nodes = static_cast<std::int64_t>(state.planner().state().unneeded.size());
  return answer;
}

struct Case {
  std::string name;
  std::function<Answer(std::int64_t)> run;
  std::int64_t size;  // measured at a quarter, a half and the whole of it
  std::int64_t expected_nodes;
  std::string peer;  // milliseconds
};

std::vector<Case> cases() {
  return {
      {"50,000 bare pods", [](auto n) { return scale_up(n, Owner::Nobody); }, 50'000, 1000,
       "14100-17800"},
      {"50,000 pods of a ReplicaSet", [](auto n) { return scale_up(n, Owner::ReplicaSet); }, 50'000,
       1000, "3750-5600"},
      {"estimator, 51,000 pods", estimator, 50'000, 2595, "5700-8800"},
      {"scale-down, 2,000 x 40", scale_down, 2000, 1200, "16200-17700"},
      {"idle loop, 5,000 x 30", idle, 5000, 0, "1900-2400"},
  };
}

Answer best_of(const Case& each, std::int64_t size) {
  Answer best = each.run(size);
  for (int i = 1; i < kRuns; ++i) {
    const Answer again = each.run(size);
    if (again.ms < best.ms) best = again;
  }
  return best;
}

int run(const std::string& only) {
  std::ofstream csv("build/bench/scaling.csv");
  csv << "case,metric,ours,peer,peer_source,bound,unit\n";
  fmt::print("{:30} {:>9} {:>9} {:>9} {:>7} {:>7} {:>15}\n", "case", "1/4 ms", "1/2 ms", "ms",
             "growth", "nodes", "peer ms");
  bool equal = true;
  for (const Case& each : cases()) {
    if (!each.name.starts_with(only)) continue;
    const Answer quarter = best_of(each, each.size / 4);
    const Answer half = best_of(each, each.size / 2);
    const Answer whole = best_of(each, each.size);
    const double growth = std::log(whole.ms / quarter.ms) / std::log(4.0);
    const bool right = whole.nodes == each.expected_nodes;
    equal = equal && right;
    fmt::print("{:30} {:9.2f} {:9.2f} {:9.2f} {:7.2f} {:7} {:>15}{}\n", each.name, quarter.ms,
               half.ms, whole.ms, growth, whole.nodes, each.peer,
               right ? "" : fmt::format("  (expected {} nodes)", each.expected_nodes));
    csv << fmt::format("\"{}\",time,{:.3f},{},{},,ms\n", each.name, whole.ms, each.peer, kSource);
    csv << fmt::format("\"{}\",growth,{:.3f},,,1,exponent\n", each.name, growth);
    csv << fmt::format("\"{}\",nodes,{},{},{},,count\n", each.name, whole.nodes,
                       each.expected_nodes, kSource);
  }
  return equal ? 0 : 1;
}

}  // namespace
}  // namespace gputide::scaling

int main(int count, char** arguments) {
  const bool some = count == 3 && std::string(arguments[1]) == "--only";
  if (count > 1 && !some) {
    fmt::print(stderr, "usage: gputide-bench-scaling [--only CASE]\n");
    return 2;
  }
  return gputide::scaling::run(some ? arguments[2] : "");
}
