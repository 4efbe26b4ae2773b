#include "codec/objects.h"

#include <array>
#include <functional>

#include <fmt/core.h>

#include "base/text.h"
#include "codec/bind.h"
#include "codec/yaml.h"

namespace gputide::codec {

using model::Member;
using model::Object;
using model::Value;

namespace {

template <class Kind>
model::Typed read_typed(const Value& body, Object& object, Decoder& decoder) {
  auto typed = std::make_shared<Kind>();
  decode(body, *typed, decoder);
  if constexpr (std::same_as<decltype(typed->metadata), model::ObjectMeta>)
    object.metadata = typed->metadata;
  else
    object.metadata.name = typed->metadata.name;
  return std::shared_ptr<const Kind>(std::move(typed));
}

struct KindEntry {
  std::string_view kind;
  std::string_view versions;  // accepted, space separated, the current one first
  std::string_view retired;   // once served, now refused, space separated
  model::Typed (*read)(const Value&, Object&, Decoder&);
};

constexpr std::string_view kExtensions = "extensions/v1beta1 apps/v1beta1 apps/v1beta2";

const KindEntry kKinds[] = {
    {"Pod", "v1", "", read_typed<model::Pod>},
    {"Node", "v1", "", read_typed<model::Node>},
    {"ConfigMap", "v1", "", read_typed<model::ConfigMap>},
    {"Namespace", "v1", "", read_typed<model::Namespace>},
    {"Service", "v1", "", read_typed<model::Service>},
    {"ServiceAccount", "v1", "", read_typed<model::MetadataOnly>},
    {"Secret", "v1", "", read_typed<model::MetadataOnly>},
    {"ReplicationController", "v1", "", read_typed<model::ReplicationController>},
    {"PersistentVolume", "v1", "", read_typed<model::PersistentVolume>},
    {"PersistentVolumeClaim", "v1", "", read_typed<model::PersistentVolumeClaim>},
    {"Deployment", "apps/v1", kExtensions, read_typed<model::Deployment>},
    {"ReplicaSet", "apps/v1", kExtensions, read_typed<model::ReplicaSet>},
    {"DaemonSet", "apps/v1", kExtensions, read_typed<model::DaemonSet>},
    {"StatefulSet", "apps/v1", "apps/v1beta1 apps/v1beta2", read_typed<model::StatefulSet>},
    {"Job", "batch/v1", "", read_typed<model::Job>},
    {"PodDisruptionBudget", "policy/v1", "policy/v1beta1", read_typed<model::PodDisruptionBudget>},
    {"PriorityClass", "scheduling.k8s.io/v1",
     "scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1alpha1", read_typed<model::PriorityClass>},
    {"Role", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1",
     read_typed<model::MetadataOnly>},
    {"RoleBinding", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1",
     read_typed<model::MetadataOnly>},
    {"ClusterRole", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1",
     read_typed<model::MetadataOnly>},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1beta1",
     read_typed<model::MetadataOnly>},
    {"StorageClass", "storage.k8s.io/v1", "storage.k8s.io/v1beta1",
     read_typed<model::StorageClass>},
    {"CSINode", "storage.k8s.io/v1", "storage.k8s.io/v1beta1", read_typed<model::CSINode>},
    {"ClusterConfig", "eksctl.io/v1alpha5", "eksctl.io/v1alpha4", read_typed<model::ClusterConfig>},
    {"Scenario", "gputide.dev/v1alpha1", "", read_typed<model::Scenario>},
};

bool contains_word(std::string_view words, std::string_view word) {
  for (const std::string_view each : split(words, ' '))
    if (each == word) return true;
  return false;
}

// Kubernetes groups of which a wrong version is an error; other groups are custom resources.
bool is_builtin_group(std::string_view group) {
  return group.empty() || group == "apps" || group == "extensions" || group == "batch" ||
         group == "policy" || group == "autoscaling" || group.ends_with(".k8s.io");
}

const KindEntry* find_kind(std::string_view api_version, std::string_view kind) {
  for (const KindEntry& entry : kKinds)
    if (entry.kind == kind &&
        (contains_word(entry.versions, api_version) || contains_word(entry.retired, api_version)))
      return &entry;
  return nullptr;
}

Span place_of(const Value& document, std::string_view key) {
  const Value* value = document.find(key);
  return value != nullptr ? value->where : document.where;
}

// The replacement of a retired version, with an edit that makes it.
void report_retired(const KindEntry& entry, const Value& document, const Object& object,
                    Diagnostics& diagnostics) {
  const std::string_view current = split(entry.versions, ' ').front();
  const Span where = place_of(document, "apiVersion");
  Diagnostic d{Severity::Error,
               object.file,
               where,
               "retired-api-version",
               fmt::format("no matches for kind \"{}\" in version \"{}\": the API server no longer "
                           "serves it",
                           object.kind, object.apiVersion),
               fmt::format("write apiVersion: {}", current),
               {}};
  d.fix.push_back({where, std::string(current)});
  diagnostics.add(std::move(d));
}

void report_unknown_kind(const Value& document, const Object& object, Diagnostics& diagnostics) {
  std::vector<std::string_view> near;
  for (const KindEntry& entry : kKinds)
    if (is_builtin_group(object.group())) near.push_back(entry.kind);
  const auto meant = closest(object.kind, near);
  for (const KindEntry& entry : kKinds) {
    if (entry.kind != object.kind || !is_builtin_group(object.group())) continue;
    diagnostics.error(
        object.file, place_of(document, "apiVersion"), "unknown-api-version",
        fmt::format("no matches for kind \"{}\" in version \"{}\"", object.kind, object.apiVersion),
        fmt::format("write apiVersion: {}", split(entry.versions, ' ').front()));
    return;
  }
  if (meant) {
    diagnostics.error(
        object.file, place_of(document, "kind"), "unknown-kind",
        fmt::format("no matches for kind \"{}\" in version \"{}\"", object.kind, object.apiVersion),
        fmt::format("did you mean \"{}\"?", *meant));
    return;
  }
  diagnostics.warning(
      object.file, place_of(document, "kind"), "unknown-kind",
      fmt::format("kind {} of {} is not known here and has no effect; it is kept as "
                  "it is",
                  object.kind, object.apiVersion));
}

std::string required_text(const Value& document, std::string_view key, const std::string& file,
                          Diagnostics& diagnostics) {
  const Value* value = document.find(key);
  if (value == nullptr || value->is_null()) {
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

// The document without apiVersion and kind, which belong to every kind.
Value body_of(const Value& document) {
  Value::Map members;
  for (const Member& member : document.as_map())
    if (member.key != "apiVersion" && member.key != "kind") members.push_back(member);
  Value body(std::move(members));
  body.where = document.where;
  return body;
}

}  // namespace

Object read_object(const Value& document, const std::string& file, Diagnostics& diagnostics) {
  Object object;
  object.file = file;
  object.source = document;
  if (!document.is_map()) {
    diagnostics.error(file, document.where, "not-an-object",
                      fmt::format("an object is needed here, this is {}", document.kind_text()),
                      "write apiVersion:, kind: and metadata:");
    return object;
  }
  object.apiVersion = required_text(document, "apiVersion", file, diagnostics);
  object.kind = required_text(document, "kind", file, diagnostics);
  if (object.apiVersion.empty() || object.kind.empty()) return object;
  Decoder decoder(file, diagnostics);
  const KindEntry* entry = find_kind(object.apiVersion, object.kind);
  if (entry == nullptr) {
    report_unknown_kind(document, object, diagnostics);
    Diagnostics ignored;
    Decoder quiet(file, ignored);
    if (const Value* metadata = document.find("metadata"))
      decode(*metadata, object.metadata, quiet);
    return object;
  }
  if (contains_word(entry->retired, object.apiVersion))
    report_retired(*entry, document, object, diagnostics);
  object.typed = entry->read(body_of(document), object, decoder);
  return object;
}

std::vector<Object> read_objects(std::string_view text, const std::string& file,
                                 Diagnostics& diagnostics) {
  std::vector<Object> objects;
  for (const Value& document : read_yaml(text, file, diagnostics)) {
    const Value* items = document.find("items");
    if (document.text_at("kind").ends_with("List") && items != nullptr && items->is_list()) {
      for (const Value& item : items->as_list())
        objects.push_back(read_object(item, file, diagnostics));
    } else {
      objects.push_back(read_object(document, file, diagnostics));
    }
  }
  return objects;
}

model::PluginConfig read_plugin_config(std::string_view text, const std::string& file,
                                       Diagnostics& diagnostics) {
  model::PluginConfig config;
  const std::vector<Value> documents = read_yaml(text, file, diagnostics);
  if (documents.empty()) return config;
  Decoder decoder(file, diagnostics);
  decode(documents.front(), config, decoder);
  return config;
}

template <class Kind>
Kind read_kind(const Value& value, const std::string& file, Diagnostics& diagnostics) {
  Kind out;
  Decoder decoder(file, diagnostics);
  decode(value, out, decoder);
  return out;
}

template model::Pod read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodSpec read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodTemplateSpec read_kind(const Value&, const std::string&, Diagnostics&);
template model::Node read_kind(const Value&, const std::string&, Diagnostics&);
template model::ObjectMeta read_kind(const Value&, const std::string&, Diagnostics&);
template model::LabelSelector read_kind(const Value&, const std::string&, Diagnostics&);
template model::Taint read_kind(const Value&, const std::string&, Diagnostics&);
template model::Toleration read_kind(const Value&, const std::string&, Diagnostics&);
template model::Namespace read_kind(const Value&, const std::string&, Diagnostics&);
template model::Service read_kind(const Value&, const std::string&, Diagnostics&);
template model::ReplicaSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::ReplicationController read_kind(const Value&, const std::string&, Diagnostics&);
template model::DaemonSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::StatefulSet read_kind(const Value&, const std::string&, Diagnostics&);
template model::Job read_kind(const Value&, const std::string&, Diagnostics&);
template model::PodDisruptionBudget read_kind(const Value&, const std::string&, Diagnostics&);
template model::PersistentVolume read_kind(const Value&, const std::string&, Diagnostics&);
template model::PersistentVolumeClaim read_kind(const Value&, const std::string&, Diagnostics&);
template model::StorageClass read_kind(const Value&, const std::string&, Diagnostics&);
template model::CSINode read_kind(const Value&, const std::string&, Diagnostics&);

}  // namespace gputide::codec
