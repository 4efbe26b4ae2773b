// gputide plan: what would be bought for these pods now, what it costs, and the least it could
// cost.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/input.h"
#include "app/node_group_pools.h"
#include "app/simulation.h"
#include "base/text.h"
#include "codec/json.h"
#include "decide/provisioning/ec2_types.h"
#include "decide/sharing/device_plugin.h"
#include "model/pod_defaults.h"
#include "model/pod_requests.h"
#include "sim/system_pods.h"

namespace gputide::app {
namespace {

using model::Value;
using provisioning::PlannedMachine;
using provisioning::ProvisionPlan;
using provisioning::ProvisionProblem;

// Pods and where they come from: "vector-add" of Deployment default/vector-add.
struct Demand {
  ProvisionProblem problem;
  std::vector<std::string> owners;  // of each pod: what a row of the table calls them
  std::vector<std::shared_ptr<const model::DaemonSet>> plugins;
  std::map<std::pair<std::string, std::string>, model::ConfigMap> config_maps;
};

void add_pods(const model::ObjectMeta& owner, const model::PodTemplateSpec& pod_template,
              std::int64_t count, Demand& demand) {
  model::Shared<model::PodSpec> spec = pod_template.spec;
  model::default_requests(spec.edit());
  for (std::int64_t i = 0; i < count; ++i) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata = pod_template.metadata;
    pod->metadata.namespace_ = owner.namespace_.empty() ? "default" : owner.namespace_;
    pod->metadata.name = fmt::format("{}-{}", owner.name, i);
    pod->spec = spec;
    demand.problem.pods.push_back(std::move(pod));
    demand.owners.push_back(owner.name);
  }
}

void add_daemon(const model::DaemonSet& daemon, ProvisionProblem& problem) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = daemon.metadata.name;
  pod->metadata.namespace_ = daemon.metadata.namespace_;
  pod->spec = daemon.spec.template_.spec;
  model::default_requests(pod->spec.edit());
  problem.daemons.push_back(std::move(pod));
}

// What EKS runs on every node, unless a file says otherwise.
void add_system_daemons(ProvisionProblem& problem) {
  for (const model::Typed& object : sim::system_objects()) {
    const auto* daemon = std::get_if<std::shared_ptr<const model::DaemonSet>>(&object);
    if (daemon == nullptr) continue;
    const bool given = std::any_of(
        problem.daemons.begin(), problem.daemons.end(),
        [&](const auto& pod) { return pod->metadata.name == (*daemon)->metadata.name; });
    if (!given) add_daemon(**daemon, problem);
  }
}

void add_object(const model::Object& object, Demand& demand) {
  ProvisionProblem& problem = demand.problem;
  if (const auto* pod = object.as<model::Pod>()) {
    auto copy = std::make_shared<model::Pod>(*pod);
    if (copy->metadata.namespace_.empty()) copy->metadata.namespace_ = "default";
    model::default_requests(copy->spec.edit());
    demand.owners.push_back(copy->metadata.name);
    problem.pods.push_back(std::move(copy));
  } else if (const auto* deployment = object.as<model::Deployment>()) {
    add_pods(deployment->metadata, deployment->spec.template_,
             deployment->spec.replicas.value_or(1), demand);
  } else if (const auto* set = object.as<model::ReplicaSet>()) {
    add_pods(set->metadata, set->spec.template_, set->spec.replicas.value_or(1), demand);
  } else if (const auto* stateful = object.as<model::StatefulSet>()) {
    add_pods(stateful->metadata, stateful->spec.template_, stateful->spec.replicas.value_or(1),
             demand);
  } else if (const auto* job = object.as<model::Job>()) {
    if (job->spec.suspend.value_or(false)) return;
    const std::int32_t parallelism = job->spec.parallelism.value_or(1);
    add_pods(job->metadata, job->spec.template_,
             std::min(parallelism, job->spec.completions.value_or(parallelism)), demand);
  } else if (const auto* daemon = object.as<model::DaemonSet>()) {
    if (sharing::plugin_role(*daemon->spec.template_.spec))
      demand.plugins.push_back(std::make_shared<const model::DaemonSet>(*daemon));
    add_daemon(*daemon, problem);
  } else if (const auto* map = object.as<model::ConfigMap>()) {
    demand.config_maps[{map->metadata.namespace_, map->metadata.name}] = *map;
  } else if (const auto* name_space = object.as<model::Namespace>()) {
    problem.namespaces[name_space->metadata.name] = name_space->metadata.labels;
  } else if (const auto* pool = object.as<model::NodePool>()) {
    problem.pools.push_back(*pool);
  } else if (const auto* old = object.as<model::v1beta1::NodePool>()) {
    problem.pools.push_back(model::v1beta1::to_v1(*old, {}, {}));
  }
}

