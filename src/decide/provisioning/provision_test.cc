#include "decide/provisioning/provision.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

constexpr const char* kZone = "topology.kubernetes.io/zone";

model::ResourceList cpus(const char* amount) {
  return {{"cpu", *Quantity::parse(amount)}};
}

ProviderType type(const std::string& name, std::int64_t cores, Money price,
                  const std::vector<std::string>& zones = {"a", "b"}) {
  ProviderType out;
  out.name = name;
  out.requirements.add(Requirement::in("node.kubernetes.io/instance-type", name));
  out.requirements.add(Requirement::make(kZone, "In", zones));
  out.requirements.add(Requirement::in("karpenter.sh/capacity-type", "on-demand"));
  for (const std::string& zone : zones)
    out.offerings.push_back({zone, "on-demand", "", 0, price, true});
  out.capacity =
      out.allocatable = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
  return out;
}

model::NodePool pool(const std::string& name,
                     std::vector<model::NodePoolRequirement> requirements = {}) {
  model::NodePool out;
  out.metadata.name = name;
  out.spec.template_.spec.requirements = std::move(requirements);
  return out;
}

void add_pool(ProvisionProblem& problem, model::NodePool pool) {
  problem.pools.push_back(std::move(pool));
  problem.pool_types.emplace_back();
  for (std::uint32_t t = 0; t < problem.types.size(); ++t) problem.pool_types.back().push_back(t);
}

model::PodSpec asking(const char* cpu) {
  model::Container container;
  container.resources.requests = cpus(cpu);
  model::PodSpec spec;
  spec.containers = {container};
  return spec;
}

void add_pods(ProvisionProblem& problem, const model::PodSpec& spec, int count,
              const model::StringMap& labels = {}) {
  for (int i = 0; i < count; ++i) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata.name = "pod-" + std::to_string(problem.pods.size());
    pod->metadata.namespace_ = "default";
    pod->metadata.labels = labels;
    pod->spec = model::Shared<model::PodSpec>(spec);
    problem.pods.push_back(std::move(pod));
  }
}

