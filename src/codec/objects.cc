#include "codec/objects.h"

#include <fmt/core.h>

#include "base/text.h"
#include "codec/kinds.h"
#include "codec/typed_kinds.h"
#include "codec/yaml.h"

namespace gputide::codec {

using model::Member;
using model::Object;
using model::Value;

namespace {

// Kubernetes groups of which a wrong version is an error; other groups are custom resources.
bool is_builtin_group(std::string_view group) {
  return group.empty() || group == "apps" || group == "extensions" || group == "batch" ||
         group == "policy" || group == "autoscaling" || group.ends_with(".k8s.io");
}

const KindEntry* find_kind(std::string_view api_version, std::string_view kind) {
  const RetiredVersion* retired = find_retired(api_version, kind);
  for (const auto kinds : {kubernetes_kinds(), cloud_kinds()}) {
    for (const KindEntry& entry : kinds) {
      if (entry.kind != kind) continue;
      if (entry.version == api_version) return &entry;
      if (retired != nullptr && entry.version == retired->replacement) return &entry;
    }
  }
  return nullptr;
}

std::string_view group_of(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

// A slip in a group's name: "karpenter.k8.aws".
bool near_group(std::string_view version, const Object& object) {
  const std::string_view group[] = {group_of(version)};
  return !group[0].empty() && closest(object.group(), group).has_value();
}

Span place_of(const Value& document, std::string_view key) {
  const Value* value = document.find(key);
  return value != nullptr ? value->where : document.where;
}

// The replacement of a retired version, with an edit that makes it.
void report_retired(const RetiredVersion& retired, const Value& document, const Object& object,
                    Diagnostics& diagnostics) {
  const Span where = place_of(document, "apiVersion");
  std::string what =
      fmt::format("no matches for kind \"{}\" in version \"{}\"", object.kind, object.apiVersion);
  if (!retired.removed_in.empty())
    what += fmt::format(": Kubernetes {} and later do not serve it", retired.removed_in);
  std::string remedy;
  if (!retired.replacement.empty())
    remedy = fmt::format("write apiVersion: {}", retired.replacement);
  if (!retired.also.empty())
    remedy += (remedy.empty() ? "" : "; there ") + std::string(retired.also);
  Diagnostic d{Severity::Error, object.file, where, "retired-api-version", what, remedy, {}};
  if (!retired.replacement.empty() && where.end > where.begin)
    d.fix.push_back({where, std::string(retired.replacement)});
  diagnostics.add(std::move(d));
}

// Kinds of Karpenter's alpha versions, and what took their place.
constexpr std::pair<std::string_view, std::string_view> kKarpentersOld[] = {
    {"Provisioner", "a NodePool of karpenter.sh/v1"},
    {"AWSNodeTemplate", "an EC2NodeClass of karpenter.k8s.aws/v1"},
    {"Machine", "a NodeClaim of karpenter.sh/v1"},
};

void report_unknown_kind(const Value& document, const Object& object, Diagnostics& diagnostics) {
  const std::string no_match =
      fmt::format("no matches for kind \"{}\" in version \"{}\"", object.kind, object.apiVersion);
  std::vector<std::string_view> near;
  for (const auto kinds : {kubernetes_kinds(), cloud_kinds()}) {
    for (const KindEntry& entry : kinds) {
      const bool same_group = group_of(entry.version) == object.group();
      if (entry.kind == object.kind &&
          (same_group || is_builtin_group(object.group()) || near_group(entry.version, object))) {
        diagnostics.error(object.file, place_of(document, "apiVersion"), "unknown-api-version",
                          no_match, fmt::format("write apiVersion: {}", entry.version));
        return;
      }
      if (same_group) near.push_back(entry.kind);
    }
  }
  for (const auto& [old, now] : kKarpentersOld)
    if (object.kind == old && object.group().starts_with("karpenter.")) {
      diagnostics.error(object.file, place_of(document, "kind"), "unknown-kind",
                        no_match + ": Karpenter 0.33 and later do not take it",
                        fmt::format("write it as {}", now));
      return;
    }
  if (const auto meant = closest(object.kind, near)) {
    diagnostics.error(object.file, place_of(document, "kind"), "unknown-kind", no_match,
                      fmt::format("did you mean \"{}\"?", *meant));
    return;
  }
  diagnostics.warning(object.file, place_of(document, "kind"), "unknown-kind",
                      fmt::format("kind {} of {} is not known here and has no effect; it is kept "
                                  "as it is",
                                  object.kind, object.apiVersion),
                      object.group() == "kustomize.config.k8s.io"
                          ? "give what `kubectl kustomize` makes of its folder"
                          : "");
}

std::string required_text(const Value& document, std::string_view key, const std::string& file,
                          Diagnostics& diagnostics) {
  const Value* value = document.find(key);
  if (value == nullptr || value->is_null()) {
    if (document.kind() == Value::Kind::Map)
      for (const model::Member& member : document.as_map())
        if (member.key != key && to_lower(member.key) == to_lower(key)) {
          diagnostics.error(file, member.key_where, "missing-field",
                            fmt::format("{} is not set", key),
                            fmt::format("write {}, not {}", key, member.key));
          return {};
        }
    diagnostics.error(
        file, document.where, "missing-field", fmt::format("{} is not set", key),
        key == "kind" ? "write kind: Pod, for instance" : "write apiVersion: v1, for instance");
    return {};
  }
  if (!value->is_string()) {
    diagnostics.error(file, value->where, "wrong-type",
                      fmt::format("{} wants a string, this is {}", key, value->kind_text()));
    return {};
  }
  return value->as_string();
}

}  // namespace

Object read_object(Value document, const std::string& file, Diagnostics& diagnostics,
                   std::string_view text) {
  Object object;
  object.file = file;
  object.source = std::move(document);
  const Value& source = object.source;
  if (!source.is_map()) {
    diagnostics.error(file, source.where, "not-an-object",
                      fmt::format("an object is needed here, this is {}", source.kind_text()),
                      "write apiVersion:, kind: and metadata:");
    return object;
  }
  object.apiVersion = required_text(source, "apiVersion", file, diagnostics);
  object.kind = required_text(source, "kind", file, diagnostics);
  if (object.apiVersion.empty() || object.kind.empty()) return object;
  const RetiredVersion* retired = find_retired(object.apiVersion, object.kind);
  if (retired != nullptr) report_retired(*retired, source, object, diagnostics);
  const KindEntry* entry = find_kind(object.apiVersion, object.kind);
  if (entry == nullptr) {
    if (retired == nullptr) report_unknown_kind(source, object, diagnostics);
    Diagnostics ignored;
    Decoder quiet(file, ignored);
    if (const Value* metadata = source.find("metadata")) read_metadata(*metadata, object, quiet);
    return object;
  }
  Decoder decoder(file, diagnostics, text);
  decoder.skip_type();
  object.typed = entry->read(source, object, decoder);
  return object;
}

namespace {

void read_document(Value document, const std::string& file, std::string_view text,
                   Diagnostics& diagnostics, std::vector<Object>& objects) {
  Value* items = document.find("items");
  if (!document.text_at("kind").ends_with("List") || items == nullptr || !items->is_list()) {
    objects.push_back(read_object(std::move(document), file, diagnostics, text));
    return;
  }
  for (Value& item : items->as_list())
    objects.push_back(read_object(std::move(item), file, diagnostics, text));
}

}  // namespace

std::vector<Object> read_objects(std::string_view text, const std::string& file,
                                 Diagnostics& diagnostics) {
  std::vector<Object> objects;
  for (Value& document : read_yaml(text, file, diagnostics))
    read_document(std::move(document), file, text, diagnostics, objects);
  return objects;
}

Value encode_object(const Object& object) {
  const KindEntry* entry = find_kind(object.apiVersion, object.kind);
  if (entry == nullptr || object.typed.index() == 0) return object.source;
  Value out{Value::Map{}};
  out.set("apiVersion", object.apiVersion);
  out.set("kind", object.kind);
  Value body = entry->write(object.typed);
  for (Member& member : body.as_map()) out.as_map().push_back(std::move(member));
  return out;
}

}  // namespace gputide::codec
