#include "decide/provisioning/node_pool_validation.h"

#include <charconv>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "decide/provisioning/struct_hash.h"
#include "model/labels.h"
#include "model/validation.h"

namespace gputide::provisioning {
namespace {

using labels::kNodePool;
constexpr std::string_view kDomain = "karpenter.sh";

// In the words of Karpenter's apimachinery (0.35), which are not those of Kubernetes 1.31.
Errors reworded(Errors errors) {
  constexpr std::string_view kOld = " characters", kOldName = "a qualified name must";
  for (std::string& e : errors) {
    if (e.ends_with(kOld)) e.replace(e.size() - kOld.size(), kOld.size(), " bytes");
    if (e.starts_with(kOldName)) e.replace(0, kOldName.size(), "a valid label key must");
  }
  return errors;
}
Errors check_key(std::string_view text) {
  return reworded(model::check_qualified_name(text));
}
Errors check_value(std::string_view text) {
  return reworded(model::check_label_value(text));
}

bool non_negative_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t n = 0;
  if (text.empty() || text[0] == '+') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() && end == text.data() + text.size() && n >= 0;
}

void capacity_type_values(const model::NodePoolRequirement& r, Errors& out) {
  if (canonical_label(r.key) != "karpenter.sh/capacity-type" || r.operator_ != "In") return;
  for (const std::string& value : r.values)
    if (value == "on-demand" || value == "spot" || value == "reserved") return;
  const std::string values = join(r.values, " ");
  out.push_back(fmt::format(
      "no valid values found in [{}] for {}, expected one of: map[on-demand:{{}} reserved:{{}} "
      "spot:{{}}], got: [{}]",
      values, r.key, values));
}

// Keeps upstream's habit of quoting, for an empty key, what it found so far.
void taints(const std::vector<model::Taint>& list, std::string_view field,
            std::set<std::pair<std::string, std::string>>& seen, Errors& out) {
  Errors found;
  for (const model::Taint& taint : list) {
    if (taint.key.empty())
      found.push_back(fmt::format("invalid value: {} in {}",
                                  found.empty() ? "%!w(<nil>)" : join(found, "; "), field));
    for (const std::string& e : check_key(taint.key))
      found.push_back(fmt::format("invalid value: {} in {}", e, field));
    if (!taint.value.empty())
      for (const std::string& e : check_key(taint.value))
        found.push_back(fmt::format("invalid value: {} in {}", e, field));
    const std::string& effect = taint.effect;
    if (effect != "NoSchedule" && effect != "PreferNoSchedule" && effect != "NoExecute" &&
        !effect.empty())
      found.push_back(fmt::format("invalid value: {} in {}", quote(effect), field));
    if (!seen.emplace(taint.key, effect).second)
      found.push_back(fmt::format("duplicate taint Key/Effect pair {}={}", taint.key, effect));
  }
  out.insert(out.end(), found.begin(), found.end());
}

void labels(const model::StringMap& map, Errors& out) {
  for (const auto& [key, value] : map) {
    if (key == kNodePool)
      out.push_back(fmt::format("invalid key name {} in labels, restricted", quote(key)));
    for (const std::string& e : check_key(key))
      out.push_back(fmt::format("invalid key name {} in labels, {}", quote(key), quote(e)));
    for (const std::string& e : check_value(value))
      out.push_back(fmt::format("invalid value: {} for label[{}], {}", value, key, e));
    if (const std::string why = restricted_label(key); !why.empty())
      out.push_back(fmt::format("invalid key name {} in labels, {}", quote(key), why));
  }
}

void add_taints(StructHash& to, std::string_view name, const std::vector<model::Taint>& list) {
  if (list.empty()) return;
  std::uint64_t all = 0;
  for (const model::Taint& taint : list) {
    StructHash h("Taint");
    h.field("Key", taint.key);
    h.field("Value", taint.value);
    h.field("Effect", taint.effect);
    all ^= h.value();
  }
  to.field(name, all);
}

std::string decimal(const Quantity& q) {  // as inf.Dec prints it
  std::int64_t whole = 0;
  if (q.as_int64(whole)) return std::to_string(whole);
  const std::int64_t milli = q.milli_value();
  if (milli % 1000 == 0) return std::to_string(milli / 1000);
  return fmt::format("{}{}.{:03}", milli < 0 ? "-" : "", std::abs(milli) / 1000,
                     std::abs(milli) % 1000);
}

}  // namespace

std::string restricted_label(std::string_view key) {
  if (core_well_known_labels().contains(key)) return "";
  const std::string_view domain =
      key.find('/') == key.npos ? std::string_view() : key.substr(0, key.find('/'));
  const bool restricted = key == "kubernetes.io/hostname" || domain == kDomain ||
                          domain.ends_with(fmt::format(".{}", kDomain));
  if (!restricted) return "";
  return fmt::format(
      "using label {} is not allowed as it might interfere with the internal provisioning logic; "
      "specify a well known label: [{}], or a custom label that does not use a restricted domain: "
      "[{}]",
      key, fmt::join(core_well_known_labels(), " "), kDomain);
}

