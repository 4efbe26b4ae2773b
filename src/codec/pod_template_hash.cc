#include "codec/pod_template_hash.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <vector>

#include <fmt/core.h>

#include "base/check.h"
#include "base/quantity.h"
#include "base/text.h"
#include "codec/json.h"
#include "model/names.h"

namespace gputide::codec {
namespace {

using model::Value;

struct Field {
  std::string_view name;
  std::string_view type;
  std::string key;
  bool in_place = false;  // the struct's keys stand where the field is
};
using Structs = std::map<std::string_view, std::vector<Field>>;

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

// "HTTPGet" -> "httpGet", "TTY" -> "tty", "HostPID" -> "hostPID".
std::string json_key(std::string_view name) {
  std::size_t capitals = 0;
  while (capitals < name.size() && is_upper(name[capitals])) ++capitals;
  const bool next_word = capitals < name.size() && capitals > 1 && name[capitals] >= 'a';
  const std::size_t small = next_word ? capitals - 1 : capitals;
  return to_lower(name.substr(0, small)) + std::string(name.substr(small));
}

Field read_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t equals = text.find('=');
  Field field;
  field.name = text.substr(0, colon);
  field.type =
      text.substr(colon + 1, equals == std::string_view::npos ? equals : equals - colon - 1);
  if (equals == std::string_view::npos)
    field.key = json_key(field.name);
  else
    field.key = text.substr(equals + 1);
  field.in_place = field.key == "^";
  return field;
}

const Structs& structs() {
  static const Structs kStructs = [] {
    Structs all;
    std::vector<Field>* open = nullptr;
    std::string_view rest = kPodTemplateFields;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of(" \n"), rest.size());
      const std::string_view word = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (word.empty()) continue;
      if (word == ";")
        open = nullptr;
      else if (open == nullptr)
        open = &all[word];
      else
        open->push_back(read_field(word));
    }
    return all;
  }();
  return kStructs;
}

// What the API server writes where nothing stands. Source: kubernetes 1.31 pkg/apis/core/v1
// defaults.go; those that need a look around are in `default_of`.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"AzureDiskVolumeSource.CachingMode", R"("ReadWrite")"},
    {"AzureDiskVolumeSource.FSType", R"("ext4")"},
    {"AzureDiskVolumeSource.Kind", R"("Shared")"},
    {"AzureDiskVolumeSource.ReadOnly", "false"},
    {"ConfigMapVolumeSource.DefaultMode", "420"},
    {"Container.TerminationMessagePath", R"("/dev/termination-log")"},
    {"Container.TerminationMessagePolicy", R"("File")"},
    {"ContainerPort.Protocol", R"("TCP")"},
    {"DownwardAPIVolumeSource.DefaultMode", "420"},
    {"GRPCAction.Service", R"("")"},
    {"HTTPGetAction.Path", R"("/")"},
    {"HTTPGetAction.Scheme", R"("HTTP")"},
    {"HostPathVolumeSource.Type", R"("")"},
    {"ISCSIVolumeSource.ISCSIInterface", R"("default")"},
    {"ObjectFieldSelector.APIVersion", R"("v1")"},
    {"PersistentVolumeClaimSpec.VolumeMode", R"("Filesystem")"},
    {"PodSpec.DNSPolicy", R"("ClusterFirst")"},
    {"PodSpec.RestartPolicy", R"("Always")"},
    {"PodSpec.SchedulerName", R"("default-scheduler")"},
    {"PodSpec.SecurityContext", "{}"},
    {"PodSpec.TerminationGracePeriodSeconds", "30"},
    {"Probe.FailureThreshold", "3"},
    {"Probe.PeriodSeconds", "10"},
    {"Probe.SuccessThreshold", "1"},
    {"Probe.TimeoutSeconds", "1"},
    {"ProjectedVolumeSource.DefaultMode", "420"},
    {"RBDVolumeSource.Keyring", R"("/etc/ceph/keyring")"},
    {"RBDVolumeSource.RBDPool", R"("rbd")"},
    {"RBDVolumeSource.RadosUser", R"("admin")"},
    {"ResourceFieldSelector.Divisor", R"("0")"},
    {"ScaleIOVolumeSource.FSType", R"("xfs")"},
    {"ScaleIOVolumeSource.StorageMode", R"("ThinProvisioned")"},
    {"SecretVolumeSource.DefaultMode", "420"},
    {"ServiceAccountTokenProjection.ExpirationSeconds", "3600"},
};

