#include "control/autoscaler/cloud_view.h"

#include <algorithm>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace gputide::autoscaler {
namespace {

constexpr Instant kToldAt = Instant::from_seconds(1'767'225'600);

// Groups that change at random. Those that do not keep their addresses.
class ChangingCloud {
 public:
  explicit ChangingCloud(Rng& rng) : rng_(rng) {
    for (const char* name : {"a", "b", "c"}) add(name);
  }

  void step() {
    for (std::uint64_t i = rng_.below(4); i > 0; --i) change();
  }
  port::CloudAnswer answer(const port::CloudRequest& request) const {
    if (std::holds_alternative<port::DescribeAutoScalingGroups>(request)) {
      std::vector<port::GroupRef> list;
      for (const auto& [name, group] : groups_) list.push_back(group);
      if (reversed_) std::reverse(list.begin(), list.end());
      return list;
    }
    if (std::holds_alternative<port::DescribeLaunchTemplateVersion>(request)) {
      model::LaunchTemplateData data;
      data.instance_type = "g4dn.xlarge";
      return data;
    }
    if (!std::holds_alternative<port::DescribeScalingActivities>(request))
      return port::CloudError{"NotSupported", "not here"};
    std::vector<model::ScalingActivity> list;
    if (failing_) {
      model::ScalingActivity failed;
      failed.start = kToldAt;
      failed.status_code = "Failed";
      failed.status_message = "none left";
      list.push_back(std::move(failed));
    }
    return list;
  }
  std::vector<std::string> instances() const {
    std::vector<std::string> ids;
    for (int i = 1; i <= launched_; ++i) ids.push_back(fmt::format("i-{}", i));
    return ids;
  }

 private:
  void add(const std::string& name) {
    auto group = std::make_shared<model::AutoScalingGroup>();
    group->name = name;
    group->max_size = 20;
    group->availability_zones = {"us-west-2a"};
    group->launch_template = model::LaunchTemplateRef{"lt", "1"};
    groups_[name] = group;
  }
  void change() {
    auto at = groups_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(groups_.size())));
    auto group = std::make_shared<model::AutoScalingGroup>(*at->second);
    auto& instances = group->instances;
    switch (rng_.below(8)) {
      case 0:
        group->desired_capacity = static_cast<std::int64_t>(rng_.below(16));
        break;
      case 1:
        for (auto& each : instances)
          if (rng_.below(3) == 0) each.state = model::LifecycleState::Terminating;
        break;
      case 2:
        std::reverse(instances.begin(), instances.end());
        break;
      case 3:
        group->launch_template->version = std::to_string(1 + rng_.below(2));
        break;
      case 4:
        failing_ = !failing_;
        return;
      case 5:
        reversed_ = !reversed_;
        return;
      case 6:
        std::erase_if(instances, [&](const auto&) { return rng_.below(4) == 0; });
        break;
      default:
        for (std::uint64_t i = 1 + rng_.below(4); i > 0; --i) {
          model::GroupInstance made;
          made.id = fmt::format("i-{}", ++launched_);
          made.zone = "us-west-2a";
          made.state = model::LifecycleState::InService;
          instances.push_back(std::move(made));
        }
    }
    if (rng_.below(20) == 0 && groups_.size() > 1)
      groups_.erase(at);
    else
      at->second = group;
    if (rng_.below(20) == 0) add(fmt::format("d{}", launched_));
  }

  Rng& rng_;
  std::map<std::string, port::GroupRef> groups_;
  int launched_ = 0;
  bool failing_ = false;
  bool reversed_ = false;
};

void refresh(CloudView& view, const ChangingCloud& cloud, Instant now) {
  std::vector<port::CloudRequest> asked;
  const Ask ask = [&](port::CloudRequest request) {
    asked.push_back(std::move(request));
    return static_cast<std::uint64_t>(asked.size());
  };
  view.refresh(now, ask);
  for (std::size_t i = 0; i < asked.size(); ++i)
    view.answered(i + 1, cloud.answer(port::CloudRequest(asked[i])), now, ask);
}

std::string text_of(const CloudView& view, const scaling::Observation& seen,
                    const ChangingCloud& cloud) {
  std::string text = view.restless() ? "restless" : "at rest";
  for (const scaling::GroupView& group : seen.groups) {
    text += fmt::format("\n{} {} {}:", group.id, group.target_size,
                        group.provider_template == nullptr ? "none" : "known");
    for (const scaling::InstanceView& each : group.instances)
      text += fmt::format(" {}{}{}", each.provider_id, each.deleting ? "-" : "",
                          each.creation_error ? each.creation_error->message : "");
  }
  for (const std::string& id : cloud.instances()) {
    model::Node node;
    node.spec.providerID = "aws:///us-west-2a/" + id;
    const Membership place = view.membership(node, {});
    text += fmt::format("\n{} in {}{}", id, place.group, place.instance_gone ? ", gone" : "");
  }
  return text;
}

TEST(CloudViewLaw, WhatIsKeptIsWhatAFreshViewSees) {
  Diagnostics found;
  const std::vector<std::string> flags = {"--node-group-auto-discovery=asg:tag=mine"};
  const scaling::Options options = scaling::parse_options(
      flags, scaling::Compat::Upstream, scaling::Release::V1_31, "test", {}, found);
  const ClusterView cluster(options);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed, "cloud");
    ChangingCloud cloud(rng);
    CloudView kept(options, pricing::Catalogue::builtin(), cluster);
    scaling::Observation seen;
    for (int round = 0; round < 30; ++round) {
      cloud.step();
      const Instant now = kToldAt + Duration::minutes(round);
      refresh(kept, cloud, now);
      bool members_changed = false;
      kept.fill(seen, members_changed);
      CloudView fresh(options, pricing::Catalogue::builtin(), cluster);
      refresh(fresh, cloud, now);
      scaling::Observation other;
      fresh.fill(other, members_changed);
      ASSERT_EQ(text_of(kept, seen, cloud), text_of(fresh, other, cloud)) << seed << "/" << round;
    }
  }
}

}  // namespace
}  // namespace gputide::autoscaler