Errors validate_requirement(const model::NodePoolRequirement& given) {
  model::NodePoolRequirement r = given;
  r.key = canonical_label(given.key);
  Errors out;
  static const std::set<std::string, std::less<>> kOperators{
      "DoesNotExist", "Exists", "Gt", "Gte", "In", "Lt", "Lte", "NotIn"};
  if (!kOperators.contains(r.operator_))
    out.push_back(fmt::format("key {} has an unsupported operator {} not in [{}]", r.key,
                              r.operator_, fmt::join(kOperators, " ")));
  if (const std::string why = restricted_label(r.key); !why.empty()) out.push_back(why);
  for (const std::string& e : check_key(r.key))
    out.push_back(fmt::format("key {} is not a qualified name, {}", r.key, e));
  for (const std::string& value : r.values)
    for (const std::string& e : check_value(value))
      out.push_back(fmt::format("invalid value {} for key {}, {}", value, r.key, e));
  capacity_type_values(r, out);
  if (r.operator_ == "In" && r.values.empty())
    out.push_back(fmt::format("key {} with operator In must have a value defined", r.key));
  if (r.operator_ == "In" && r.minValues &&
      static_cast<std::int64_t>(r.values.size()) < *r.minValues)
    out.push_back(fmt::format(
        "key {} with operator In must have at least minimum number of values defined in 'values' "
        "field",
        r.key));
  const bool bound =
      r.operator_ == "Gt" || r.operator_ == "Lt" || r.operator_ == "Gte" || r.operator_ == "Lte";
  if (bound && (r.values.size() != 1 || !non_negative_integer(r.values.front())))
    out.push_back(fmt::format("key {} with operator {} must have a single positive integer value",
                              r.key, r.operator_));
  return out;
}

Errors validate_node_pool(const model::NodePoolSpec& spec) {
  const model::NodeClaimTemplate& t = spec.template_;
  Errors out;
  labels(t.metadata.labels, out);
  std::set<std::pair<std::string, std::string>> seen;
  taints(t.spec.taints, "taints", seen, out);
  taints(t.spec.startupTaints, "startupTaints", seen, out);
  for (const model::NodePoolRequirement& r : t.spec.requirements) {
    if (r.key == kNodePool)
      out.push_back(fmt::format("invalid key: {} in requirements, restricted", quote(r.key)));
    if (const Errors found = validate_requirement(r); !found.empty())
      out.push_back(
          fmt::format("invalid value: {} in requirements, restricted", join(found, "; ")));
  }
  return out;
}

Errors validate_pod(const model::PodSpec& spec) {
  Errors out;
  const Requirement pool = Requirements::from_pod(spec, true).get(kNodePool);
  if (pool.op() == "DoesNotExist")
    out.push_back(fmt::format(
        "configured to not run on a Karpenter provisioned node (requirement={} DoesNotExist)",
        kNodePool));
  const auto add = [&](const std::string& key, const std::string& op,
                       std::vector<std::string> values) {
    const Errors found = validate_requirement({key, op, std::move(values), std::nullopt});
    out.insert(out.end(), found.begin(), found.end());
  };
  for (const auto& [key, value] : spec.nodeSelector) add(key, "In", {value});
  const auto term = [&](const model::NodeSelectorTerm& t) {
    if (!t.matchFields.empty())
      out.emplace_back("node selector term with matchFields is not supported");
    for (const model::NodeSelectorRequirement& r : t.matchExpressions)
      add(r.key, r.operator_, r.values);
  };
  if (!spec.affinity || !spec.affinity->nodeAffinity) return out;
  const model::NodeAffinity& affinity = *spec.affinity->nodeAffinity;
  if (affinity.requiredDuringSchedulingIgnoredDuringExecution)
    for (const model::NodeSelectorTerm& t :
         affinity.requiredDuringSchedulingIgnoredDuringExecution->nodeSelectorTerms)
      term(t);
  return out;
}

std::string node_pool_hash(const model::NodeClaimTemplate& t) {
  StructHash meta("ObjectMeta");
  meta.field("Labels", t.metadata.labels);
  meta.field("Annotations", t.metadata.annotations);
  StructHash spec("NodeClaimTemplateSpec");
  add_taints(spec, "Taints", t.spec.taints);
  add_taints(spec, "StartupTaints", t.spec.startupTaints);
  StructHash ref("NodeClassReference");
  ref.field("Kind", t.spec.nodeClassRef.kind);
  ref.field("Name", t.spec.nodeClassRef.name);
  ref.field("Group", t.spec.nodeClassRef.group);
  spec.field("NodeClassRef", ref.value());
  if (t.spec.terminationGracePeriod) {
    StructHash grace("Duration");
    if (const auto d = Duration::parse(*t.spec.terminationGracePeriod); d && d->nanoseconds() != 0)
      grace.field("Duration", Hash::number(d->nanoseconds()));
    spec.field("TerminationGracePeriod", grace.value());
  }
  if (const auto d = Duration::parse(t.spec.expireAfter.value_or("Never"))) {  // not for Never
    StructHash expire("NillableDuration");
    expire.field("Duration", Hash::number(d->nanoseconds()));
    spec.field("ExpireAfter", expire.value());
  }
  StructHash all("NodeClaimTemplate");
  if (!t.metadata.labels.empty() || !t.metadata.annotations.empty())
    all.field("ObjectMeta", meta.value());
  all.field("Spec", spec.value());
  return std::to_string(all.value());
}

Errors exceeded_limits(const model::ResourceList& limits, const model::ResourceList& usage) {
  Errors out;
  for (const auto& [name, used] : usage) {
    const auto limit = limits.find(name);
    if (limit != limits.end() && used > limit->second)
      out.push_back(
          fmt::format("resource usage exceeds limit (limit={}, resource-name={}, usage={})",
                      decimal(limit->second), name, decimal(used)));
  }
  return out;
}

}  // namespace gputide::provisioning
