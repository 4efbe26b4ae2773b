#include "control/provisioner/claims.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/text.h"
#include "control/provisioner/reservations.h"
#include "decide/provisioning/node_constraints.h"
#include "decide/provisioning/requirements.h"
#include "decide/provisioning/substitutes.h"
#include "model/conditions.h"
#include "model/labels.h"

namespace gputide::provisioner {
namespace {

using provisioning::Requirements;

constexpr std::string_view kUnregistered = "karpenter.sh/unregistered";
// Keeps pods off a node for which others were planned.
constexpr std::string_view kClosed = "gputide.dev/closed";
using labels::kCapacityType;
using labels::kInstanceType;
using labels::kNodePool;
using labels::kZone;
constexpr std::size_t kMostOverrides = 60;
constexpr Duration kEvictionRetry = Duration::seconds(10);
// Pods that the scheduler sent there in the same moment show up meanwhile.
constexpr Duration kLeastDrain = Duration::seconds(5);
// So long after a node is ready the pods of DaemonSets are assigned, and devices are not shown yet.
constexpr Duration kClosesAfter = Duration::seconds(1);
// So long a node is kept closed at most.
constexpr Duration kClosedAtMost = Duration::minutes(2);

const std::string& label(const model::NodeClaim& claim, std::string_view key) {
  static const std::string kNone;
  const auto found = claim.metadata.labels.find(key);
  return found == claim.metadata.labels.end() ? kNone : found->second;
}

std::string instance_of(const model::NodeClaim& claim) {
  const std::string& id = claim.status.providerID;
  return id.empty() ? id : id.substr(id.rfind('/') + 1);
}

port::ObjectRef about(const model::NodeClaim& claim) {
  return {"NodeClaim", "", claim.metadata.name};
}

port::ObjectRef ref(const model::Pod& pod) {
  return {"Pod", pod.metadata.namespace_, pod.metadata.name};
}

std::string key_of(const port::ObjectRef& pod) {
  return pod.namespace_ + "/" + pod.name;
}

// Pools of capacity that the claim allows: cheapest first, none much dearer than that.
std::vector<std::tuple<Money, std::string, std::string>> pools_of(const model::NodeClaim& claim,
                                                                  const std::string& market,
                                                                  const Offers& offers,
                                                                  Instant now) {
  const Requirements asked = Requirements::from_node_pool(claim.spec.requirements);
  std::vector<std::tuple<Money, std::string, std::string>> pools;
  for (const std::string& type : asked.get(kInstanceType).values)
    for (const std::string& zone : asked.get(kZone).values)
      if (const auto price = offers.price(label(claim, kNodePool), type, zone, market))
        if (offers.is_available(type, zone, market, now)) pools.emplace_back(*price, type, zone);
  std::sort(pools.begin(), pools.end());
  if (pools.empty()) return pools;
  const bool flexible = std::any_of(claim.spec.requirements.begin(), claim.spec.requirements.end(),
                                    [](const auto& each) { return each.minValues.has_value(); });
  const Money most = provisioning::most_for_substitute(std::get<0>(pools.front()));
  if (!flexible) std::erase_if(pools, [&](const auto& pool) { return std::get<0>(pool) > most; });
  if (pools.size() > kMostOverrides) pools.resize(kMostOverrides);
  return pools;
}

model::Value condition(std::string_view type, bool status) {
  model::Value value{model::Value::Map{}};
  value.set("type", type);
  value.set("status", status ? "True" : "False");
  return value;
}

model::Value drifted(const provisioning::Drift& drift, Instant since) {
  model::Value value = condition("Drifted", true);
  value.set("reason", drift.reason);
  value.set("message", drift.why);
  value.set("lastTransitionTime", since.rfc3339());
  return value;
}

// When a claim's terminationGracePeriod ends; nullopt: it has none.
std::optional<Instant> grace_ends(const Claim& claim) {
  if (claim.leaving.forced) return claim.since + kLeastDrain;
  const auto limit = Duration::parse(claim.object->spec.terminationGracePeriod.value_or(""));
  return limit ? std::optional(claim.since + *limit) : std::nullopt;
}

// When a pod must be told to go, so that its own grace ends with its node's.
Instant last_call(const model::Pod& pod, Instant node_ends) {
  return node_ends - Duration::seconds(pod.spec->terminationGracePeriodSeconds.value_or(30));
}

void put(port::Commands& commands, const model::NodeClaim& claim) {
  commands.emplace_back(port::Replace{std::make_shared<const model::NodeClaim>(claim)});
}

// Resources that a plugin must show before pods of the claim can run.
std::vector<std::string> missing_devices(const model::NodeClaim& claim, const model::Node& node) {
  std::vector<std::string> missing;
  for (const auto& [name, amount] : claim.spec.resources.requests) {
    if (name.find('/') == std::string::npos || amount.is_zero()) continue;
    const auto found = node.status.allocatable.find(name);
    if (found == node.status.allocatable.end() || found->second.is_zero()) missing.push_back(name);
  }
  return missing;
}

// When a node that still misses devices is to be closed; nullopt: it is too early, or too late.
std::optional<Instant> closes_at(const Claim& claim, const model::Node& node) {
  if (missing_devices(*claim.object, node).empty()) return std::nullopt;
  if (!is_ready(node)) return std::nullopt;
  const std::optional<Instant>& since =
      model::find_condition(node.status.conditions, "Ready")->lastTransitionTime;
  return since ? std::optional(*since + kClosesAfter) : std::nullopt;
}

bool has_startup_taint(const model::NodeClaim& claim, const model::Node& node) {
  return std::any_of(claim.spec.startupTaints.begin(), claim.spec.startupTaints.end(),
                     [&](const model::Taint& startup) {
                       return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                                          [&](const model::Taint& taint) {
                                            return taint.key == startup.key &&
                                                   taint.effect == startup.effect;
                                          });
                     });
}

bool is_critical(const model::Pod& pod) {
  return pod.spec->priorityClassName == "system-cluster-critical" ||
         pod.spec->priorityClassName == "system-node-critical";
}

// Pods that must be gone before the machine is.
std::vector<PodRef> to_drain(const Cluster& cluster, const std::string& node) {
  const model::Taint disrupted{std::string(kDisrupted), "", "NoSchedule", {}};
  std::vector<PodRef> pods;
  for (const PodRef& pod : cluster.pods_on(node))
    if (!belongs_to_node(*pod) &&
        !provisioning::untolerated(std::span(&disrupted, 1), pod->spec->tolerations).empty())
      pods.push_back(pod);
  return pods;
}

}  // namespace

