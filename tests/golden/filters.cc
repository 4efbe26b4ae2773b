#include "decide/scheduling/filters.h"

#include "tests/golden/golden.h"
#include "tests/golden/scheduling.h"

namespace gputide::golden {
namespace {

using scheduling::Demand;
using scheduling::Status;

Value node_answer(const Status& status) {
  if (status.ok()) return Value::Map{{"fits", true, {}}};
  return Value::Map{{"fits", false, {}},
                    {"code", code_name(status.code), {}},
                    {"plugin", Value(status.plugin), {}},
                    {"reasons", sorted_list(status.reasons), {}}};
}

// `also` are filters that reject the node when they run alone; they are not asked here.
Value without_also(const Value& nodes) {
  Value out = nodes;
  for (model::Member& node : out.as_map())
    std::erase_if(node.value.as_map(),
                  [](const model::Member& member) { return member.key == "alsoFailing"; });
  return out;
}

Value pre_filter_answer(const Demand& demand, const Status& status) {
  if (!status.ok())
    return Value::Map{{"code", code_name(status.code), {}},
                      {"plugin", Value(status.plugin), {}},
                      {"reasons", sorted_list(status.reasons), {}}};
  Value out = Value::Map{{"code", "Success", {}}};
  if (const auto& names = demand.node_names())
    out.set("nodeNames", sorted_list({names->begin(), names->end()}));
  return out;
}

void check_filters(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    state::Cluster cluster;
    fill(each, cluster);
    scheduling::Filters filters(cluster);
    const auto pod = read<model::Pod>(without_type(need(each, "pod")));
    const Value& expected = need(each, "expect");
    Demand& demand = filters.demand(pod);
    const Status status = demand.pre_filter();
    Value ours = Value::Map{{"preFilter", pre_filter_answer(demand, status), {}}};
    Value theirs = Value::Map{{"preFilter", need(expected, "preFilter"), {}}};
    if (const Value* nodes = expected.find("nodes")) {
      Value::Map answers;
      for (state::NodeId id = 0; id < cluster.end(); ++id)
        answers.push_back({cluster.node(id).object->metadata.name,
                           node_answer(scheduling::check(demand, pod, cluster, id)),
                           {}});
      ours.set("nodes", answers);
      theirs.set("nodes", without_also(*nodes));
    }
    report.compare(id_of(each), ours, theirs);
  }
}

const Register kFilters("filters", check_filters);

}  // namespace
}  // namespace gputide::golden
