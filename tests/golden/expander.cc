#include "decide/scaling/expander.h"

#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

using scaling::ExpansionOption;

struct Case {
  std::vector<scaling::NodeTemplate> nodes;
  std::vector<ExpansionOption> options;
  std::optional<model::StringMap> priority_config;
};

Case read_case(const Value& input) {
  Case out;
  const std::vector<scaling::PodRef> pods = pod_refs(input.find("pods"));
  const Value::List& list = need(input, "options").as_list();
  out.nodes.reserve(list.size());
  for (const Value& item : list) {
    ExpansionOption& option = out.options.emplace_back();
    option.group = item.text_at("group");
    option.node_count = need(item, "nodeCount").as_int();
    if (const Value* indexes = item.find("pods"); indexes && indexes->is_list())
      for (const Value& index : indexes->as_list())
        option.pods.push_back(pods.at(static_cast<std::size_t>(index.as_int())));
    if (const Value* node = item.find("node")) {
      out.nodes.push_back({read<model::Node>(*node), {}});
      option.node = &out.nodes.back();
    }
  }
  if (const Value* data = input.find("priorityConfigMapData"); data && data->is_map()) {
    out.priority_config.emplace();
    for (const model::Member& member : data->as_map())
      (*out.priority_config)[member.key] = member.value.as_string();
  }
  return out;
}

Value groups(const Case& given, const scaling::Survivors& kept) {
  Value::List out;
  for (const std::size_t i : kept) out.push_back(given.options[i].group);
  return out;
}

Value expander_answer(const Case& given, const Value& expected) {
  scaling::ExpanderContext context;
  if (given.priority_config) context.priority_config = &*given.priority_config;
  scaling::Survivors all(given.options.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  std::vector<scaling::ExpanderEvent> events;
  Value::Map kept;
  for (const std::string_view name : {"least-nodes", "least-waste", "most-pods", "priority"})
    kept.push_back(
        {std::string(name),
         groups(given, scaling::filter_options(name, given.options, all, context, events)),
         {}});
  kept.push_back({"random", groups(given, all), {}});  // recorded without its draw
  Value::List event_texts;
  for (const scaling::ExpanderEvent& event : events)
    event_texts.push_back("Warning " + event.reason + " " + event.message);
  Value::List scores;
  for (const ExpansionOption& option : given.options)
    scores.push_back(option.node == nullptr ? Value() : real_value(scaling::waste_score(option)));
  Value::List chains;
  for (const Value& chain : need(expected, "chains").as_list()) {
    std::vector<std::string> names;
    for (const Value& name : need(chain, "expanders").as_list()) names.push_back(name.as_string());
    std::vector<scaling::ExpanderEvent> ignored;
    const auto left = scaling::run_expanders(names, given.options, context, ignored);
    chains.push_back(
        Value::Map{{"expanders", need(chain, "expanders"), {}}, {"kept", groups(given, left), {}}});
  }
  return Value::Map{{"kept", kept, {}},
                    {"priorityEvents", event_texts, {}},
                    {"wasteScores", scores, {}},
                    {"chains", chains, {}}};
}

void check_expander(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    Value expected = need(each, "expected");
    for (Value& score : expected.find("wasteScores")->as_list())
      if (!score.is_null()) score = real_value(score);
    report.compare(id_of(each), expander_answer(read_case(need(each, "input")), expected),
                   expected);
  }
}

const Register kExpander("expander", check_expander);

}  // namespace
}  // namespace gputide::golden
