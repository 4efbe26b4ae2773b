#include "sim/market_options.h"

#include <fmt/core.h>

#include "base/text.h"
#include "codec/json.h"
#include "model/value.h"

namespace gputide::sim {

using model::Value;

Result<MarketOptions::Kind> parse_market(std::string_view text, std::string& file) {
  constexpr std::string_view kReplay = "replay:";
  if (text == "advisor") return MarketOptions::Kind::Advisor;
  if (text == "calm") return MarketOptions::Kind::Calm;
  if (text.starts_with(kReplay) && text.size() > kReplay.size()) {
    file = text.substr(kReplay.size());
    return MarketOptions::Kind::Replay;
  }
  return fail(fmt::format("--market {} is none of advisor, calm, replay:FILE", quote(text)));
}

namespace {

std::int64_t number_at(const Value& object, std::string_view key) {
  const Value* value = object.find(key);
  return value != nullptr && value->kind() == Value::Kind::Int ? value->as_int() : -1;
}

Result<SpotTrace> read_trace(const Value& object) {
  SpotTrace trace;
  trace.instance_type = object.text_at("instance_type");
  trace.zone = object.text_at("zone");
  trace.nodes = number_at(object, "nodes");
  trace.gap_seconds = number_at(object, "gap_seconds");
  if (trace.instance_type.empty() || trace.zone.empty())
    return fail("instance_type and zone must be texts");
  if (trace.nodes < 1 || trace.gap_seconds < 1 || trace.gap_seconds > 86'400)
    return fail("nodes and gap_seconds must be positive whole numbers");
  const Value* runs = object.find("rle");
  if (runs == nullptr || !runs->is_list() || runs->as_list().empty())
    return fail("rle must be a list of [value, length]");
  for (const Value& run : runs->as_list()) {
    if (!run.is_list() || run.as_list().size() != 2 ||
        run.as_list()[0].kind() != Value::Kind::Int || run.as_list()[1].kind() != Value::Kind::Int)
      return fail("rle must be a list of [value, length]");
    const std::int64_t value = run.as_list()[0].as_int();
    const std::int64_t length = run.as_list()[1].as_int();
    if (value < 0 || value > 1'000'000 || length < 1 || length > 10'000'000)
      return fail("a value of rle is negative, or a length not positive");
    trace.runs.emplace_back(static_cast<std::int32_t>(value), length);
  }
  return trace;
}

}  // namespace

Result<SpotTraces> parse_spot_traces(std::string_view jsonl) {
  SpotTraces traces;
  std::size_t number = 0;
  for (const std::string_view line : split(jsonl, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const auto object = codec::read_json(line);
    if (!object) return fail(fmt::format("line {}: {}", number, object.error().message));
    auto trace = read_trace(*object);
    if (!trace) return fail(fmt::format("line {}: {}", number, trace.error().message));
    traces.traces.push_back(std::move(*trace));
  }
  if (traces.traces.empty()) return fail("there is no trace in it");
  return traces;
}

}  // namespace gputide::sim
