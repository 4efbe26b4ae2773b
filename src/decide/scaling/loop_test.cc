#include "decide/scaling/loop.h"

#include <gmock/gmock.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "decide/scaling/pods.h"
#include "decide/scaling/testing.h"

namespace gputide::scaling {
namespace {

PodRef pod_of(const std::string& name, Duration age, std::int64_t cpu, std::int64_t gpus = 0) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = name;
  pod->metadata.namespace_ = "default";
  pod->metadata.uid = name;
  pod->metadata.creationTimestamp = kNow - age;
  model::Container container;
  container.name = "main";
  container.resources.requests["cpu"] = Quantity::from_value(cpu);
  if (gpus > 0) container.resources.requests["nvidia.com/gpu"] = Quantity::from_value(gpus);
  pod->spec.edit().containers = {container};
  return pod;
}

class LoopTest : public testing::Test {
 protected:
  void add_group(const std::string& id, std::int64_t gpus, std::int64_t target = 0) {
    GroupView group;
    group.id = id;
    group.max_size = 10;
    group.target_size = target;
    auto made = std::make_shared<NodeTemplate>();
    made->node = node_of("template-" + id, gpus);
    group.provider_template = made;
    seen.groups.push_back(std::move(group));
  }
  void add_node(const model::Node& node, std::int32_t group) {
    auto view = std::make_shared<NodeView>();
    view->node = std::make_shared<const model::Node>(node);
    view->group = group;
    seen.nodes.push_back(view);
  }
  Plan run(Compat compat, Release release = Release::V1_31) {
    LoopState state(default_options(compat, release));
    return decide(seen, {}, state, kNow, nullptr);
  }
  static std::map<std::string, std::int64_t> grown(const Plan& plan) {
    std::map<std::string, std::int64_t> out;
    for (const SetSize& size : plan.resize) out[size.group] = size.to - size.from;
    return out;
  }

  Observation seen;
};

using Grown = std::map<std::string, std::int64_t>;

TEST_F(LoopTest, OursDoesNotWaitForMorePods) {
  add_group("gpu", 1);
  seen.pending = {pod_of("a", Duration::seconds(20), 1, 1)};
  EXPECT_EQ(run(Compat::Upstream).outcome, Outcome::Waiting);
  EXPECT_EQ(run(Compat::Upstream).next, kNow + Duration::seconds(10));
  EXPECT_EQ(grown(run(Compat::Gputide)), (Grown{{"gpu", 1}}));
}

TEST_F(LoopTest, InstancesAreKnownByNumberOrElseByName) {
  add_group("gpu", 1, 4);
  const auto add = [this](const std::string& id, std::uint32_t number) {
    seen.groups[0].instances.push_back({id, false, {}, number});
  };
  const auto add_of = [this](const std::string& name, const std::string& id, std::uint32_t number) {
    model::Node node = node_of(name, 1);
    node.spec.providerID = id;
    auto view = std::make_shared<NodeView>();
    view->node = std::make_shared<const model::Node>(node);
    view->group = 0;
    view->instance = number;
    seen.nodes.push_back(view);
  };
  add("aws:///a/i-1", 1);
  add("aws:///a/i-2", 2);
  add("aws:///a/i-3", 3);
  add("aws:///a/i-placeholder", 0);
  add_of("numbered", "aws:///a/i-1", 1);
  add_of("named", "aws:///a/i-2", 0);
  LoopState state(default_options(Compat::Gputide, Release::V1_31));
  decide(seen, {}, state, kNow, nullptr);
  std::vector<std::string> missing;
  for (const UnregisteredInstance& each : state.cluster().unregistered())
    missing.push_back(each.provider_id);
  EXPECT_THAT(missing, testing::ElementsAre("aws:///a/i-3", "aws:///a/i-placeholder"));
}

TEST_F(LoopTest, OursHelpsEveryShapeInOneLoop) {
  add_group("gpu", 1);
  add_group("cpu", 0);
  seen.groups[1].max_size = 1;
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1), pod_of("b", Duration::minutes(1), 8)};
  seen.groups[0].max_size = 1;
  EXPECT_EQ(grown(run(Compat::Upstream)).size(), 1U);
  EXPECT_EQ(grown(run(Compat::Gputide)), (Grown{{"cpu", 1}, {"gpu", 1}}));
}

