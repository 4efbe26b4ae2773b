#include "model/object_validation.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/text.h"
#include "model/selector.h"

namespace gputide::model {
namespace {

std::string flag_text(const std::optional<bool>& flag) {
  return flag ? "(*bool)(PTR)" : "(*bool)(nil)";
}

/// An owner as Go's %#v writes it: error texts quote all of it. Addresses are left out.
std::string go_text(const OwnerReference& owner) {
  return "v1.OwnerReference{APIVersion:" + quote(owner.apiVersion) + ", Kind:" + quote(owner.kind) +
         ", Name:" + quote(owner.name) + ", UID:" + quote(owner.uid) +
         ", Controller:" + flag_text(owner.controller) +
         ", BlockOwnerDeletion:" + flag_text(owner.blockOwnerDeletion) + "}";
}

std::string go_text(const std::vector<OwnerReference>& owners) {
  std::vector<std::string> parts;
  for (const OwnerReference& owner : owners) parts.push_back(go_text(owner));
  return "[]v1.OwnerReference{" + join(parts, ", ") + "}";
}

void append(Problems& out, const Problems& more) {
  out.insert(out.end(), more.begin(), more.end());
}

/// The version in an apiVersion: what follows the only slash, or all of it without one.
std::string_view version_of(std::string_view api_version) {
  const std::size_t slash = api_version.find('/');
  if (slash == api_version.npos) return api_version;
  const std::string_view version = api_version.substr(slash + 1);
  return version.find('/') == version.npos ? version : std::string_view();
}

void check_owner(const OwnerReference& owner, const std::string& path, Problems& out) {
  const auto need = [&](bool present, const char* field, std::string_view value, const char* text) {
    if (!present) out.push_back(invalid_value(path + "." + field, value, text));
  };
  need(!version_of(owner.apiVersion).empty(), "apiVersion", owner.apiVersion,
       "version must not be empty");
  need(!owner.kind.empty(), "kind", owner.kind, "kind must not be empty");
  need(!owner.name.empty(), "name", owner.name, "name must not be empty");
  need(!owner.uid.empty(), "uid", owner.uid, "uid must not be empty");
  if (owner.apiVersion == "v1" && owner.kind == "Event")
    out.push_back(path + ": Invalid value: " + go_text(owner) +
                  ": /v1, Kind=Event is disallowed from being an owner");
}

void check_owners(const std::vector<OwnerReference>& owners, const std::string& path,
                  Problems& out) {
  std::string controller;
  for (const OwnerReference& owner : owners) {
    check_owner(owner, path, out);
    if (!owner.controller.value_or(false)) continue;
    const std::string name = owner.kind + "/" + owner.name;
    if (controller.empty())
      controller = name;
    else
      out.push_back(fmt::format(
          "{}: Invalid value: {}: Only one reference can have Controller set to true. Found "
          "\"true\" in references for {} and {}",
          path, go_text(owners), controller, name));
  }
}

void check_finalizers(const std::vector<std::string>& finalizers, const std::string& path,
                      Problems& out) {
  for (const std::string& finalizer : finalizers) append(out, check_finalizer(path, finalizer));
  const auto has = [&](std::string_view name) {
    return std::find(finalizers.begin(), finalizers.end(), name) != finalizers.end();
  };
  if (has("orphan") && has("foregroundDeletion"))
    out.push_back(path + ": Invalid value: " + go_list(finalizers) +
                  ": finalizer orphan and foregroundDeletion cannot be both set");
}

}  // namespace

Problems check_labels(const StringMap& labels, const std::string& path) {
  Problems out;
  for (const auto& [key, value] : labels) {
    add_invalid(out, path, key, check_qualified_name(key));
    add_invalid(out, path, value, check_label_value(value));
  }
  return out;
}

std::string check_annotations_size(std::size_t bytes) {
  if (bytes <= kMostAnnotationBytes) return "";
  return "annotations size " + std::to_string(bytes) + " is larger than limit " +
         std::to_string(kMostAnnotationBytes);
}

Problems check_annotations(const StringMap& annotations, const std::string& path) {
  Problems out;
  std::size_t bytes = 0;
  for (const auto& [key, value] : annotations) {
    bytes += key.size() + value.size();
    add_invalid(out, path, key, check_qualified_name(to_lower(key)));
  }
  if (!check_annotations_size(bytes).empty())
    out.push_back(path + ": Too long: must have at most " + std::to_string(kMostAnnotationBytes) +
                  " bytes");
  return out;
}

Problems check_object_meta(const ObjectMeta& meta, std::int64_t generation, bool requires_namespace,
                           NameRule rule, const std::string& path) {
  Problems out;
  if (!meta.generateName.empty())
    add_invalid(out, path + ".generateName", meta.generateName,
                check_name(rule, meta.generateName, true));
  if (meta.name.empty())
    out.push_back(path + ".name: Required value: name or generateName is required");
  else
    add_invalid(out, path + ".name", meta.name, check_name(rule, meta.name, false));
  if (requires_namespace && meta.namespace_.empty())
    out.push_back(path + ".namespace: Required value");
  else if (requires_namespace)
    add_invalid(out, path + ".namespace", meta.namespace_, check_dns1123_label(meta.namespace_));
  else if (!meta.namespace_.empty())
    out.push_back(path + ".namespace: Forbidden: not allowed on this type");
  if (generation < 0)
    out.push_back(path + ".generation: Invalid value: " + std::to_string(generation) +
                  ": must be greater than or equal to 0");
  append(out, check_labels(meta.labels, path + ".labels"));
  append(out, check_annotations(meta.annotations, path + ".annotations"));
  check_owners(meta.ownerReferences, path + ".ownerReferences", out);
  check_finalizers(meta.finalizers, path + ".finalizers", out);
  return out;
}

Problems check_label_selector(const LabelSelector& selector, const std::string& path) {
  Problems out = check_labels(selector.matchLabels, path + ".matchLabels");
  for (std::size_t i = 0; i < selector.matchExpressions.size(); ++i) {
    const LabelSelectorRequirement& each = selector.matchExpressions[i];
    const std::string at = path + ".matchExpressions[" + std::to_string(i) + "]";
    if (each.operator_ == "In" || each.operator_ == "NotIn") {
      if (each.values.empty())
        out.push_back(at +
                      ".values: Required value: must be specified when `operator` is 'In' or "
                      "'NotIn'");
    } else if (each.operator_ == "Exists" || each.operator_ == "DoesNotExist") {
      if (!each.values.empty())
        out.push_back(at +
                      ".values: Forbidden: may not be specified when `operator` is 'Exists' or "
                      "'DoesNotExist'");
    } else {
      out.push_back(
          invalid_value(at + ".operator", each.operator_, "not a valid selector operator"));
    }
    add_invalid(out, at + ".key", each.key, check_qualified_name(each.key));
    for (std::size_t v = 0; v < each.values.size(); ++v)
      add_invalid(out, at + ".values[" + std::to_string(v) + "]", each.values[v],
                  check_label_value(each.values[v]));
  }
  return out;
}

}  // namespace gputide::model
