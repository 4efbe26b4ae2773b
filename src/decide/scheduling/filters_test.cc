#include "decide/scheduling/filters.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/scheduling/schedule.h"

namespace gputide::scheduling {
namespace {

using state::NodeId;
using state::NodeRef;
using state::PodRef;

const char* const kHost = "kubernetes.io/hostname";

NodeRef node(const std::string& name, const std::string& zone, std::int64_t gpus, bool tainted) {
  auto out = std::make_shared<model::Node>();
  out->metadata.name = name;
  out->metadata.labels = {{kHost, name}, {"zone", zone}};
  out->status.allocatable = {{"pods", Quantity::from_value(6)},
                             {"nvidia.com/gpu", Quantity::from_value(gpus)}};
  if (tainted) out->spec.taints.push_back({"nvidia.com/gpu", "", "NoSchedule", {}});
  return out;
}

// A pod that is told by what it asks for.
class Asks {
 public:
  explicit Asks(std::string name) {
    pod_.metadata.name = std::move(name);
    pod_.metadata.namespace_ = "default";
    spec().containers.emplace_back();
  }
  Asks& app(const std::string& app) {
    pod_.metadata.labels["app"] = app;
    return *this;
  }
  Asks& gpus(std::int64_t n) {
    if (n > 0) spec().containers[0].resources.requests["nvidia.com/gpu"] = Quantity::from_value(n);
    return *this;
  }
  Asks& tolerating() {
    spec().tolerations.push_back({"nvidia.com/gpu", "Exists", "", "", {}});
    return *this;
  }
  Asks& apart_from(const std::string& app, const std::string& key) {
    anti().requiredDuringSchedulingIgnoredDuringExecution.push_back(term(app, key));
    return *this;
  }
  Asks& near(const std::string& app, const std::string& key) {
    if (!spec().affinity) spec().affinity.emplace();
    if (!spec().affinity->podAffinity) spec().affinity->podAffinity.emplace();
    spec().affinity->podAffinity->requiredDuringSchedulingIgnoredDuringExecution.push_back(
        term(app, key));
    return *this;
  }
  Asks& spread(const std::string& app, const std::string& key, int skew) {
    model::TopologySpreadConstraint c;
    c.maxSkew = skew;
    c.topologyKey = key;
    c.whenUnsatisfiable = "DoNotSchedule";
    c.labelSelector = model::LabelSelector{{{"app", app}}, {}};
    spec().topologySpreadConstraints.push_back(c);
    return *this;
  }
  PodRef ref() const { return std::make_shared<const model::Pod>(pod_); }

 private:
  model::PodSpec& spec() { return pod_.spec.edit(); }
  model::PodAffinity& anti() {
    if (!spec().affinity) spec().affinity.emplace();
    if (!spec().affinity->podAntiAffinity) spec().affinity->podAntiAffinity.emplace();
    return *spec().affinity->podAntiAffinity;
  }
  static model::PodAffinityTerm term(const std::string& app, const std::string& key) {
    model::PodAffinityTerm out;
    out.labelSelector = model::LabelSelector{{{"app", app}}, {}};
    out.topologyKey = key;
    return out;
  }
  model::Pod pod_;
};

// The filters once more, written as plainly as can be: no number is kept.
class Naive {
 public:
  explicit Naive(const state::Cluster& cluster) : cluster_(cluster) {}

  bool fits(const model::Pod& pod, NodeId at) const {
    return resources(pod, at) && taints(pod, at) && spread(pod, at) && near(pod, at) &&
           apart(pod, at);
  }

