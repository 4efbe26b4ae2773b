// gputide explain pod: why does it wait, and what would help?
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/live_objects.h"
#include "app/plan_demand.h"
#include "app/simulation.h"
#include "codec/json.h"
#include "model/conditions.h"
#include "model/labels.h"
#include "model/pod_defaults.h"
#include "report/style.h"
#include "sim/programs.h"

namespace gputide::app {
namespace {

using model::Value;
using provisioning::ProvisionPlan;
using provisioning::ProvisionProblem;
using PodRef = std::shared_ptr<const model::Pod>;
using NodeRef = std::shared_ptr<const model::Node>;

/// What one pool says of the pod.
struct Verdict {
  std::string pool;
  bool is_group = false;
  std::string takes;  // what would be bought for it; "" = it does not take the pod
  std::string why;    // else: what keeps it off, and what would help
};

struct Story {
  std::string name;
  std::string where;      // "" = it waits
  std::string scheduler;  // what the scheduler says of the nodes that there are
  std::vector<Verdict> pools;
  std::vector<std::string> missing;  // programs that would have to run
  std::size_t like_it = 0;           // more pods of the workload that wait for the same reason
};

std::string full_name(const model::Pod& pod) {
  return pod.metadata.namespace_ + "/" + pod.metadata.name;
}

// "train" and "job/train" are the workload of train-7f9c4-x2x and of train-0.
bool is_of(std::string_view namespace_, std::string_view pod, const ExplainOptions& options) {
  const std::string_view name =
      std::string_view(options.name).substr(options.name.rfind('/') + 1);  // npos + 1 = 0
  return namespace_ == options.namespace_ && pod.starts_with(name) &&
         (pod.size() == name.size() || pod[name.size()] == '-');
}

/// From when to when pods of that name were there, for the question about a moment without any.
class Lifetimes final : public port::Recorder {
 public:
  explicit Lifetimes(const ExplainOptions& options) : options_(options) {}
  void record(const port::Record& record) override {
    if (!start_) start_ = record.at;
    constexpr std::string_view kPod = "pod ";
    if (!record.subject.starts_with(kPod)) return;
    const std::string_view name = record.subject.substr(kPod.size());
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos ||
        !is_of(name.substr(0, slash), name.substr(slash + 1), options_))
      return;
    if (!first_) first_ = record.at;
    last_ = record.at;
  }
  /// "; pods of it were there from 5m0s to 1h0m2s", or what else helps.
  std::string text() const {
    if (!first_) return "; look at its name and namespace (-n)";
    return fmt::format("; pods of it were there from {} to {}: name a moment with --at",
                       report::span_text(*first_ - *start_), report::span_text(last_ - *start_));
  }