const std::string& Claim::pool() const {
  return label(*object, kNodePool);
}

Claim* Claims::find(const std::string& name) {
  const auto found = claims_.find(name);
  return found == claims_.end() ? nullptr : &found->second;
}

Claim* Claims::of_node(const std::string& node) {
  for (auto& [name, claim] : claims_)
    if (claim.node == node && !node.empty()) return &claim;
  return nullptr;
}

Claim* Claims::of_instance(const std::string& id) {
  for (auto& [name, claim] : claims_)
    if (instance_of(*claim.object) == id) return &claim;
  return nullptr;
}

bool Claims::launching() const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [](const auto& each) { return each.second.stage == Stage::Launching; });
}

bool Claims::are_steady(Instant now) const {
  return std::all_of(claims_.begin(), claims_.end(), [&](const auto& each) {
    const Claim& claim = each.second;
    if (claim.stage == Stage::Ready) return !claim.closed;
    if (claim.stage != Stage::Draining || claim.leaving.forced) return false;
    const std::vector<PodRef> pods = to_drain(cluster_, claim.node);
    return !pods.empty() && std::all_of(pods.begin(), pods.end(), [&](const PodRef& pod) {
      return cluster_.stays(*pod, now);
    });
  });
}

bool Claims::at_rest(Instant now) const {
  return are_steady(now) && std::none_of(claims_.begin(), claims_.end(), [&](const auto& each) {
           const Claim& claim = each.second;
           return claim.stage == Stage::Draining &&
                  (grace_ends(claim) || cluster_.protected_until(claim.node));
         });
}

