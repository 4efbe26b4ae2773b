#include "state/cluster.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gputide::state {
namespace {

NodeRef a_node(const std::string& name, const std::string& zone, std::int64_t gpus) {
  auto node = std::make_shared<model::Node>();
  node->metadata.name = name;
  node->metadata.labels = {{"kubernetes.io/hostname", name}, {"zone", zone}};
  node->status.allocatable = {{"cpu", Quantity::from_value(8)},
                              {"memory", Quantity::from_value(64 << 20)},
                              {"pods", Quantity::from_value(10)},
                              {"nvidia.com/gpu", Quantity::from_value(gpus)}};
  return node;
}

PodRef a_pod(const std::string& name, std::int64_t gpus, std::int32_t port, int priority) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = name;
  pod->metadata.namespace_ = "default";
  pod->metadata.labels = {{"app", gpus > 1 ? "train" : "serve"}};
  model::Container container;
  container.resources.requests = {{"nvidia.com/gpu", Quantity::from_value(gpus)},
                                  {"cpu", Quantity::from_milli(250)}};
  if (port > 0) {
    container.ports.emplace_back();
    container.ports.back().hostPort = port;
  }
  pod->spec.edit().containers.push_back(std::move(container));
  pod->spec.edit().priority = priority;
  if (gpus == 3) {
    model::PodAffinity anti;
    anti.requiredDuringSchedulingIgnoredDuringExecution.emplace_back().topologyKey = "zone";
    pod->spec.edit().affinity.emplace().podAntiAffinity = anti;
  }
  return pod;
}

// All that can be read of a cluster, as text.
std::string portrait(const Cluster& cluster, TopologyId zone) {
  std::string out;
  const auto number = [&](auto n) { out += std::to_string(n) + " "; };
  for (NodeId id = 0; id < cluster.end(); ++id) {
    if (!cluster.exists(id)) continue;
    const NodeState& node = cluster.node(id);
    out += node.object->metadata.name + ": ";
    for (std::size_t r = 0; r < cluster.resources().count(); ++r) {
      number(cluster.allocatable(id)[r]);
      number(cluster.requested(id)[r]);
    }
    number(node.allowed_pods);
    number(node.scored_cpu);
    number(node.scored_memory);
    number(cluster.domain(zone, id));
    std::vector<std::int32_t> ports;
    for (const HostPort& port : node.ports) ports.push_back(port.port);
    std::sort(ports.begin(), ports.end());
    for (const std::int32_t port : ports) number(port);
    for (const PodRef& pod : node.pods) out += pod->metadata.name + " ";
    out += "\n";
  }
  number(cluster.node_count());
  number(cluster.lowest_priority());
  number(cluster.pods_with_anti_affinity());
  for (const auto& [kind, pods] : cluster.kinds_with_affinity()) {
    number(kind.first);
    number(kind.second);
    number(pods);
  }
  return out;
}

// Changes a cluster at random. Ports differ from pod to pod, as they do on nodes that work.
class Wanderer {
 public:
  explicit Wanderer(Cluster& cluster) : cluster_(cluster) {}

  void step() {
    const int choice = *rc::gen::inRange(0, 10);
    const NodeId node = some_node();
    if (choice == 0 || node == kNoNode) return add_node();
    if (choice == 1) return cluster_.remove_node(node);
    if (choice == 2)
      return cluster_.update_node(
          node, a_node(cluster_.node(node).object->metadata.name, zone(), *rc::gen::inRange(0, 9)));
    const auto& pods = cluster_.node(node).pods;
    if (choice == 3) return remove_some(node);
    if (choice < 6 && !pods.empty())
      return cluster_.remove_pod(PodRef(pods[*rc::gen::inRange<std::size_t>(0, pods.size())]),
                                 node);
    const int number = ++pods_;
    cluster_.add_pod(a_pod("p" + std::to_string(number), *rc::gen::inRange(0, 4),
                           *rc::gen::inRange(0, 2) * (8000 + number), *rc::gen::inRange(-1, 2)),
                     node);
  }

 private:
  static std::string zone() {
    return std::string(1, static_cast<char>(*rc::gen::inRange('a', 'd')));
  }
  void remove_some(NodeId node) {
    std::vector<PodRef> some;
    for (const PodRef& pod : cluster_.node(node).pods)
      if (*rc::gen::arbitrary<bool>()) some.push_back(pod);
    cluster_.remove_pods(some, node);
  }
  void add_node() { cluster_.add_node(a_node("n" + std::to_string(++nodes_), zone(), 8)); }
  NodeId some_node() {
    std::vector<NodeId> alive;
    for (NodeId id = 0; id < cluster_.end(); ++id)
      if (cluster_.exists(id)) alive.push_back(id);
    if (alive.empty()) return kNoNode;
    return alive[*rc::gen::inRange<std::size_t>(0, alive.size())];
  }

  Cluster& cluster_;
  int nodes_ = 0;
  int pods_ = 0;
};

RC_GTEST_PROP(Cluster, RevertUndoesWhateverWasDone, (bool used_again)) {
  Cluster cluster(used_again ? Cluster::Ids::UsedAgain : Cluster::Ids::Growing);
  const TopologyId zone = cluster.topology("zone");
  Wanderer wanderer(cluster);
  for (int i = 0; i < 20; ++i) wanderer.step();
  const std::string before = portrait(cluster, zone);
  cluster.fork();
  for (int i = *rc::gen::inRange(0, 15); i > 0; --i) wanderer.step();
  const std::string between = portrait(cluster, zone);
  cluster.fork();
  for (int i = *rc::gen::inRange(0, 15); i > 0; --i) wanderer.step();
  if (*rc::gen::arbitrary<bool>()) {
    cluster.revert();
    RC_ASSERT(portrait(cluster, zone) == between);
  } else {
    cluster.commit();
  }
  cluster.revert();
  RC_ASSERT(portrait(cluster, zone) == before);
}

