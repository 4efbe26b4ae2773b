#include <algorithm>

#include "decide/scaling/readiness.h"
#include "decide/scaling/scale_down.h"
#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

constexpr std::int64_t kPasses[] = {0, 60, 601};

struct World {
  scaling::Observation seen;
  scaling::Simulation simulation;
  scaling::PodShapes shapes;
  std::vector<scaling::NodeId> ids;
  std::vector<scaling::NodeFacts> facts;
};

void read_groups(const Value& input, World& world) {
  for (const Value& each : need(input, "groups").as_list()) {
    scaling::GroupView group;
    group.id = each.text_at("id");
    group.min_size = need(each, "min").as_int();
    group.max_size = need(each, "max").as_int();
    group.target_size = need(each, "size").as_int();
    world.seen.groups.push_back(group);
  }
}

std::int32_t index_of(const World& world, std::string_view group) {
  for (std::size_t i = 0; i < world.seen.groups.size(); ++i)
    if (world.seen.groups[i].id == group) return static_cast<std::int32_t>(i);
  return scaling::kNoGroup;
}

void read_world(const Value& input, World& world) {
  read_groups(input, world);
  world.seen.controllers =
      std::make_shared<const scaling::Controllers>(read_controllers(need(input, "controllers")));
  world.seen.budgets = read_all<model::PodDisruptionBudget>(input.find("pdbs"));
  const std::vector<scaling::PodRef> pods = pod_refs(input.find("pods"));
  for (model::Node& node : read_all<model::Node>(input.find("nodes"))) {
    auto view = std::make_shared<scaling::NodeView>();
    view->node = std::make_shared<const model::Node>(std::move(node));
    const std::string& name = view->node->metadata.name;
    view->group = index_of(world, need(input, "nodeGroupOf").text_at(name));
    for (const scaling::PodRef& pod : pods)
      if (pod->spec->nodeName == name) view->pods.push_back(pod);
    world.ids.push_back(world.simulation.add_node(view->node, view->pods));
    world.facts.push_back(scaling::node_facts(*view, scaling::condition_readiness(*view->node)));
    world.seen.nodes.push_back(view);
  }
}

Value sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  Value::List list;
  for (std::string& name : names) list.emplace_back(std::move(name));
  return list;
}

Value names(const std::vector<scaling::Removable>& nodes) {
  std::vector<std::string> list;
  for (const scaling::Removable& node : nodes) list.push_back(node.node);
  return sorted(std::move(list));
}

// What was said of nodes, by index, as an object with their names in order.
template <class Said, class Describe>
Value by_name(const World& world, const std::vector<Said>& said, const Describe& describe) {
  std::map<std::string, Value> entries;
  for (std::size_t i = 0; i < said.size(); ++i)
    if (std::optional<Value> entry = describe(said[i]))
      entries.emplace(world.seen.nodes[i]->node->metadata.name, std::move(*entry));
  Value::Map out;
  for (auto& [node, entry] : entries) out.push_back({node, std::move(entry), {}});
  return out;
}

Value unremovable(const World& world, const scaling::ScaleDownState& state) {
  return by_name(
      world, state.unremovable, [](const scaling::Unremovable& why) -> std::optional<Value> {
        if (why.reason == scaling::UnremovableReason::None) return std::nullopt;
        Value entry =
            Value::Map{{"reason", Value(scaling::unremovable_reason_name(why.reason)), {}}};
        if (why.blocking_pod != nullptr) {
          entry.set("pod", pod_name(*why.blocking_pod));
          entry.set("podReason", Value(scaling::blocking_reason_name(why.blocking)));
        }
        return entry;
      });
}

Value utilizations(const World& world, const scaling::ScaleDownState& state) {
  return by_name(world, state.utilization,
                 [](const scaling::Utilization* used) -> std::optional<Value> {
                   if (used == nullptr) return std::nullopt;
                   return Value(Value::Map{{"dominant", used->dominant, {}},
                                           {"utilization", real_value(used->value), {}}});
                 });
}

std::vector<std::string> candidates(const World& world, const scaling::ScaleDownState& state) {
  std::vector<std::string> list;
  for (const std::size_t i : state.candidates)
    list.push_back(world.seen.nodes[i]->node->metadata.name);
  return list;
}

Value scale_down_answer(const Value& input) {
  World world;
  read_world(input, world);
  scaling::Options options =
      scaling::default_options(scaling::Compat::Upstream, scaling::Release::V1_31);
  scaling::ScaleDownPlanner planner(options);
  const scaling::Deletions none;
  Value::List passes;
  for (const std::int64_t after : kPasses) {
    const scaling::ScaleDownInput look{world.seen, world.ids, world.facts, none,
                                       instant(need(input, "start")) + Duration::seconds(after)};
    const scaling::ScaleDownState& state = planner.update(look, world.simulation, world.shapes);
    Value pass = Value::Map{{"afterSeconds", after, {}},
                            {"candidatesSorted", sorted(candidates(world, state)), {}},
                            {"unneeded", names(state.unneeded), {}},
                            {"unremovable", unremovable(world, state), {}},
                            {"utilization", utilizations(world, state), {}}};
    const scaling::NodesToDelete going = planner.nodes_to_delete(look);
    pass.set("deleteEmpty", names(going.empty));
    pass.set("deleteNeedDrain", names(going.drain));
    pass.set("unremovableAfterNodesToDelete", unremovable(world, planner.state()));
    passes.push_back(std::move(pass));
  }
  return passes;
}

// Of an unstable answer only the counts of nodes are compared, pass by pass.
std::string counts(const Value& passes) {
  std::string out;
  for (const Value& pass : passes.as_list())
    for (const char* list : {"unneeded", "deleteEmpty", "deleteNeedDrain"})
      out += std::to_string(need(pass, list).as_list().size()) + " ";
  return out;
}

// The order of candidates is the original's own, but the list is compared as a set: names sort it.
Value with_sorted_candidates(Value passes) {
  for (Value& pass : passes.as_list()) {
    std::vector<std::string> list;
    for (const Value& name : need(pass, "candidatesSorted").as_list())
      list.push_back(name.as_string());
    pass.set("candidatesSorted", sorted(std::move(list)));
    for (model::Member& node : pass.find("utilization")->as_map())
      node.value.set("utilization", real_value(need(node.value, "utilization")));
  }
  return passes;
}

void check_scale_down(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value& expected = need(each, "expected");
    const Value ours = scale_down_answer(need(each, "input"));
    const auto& seen = need(expected, "outcomes").as_list();
    const bool stable = need(expected, "stable").as_bool();
    const bool equal = std::any_of(seen.begin(), seen.end(), [&](const Value& one) {
      return with_sorted_candidates(one) == ours || (!stable && counts(one) == counts(ours));
    });
    if (equal)
      report.equal();
    else
      report.unequal(id_of(each), codec::write_json(ours),
                     codec::write_json(with_sorted_candidates(seen.front())));
  }
}

const Register kScaleDown("scale-down", check_scale_down);

}  // namespace
}  // namespace gputide::golden
