// The node that each group would add: a copy of a good real one, of one that there was before, or
// what the group's launch data say. Source: Cluster Autoscaler 1.31.5
// processors/nodeinfosprovider; 1.36 and ours where Semantics say so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "decide/scaling/node_facts.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/taints.h"

namespace gputide::scaling {

/// Whence a template came.
enum class TemplateOrigin {
  None,      // there is none
  RealNode,  // a node that has been ready for a minute and takes pods
  Cached,    // such a node of the past
  Launch,    // the group's launch data
  BadNode,   // a node that is not ready or takes no pods, for want of anything better
};

/// Templates of all groups, kept from loop to loop.
class NodeTemplates {
 public:
  /// `add_missing_resources`: resources that the launch data know and the winning template does not
  /// are added to it, as the AWS provider does.
  explicit NodeTemplates(const Options& options, bool add_missing_resources = true);

  /// Chooses anew; `facts` has an entry for each node, `facts_version` is different whenever they
  /// are (0: not kept). Error: a group's template cannot be told and the rules end the loop for
  /// that.
  Result<void> update(const Observation& seen, std::span<const NodeFacts> facts,
                      std::uint64_t facts_version, Instant now);

  /// By index of the last look; nullptr: none.
  const std::shared_ptr<const NodeTemplate>& of(std::size_t group) const {
    return chosen_[group].node;
  }
  TemplateOrigin origin(std::size_t group) const { return chosen_[group].origin; }

  /// When a node can first become a good one although nothing else changes.
  std::optional<Instant> next_change(Instant now) const;

 private:
  struct Chosen {
    std::shared_ptr<const NodeTemplate> node;
    TemplateOrigin origin = TemplateOrigin::None;
  };
  /// A template that was made, and of what.
  struct Made {
    std::shared_ptr<const NodeView> from;        // nullptr: of launch data
    std::shared_ptr<const NodeTemplate> launch;  // the launch data then
    std::vector<std::shared_ptr<const model::DaemonSet>> daemon_sets;
    std::shared_ptr<const NodeTemplate> node;
    bool made_of(const std::shared_ptr<const NodeView>& view, const GroupView& group,
                 const Observation& seen) const;
  };
  struct Cached {
    std::shared_ptr<const NodeTemplate> node;
    Instant added;
    std::uint64_t template_version = 0;
  };

  /// Where a group's are kept; nullptr: nowhere yet, or it has not been asked.
  struct Kept {
    Made* of_node = nullptr;
    Made* of_launch = nullptr;
    Cached* cached = nullptr;
  };

  void find_kept(const Observation& seen);
  void drop_gone(const Observation& seen);
  const std::shared_ptr<const NodeTemplate>& from_node(const std::shared_ptr<const NodeView>& view,
                                                       std::size_t group, const Observation& seen);
  const std::shared_ptr<const NodeTemplate>& from_launch(std::size_t group,
                                                         const Observation& seen);
  std::shared_ptr<const NodeTemplate> made_from(const NodeView& view, const GroupView& group,
                                                const Observation& seen) const;
  const Cached* cached(std::size_t index, const GroupView& group, Instant now);
  void choose(std::size_t group, const std::shared_ptr<const NodeTemplate>& node,
              TemplateOrigin origin);
  void find_real(const Observation& seen, std::span<const NodeFacts> facts, Instant now);
  void choose_real(const Observation& seen, Instant now);
  void choose_bad(const Observation& seen);
  void sanitize(model::Node& node, const GroupView& group, std::string_view kind) const;
  void add_missing(model::Node& node, const GroupView& group) const;

  const Semantics semantics_;
  const TaintRules taints_;
  const bool force_ds_;
  const bool add_missing_;
  const bool mark_templates_;
  const Duration cache_time_;
  std::map<std::string, Made, std::less<>> of_nodes_;   // by group
  std::map<std::string, Made, std::less<>> of_launch_;  // by group
  std::map<std::string, Cached, std::less<>> cache_;    // by group
  // Of the groups of the last look, by index:
  std::vector<std::string> ids_;
  std::vector<Kept> kept_;
  std::vector<Chosen> chosen_;
  // The node that stands for each group, good for as long as the facts stay and no node becomes a
  // good one by the passing of time:
  static constexpr std::size_t kNoNodeOf = SIZE_MAX;
  std::vector<std::size_t> real_;
  std::uint64_t facts_version_ = 0;
  std::vector<Instant> changes_;
};

/// The pods of the DaemonSets that would run on the node, by selectors and taints alone. They are
/// bound to it.
std::vector<PodRef> daemon_pods(const model::Node& node,
                                std::span<const std::shared_ptr<const model::DaemonSet>> sets);

}  // namespace gputide::scaling