ClaimNews Claims::changed(const port::ObjectChanged& event, const ClaimRef& object, Instant now,
                          const Ask& ask, port::Commands& commands) {
  const std::string& name = object->metadata.name;
  const auto known = claims_.find(name);
  if (event.change == port::Change::Deleted) {
    if (known == claims_.end()) return {};
    Claim& claim = known->second;
    if (claim.stage == Stage::Ready || claim.stage == Stage::Initializing ||
        claim.stage == Stage::Registering) {  // somebody else deleted it
      leave(claim, {"deleted", "its NodeClaim was deleted"}, now, commands);
      return {.plan_now = true};
    }
    claim.leaving = {"deleted", "its NodeClaim was deleted"};
    if (claim.stage != Stage::Draining && claim.call == 0) claims_.erase(known);
    return {.plan_soon = true, .disruption = true};
  }
  if (known != claims_.end()) {
    known->second.object = object;
    return {};
  }
  Claim& claim = claims_[name];
  claim.object = object;
  claim.since = now;
  if (const auto wait = coming_.find(name); wait != coming_.end()) {
    std::tie(claim.waits_for, claim.own_pods) = std::move(wait->second);
    coming_.erase(wait);
  }
  ClaimNews news;
  if (object->status.providerID.empty())
    launch(claim, now, ask, commands, news);
  else  // of an earlier run of the program
    claim.stage = Stage::Registering;
  return news;
}

// As Karpenter, with ReservedCapacity: what asks for no reservation keeps out of open ones.
void Claims::set_reservation(const model::NodeClaim& object, port::CreateFleet& fleet) const {
  if (!options_.reserved_capacity) return;
  model::CapacityReservationSpecification& to = fleet.launch.capacity_reservation;
  to.target_id = wanted_reservation(object);
  to.preference = to.target_id.empty() ? "none" : "capacity-reservations-only";
  const model::CapacityReservation* in = offers_.reservation(to.target_id);
  if (in == nullptr) return;
  fleet.launch.capacity_block = in->is_capacity_block();
  for (const auto& [key, value] : reservation_labels(*in)) fleet.bootstrap.labels[key] = value;
}

void Claims::launch(Claim& claim, Instant now, const Ask& ask, port::Commands& commands,
                    ClaimNews& news) {
  const model::NodeClaim& object = *claim.object;
  const Requirements asked = Requirements::from_node_pool(object.spec.requirements);
  port::CreateFleet fleet;
  const bool spot = asked.get(kCapacityType).has("spot");
  fleet.market = spot ? model::Market::Spot : model::Market::OnDemand;
  fleet.allocation_strategy = spot ? "price-capacity-optimized" : "lowest-price";
  std::int64_t rank = 0;
  const bool reserved = !wanted_reservation(object).empty();
  const std::string market(reserved ? "reserved" : model::market_name(fleet.market));
  bool own_prices = false;  // of overlays, which AWS does not know
  for (const auto& [price, type, zone] : pools_of(object, market, offers_, now)) {
    fleet.overrides.push_back({type, zone, rank++});
    own_prices = own_prices || price != offers_.list_price(type, zone, market);
  }
  if (own_prices)
    fleet.allocation_strategy = spot ? "capacity-optimized-prioritized" : "prioritized";
  if (fleet.overrides.empty())
    return failed(claim, "no pool of capacity is left that it allows", now, commands, news);
  const std::string& node_class = object.spec.nodeClassRef.name;
  fleet.tags = {{"Name", object.metadata.name},
                {std::string(kNodePool), label(object, kNodePool)},
                {"karpenter.sh/nodeclaim", object.metadata.name},
                {"karpenter.k8s.aws/ec2nodeclass", node_class},
                {"eks:eks-cluster-name", options_.cluster_name},
                {"kubernetes.io/cluster/" + options_.cluster_name, "owned"}};
  model::NodeBootstrap& boot = fleet.bootstrap;
  boot.cluster_name = options_.cluster_name;
  boot.labels = object.metadata.labels;
  boot.labels[std::string(kCapacityType)] = market;
  set_reservation(object, fleet);
  boot.taints = object.spec.taints;
  boot.taints.insert(boot.taints.end(), object.spec.startupTaints.begin(),
                     object.spec.startupTaints.end());
  boot.taints.push_back({std::string(kUnregistered), "", "NoExecute", {}});
  const auto pool = cluster_.pools().find(label(object, kNodePool));
  if (pool != cluster_.pools().end()) {
    const auto sizing = provisioning::sizing_of(*pool->second, cluster_.node_class(node_class));
    boot.kubelet = sizing.kubelet;
    boot.pods_on_local_disks = sizing.pods_on_local_disks;
    boot.volume_gib = sizing.volume_gib;
  }
  boot.nvidia_driver = true;  // Karpenter takes the accelerated image for types with GPUs
  fleet.client_token = object.metadata.uid;
  claim.call = ask(std::move(fleet));
}