const std::map<std::string, Value, std::less<>>& defaults() {
  static const std::map<std::string, Value, std::less<>> kValues = [] {
    std::map<std::string, Value, std::less<>> values;
    for (const auto& [field, text] : kDefaults) values.emplace(field, read_json(text).value());
    return values;
  }();
  return kValues;
}

// The tag of "registry:5000/image:tag@digest".
bool is_latest(std::string_view image) {
  if (image.find('@') != std::string_view::npos) return false;
  const std::size_t colon = image.rfind(':');
  const std::size_t slash = image.rfind('/');
  const bool tagged =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return !tagged || image.substr(colon + 1) == "latest";
}

bool is_zero(const Value* value) {
  if (value == nullptr || value->is_null()) return true;
  if (value->is_string()) return value->as_string().empty();
  return value->kind() == Value::Kind::Int && value->as_int() == 0;
}

bool is_empty(const Value& value) {
  return (value.is_list() && value.as_list().empty()) || (value.is_map() && value.as_map().empty());
}

// A quantity as Go's struct keeps it.
struct Kept {
  std::int64_t value = 0;
  std::int64_t scale = 0;
  std::string_view format;
  bool with_text = false;
};

Kept kept(std::string_view text) {
  Kept kept;
  if (text == "0") {
    kept.with_text = true;  // read without a look at its format
    return kept;
  }
  const std::size_t end = std::min(text.find_first_not_of("+-.0123456789"), text.size());
  std::string digits;
  for (const char c : text.substr(0, end))
    if (c != '.' && c != '+') digits += c;
  const std::size_t point = text.substr(0, end).find('.');
  const auto decimals =
      static_cast<std::int64_t>(point == std::string_view::npos ? 0 : end - point - 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), kept.value);
  const std::string_view suffix = text.substr(end);
  constexpr std::string_view kBinary = "KMGTPE";
  constexpr std::string_view kDecimal = "num kMGTPE";
  if (suffix.size() == 2 && suffix[1] == 'i') {
    kept.format = "BinarySI";
    kept.value <<= 10 * static_cast<std::int64_t>(kBinary.find(suffix[0]) + 1);
    return kept;
  }
  kept.with_text = true;
  kept.format = "DecimalSI";
  if (suffix.size() > 1) {  // e3
    kept.format = "DecimalExponent";
    const std::size_t sign = suffix[1] == '+' ? 2 : 1;
    std::from_chars(suffix.data() + sign, suffix.data() + suffix.size(), kept.scale);
  } else if (!suffix.empty()) {
    const std::size_t at = kDecimal.find(suffix[0]);
    kept.scale = at < 3 ? (suffix[0] == 'n'   ? -9
                           : suffix[0] == 'u' ? -6
                                              : -3)
                        : 3 * static_cast<std::int64_t>(at - 3);
  }
  kept.scale -= decimals;
  return kept;
}

// Prints a value as go-spew prints a Go variable of that type, addresses left out and keys sorted.
class GoText {
 public:
  explicit GoText(TemplateOrigin origin) : stored_(origin == TemplateOrigin::ApiServer) {}
  std::string out;

  void typed(std::string_view type, const Value* value) {
    out += '(';
    out += type;
    out += ')';
    bare(type, value);
  }

 private:
  void bare(std::string_view type, const Value* value) {
    if (value != nullptr && value->is_null()) value = nullptr;
    if (type.starts_with('*')) return value == nullptr ? nil() : bare(type.substr(1), value);
    if (type.starts_with("[]")) return list(type.substr(2), value);
    if (type == "map[string]string") return map("string", value);
    if (type == "v1.ResourceList") return map("resource.Quantity", value);
    if (type == "resource.Quantity") return quantity(value);
    if (type == "intstr.IntOrString") return int_or_string(value);
    if (type == "v1.Time") {  // a template was never created
      out += "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}";
      return;
    }
    const auto known = type.starts_with("v1.") ? structs().find(type.substr(3)) : structs().end();
    if (known != structs().end()) return fields(known->first, known->second, value);
    scalar(type, value);
  }

  void nil() { out += "<nil>"; }

  void scalar(std::string_view type, const Value* value) {
    if (type == "bool")
      out += value != nullptr && value->kind() == Value::Kind::Bool && value->as_bool() ? "true"
                                                                                        : "false";
    else if (type == "int32" || type == "int64")
      out += std::to_string(value != nullptr && value->kind() == Value::Kind::Int ? value->as_int()
                                                                                  : 0);
    else if (value != nullptr && value->is_string())
      out += value->as_string();
  }