TEST_F(LoopTest, OursSaysWhatAScaleUpCostsAndTheLeastThatItCould) {
  add_group("dear", 1);
  add_group("cheap", 1);
  seen.groups[0].price_per_hour = Money::dollars(2);
  seen.groups[1].price_per_hour = Money::dollars(1);
  seen.groups[1].max_size = 1;
  const auto cost = [this] {
    const Plan plan = run(Compat::Gputide);
    EXPECT_FALSE(plan.resize.empty());
    return plan.resize.empty() ? std::pair(Money(), Money())
                               : std::pair(plan.resize[0].price, plan.resize[0].bound);
  };
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  EXPECT_EQ(cost(), std::pair(Money::dollars(1), Money::dollars(1)));
  seen.pending.push_back(pod_of("b", Duration::minutes(1), 1, 1));
  seen.pending.push_back(pod_of("c", Duration::minutes(1), 1, 1));
  // The bound does not know that there is one cheap node only.
  EXPECT_EQ(cost(), std::pair(Money::dollars(5), Money::dollars(3)));
  seen.groups[0].price_per_hour.reset();
  seen.pending.resize(1);
  EXPECT_EQ(cost().second, Money());
}

TEST_F(LoopTest, SaysSoOfScaleUpsThatGrowGroupByGroupToo) {
  add_group("a-dear", 1);
  add_group("b-cheap", 1);
  seen.groups[0].price_per_hour = Money::dollars(2);
  seen.groups[1].price_per_hour = Money::dollars(1);
  for (const char* name : {"a", "b", "c"})
    seen.pending.push_back(pod_of(name, Duration::minutes(1), 1, 1));
  const Plan plan = run(Compat::Upstream);
  ASSERT_EQ(grown(plan), (Grown{{"a-dear", 3}}));  // prices are nothing to it
  EXPECT_EQ(plan.resize[0].price, Money::dollars(6));
  EXPECT_EQ(plan.resize[0].bound, Money::dollars(3));
}

TEST_F(LoopTest, OneGroupWithoutTemplateStopsOnlyUpstream) {
  add_group("gpu", 1);
  add_group("odd", 1);
  seen.groups[1].provider_template = nullptr;
  seen.groups[1].template_error = "ASG \"odd\" uses the unknown EC2 instance type \"g99\"";
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  EXPECT_EQ(run(Compat::Upstream).outcome, Outcome::Failed);
  EXPECT_EQ(grown(run(Compat::Gputide)), (Grown{{"gpu", 1}}));
}

TEST_F(LoopTest, NodesOfNobodysGroupGateOnlyUpstream) {
  add_group("gpu", 1);
  for (int i = 0; i < 5; ++i) {
    model::Node node = node_of("other-" + std::to_string(i), 0);
    node.status.conditions[0].status = "False";
    add_node(node, kNoGroup);
  }
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  EXPECT_EQ(run(Compat::Upstream).outcome, Outcome::Unhealthy);
  EXPECT_EQ(grown(run(Compat::Gputide)), (Grown{{"gpu", 1}}));
}

