// Karpenter's scheduler on whole problems. Ours plans by price, so plans differ; what must hold: of
// the pods that Karpenter places ours places all, for no more money, and an independent check finds
// no fault.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "decide/provisioning/provision.h"
#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using provisioning::ProviderType;
using provisioning::ProvisionNode;
using provisioning::ProvisionProblem;

double real(const Value& v) {
  return v.kind() == Value::Kind::Int ? static_cast<double>(v.as_int()) : v.as_double();
}

model::ResourceList resources(const Value* list) {
  model::ResourceList out;
  if (list == nullptr || !list->is_map()) return out;
  for (const model::Member& m : list->as_map()) out[m.key] = *Quantity::parse(m.value.as_string());
  return out;
}

model::StringMap strings(const Value* map) {
  model::StringMap out;
  if (map != nullptr && map->is_map())
    for (const model::Member& m : map->as_map()) out[m.key] = m.value.as_string();
  return out;
}

provisioning::Requirements requirements(const Value* list) {
  provisioning::Requirements out;
  if (list == nullptr || !list->is_list()) return out;
  for (const Value& item : list->as_list()) {
    std::vector<std::string> values;
    if (const Value* all = item.find("values"); all != nullptr && all->is_list())
      for (const Value& v : all->as_list()) values.push_back(v.as_string());
    out.add(provisioning::Requirement::make(item.text_at("key"), item.text_at("operator"), values));
  }
  return out;
}

ProviderType provider_type(const Value& v) {
  ProviderType out;
  out.name = v.text_at("name");
  out.requirements = requirements(v.find("requirements"));
  out.capacity = resources(v.find("capacity"));
  out.allocatable = out.capacity;
  for (const char* part : {"kubeReserved", "systemReserved", "evictionThreshold"})
    for (const auto& [name, quantity] : resources(v.at("overhead", part)))
      out.allocatable[name].sub(quantity);
  for (const Value& each : need(v, "offerings").as_list()) {
    ProviderType::Offering o;
    o.zone = each.text_at("zone");
    o.capacity_type = each.text_at("capacityType");
    o.reservation_id = each.text_at("reservationId");
    if (const Value* n = each.find("reservationCapacity")) o.reservation_capacity = n->as_int();
    o.price =
        Money::micros(static_cast<std::int64_t>(std::llround(real(need(each, "price")) * 1e6)));
    o.available = need(each, "available").as_bool();
    out.offerings.push_back(o);
  }
  return out;
}

bool goes_away(const model::Taint& taint) {
  return taint.key == "node.kubernetes.io/not-ready" ||
         taint.key == "node.kubernetes.io/unreachable" ||
         taint.key == "node.cloudprovider.kubernetes.io/uninitialized" ||
         taint.key == "karpenter.sh/unregistered" || taint.key.starts_with("readiness.k8s.io/");
}

// A node as Karpenter's state sees it: the claim stands in for what the node does not tell yet.
ProvisionNode node_of(const Value& v) {
  ProvisionNode out;
  const Value* node = v.find("node");
  const Value* claim = v.find("nodeClaim");
  if (node != nullptr && node->is_null()) node = nullptr;
  if (claim != nullptr && claim->is_null()) claim = nullptr;
  const bool registered =
      node != nullptr &&
      strings(node->at("metadata", "labels")).contains("karpenter.sh/registered");
  const bool ready = node != nullptr &&
                     (claim == nullptr ||
                      strings(node->at("metadata", "labels")).contains("karpenter.sh/initialized"));
  const Value& told = node != nullptr && (registered || claim == nullptr) ? *node : *claim;
  out.name = need(told, "metadata").text_at("name");
  out.labels = strings(told.at("metadata", "labels"));
  out.ready = ready;
  const auto startup = claim == nullptr
                           ? std::vector<model::Taint>{}
                           : read_all<model::Taint>(claim->at("spec", "startupTaints"));
  for (const model::Taint& taint : read_all<model::Taint>(told.at("spec", "taints"))) {
    const bool starting = std::any_of(startup.begin(), startup.end(), [&](const model::Taint& s) {
      return s.key == taint.key && s.effect == taint.effect;
    });
    if (claim == nullptr || ready || (!goes_away(taint) && !starting)) out.taints.push_back(taint);
  }
  out.allocatable = resources(told.at("status", "allocatable"));
  out.capacity = resources(told.at("status", "capacity"));
  if (claim != nullptr && !ready) {
    for (const auto& [name, q] : resources(claim->at("status", "allocatable")))
      if (out.allocatable[name].is_zero()) out.allocatable[name] = q;
    for (const auto& [name, q] : resources(claim->at("status", "capacity")))
      if (out.capacity[name].is_zero()) out.capacity[name] = q;
  }
  return out;
}