void Claims::launched(Claim& claim, const port::FleetResult& result, Instant now,
                      port::Commands& commands, ClaimNews& news) {
  std::string why;
  const std::string reservation = wanted_reservation(*claim.object);
  news.reservations = !reservation.empty();
  for (const port::FleetError& error : result.errors) {
    const Requirements asked = Requirements::from_node_pool(claim.object->spec.requirements);
    if (!reservation.empty())
      offers_.reservation_full(reservation, now);
    else
      offers_.no_capacity(error.instance_type, error.zone,
                          asked.get(kCapacityType).has("spot") ? "spot" : "on-demand", now);
    if (why.empty())
      why = fmt::format("{} in {}: {}", error.instance_type, error.zone, error.message);
  }
  if (why.ends_with('.')) why.pop_back();
  if (result.instances.empty()) return failed(claim, why, now, commands, news);
  const port::FleetInstance& got = result.instances.front();
  model::NodeClaim object = *claim.object;
  object.status.providerID = fmt::format("aws:///{}/{}", got.zone, got.id);
  const auto pool = cluster_.pools().find(label(object, kNodePool));
  const provisioning::ProviderType* type =
      pool == cluster_.pools().end() ? nullptr : offers_.type_of(*pool->second, got.instance_type);
  if (type != nullptr) {
    object.status.capacity = type->capacity;
    object.status.allocatable = type->allocatable;
    for (const auto& [key, requirement] : type->requirements)
      if (const std::string* value = requirement.single()) object.metadata.labels[key] = *value;
  }
  object.metadata.labels[std::string(kInstanceType)] = got.instance_type;
  object.metadata.labels[std::string(kZone)] = got.zone;
  object.metadata.labels[std::string(kCapacityType)] = model::market_name(got.market);
  if (const model::CapacityReservation* in = offers_.reservation(reservation))
    for (const auto& [key, value] : reservation_labels(*in)) object.metadata.labels[key] = value;
  if (const auto* node_class = cluster_.node_class(object.spec.nodeClassRef.name)) {
    const model::StringMap hashes = provisioning::hash_annotations(*node_class);
    object.metadata.annotations.insert(hashes.begin(), hashes.end());
    object.status.imageID = provisioning::image_of(*node_class);
  }
  object.status.conditions = model::Value::List{condition("Launched", true)};
  claim.object = std::make_shared<const model::NodeClaim>(object);
  put(commands, object);
  claim.stage = Stage::Registering;
  claim.since = now;
  news.plan_soon = true;
  if (Leaving leaving = std::move(claim.leaving); !leaving.reason.empty())  // deleted meanwhile
    leave(claim, std::move(leaving), now, commands);
}

void Claims::failed(Claim& claim, const std::string& why, Instant now, port::Commands& commands,
                    ClaimNews& news) {
  commands.emplace_back(
      port::Publish{about(*claim.object), true, "InsufficientCapacityError",
                    fmt::format("no instance for NodePool {}: {}; another choice is made now",
                                label(*claim.object, kNodePool), why)});
  claim.stage = Stage::Ending;
  claim.since = now;
  claim.call = 0;
  commands.emplace_back(port::Delete{about(*claim.object), {}});
  news.plan_now = true;
}

bool Claims::answered(const port::CloudAnswered& event, Instant now, port::Commands& commands,
                      ClaimNews& news) {
  const auto at = std::find_if(claims_.begin(), claims_.end(), [&](const auto& each) {
    return each.second.call == event.call && event.call != 0;
  });
  if (at == claims_.end()) return false;
  Claim& claim = at->second;
  claim.call = 0;
  const auto* error = std::get_if<port::CloudError>(&event.answer);
  const bool refused = error != nullptr && error->code != "InvalidInstanceID.NotFound";
  if (claim.stage == Stage::Ending && refused) {  // it would cost money for ever: again
    claim.stage = Stage::Draining;
    claim.since = now;
  } else if (claim.stage == Stage::Ending) {  // terminated, or gone before
    commands.emplace_back(port::Delete{about(*claim.object), {}});
    news.reservations = !reservation_of(*claim.object).empty();
    claims_.erase(at);
    news.plan_soon = news.disruption = true;
  } else if (error != nullptr) {
    failed(claim, error->message, now, commands, news);
  } else if (const auto* result = std::get_if<port::FleetResult>(&event.answer)) {
    launched(claim, *result, now, commands, news);
  }
  return true;
}

