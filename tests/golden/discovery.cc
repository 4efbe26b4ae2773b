#include "decide/scaling/discovery.h"

#include <algorithm>

#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

Value failure(const Error& error) {
  return Value::Map{{"error", error.message, {}}};
}

Value tags_value(const scaling::DiscoveryTags& tags) {
  Value::Map out;
  for (const auto& [key, value] : tags) out.push_back({key, value, {}});
  return out;
}

Value auto_discovery(const Value& input) {
  std::vector<scaling::DiscoveryTags> parsed;
  Value::List texts;
  for (const Value& spec : need(input, "specs").as_list()) {
    Result<scaling::DiscoveryTags> tags = scaling::parse_auto_discovery(spec.as_string());
    if (!tags) return failure(tags.error());
    texts.push_back(tags_value(*tags));
    parsed.push_back(std::move(*tags));
  }
  const scaling::DiscoveryTags merged = scaling::merge_discovery(parsed);
  std::vector<scaling::DescribeFilter> filters = scaling::describe_filters(merged);
  // The recorder sorted its filters by this text.
  const auto text = [](const scaling::DescribeFilter& f) { return f.name + "=" + f.values[0]; };
  std::sort(filters.begin(), filters.end(),
            [&](const auto& a, const auto& b) { return text(a) < text(b); });
  Value::List filter_values;
  for (const scaling::DescribeFilter& filter : filters) {
    Value::List values(filter.values.begin(), filter.values.end());
    filter_values.push_back(Value::Map{{"name", filter.name, {}}, {"values", values, {}}});
  }
  return Value::Map{{"parsed", texts, {}},
                    {"mergedTags", tags_value(merged), {}},
                    {"describeFiltersSorted", filter_values, {}}};
}

Value nodes(const Value& input) {
  const Result<scaling::NodesSpec> spec =
      scaling::parse_nodes_spec(need(input, "spec").as_string());
  if (!spec) return failure(spec.error());
  return Value::Map{
      {"name", spec->name, {}}, {"min", spec->min_size, {}}, {"max", spec->max_size, {}}};
}

void check_discovery(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Value& input = need(each, "input");
    const Value ours =
        need(each, "kind").as_string() == "nodes" ? nodes(input) : auto_discovery(input);
    report.compare(id_of(each), ours, need(each, "expected"));
  }
}

const Register kDiscovery("discovery", check_discovery);

}  // namespace
}  // namespace gputide::golden
