// What the checkers of Cluster Autoscaler's files share.
#pragma once

#include <memory>

#include "decide/scaling/drain.h"
#include "decide/scaling/node_template.h"
#include "tests/golden/golden.h"

namespace gputide::golden {

inline Instant instant(const Value& text) {
  const Result<Instant> parsed = Instant::parse_rfc3339(text.as_string());
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return *parsed;
}

inline std::string pod_name(const model::Pod& pod) {
  return pod.metadata.namespace_ + "/" + pod.metadata.name;
}

inline std::vector<scaling::PodRef> pod_refs(const Value* list) {
  std::vector<scaling::PodRef> out;
  for (model::Pod& pod : read_all<model::Pod>(list))
    out.push_back(std::make_shared<const model::Pod>(std::move(pod)));
  return out;
}

inline scaling::Controllers read_controllers(const Value& value) {
  scaling::Controllers out;
  const auto each = [&](std::string_view kind, auto&& take) {
    const Value* list = value.find(kind);
    if (list == nullptr || !list->is_list()) return;
    for (const Value& item : list->as_list()) {
      const Value& meta = need(item, "metadata");
      std::optional<std::int32_t> replicas;
      if (const Value* count = item.at("spec", "replicas"))
        replicas = static_cast<std::int32_t>(count->as_int());
      take(scaling::Controllers::Name{meta.text_at("namespace"), meta.text_at("name")}, replicas);
    }
  };
  each("replicationControllers",
       [&](const auto& name, auto replicas) { out.replication_controllers[name] = replicas; });
  each("replicaSets", [&](const auto& name, auto replicas) { out.replica_sets[name] = replicas; });
  each("statefulSets", [&](const auto& name, auto) { out.stateful_sets.insert(name); });
  each("jobs", [&](const auto& name, auto) { out.jobs.insert(name); });
  each("daemonSets", [&](const auto& name, auto) { out.daemon_sets.insert(name); });
  return out;
}

inline double real(const Value& number) {
  return number.kind() == Value::Kind::Int ? static_cast<double>(number.as_int())
                                           : number.as_double();
}

/// A double as the recorder wrote it: what JSON cannot hold as text.
inline Value real_value(double d) {
  if (d != d) return Value("NaN");
  if (d > 1.7976931348623157e308) return Value("+Inf");
  if (d < -1.7976931348623157e308) return Value("-Inf");
  if (d < 9e15 && d > -9e15 && d == static_cast<double>(static_cast<std::int64_t>(d)))
    return Value(static_cast<std::int64_t>(d));
  return Value(d);
}

/// The same number in the form that real_value gives.
inline Value real_value(const Value& number) {
  return number.is_string() ? number : real_value(real(number));
}

}  // namespace gputide::golden