// The region that the NodePools' zones name; "" when they name none.
std::string region_of(const std::vector<model::NodePool>& pools) {
  for (const model::NodePool& pool : pools)
    for (const auto& each : pool.spec.template_.spec.requirements) {
      if (each.operator_ != "In" || each.values.empty()) continue;
      if (each.key == "topology.kubernetes.io/region") return each.values.front();
      if (each.key == "topology.kubernetes.io/zone")
        return std::string(pricing::region_of_zone(each.values.front()));
    }
  return {};
}

// Without --zones: a, b and c of the region, and those that the NodePools ask for by name.
std::vector<std::string> zones_of(const PlanOptions& options, const std::string& region,
                                  const std::vector<model::NodePool>& pools) {
  if (!options.zones.empty()) return options.zones;
  std::set<std::string> zones{region + "a", region + "b", region + "c"};
  for (const model::NodePool& pool : pools)
    for (const auto& each : pool.spec.template_.spec.requirements)
      if (each.key == "topology.kubernetes.io/zone" && each.operator_ == "In")
        for (const std::string& zone : each.values)
          if (pricing::region_of_zone(zone) == region) zones.insert(zone);
  return {zones.begin(), zones.end()};
}

// Whether the plugin's pods come to nodes with these labels. Labels that a type or zone decides are
// taken to be there.
bool comes_to(const model::DaemonSet& plugin, const model::StringMap& labels) {
  const model::StringMap& wanted = plugin.spec.template_.spec->nodeSelector;
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    const auto at = labels.find(each.first);
    if (at != labels.end()) return at->second == each.second;
    return provisioning::ec2_well_known_labels().contains(each.first);
  });
}

// Puts what the plugins among the files will offer on a node of the type in the place of its GPUs.
Result<void> offer_devices(const Demand& demand, const model::StringMap& labels,
                           const model::InstanceType& machine, provisioning::ProviderType& type) {
  for (model::ResourceList* list : {&type.capacity, &type.allocatable})
    list->erase(std::string(sharing::kNvidiaGpu));
  const auto layout = labels.find(std::string(sharing::kMigConfigLabel));
  const sharing::FindConfigMap find = [&](std::string_view space, std::string_view name) {
    const auto at = demand.config_maps.find({std::string(space), std::string(name)});
    return at == demand.config_maps.end() ? nullptr : &at->second;
  };
  for (const auto& plugin : demand.plugins) {
    if (!comes_to(*plugin, labels)) continue;
    const auto about = [&](const Error& error) {
      return fail(fmt::format("device plugin {} on {}: {}", plugin->metadata.name, type.name,
                              error.message));
    };
    const auto resolved = sharing::resolve_plugin(*plugin, find, labels);
    if (!resolved) return about(resolved.error());
    if (!resolved->role.offers_devices) continue;
    const auto offer =
        sharing::offer(machine, resolved->setup, {}, layout == labels.end() ? "" : layout->second);
    if (!offer) return about(offer.error());
    for (const auto& [name, amount] : offer->resource_list())
      type.capacity[name] = type.allocatable[name] = amount;
  }
  return {};
}

// Adds the types of one pool, as their nodes will show them.
Result<void> add_types_of(const model::NodePool& pool, const pricing::Catalogue& catalogue,
                          const std::vector<provisioning::ProviderType>& types, Demand& demand) {
  ProvisionProblem& problem = demand.problem;
  std::vector<std::uint32_t> own;
  for (provisioning::ProviderType type : types) {
    const model::InstanceType& machine = *catalogue.find(type.name);
    if (!demand.plugins.empty() && machine.has_nvidia()) {
      const auto offered =
          offer_devices(demand, pool.spec.template_.metadata.labels, machine, type);
      if (!offered) return offered;
    }
    own.push_back(static_cast<std::uint32_t>(problem.types.size()));
    problem.types.push_back(std::move(type));
  }
  problem.pool_types.push_back(std::move(own));
  return {};
}