 private:
  const ExplainOptions& options_;
  std::optional<Instant> start_, first_;
  Instant last_;
};

// Its last sentence, which is about preemption, says the same of every pod without priority.
std::string scheduler_says(const model::Pod& pod) {
  const model::PodCondition* said = find_condition(pod, "PodScheduled");
  if (said != nullptr && said->status == "False")
    return said->message.substr(0, said->message.find(" preemption: "));
  return pod.spec->schedulingGates.empty() ? "it was not looked at yet"
                                           : "its scheduling gates hold it back";
}

// Which kinds of programs run in the cluster.
std::set<sim::ProgramKind> running_programs(const std::vector<model::Typed>& objects) {
  std::set<sim::ProgramKind> kinds;
  for (const model::Typed& object : objects)
    if (const auto* pod = std::get_if<PodRef>(&object); pod && (*pod)->status.phase == "Running")
      if (const auto program = sim::program_of(*(*pod)->spec)) kinds.insert(program->kind);
  return kinds;
}

// The machines of each pool count against its limits, and take no more pods: what they have free,
// the scheduler has told.
std::vector<provisioning::ProvisionNode> nodes_of(const std::vector<model::Typed>& objects) {
  std::vector<provisioning::ProvisionNode> nodes;
  for (const model::Typed& object : objects) {
    const auto* node = std::get_if<NodeRef>(&object);
    if (node == nullptr) continue;
    provisioning::ProvisionNode& made = nodes.emplace_back();
    made.name = (*node)->metadata.name;
    made.labels = (*node)->metadata.labels;
    made.capacity = (*node)->status.capacity;
  }
  return nodes;
}

std::int64_t nodes_of_group(const std::string& group,
                            const std::vector<provisioning::ProvisionNode>& nodes) {
  return std::count_if(nodes.begin(), nodes.end(),
                       [&](const auto& node) { return node_group_of(node.labels) == group; });
}

bool is_group(const ProvisionProblem& problem, std::size_t pool) {
  return provisioning::node_group(problem, pool) != nullptr;
}

// The reservation of a node: that of its label, or the one that its group targets; "" = none.
std::string reservation_of(const provisioning::ProvisionNode& node,
                           const ProvisionProblem& problem) {
  const auto label = node.labels.find(std::string(labels::kReservationId));
  if (label != node.labels.end()) return label->second;
  for (std::size_t p = 0; p < problem.pools.size(); ++p)
    if (is_group(problem, p) && problem.pools[p].metadata.name == node_group_of(node.labels))
      for (const std::uint32_t t : problem.pool_types[p])
        for (const auto& offering : problem.types[t].offerings)
          if (!offering.reservation_id.empty()) return offering.reservation_id;
  return {};
}

// Leaves of a Scenario's reservations what is free after so much time, beside the problem's nodes.
void take_slots(const model::Scenario* scenario, Duration now, ProvisionProblem& problem) {
  std::map<std::string, std::int64_t> used;
  for (const provisioning::ProvisionNode& node : problem.nodes)
    ++used[reservation_of(node, problem)];
  if (scenario != nullptr)
    for (const model::ScenarioReservation& each : scenario->capacityReservations)
      if (now < each.start || (each.end && now >= *each.end)) used[each.id] = each.count;
  for (provisioning::ProviderType& type : problem.types)
    for (auto& offering : type.offerings)
      if (!offering.reservation_id.empty())
        offering.reservation_capacity = std::max<std::int64_t>(
            offering.reservation_capacity - used[offering.reservation_id], 0);
}

Verdict ask(const ProvisionProblem& all, std::size_t pool, const PodRef& pod) {
  ProvisionProblem only = all;
  only.pools = {all.pools[pool]};
  only.pool_types = {all.pool_types[pool]};
  only.node_groups.clear();
  if (is_group(all, pool)) only.node_groups = {all.node_groups[pool]};
  auto waiting = std::make_shared<model::Pod>(*pod);
  model::default_requests(waiting->spec.edit());
  only.pods = {std::move(waiting)};
  const ProvisionPlan plan = provisioning::provision(only);
  Verdict verdict{all.pools[pool].metadata.name, is_group(all, pool), {}, {}};
  if (plan.unplaced.empty()) {
    const auto& machine = plan.machines.front();
    const std::string price =
        machine.reservation_id.empty()
            ? fmt::format("at ${} an hour", machine.price.text(4))
            : fmt::format("of {}, which is paid for already", machine.reservation_id);
    verdict.takes =
        fmt::format("{} ({}, {}) {}", machine.type, machine.capacity_type, machine.zone, price);
  } else {
    verdict.why = plan.unplaced.front().second;
  }
  return verdict;
}

std::vector<std::string> missing_programs(const ProvisionProblem& problem,
                                          const std::set<sim::ProgramKind>& running) {
  using sim::ProgramKind;
  bool pools = false, groups = false;
  for (std::size_t p = 0; p < problem.pools.size(); ++p)
    (is_group(problem, p) ? groups : pools) = true;
  std::vector<std::string> missing;
  if (groups && !running.contains(ProgramKind::ClusterAutoscaler) &&
      !running.contains(ProgramKind::GputideAutoscaler))
    missing.push_back("no autoscaler runs: node groups keep their size");
  if (pools && !running.contains(ProgramKind::GputideProvisioner))
    missing.push_back("no provisioner runs: NodePools buy nothing");
  return missing;
}

std::vector<Story> stories_of(const ExplainOptions& options, const Demand& demand,
                              const model::Scenario* scenario, const Run& done) {
  const std::vector<model::Typed>& objects = done.objects;
  ProvisionProblem problem = demand.problem;
  problem.pods.clear();
  problem.bound.clear();
  problem.nodes = nodes_of(objects);
  take_slots(scenario, done.result.virtual_time, problem);
  for (std::size_t p = 0; p < problem.node_groups.size(); ++p)
    if (problem.node_groups[p])
      problem.node_groups[p]->nodes = nodes_of_group(problem.pools[p].metadata.name, problem.nodes);
  const std::vector<std::string> missing = missing_programs(problem, running_programs(objects));
  std::vector<Story> stories;
  std::map<std::pair<const void*, std::string>, std::size_t> known;  // template, sentence
  for (const model::Typed& object : objects) {
    const auto* held = std::get_if<PodRef>(&object);
    if (held == nullptr || !is_of((*held)->metadata.namespace_, (*held)->metadata.name, options))
      continue;
    const model::Pod& pod = **held;
    Story story{full_name(pod), {}, {}, {}, {}, 0};
    if (!pod.spec->nodeName.empty()) {
      story.where = fmt::format("{} on {}", pod.status.phase.empty() ? "Pending" : pod.status.phase,
                                pod.spec->nodeName);
      stories.push_back(std::move(story));
      continue;
    }
    story.scheduler = scheduler_says(pod);
    const auto [same, fresh] =
        known.try_emplace({pod.spec.identity(), story.scheduler}, stories.size());
    if (!fresh) {
      ++stories[same->second].like_it;
      continue;
    }
    for (std::size_t p = 0; p < problem.pools.size(); ++p)
      story.pools.push_back(ask(problem, p, *held));
    story.missing = missing;
    stories.push_back(std::move(story));
  }
  return stories;
}

void print(const Story& story) {
  if (!story.where.empty()) {
    fmt::print("pod {}: {}\n", story.name, story.where);
    return;
  }
  const std::string more =
      story.like_it == 0 ? "" : fmt::format(", and {} more like it", story.like_it);
  fmt::print("pod {} waits{}\n", story.name, more);
  fmt::print("  nodes that are there: {}\n", story.scheduler);
  for (const Verdict& verdict : story.pools) {
    const char* kind = verdict.is_group ? "node group" : "NodePool";
    if (verdict.takes.empty())
      fmt::print("  {} {}: {}\n", kind, verdict.pool, verdict.why);
    else
      fmt::print("  {} {} could take it: {}\n", kind, verdict.pool, verdict.takes);
  }
  for (const std::string& each : story.missing) fmt::print("  {}\n", each);
}

Value json_of(const Story& story) {
  Value pod{Value::Map{}};
  pod.set("pod", story.name);
  pod.set("waits", story.where.empty());
  if (!story.where.empty()) {
    pod.set("where", story.where);
    return pod;
  }
  pod.set("likeIt", static_cast<std::int64_t>(story.like_it));
  pod.set("scheduler", story.scheduler);
  Value::List pools;
  for (const Verdict& verdict : story.pools) {
    Value each{Value::Map{}};
    each.set("kind", verdict.is_group ? "NodeGroup" : "NodePool");
    each.set("name", verdict.pool);
    each.set("takes", !verdict.takes.empty());
    each.set(verdict.takes.empty() ? "reason" : "node",
             verdict.takes.empty() ? verdict.why : verdict.takes);
    pools.push_back(std::move(each));
  }
  pod.set("pools", Value(std::move(pools)));
  Value::List missing;
  for (const std::string& each : story.missing) missing.push_back(Value(each));
  pod.set("missing", Value(std::move(missing)));
  return pod;
}

Result<std::vector<Story>> explained(const ExplainOptions& options, const Setup& setup,
                                     Lifetimes& lifetimes) {
  Result<Demand> demand = read_demand({}, setup.checked);
  if (!demand) return tl::unexpected(demand.error());
  Result<Run> done = run(setup, setup.seed, &lifetimes);
  if (!done) return tl::unexpected(done.error());
  return stories_of(options, *demand, setup.scenario, *done);
}

}  // namespace