ProvisionProblem one_pool() {
  ProvisionProblem problem;
  problem.preferences = true;
  problem.types = {type("small", 4, Money::micros(100'000)),
                   type("large", 16, Money::micros(400'000))};
  add_pool(problem, pool("main"));
  return problem;
}

std::string reason(const ProvisionProblem& problem) {
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.unplaced.size(), 1u);
  return plan.unplaced.empty() ? "" : plan.unplaced.front().second;
}

model::PodSpec in_zone(model::PodSpec spec, const std::string& key, const std::string& value) {
  model::NodeSelector selector;
  selector.nodeSelectorTerms = {{{{key, "In", {value}}}, {}}};
  spec.affinity.emplace();
  spec.affinity->nodeAffinity.emplace();
  spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution = selector;
  return spec;
}

TEST(Provision, SaysWhichResourceIsTooMuch) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, asking("17"), 1);
  EXPECT_EQ(reason(problem),
            "it asks 17 of cpu; the largest node that it may use offers 16; ask for less, or let "
            "it use larger instance types");
  problem.pods.clear();
  model::PodSpec spec = asking("1");
  spec.containers[0].resources.requests["nvidia.com/gpu"] = Quantity::from_value(1);
  add_pods(problem, spec, 1);
  EXPECT_EQ(reason(problem),
            "it asks nvidia.com/gpu, and no node that it may use offers any; give the DaemonSet of "
            "the device plugin that offers it, or another NodePool");
}

// No number wraps around: 2^64 cores are not few.
TEST(Provision, AbsurdQuantitiesFitNothing) {
  for (const char* cpu : {"18446744073709551616", "9e18", "9223372036854775807", "1e30"}) {
    ProvisionProblem problem = one_pool();
    add_pods(problem, asking(cpu), 1);
    add_pods(problem, asking("1"), 3);
    const ProvisionPlan plan = provision(problem);
    ASSERT_EQ(plan.unplaced.size(), 1u) << cpu;
    EXPECT_EQ(plan.unplaced.front().first, 0u);
    EXPECT_EQ(plan.per_hour, Money::micros(100'000));
  }
}

TEST(Provision, NegativeQuantitiesAskNothingAndGiveNothing) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, asking("-100"), 1);
  add_pods(problem, asking("4"), 2);
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_EQ(plan.per_hour, Money::micros(200'000));
  for (ProviderType& each : problem.types) each.allocatable = cpus("-4");
  EXPECT_EQ(provision(problem).unplaced.size(), 3u);
}

TEST(Provision, SaysWhatContradictsWithinAPod) {
  for (const char* key : {kZone, "team"}) {
    ProvisionProblem problem = one_pool();
    model::PodSpec spec = in_zone(asking("1"), key, "a");
    spec.nodeSelector[key] = "b";
    add_pods(problem, spec, 1);
    EXPECT_EQ(
        reason(problem),
        fmt::format("it asks {0} In [b] and {0} In [a] at once, which no node can be; drop one",
                    key));
  }
}

TEST(Provision, SaysWhereAPodAndTheNearestPoolDisagree) {
  ProvisionProblem problem = one_pool();
  problem.pools.clear();
  problem.pool_types.clear();
  model::NodePool tainted = pool("tainted");
  tainted.spec.template_.spec.taints = {{"gpu", "yes", "NoSchedule", {}}};
  add_pool(problem, tainted);
  add_pods(problem, in_zone(asking("1"), kZone, "b"), 1);
  EXPECT_EQ(reason(problem),
            "it does not tolerate the taint gpu=yes:NoSchedule of NodePool tainted; add a "
            "toleration to the pod");
  add_pool(problem, pool("west", {{kZone, "In", {"a"}, {}}}));
  EXPECT_EQ(reason(problem),
            "it asks topology.kubernetes.io/zone In [b], and NodePool west has "
            "topology.kubernetes.io/zone In [a]; change one of the two");
  problem.pods.clear();
  add_pods(problem, in_zone(asking("1"), "team", "x"), 1);
  EXPECT_EQ(reason(problem),
            "it asks team In [x], and nodes of NodePool west have no such label; add the label to "
            "the NodePool's template or drop it from the pod");
  problem.pods.clear();
  add_pods(problem, in_zone(asking("1"), kZone, "c"), 1);
  problem.pools[1] = pool("west");
  EXPECT_EQ(reason(problem),
            "no instance type on offer to NodePool west has topology.kubernetes.io/zone In [c]; "
            "change what the pod or the NodePool asks");
}

TEST(Provision, SaysWhatAPoolCannotBuy) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, asking("1"), 1);
  problem.pools = {pool("none", {{kZone, "In", {"moon"}, {}}})};
  EXPECT_EQ(reason(problem),
            "no instance type on offer to NodePool none has topology.kubernetes.io/zone In [moon]; "
            "change its requirements");
  problem.pools = {pool("none", {{kZone, "In", {"a"}, {}}, {kZone, "NotIn", {"a"}, {}}})};
  EXPECT_EQ(reason(problem),
            "NodePool none asks topology.kubernetes.io/zone In [a] and topology.kubernetes.io/zone "
            "NotIn [a] at once, which no node can be; drop one");
  problem.pool_types = {{}};
  problem.pools = {pool("none", {{kZone, "In", {"moon"}, {}}})};
  EXPECT_EQ(reason(problem),
            "no instance type on offer meets what NodePool none asks (topology.kubernetes.io/zone "
            "In [moon]); ask for less");
  problem.pools.clear();
  problem.pool_types.clear();
  EXPECT_EQ(reason(problem), "there is no NodePool; give one");
}

TEST(Provision, SaysWhichLimitsLeaveNoRoom) {
  for (const auto& [name, limit] : {std::pair("cpu", "0"), std::pair("nodes", "0"),
                                    std::pair("cpu", "-1"), std::pair("cpu", "3")}) {
    ProvisionProblem problem = one_pool();
    problem.pools[0].spec.limits = {{name, *Quantity::parse(limit)}};
    add_pods(problem, asking("1"), 1);
    EXPECT_EQ(reason(problem), std::string("the limits of NodePool main (") + name + ": " + limit +
                                   ") leave no room for a node that holds it; raise them");
  }
  ProvisionProblem problem = one_pool();
  problem.pools[0].spec.limits = cpus("1e30");
  add_pods(problem, asking("1"), 1);
  EXPECT_TRUE(provision(problem).unplaced.empty());
}

TEST(Provision, SaysWhichRuleLeavesNoNode) {
  ProvisionProblem problem = one_pool();
  model::PodSpec spec = asking("1");
  spec.affinity.emplace();
  spec.affinity->podAntiAffinity.emplace();
  model::PodAffinityTerm term;
  term.labelSelector.emplace();
  term.topologyKey = kZone;
  spec.affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution = {term};
  add_pods(problem, spec, 3);
  EXPECT_EQ(reason(problem),
            "no node keeps its pod anti-affinity by topology.kubernetes.io/zone beside the pods "
            "that are placed; make one a preference, or allow more zones or nodes");
}

TEST(Provision, BuysWhatCostsNothing) {
  ProvisionProblem problem = one_pool();
  for (ProviderType& each : problem.types)
    for (auto& offering : each.offerings) offering.price = Money();
  add_pods(problem, asking("3"), 20);
  add_pods(problem, asking("0"), 5);
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_EQ(plan.per_hour, Money());
  EXPECT_EQ(plan.lower_bound, Money());
}

model::PodAffinityTerm like(const char* key) {
  model::PodAffinityTerm term;
  term.labelSelector.emplace();
  term.labelSelector->matchLabels = {{"app", "web"}};
  term.topologyKey = key;
  return term;
}

model::PodSpec apart(model::PodSpec spec, const char* key, std::int32_t weight) {
  if (!spec.affinity) spec.affinity.emplace();
  if (!spec.affinity->podAntiAffinity) spec.affinity->podAntiAffinity.emplace();
  spec.affinity->podAntiAffinity->preferredDuringSchedulingIgnoredDuringExecution.push_back(
      {weight, like(key)});
  return spec;
}

const PreferenceCount& only(const ProvisionPlan& plan) {
  EXPECT_EQ(plan.preferences.size(), 1u);
  return plan.preferences.front().count;
}

model::PodSpec preferring_zone_b(model::PodSpec spec) {
  spec.affinity.emplace().nodeAffinity.emplace().preferredDuringSchedulingIgnoredDuringExecution = {
      {1, {{{kZone, "In", {"b"}}}, {}}}};
  return spec;
}

TEST(Provision, HonoursAPreferredZoneForNothing) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, preferring_zone_b(asking("3")), 12);
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.preferences.front().what, "nodes with topology.kubernetes.io/zone In [b]");
  EXPECT_EQ(only(plan).pods, 12);
  EXPECT_EQ(only(plan).honoured, 12);
  EXPECT_EQ(plan.all_preferences, plan.per_hour);
  for (const PlannedMachine& machine : plan.machines) EXPECT_EQ(machine.zone, "b");
  problem.substitutes = true;  // none that would take it away again
  for (const PlannedMachine& machine : provision(problem).machines)
    for (const Substitute& each : machine.substitutes) EXPECT_EQ(each.zone, "b");
  problem.preferences = false;
  const ProvisionPlan deaf = provision(problem);
  EXPECT_EQ(deaf.per_hour, plan.per_hour);
  const auto& any = deaf.machines.front().substitutes;
  EXPECT_TRUE(
      std::any_of(any.begin(), any.end(), [](const Substitute& each) { return each.zone == "a"; }));
}

