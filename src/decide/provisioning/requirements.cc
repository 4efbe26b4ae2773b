#include "decide/provisioning/requirements.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace gputide::provisioning {
namespace {

using Values = std::vector<std::string>;

// Decimal digits with an optional sign, in the range of int64.
bool parse_integer(std::string_view text, std::int64_t& out) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return false;
  }
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// The bound that an expression means: text that is no number means 0, too large a one the limit.
std::int64_t parse_bound(std::string_view text) {
  std::int64_t n = 0;
  if (parse_integer(text, n)) return n;
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  const bool number = !digits.empty() && digits.find_first_not_of("0123456789") == digits.npos;
  if (!number) return 0;
  return negative ? std::numeric_limits<std::int64_t>::min()
                  : std::numeric_limits<std::int64_t>::max();
}

bool contains(const Values& sorted, std::string_view value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

using Bound = std::optional<std::int64_t>;

Bound larger(Bound a, Bound b) {
  if (!a || !b) return a ? a : b;
  return std::max(*a, *b);
}

Bound smaller(Bound a, Bound b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

bool within(std::string_view value, Bound gte, Bound lte) {
  if (!gte && !lte) return true;
  std::int64_t n = 0;
  return parse_integer(value, n) && (!gte || n >= *gte) && (!lte || n <= *lte);
}

// "typo of": upstream's idea of a near miss, over the names that would have been accepted.
template <class Names, class NameOf>
std::string typo_hint(std::string_view key, const Names& names, NameOf name_of) {
  const std::string_view suffix = key.substr(key.find('/') == key.npos ? 0 : key.find('/') + 1);
  for (const auto& each : names) {
    const std::string_view name = name_of(each);
    const bool near = name.find(key) != name.npos || edit_distance(key, name) < name.size() / 5 ||
                      name.ends_with(suffix);
    if (near) return fmt::format(" (typo of {}?)", quote(name));
  }
  return "";
}

}  // namespace

std::string_view canonical_label(std::string_view key) {
  if (key == "failure-domain.beta.kubernetes.io/zone") return "topology.kubernetes.io/zone";
  if (key == "failure-domain.beta.kubernetes.io/region") return "topology.kubernetes.io/region";
  if (key == "beta.kubernetes.io/arch") return "kubernetes.io/arch";
  if (key == "beta.kubernetes.io/os") return "kubernetes.io/os";
  if (key == "beta.kubernetes.io/instance-type") return "node.kubernetes.io/instance-type";
  return key;
}

const LabelSet& core_well_known_labels() {
  static const LabelSet kLabels{"karpenter.sh/capacity-type",
                                "karpenter.sh/nodepool",
                                "kubernetes.io/arch",
                                "kubernetes.io/os",
                                "node.kubernetes.io/instance-type",
                                "node.kubernetes.io/windows-build",
                                "topology.kubernetes.io/region",
                                "topology.kubernetes.io/zone"};
  return kLabels;
}

Requirement Requirement::make(std::string_view key, std::string_view op,
                              std::span<const std::string> values,
                              std::optional<std::int64_t> min_values) {
  Requirement r;
  r.key = canonical_label(key);
  r.complement = op != "In" && op != "DoesNotExist";
  r.min_values = min_values;
  if (op == "In" || op == "NotIn") {
    r.values.assign(values.begin(), values.end());
    std::sort(r.values.begin(), r.values.end());
    r.values.erase(std::unique(r.values.begin(), r.values.end()), r.values.end());
  }
  const std::string_view first = values.empty() ? std::string_view() : values.front();
  using Limits = std::numeric_limits<std::int64_t>;
  const std::int64_t bound = parse_bound(first);
  if (op == "Gt" && bound == Limits::max()) {
    r.complement = false;  // no integer qualifies
    r.min_values.reset();
    return r;
  }
  if (op == "Gt") r.gte = bound + 1;
  if (op == "Gte") r.gte = bound;
  // Below the least integer: upstream wraps around, and every integer qualifies.
  if (op == "Lt") r.lte = bound == Limits::min() ? Limits::max() : bound - 1;
  if (op == "Lte") r.lte = bound;
  return r;
}

Requirement Requirement::in(std::string_view key, std::string_view value) {
  Requirement r;
  r.key = canonical_label(key);
  r.values.emplace_back(value);
  return r;
}

std::string_view Requirement::op() const {
  if (complement) return values.empty() ? "Exists" : "NotIn";
  return values.empty() ? "DoesNotExist" : "In";
}

bool Requirement::has(std::string_view value) const {
  return contains(values, value) != complement && within(value, gte, lte);
}

Requirement Requirement::intersection(const Requirement& other) const {
  Requirement r;
  r.key = key;
  r.complement = complement && other.complement;
  r.gte = larger(gte, other.gte);
  r.lte = smaller(lte, other.lte);
  r.min_values = larger(min_values, other.min_values);
  if (r.gte && r.lte && *r.gte > *r.lte) {  // nothing is left
    r.complement = false;
    r.gte = r.lte = std::nullopt;
    return r;
  }
  const auto out = std::back_inserter(r.values);
  const Values &a = values, &b = other.values;
  if (complement && other.complement)
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), out);
  else if (complement)
    std::set_difference(b.begin(), b.end(), a.begin(), a.end(), out);
  else if (other.complement)
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), out);
  else
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), out);
  if (r.gte || r.lte)
    std::erase_if(r.values, [&](const std::string& v) { return !within(v, r.gte, r.lte); });
  if (!r.complement) r.gte = r.lte = std::nullopt;
  return r;
}