 private:
  static std::int64_t gpus(const model::Pod& pod) {
    const auto& requests = pod.spec->containers[0].resources.requests;
    const auto found = requests.find("nvidia.com/gpu");
    return found == requests.end() ? 0 : found->second.value();
  }
  static bool is_app(const model::Pod& pod, const std::optional<model::LabelSelector>& selector) {
    const auto app = pod.metadata.labels.find("app");
    return app != pod.metadata.labels.end() && app->second == selector->matchLabels.at("app");
  }
  std::string label(NodeId at, const std::string& key) const {
    return cluster_.node(at).object->metadata.labels.at(key);
  }
  template <class Visit>
  void each_pod(Visit&& visit) const {
    for (NodeId id = 0; id < cluster_.end(); ++id)
      if (cluster_.exists(id))
        for (const PodRef& pod : cluster_.node(id).pods) visit(*pod, id);
  }
  bool resources(const model::Pod& pod, NodeId at) const {
    const auto& allocatable = cluster_.node(at).object->status.allocatable;
    std::int64_t used = 0;
    for (const PodRef& other : cluster_.node(at).pods) used += gpus(*other);
    return static_cast<std::int64_t>(cluster_.node(at).pods.size()) <
               allocatable.at("pods").value() &&
           (gpus(pod) == 0 || used + gpus(pod) <= allocatable.at("nvidia.com/gpu").value());
  }
  bool taints(const model::Pod& pod, NodeId at) const {
    return cluster_.node(at).object->spec.taints.empty() || !pod.spec->tolerations.empty();
  }
  bool spread(const model::Pod& pod, NodeId at) const {
    for (const auto& constraint : pod.spec->topologySpreadConstraints) {
      std::map<std::string, std::int64_t> counts;
      for (NodeId id = 0; id < cluster_.end(); ++id)
        if (cluster_.exists(id)) counts[label(id, constraint.topologyKey)];
      each_pod([&](const model::Pod& other, NodeId id) {
        if (is_app(other, constraint.labelSelector)) ++counts[label(id, constraint.topologyKey)];
      });
      std::int64_t least = INT64_MAX;
      for (const auto& entry : counts) least = std::min(least, entry.second);
      const std::int64_t self = is_app(pod, constraint.labelSelector) ? 1 : 0;
      if (counts[label(at, constraint.topologyKey)] + self - least > constraint.maxSkew)
        return false;
    }
    return true;
  }
  static std::vector<model::PodAffinityTerm> terms(const model::Pod& pod, bool anti) {
    if (!pod.spec->affinity) return {};
    const auto& from = anti ? pod.spec->affinity->podAntiAffinity : pod.spec->affinity->podAffinity;
    return from ? from->requiredDuringSchedulingIgnoredDuringExecution
                : std::vector<model::PodAffinityTerm>();
  }
  bool near(const model::Pod& pod, NodeId at) const {
    for (const auto& term : terms(pod, false)) {
      bool here = false;
      bool anywhere = false;
      each_pod([&](const model::Pod& other, NodeId id) {
        if (!is_app(other, term.labelSelector)) return;
        anywhere = true;
        here = here || label(id, term.topologyKey) == label(at, term.topologyKey);
      });
      if (!here && (anywhere || !is_app(pod, term.labelSelector))) return false;
    }
    return true;
  }
  bool apart(const model::Pod& pod, NodeId at) const {
    bool apart = true;
    each_pod([&](const model::Pod& other, NodeId id) {
      const auto clash = [&](const model::Pod& a, const model::Pod& b) {
        for (const auto& term : terms(a, true))
          if (is_app(b, term.labelSelector) &&
              label(id, term.topologyKey) == label(at, term.topologyKey))
            apart = false;
      };
      clash(pod, other);
      clash(other, pod);
    });
    return apart;
  }

