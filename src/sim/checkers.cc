#include "sim/checkers.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/conditions.h"
#include "model/pod_requests.h"
#include "model/selector.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

std::int64_t units(const std::string& resource, const Quantity& amount) {
  return resource == "cpu" ? amount.milli_value() : amount.value();
}

bool is_healthy(const model::Pod& pod) {
  return !pod.metadata.deletionTimestamp && !is_finished(pod) && is_ready(pod);
}

std::string_view instance_of(const model::Node& node) {
  const std::size_t slash = node.spec.providerID.rfind('/');
  return slash == std::string::npos ? std::string_view()
                                    : std::string_view(node.spec.providerID).substr(slash + 1);
}

}  // namespace

Checkers::Checkers(Store& store, Telling& telling) : store_(store), telling_(telling) {
  store.listen(*this);
}

void Checkers::failed(std::string_view check, const Subject& about, const std::string& message) {
  ++failures_;
  const port::Field fields[] = {{"check", check}};
  telling_.tell(RecordKind::CheckFailed, "checker", about, fields, message);
}

void Checkers::changed(port::Change change, const model::Typed& now, const model::Typed& before) {
  const auto* pod = std::get_if<PodRef>(&now);
  if (pod == nullptr || (*pod)->spec->nodeName.empty()) return;
  if (change == port::Change::Deleted) return unbound(**pod);
  const auto* old = std::get_if<PodRef>(&before);
  if (old == nullptr || (*old)->spec->nodeName.empty())
    bound(**pod);
  else if (is_finished(**pod) && !is_finished(**old))
    unbound(**pod);
}

std::size_t Checkers::resource_number(std::string_view name) {
  const auto known = std::find(resources_.begin(), resources_.end(), name);
  if (known != resources_.end()) return static_cast<std::size_t>(known - resources_.begin());
  resources_.emplace_back(name);
  return resources_.size() - 1;
}

void Checkers::bound(const model::Pod& pod) {
  const std::string& name = pod.spec->nodeName;
  const NodeRef node = store_.node(name);
  const Subject about{"pod", pod.metadata.namespace_, pod.metadata.name};
  if (!node)
    return failed("bound-to-nothing", about,
                  fmt::format("assigned to {}, which does not exist", name));
  Claim& claim = claims_[pod.metadata.uid];
  claim.load = &*load_.try_emplace(name).first;
  Load& load = claim.load->second;
  const auto allocatable = [&](const std::string& resource) {
    const auto found = node->status.allocatable.find(resource);
    return found == node->status.allocatable.end() ? 0 : units(resource, found->second);
  };
  static const std::string kPods = "pods";
  if (++load.pods > allocatable(kPods))
    failed("over-allocated", {"node", "", name},
           fmt::format("{} pods on a node for {}", load.pods, allocatable(kPods)));
  model::ResourceList sum;
  const model::ResourceList& requests = model::pod_requests(*pod.spec, sum);
  claim.amounts.reserve(requests.size());
  for (const auto& [resource, amount] : requests) {
    const std::int64_t asked = units(resource, amount);
    if (asked == 0) continue;
    const std::size_t number = resource_number(resource);
    if (load.used.size() <= number) load.used.resize(number + 1);
    claim.amounts.emplace_back(number, asked);
    const std::int64_t used = load.used[number] += asked;
    if (used > allocatable(resource))
      failed(
          "over-allocated", {"node", "", name},
          fmt::format("{} {} promised to pods, {} there", used, resource, allocatable(resource)));
  }
}

void Checkers::unbound(const model::Pod& pod) {
  const auto claim = claims_.find(pod.metadata.uid);
  if (claim == claims_.end()) return;
  Load& load = claim->second.load->second;
  for (const auto& [resource, amount] : claim->second.amounts) load.used[resource] -= amount;
  if (--load.pods == 0) load_.erase(claim->second.load->first);
  claims_.erase(claim);
}

void Checkers::devices_taken(const std::string& node, const DeviceIds& ids) {
  std::unordered_set<std::string>& held = devices_[node];
  for (const std::string_view id : ids)
    if (!held.emplace(id).second)
      failed("device-promised-twice", {"node", "", node},
             fmt::format("{} was given out while somebody holds it", id));
}

void Checkers::devices_given_back(const std::string& node, const DeviceIds& ids) {
  const auto held = devices_.find(node);
  if (held == devices_.end()) return;
  for (const std::string_view id : ids) held->second.erase(std::string(id));
  if (held->second.empty()) devices_.erase(held);
}

void Checkers::evicted(const model::Pod& pod) {
  for (const auto& budget : store_.list<model::PodDisruptionBudget>()) {
    const model::Selector selector = model::Selector::of(budget->spec.selector);
    if (budget->metadata.namespace_ != pod.metadata.namespace_ ||
        !selector.matches(pod.metadata.labels) || !is_healthy(pod))
      continue;
    std::int32_t healthy = 0;
    for (const PodRef& each : store_.list<model::Pod>())
      if (each->metadata.namespace_ == pod.metadata.namespace_ && is_healthy(*each) &&
          selector.matches(each->metadata.labels))
        ++healthy;
    if (healthy < budget->status.desiredHealthy)
      failed("budget-broken",
             {"poddisruptionbudget", budget->metadata.namespace_, budget->metadata.name},
             fmt::format("{} healthy pods after an eviction, {} must stay", healthy,
                         budget->status.desiredHealthy));
  }
}

