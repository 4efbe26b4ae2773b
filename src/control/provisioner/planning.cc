// The provisioner's plans: from the cluster to a problem, and from the answer to NodeClaims.
#include "control/provisioner/planning.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "control/provisioner/provisioner.h"
#include "control/provisioner/reservations.h"
#include "decide/provisioning/bound.h"
#include "decide/provisioning/drift.h"
#include "decide/provisioning/ec2_types.h"
#include "decide/provisioning/existing_nodes.h"
#include "decide/provisioning/node_pool_validation.h"
#include "decide/provisioning/planned_node.h"
#include "decide/provisioning/volume_topology.h"
#include "model/labels.h"
#include "model/names.h"
#include "model/pod_defaults.h"
#include "model/pod_requests.h"

namespace gputide::provisioner {
namespace {

using provisioning::PlannedMachine;
using provisioning::ProvisionNode;
using provisioning::ProvisionPlan;
using provisioning::ProvisionProblem;

bool leaves(const Claim& claim) {
  return claim.stage == Stage::Draining || claim.stage == Stage::Ending || claim.marked;
}

std::shared_ptr<const model::Pod> pod_of(const model::DaemonSet& set) {
  auto pod = std::make_shared<model::Pod>();
  pod->metadata.name = set.metadata.name;
  pod->metadata.namespace_ = set.metadata.namespace_;
  pod->metadata.labels = set.spec.template_.metadata.labels;
  pod->spec = set.spec.template_.spec;
  model::default_requests(pod->spec.edit());
  return pod;
}

model::NodePoolRequirement in(std::string_view key, std::vector<std::string> values) {
  return {std::string(key), "In", std::move(values), {}};
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

// The pods that a plan puts on this new node and on cheaper ones.
std::set<std::string> pods_up_to(const ProvisionProblem& problem, const ProvisionPlan& plan,
                                 const PlannedMachine& machine) {
  std::set<std::string> keys;
  for (const PlannedMachine& other : plan.machines)
    if (&other == &machine || (other.existing.empty() && other.price < machine.price))
      for (const std::uint32_t pod : other.pods)
        keys.insert(problem.pods[pod]->metadata.namespace_ + "/" +
                    problem.pods[pod]->metadata.name);
  return keys;
}

// What the pools' nodes have, also those that leave, of which the plan knows nothing: where that is
// more than a limit, Karpenter makes no claim.
class LimitWatch {
 public:
  explicit LimitWatch(const std::map<std::string, Claim>& claims) {
    for (const auto& [name, claim] : claims)
      if (!claim.object->status.providerID.empty())
        add(claim.pool(), claim.object->status.capacity);
  }
  void add(const std::string& pool, const model::ResourceList& capacity) {
    model::ResourceList& sum = used_[pool];
    for (const auto& [resource, amount] : capacity) sum[resource].add(amount);
    sum["nodes"].add(Quantity::from_value(1));
  }
  bool is_over(const model::NodePool& pool) const {
    const auto used = used_.find(pool.metadata.name);
    return used != used_.end() &&
           std::any_of(pool.spec.limits.begin(), pool.spec.limits.end(), [&](const auto& limit) {
             const auto found = used->second.find(limit.first);
             return found != used->second.end() && found->second > limit.second;
           });
  }

 private:
  std::map<std::string, model::ResourceList> used_;
};

// How good the plan is, and what it leaves out.
std::string why_these(const ProvisionPlan& plan) {
  std::string why = "the cheapest that was found";
  if (plan.lower_bound > Money())
    why = fmt::format("no nodes could run all that wait for less than ${} an hour ({} × that)",
                      plan.lower_bound.text(4),
                      provisioning::over_bound_text(plan.per_hour, plan.lower_bound));
  if (plan.all_preferences && *plan.all_preferences > plan.per_hour)
    why += fmt::format("; to honour every preference would cost ${} an hour more",
                       (*plan.all_preferences - plan.per_hour).text(4));
  return why;
}

}  // namespace

std::shared_ptr<model::NodeClaim> claim_of(
    const std::vector<std::shared_ptr<const model::Pod>>& pods, const PlannedMachine& machine,
    const model::NodePool& pool) {
  auto claim = std::make_shared<model::NodeClaim>();
  const model::NodeClaimTemplate& from = pool.spec.template_;
  claim->metadata.labels = from.metadata.labels;
  claim->metadata.labels["karpenter.sh/nodepool"] = pool.metadata.name;
  claim->metadata.annotations = from.metadata.annotations;
  for (const auto& [key, value] : provisioning::hash_annotations(pool))
    claim->metadata.annotations[key] = value;
  claim->metadata.ownerReferences = {
      {"karpenter.sh/v1", "NodePool", pool.metadata.name, pool.metadata.uid, {}, true}};
  static_cast<model::NodeClaimTemplateSpec&>(claim->spec) = from.spec;
  for (const auto& [key, value] : provisioning::own_labels(pods, machine, pool))
    claim->metadata.labels.try_emplace(key, value);
  std::vector<std::string> types, zones;
  for (const provisioning::Substitute& each : machine.substitutes) {
    add_once(types, each.type);
    add_once(zones, each.zone);
  }
  if (!machine.reservation_id.empty()) {
    add_once(types, machine.type);
    add_once(zones, machine.zone);
  }
  auto& asked = claim->spec.requirements;
  std::erase_if(asked, [](const model::NodePoolRequirement& each) {
    return !each.minValues &&
           (each.key == labels::kInstanceType || each.key == labels::kZone ||
            each.key == labels::kCapacityType || each.key == labels::kReservationId);
  });
  asked.push_back(in(labels::kInstanceType, std::move(types)));
  asked.push_back(in(labels::kZone, std::move(zones)));
  asked.push_back(in(labels::kCapacityType, {machine.capacity_type}));
  if (!machine.reservation_id.empty())
    asked.push_back(in(labels::kReservationId, {machine.reservation_id}));
  for (const std::uint32_t pod : machine.pods)
    for (const auto& [name, amount] : model::pod_requests(*pods[pod])) {
      const auto [at, fresh] = claim->spec.resources.requests.emplace(name, amount);
      if (!fresh) at->second.add(amount);
    }
  return claim;
}

std::string machines_text(const std::vector<const PlannedMachine*>& machines) {
  std::map<std::string, int> count;
  for (const PlannedMachine* machine : machines)
    ++count[machine->reservation_id.empty()
                ? fmt::format("{} ({}, {}) at ${} an hour", machine->type, machine->capacity_type,
                              machine->zone, machine->price.text(4))
                : fmt::format("{} ({}, {}) of capacity reservation {}", machine->type,
                              machine->capacity_type, machine->zone, machine->reservation_id)];
  std::vector<std::string> parts;
  for (const auto& [what, n] : count) parts.push_back(fmt::format("{} × {}", n, what));
  return join(parts, ", ");
}

void Provisioner::add_pools(Instant now, View& view) {
  ProvisionProblem& problem = view.problem;
  problem.well_known = provisioning::ec2_well_known_labels();
  problem.namespaces = cluster_.namespaces();
  problem.substitutes = true;
  problem.weights = true;
  OfferKey key{generation_, offers_.version(), {}};
  for (const auto& [name, pool] : cluster_.pools()) {
    const Offers::OfPool& offers = offers_.of(*pool);
    if (offers.types.empty()) continue;
    problem.pools.push_back(*pool);
    std::vector<std::uint32_t> own;
    for (provisioning::ProviderType type : offers.types) {
      for (auto& offering : type.offerings) {
        offering.available =
            offers_.is_available(type.name, offering.zone, offering.capacity_type, now);
        key.available.push_back(offering.available);
      }
      own.push_back(static_cast<std::uint32_t>(problem.types.size()));
      problem.types.push_back(std::move(type));
    }
    problem.pool_types.push_back(std::move(own));
  }
  if (offer_memo_ == nullptr || !(key == offer_key_)) {
    offer_memo_ = provisioning::make_offer_memo();
    offer_key_ = std::move(key);
  }
  problem.memo = offer_memo_;
}

void Provisioner::add_nodes(bool steady, View& view) {
  const auto add = [&](ProvisionNode node, const std::string& claim) {
    view.problem.nodes.push_back(std::move(node));
    view.claim_of_node.push_back(claim);
  };
  std::set<std::string> of_claims;
  for (const auto& [name, claim] : claims_.all()) {
    if (!claim.node.empty()) of_claims.insert(claim.node);
    if (leaves(claim)) continue;
    const NodeRef node = cluster_.node_of(claim.object->status.providerID);
    if (claim.stage == Stage::Ready && node != nullptr)
      add(provisioning::ready_node(*node), name);
    else if (!steady)
      add(provisioning::coming_node(*claim.object, node.get()), name);
    if (node != nullptr) of_claims.insert(node->metadata.name);
  }
  // The node of a claim that is gone stays a while: it would count against its pool's limits.
  for (const auto& [name, node] : cluster_.nodes())
    if (!of_claims.contains(name) && is_ready(*node) && !provisioning::is_leaving(*node))
      add(provisioning::ready_node(*node), "");
}

void Provisioner::add_waiting(const PodRef& pod, View& view) {
  const std::vector<std::string> wrong = provisioning::validate_pod(*pod->spec);
  if (!wrong.empty()) {
    view.refused.emplace_back(pod, join(wrong, "; "));
    return;
  }
  Result<PodRef> placed = provisioning::with_volume_topology(pod, cluster_.storage());
  if (placed)
    view.problem.pods.push_back(std::move(*placed));
  else
    view.refused.emplace_back(pod, placed.error().message);
}

void Provisioner::add_pods(bool steady, View& view) {
  ProvisionProblem& problem = view.problem;
  std::map<std::string, const Claim*> leaving;  // by node
  for (const auto& [name, claim] : claims_.all())
    if (claim.stage == Stage::Draining || claim.stage == Stage::Ending)
      leaving[claim.node] = &claim;
  // A node for one that stays would be empty, go, and be bought again.
  const auto comes = [&](const model::Pod& pod, const Claim& from) {
    return !belongs_to_node(pod) && pod.metadata.controller() != nullptr &&
           !pod.metadata.deletionTimestamp &&
           (from.stage == Stage::Ending || from.leaving.forced || !cluster_.stays(pod, now_));
  };
  for (const auto& [key, pod] : cluster_.pods()) {
    if (is_finished(*pod)) continue;
    const std::string& node = pod->spec->nodeName;
    if (!node.empty() && !leaving.contains(node)) {
      problem.bound.push_back(
          provisioning::with_volume_topology(pod, cluster_.storage()).value_or(pod));
    } else if (is_waiting(*pod)) {
      if (!steady) add_waiting(pod, view);
    } else if (!steady && !node.empty() && comes(*pod, *leaving.at(node))) {
      auto again = std::make_shared<model::Pod>(*pod);  // as its controller will make it
      again->spec.edit().nodeName.clear();
      add_waiting(again, view);
    }
  }
  for (const auto& set : cluster_.daemon_sets()) problem.daemons.push_back(pod_of(*set));
}

Provisioner::View Provisioner::view(Instant now, bool steady) {
  View out;
  add_pools(now, out);
  add_nodes(steady, out);
  add_pods(steady, out);
  return out;
}

void Provisioner::plan(Instant now, port::Commands& commands) {
  batch_since_.reset();
  batch_last_.reset();
  urgent_ = false;
  retry_at_.reset();
  tell_pools(commands);
  View seen;
  add_pods(false, seen);
  for (const auto& [pod, why] : seen.refused) tell_unplaced(*pod, why, commands);
  if (seen.problem.pods.empty()) return;
  add_pools(now, seen);
  add_nodes(false, seen);
  seen.problem.preferences = true;
  ProvisionPlan plan = provisioning::provision(seen.problem);
  hold_to_limits(plan);
  nominate(seen, plan, now);
  tell_bought(seen.problem, plan, why_these(plan), commands);
  buy(seen.problem, plan, commands);
  const bool no_pool_buys = seen.problem.pools.empty() && !cluster_.pools().empty();
  for (const auto& [index, why] : plan.unplaced)
    tell_unplaced(*seen.problem.pods[index], no_pool_buys ? why_no_pool_buys() : why, commands);
  if (!plan.unplaced.empty()) retry_at_ = offers_.next_expiry(now);
}

void Provisioner::hold_to_limits(ProvisionPlan& plan) {
  LimitWatch watch(claims_.all());
  for (PlannedMachine& machine : plan.machines) {
    if (!machine.existing.empty() || machine.pods.empty()) continue;
    const model::NodePool& pool = *cluster_.pools().at(machine.pool);
    if (!watch.is_over(pool)) {
      if (const auto* type = offers_.type_of(pool, machine.type))
        watch.add(machine.pool, type->capacity);
      continue;
    }
    for (const std::uint32_t pod : machine.pods)
      plan.unplaced.emplace_back(
          pod, fmt::format("the limits of NodePool {} are exceeded until nodes that leave are gone",
                           machine.pool));
    machine.pods.clear();
    plan.per_hour -= machine.price;
    plan.lower_bound = Money();  // it is of all of them
  }
}

bool Provisioner::keeps_limits(const ProvisionPlan& plan) const {
  const LimitWatch watch(claims_.all());
  return std::none_of(plan.machines.begin(), plan.machines.end(),
                      [&](const PlannedMachine& machine) {
                        return machine.existing.empty() && !machine.pods.empty() &&
                               watch.is_over(*cluster_.pools().at(machine.pool));
                      });
}

void Provisioner::nominate(const View& view, const ProvisionPlan& plan, Instant now) {
  for (const PlannedMachine& machine : plan.machines) {
    if (machine.existing.empty() || machine.pods.empty()) continue;
    for (std::size_t n = 0; n < view.problem.nodes.size(); ++n)
      if (view.problem.nodes[n].name == machine.existing && !view.claim_of_node[n].empty())
        disruption_.nominate(view.claim_of_node[n], now + kNominated);
  }
}

std::vector<std::string> Provisioner::buy(const ProvisionProblem& problem,
                                          const ProvisionPlan& plan, port::Commands& commands) {
  std::vector<std::string> names;
  for (const PlannedMachine& machine : plan.machines) {
    if (!machine.existing.empty() || machine.pods.empty()) continue;
    const model::NodePool& pool = *cluster_.pools().at(machine.pool);
    names.push_back(create(claim_of(problem.pods, machine, pool), commands));
    offers_.take_reserved(machine.reservation_id);
    if (!plan.any_order)
      claims_.let_wait(names.back(), pods_up_to(problem, plan, machine), machine.pods.size());
  }
  return names;
}

std::string Provisioner::create(std::shared_ptr<model::NodeClaim> claim, port::Commands& commands) {
  std::string& name = claim->metadata.name;
  do {
    name =
        std::string(model::name_prefix(claim->metadata.labels.at("karpenter.sh/nodepool") + "-"));
    for (std::size_t i = 0; i < model::kRandomSuffixLength; ++i)
      name += model::kSafeLetters[names_.below(model::kSafeLetters.size())];
  } while (claims_.find(name) != nullptr);
  std::string out = name;
  on_order_[name] = claim->metadata.labels.at("karpenter.sh/nodepool");
  commands.emplace_back(port::Create{std::shared_ptr<const model::NodeClaim>(std::move(claim))});
  return out;
}

void Provisioner::tell_bought(const ProvisionProblem& problem, const ProvisionPlan& plan,
                              const std::string& why, port::Commands& commands) {
  std::map<std::string, std::vector<const PlannedMachine*>> by_pool;
  for (const PlannedMachine& machine : plan.machines)
    if (machine.existing.empty() && !machine.pods.empty())
      by_pool[machine.pool].push_back(&machine);
  for (const auto& [pool, machines] : by_pool) {
    std::int64_t before = 0, pods = 0;
    for (const auto& [name, claim] : claims_.all())
      before += claim.pool() == pool && claim.stage != Stage::Ending ? 1 : 0;
    for (const PlannedMachine* machine : machines)
      pods += static_cast<std::int64_t>(machine->pods.size());
    port::Publish record{{"NodePool", "", pool},
                         false,
                         "ScaleUp",
                         fmt::format("{} for {} pod{}; {}", machines_text(machines), pods,
                                     pods == 1 ? "" : "s", why)};
    record.kind = port::RecordKind::ScaleUp;
    record.fields = {{"group", pool},
                     {"from", before},
                     {"to", before + static_cast<std::int64_t>(machines.size())},
                     {"pods", pods},
                     {"options", static_cast<std::int64_t>(problem.types.size())},
                     {"expander", std::string("price")}};
    if (const auto ratio = provisioning::over_bound_permille(plan.per_hour, plan.lower_bound))
      record.fields.insert(record.fields.end(), {{"plan_price_micros", plan.per_hour.micros()},
                                                 {"plan_bound_micros", plan.lower_bound.micros()},
                                                 {"plan_over_bound_permille", *ratio}});
    commands.emplace_back(std::move(record));
  }
}

std::string Provisioner::why_no_pool_buys() {
  std::vector<std::string> parts;
  for (const auto& [name, pool] : cluster_.pools())
    parts.push_back(fmt::format("NodePool {}: {}", name, join(offers_.of(*pool).errors, "; ")));
  return "no NodePool can buy a node: " + join(parts, "; ");
}

void Provisioner::tell_unplaced(const model::Pod& pod, const std::string& why,
                                port::Commands& commands) {
  const model::ObjectMeta& meta = pod.metadata;
  std::string& told = unplaced_told_[meta.uid];
  if (told == why) return;
  told = why;
  commands.emplace_back(
      port::Publish{{"Pod", meta.namespace_, meta.name}, true, "FailedScheduling", why});
}

std::vector<provisioning::Candidate> Provisioner::candidates(
    const View& view, const std::vector<std::string>& claims) const {
  std::vector<provisioning::Candidate> out;
  const std::set<std::string> chosen(claims.begin(), claims.end());
  std::map<std::string_view, std::vector<std::uint32_t>> movable;  // by node
  for (std::uint32_t p = 0; p < view.problem.bound.size(); ++p)
    if (const model::Pod& pod = *view.problem.bound[p]; !belongs_to_node(pod))
      movable[pod.spec->nodeName].push_back(p);
  for (std::uint32_t n = 0; n < view.problem.nodes.size(); ++n) {
    const std::string& name = view.claim_of_node[n];
    if (!chosen.contains(name)) continue;
    const Claim& claim = claims_.all().at(name);
    const model::StringMap& labels = claim.object->metadata.labels;
    const auto price = offers_.price(claim.pool(), labels.at("node.kubernetes.io/instance-type"),
                                     labels.at("topology.kubernetes.io/zone"),
                                     labels.at("karpenter.sh/capacity-type"));
    if (!price) continue;
    provisioning::Candidate candidate{n, *price, disruption_.disruption_cost(claim), {}};
    if (const auto pods = movable.find(claim.node); pods != movable.end())
      candidate.pods = pods->second;
    if (!candidate.pods.empty())
      out.push_back(std::move(candidate));  // empty nodes go by themselves
  }
  return out;
}

void Provisioner::replace(const ProvisionProblem& moved, const ProvisionPlan& plan,
                          const std::string& why, Replacement replacement, Instant now,
                          port::Commands& commands) {
  tell_bought(moved, plan, why, commands);
  replacement.new_claims = buy(moved, plan, commands);
  disruption_.begin(std::move(replacement), now, commands);
}

void Provisioner::consolidate(Instant now, port::Commands& commands) {
  if (!disruption_.wants_a_look(now)) return;
  disruption_.look();
  const std::vector<std::string> names = disruption_.candidates(now);
  if (names.empty()) return disruption_.settle(now);
  View seen = view(now, true);
  std::vector<provisioning::Candidate> nodes = candidates(seen, names);
  if (vain_look_ &&
      provisioning::asks_the_same(vain_look_->problem, vain_look_->candidates, seen.problem, nodes))
    return disruption_.settle(now);
  const auto found = provisioning::consolidate(seen.problem, nodes);
  if (!found || !keeps_limits(found->plan)) {
    vain_look_ = VainLook{std::move(seen.problem), std::move(nodes)};
    return disruption_.settle(now);
  }
  vain_look_.reset();
  ProvisionProblem moved = seen.problem;
  for (const std::uint32_t p : found->moved) moved.pods.push_back(seen.problem.bound[p]);
  Replacement replacement;
  for (const std::uint32_t c : found->candidates)
    replacement.old_claims.push_back(seen.claim_of_node[nodes[c].node]);
  std::vector<const PlannedMachine*> bought;
  for (const PlannedMachine& machine : found->plan.machines)
    if (machine.existing.empty() && !machine.pods.empty()) bought.push_back(&machine);
  replacement.leaving = {
      "underutilized",
      bought.empty()
          ? fmt::format("its pods fit on other nodes, which saves ${} an hour",
                        found->saves.text(4))
          : fmt::format("{} take{} its pods, which saves ${} an hour", machines_text(bought),
                        bought.size() == 1 ? "s" : "", found->saves.text(4))};
  replace(moved, found->plan,
          fmt::format("in place of {} node{}, which saves ${} an hour", found->candidates.size(),
                      found->candidates.size() == 1 ? "" : "s", found->saves.text(4)),
          std::move(replacement), now, commands);
}

}  // namespace gputide::provisioner