TEST_F(LoopTest, OursTurnsAwayFromAFailedLaunchAtOnce) {
  add_group("a", 1, 1);
  add_group("b", 1);
  seen.groups[0].pools = {"g4dn.xlarge|us-west-2a|spot"};
  seen.groups[1].pools = {"g5.xlarge|us-west-2a|spot"};
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  for (const Compat compat : {Compat::Upstream, Compat::Gputide}) {
    LoopState state(default_options(compat, Release::V1_31));
    seen.groups[0].target_size = 0;
    seen.groups[0].instances.clear();
    decide(seen, {}, state, kNow - Duration::seconds(10), nullptr);  // asks group a
    seen.groups[0].target_size = 1;
    InstanceView placeholder{"aws:///us-west-2a/i-placeholder-a-0", false, {}};
    placeholder.creation_error = ScaleUpError{
        ErrorClass::OutOfResources, "placeholder-cannot-be-fulfilled", "", seen.groups[0].pools};
    seen.groups[0].instances = {placeholder};
    const Plan plan = decide(seen, {}, state, kNow, nullptr);
    ASSERT_EQ(plan.drop.size(), 1U);
    if (compat == Compat::Upstream)
      EXPECT_EQ(grown(plan), Grown{});  // the pod counts on the node that cannot come
    else
      EXPECT_EQ(grown(plan), (Grown{{"b", 1}}));
  }
}

TEST_F(LoopTest, BackoffIsOfThePoolNotOfTheGroup) {
  add_group("a", 1);
  add_group("b", 1);
  add_group("c", 1);
  seen.groups[0].pools = seen.groups[1].pools = {"g4dn.xlarge|us-west-2a|spot"};
  seen.groups[2].pools = {"g4dn.xlarge|us-west-2a|spot", "g5.xlarge|us-west-2a|spot"};
  std::vector<PlanEvent> events;
  ClusterState ours(default_options(Compat::Gputide, Release::V1_36));
  ours.update(seen, {}, 0, kNow, events);
  ours.fail("a", {ErrorClass::OutOfResources, "ICE", "", seen.groups[0].pools}, kNow);
  EXPECT_NE(ours.backed_off(0, kNow), nullptr);
  EXPECT_NE(ours.backed_off(1, kNow), nullptr);  // the same pool
  EXPECT_EQ(ours.backed_off(2, kNow), nullptr);  // another one is left
  ClusterState upstream(default_options(Compat::Upstream, Release::V1_36));
  upstream.update(seen, {}, 0, kNow, events);
  upstream.fail("a", {ErrorClass::OutOfResources, "ICE", "", seen.groups[0].pools}, kNow);
  EXPECT_NE(upstream.backed_off(0, kNow), nullptr);
  EXPECT_EQ(upstream.backed_off(1, kNow), nullptr);
}

TEST_F(LoopTest, OursBalancesAnEmptyGroupWithOneThatHasNodes) {
  add_group("a", 1, 1);
  add_group("b", 1);
  model::Node node = node_of("a-1", 1);
  node.status.capacity["ephemeral-storage"] = Quantity::from_value(80);  // no template has it
  node.status.allocatable = node.status.capacity;
  add_node(node, 0);
  for (int i = 0; i < 4; ++i)
    seen.pending.push_back(pod_of("p" + std::to_string(i), Duration::minutes(1), 1, 1));
  Options options = default_options(Compat::Upstream, Release::V1_31);
  options.balance_similar_node_groups = true;
  LoopState upstream(options);
  EXPECT_EQ(grown(decide(seen, {}, upstream, kNow, nullptr)).size(), 1U);
  EXPECT_EQ(grown(run(Compat::Gputide)), (Grown{{"a", 1}, {"b", 2}}));
}

TEST_F(LoopTest, UpcomingNodesNeedARequestOnlyIn136) {
  add_group("gpu", 1, 1);  // a node is on its way that this program did not ask for
  seen.groups[0].instances = {{"aws:///us-west-2a/i-1", false, {}}};
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  EXPECT_EQ(grown(run(Compat::Upstream, Release::V1_31)), Grown{});
  EXPECT_EQ(grown(run(Compat::Upstream, Release::V1_36)), (Grown{{"gpu", 1}}));
  EXPECT_EQ(grown(run(Compat::Gputide)), Grown{});
}