void Checkers::check_nodes(const Cloud& cloud) {
  std::unordered_set<std::string> live;
  for (const CloudInstance* instance : cloud.live_instances()) live.insert(instance->id);
  std::unordered_set<std::string> registered;
  for (const NodeRef& node : store_.list<model::Node>()) {
    const std::string id(instance_of(*node));
    registered.insert(id);
    if (!live.contains(id))
      failed("node-without-instance", {"node", "", node->metadata.name},
             fmt::format("its instance {} is gone, and nothing will remove it", id));
  }
  for (const CloudInstance* instance : cloud.live_instances())
    if (!registered.contains(instance->id))
      failed("instance-leaked", {"instance", "", instance->id},
             "it costs money and is no node of the cluster");
}

void Checkers::check_pods() {
  for (const PodRef& pod : store_.list<model::Pod>()) {
    if (is_finished(*pod) || pod->spec->nodeName.empty()) continue;
    const Subject about{"pod", pod->metadata.namespace_, pod->metadata.name};
    if (!store_.node(pod->spec->nodeName))
      failed("pod-lost", about,
             fmt::format("on {}, which is gone, and nothing will replace it", pod->spec->nodeName));
    else if (pod->metadata.deletionTimestamp)
      failed("pod-lost", about, "being deleted for ever");
  }
  std::unordered_map<std::string_view, std::int32_t> pods;  // by uid of their owner
  const std::vector<PodRef> all = store_.list<model::Pod>();
  for (const PodRef& pod : all) {
    const model::OwnerReference* owner = pod->metadata.controller();
    if (owner != nullptr && !is_finished(*pod)) ++pods[owner->uid];
  }
  for (const auto& set : store_.list<model::ReplicaSet>()) {
    const std::int32_t wanted = set->spec.replicas.value_or(1);
    const auto found = pods.find(set->metadata.uid);
    const std::int32_t have = found == pods.end() ? 0 : found->second;
    if (have != wanted)
      failed("pod-lost", {"replicaset", set->metadata.namespace_, set->metadata.name},
             fmt::format("has {} pods, wants {}", have, wanted));
  }
}

void Checkers::instance_running(const CloudInstance& instance, Instant now) {
  life_of_[instance.id] = lives_.size();
  lives_.push_back({&instance, now, std::nullopt});
}

void Checkers::instance_stopping(const CloudInstance& instance, Instant now) {
  if (const auto at = life_of_.find(instance.id); at != life_of_.end()) lives_[at->second].to = now;
}

// EC2's rule once more, by our own clock: begun seconds, a minute at least. On-demand prices stand
// still, so the bill is known to the micro-dollar; spot costs at most the on-demand price that the
// market is capped by, and is free when AWS takes it back early.
void Checkers::check_bill(const Cloud& cloud, const Life& life, Instant now) {
  const std::int64_t whole_second = Duration::seconds(1).nanoseconds();
  const std::int64_t ran = (life.to.value_or(now) - life.from).nanoseconds();
  const std::int64_t seconds = std::max<std::int64_t>((ran + whole_second - 1) / whole_second, 60);
  const CloudInstance& instance = *life.instance;
  const Money billed = cloud.cost_of(instance.id);
  const bool spot = instance.market == model::Market::Spot;
  if (spot && !instance.on_demand_per_hour) return;
  const Money most = cost(spot ? *instance.on_demand_per_hour : instance.price_per_hour,
                          Duration::seconds(seconds));
  if (spot ? billed > most || billed < Money() : billed != most)
    failed("money", {"instance", "", instance.id},
           fmt::format("billed {} for {} s that cost {}{}", billed.text(6), seconds,
                       spot ? "at most " : "", most.text(6)));
}

void Checkers::check_money(const Cloud& cloud, Instant now) {
  Money by_instance;
  for (const Life& life : lives_) {
    check_bill(cloud, life, now);
    by_instance += cloud.cost_of(life.instance->id);
  }
  Money by_type;
  for (const CostOfType& type : cloud.cost_by_type()) by_type += type.cost;
  const CloudCost cost = cloud.cost();
  Money reservations;
  for (const CostOfReservation& each : cloud.cost_of_reservations()) reservations += each.unused;
  if (cost.total != by_type + reservations)
    failed(
        "money", {"run", "", "total"},
        fmt::format("{} in all, {} by type", cost.total.text(6), (by_type + reservations).text(6)));
  if (cost.total != by_instance + reservations)
    failed("money", {"run", "", "total"},
           fmt::format("{} in all, {} by instance", cost.total.text(6),
                       (by_instance + reservations).text(6)));
  if (cost.gpu > cost.total || cost.idle_gpu > cost.gpu)
    failed("money", {"run", "", "total"}, "a part costs more than the whole");
}

void Checkers::time_stands_still() {
  failed("time-stands-still", {"run", "", "heap"}, "controllers answer each other without end");
}

void Checkers::at_end(const Cloud& cloud, bool at_rest, Instant now) {
  check_money(cloud, now);
  if (!at_rest) return;
  check_nodes(cloud);
  check_pods();
}

}  // namespace gputide::sim
