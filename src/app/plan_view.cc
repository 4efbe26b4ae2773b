#include "app/plan_view.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "app/reservation_use.h"
#include "app/table.h"
#include "base/text.h"
#include "decide/sharing/offer.h"
#include "model/labels.h"
#include "model/pod_requests.h"

namespace gputide::app {
namespace {

using model::Value;
using provisioning::PlannedMachine;
using provisioning::ProvisionPlan;
using provisioning::ProvisionProblem;

struct Gpus {
  std::int64_t used = 0;
  std::int64_t offered = 0;
};

Gpus gpus_on(const ProvisionProblem& problem, const PlannedMachine& machine) {
  Gpus gpus;
  for (std::size_t p = 0; p < problem.pools.size(); ++p)
    for (const std::uint32_t t : problem.pool_types[p])
      if (problem.pools[p].metadata.name == machine.pool && problem.types[t].name == machine.type)
        gpus.offered = gpus_of(problem.types[t].allocatable);
  for (const std::uint32_t pod : machine.pods)
    gpus.used += gpus_of(model::pod_requests(*problem.pods[pod]));
  return gpus;
}

// "vector-add ×4, web".
std::string pods_text(const Demand& demand, const PlannedMachine& machine) {
  std::map<std::string, int> count;
  for (const std::uint32_t pod : machine.pods) ++count[demand.owners[pod]];
  std::vector<std::string> parts;
  for (const auto& [owner, n] : count)
    parts.push_back(n == 1 ? owner : fmt::format("{} ×{}", owner, n));
  return join(parts, ", ");
}

Value pods_json(const Demand& demand, const PlannedMachine& machine) {
  Value::List pods;
  for (const std::uint32_t pod : machine.pods) {
    const model::ObjectMeta& meta = demand.problem.pods[pod]->metadata;
    pods.push_back(Value(meta.namespace_ + "/" + meta.name));
  }
  return Value(std::move(pods));
}

Value machine_json(const Demand& demand, const PlannedMachine& machine) {
  Value node{Value::Map{}};
  node.set("nodePool", machine.pool);
  node.set("instanceType", machine.type);
  node.set("zone", machine.zone);
  node.set("capacityType", machine.capacity_type);
  if (!machine.reservation_id.empty()) node.set("capacityReservation", machine.reservation_id);
  node.set("price_usd_per_hour", machine.price.to_dollars());
  const Gpus gpus = gpus_on(demand.problem, machine);
  node.set("gpus_offered", gpus.offered);
  node.set("gpus_used", gpus.used);
  node.set("pods", pods_json(demand, machine));
  return node;
}

bool is_bought(const PlannedMachine& machine) {
  return machine.existing.empty() && !machine.pods.empty();
}

bool takes_pods(const PlannedMachine& machine) {
  return !machine.existing.empty() && !machine.pods.empty();
}

// The value of a label of a node that is there; "-" without it.
std::string label_of(const ProvisionProblem& problem, const PlannedMachine& machine,
                     std::string_view label) {
  for (const provisioning::ProvisionNode& node : problem.nodes)
    if (node.name == machine.existing)
      if (const auto at = node.labels.find(std::string(label)); at != node.labels.end())
        return at->second;
  return "-";
}

using labels::kInstanceType;
using labels::kZone;

struct Split {
  std::size_t pool = 0;
  std::int64_t on_demand = 0, spot = 0;
};

// Of the node groups that buy in two markets, those that the plan buys of.
std::vector<Split> splits_of(const Demand& demand, const ProvisionPlan& plan) {
  std::vector<Split> out;
  for (std::size_t pool = 0; pool < demand.splits.size(); ++pool) {
    if (!demand.splits[pool]) continue;
    Split split{pool};
    for (const PlannedMachine& machine : plan.machines)
      if (is_bought(machine) && machine.pool == demand.problem.pools[pool].metadata.name)
        ++(machine.capacity_type == "spot" ? split.spot : split.on_demand);
    if (split.spot + split.on_demand > 0) out.push_back(split);
  }
  return out;
}

std::string counted(std::int64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

bool buys(const ProvisionPlan& plan) {
  return std::any_of(plan.machines.begin(), plan.machines.end(), is_bought);
}

std::int64_t gpus_of(const model::ResourceList& list) {
  std::int64_t sum = 0;
  for (const auto& [name, amount] : list)
    if (name.starts_with("nvidia.com/") || name.ends_with("/gpu") || name == sharing::kAwsVgpu)
      sum += amount.value();
  return sum;
}

void print_machines(const Demand& demand, const ProvisionPlan& plan) {
  if (!buys(plan)) return fmt::print("nothing is bought\n");
  std::map<Row, int> rows;  // equal machines are one row
  for (const PlannedMachine& machine : plan.machines) {
    if (!is_bought(machine)) continue;
    const Gpus gpus = gpus_on(demand.problem, machine);
    ++rows[{machine.pool, machine.type, machine.zone,
            market_text(machine.capacity_type, machine.reservation_id),
            gpus.offered == 0 ? "-" : fmt::format("{}/{}", gpus.used, gpus.offered),
            machine.reservation_id.empty() ? "$" + machine.price.text(4) : "paid",
            pods_text(demand, machine)}];
  }
  std::vector<Row> table{
      {"NODES", "POOL", "TYPE", "ZONE", "CAPACITY", "GPUS", "$/H EACH", "PODS ON EACH"}};
  for (const auto& [row, count] : rows) {
    Row line{std::to_string(count)};
    line.insert(line.end(), row.begin(), row.end());
    table.push_back(std::move(line));
  }
  print_table(table);
}

void print_existing(const Demand& demand, const ProvisionPlan& plan) {
  const std::int64_t there = std::ssize(demand.problem.nodes);
  if (demand.leaving > 0)
    fmt::print("{} that {} there {} going: no pods go there, and {} from there {} placed anew\n",
               counted(demand.leaving, "node"), demand.leaving == 1 ? "is" : "are",
               demand.leaving == 1 ? "is" : "are", counted(demand.moved, "pod"),
               demand.moved == 1 ? "is" : "are");
  if (there == 0) return;
  std::vector<Row> table{{"EXISTING NODE", "TYPE", "ZONE", "PODS THAT GO THERE"}};
  std::int64_t pods = 0;
  for (const PlannedMachine& machine : plan.machines) {
    if (!takes_pods(machine)) continue;
    pods += std::ssize(machine.pods);
    table.push_back({machine.existing, label_of(demand.problem, machine, kInstanceType),
                     label_of(demand.problem, machine, kZone), pods_text(demand, machine)});
  }
  const std::string nodes = there == 1 ? "the node" : fmt::format("the {} nodes", there);
  if (pods == 0)
    return fmt::print("no pod goes on {} that {} there\n\n", nodes, there == 1 ? "is" : "are");
  fmt::print("{} of {} go{} on nodes that are there, which costs nothing more: {} of {}\n", pods,
             counted(std::ssize(demand.problem.pods), "pod"), pods == 1 ? "es" : "",
             table.size() - 1, there);
  print_table(table);
  fmt::print("\n");
}

// Pods of one workload with one reason share a line.
void print_unplaced(const Demand& demand, const ProvisionPlan& plan) {
  std::map<std::pair<std::string, std::string>, std::size_t> alike;
  for (const auto& [pod, why] : plan.unplaced) ++alike[{demand.owners[pod], why}];
  for (const auto& [pod, why] : plan.unplaced) {
    std::size_t& count = alike[{demand.owners[pod], why}];
    if (count == 0) continue;
    const model::ObjectMeta& meta = demand.problem.pods[pod]->metadata;
    const std::string rest =
        count == 1 ? " finds"
                   : fmt::format(" and {} more of {} find", count - 1, demand.owners[pod]);
    fmt::print("pod {}/{}{} no node: {}\n", meta.namespace_, meta.name, rest, why);
    count = 0;
  }
}

Value machines_json(const Demand& demand, const ProvisionPlan& plan) {
  Value::List nodes;
  for (const PlannedMachine& machine : plan.machines)
    if (is_bought(machine)) nodes.push_back(machine_json(demand, machine));
  return Value(std::move(nodes));
}

Value existing_json(const Demand& demand, const ProvisionPlan& plan) {
  Value::List nodes;
  for (const PlannedMachine& machine : plan.machines) {
    if (!takes_pods(machine)) continue;
    Value node{Value::Map{}};
    node.set("name", machine.existing);
    node.set("instanceType", label_of(demand.problem, machine, kInstanceType));
    node.set("zone", label_of(demand.problem, machine, kZone));
    node.set("pods", pods_json(demand, machine));
    nodes.push_back(std::move(node));
  }
  return Value(std::move(nodes));
}

void print_splits(const Demand& demand, const ProvisionPlan& plan) {
  for (const Split& split : splits_of(demand, plan)) {
    const auto& policy = *demand.splits[split.pool];
    const std::int64_t has = demand.problem.node_groups[split.pool]->nodes;
    fmt::print(
        "node group {}: {} on demand, {} spot, as onDemandBaseCapacity {} and "
        "onDemandPercentageAboveBaseCapacity {} ask{}\n",
        demand.problem.pools[split.pool].metadata.name, split.on_demand, split.spot,
        policy.on_demand_base_capacity, policy.on_demand_percentage_above_base,
        has == 0 ? "" : fmt::format(" beside the {} that it has", has));
  }
}

Value splits_json(const Demand& demand, const ProvisionPlan& plan) {
  Value::List list;
  for (const Split& split : splits_of(demand, plan)) {
    Value each{Value::Map{}};
    each.set("nodeGroup", demand.problem.pools[split.pool].metadata.name);
    each.set("on_demand", split.on_demand);
    each.set("spot", split.spot);
    list.push_back(std::move(each));
  }
  return Value(std::move(list));
}

Value unplaced_json(const Demand& demand, const ProvisionPlan& plan) {
  Value::List unplaced;
  for (const auto& [pod, why] : plan.unplaced) {
    const model::ObjectMeta& meta = demand.problem.pods[pod]->metadata;
    Value each{Value::Map{}};
    each.set("pod", meta.namespace_ + "/" + meta.name);
    each.set("reason", why);
    unplaced.push_back(std::move(each));
  }
  return Value(std::move(unplaced));
}

}  // namespace gputide::app