TEST_F(LoopTest, ATerminatingNodeHidesNoneThatComesInOurs) {
  add_group("gpu", 1, 1);  // its node has just been ended, and another was asked for
  model::Node node = node_of("gpu-1", 1);
  node.spec.providerID = "aws:///us-west-2a/i-1";
  node.spec.unschedulable = true;
  add_node(node, 0);
  seen.groups[0].instances = {{"aws:///us-west-2a/i-1", true, {}},
                              {"aws:///us-west-2a/i-2", false, {}}};
  seen.pending = {pod_of("a", Duration::minutes(1), 1, 1)};
  EXPECT_EQ(grown(run(Compat::Upstream)), (Grown{{"gpu", 1}}));
  EXPECT_EQ(grown(run(Compat::Gputide)), Grown{});
}

TEST_F(LoopTest, ACachedTemplateFollowsItsGroupInOurs) {
  for (const Compat compat : {Compat::Upstream, Compat::Gputide}) {
    seen = {};
    add_group("gpu", 1, 1);
    add_node(node_of("gpu-1", 1), 0);
    NodeTemplates templates(default_options(compat, Release::V1_36));
    const std::vector<NodeFacts> facts = {
        node_facts(*seen.nodes[0], condition_readiness(*seen.nodes[0]->node))};
    ASSERT_TRUE(templates.update(seen, facts, 0, kNow));
    EXPECT_EQ(templates.origin(0), TemplateOrigin::RealNode);
    seen.nodes.clear();
    seen.groups[0].template_version = 2;  // its launch data changed
    ASSERT_TRUE(templates.update(seen, {}, 0, kNow));
    EXPECT_EQ(templates.origin(0),
              compat == Compat::Upstream ? TemplateOrigin::Cached : TemplateOrigin::Launch);
  }
}

TEST(TaintRules, SpotNoticesPassInOurs) {
  const auto transient = [](Compat compat) {
    return TaintRules(default_options(compat, Release::V1_36))
        .is_transient("aws-node-termination-handler/spot-itn");
  };
  EXPECT_FALSE(transient(Compat::Upstream));
  EXPECT_TRUE(transient(Compat::Gputide));
}

TEST(Pods, SharedGpusAreGpusInOurs) {
  for (const char* name : {"nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb"}) {
    EXPECT_FALSE(is_gpu_resource(name, Semantics::upstream(Release::V1_36)));
    EXPECT_TRUE(is_gpu_resource(name, Semantics::gputide()));
  }
}

TEST(Drain, OldSystemPodsKeepTheirOtherRulesInOurs) {
  model::Pod pod = *pod_of("coredns", Duration::hours(2), 1);
  pod.metadata.namespace_ = "kube-system";
  pod.metadata.annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] = "false";
  pod.metadata.ownerReferences = {{"apps/v1", "ReplicaSet", "coredns", "uid", true, true}};
  const auto outcome = [&](Compat compat) {
    const DrainOptions options = DrainOptions::of(default_options(compat, Release::V1_36));
    const DisruptionBudgets none;
    return drainability(pod, {options, none, nullptr, kNow}).outcome;
  };
  EXPECT_NE(outcome(Compat::Upstream), Drainability::Blocked);
  EXPECT_EQ(outcome(Compat::Gputide), Drainability::Blocked);
}

TEST_F(LoopTest, GpusCountInOurPodOrder) {
  NodeTemplate node{node_of("template", 4), {}};
  const std::vector<PodRef> pods = {pod_of("cpu", {}, 2), pod_of("gpu", {}, 1, 4)};
  PodShapes shapes;
  const std::vector<PodGroup> groups = group_pods(pods, shapes);
  const std::vector<const PodGroup*> all = {&groups[0], &groups[1]};
  Simulation simulation;
  const auto first = [&](const Semantics& semantics) {
    return estimate(all, node, 1, semantics, simulation).pods.front()->metadata.name;
  };
  EXPECT_EQ(first(Semantics::upstream(Release::V1_36)), "cpu");
  EXPECT_EQ(first(Semantics::gputide()), "gpu");
}

