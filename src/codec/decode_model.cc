// The few model types whose written form is not simply a map of their fields.
#include <fmt/core.h>

#include "base/text.h"
#include "codec/bind.h"

namespace gputide::codec {

using model::Member;
using model::Taint;
using model::Value;

namespace {

// eksctl's rule for "value:Effect": one part is the effect alone, two are value and effect.
void read_map_taint(const Member& member, model::NodeGroupTaints& out, Decoder& decoder) {
  const Decoder::Step step(decoder, member.key);
  std::string text;
  decode(member.value, text, decoder);
  if (text.empty()) return;
  const auto parts = split(text, ':');
  Taint taint;
  taint.key = member.key;
  if (parts.size() == 1) {
    taint.effect = parts[0];
  } else if (parts.size() == 2) {
    taint.value = parts[0];
    taint.effect = parts[1];
  } else {
    decoder.error(member.value.where, "bad-taint",
                  fmt::format("{}: {} has more than one colon, so its effect is lost",
                              decoder.path(), quote(text)),
                  "write \"value:NoSchedule\"");
    return;
  }
  out.list.push_back(std::move(taint));
}

}  // namespace

void decode(const Value& value, model::NodeGroupTaints& out, Decoder& decoder) {
  if (value.is_null()) return;
  if (value.is_list()) return decode(value, out.list, decoder);
  if (!value.is_map())
    return decoder.error(
        value.where, "wrong-type",
        fmt::format("{} must be a {{string: string}} map or a [{{key, value, effect}}] list",
                    decoder.path()));
  for (const Member& member : value.as_map()) read_map_taint(member, out, decoder);
}

Value encode(const model::NodeGroupTaints& taints) {
  return encode(taints.list);
}

void decode(const Value& value, model::ReplicatedDevices& out, Decoder& decoder) {
  if (value.is_null()) return;
  if (value.kind() == Value::Kind::Int) {
    std::int32_t count = 0;
    decode(value, count, decoder);
    if (count <= 0)
      return decoder.error(
          value.where, "out-of-range",
          fmt::format("{} must be \"all\", a positive number or a list", decoder.path()));
    out = {false, count, {}};
    return;
  }
  if (value.is_string() && value.as_string() == "all") {
    out = {};
    return;
  }
  if (!value.is_list()) return decoder.wrong_kind(value, "\"all\", a number or a list");
  out = {false, std::nullopt, {}};
  for (std::size_t i = 0; i < value.as_list().size(); ++i) {
    const Decoder::Step step(decoder, i);
    const Value& item = value.as_list()[i];
    if (item.kind() == Value::Kind::Int)
      out.list.push_back(std::to_string(item.as_int()));
    else if (item.is_string())
      out.list.push_back(item.as_string());
    else
      decoder.wrong_kind(item, "an index or a UUID");
  }
}

Value encode(const model::ReplicatedDevices& devices) {
  if (devices.all) return Value("all");
  if (devices.count) return encode(*devices.count);
  return encode(devices.list);
}

}  // namespace gputide::codec
