// The requirement algebra: which label values a node may have, as sets that are intersected.
// Semantics and texts are Karpenter's (its pkg/scheduling).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/karpenter.h"

namespace gputide::provisioning {

/// The values that one label may take: a finite set, or everything but a finite set, within integer
/// bounds.
struct Requirement {
  std::string key;                  // never a deprecated alias
  bool complement = false;          // true: every value but `values`
  std::vector<std::string> values;  // sorted, distinct
  std::optional<std::int64_t> gte;  // inclusive; with a bound, only integers qualify
  std::optional<std::int64_t> lte;
  std::optional<std::int64_t> min_values;  // distinct values that a set of types must leave open

  /// Reads one expression. An operator that is not known reads as Exists; a bound that is no
  /// integer reads as 0, one out of range as the nearest int64 (NodePool validation refuses them
  /// all).
  static Requirement make(std::string_view key, std::string_view op,
                          std::span<const std::string> values,
                          std::optional<std::int64_t> min_values = std::nullopt);
  static Requirement in(std::string_view key, std::string_view value);

  /// What the set is called: In, NotIn, Exists or DoesNotExist. Bounds do not show.
  std::string_view op() const;
  /// DoesNotExist or NotIn: a node without the label qualifies.
  bool allows_absence() const { return complement != values.empty(); }
  bool has(std::string_view value) const;
  /// The only value, or nullptr.
  const std::string* single() const {
    return !complement && values.size() == 1 ? &values.front() : nullptr;
  }
  Requirement intersection(const Requirement& other) const;
  bool intersects(const Requirement& other) const;
  /// "zone In [a b]", at most five values.
  std::string text() const;
  /// As written to the API: one entry, or one for each bound.
  std::vector<model::NodePoolRequirement> serialize() const;
  bool operator==(const Requirement&) const = default;
};

/// The current name of a label: "beta.kubernetes.io/arch" -> "kubernetes.io/arch".
std::string_view canonical_label(std::string_view key);

using LabelSet = std::set<std::string, std::less<>>;

/// The labels that Karpenter's core knows for every provider. A node template may leave them open.
const LabelSet& core_well_known_labels();

/// One requirement a key; a key that is not there is open (Exists). Copies are cheap.
class Requirements {
 public:
  Requirements() = default;
  static Requirements from_labels(const model::StringMap& labels);
  static Requirements from_node_pool(std::span<const model::NodePoolRequirement> list);
  static Requirements from_node_selector(std::span<const model::NodeSelectorRequirement> list);
  /// The pod's node selector and its first required node affinity term; unless `strict`, also its
  /// heaviest preferred term (the other terms are for whoever relaxes the pod).
  static Requirements from_pod(const model::PodSpec& pod, bool strict);

  /// Intersects with what is there for the key.
  void add(Requirement requirement);
  void add(const Requirements& other);
  void erase(std::string_view key) { by_key_.erase(key); }
  bool has(std::string_view key) const { return by_key_.contains(key); }
  /// The requirement of a key; Exists if there is none.
  Requirement get(std::string_view key) const;
  const Requirement* find(std::string_view key) const;

  /// Whether a node with these requirements can take what `other` asks: every key that `other`
  /// needs is defined here or in `may_be_undefined`, and common keys intersect. The error names the
  /// first failing key in order of keys, or all keys without a common value.
  Result<void> compatible(const Requirements& other, const LabelSet& may_be_undefined = {}) const;
  bool is_compatible(const Requirements& other, const LabelSet& may_be_undefined = {}) const;
  /// The keys of both whose values have nothing in common, as texts in order of keys. Two that both
  /// allow absence always agree.
  std::vector<std::string> conflicts(const Requirements& other) const;
  bool intersects(const Requirements& other) const;
  bool has_min_values() const;
  /// Comma list in order of keys, without kubernetes.io/hostname.
  std::string text() const;

  auto begin() const { return by_key_.begin(); }
  auto end() const { return by_key_.end(); }
  std::size_t size() const { return by_key_.size(); }
  bool operator==(const Requirements&) const = default;

 private:
  model::SharedMap<Requirement> by_key_;
};

}  // namespace gputide::provisioning