TEST_F(LoopTest, ASecondLookAtTheSameIsSettledAndCostsNothing) {
  add_group("cpu", 0, 2);
  add_node(node_of("cpu-1", 0), 0);
  add_node(node_of("cpu-2", 0), 0);
  seen.version = 1;
  LoopState state(default_options(Compat::Upstream, Release::V1_31));
  const Plan first = decide(seen, {}, state, kNow, nullptr);
  EXPECT_FALSE(first.settled);
  EXPECT_EQ(first.unneeded.size(), 2U);
  Plan later;
  for (std::int64_t i = 1; i < 4; ++i)
    later = decide(seen, {}, state, kNow + Duration::seconds(10 * i), nullptr);
  EXPECT_TRUE(later.settled || later.next.has_value());
  EXPECT_EQ(later.next, kNow + Duration::minutes(10) + Duration::nanoseconds(1));
  EXPECT_FALSE(state.at_rest(seen, kNow + Duration::seconds(30)));
}

// Any of them, in small cases too.
int below(int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, end));
}

// A cluster that changes at random, seen as an autoscaler sees it: views stay where nothing
// changed.
class ChangingCluster {
 public:
  ChangingCluster() {
    for (const char* id : {"a", "b"}) {
      GroupView group;
      group.id = id;
      group.min_size = 1;
      group.max_size = 8;
      group.provider_template = launch(id);
      seen.groups.push_back(std::move(group));
    }
  }

  void step() {
    seen.changed_nodes.emplace();
    for (int i = 1 + below(3); i > 0; --i) change();
    if (below(4) == 0) change_controllers();
    deletions = {};
    if (below(3) == 0) delete_some();
    ++seen.version;
    seen.instances_version = seen.version;
    for (std::size_t g = 0; g < seen.groups.size(); ++g) {
      GroupView& group = seen.groups[g];
      group.instances.clear();
      for (const auto& view : seen.nodes)
        if (view->group == static_cast<std::int32_t>(g))
          group.instances.push_back({view->node->spec.providerID, false, {}, view->instance});
      group.target_size = static_cast<std::int64_t>(group.instances.size()) + missing_[g];
      if (missing_[g] > 0) group.instances.push_back(placeholder(group.id));
    }
  }

  Observation seen;
  Deletions deletions;