bool Requirement::intersects(const Requirement& other) const {
  const Bound low = larger(gte, other.gte), high = smaller(lte, other.lte);
  if (low && high && *low > *high) return false;
  if (complement && other.complement) return true;
  const Requirement& finite = complement ? other : *this;
  const Requirement& rest = complement ? *this : other;
  return std::any_of(finite.values.begin(), finite.values.end(), [&](const std::string& v) {
    return contains(rest.values, v) != rest.complement && within(v, low, high);
  });
}

std::string Requirement::text() const {
  std::string out = key + " " + std::string(op());
  if (!values.empty()) {
    constexpr std::size_t kShown = 5;
    const std::size_t shown = std::min(values.size(), kShown);
    out += " [" + join(std::span(values).first(shown), " ");
    if (values.size() > kShown) out += fmt::format(" and {} others", values.size() - kShown);
    out += "]";
  }
  if (gte) out += fmt::format(" >={}", *gte);
  if (lte) out += fmt::format(" <={}", *lte);
  if (min_values) out += fmt::format(" minValues {}", *min_values);
  return out;
}

std::vector<model::NodePoolRequirement> Requirement::serialize() const {
  std::vector<model::NodePoolRequirement> out;
  if (gte) out.push_back({key, "Gte", {std::to_string(*gte)}, min_values});
  if (lte) out.push_back({key, "Lte", {std::to_string(*lte)}, min_values});
  if (out.empty()) out.push_back({key, std::string(op()), values, min_values});
  return out;
}

Requirements Requirements::from_labels(const model::StringMap& labels) {
  Requirements out;
  for (const auto& [key, value] : labels) out.add(Requirement::in(key, value));
  return out;
}

Requirements Requirements::from_node_pool(std::span<const model::NodePoolRequirement> list) {
  Requirements out;
  for (const model::NodePoolRequirement& r : list)
    out.add(Requirement::make(r.key, r.operator_, r.values, r.minValues));
  return out;
}

Requirements Requirements::from_node_selector(
    std::span<const model::NodeSelectorRequirement> list) {
  Requirements out;
  for (const model::NodeSelectorRequirement& r : list)
    out.add(Requirement::make(r.key, r.operator_, r.values));
  return out;
}

