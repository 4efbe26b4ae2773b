// The node groups as the autoscaler sees them: AWS's answers, cached as long as upstream caches
// them, and what follows from them. Source: Cluster Autoscaler 1.31.5 cloudprovider/aws.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "control/autoscaler/cluster_view.h"
#include "decide/pricing/catalogue.h"
#include "decide/scaling/discovery.h"
#include "decide/scaling/instance_choice.h"
#include "decide/scaling/observation.h"
#include "decide/scaling/template_node.h"
#include "port/cloud.h"

namespace gputide::autoscaler {

/// Sends a request; returns the number under which it will be answered.
using Ask = std::function<std::uint64_t(port::CloudRequest)>;

class CloudView {
 public:
  CloudView(const scaling::Options& options, const pricing::Catalogue& catalogue,
            const ClusterView& cluster);

  /// The list of groups is older than it may be.
  bool stale(Instant now) const;
  /// When it will be.
  Instant stale_at() const;
  /// The next look must be at fresh data.
  void invalidate() { refreshed_.reset(); }

  /// Asks AWS for everything anew that is due. A refresh is under way until `answered` says that it
  /// is over.
  void refresh(Instant now, const Ask& ask);
  bool refreshing() const { return !open_.empty(); }
  /// Takes an answer; false: it is none of ours.
  bool answered(std::uint64_t call, const port::CloudAnswer& answer, Instant now, const Ask& ask);
  /// Why the last refresh failed; empty: it did not.
  const std::string& problem() const { return problem_; }

  /// Writes the groups into `seen`. True when something differs from the last time;
  /// `members_changed`: so may the groups of nodes.
  bool fill(scaling::Observation& seen, bool& members_changed);
  /// Counts changes of what `fill` writes.
  std::uint64_t version() const { return version_; }
  /// `before`: the last answer for the node, if it is still the same node object; else nothing.
  Membership membership(const model::Node& node, const Membership& before) const {
    if (before.instance != 0 && by_number_[before.instance] != nullptr)
      return {by_number_[before.instance]->index, false, before.instance};
    return find_membership(node);
  }

  const model::AutoScalingGroup* find(const std::string& group) const;
  std::int64_t real_instances(const std::string& group) const;
  /// We asked for another desired capacity.
  void desired_set(const std::string& group, std::int64_t desired, Instant now);
  /// An instance is being ended: its group wants one less.
  void instance_ended(const std::string& group);

  /// Something is under way in AWS that no watch event tells of.
  bool restless() const;

 private:
  struct Answered {
    Instant at;
    std::optional<model::ManagedNodegroupDescription> nodegroup;
  };
  struct Template {
    std::string made_of;
    std::shared_ptr<const scaling::NodeTemplate> node;
    std::string error;
    std::uint64_t version = 0;
  };
  struct Known {
    port::GroupRef told;     // by AWS; nullptr: we changed it since
    port::GroupRef group;    // with our own limits, and with what we asked for since
    bool restless = false;   // something is under way in it
    bool viewed = false;     // the last observation has it as it is
    bool described = false;  // and all of it but sizes and instances
    std::int32_t index = 0;
    std::vector<std::uint32_t> numbers;  // of the group's instances
    std::optional<Instant> detailed_to;  // until then nothing is asked about it as it was told
  };
  /// The node group of EKS that a group is of, by its tags.
  struct Managed {
    decltype(model::AutoScalingGroup::tags) by;
    std::optional<scaling::NodegroupName> name;
  };
  struct Question {
    enum class Kind { Groups, Launch, Nodegroup, Activities } kind = Kind::Groups;
    std::string subject;
    std::string version;
  };

  Membership find_membership(const model::Node& node) const;
  void ask_details(Instant now, const Ask& ask);
  Instant ask_details_of(const model::AutoScalingGroup& group, Instant now, const Ask& ask);
  Instant ask_launch(const model::LaunchTemplateRef& ref, Instant now, const Ask& ask);
  void order_incoming();
  void take_activities(const std::string& group,
                       const std::vector<model::ScalingActivity>& activities);
  void take(const Question& question, const port::CloudAnswer& answer, Instant now);
  void finish();
  static bool launch_alike(const model::AutoScalingGroup& a, const model::AutoScalingGroup& b);
  bool take_groups();
  bool take_group(const std::string& name, const port::GroupRef& told);
  void set(Known& known, port::GroupRef now);
  void take_instances(Known& known, const port::GroupRef& before);
  std::uint32_t number_of(const std::string& instance);
  void forget_missing_groups();
  port::GroupRef with_limits(const port::GroupRef& told) const;
  void change(const std::string& group, std::int64_t desired);
  void make_template(const model::AutoScalingGroup& group);
  std::vector<const model::InstanceType*> types_of(const model::AutoScalingGroup& group,
                                                   const scaling::LaunchPlan& plan) const;
  Result<scaling::NodeTemplate> build(const model::AutoScalingGroup& group,
                                      const scaling::LaunchPlan& plan) const;
  Result<scaling::NodeTemplate> build_as_told(const model::AutoScalingGroup& group,
                                              const scaling::LaunchPlan& plan) const;
  const model::ManagedNodegroupDescription* nodegroup_of(
      const model::AutoScalingGroup& group) const;
  std::string recipe(const model::AutoScalingGroup& group) const;
  const std::optional<scaling::NodegroupName>& managed_nodegroup(
      const model::AutoScalingGroup& group) const;
  scaling::GroupView described(const model::AutoScalingGroup& group) const;
  void update(Known& known, scaling::GroupView& view) const;
  void price(const model::AutoScalingGroup& group, scaling::GroupView& view) const;

  const scaling::Options& options_;
  const scaling::Semantics semantics_;
  const pricing::Catalogue& catalogue_;
  const ClusterView& cluster_;
  scaling::DiscoveryTags tags_;
  std::map<std::string, scaling::NodesSpec> explicit_;

  std::optional<Instant> refreshed_;
  std::map<std::uint64_t, Question> open_;
  bool asked_details_ = false;
  std::string problem_;
  std::vector<port::GroupRef> incoming_;  // by name, once all are there
  std::map<std::string, Known> groups_;
  std::int64_t restless_groups_ = 0;
  bool names_changed_ = true;    // since the last observation
  bool members_changed_ = true;  // which instances there are, since the last observation
  bool details_changed_ = true;  // launch templates or node groups, since the last refresh
  scaling::LaunchFacts facts_;
  std::map<std::pair<std::string, std::string>, Instant> launch_read_;
  std::map<std::string, Answered> nodegroups_;  // by name alone, as upstream's cache
  std::map<std::string, Instant> resized_;      // when we last set a group's size
  struct Failure {
    std::string message;
    std::vector<std::string> pools;
    bool operator==(const Failure&) const = default;
  };
  std::map<std::string, Failure> failing_;         // groups whose launches fail
  std::map<std::string, Failure> failing_before_;  // by the refresh before
  // Instances by number. A number is not given again: what carries it stays gone.
  boost::unordered_flat_map<std::string, std::uint32_t> number_of_instance_;  // for lookups only
  std::vector<const Known*> by_number_{nullptr};                              // nullptr: gone
  std::map<std::string, Template> templates_;
  mutable std::map<std::string, Managed> managed_;  // by group
  std::uint64_t setup_seen_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t filled_ = 0;
};

}  // namespace gputide::autoscaler