void Claims::evicted(const port::EvictAnswered& event, Instant now) {
  for (auto& [name, claim] : claims_) {
    const auto asked = claim.asked.find(key_of(event.pod));
    if (asked == claim.asked.end() || !asked->second) continue;
    if (event.evicted) continue;  // and is not asked again
    asked->second = false;
    claim.evictions[asked->first] = now + kEvictionRetry;
  }
}

void Claims::pod_event(const std::string& node, Instant now) {
  if (Claim* claim = of_node(node)) claim->last_pod_event = now;
}

void Claims::set_drift(Claim& claim, std::optional<provisioning::Drift> drift, Instant now,
                       port::Commands& commands) {
  if (claim.drift == drift) return;
  if (!claim.drift) claim.drifted_since = now;
  claim.drift = std::move(drift);
  model::NodeClaim object = *claim.object;
  if (!object.status.conditions.is_list()) object.status.conditions = model::Value::List{};
  model::Value::List& conditions = object.status.conditions.as_list();
  std::erase_if(conditions,
                [](const model::Value& each) { return each.text_at("type") == "Drifted"; });
  if (claim.drift) conditions.push_back(drifted(*claim.drift, claim.drifted_since));
  claim.object = std::make_shared<const model::NodeClaim>(object);
  put(commands, object);
  if (claim.drift)
    commands.emplace_back(
        port::Publish{about(object), false, claim.drift->reason, claim.drift->why});
}

void Claims::demote(Claim& claim, port::Commands& commands) {
  model::NodeClaim object = *claim.object;
  port::PatchNode patch;
  patch.name = claim.node;
  const std::string id = reservation_of(object);
  for (const std::string_view key :
       {labels::kReservationId, labels::kReservationType, labels::kReservationInterruptible}) {
    object.metadata.labels.erase(std::string(key));
    patch.remove_labels.emplace_back(key);
  }
  object.metadata.labels[std::string(kCapacityType)] = "on-demand";
  patch.set_labels[std::string(kCapacityType)] = "on-demand";
  claim.object = std::make_shared<const model::NodeClaim>(object);
  put(commands, object);
  if (!claim.node.empty()) commands.emplace_back(std::move(patch));
  commands.emplace_back(port::Publish{
      {"Node", "", claim.node.empty() ? object.metadata.name : claim.node},
      true,
      "CapacityReservationEnded",
      fmt::format("capacity reservation {} is over: it is an on-demand instance now", id)});
}

void Claims::leave(Claim& claim, Leaving leaving, Instant now, port::Commands& commands) {
  if (claim.stage == Stage::Draining || claim.stage == Stage::Ending) return;
  port::Publish record{{"Node", "", claim.node.empty() ? claim.object->metadata.name : claim.node},
                       false,
                       "ScaleDown",
                       leaving.why};
  record.kind = port::RecordKind::ScaleDown;
  record.fields = {
      {"node", claim.node}, {"group", label(*claim.object, kNodePool)}, {"reason", leaving.reason}};
  commands.emplace_back(std::move(record));
  if (!claim.node.empty()) {
    port::PatchNode patch;
    patch.name = claim.node;
    patch.add_taints.push_back({std::string(kDisrupted), "", "NoSchedule", now});
    commands.emplace_back(std::move(patch));
  }
  claim.leaving = std::move(leaving);
  claim.stage = Stage::Draining;
  claim.since = now;
}

