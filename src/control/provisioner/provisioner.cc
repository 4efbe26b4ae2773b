#include "control/provisioner/provisioner.h"

#include <algorithm>

#include <fmt/format.h>

namespace gputide::provisioner {
namespace {

constexpr std::uint64_t kTimer = 1;

bool same_subnets(const model::EC2NodeClass& a, const model::EC2NodeClass& b) {
  const auto& before = a.spec.subnetSelectorTerms;
  const auto& now = b.spec.subnetSelectorTerms;
  return std::equal(before.begin(), before.end(), now.begin(), now.end(),
                    [](const auto& x, const auto& y) { return x.id == y.id && x.tags == y.tags; });
}

}  // namespace

Provisioner::Provisioner(Options options, const pricing::Catalogue& catalogue, std::string region,
                         std::uint64_t seed)
    : options_(std::move(options)),
      names_(seed, "nodeclaim names"),
      offers_(cluster_, catalogue, std::move(region), options_),
      claims_(options_, cluster_, offers_),
      disruption_(cluster_, claims_) {}

Claims::Ask Provisioner::asker(port::Commands& commands) {
  return [this, &commands](port::CloudRequest request) {
    commands.emplace_back(port::CloudCall{++calls_, std::move(request)});
    return calls_;
  };
}

void Provisioner::step(const port::Event& event, Instant now, port::Commands& commands) {
  now_ = now;
  std::visit([&](const auto& e) { on(e, now, commands); }, event);
  work(now, commands);
  plan_next(now, commands);
}

void Provisioner::on(const port::ObjectChanged& event, Instant now, port::Commands& commands) {
  if (const auto* claim = std::get_if<ClaimRef>(&event.object)) {
    on_order_.erase((*claim)->metadata.name);
    return heed(claims_.changed(event, *claim, now, asker(commands), commands), now);
  }
  if (std::holds_alternative<std::shared_ptr<const model::ClusterConfig>>(event.object)) {
    for (const auto& [name, node_class] : cluster_.classes()) forget_subnets(name);
    offers_.invalidate();
    return trigger(now);
  }
  if (const auto* node_class = std::get_if<ClassRef>(&event.object)) {
    const std::string& name = (*node_class)->metadata.name;
    const model::EC2NodeClass* before = cluster_.node_class(name);
    const bool gone = event.change == port::Change::Deleted;
    if (gone || (before != nullptr && !same_subnets(*before, **node_class))) forget_subnets(name);
  }
  const auto* pod = std::get_if<PodRef>(&event.object);
  const Impact impact = cluster_.changed(event);
  mark_hash(event, commands);
  if (impact.waiting || impact.storage) trigger(now);
  if (impact.setup) {
    ++generation_;
    disruption_.pools_changed();
    offers_.invalidate();
    trigger(now);
  }
  if (impact.setup || impact.storage || impact.other) disruption_.changed(now);
  if (pod != nullptr && impact.other && !belongs_to_node(**pod)) {
    claims_.pod_event((*pod)->spec->nodeName, now);
    if (event.change == port::Change::Deleted) unplaced_told_.erase((*pod)->metadata.uid);
  }
  const auto* pool = std::get_if<PoolRef>(&event.object);
  if (pool == nullptr || event.change != port::Change::Deleted) return;
  pools_told_.erase((*pool)->metadata.name);
  for (const auto& [name, claim] : claims_.all())  // as garbage collection would
    if (claim.pool() == (*pool)->metadata.name)
      claims_.leave(*claims_.find(name), {"deleted", "its NodePool was deleted"}, now, commands);
}

void Provisioner::on(const port::TimerFired&, Instant, port::Commands&) {
  armed_.reset();
}

void Provisioner::on(const port::CloudAnswered& event, Instant now, port::Commands& commands) {
  ClaimNews news;
  if (claims_.answered(event, now, commands, news)) return heed(news, now);
  if (event.call == reservation_call_) return reservations_told(event.answer, now, commands);
  const auto asked = subnet_calls_.find(event.call);
  if (asked == subnet_calls_.end()) return;
  const std::string node_class = asked->second;
  subnet_calls_.erase(asked);
  if (const auto* subnets = std::get_if<std::vector<model::Subnet>>(&event.answer))
    found_[node_class].insert(found_[node_class].end(), subnets->begin(), subnets->end());
  if (--subnet_answers_due_[node_class] > 0) return;
  offers_.set_subnets(node_class, found_[node_class]);
  ++generation_;
  found_.erase(node_class);
  subnet_answers_due_.erase(node_class);
  trigger(now);
}

void Provisioner::on(const port::EvictAnswered& event, Instant now, port::Commands&) {
  claims_.evicted(event, now);
}

// The two-minute notice: the pods' next node is bought while they are still being evicted.
void Provisioner::on(const port::InstanceNotice& event, Instant now, port::Commands& commands) {
  if (options_.interruption_queue.empty()) return;
  Claim* claim = claims_.of_instance(event.instance_id);
  if (claim == nullptr || event.kind != port::InstanceNotice::Kind::SpotInterruption) return;
  const model::StringMap& labels = claim->object->metadata.labels;
  const auto label = [&](const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string() : found->second;
  };
  offers_.no_capacity(label("node.kubernetes.io/instance-type"),
                      label("topology.kubernetes.io/zone"), "spot", now);
  claims_.leave(*claim, {"interrupted", "AWS takes its instance back in two minutes"}, now,
                commands);
  trigger(now, true);
}

void Provisioner::heed(const ClaimNews& news, Instant now) {
  if (news.plan_now) trigger(now, true);
  if (news.plan_soon) trigger(now);
  if (news.disruption) disruption_.changed(now);
  if (news.reservations) reservations_due_ = now;
}

void Provisioner::trigger(Instant now, bool urgent) {
  if (!batch_since_) batch_since_ = now;
  batch_last_ = now;
  urgent_ = urgent_ || urgent;
}

void Provisioner::forget_subnets(const std::string& node_class) {
  offers_.forget_subnets(node_class);
  found_.erase(node_class);
  subnet_answers_due_.erase(node_class);
  std::erase_if(subnet_calls_, [&](const auto& call) { return call.second == node_class; });
}

void Provisioner::ask_subnets(port::Commands& commands) {
  for (const auto& [name, pool] : cluster_.pools()) {
    const std::string& class_name = pool->spec.template_.spec.nodeClassRef.name;
    const model::EC2NodeClass* node_class = cluster_.node_class(class_name);
    if (node_class == nullptr || offers_.knows_subnets(class_name) ||
        subnet_answers_due_.contains(class_name))
      continue;
    subnet_answers_due_[class_name] = 0;
    for (const model::SubnetSelectorTerm& term : node_class->spec.subnetSelectorTerms) {
      port::DescribeSubnets request{term.tags, {}};
      if (!term.id.empty()) request.ids.push_back(term.id);
      subnet_calls_[asker(commands)(std::move(request))] = class_name;
      ++subnet_answers_due_[class_name];
    }
    if (subnet_answers_due_[class_name] > 0) continue;
    subnet_answers_due_.erase(class_name);
    offers_.set_subnets(class_name, {});
  }
}

// What may be bought for each pool, or why nothing may, whenever that is something else.
void Provisioner::tell_pools(port::Commands& commands) {
  for (const auto& [name, pool] : cluster_.pools()) {
    if (subnet_answers_due_.contains(pool->spec.template_.spec.nodeClassRef.name)) continue;
    const Offers::OfPool& offers = offers_.of(*pool);
    std::set<std::string> types, zones, markets, reserved;
    for (const provisioning::ProviderType& type : offers.types)
      for (const auto& offering : type.offerings) {
        types.insert(type.name);
        zones.insert(offering.zone);
        markets.insert(offering.capacity_type);
      }
    for (const model::CapacityReservation& each : offers.reservations) reserved.insert(each.id);
    std::string known = fmt::format(
        "{}|{}|{}|{}|{}|{}", fmt::join(types, ","), fmt::join(zones, ","), fmt::join(markets, ","),
        fmt::join(offers.errors, "|"), fmt::join(offers.left_out, "|"), fmt::join(reserved, ","));
    if (pools_told_[name] == known) continue;
    pools_told_[name] = std::move(known);
    for (const std::string& overlay : offers.left_out)
      commands.emplace_back(
          port::Publish{{"NodePool", "", name}, true, "ValidationFailed", overlay});
    for (const std::string& error : offers.errors)
      commands.emplace_back(port::Publish{{"NodePool", "", name}, true, "NotReady", error});
    if (types.empty()) continue;
    if (markets.size() > 1) markets.erase("reserved");  // which costs as much as on demand
    port::Publish record{{"NodePool", "", name},
                         false,
                         "Ready",
                         fmt::format("NodePool {}: {} instance type{} in {} zone{}, {}", name,
                                     types.size(), types.size() == 1 ? "" : "s", zones.size(),
                                     zones.size() == 1 ? "" : "s", fmt::join(markets, " and "))};
    if (!reserved.empty())
      record.message += fmt::format("; capacity reservation{} {}", reserved.size() == 1 ? "" : "s",
                                    fmt::join(reserved, ", "));
    record.kind = port::RecordKind::NodePoolReady;
    record.fields = {{"nodepool", name},
                     {"types", fmt::format("{}", fmt::join(types, ","))},
                     {"zones", fmt::format("{}", fmt::join(zones, ","))},
                     {"market", markets.size() > 1 ? std::string("mixed") : *markets.begin()}};
    commands.emplace_back(std::move(record));
  }
}

void Provisioner::work(Instant now, port::Commands& commands) {
  ask_subnets(commands);
  ask_reservations(now, commands);
  ClaimNews news;
  claims_.advance(now, asker(commands), commands, news);
  heed(news, now);
  disruption_.advance(now, commands);
  if (!is_buying() && knows_offers()) {
    const bool due = batch_since_ && (urgent_ || now >= *batch_since_ + options_.batch_max ||
                                      now >= *batch_last_ + options_.batch_idle);
    if (due || (retry_at_ && now >= *retry_at_)) plan(now, commands);
  }
  repair(now, commands);
  keep_replicas(now, commands);
  look_for_drift(now, commands);
  if (drift_retry_at_ && now >= *drift_retry_at_) {
    drift_retry_at_.reset();
    disruption_.forget_stuck();
  }
  disruption_.end_old(now, commands);
  if (batch_since_ || is_buying() || !knows_offers()) return;
  disruption_.end_empty(now, commands);  // pods that wait may have been planned on them just now
  replace_drifted(now, commands);
  if (!is_buying()) consolidate(now, commands);
}

void Provisioner::plan_next(Instant now, port::Commands& commands) {
  std::optional<Instant> next;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(claims_.due(now));
  consider(disruption_.due(now));
  consider(drift_retry_at_);
  consider(repair_due(now));
  consider(replica_retry_at_);
  if (reservation_call_ == 0) consider(reservations_due_);
  if (!is_buying() && knows_offers()) {  // else an answer comes first
    if (batch_since_)
      consider(std::min(*batch_since_ + options_.batch_max, *batch_last_ + options_.batch_idle));
    consider(retry_at_);
  }
  if (next == armed_) return;
  armed_ = next;
  commands.emplace_back(port::SetTimer{kTimer, next});
}

bool Provisioner::at_rest() const {
  return !batch_since_ && !retry_at_ && !drift_retry_at_ && !replica_retry_at_ &&
         on_order_.empty() && !repair_due(now_) && claims_.at_rest(now_) && knows_offers() &&
         disruption_.at_rest(now_);
}

}  // namespace gputide::provisioner