// What NodePools may buy: with a device plugin among the files, each has its own types.
Result<void> add_types(const pricing::Catalogue& catalogue, const std::string& region,
                       const std::vector<std::string>& zones, Demand& demand) {
  ProvisionProblem& problem = demand.problem;
  const auto types = provisioning::ec2_types(catalogue, region, zones);
  for (const model::NodePool& pool : problem.pools) {
    if (demand.plugins.empty() && !problem.types.empty()) {
      problem.pool_types.push_back(problem.pool_types.front());
      continue;
    }
    const auto added = add_types_of(pool, catalogue, types, demand);
    if (!added) return added;
  }
  return {};
}

// The node groups, after the NodePools.
Result<void> add_node_groups(const Checked& checked, Demand& demand) {
  Diagnostics told;  // by the checks before
  for (const model::Object* object : checked.input.objects()) {
    if (object->as<model::ClusterConfig>() == nullptr) continue;
    for (NodeGroupPool& group : node_group_pools(*object, checked.catalogue, told)) {
      demand.problem.pools.push_back(std::move(group.pool));
      const auto added =
          add_types_of(demand.problem.pools.back(), checked.catalogue, group.types, demand);
      if (!added) return added;
    }
  }
  return {};
}

std::string cluster_region(const Input& input) {
  for (const model::Object* object : input.objects())
    if (const auto* cluster = object->as<model::ClusterConfig>()) return cluster->metadata.region;
  return {};
}

// The types of the NodePools: in the region that is named, or that the files tell.
Result<void> add_node_pools(const PlanOptions& options, const Checked& checked, Demand& demand) {
  std::string region = options.region;
  if (region.empty()) region = region_of(demand.problem.pools);
  if (region.empty()) region = cluster_region(checked.input);
  if (region.empty())
    return fail("the NodePools name no zone, so the region is not known; name it with --region");
  const auto known = checked.catalogue.regions();
  if (std::find(known.begin(), known.end(), region) == known.end())
    return fail(fmt::format("no prices are known for the region \"{}\"", region));
  return add_types(checked.catalogue, region, zones_of(options, region, demand.problem.pools),
                   demand);
}

// Reads the pods and the pools, or says what is missing.
Result<Demand> demand_of(const PlanOptions& options, const Checked& checked) {
  Demand demand;
  demand.problem.well_known = provisioning::ec2_well_known_labels();
  demand.problem.namespaces["default"] = {};
  for (const model::Object* object : checked.input.objects()) add_object(*object, demand);
  add_system_daemons(demand.problem);
  if (demand.problem.pods.empty())
    return fail(
        "no pods are among the files; give Pods, Deployments, Jobs or StatefulSets with -f");
  if (!demand.problem.pools.empty())
    if (const auto added = add_node_pools(options, checked, demand); !added)
      return tl::unexpected(added.error());
  if (const auto added = add_node_groups(checked, demand); !added)
    return tl::unexpected(added.error());
  if (demand.problem.pools.empty())
    return fail("no NodePool and no node group is among the files; give one with -f");
  return demand;
}

// GPUs, or the parts of them that are offered.
std::int64_t gpus_of(const model::ResourceList& list) {
  std::int64_t sum = 0;
  for (const auto& [name, amount] : list)
    if (name.starts_with("nvidia.com/") || name.ends_with("/gpu") || name == sharing::kAwsVgpu)
      sum += amount.value();
  return sum;
}

// What another choice would have cost.
struct Alternative {
  std::string what;
  Money per_hour;
  std::size_t unplaced = 0;
};

// The problem with the offerings that `keep` wants of (type, offering).
template <class Keep>
Alternative without_others(std::string what, const ProvisionProblem& problem, Keep keep) {
  ProvisionProblem only = problem;
  for (provisioning::ProviderType& type : only.types)
    for (auto& offering : type.offerings)
      offering.available = offering.available && keep(type, offering);
  const ProvisionPlan plan = provisioning::provision(only);
  return {std::move(what), plan.per_hour, plan.unplaced.size()};
}