 private:
  void change_controllers() {
    auto now = std::make_shared<Controllers>();
    if (below(2) == 0) now->replica_sets[{"default", "set"}] = 2;
    if (below(3) != 0) now->daemon_sets.insert({"default", "set"});
    now->version = ++controllers_;
    seen.controllers = std::move(now);
  }
  void delete_some() {
    for (const auto& view : seen.nodes) {
      if (view->group == kNoGroup || below(4) != 0) continue;
      const std::string& name = view->node->metadata.name;
      (view->pods.empty() ? deletions.empty : deletions.drain).insert(name);
      ++deletions.by_group[seen.groups[static_cast<std::size_t>(view->group)].id];
      if (below(2) == 0) deletions.evicted.push_back(pod());
    }
  }
  static std::shared_ptr<const NodeTemplate> launch(const std::string& id) {
    auto made = std::make_shared<NodeTemplate>();
    made->node = node_of("template-" + id, 1);
    return made;
  }
  // What was asked for and has not come, or cannot.
  InstanceView placeholder(const std::string& group) const {
    InstanceView instance{"aws:///a/i-placeholder-" + group};
    if (failing_)
      instance.creation_error = ScaleUpError{ErrorClass::OutOfResources, "none-left", "none", {}};
    return instance;
  }
  void change() {
    const int what = below(14);
    if (what == 0 || seen.nodes.empty()) return add_node();
    const auto i = static_cast<std::size_t>(below(static_cast<int>(seen.nodes.size())));
    const auto g = static_cast<std::size_t>(below(2));
    switch (what) {
      case 1: {
        const auto last = std::min(seen.nodes.size(), i + static_cast<std::size_t>(1 + below(3)));
        seen.nodes.erase(seen.nodes.begin() + static_cast<std::ptrdiff_t>(i),
                         seen.nodes.begin() + static_cast<std::ptrdiff_t>(last));
        seen.changed_nodes.reset();
        return;
      }
      case 2:
        return edit(i, [](model::Node& node) {
          std::string& ready = node.status.conditions[0].status;
          ready = ready == "True" ? "False" : "True";
        });
      case 3:
        return edit(i, [](model::Node& node) { node.spec.unschedulable ^= true; });
      case 4:
        return edit(i, [](model::Node& node) {
          if (node.spec.taints.empty())
            node.spec.taints.push_back(
                {std::string(kDeletionCandidateTaint), "1", "PreferNoSchedule", {}});
          else
            node.spec.taints.clear();
        });
      case 5:
        missing_[g] = 1 - missing_[g];
        return;
      case 6:
        seen.groups[g].provider_template = launch(seen.groups[g].id);
        ++seen.groups[g].template_version;
        return;
      case 8:
        failing_ = !failing_;
        return;
      case 9:
        return std::swap(seen.nodes[i], seen.nodes.back()), seen.changed_nodes.reset();
      case 7:
        if (!seen.pending.empty() && below(2) == 0)
          seen.pending.pop_back();
        else
          seen.pending.push_back(pod());
        return;
      default:
        return exchange_pod(i);
    }
  }
  void add_node() {
    const int number = ++nodes_;
    auto view = std::make_shared<NodeView>();
    model::Node node = node_of("node-" + std::to_string(number), number % 3 == 0 ? 0 : 1);
    node.spec.providerID = "aws:///a/i-" + std::to_string(number);
    node.metadata.creationTimestamp = kNow;
    view->node = std::make_shared<const model::Node>(std::move(node));
    view->group = number % 2;
    view->instance = static_cast<std::uint32_t>(number);
    seen.nodes.push_back(std::move(view));
    seen.changed_nodes.reset();
  }
  template <class Edit>
  void edit(std::size_t index, Edit edit) {
    auto node = std::make_shared<model::Node>(*seen.nodes[index]->node);
    edit(*node);
    auto view = std::make_shared<NodeView>(*seen.nodes[index]);
    view->node = std::move(node);
    replace(index, std::move(view));
  }
  void exchange_pod(std::size_t index) {
    auto view = std::make_shared<NodeView>(*seen.nodes[index]);
    if (!view->pods.empty() && below(2) == 0)
      view->pods.erase(view->pods.begin());
    else
      view->pods.push_back(pod());
    replace(index, std::move(view));
  }
  void replace(std::size_t index, std::shared_ptr<const NodeView> view) {
    seen.nodes[index] = std::move(view);
    if (seen.changed_nodes) seen.changed_nodes->push_back(static_cast<std::uint32_t>(index));
  }
  PodRef pod() {
    const bool of_daemonset = below(2) == 0;
    auto made = std::make_shared<model::Pod>(
        *pod_of("pod-" + std::to_string(++pods_), Duration::minutes(5), of_daemonset ? 0 : below(5),
                of_daemonset ? 0 : below(2)));
    made->metadata.ownerReferences = {
        {"apps/v1", of_daemonset ? "DaemonSet" : "ReplicaSet", "set", "uid", true, true}};
    return made;
  }

  int nodes_ = 0;
  int pods_ = 0;
  std::uint64_t controllers_ = 0;
  std::int64_t missing_[2] = {0, 0};
  bool failing_ = false;
};

