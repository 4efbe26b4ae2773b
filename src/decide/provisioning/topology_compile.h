// Topology spread, pod affinity and anti-affinity -> groups and rules of the packing engine.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "decide/provisioning/provision.h"
#include "model/selector.h"

namespace gputide::provisioning {

/// What a wish that states no weight weighs: as much as the heaviest that does.
inline constexpr std::int64_t kUnweighted = 100;

class TopologyCompiler {
 public:
  explicit TopologyCompiler(const ProvisionProblem& problem);

  /// Topology keys in use, but for kubernetes.io/hostname.
  const std::vector<std::string>& keys() const { return keys_; }
  /// By key: the domain of a node with these labels, kNone where it has no single value.
  std::vector<std::uint32_t> domains_of(const Requirements& labels);
  /// Fills rules and counted_in. All nodes and kinds must be known (domains_of called for each).
  void rules_of(const model::Pod& pod, const std::vector<Requirements>& alternatives,
                PackClass& out);
  /// A wish of company, and what to call it.
  struct Wish {
    std::string what;
    std::int64_t weight = 0;
    TopologyRule rule;
  };
  /// What the pod would rather have of company; adds the groups of wishes to counted_in.
  std::vector<Wish> wishes_of(const model::Pod& pod, const std::vector<Requirements>& alternatives,
                              PackClass& out);
  /// Hands the groups over, with what running pods count in them: those of rules, then, if asked,
  /// those of wishes alone.
  void finish(PackProblem& pack, bool wishes);

 private:
  struct Group {
    std::uint32_t key;
    std::set<std::string> namespaces;
    std::string text;  // of the selector: two groups are one when key, namespaces and text agree
    model::Selector selector;
  };

  std::vector<std::map<std::string, std::uint32_t>> universe() const;
  void collect();
  std::uint32_t key_number(const std::string& topology_key) const;
  std::uint32_t group(const std::string& topology_key, const model::LabelSelector& selector,
                      std::set<std::string> namespaces);
  std::uint32_t affinity_group(const model::Pod& pod, const model::PodAffinityTerm& term);
  std::uint32_t spread_group(const model::Pod& pod, const model::TopologySpreadConstraint& spread);
  TopologyRule spread_rule(const model::Pod& pod, const model::TopologySpreadConstraint& spread,
                           const std::vector<Requirements>& alternatives);
  bool counts(std::uint32_t group, const model::Pod& pod) const;
  bool reaches(const std::string& key, const std::string& value, const Requirements& asked) const;
  std::vector<std::uint32_t> spread_domains(const model::TopologySpreadConstraint& spread,
                                            const model::Pod& pod,
                                            const std::vector<Requirements>& alternatives) const;

  const ProvisionProblem& problem_;
  std::vector<std::string> keys_;
  std::vector<std::map<std::string, std::uint32_t>> domains_;  // by key: value -> number
  std::vector<Group> groups_;
  std::size_t rule_groups_ = 0;  // so many come first; the others are of wishes alone
  bool collected_ = false;       // every pod's groups are known
};

}  // namespace gputide::provisioning