void Claims::register_node(Claim& claim, const NodeRef& node, Instant now,
                           port::Commands& commands) {
  port::PatchNode patch;
  patch.name = node->metadata.name;
  // An earlier run of the program may have left the others.
  for (const std::string_view key : {kUnregistered, kClosed, kDisrupted})
    patch.remove_taint_keys.emplace_back(key);
  patch.set_labels = claim.object->metadata.labels;
  patch.set_labels["karpenter.sh/registered"] = "true";
  commands.emplace_back(std::move(patch));
  model::NodeClaim object = *claim.object;
  object.status.nodeName = node->metadata.name;
  object.status.conditions =
      model::Value::List{condition("Launched", true), condition("Registered", true)};
  claim.object = std::make_shared<const model::NodeClaim>(object);
  put(commands, object);
  claim.node = node->metadata.name;
  claim.stage = Stage::Initializing;
  claim.since = now;
}

void Claims::initialize(Claim& claim, const NodeRef& node, Instant now, port::Commands& commands,
                        ClaimNews& news) {
  const std::vector<std::string> missing = missing_devices(*claim.object, *node);
  if (!is_ready(*node) || has_startup_taint(*claim.object, *node) || !missing.empty()) {
    if (now - claim.since >= options_.initialization)
      never_ready(claim, missing, now, commands, news);
    return;
  }
  port::PatchNode patch;
  patch.name = claim.node;
  patch.set_labels["karpenter.sh/initialized"] = "true";
  commands.emplace_back(std::move(patch));
  model::NodeClaim object = *claim.object;
  object.status.conditions =
      model::Value::List{condition("Launched", true), condition("Registered", true),
                         condition("Initialized", true), condition("Ready", true)};
  claim.object = std::make_shared<const model::NodeClaim>(object);
  put(commands, object);
  claim.stage = Stage::Ready;
  claim.since = claim.last_pod_event = now;
  claim.nominated_until = now + kNominated;
  news.plan_soon = news.disruption = true;
}

// It is replaced once. A second one like it means that the promise was wrong: the pool's nodes are
// not counted on for the resource any more, so that nothing is bought in vain again.
void Claims::never_ready(Claim& claim, const std::vector<std::string>& missing, Instant now,
                         port::Commands& commands, ClaimNews& news) {
  const std::string& pool = label(*claim.object, kNodePool);
  const std::string what =
      missing.empty() ? "never became ready" : "never showed " + join(missing, ", ");
  const bool again = std::any_of(missing.begin(), missing.end(), [&](const std::string& resource) {
    return !offers_.forgive_once(pool, resource);
  });
  commands.emplace_back(port::Publish{
      {"Node", "", claim.node},
      true,
      "NodeNeverInitialized",
      fmt::format("{} within {} of its registration; {}", what, options_.initialization.text(),
                  again ? fmt::format("NodePool {} is not counted on for it any more: look at its "
                                      "device plugin",
                                      pool)
                        : "it is replaced once")});
  if (again)
    for (const std::string& resource : missing) offers_.distrust(pool, resource);
  leave(claim, {"never-ready", what}, now, commands);
  news.plan_now = true;
}

// The scheduler does not know for which pods a node was bought. Where others could take its place
// and leave the pods without one, the node opens when those others run. Nodes without devices take
// pods the moment they are ready, and cannot be closed in time.
void Claims::close_or_open(Claim& claim, const model::Node& node, Instant now,
                           port::Commands& commands) {
  if (claim.waits_for.empty()) return;
  port::PatchNode patch;
  patch.name = claim.node;
  std::erase_if(claim.waits_for, [&](const std::string& key) {
    const auto pod = cluster_.pods().find(key);
    return pod == cluster_.pods().end() || !is_waiting(*pod->second);
  });
  const bool late = claim.stage == Stage::Ready && now - claim.since >= kClosedAtMost;
  if (late || claim.waits_for.size() <= claim.own_pods) claim.waits_for.clear();
  if (claim.waits_for.empty() && claim.closed) {
    claim.closed = false;
    claim.nominated_until = std::max(claim.nominated_until, now + kNominated);
    patch.remove_taint_keys = {std::string(kClosed)};
    commands.emplace_back(std::move(patch));
  } else if (const auto at = closes_at(claim, node);
             !claim.waits_for.empty() && !claim.closed && at && *at <= now) {
    claim.closed = true;
    patch.add_taints.push_back({std::string(kClosed), "", "NoSchedule", now});
    commands.emplace_back(std::move(patch));
  }
  if (claim.closed) claim.nominated_until = now + kClosedAtMost;
}

