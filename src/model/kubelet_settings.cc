#include "model/kubelet_settings.h"

#include <charconv>
#include <string>
#include <system_error>

namespace gputide::model {
namespace {

std::optional<std::int64_t> number(const Value& config, std::string_view key) {
  const Value* value = config.find(key);
  if (value == nullptr || value->kind() != Value::Kind::Int) return std::nullopt;
  return value->as_int();
}

std::string text(const Value& value) {
  if (value.is_string()) return value.as_string();
  return value.kind() == Value::Kind::Int ? std::to_string(value.as_int()) : std::string();
}

ResourceList amounts(const Value& config, std::string_view key) {
  ResourceList out;
  const Value* list = config.find(key);
  if (list == nullptr || !list->is_map()) return out;
  for (const Member& each : list->as_map())
    if (const Result<Quantity> amount = Quantity::parse(text(each.value)))
      out.emplace(each.key, *amount);
  return out;
}

}  // namespace

KubeletSettings kubelet_settings(const Value& config) {
  KubeletSettings out;
  out.max_pods = number(config, "maxPods");
  out.pods_per_core = number(config, "podsPerCore").value_or(0);
  out.kube_reserved = amounts(config, "kubeReserved");
  out.system_reserved = amounts(config, "systemReserved");
  const Value* eviction = config.find("evictionHard");
  if (eviction != nullptr && eviction->is_map())
    for (const Member& each : eviction->as_map())
      if (const std::string said = text(each.value); eviction_threshold(said, 0))
        out.eviction_hard.insert_or_assign(each.key, said);
  return out;
}

std::optional<std::int64_t> eviction_threshold(std::string_view text, std::int64_t capacity) {
  if (!text.ends_with('%')) {
    const Result<Quantity> amount = Quantity::parse(text);
    return amount ? std::optional(amount->value()) : std::nullopt;
  }
  text.remove_suffix(1);
  float percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || end != text.data() + text.size() || !(percent >= 0))
    return std::nullopt;
  if (percent == 0 || percent >= 100) return 0;
  return static_cast<std::int64_t>(static_cast<double>(capacity) *
                                   static_cast<double>(percent / 100));
}

}  // namespace gputide::model