  void list(std::string_view type, const Value* value) {
    if (value == nullptr || !value->is_list() || (stored_ && is_empty(*value))) return nil();
    out += '[';
    for (std::size_t i = 0; i < value->as_list().size(); ++i) {
      if (i > 0) out += ' ';
      bare(type, &value->as_list()[i]);
    }
    out += ']';
  }

  void map(std::string_view type, const Value* value) {
    if (value == nullptr || !value->is_map() || (stored_ && is_empty(*value))) return nil();
    std::map<std::string_view, const Value*> sorted;
    for (const model::Member& member : value->as_map()) sorted[member.key] = &member.value;
    out += "map[";
    for (bool first = true; const auto& [key, entry] : sorted) {
      if (!std::exchange(first, false)) out += ' ';
      out += key;
      out += ':';
      bare(type, entry);
    }
    out += ']';
  }

  void quantity(const Value* value) {
    std::string text;
    if (value != nullptr) text = value->is_string() ? value->as_string() : write_json(*value);
    if (stored_ && !text.empty())
      if (const Result<Quantity> read = Quantity::parse(text)) text = read->text();
    const Kept parts = kept(text);
    out += fmt::format(
        "{{i:(resource.int64Amount){{value:(int64){} scale:(resource.Scale){}}} "
        "d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){} "
        "Format:(resource.Format){}}}",
        parts.value, parts.scale, parts.with_text ? text : "", text.empty() ? "" : parts.format);
  }

  void int_or_string(const Value* value) {
    const bool is_text = value != nullptr && value->is_string();
    const std::int64_t number =
        value != nullptr && value->kind() == Value::Kind::Int ? value->as_int() : 0;
    out += fmt::format("{{Type:(intstr.Type){} IntVal:(int32){} StrVal:(string){}}}",
                       is_text ? 1 : 0, number, is_text ? value->as_string() : "");
  }

  void fields(std::string_view name, const std::vector<Field>& list, const Value* value) {
    out += '{';
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Field& field = list[i];
      if (i > 0) out += ' ';
      out += field.name;
      out += ':';
      const Value* child = value;
      if (!field.in_place) child = value == nullptr ? nullptr : value->find(field.key);
      const bool pointer = field.type.starts_with('*');
      const bool absent = pointer ? child == nullptr || child->is_null() : is_zero(child);
      const Value filled =
          stored_ && (absent || field.in_place) ? default_of(name, field.name, value) : Value();
      typed(field.type, filled.is_null() ? child : &filled);
    }
    out += '}';
  }

  // Null: nothing. `owner`: the struct with the field.
  static Value default_of(std::string_view name, std::string_view field, const Value* owner) {
    if (name == "EphemeralContainerCommon") name = "Container";
    const auto known = defaults().find(fmt::format("{}.{}", name, field));
    if (known != defaults().end()) return known->second;
    if (owner == nullptr) return {};
    if (name == "Container" && field == "ImagePullPolicy")
      return is_latest(owner->text_at("image")) ? "Always" : "IfNotPresent";
    if (name == "PodSpec" && field == "DeprecatedServiceAccount" &&
        !owner->text_at("serviceAccountName").empty())
      return std::string(owner->text_at("serviceAccountName"));
    if (name == "Volume" && field == "VolumeSource" && owner->as_map().size() == 1) {
      Value::Map empty_dir;
      empty_dir.push_back({"emptyDir", Value(Value::Map()), {}});
      return empty_dir;
    }
    return {};
  }

  const bool stored_;
};

}  // namespace

std::string pod_template_text(const Value& pod_template, TemplateOrigin origin) {
  GoText text(origin);
  text.typed("v1.PodTemplateSpec", &pod_template);
  return std::move(text.out);
}

std::string pod_template_hash(const Value& pod_template, TemplateOrigin origin,
                              std::optional<std::int32_t> collision_count) {
  std::uint32_t hash = 2166136261U;
  const auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * 16777619U; };
  for (const char c : pod_template_text(pod_template, origin)) mix(static_cast<unsigned char>(c));
  if (collision_count)  // little-endian, in eight bytes of which four are used
    for (int i = 0; i < 8; ++i)
      mix(static_cast<unsigned char>(i < 4 ? static_cast<std::uint32_t>(*collision_count) >> (8 * i)
                                           : 0));
  return model::safe_encode(std::to_string(hash));
}

}  // namespace gputide::codec
