#include "control/autoscaler/status_map.h"

#include <gtest/gtest.h>

namespace gputide::autoscaler {
namespace {

constexpr Instant kNow = Instant::from_seconds(1'767'225'600);

class StatusMapTest : public testing::Test {
 protected:
  StatusMapTest() {
    scaling::GroupView group;
    group.id = "gpu";
    group.min_size = 0;
    group.max_size = 7;
    group.target_size = 1;
    group.provider_template = std::make_shared<const scaling::NodeTemplate>();
    seen.groups.push_back(std::move(group));
    add_node("gpu-1", "True");
    seen.version = seen.instances_version = 1;
  }

  static scaling::Options options_of() {
    Diagnostics found;
    return scaling::parse_options({}, scaling::Compat::Upstream, scaling::Release::V1_31, "test",
                                  {}, found);
  }

  void add_node(const std::string& name, const std::string& ready) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    node->metadata.creationTimestamp = kNow - Duration::hours(1);
    node->status.allocatable = {{"cpu", Quantity::from_value(8)}};
    model::NodeCondition condition;
    condition.type = "Ready";
    condition.status = ready;
    condition.lastTransitionTime = kNow - Duration::hours(1);
    node->status.conditions = {condition};
    auto view = std::make_shared<scaling::NodeView>();
    view->node = node;
    view->group = 0;
    view->instance = static_cast<std::uint32_t>(seen.nodes.size() + 1);
    seen.nodes.push_back(std::move(view));
  }

  // The text that is written after a look; empty: none is.
  std::string look(std::int64_t seconds) {
    const Instant now = kNow + Duration::seconds(seconds);
    decide(seen, {}, state, now, nullptr);
    port::Commands commands;
    status.write(seen, state, now, commands);
    if (commands.empty()) return {};
    const auto* create = std::get_if<port::Create>(&commands.front());
    const auto& map = std::get<std::shared_ptr<const model::ConfigMap>>(create->object);
    return map->data.at("status");
  }

  const scaling::Options options = options_of();
  scaling::LoopState state{options};
  StatusMap status{options};
  scaling::Observation seen;
};

TEST_F(StatusMapTest, SaysWhatUpstreamSays) {
  EXPECT_EQ(look(0),
            "time: 2026-01-01T00:00:00Z\n"
            "autoscalerStatus: Running\n"
            "clusterWide:\n"
            "  health:\n"
            "    status: Healthy\n"
            "    nodeCounts:\n"
            "      registered:\n"
            "        total: 1\n"
            "        ready: 1\n"
            "        notStarted: 0\n"
            "        beingDeleted: 0\n"
            "        unready:\n"
            "          total: 0\n"
            "      longUnregistered: 0\n"
            "      unregistered: 0\n"
            "  scaleUp:\n"
            "    status: NoActivity\n"
            "  scaleDown:\n"
            "    status: CandidatesPresent\n"
            "    candidates: 1\n"
            "nodeGroups:\n"
            "- name: gpu\n"
            "  health:\n"
            "    status: Healthy\n"
            "    nodeCounts:\n"
            "      registered:\n"
            "        total: 1\n"
            "        ready: 1\n"
            "        notStarted: 0\n"
            "        beingDeleted: 0\n"
            "        unready:\n"
            "          total: 0\n"
            "      longUnregistered: 0\n"
            "      unregistered: 0\n"
            "    cloudProviderTarget: 1\n"
            "    minSize: 0\n"
            "    maxSize: 7\n"
            "  scaleUp:\n"
            "    status: NoActivity\n"
            "  scaleDown:\n"
            "    status: CandidatesPresent\n"
            "    candidates: 1\n");
}

TEST_F(StatusMapTest, WaitsForALoopThatCounted) {
  const auto made = std::exchange(seen.groups[0].provider_template, nullptr);
  EXPECT_EQ(look(0), "");
  seen.groups[0].provider_template = made;
  ++seen.version;
  ++seen.instances_version;
  EXPECT_NE(look(10), "");
}

TEST_F(StatusMapTest, IsWrittenWhenItSaysSomethingElse) {
  EXPECT_NE(look(0), "");
  EXPECT_EQ(look(10), "");
  seen.groups[0].max_size = 8;
  ++seen.version;
  ++seen.instances_version;
  EXPECT_NE(look(20).find("maxSize: 8\n"), std::string::npos);
  add_node("gpu-2", "False");
  ++seen.version;
  ++seen.instances_version;
  seen.changed_nodes.reset();
  EXPECT_NE(look(30).find("notStarted: 0\n        beingDeleted: 0\n        unready:\n          "
                          "total: 1\n"),
            std::string::npos);
  EXPECT_EQ(look(40), "");
  state.scale_up_refused("gpu", 1, {scaling::ErrorClass::Other, "no-quota", "none", {}},
                         kNow + Duration::seconds(50));
  EXPECT_NE(look(50).find("status: Backoff\n    backoffInfo:\n      errorCode: no-quota\n"),
            std::string::npos);
  EXPECT_EQ(look(60), "");
  // The wait ends by itself.
  EXPECT_NE(look(60 + 300).find("scaleUp:\n    status: NoActivity\n"), std::string::npos);
}

}  // namespace
}  // namespace gputide::autoscaler
