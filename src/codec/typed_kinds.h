// The kinds that have a typed form. Reading and writing a kind instantiates much code, so kinds are
// spread over a few source files, each of which lists its own.
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string_view>

#include "codec/bind.h"
#include "model/object.h"

namespace gputide::codec {

struct KindEntry {
  std::string_view kind;
  std::string_view version;  // "apps/v1"
  model::Typed (*read)(const model::Value& document, model::Object& object, Decoder& decoder);
  model::Value (*write)(const model::Typed& typed);
};

std::span<const KindEntry> kubernetes_kinds();
std::span<const KindEntry> cloud_kinds();

/// Reads metadata alone, for kinds that have no typed form.
void read_metadata(const model::Value& metadata, model::Object& object, Decoder& decoder);

template <class Kind>
model::Typed read_typed(const model::Value& document, model::Object& object, Decoder& decoder) {
  auto typed = std::make_shared<Kind>();
  decode(document, *typed, decoder);
  if constexpr (std::same_as<decltype(typed->metadata), model::ObjectMeta>)
    object.metadata = typed->metadata;
  else
    object.metadata.name = typed->metadata.name;
  return std::shared_ptr<const Kind>(std::move(typed));
}

template <class Kind>
model::Value write_typed(const model::Typed& typed) {
  return encode(*std::get<std::shared_ptr<const Kind>>(typed));
}

template <class Kind>
constexpr KindEntry kind_entry(std::string_view kind, std::string_view version) {
  return {kind, version, read_typed<Kind>, write_typed<Kind>};
}

}  // namespace gputide::codec