// The GPUs of types that some pool may buy, by name.
std::set<std::string> gpu_names(const ProvisionProblem& problem,
                                const pricing::Catalogue& catalogue) {
  std::set<std::string> names;
  for (std::size_t p = 0; p < problem.pools.size(); ++p) {
    const auto asked = provisioning::Requirements::from_node_pool(
        problem.pools[p].spec.template_.spec.requirements);
    for (const std::uint32_t t : problem.pool_types[p]) {
      const model::InstanceType& machine = *catalogue.find(problem.types[t].name);
      if (machine.visible_gpus() > 0 && problem.types[t].requirements.intersects(asked))
        names.emplace(machine.gpu_name);
    }
  }
  return names;
}

bool asks_gpus(const ProvisionProblem& problem) {
  return std::any_of(problem.pods.begin(), problem.pods.end(),
                     [](const auto& pod) { return gpus_of(model::pod_requests(*pod)) > 0; });
}

constexpr std::ptrdiff_t kMarkets = 2;
constexpr std::ptrdiff_t kGpusShown = 4;

// The same question with one market, or one kind of GPU, only: of these the four cheapest. Types
// without GPUs stay.
std::vector<Alternative> alternatives(const ProvisionProblem& problem,
                                      const pricing::Catalogue& catalogue) {
  std::vector<Alternative> list;
  for (const char* market : {"spot", "on-demand"})
    list.push_back(without_others(
        fmt::format("{} only", market), problem,
        [&](const auto&, const auto& offering) { return offering.capacity_type == market; }));
  if (!asks_gpus(problem)) return list;
  const std::set<std::string> names = gpu_names(problem, catalogue);
  if (names.size() < 2) return list;
  for (const std::string& name : names)
    list.push_back(without_others(fmt::format("GPU {} only", name), problem,
                                  [&](const auto& type, const auto&) {
                                    const model::InstanceType& machine = *catalogue.find(type.name);
                                    return machine.visible_gpus() == 0 || machine.gpu_name == name;
                                  }));
  std::stable_sort(list.begin() + kMarkets, list.end(), [](const auto& a, const auto& b) {
    return std::pair(a.unplaced, a.per_hour) < std::pair(b.unplaced, b.per_hour);
  });
  if (std::ssize(list) > kMarkets + kGpusShown) list.resize(kMarkets + kGpusShown);
  return list;
}

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

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; the last is not padded.
void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : fmt::format("{:{}}   ", row[i], widths[i]);
    fmt::print("{}\n", line);
  }
}