int explain(const ExplainOptions& options) {
  if (options.input.paths.empty()) {
    fmt::print(stderr,
               "gputide explain: no files are named; write gputide explain pod NAME -f "
               "FILE ...\n");
    return kBadInput;
  }
  SimulateOptions simulate_options;
  simulate_options.input = options.input;
  simulate_options.until = options.at;
  simulate_options.until_flag = "--at";
  simulate_options.seed = options.seed;
  simulate_options.market = options.market;
  Diagnostics diagnostics;
  const Setup setup = prepare(simulate_options, diagnostics);
  if (refuse(diagnostics, setup.checked.input, options.output)) return kBadInput;
  Lifetimes lifetimes(options);
  const auto stories = explained(options, setup, lifetimes);
  if (!stories) {
    fmt::print(stderr, "gputide explain: {}\n", stories.error().message);
    return kBadInput;
  }
  if (stories->empty()) {
    fmt::print(stderr, "gputide explain: no pod {} is there {}, and no workload's pods{}\n",
               options.namespace_ + "/" + options.name,
               options.at ? "then" : "at the end of the run", lifetimes.text());
    return kFailed;
  }
  if (options.output == Output::Json) {
    Value::List pods;
    for (const Story& story : *stories) pods.push_back(json_of(story));
    Value report{Value::Map{}};
    report.set("pods", Value(std::move(pods)));
    fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
  } else {
    for (const Story& story : *stories) print(story);
  }
  return kDone;
}

}  // namespace gputide::app