std::vector<std::shared_ptr<const model::Pod>> pods(const Value* list) {
  std::vector<std::shared_ptr<const model::Pod>> out;
  for (model::Pod& pod : read_all<model::Pod>(list))
    out.push_back(std::make_shared<const model::Pod>(std::move(pod)));
  return out;
}

ProvisionProblem problem_of(const Value& v) {
  ProvisionProblem out;
  for (const Value& type : need(v, "instanceTypes").as_list())
    out.types.push_back(provider_type(type));
  std::map<std::string, std::uint32_t> number;
  for (std::uint32_t t = 0; t < out.types.size(); ++t) number[out.types[t].name] = t;
  out.pools = read_all<model::NodePool>(v.find("nodePools"));
  for (const model::NodePool& pool : out.pools) {
    out.pool_types.emplace_back();
    const Value* listed = v.at("poolTypes", pool.metadata.name);
    if (listed != nullptr && listed->is_list())
      for (const Value& name : listed->as_list())
        out.pool_types.back().push_back(number.at(name.as_string()));
    else
      for (std::uint32_t t = 0; t < out.types.size(); ++t) out.pool_types.back().push_back(t);
  }
  if (const Value* nodes = v.find("nodes"); nodes != nullptr && nodes->is_list())
    for (const Value& node : nodes->as_list()) out.nodes.push_back(node_of(node));
  out.pods = pods(v.find("pods"));
  out.bound = pods(v.find("boundPods"));
  out.daemons = pods(v.find("daemonSetPods"));
  if (const Value* all = v.find("namespaces"); all != nullptr && all->is_list())
    for (const Value& each : all->as_list())
      out.namespaces[std::string(need(each, "metadata").text_at("name"))] =
          strings(each.at("metadata", "labels"));
  out.strict_min_values = v.text_at("minValuesPolicy") != "BestEffort";
  return out;
}

struct Theirs {
  std::set<std::string> placed;
  double price = 0;
};

Theirs theirs_of(const Value& expect) {
  Theirs out;
  for (const char* part : {"newNodeClaims", "existingNodes"}) {
    const Value* list = expect.find(part);
    if (list == nullptr || !list->is_list()) continue;
    for (const Value& each : list->as_list()) {
      if (const Value* price = each.find("cheapestPrice")) out.price += real(*price);
      for (const Value& pod : need(each, "pods").as_list()) out.placed.insert(pod.as_string());
    }
  }
  return out;
}

// "" when ours is at least as good.
std::string judge(const ProvisionProblem& whole, const Theirs& theirs) {
  ProvisionProblem same = whole;
  std::erase_if(same.pods,
                [&](const auto& pod) { return !theirs.placed.contains(pod->metadata.name); });
  const auto count = [](const provisioning::PackPlan& plan) {
    std::int64_t left = 0;
    for (const std::int64_t n : plan.unplaced) left += n;
    return left;
  };
  const provisioning::Compiled compiled = provisioning::compile(same);
  const provisioning::PackPlan plan = provisioning::pack(compiled.pack);
  const auto faults = provisioning::check_plan(compiled.pack, plan);
  if (!faults.empty()) return "faulty: " + faults.front();
  if (count(plan) > 0) {
    const provisioning::ProvisionPlan told = provisioning::provision(same);
    const auto& missed = told.unplaced.front();
    return fmt::format("{} of its pods not placed, first {}: {}", count(plan),
                       same.pods[missed.first]->metadata.name, missed.second);
  }
  if (plan.per_hour.to_dollars() > theirs.price + 1e-5)
    return fmt::format("costs {} for its {:.6f}", plan.per_hour.text(6), theirs.price);
  if (same.pods.size() == whole.pods.size()) return "";
  const provisioning::Compiled all = provisioning::compile(whole);
  const std::int64_t placed =
      static_cast<std::int64_t>(whole.pods.size()) - count(provisioning::pack(all.pack));
  if (placed < static_cast<std::int64_t>(theirs.placed.size()))
    return fmt::format("{} pods placed of its {}", placed, theirs.placed.size());
  return "";
}

void check_karpenter_solve(std::span<const Value> cases, Report& report) {
  for (const Value& c : cases) {
    ProvisionProblem problem = problem_of(need(c, "problem"));
    if (const Value* extra = c.find("wellKnownExtra"); extra != nullptr && extra->is_list())
      for (const Value& label : extra->as_list()) problem.well_known.insert(label.as_string());
    std::string verdict;
    if (const Value* expect = c.find("expect")) {
      verdict = judge(problem, theirs_of(*expect));
    } else {
      for (const Value& each : need(c, "expectAnyOf").as_list()) {
        const std::string one = judge(problem, theirs_of(each));
        if (!one.empty()) verdict = one;
      }
    }
    report.compare(id_of(c), verdict, std::string());
  }
}

const Register kSolve("karpenter-solve", check_karpenter_solve);

}  // namespace
}  // namespace gputide::golden
