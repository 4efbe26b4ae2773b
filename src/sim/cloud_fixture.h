// A cloud alone in a world, for tests: remembers its records and what it tells of instances.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "decide/pricing/catalogue.h"
#include "port/record.h"
#include "sim/cloud.h"
#include "sim/heap.h"

namespace gputide::sim::testing {

class CloudWorld : public InstanceListener, public port::Recorder {
 public:
  explicit CloudWorld(std::uint64_t seed = 1,
                      MarketOptions::Kind market = MarketOptions::Kind::Calm,
                      std::shared_ptr<const SpotTraces> traces = nullptr)
      : heap(Instant::from_seconds(1'767'225'600)),
        cloud(make_cloud(heap, pricing::Catalogue::builtin(), *this, *this,
                         {seed, {market, std::move(traces)}})) {}

  /// A group in us-west-2a to c, of the types; one type and no distribution: a launch template.
  static model::NodeGroupPlan group(std::vector<std::string> types, std::int64_t desired,
                                    std::int64_t on_demand_percentage,
                                    std::vector<std::string> zones = {"us-west-2a", "us-west-2b",
                                                                      "us-west-2c"}) {
    model::NodeGroupPlan plan;
    plan.nodegroup_name = "one";
    plan.group.name = "group-one";
    plan.group.max_size = 1000;
    plan.group.desired_capacity = desired;
    plan.group.availability_zones = std::move(zones);
    plan.group.tags.edit() = {{"team", "ml"}};
    plan.launch.instance_type = types.front();
    model::MixedInstancesPolicy policy;
    policy.launch_template = {"one", "1"};
    for (std::string& type : types) policy.overrides.push_back({std::move(type), {}, {}});
    policy.distribution.on_demand_percentage_above_base = on_demand_percentage;
    plan.group.mixed_instances_policy = std::move(policy);
    return plan;
  }

  void run_for(Duration span) {
    const Instant until = heap.now() + span;
    while (!heap.empty() && heap.next_at() <= until) heap.step();
    heap.at(until, Priority::Report, idle_, 0);
    while (heap.now() < until) heap.step();
  }

  model::AutoScalingGroup only_group() {
    const auto answer = cloud->call(port::DescribeAutoScalingGroups{});
    return *std::get<std::vector<port::GroupRef>>(answer).at(0);
  }
  std::int64_t in_service() {
    std::int64_t count = 0;
    for (const auto& instance : only_group().instances)
      count += instance.state == model::LifecycleState::InService ? 1 : 0;
    return count;
  }
  std::map<std::string, int> count_by(std::string model::GroupInstance::* field) {
    std::map<std::string, int> counts;
    for (const auto& instance : only_group().instances) ++counts[instance.*field];
    return counts;
  }
  std::string error_of(const port::CloudRequest& request) {
    const auto answer = cloud->call(request);
    const auto* error = std::get_if<port::CloudError>(&answer);
    return error == nullptr ? "" : error->code + ": " + error->message;
  }
  int count(port::RecordKind kind) const {
    int n = 0;
    for (const port::RecordKind seen : kinds) n += seen == kind ? 1 : 0;
    return n;
  }

  void instance_running(const CloudInstance& instance) override { running.push_back(instance.id); }
  void instance_stopping(const CloudInstance& instance) override {
    stopping.push_back(instance.id);
  }
  void instance_notice(const port::InstanceNotice& notice) override {
    if (notice.state == "pending") launched.push_back(notice.instance_id);
    notices.push_back(notice);
  }
  void record(const port::Record& record) override {
    kinds.push_back(record.kind);
    std::string line =
        fmt::format("{} {} {}: {}", record.at.rfc3339(), port::record_kind_name(record.kind),
                    record.subject, record.message);
    lines.push_back(std::move(line));
  }

  Heap heap;
  std::vector<std::string> launched;
  std::vector<std::string> running;
  std::vector<std::string> stopping;
  std::vector<port::InstanceNotice> notices;
  std::vector<port::RecordKind> kinds;
  std::vector<std::string> lines;
  std::unique_ptr<Cloud> cloud;

 private:
  struct Idle : Handler {
    void fire(std::uint64_t, Instant) override {}
  };
  Idle idle_;
};

}  // namespace gputide::sim::testing