std::string text_of(const LoopState& state, std::size_t groups, Instant now) {
  const ClusterState& cluster = state.cluster();
  std::string text = cluster.cluster_healthy() ? "healthy" : "unhealthy";
  const auto add = [&](const ReadinessCount& count) {
    for (const std::int64_t each :
         {count.registered, count.ready, count.unready, count.not_started, count.deleted,
          count.unregistered, count.long_unregistered, count.failed})
      text += " " + std::to_string(each);
  };
  add(cluster.total());
  for (std::size_t g = 0; g < groups; ++g) {
    text += cluster.group_healthy(g) ? " healthy" : " unhealthy";
    text += " " + std::to_string(cluster.upcoming(g));
    if (cluster.backed_off(g, now) != nullptr) text += " backed off";
    add(cluster.count(g));
    const auto& node = state.templates().of(g);
    text += node == nullptr ? " none" : " " + node->node.status.allocatable.begin()->first;
    text += " " + std::to_string(static_cast<int>(state.templates().origin(g)));
  }
  return text;
}

std::string text_of(const Plan& plan) {
  std::string text = std::to_string(static_cast<int>(plan.outcome));
  for (const SetSize& size : plan.resize) text += " " + size.group + ">" + std::to_string(size.to);
  for (const DropInstances& drop : plan.drop) text += " drop " + drop.group;
  for (const auto* list : {&plan.remove.empty, &plan.remove.drain})
    for (const Removable& node : *list) text += " remove " + node.node;
  for (const SoftTaint& taint : plan.soft_taints)
    text += (taint.add ? " taint " : " untaint ") + taint.node;
  for (const NewlyUnneeded& node : plan.unneeded) text += " unneeded " + node.node;
  for (const PlanEvent& event : plan.events) text += " " + event.reason;
  if (plan.next) text += " next " + std::to_string((*plan.next - kNow).nanoseconds());
  return text;
}

std::string text_of(const ScaleDownState& state) {
  std::string text;
  for (const std::size_t i : state.candidates) text += " candidate " + std::to_string(i);
  for (const Removable& node : state.unneeded)
    text += " unneeded " + node.node + " to move " + std::to_string(node.pods_to_move.size()) +
            " of daemonsets " + std::to_string(node.daemonset_pods.size());
  for (const Unremovable& node : state.unremovable) {
    text += " " + std::string(unremovable_reason_name(node.reason));
    if (node.blocking_pod != nullptr) text += " " + node.blocking_pod->metadata.name;
  }
  for (const Utilization* used : state.utilization)
    text += used == nullptr ? " -" : " " + std::to_string(used->value);
  return text;
}

RC_GTEST_PROP(LoopLaw, AGlanceAtWhatChangedDecidesAsALookAtEverything, ()) {
  Options options =
      default_options(*rc::gen::element(Compat::Upstream, Compat::Gputide), Release::V1_31);
  options.scale_down_unneeded_time = Duration::seconds(30);
  options.scale_down_delay_after_add = Duration::seconds(20);
  LoopState glancing(options);
  LoopState looking(options);
  ChangingCluster cluster;
  Instant now = kNow;
  for (int i = 40; i > 0; --i) {
    if (below(4) != 0) cluster.step();
    Observation all = cluster.seen;
    all.version = all.instances_version = 0;
    all.changed_nodes.reset();
    if (all.controllers != nullptr) {
      auto controllers = std::make_shared<Controllers>(*all.controllers);
      controllers->version = 0;
      all.controllers = std::move(controllers);
    }
    now = now + Duration::seconds(10) * (1 + below(3));
    const Plan whole = decide(all, cluster.deletions, looking, now, nullptr);
    const Plan glance = decide(cluster.seen, cluster.deletions, glancing, now, nullptr);
    if (glance.settled) continue;
    RC_ASSERT(text_of(glance) == text_of(whole));
    if (whole.outcome == Outcome::Unhealthy || whole.outcome == Outcome::Failed) continue;
    RC_ASSERT(text_of(glancing, 2, now) == text_of(looking, 2, now));
    RC_ASSERT(text_of(glancing.planner().state()) == text_of(looking.planner().state()));
  }
}

}  // namespace
}  // namespace gputide::scaling
