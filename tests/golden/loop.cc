#include "decide/scaling/loop.h"

#include <algorithm>

#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

// One scripted run: what stays the same, and what the loop remembers.
class Run {
 public:
  explicit Run(const Value& input)
      : start_(instant(need(input, "start"))), state_(options_of(need(input, "options")), false) {
    for (const Value& each : need(input, "groups").as_list()) {
      scaling::GroupView group;
      group.id = each.text_at("id");
      group.min_size = need(each, "min").as_int();
      group.max_size = need(each, "max").as_int();
      auto node = std::make_shared<scaling::NodeTemplate>();
      node->node = read<model::Node>(need(each, "template"));
      group.provider_template = node;
      seen_.groups.push_back(std::move(group));
    }
    seen_.controllers =
        std::make_shared<const scaling::Controllers>();  // the recorded runs knew of none: pods of
                                                         // controllers block
    for (model::DaemonSet& set : read_all<model::DaemonSet>(input.find("daemonSets")))
      seen_.daemon_sets.push_back(std::make_shared<const model::DaemonSet>(std::move(set)));
  }

  Value loop(const Value& at) {
    for (scaling::GroupView& group : seen_.groups)
      group.target_size = need(need(at, "targets"), group.id).as_int();
    const Instant now = start_ + Duration::seconds(need(at, "atSeconds").as_int());
    read_cluster(at, now);
    const scaling::Plan plan = decide(seen_, {}, state_, now, nullptr);
    return Value::Map{{"scaleUp", grown(plan), {}},
                      {"scaleDown", removed(plan), {}},
                      {"unneeded", unneeded(), {}}};
  }

 private:
  static scaling::Options options_of(const Value& input) {
    scaling::Options options =
        scaling::default_options(scaling::Compat::Upstream, scaling::Release::V1_31);
    options.expander = "least-waste";
    options.max_bulk_soft_taint_count = 0;
    options.balance_similar_node_groups = need(input, "balanceSimilarNodeGroups").as_bool();
    options.max_drain_parallelism = need(input, "maxDrainParallelism").as_int();
    options.max_nodes_total = need(input, "maxNodesTotal").as_int();
    return options;
  }

  void read_cluster(const Value& at, Instant now) {
    seen_.nodes.clear();
    seen_.pending.clear();
    const std::vector<scaling::PodRef> pods = pod_refs(at.find("pods"));
    for (model::Node& node : read_all<model::Node>(at.find("nodes"))) {
      auto view = std::make_shared<scaling::NodeView>();
      const std::string name = node.metadata.name;
      for (std::size_t g = 0; g < seen_.groups.size(); ++g)
        if (name.starts_with(seen_.groups[g].id + "-")) view->group = static_cast<std::int32_t>(g);
      view->node = std::make_shared<const model::Node>(std::move(node));
      for (const scaling::PodRef& pod : pods)
        if (pod->spec->nodeName == name) view->pods.push_back(pod);
      seen_.nodes.push_back(std::move(view));
    }
    for (const scaling::PodRef& pod : pods)
      if (pod->spec->nodeName.empty()) seen_.pending.push_back(as_old_as_recorded(pod, now));
  }

  // The wait for more pods takes the wall clock for the youngest age there is. It stood at the
  // start while the runs were recorded, so that pods made later count as made then.
  scaling::PodRef as_old_as_recorded(const scaling::PodRef& pod, Instant now) const {
    const Instant created = pod->metadata.creationTimestamp.value_or(start_);
    if (created <= start_ || created >= now) return pod;
    auto older = std::make_shared<model::Pod>(*pod);
    older->metadata.creationTimestamp = start_;
    return older;
  }

  static Value grown(const scaling::Plan& plan) {
    std::vector<std::pair<std::string, std::int64_t>> list;
    for (const scaling::SetSize& size : plan.resize)
      list.emplace_back(size.group, size.to - size.from);
    std::sort(list.begin(), list.end());
    Value::List out;
    for (const auto& [group, delta] : list)
      out.push_back(Value::Map{{"group", group, {}}, {"delta", delta, {}}});
    return out;
  }

  Value removed(const scaling::Plan& plan) const {
    std::vector<std::pair<std::string, std::string>> list;
    for (const auto* nodes : {&plan.remove.empty, &plan.remove.drain})
      for (const scaling::Removable& node : *nodes)
        list.emplace_back(node.node, seen_.groups[static_cast<std::size_t>(node.group)].id);
    std::sort(list.begin(), list.end());
    Value::List out;
    for (const auto& [node, group] : list)
      out.push_back(Value::Map{{"group", group, {}}, {"node", node, {}}});
    return out;
  }

  Value unneeded() const {
    std::vector<std::string> names;
    for (const scaling::Removable& node : state_.planner().state().unneeded)
      names.push_back(node.node);
    std::sort(names.begin(), names.end());
    Value::List out;
    for (std::string& name : names) out.emplace_back(std::move(name));
    return out;
  }

  const Instant start_;
  scaling::Observation seen_;
  scaling::LoopState state_;
};

void check_loop(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    Run run(need(each, "input"));
    const auto& expected = need(need(each, "expected"), "loops").as_list();
    const auto& loops = need(need(each, "input"), "loops").as_list();
    std::string ours, theirs;
    for (std::size_t i = 0; i < loops.size() && ours == theirs; ++i) {
      const std::string at = "loop " + std::to_string(i) + ": ";
      const Value got = run.loop(loops[i]);
      if (got == expected[i]) continue;
      ours = at + codec::write_json(got);
      theirs = at + codec::write_json(expected[i]);
    }
    report.compare(id_of(each), ours, theirs);
  }
}

const Register kLoop("loop", check_loop);

}  // namespace
}  // namespace gputide::golden