RC_GTEST_PROP(Cluster, TakingAPodAwayIsAsIfItHadNeverCome, ()) {
  Cluster cluster;
  const TopologyId zone = cluster.topology("zone");
  Wanderer wanderer(cluster);
  const NodeId node = cluster.add_node(a_node("host", "a", 8));
  for (int i = 0; i < 10; ++i)
    cluster.add_pod(a_pod("x" + std::to_string(i), i % 3, 9000 + i, i), node);
  const std::string before = portrait(cluster, zone);
  const PodRef pod = a_pod("passing", *rc::gen::inRange(0, 4), 80, *rc::gen::inRange(-5, 20));
  cluster.add_pod(pod, node);
  RC_ASSERT(portrait(cluster, zone) != before);
  cluster.remove_pod(pod, node);
  RC_ASSERT(portrait(cluster, zone) == before);
}

TEST(Cluster, PodsOfOneTemplateShareANumberAndSoDoCopiesOfTheirSpec) {
  Cluster cluster;
  const PodRef one = a_pod("one", 1, 0, 0);
  auto sharing = std::make_shared<model::Pod>(*one);
  auto copied = std::make_shared<model::Pod>(*one);
  copied->spec.edit().nodeName = "somewhere";
  EXPECT_NE(copied->spec.identity(), one->spec.identity());
  EXPECT_EQ(cluster.spec_of(*one), cluster.spec_of(*sharing));
  EXPECT_EQ(cluster.spec_of(*one), cluster.spec_of(*copied));
  EXPECT_NE(cluster.spec_of(*one), cluster.spec_of(*a_pod("two", 2, 0, 0)));
}

TEST(Cluster, LabelsMakeTheClassWhoeverHoldsThem) {
  Cluster cluster;
  const PodRef one = a_pod("one", 1, 0, 0);
  model::Pod sharing = *one;
  EXPECT_EQ(cluster.class_of(sharing), cluster.class_of(*one));
  sharing.metadata.namespace_ = "other";
  EXPECT_NE(cluster.class_of(sharing), cluster.class_of(*one));
  model::Pod edited = *one;
  edited.metadata.labels["app"] = "edited";
  EXPECT_NE(cluster.class_of(edited), cluster.class_of(*one));
  EXPECT_EQ(cluster.class_of(*a_pod("equal", 1, 0, 0)), cluster.class_of(*one));
}

TEST(Cluster, ANodeMayBeReplacedByOneOfAnotherNameOrSize) {
  Cluster cluster;
  const NodeId node = cluster.add_node(a_node("before", "a", 8));
  cluster.update_node(node, a_node("after", "a", 8));
  EXPECT_EQ(cluster.find("before"), kNoNode);
  EXPECT_EQ(cluster.find("after"), node);
  EXPECT_EQ(cluster.node_count(), 1);
  auto smaller = std::make_shared<model::Node>(*a_node("after", "a", 8));
  smaller->status.allocatable = {{"pods", Quantity::from_value(3)}};
  cluster.update_node(node, smaller);
  EXPECT_EQ(cluster.allocatable(node)[kCpu], 0);
  EXPECT_EQ(cluster.node(node).allowed_pods, 3);
  EXPECT_EQ(cluster.find("after"), node);
  for (const bool large : {false, true, true, false}) {
    const NodeId next = cluster.add_node(large ? a_node("next", "a", 8) : smaller);
    EXPECT_EQ(cluster.allocatable(next)[kCpu], large ? 8000 : 0);
    EXPECT_EQ(cluster.node(next).allowed_pods, large ? 10 : 3);
    cluster.remove_node(next);
    EXPECT_EQ(cluster.allocatable(next)[kCpu], 0);
  }
}

TEST(Cluster, KnowsWhichKindsOfItsPodsHaveAffinity) {
  Cluster cluster;
  const NodeId node = cluster.add_node(a_node("node", "a", 8));
  const PodRef without = a_pod("without", 2, 0, 0);
  const PodRef one = a_pod("one", 3, 0, 0);
  const PodRef other = a_pod("other", 3, 0, 0);
  for (const PodRef& pod : {without, one, other}) cluster.add_pod(pod, node);
  const Cluster::Kinds both{{{cluster.spec_of(*one), cluster.class_of(*one)}, 2}};
  EXPECT_EQ(cluster.kinds_with_affinity(), both);
  cluster.remove_pods(std::vector<PodRef>{without, one}, node);
  EXPECT_EQ(cluster.kinds_with_affinity().begin()->second, 1);
  cluster.remove_pod(other, node);
  EXPECT_TRUE(cluster.kinds_with_affinity().empty());
}

TEST(Cluster, TellsWhichNodesChangedSince) {
  Cluster cluster;
  const NodeId first = cluster.add_node(a_node("first", "a", 1));
  const NodeId second = cluster.add_node(a_node("second", "a", 1));
  const std::uint64_t seen = cluster.sequence();
  EXPECT_TRUE(cluster.changes_since(seen)->empty());
  cluster.add_pod(a_pod("p", 1, 0, 0), second);
  const auto changes = cluster.changes_since(seen);
  ASSERT_TRUE(changes);
  EXPECT_NE(std::find(changes->begin(), changes->end(), second), changes->end());
  EXPECT_EQ(std::find(changes->begin(), changes->end(), first), changes->end());
}

}  // namespace
}  // namespace gputide::state
