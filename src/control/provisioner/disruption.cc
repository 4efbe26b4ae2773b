#include "control/provisioner/disruption.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>

#include <fmt/core.h>

#include "decide/provisioning/disruption_budgets.h"

namespace gputide::provisioner {
namespace {

constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr Duration kReplacementDeadline = Duration::minutes(20);
// What Karpenter takes where nothing is written.
constexpr std::string_view kConsolidateAfter = "0s", kExpireAfter = "720h";
constexpr Duration kMoving = Duration::minutes(1);
// A look waits so long for changes to end; at the longest Karpenter's polling period.
constexpr Duration kQuiet = Duration::seconds(1), kLongest = Duration::seconds(10);

double eviction_cost(const model::Pod& pod) {
  double cost = 1.0 + static_cast<double>(pod.spec->priority.value_or(0)) / std::exp2(25);
  const auto told = pod.metadata.annotations.find(std::string(kDeletionCost));
  if (told != pod.metadata.annotations.end()) {
    std::int64_t number = 0;
    std::from_chars(told->second.data(), told->second.data() + told->second.size(), number);
    cost += static_cast<double>(number) / std::exp2(27);
  }
  return std::clamp(cost, -10.0, 10.0);
}

std::vector<provisioning::Budget> budgets_of(const model::NodePool& pool) {
  std::vector<provisioning::Budget> budgets;
  for (const model::DisruptionBudget& each : pool.spec.disruption.budgets) {
    provisioning::Budget budget{each.nodes, std::nullopt, each.schedule, each.duration};
    if (!each.reasons.empty()) budget.reasons = each.reasons;
    budgets.push_back(std::move(budget));
  }
  if (budgets.empty()) budgets.push_back({"10%", std::nullopt, std::nullopt, std::nullopt});
  return budgets;
}

}  // namespace

std::optional<Duration> Disruption::duration_of(const std::optional<std::string>& text,
                                                std::string_view usual) const {
  const std::string_view told = text ? std::string_view(*text) : usual;
  const auto known = durations_.find(told);
  if (known != durations_.end()) return known->second;
  const auto read = provisioning::parse_nillable_duration(told);
  return durations_.emplace(told, read ? *read : std::nullopt).first->second;
}

const model::NodePool* Disruption::pool_of(const Claim& claim) const {
  const auto pool = cluster_.pools().find(claim.pool());
  return pool == cluster_.pools().end() ? nullptr : pool->second.get();
}

// Its pods come when every new node of the replacement is ready.
bool Disruption::is_awaited(const Claim& claim) const {
  return std::any_of(replacements_.begin(), replacements_.end(), [&](const Replacement& each) {
    return std::find(each.new_claims.begin(), each.new_claims.end(), claim.object->metadata.name) !=
           each.new_claims.end();
  });
}

std::optional<Instant> Disruption::consolidatable_at(const Claim& claim) const {
  const model::NodePool* pool = pool_of(claim);
  if (pool == nullptr || pool->spec.replicas || claim.stage != Stage::Ready || is_awaited(claim))
    return std::nullopt;
  const auto after = duration_of(pool->spec.disruption.consolidateAfter, kConsolidateAfter);
  if (!after) return std::nullopt;
  const Instant at = std::max(claim.last_pod_event + *after, claim.nominated_until);
  return std::max(at, cluster_.protected_until(claim.node).value_or(at));
}

// Bare pods would be lost: their node is left alone, which Karpenter does not.
std::string Disruption::kept_by(const Claim& claim, bool eventual, Instant now) const {
  const NodeRef node = cluster_.node(claim.node);
  if (node == nullptr) return "it is gone";
  if (must_not_be_disrupted(*node)) return "it carries karpenter.sh/do-not-disrupt";
  if (eventual && claim.object->spec.terminationGracePeriod) return "";
  for (const PodRef& pod : cluster_.pods_on(claim.node)) {
    const char* why = nullptr;
    if (must_not_be_disrupted(*pod, now))
      why = "carries karpenter.sh/do-not-disrupt";
    else if (belongs_to_node(*pod))
      continue;
    else if (pod->metadata.controller() == nullptr)
      why = "has no controller that would make it again";
    else if (cluster_.is_blocked(*pod))
      why = "is held by a PodDisruptionBudget";
    if (why != nullptr)
      return fmt::format("pod {}/{} {}", pod->metadata.namespace_, pod->metadata.name, why);
  }
  return "";
}

bool Disruption::may_be_disrupted(const Claim& claim, Instant now) const {
  const std::optional<Instant> at = consolidatable_at(claim);
  return at && *at <= now && !claim.marked && kept_by(claim, false, now).empty();
}

void Disruption::nominate(const std::string& claim, Instant until) {
  if (Claim* found = claims_.find(claim))
    found->nominated_until = std::max(found->nominated_until, until);
}

double Disruption::disruption_cost(const Claim& claim) const {
  double cost = 1;
  for (const PodRef& pod : cluster_.pods_on(claim.node))
    if (!belongs_to_node(*pod)) cost += std::max(0.0, eviction_cost(*pod));
  return cost;
}

std::vector<std::string> Disruption::within_budgets(const std::vector<std::string>& names,
                                                    std::string_view reason, Instant now) const {
  std::map<std::string, std::int64_t> left;  // by pool
  const auto room = [&](const model::NodePool& pool) -> std::int64_t& {
    const auto [at, fresh] = left.try_emplace(pool.metadata.name, 0);
    if (!fresh) return at->second;
    std::int64_t nodes = 0, going = 0;
    for (const auto& [name, claim] : claims_.all()) {
      if (pool_of(claim) != &pool) continue;
      const bool ready = claim.stage == Stage::Ready;
      const NodeRef node = cluster_.node(claim.node);
      const bool well = node != nullptr && is_ready(*node);
      nodes += ready || claim.stage == Stage::Draining ? 1 : 0;
      going += claim.stage == Stage::Draining || (ready && (claim.marked || !well)) ? 1 : 0;
    }
    const auto budgets = budgets_of(pool);
    at->second = provisioning::allowed_disruptions(budgets, nodes, reason, now).nodes - going;
    return at->second;
  };
  std::vector<std::string> chosen;
  for (const std::string& name : names) {
    const auto found = claims_.all().find(name);
    const model::NodePool* pool = found == claims_.all().end() ? nullptr : pool_of(found->second);
    if (pool == nullptr || room(*pool) <= 0) continue;
    --room(*pool);
    chosen.push_back(name);
  }
  return chosen;
}

std::vector<std::string> Disruption::may_go_empty(Instant now) const {
  std::vector<std::string> names;
  for (const auto& [name, claim] : claims_.all())
    if (claim.stage == Stage::Ready && is_empty(claim) && may_be_disrupted(claim, now))
      names.push_back(name);
  return names;
}

std::vector<std::string> Disruption::may_go_for_drift(Instant now) const {
  std::vector<std::tuple<bool, Instant, std::string>> order;
  for (const auto& [name, claim] : claims_.all())
    if (claim.drift && claim.stage == Stage::Ready && !claim.marked &&
        claim.nominated_until <= now && !stuck_.contains(name) && kept_by(claim, true, now).empty())
      order.emplace_back(!is_empty(claim), claim.drifted_since, name);
  std::sort(order.begin(), order.end());
  std::vector<std::string> names;
  for (auto& [busy, since, name] : order) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> Disruption::drifted(Instant now) const {
  return within_budgets(may_go_for_drift(now), "Drifted", now);
}

void Disruption::end_empty(Instant now, port::Commands& commands) {
  for (const std::string& name : within_budgets(may_go_empty(now), "Empty", now)) {
    Claim& claim = *claims_.find(name);
    const Duration since = Duration::seconds((now - claim.last_pod_event).whole_seconds());
    claims_.leave(
        claim,
        {"empty", fmt::format("Empty for {}: nothing on it would have to move", since.text())}, now,
        commands);
  }
}

void Disruption::end_old(Instant now, port::Commands& commands) {
  for (const auto& [name, claim] : claims_.all()) {
    const auto life = duration_of(claim.object->spec.expireAfter, kExpireAfter);
    if (claim.stage != Stage::Ready || !life ||
        claim.object->metadata.creationTimestamp.value_or(now) + *life > now)
      continue;
    claims_.leave(*claims_.find(name),
                  {"expired", fmt::format("it is {} old: expireAfter", life->text())}, now,
                  commands);
  }
}

// Nothing changed, and no node became a candidate by mere time.
bool Disruption::is_settled(Instant now) const {
  return settled_ &&
         std::none_of(claims_.all().begin(), claims_.all().end(), [&](const auto& each) {
           const auto at = consolidatable_at(each.second);
           return at && *at > *settled_ && *at <= now;
         });
}

std::optional<Instant> Disruption::quiet_at() const {
  if (!changed_first_) return std::nullopt;
  return std::min(changed_last_ + kQuiet, *changed_first_ + kLongest);
}

bool Disruption::wants_a_look(Instant now) const {
  return quiet_at().value_or(now) <= now && !replacing() && claims_.are_steady(now) &&
         !is_settled(now);
}

std::vector<std::string> Disruption::candidates(Instant now) const {
  std::vector<std::string> names;
  for (const auto& [name, claim] : claims_.all()) {
    const model::NodePool* pool = pool_of(claim);
    if (pool != nullptr && may_be_disrupted(claim, now) &&
        pool->spec.disruption.consolidationPolicy.value_or("") != "WhenEmpty")
      names.push_back(name);
  }
  return within_budgets(names, "Underutilized", now);
}

void Disruption::begin(Replacement replacement, Instant now, port::Commands& commands) {
  replacement.deadline = now + kReplacementDeadline;
  for (const std::string& name : replacement.old_claims) {
    Claim& claim = *claims_.find(name);
    claim.marked = true;
    port::PatchNode patch;
    patch.name = claim.node;
    patch.add_taints.push_back({std::string(kDisrupted), "", "NoSchedule", now});
    commands.emplace_back(std::move(patch));
  }
  replacements_.push_back(std::move(replacement));
}

void Disruption::unmark(const Replacement& replacement, port::Commands& commands) {
  for (const std::string& name : replacement.old_claims) {
    Claim* claim = claims_.find(name);
    if (claim == nullptr || claim->stage != Stage::Ready) continue;
    claim->marked = false;
    port::PatchNode patch;
    patch.name = claim->node;
    patch.remove_taint_keys = {std::string(kDisrupted)};
    commands.emplace_back(std::move(patch));
  }
}

void Disruption::read_budgets(Instant now) {
  if (budgets_read_ && (!budgets_change_ || *budgets_change_ > now)) return;
  if (budgets_read_) changed(now);
  budgets_read_ = true;
  budgets_change_.reset();
  for (const auto& [name, pool] : cluster_.pools())
    for (const provisioning::Budget& budget : budgets_of(*pool))
      if (const auto at = provisioning::next_budget_change(budget, now);
          at && (!budgets_change_ || *at < *budgets_change_))
        budgets_change_ = at;
}

void Disruption::advance(Instant now, port::Commands& commands) {
  read_budgets(now);
  std::erase_if(replacements_, [&](Replacement& replacement) {
    bool ready = true;
    for (const std::string& name : replacement.new_claims) {
      const Claim* claim = claims_.find(name);
      const bool lost = claim == nullptr
                            ? replacement.seen.contains(name)
                            : claim->stage == Stage::Draining || claim->stage == Stage::Ending;
      if (lost || now >= replacement.deadline) {
        unmark(replacement, commands);
        return true;
      }
      if (claim != nullptr) replacement.seen.insert(name);
      ready = ready && claim != nullptr && claim->stage == Stage::Ready;
    }
    if (!ready) return false;
    for (const std::string& name : replacement.old_claims)
      if (Claim* claim = claims_.find(name))
        claims_.leave(*claim, replacement.leaving, now, commands);
    moving_.push_back(std::move(replacement));
    return true;
  });
  std::erase_if(moving_, [&](const Replacement& replacement) {
    for (const std::string& name : replacement.new_claims) nominate(name, now + kMoving);
    return std::none_of(replacement.old_claims.begin(), replacement.old_claims.end(),
                        [&](const std::string& name) { return claims_.find(name) != nullptr; });
  });
}

std::optional<Instant> Disruption::due(Instant now) const {
  std::optional<Instant> next;
  const auto consider = [&](Instant at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const auto& [name, claim] : claims_.all()) {
    if (const auto at = consolidatable_at(claim)) consider(*at);
    if (claim.drift) consider(claim.nominated_until);
    if (const auto until = cluster_.protected_until(claim.node); claim.drift && until)
      consider(*until);
    const auto life = duration_of(claim.object->spec.expireAfter, kExpireAfter);
    if (claim.stage == Stage::Ready && life)
      consider(claim.object->metadata.creationTimestamp.value_or(now) + *life);
  }
  for (const Replacement& replacement : replacements_) consider(replacement.deadline);
  if (const auto at = quiet_at()) consider(*at);
  if (budgets_change_ && !claims_.all().empty()) consider(*budgets_change_);
  return next;
}

bool Disruption::at_rest(Instant now) const {
  if (replacing() || !is_settled(now)) return false;
  // What could go and has not gone waits for a schedule.
  if (budgets_change_ && !(may_go_empty(now).empty() && may_go_for_drift(now).empty()))
    return false;
  return std::none_of(claims_.all().begin(), claims_.all().end(), [&](const auto& each) {
    const auto at = consolidatable_at(each.second);
    if (at && *at > now) return true;
    const auto until = cluster_.protected_until(each.second.node);
    return each.second.drift && (each.second.nominated_until > now || (until && *until > now));
  });
}

}  // namespace gputide::provisioner
