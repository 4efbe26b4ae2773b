// Fields of specs that the model keeps as they were written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "model/meta.h"
#include "model/value.h"

namespace gputide::workloads {

/// nullptr: the field is not there.
template <class Spec>
const model::Value* kept_field(const Spec& spec, std::string_view key) {
  for (const model::Member& member : spec.kept)
    if (member.key == key) return &member.value;
  return nullptr;
}

/// The number that `value` is; `fallback` where it is none, or nullptr.
inline std::int32_t number_or(const model::Value* value, std::int32_t fallback) {
  return value != nullptr && value->kind() == model::Value::Kind::Int
             ? static_cast<std::int32_t>(value->as_int())
             : fallback;
}

/// How long a pod must have been ready to be available.
template <class Spec>
Duration min_ready(const Spec& spec) {
  return Duration::seconds(number_or(kept_field(spec, "minReadySeconds"), 0));
}

}  // namespace gputide::workloads
