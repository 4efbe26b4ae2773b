#include "report/result_json.h"

#include <fmt/format.h>

#include "report/json_text.h"

namespace gputide::report {
namespace {

/// One object of an indented JSON text.
class Object {
 public:
  explicit Object(int depth) : indent_(static_cast<std::size_t>(depth + 1) * 2, ' ') {}

  Object& raw(std::string_view key, std::string_view value) {
    text_ += fmt::format("{}\n{}\"{}\": {}", text_.empty() ? "" : ",", indent_, key, value);
    return *this;
  }
  Object& number(std::string_view key, std::int64_t value) {
    return raw(key, std::to_string(value));
  }
  Object& text(std::string_view key, std::string_view value) {
    return raw(key, json_string(value));
  }
  std::string done() const {
    if (text_.empty()) return "{}";
    return fmt::format("{{{}\n{}}}", text_, indent_.substr(2));
  }

 private:
  std::string indent_;
  std::string text_;
};

std::string cost_of(const port::RunResult::Cost& cost) {
  return Object(1)
      .raw("total_usd", dollars(cost.total))
      .raw("gpu_usd", dollars(cost.gpu))
      .raw("idle_gpu_usd", dollars(cost.idle_gpu))
      .raw("lower_bound_usd", cost.lower_bound ? dollars(*cost.lower_bound) : "null")
      .raw("over_bound_permille",
           cost.over_bound_permille ? std::to_string(*cost.over_bound_permille) : "null")
      .done();
}

std::string nodes_of(const port::RunResult::Nodes& nodes) {
  Object by_type(2);
  for (const auto& [type, launched] : nodes.by_type)
    by_type.raw(json_string(type).substr(1, json_string(type).size() - 2),
                std::to_string(launched));
  return Object(1)
      .number("launched", nodes.launched)
      .number("peak", nodes.peak)
      .number("final", nodes.final)
      .number("gpu_launched", nodes.gpu_launched)
      .number("gpu_peak", nodes.gpu_peak)
      .number("gpu_final", nodes.gpu_final)
      .raw("by_type", by_type.done())
      .done();
}

std::string pods_of(const port::RunResult::Pods& pods) {
  return Object(1)
      .number("created", pods.created)
      .number("succeeded", pods.succeeded)
      .number("running", pods.running)
      .number("pending", pods.pending)
      .number("failed", pods.failed)
      .number("evicted", pods.evicted)
      .done();
}

std::string wait_of(const std::optional<port::RunResult::Wait>& wait) {
  const auto text = [&](Duration port::RunResult::Wait::* which) {
    return wait ? seconds((*wait).*which) : std::string("null");
  };
  return Object(1)
      .raw("p50", text(&port::RunResult::Wait::p50))
      .raw("p95", text(&port::RunResult::Wait::p95))
      .raw("max", text(&port::RunResult::Wait::max))
      .done();
}

std::string reservations_of(const std::vector<port::RunResult::Reservation>& list) {
  std::string out = "[";
  for (const port::RunResult::Reservation& one : list) {
    Object object(2);
    object.text("id", one.id)
        .text("instance_type", one.instance_type)
        .text("zone", one.zone)
        .text("type", one.type)
        .number("count", one.count)
        .number("used_seconds", one.used_seconds)
        .number("unused_seconds", one.unused_seconds)
        .raw("used_usd", dollars(one.used))
        .raw("unused_usd", dollars(one.unused));
    out += fmt::format("{}\n    {}", out.size() == 1 ? "" : ",", object.done());
  }
  return out + "\n  ]";
}

std::string diagnostics_of(const std::vector<Diagnostic>& list) {
  if (list.empty()) return "[]";
  std::string out = "[";
  for (const Diagnostic& one : list) {
    Object object(2);
    object.text("severity", one.severity == Severity::Error ? "error" : "warning")
        .text("file", one.file)
        .number("line", one.where.line)
        .number("column", one.where.column)
        .text("code", one.code)
        .text("what", one.what);
    if (!one.remedy.empty()) object.text("remedy", one.remedy);
    out += fmt::format("{}\n    {}", out.size() == 1 ? "" : ",", object.done());
  }
  return out + "\n  ]";
}

}  // namespace

std::string result_json(const port::RunResult& result) {
  const Object gpu = Object(1)
                         .raw("seconds_bought", decimal(result.gpu.bought_us, 6))
                         .raw("seconds_requested", decimal(result.gpu.requested_us, 6))
                         .raw("seconds_idle", decimal(result.gpu.idle_us, 6));
  const Object spot = Object(1)
                          .number("interruptions", result.spot.interruptions)
                          .number("notices_handled", result.spot.notices_handled)
                          .raw("pod_seconds_lost", seconds(result.spot.pod_time_lost));
  Object all(0);
  all.raw("seed", std::to_string(result.seed))
      .text("fingerprint", fmt::format("{:016x}", result.fingerprint))
      .raw("virtual_seconds", seconds(result.virtual_time))
      .raw("wall_seconds", seconds(result.wall_time))
      .raw("events", std::to_string(result.events))
      .raw("cost", cost_of(result.cost));
  if (!result.reservations.empty()) all.raw("reservations", reservations_of(result.reservations));
  all.raw("nodes", nodes_of(result.nodes))
      .raw("pods", pods_of(result.pods))
      .raw("wait_seconds", wait_of(result.wait))
      .raw("gpu", gpu.done())
      .raw("spot", spot.done())
      .raw("diagnostics", diagnostics_of(result.diagnostics));
  return all.done() + "\n";
}

}  // namespace gputide::report