model::NodePool weighed(model::NodePool pool, std::int32_t weight) {
  pool.spec.weight = weight;
  return pool;
}

constexpr const char* kReservation = "karpenter.k8s.aws/capacity-reservation-id";
constexpr const char* kReservationType = "karpenter.k8s.aws/capacity-reservation-type";

// Two large nodes and three small ones are reserved; both may be bought, too.
ProvisionProblem reserved_nodes() {
  ProvisionProblem problem = one_pool();
  problem.well_known.insert({kReservation, kReservationType});
  const auto add = [&](ProviderType& type, const char* id, std::int64_t count, const char* sort) {
    ProviderType::Offering offering{"a", "reserved", id, count, Money(), true, sort};
    offering.on_demand = type.offerings.front().price;
    type.offerings.push_back(offering);
    type.requirements.erase("karpenter.sh/capacity-type");
  };
  add(problem.types[0], "cr-small", 3, "default");
  add(problem.types[1], "cr-large", 2, "capacity-block");
  return problem;
}

std::vector<std::string> bought(const ProvisionPlan& plan) {
  std::vector<std::string> out;
  for (const PlannedMachine& machine : plan.machines)
    if (!machine.pods.empty())
      out.push_back(machine.type + (machine.reservation_id.empty() ? "" : " reserved"));
  std::sort(out.begin(), out.end());
  return out;
}