  const state::Cluster& cluster_;
};

std::string some_app() {
  return *rc::gen::element<std::string>("a", "b", "c");
}
std::string some_key() {
  return *rc::gen::element<std::string>(kHost, "zone");
}

Asks some_pod(int number) {
  Asks pod("p" + std::to_string(number));
  pod.app(some_app()).gpus(*rc::gen::inRange(0, 3));
  if (*rc::gen::inRange(0, 2) == 0) pod.tolerating();
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      return pod.apart_from(some_app(), some_key());
    case 1:
      return pod.near(some_app(), some_key());
    case 2:
      return pod.spread(some_app(), some_key(), *rc::gen::inRange(1, 3));
    default:
      return pod;
  }
}

RC_GTEST_PROP(Filters, AgreeWithThePlainestReadingWhateverCameBefore, ()) {
  state::Cluster cluster(state::Cluster::Ids::UsedAgain);
  Filters filters(cluster);
  const Naive naive(cluster);
  for (int i = 0; i < 5; ++i)
    cluster.add_node(node("n" + std::to_string(i), i % 2 == 0 ? "x" : "y", 4, i == 3));
  std::vector<PodRef> asked;
  for (int i = 0; i < 6; ++i) asked.push_back(some_pod(i).ref());
  for (int step = 0; step < 25; ++step) {
    const PodRef pod = asked[*rc::gen::inRange<std::size_t>(0, asked.size())];
    const NodeId at = *rc::gen::inRange(0, 5);
    for (NodeId id = 0; id < cluster.end(); ++id) {
      if (!cluster.exists(id)) continue;
      const bool fits = filters.demand(*pod).fits(id);
      RC_ASSERT(fits == naive.fits(*pod, id));
      RC_ASSERT(fits == filters.demand(*pod).check(id).ok());
    }
    const auto& there = cluster.node(at).pods;
    if (!cluster.exists(at)) {
      cluster.add_node(
          node("n" + std::to_string(at), *rc::gen::inRange(0, 2) ? "x" : "y", 3, false));
    } else if (*rc::gen::inRange(0, 8) == 0) {
      cluster.remove_node(at);
    } else if (!there.empty() && *rc::gen::inRange(0, 3) == 0) {
      cluster.remove_pod(PodRef(there.front()), at);
    } else if (filters.demand(*pod).fits(at)) {
      cluster.add_pod(pod, at);
    }
  }
}

// Pods of one StatefulSet come again with a spec of their own each time, and the first is
// forgotten.
TEST(Filters, KeepTheClaimsOfASpecThatIsNoLongerHeldElsewhere) {
  state::Cluster cluster;
  cluster.objects().knows_storage = true;
  cluster.add_node(node("n", "x", 4, false));
  Filters filters(cluster);
  const auto claiming = [](const std::string& claim) {
    model::Pod pod;
    pod.metadata.namespace_ = "default";
    pod.spec.edit().volumes.emplace_back().persistentVolumeClaim.emplace().claimName = claim;
    return pod;
  };
  const model::Pod sibling = claiming("data-db-1");  // with the same rules for nodes
  filters.demand(sibling).pre_filter();
  model::Pod first = claiming("data-db-0");
  const state::SpecId spec = cluster.spec_of(first);
  filters.demand(first).pre_filter();
  for (int life = 2; life < 4; ++life) {
    const model::Pod again = claiming("data-db-0");
    for (int i = 0; i < 2; ++i) ASSERT_EQ(cluster.spec_of(again), spec);
    cluster.spec_of(sibling);
  }
  first.spec.edit().volumes[0].persistentVolumeClaim->claimName = "other";
  EXPECT_EQ(filters.demand(spec, cluster.class_of(first)).pre_filter().reasons,
            std::vector<std::string>{"persistentvolumeclaim \"data-db-0\" not found"});
}

TEST(Scheduler, SaysWhatKeepsAPodWaiting) {
  state::Cluster cluster;
  Scheduler scheduler(cluster);
  Rng rng(1, "test");
  const PodRef pod = Asks("train").gpus(1).ref();
  EXPECT_EQ(scheduler.schedule(*pod, rng).message, "no nodes available to schedule pods");
  for (int i = 0; i < 3; ++i) cluster.add_node(node("cpu" + std::to_string(i), "x", 0, false));
  for (int i = 0; i < 2; ++i) cluster.add_node(node("gpu" + std::to_string(i), "x", 1, true));
  EXPECT_EQ(scheduler.schedule(*pod, rng).message,
            "0/5 nodes are available: 2 node(s) had untolerated taint {nvidia.com/gpu: }, 3 "
            "Insufficient nvidia.com/gpu. preemption: 0/5 nodes are available: 2 Preemption is not "
            "helpful for scheduling, 3 No preemption victims found for incoming pod.");
  const PodRef tolerant = Asks("tolerant").gpus(1).tolerating().ref();
  EXPECT_GE(scheduler.schedule(*tolerant, rng).node, 3);
}

}  // namespace
}  // namespace gputide::scheduling