void Claims::drain(Claim& claim, Instant now, const Ask& ask, port::Commands& commands) {
  const auto end = [&] {
    claim.stage = Stage::Ending;
    claim.since = now;
    claim.call = ask(port::TerminateInstances{{instance_of(*claim.object)}});
  };
  // Pods of a node that is gone are gone too, or will be.
  if (!claim.node.empty() && cluster_.node(claim.node) == nullptr) return end();
  std::vector<PodRef> pods = to_drain(cluster_, claim.node);
  if (pods.empty() && now < claim.since + kLeastDrain) return;
  if (pods.empty()) return end();
  const std::optional<Instant> limit = grace_ends(claim);
  if (limit && now >= *limit) return end();
  const bool ordinary =
      std::any_of(pods.begin(), pods.end(), [](const PodRef& pod) { return !is_critical(*pod); });
  for (const PodRef& pod : pods) {
    if (pod->metadata.deletionTimestamp) continue;
    if (limit && now >= last_call(*pod, *limit))  // whatever forbids it
      commands.emplace_back(port::Delete{ref(*pod), *limit - now});
    else if ((ordinary && is_critical(*pod)) || must_not_be_disrupted(*pod, now))
      continue;
    else
      ask_to_go(claim, *pod, now, commands);
  }
}

void Claims::ask_to_go(Claim& claim, const model::Pod& pod, Instant now, port::Commands& commands) {
  const std::string key = key_of(ref(pod));
  const auto [at, fresh] = claim.evictions.try_emplace(key, now);
  bool& asked = claim.asked[key];
  if (asked || at->second > now) return;
  asked = true;
  commands.emplace_back(port::Evict{ref(pod), {}});
}

void Claims::advance(Instant now, const Ask& ask, port::Commands& commands, ClaimNews& news) {
  for (auto& [name, claim] : claims_) {
    if (claim.stage == Stage::Launching || claim.stage == Stage::Ending) continue;
    const NodeRef node = cluster_.node_of(claim.object->status.providerID);
    if (claim.stage == Stage::Registering) {
      if (node != nullptr) {
        register_node(claim, node, now, commands);
      } else if (now - claim.since >= options_.registration) {
        leave(claim,
              {"never-ready", fmt::format("it did not register as a node within {}",
                                          options_.registration.text())},
              now, commands);
        news.plan_now = true;
      }
    }
    const bool lost = node == nullptr && !claim.node.empty() &&
                      (claim.stage == Stage::Initializing || claim.stage == Stage::Ready);
    if (lost) {
      leave(claim, {"deleted", "its node is gone"}, now, commands);
      news.plan_soon = true;
    }
    if (claim.stage == Stage::Initializing && node != nullptr)
      initialize(claim, node, now, commands, news);
    if ((claim.stage == Stage::Initializing || claim.stage == Stage::Ready) && node != nullptr)
      close_or_open(claim, *node, now, commands);
    if (claim.stage == Stage::Draining) drain(claim, now, ask, commands);
  }
}

std::optional<Instant> Claims::due(const Claim& claim, Instant now) const {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  if (claim.stage == Stage::Registering) consider(claim.since + options_.registration);
  if (claim.stage == Stage::Initializing) consider(claim.since + options_.initialization);
  if (!claim.waits_for.empty() && claim.stage == Stage::Initializing)
    if (const NodeRef node = cluster_.node(claim.node); node != nullptr)
      if (const auto at = closes_at(claim, *node)) consider(*at);
  if (claim.closed && claim.stage == Stage::Ready) consider(claim.since + kClosedAtMost);
  if (claim.stage != Stage::Draining) return next;
  consider(claim.since + kLeastDrain);
  for (const auto& [pod, at] : claim.evictions)
    if (const auto asked = claim.asked.find(pod); asked == claim.asked.end() || !asked->second)
      consider(at);
  if (const auto until = cluster_.protected_until(claim.node)) consider(*until);
  if (const auto limit = grace_ends(claim)) {
    consider(*limit);
    for (const PodRef& pod : to_drain(cluster_, claim.node)) consider(last_call(*pod, *limit));
  }
  return next;
}

std::optional<Instant> Claims::due(Instant now) const {
  std::optional<Instant> next;
  for (const auto& [name, claim] : claims_)
    if (const auto at = due(claim, now); at && (!next || *at < *next)) next = at;
  return next;
}

}  // namespace gputide::provisioner