void print_machines(const Demand& demand, const ProvisionPlan& plan) {
  std::map<Row, int> rows;  // equal machines are one row
  for (const PlannedMachine& machine : plan.machines) {
    if (machine.pods.empty()) continue;
    const Gpus gpus = gpus_on(demand.problem, machine);
    ++rows[{machine.pool, machine.type, machine.zone, machine.capacity_type,
            gpus.offered == 0 ? "-" : fmt::format("{}/{}", gpus.used, gpus.offered),
            "$" + machine.price.text(4), pods_text(demand, machine)}];
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

void print_text(const Demand& demand, const ProvisionPlan& plan,
                const std::vector<Alternative>& others) {
  print_machines(demand, plan);
  const double ratio =
      plan.lower_bound > Money() ? plan.per_hour.to_dollars() / plan.lower_bound.to_dollars() : 1.0;
  fmt::print(
      "\n${} an hour; no nodes of these pools could run the pods for less than ${} "
      "({:.2f} × that)\n",
      plan.per_hour.text(4), plan.lower_bound.text(4), ratio);
  for (const Alternative& other : others) {
    if (other.unplaced > plan.unplaced.size())
      fmt::print("{}: no node for {} more of the pods\n", other.what,
                 other.unplaced - plan.unplaced.size());
    else if (other.per_hour > plan.per_hour)
      fmt::print("{}: ${} an hour, ${} more\n", other.what, other.per_hour.text(4),
                 (other.per_hour - plan.per_hour).text(4));
  }
  for (const auto& [pod, why] : plan.unplaced)
    fmt::print("pod {}/{} finds no node: {}\n", demand.problem.pods[pod]->metadata.namespace_,
               demand.problem.pods[pod]->metadata.name, why);
}

void print_certificate(const Demand& demand, const ProvisionPlan& plan) {
  fmt::print(
      "\nwhat each pod must cost an hour at the least, wherever it runs (checked afresh: "
      "proves ${}):\n",
      plan.certified.text(4));
  std::vector<Row> table;
  for (const provisioning::PodPrice& each : plan.pod_prices)
    table.push_back({"  " + demand.owners[each.pod], fmt::format("×{}", each.count),
                     fmt::format("${:.4f}", each.dollars_per_hour)});
  print_table(table);
}

Value json_of(const Demand& demand, const PlannedMachine& machine) {
  Value node{Value::Map{}};
  node.set("nodePool", machine.pool);
  node.set("instanceType", machine.type);
  node.set("zone", machine.zone);
  node.set("capacityType", machine.capacity_type);
  node.set("price_usd_per_hour", machine.price.to_dollars());
  const Gpus gpus = gpus_on(demand.problem, machine);
  node.set("gpus_offered", gpus.offered);
  node.set("gpus_used", gpus.used);
  Value::List pods;
  for (const std::uint32_t pod : machine.pods) {
    const model::ObjectMeta& meta = demand.problem.pods[pod]->metadata;
    pods.push_back(Value(meta.namespace_ + "/" + meta.name));
  }
  node.set("pods", Value(std::move(pods)));
  return node;
}

void print_json(const Demand& demand, const ProvisionPlan& plan,
                const std::vector<Alternative>& others, const std::vector<Diagnostic>& findings) {
  Value report{Value::Map{}};
  Value::List nodes;
  for (const PlannedMachine& machine : plan.machines)
    if (!machine.pods.empty()) nodes.push_back(json_of(demand, machine));
  report.set("nodes", Value(std::move(nodes)));
  report.set("total_usd_per_hour", plan.per_hour.to_dollars());
  report.set("lower_bound_usd_per_hour", plan.lower_bound.to_dollars());
  report.set("certified_usd_per_hour", plan.certified.to_dollars());
  Value::List prices;
  for (const provisioning::PodPrice& each : plan.pod_prices) {
    Value price{Value::Map{}};
    price.set("workload", demand.owners[each.pod]);
    price.set("pods", each.count);
    price.set("usd_per_hour_each", each.dollars_per_hour);
    prices.push_back(std::move(price));
  }
  report.set("pod_prices", Value(std::move(prices)));
  Value::List rest;
  for (const Alternative& other : others) {
    Value each{Value::Map{}};
    each.set("what", other.what);
    each.set("total_usd_per_hour", other.per_hour.to_dollars());
    each.set("unplaced", static_cast<std::int64_t>(other.unplaced));
    rest.push_back(std::move(each));
  }
  report.set("alternatives", Value(std::move(rest)));
  Value::List unplaced;
  for (const auto& [pod, why] : plan.unplaced) {
    const model::ObjectMeta& meta = demand.problem.pods[pod]->metadata;
    Value each{Value::Map{}};
    each.set("pod", meta.namespace_ + "/" + meta.name);
    each.set("reason", why);
    unplaced.push_back(std::move(each));
  }
  report.set("unplaced", Value(std::move(unplaced)));
  report.set("diagnostics", to_json(findings));
  fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
}

}  // namespace

int plan(const PlanOptions& options) {
  if (options.input.paths.empty()) {
    fmt::print(stderr, "gputide plan: no files are named; write gputide plan -f PODS -f POOLS\n");
    return kBadInput;
  }
  Diagnostics diagnostics;
  const Checked checked = load_and_check(options.input, {}, diagnostics);
  if (refuse(diagnostics, checked.input, options.output)) return kBadInput;
  const std::vector<Diagnostic> findings = in_order(diagnostics, checked.input);
  const Result<Demand> demand = demand_of(options, checked);
  if (!demand) {
    fmt::print(stderr, "gputide plan: {}\n", demand.error().message);
    return kBadInput;
  }
  const ProvisionPlan found = provisioning::provision(demand->problem);
  const std::vector<Alternative> others = alternatives(demand->problem, checked.catalogue);
  if (options.output == Output::Json) {
    print_json(*demand, found, others, findings);
  } else {
    for (const Diagnostic& finding : findings) fmt::print(stderr, "{}\n", text(finding));
    print_text(*demand, found, others);
    if (options.certificate) print_certificate(*demand, found);
  }
  return found.unplaced.empty() ? kDone : kFailed;
}

}  // namespace gputide::app