Requirements Requirements::from_pod(const model::PodSpec& pod, bool strict) {
  Requirements out = from_labels(pod.nodeSelector);
  if (!pod.affinity || !pod.affinity->nodeAffinity) return out;
  const model::NodeAffinity& affinity = *pod.affinity->nodeAffinity;
  const auto& preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution;
  if (!strict && !preferred.empty()) {
    const auto heaviest =
        std::max_element(preferred.begin(), preferred.end(),
                         [](const auto& a, const auto& b) { return a.weight < b.weight; });
    out.add(from_node_selector(heaviest->preference.matchExpressions));
  }
  const auto& required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (required && !required->nodeSelectorTerms.empty())
    out.add(from_node_selector(required->nodeSelectorTerms.front().matchExpressions));
  return out;
}

void Requirements::add(Requirement requirement) {
  const auto found = by_key_.find(requirement.key);
  if (found == by_key_.end()) {
    std::string key = requirement.key;
    by_key_.emplace(std::move(key), std::move(requirement));
  } else if (Requirement both = requirement.intersection(found->second); both != found->second) {
    by_key_[requirement.key] = std::move(both);
  }
}

void Requirements::add(const Requirements& other) {
  for (const auto& [key, requirement] : other.by_key_) add(requirement);
}

Requirement Requirements::get(std::string_view key) const {
  const Requirement* found = find(key);
  return found != nullptr ? *found : Requirement::make(key, "Exists", {});
}

const Requirement* Requirements::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &found->second;
}

Result<void> Requirements::compatible(const Requirements& other,
                                      const LabelSet& may_be_undefined) const {
  for (const auto& [key, requirement] : other.by_key_) {
    if (may_be_undefined.contains(key) || has(key) || requirement.allows_absence()) continue;
    std::string hint =
        typo_hint(key, may_be_undefined, [](const std::string& s) { return std::string_view(s); });
    if (hint.empty())
      hint = typo_hint(key, by_key_, [](const auto& e) { return std::string_view(e.first); });
    return fail(fmt::format("label {} does not have known values{}", quote(key), hint));
  }
  const std::vector<std::string> all = conflicts(other);
  if (!all.empty()) return fail(join(all, "; "));
  return {};
}

bool Requirements::is_compatible(const Requirements& other,
                                 const LabelSet& may_be_undefined) const {
  for (const auto& [key, requirement] : other.by_key_)
    if (!may_be_undefined.contains(key) && !has(key) && !requirement.allows_absence()) return false;
  return intersects(other);
}

std::vector<std::string> Requirements::conflicts(const Requirements& other) const {
  std::vector<std::string> out;
  for (const auto& [key, mine] : by_key_) {
    const Requirement* theirs = other.find(key);
    if (theirs == nullptr || mine.intersects(*theirs)) continue;
    if (mine.allows_absence() && theirs->allows_absence()) continue;
    out.push_back(fmt::format("key {}, {} not in {}", key, theirs->text(), mine.text()));
  }
  return out;
}

bool Requirements::intersects(const Requirements& other) const {
  if (size() > other.size()) return other.intersects(*this);
  for (const auto& [key, mine] : by_key_) {
    const Requirement* theirs = other.find(key);
    if (theirs == nullptr || mine.intersects(*theirs)) continue;
    if (!mine.allows_absence() || !theirs->allows_absence()) return false;
  }
  return true;
}

bool Requirements::has_min_values() const {
  return std::any_of(by_key_.begin(), by_key_.end(),
                     [](const auto& entry) { return entry.second.min_values.has_value(); });
}

std::string Requirements::text() const {
  std::vector<std::string> parts;
  for (const auto& [key, requirement] : by_key_)
    if (key != "kubernetes.io/hostname") parts.push_back(requirement.text());
  return join(parts, ", ");
}

}  // namespace gputide::provisioning