using Strings = std::vector<std::string>;

TEST(Provision, TakesOfReservationsTheCheapestAndNoMoreThanItNeeds) {
  ProvisionProblem problem = reserved_nodes();
  add_pods(problem, asking("4"), 1);
  EXPECT_EQ(bought(provision(problem)), Strings{"small reserved"});
  add_pods(problem, asking("4"), 2);
  EXPECT_EQ(bought(provision(problem)), Strings(3, "small reserved"));
  problem.pods.clear();
  add_pods(problem, asking("16"), 3);
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(bought(plan), (Strings{"large", "large reserved", "large reserved"}));
  EXPECT_EQ(plan.per_hour, Money::micros(400'000));
  EXPECT_EQ(plan.lower_bound, plan.per_hour);
  for (const PlannedMachine& machine : plan.machines)
    EXPECT_EQ(machine.price == Money(), !machine.reservation_id.empty());
}

TEST(Provision, PodsMayAskForAReservationOrForNone) {
  ProvisionProblem problem = reserved_nodes();
  add_pods(problem, in_zone(asking("1"), kReservationType, "capacity-block"), 1);
  EXPECT_EQ(bought(provision(problem)), Strings{"large reserved"});
  problem.pods.clear();
  model::PodSpec none = in_zone(asking("1"), kReservation, "");
  auto& terms = none.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  terms->nodeSelectorTerms[0].matchExpressions[0] = {kReservation, "DoesNotExist", {}};
  add_pods(problem, none, 1);
  EXPECT_EQ(bought(provision(problem)), Strings{"small"});
  problem.pods.clear();
  add_pods(problem, in_zone(asking("1"), kReservation, "cr-other"), 1);
  EXPECT_EQ(reason(problem),
            "it asks karpenter.k8s.aws/capacity-reservation-id In [cr-other], and no capacity "
            "reservation that NodePool main may use is that; select another reservation in the "
            "EC2NodeClass or drop it from the pod");
}

TEST(Provision, SaysWhichReservationsAreTaken) {
  ProvisionProblem problem = reserved_nodes();
  problem.pools[0].spec.template_.spec.requirements = {
      {"karpenter.sh/capacity-type", "In", {"reserved"}, {}}};
  add_pods(problem, asking("16"), 3);
  EXPECT_EQ(reason(problem),
            "the capacity reservations that it may use are taken (cr-large: 2 free before); "
            "reserve more, or let it use spot or on-demand");
}

// A reservation of a pool of lower weight comes after what pools of higher weight buy, and before
// what its own pool would.
TEST(Provision, WeightsComeBeforeReservations) {
  ProvisionProblem problem = reserved_nodes();
  problem.weights = true;
  problem.pools[0].spec.weight = 1;
  add_pool(problem, pool("first"));
  problem.pools[1].spec.weight = 2;
  problem.pools[1].spec.template_.spec.requirements = {
      {"karpenter.sh/capacity-type", "In", {"on-demand"}, {}}};
  problem.pools[1].spec.limits = cpus("16");
  add_pods(problem, asking("16"), 2);
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(bought(plan), (Strings{"large", "large reserved"}));
  EXPECT_EQ(plan.per_hour, Money::micros(400'000));
}

// Pods that any pool takes; the pool of weight 10 may buy large nodes alone, and one of them.
ProvisionProblem weighed_pools() {
  ProvisionProblem problem = one_pool();
  model::NodePool first =
      weighed(pool("first", {{"node.kubernetes.io/instance-type", "In", {"large"}, {}}}), 10);
  first.spec.limits = cpus("16");
  add_pool(problem, std::move(first));
  problem.weights = true;
  add_pods(problem, asking("3"), 7);
  return problem;
}

TEST(Provision, BuysOfThePoolOfHighestWeightAsFarAsItsLimitGoes) {
  const ProvisionPlan plan = provision(weighed_pools());
  EXPECT_TRUE(plan.unplaced.empty());
  ASSERT_EQ(plan.machines.size(), 3u);
  EXPECT_EQ(std::count_if(plan.machines.begin(), plan.machines.end(),
                          [](const auto& each) { return each.pool == "first"; }),
            1);
  EXPECT_EQ(plan.per_hour, Money::micros(600'000));  // a large and two small ones
}

TEST(Provision, KeepsPreferencesWithinWeights) {
  ProvisionProblem problem = weighed_pools();
  problem.pods.clear();
  add_pods(problem, preferring_zone_b(asking("3")), 5);
  const ProvisionPlan plan = provision(problem);
  ASSERT_EQ(plan.machines.size(), 1u);
  EXPECT_EQ(plan.machines.front().pool, "first");
  EXPECT_EQ(plan.machines.front().zone, "b");
  EXPECT_EQ(plan.per_hour, Money::micros(400'000));
  EXPECT_FALSE(plan.all_preferences);
}

TEST(Provision, WithManyWeightsNoSumOfPricesOverflows) {
  ProvisionProblem problem = one_pool();
  problem.types.front().offerings.front().price = Money::dollars(1'000'000);
  for (std::int32_t weight = 1; weight <= 100; ++weight)
    add_pool(problem, weighed(pool("w" + std::to_string(weight)), weight));
  problem.weights = true;
  add_pods(problem, asking("3"), 50);
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_GT(plan.per_hour, Money());
  EXPECT_LE(plan.per_hour, Money::dollars(50'000'000));
}

// Four small nodes cost what the one large node costs.
TEST(Provision, KeepsPodsApartWhereNodesCostTheSame) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, apart(asking("4"), "kubernetes.io/hostname", 1), 4, {{"app", "web"}});
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.per_hour, Money::micros(400'000));
  EXPECT_EQ(only(plan).honoured, 4);
  EXPECT_EQ(plan.machines.size(), 4u);
}

TEST(Provision, SaysWhatKeepingPodsApartWouldCost) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, apart(asking("1"), "kubernetes.io/hostname", 1), 4, {{"app", "web"}});
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.per_hour, Money::micros(100'000));
  EXPECT_EQ(plan.preferences.front().what, "apart from pods app=web, by kubernetes.io/hostname");
  EXPECT_EQ(only(plan).honoured, 1);
  EXPECT_EQ(only(plan).at_most, 4);
  EXPECT_EQ(only(plan).dearer, Money::micros(300'000));
  EXPECT_EQ(plan.all_preferences, Money::micros(400'000));
}

// Two zones hold two pods that keep apart; a third cannot.
TEST(Provision, SaysForHowManyAPreferenceCanHold) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, apart(asking("1"), kZone, 10), 3, {{"app", "web"}});
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_EQ(only(plan).honoured, 1);
  EXPECT_EQ(only(plan).at_most, 2);
  EXPECT_EQ(only(plan).dearer, Money::micros(100'000));
}

TEST(Provision, SpreadsAnywayForNothing) {
  ProvisionProblem problem = one_pool();
  model::PodSpec spec = asking("4");
  model::TopologySpreadConstraint spread;
  spread.maxSkew = 1;
  spread.topologyKey = kZone;
  spread.whenUnsatisfiable = "ScheduleAnyway";
  spread.labelSelector.emplace();
  spread.labelSelector->matchLabels = {{"app", "web"}};
  spec.topologySpreadConstraints = {spread};
  add_pods(problem, spec, 10, {{"app", "web"}});
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.per_hour, Money::micros(1'000'000));
  EXPECT_EQ(only(plan).weight, 100);
  EXPECT_EQ(only(plan).honoured, 10);
}

TEST(Provision, AvoidsPreferNoScheduleForNothing) {
  ProvisionProblem problem = one_pool();
  problem.pools[0].spec.template_.spec.taints = {{"old", "", "PreferNoSchedule", {}}};
  add_pool(problem, pool("new"));
  add_pods(problem, asking("3"), 5);
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.preferences.front().what, "nodes without the taint old:PreferNoSchedule");
  EXPECT_EQ(only(plan).honoured, 5);
  for (const PlannedMachine& machine : plan.machines) EXPECT_EQ(machine.pool, "new");
}

TEST(Provision, CountsPreferencesOfPodsWithANodeOnly) {
  ProvisionProblem problem = one_pool();
  add_pods(problem, apart(asking("1"), "kubernetes.io/hostname", 1), 1, {{"app", "web"}});
  add_pods(problem, apart(asking("17"), "kubernetes.io/hostname", 1), 1, {{"app", "web"}});
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.unplaced.size(), 1u);
  EXPECT_EQ(plan.unplaced.front().first, 1u);
  EXPECT_EQ(only(plan).pods, 1);
  EXPECT_EQ(only(plan).honoured, 1);
}

TEST(Provision, TakesTenThousandTypes) {
  PackEffort little;
  little.constructions = 2;
  little.orders = little.shakes = 2;
  ProvisionProblem problem;
  for (int i = 0; i < 10'000; ++i)
    problem.types.push_back(
        type("type-" + std::to_string(i), 1 + i % 64, Money::micros(100'000 + i * 37)));
  add_pool(problem, pool("all"));
  add_pods(problem, asking("7"), 50);
  add_pods(problem, asking("65"), 1);
  const ProvisionPlan plan = provision(problem, little);
  EXPECT_EQ(plan.unplaced.size(), 1u);
  EXPECT_LT(plan.per_hour, Money::micros(1'200'000));
  EXPECT_GE(plan.per_hour, plan.lower_bound);
}

ProvisionNode node_of(const std::string& name, std::int64_t cores, const std::string& zone = "a") {
  ProvisionNode out;
  out.name = name;
  out.labels = {{kZone, zone}, {"kubernetes.io/hostname", name}};
  out.allocatable =
      out.capacity = {{"cpu", Quantity::from_value(cores)}, {"pods", Quantity::from_value(100)}};
  return out;
}

// Pods that run on the node.
void add_running(ProvisionProblem& problem, const std::string& node, model::PodSpec spec, int count,
                 const model::StringMap& labels = {}) {
  ProvisionProblem more;
  spec.nodeName = node;
  add_pods(more, spec, count, labels);
  for (auto& pod : more.pods) {
    auto copy = std::make_shared<model::Pod>(*pod);
    copy->metadata.name = "running-" + std::to_string(problem.bound.size());
    problem.bound.push_back(std::move(copy));
  }
}

std::size_t on_existing(const ProvisionPlan& plan) {
  std::size_t pods = 0;
  for (const PlannedMachine& machine : plan.machines)
    if (!machine.existing.empty()) pods += machine.pods.size();
  return pods;
}

// Of 8 cores 5 are taken: one of three pods of 2 fits, and a small node takes the others.
TEST(Provision, BuysForWhatExistingNodesCannotTake) {
  ProvisionProblem problem = one_pool();
  problem.nodes = {node_of("there", 8)};
  add_running(problem, "there", asking("2500m"), 2);
  add_pods(problem, asking("2"), 3);
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_EQ(on_existing(plan), 1U);
  EXPECT_EQ(plan.per_hour, Money::micros(100'000));
  EXPECT_EQ(plan.lower_bound, Money::micros(100'000));
  EXPECT_LE(plan.certified, plan.lower_bound);
  problem.bound.clear();
  EXPECT_EQ(provision(problem).per_hour, Money());
}

TEST(Provision, HostPortsOfRunningPodsAreTaken) {
  ProvisionProblem problem = one_pool();
  problem.nodes = {node_of("there", 8), node_of("other", 8)};
  model::PodSpec server = asking("1");
  server.containers[0].ports.push_back({});
  server.containers[0].ports[0].hostPort = 80;
  add_running(problem, "there", server, 1);
  add_pods(problem, server, 2);
  const ProvisionPlan plan = provision(problem);
  EXPECT_TRUE(plan.unplaced.empty());
  EXPECT_EQ(on_existing(plan), 1U);
  EXPECT_EQ(plan.per_hour, Money::micros(100'000));
}

TEST(Provision, RunningPodsCountInSpreadAndKeepApart) {
  ProvisionProblem problem = one_pool();
  problem.nodes = {node_of("there", 16)};
  model::PodSpec spread = asking("1");
  spread.topologySpreadConstraints.push_back({});
  spread.topologySpreadConstraints[0].maxSkew = 1;
  spread.topologySpreadConstraints[0].topologyKey = kZone;
  spread.topologySpreadConstraints[0].whenUnsatisfiable = "DoNotSchedule";
  spread.topologySpreadConstraints[0].labelSelector = model::LabelSelector{{{"app", "web"}}, {}};
  add_running(problem, "there", spread, 1, {{"app", "web"}});
  add_pods(problem, spread, 1, {{"app", "web"}});
  ProvisionPlan plan = provision(problem);
  ASSERT_EQ(plan.machines.size(), 1U);
  EXPECT_EQ(plan.machines[0].zone, "b");
  problem.bound.clear();
  EXPECT_EQ(provision(problem).per_hour, Money());
}

TEST(Provision, ANodeGroupGrowsToItsMaxSizeLessWhatItHas) {
  ProvisionProblem problem = one_pool();
  problem.pools[0].spec.limits["nodes"] = Quantity::from_value(3);
  problem.node_groups = {NodeGroup{1}};
  add_pods(problem, asking("16"), 3);
  const ProvisionPlan plan = provision(problem);
  EXPECT_EQ(plan.per_hour, Money::micros(800'000));
  ASSERT_EQ(plan.unplaced.size(), 1U);
  EXPECT_EQ(
      plan.unplaced[0].second,
      "the maxSize of node group main (3, of which it has 1) leaves no room for a node that holds "
      "it; raise it");
}

TEST(Provision, APoolOverItsLimitsBuysNothing) {
  ProvisionProblem problem = one_pool();
  problem.pools[0].spec.limits["cpu"] = Quantity::from_value(8);
  problem.nodes = {node_of("there", 12)};
  problem.nodes[0].labels["karpenter.sh/nodepool"] = "main";
  add_running(problem, "there", asking("12"), 1);
  add_pods(problem, asking("1"), 1);
  EXPECT_EQ(reason(problem),
            "the limits of NodePool main (cpu: 8, of which its nodes have 12) leave no room for a "
            "node that holds it; raise them");
}

}  // namespace
}  // namespace gputide::provisioning
