#include "decide/scaling/balancing.h"

#include "decide/scaling/similarity.h"
#include "tests/golden/golden.h"
#include "tests/golden/scaling.h"

namespace gputide::golden {
namespace {

Value balance_answer(const Value& input) {
  std::vector<scaling::GroupSize> groups;
  for (const Value& group : need(input, "groups").as_list())
    groups.push_back({std::string(group.text_at("id")), need(group, "size").as_int(),
                      need(group, "max").as_int()});
  Value::List result;
  for (const scaling::ScaleUp& plan : scaling::balance(groups, need(input, "newNodes").as_int()))
    result.push_back(Value::Map{{"id", plan.group, {}},
                                {"currentSize", plan.current, {}},
                                {"newSize", plan.target, {}},
                                {"maxSize", plan.max, {}}});
  return Value::Map{{"result", result, {}}};
}

scaling::NodeTemplate read_template(const Value& value) {
  return {read<model::Node>(need(value, "node")), pod_refs(value.find("pods"))};
}

std::vector<std::string> strings(const Value& list) {
  std::vector<std::string> out;
  for (const Value& item : list.as_list()) out.push_back(item.as_string());
  return out;
}

Value similarity_answer(const Value& input) {
  const scaling::NodeTemplate a = read_template(need(input, "a"));
  const scaling::NodeTemplate b = read_template(need(input, "b"));
  const std::vector<std::string> extra = strings(need(input, "extraIgnoredLabels"));
  scaling::SimilarityOptions labels;
  labels.only_labels = strings(need(input, "balancingLabels"));
  const auto upstream = scaling::Semantics::upstream(scaling::Release::V1_31);
  return Value::Map{
      {"aws", scaling::similar(a, b, scaling::SimilarityOptions::aws(extra, upstream)), {}},
      {"generic", scaling::similar(a, b, scaling::SimilarityOptions::generic(extra)), {}},
      {"balancingLabels", scaling::similar(a, b, labels), {}}};
}

void check_balancing(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value& input = need(each, "input");
    const Value ours = need(each, "kind").as_string() == "balance" ? balance_answer(input)
                                                                   : similarity_answer(input);
    report.compare(id_of(each), ours, need(each, "expected"));
  }
}

const Register kBalancing("balancing", check_balancing);

}  // namespace
}  // namespace gputide::golden
