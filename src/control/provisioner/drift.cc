// Nodes that are no longer what their NodePool would buy, and their replacement.
#include "decide/provisioning/drift.h"

#include <fmt/format.h>

#include "control/provisioner/provisioner.h"

namespace gputide::provisioner {

using provisioning::ProvisionProblem;

void Provisioner::mark_hash(const port::ObjectChanged& event, port::Commands& commands) {
  if (event.change == port::Change::Deleted) return;
  const auto mark = [&]<class Kind>(const std::shared_ptr<const Kind>& object) {
    auto marked = std::make_shared<Kind>(*object);
    for (const auto& [key, value] : provisioning::hash_annotations(*object))
      marked->metadata.annotations[key] = value;
    if (marked->metadata.annotations != object->metadata.annotations)
      commands.emplace_back(port::Replace{std::shared_ptr<const Kind>(std::move(marked))});
  };
  if (const auto* pool = std::get_if<PoolRef>(&event.object)) mark(*pool);
  if (const auto* node_class = std::get_if<ClassRef>(&event.object)) mark(*node_class);
}

void Provisioner::look_for_drift(Instant now, port::Commands& commands) {
  if (!knows_offers()) return;
  for (const auto& [name, claim] : claims_.all()) {
    if (claim.stage != Stage::Ready || claim.compared == generation_) continue;
    const auto pool = cluster_.pools().find(claim.pool());
    if (pool == cluster_.pools().end()) continue;
    const std::string& class_name = claim.object->spec.nodeClassRef.name;
    const provisioning::DriftGround ground{
        *pool->second, cluster_.node_class(class_name), offers_.zones(class_name),
        offers_.of(*pool->second).types, offers_.known_reservations()};
    Claim& found = *claims_.find(name);
    found.compared = generation_;
    claims_.set_drift(found, provisioning::drift_of(*claim.object, ground), now, commands);
  }
}

void Provisioner::tell_kept(Claim& claim, const char* reason, const std::string& why,
                            port::Commands& commands) {
  if (claim.told_kept == why) return;
  claim.told_kept = why;
  commands.emplace_back(port::Publish{{"Node", "", claim.node}, true, reason, why});
}

void Provisioner::replace_drifted(Instant now, port::Commands& commands) {
  for (const auto& [name, claim] : claims_.all())
    if (claim.drift && claim.stage == Stage::Ready && !claim.marked)
      if (const std::string why = disruption_.kept_by(claim, true, now); !why.empty())
        tell_kept(*claims_.find(name), "DisruptionBlocked",
                  fmt::format("{}; it is not replaced: {}", claim.drift->why, why), commands);
  for (const std::string& name : disruption_.drifted(now))
    if (!is_buying()) replace_drifted(name, now, commands);
}

// One node at a time, so that no node's replacement waits for another's.
void Provisioner::replace_drifted(const std::string& name, Instant now, port::Commands& commands) {
  Claim& claim = *claims_.find(name);
  Replacement replacement{{name}, {}, {}, {}, {"drifted", "it has drifted: " + claim.drift->why}};
  const std::string why =
      fmt::format("in place of {}, which has drifted: {}", claim.node, claim.drift->why);
  const auto stuck = [&](const std::string& reason) {
    disruption_.set_stuck(name);
    drift_retry_at_ = offers_.next_expiry(now);
    tell_kept(claim, "DisruptionBlocked",
              fmt::format("{}; it is not replaced: {}", claim.drift->why, reason), commands);
  };
  const model::NodePool& pool = *cluster_.pools().at(claim.pool());
  if (pool.spec.replicas) {
    if (leaves_room_soon(pool)) return;
    replacement.new_claims = buy_replicas(pool, 1, why, now, commands);
    if (replacement.new_claims.empty())
      return stuck("its NodePool may have no node more, or there is none to be had");
    return disruption_.begin(std::move(replacement), now, commands);
  }
  if (disruption_.is_empty(claim))
    return claims_.leave(claim, std::move(replacement.leaving), now, commands);
  const View seen = view_for_move(now);
  const std::vector<provisioning::Candidate> node = candidates(seen, {name});
  if (node.empty()) return disruption_.set_stuck(name);
  const provisioning::Relocation found = provisioning::relocate(seen.problem, node.front());
  ProvisionProblem moved = seen.problem;
  for (const std::uint32_t p : found.moved) moved.pods.push_back(seen.problem.bound[p]);
  if (!found.plan.unplaced.empty()) {
    const auto& [index, reason] = found.plan.unplaced.front();
    const model::ObjectMeta& pod = moved.pods[index]->metadata;
    return stuck(
        fmt::format("pod {}/{} finds no other node: {}", pod.namespace_, pod.name, reason));
  }
  if (!keeps_limits(found.plan))
    return stuck("the limits of its NodePool are exceeded until nodes that leave are gone");
  nominate(seen, found.plan, now);
  replace(moved, found.plan, why, std::move(replacement), now, commands);
}

// Without nodes on which other pods are expected.
Provisioner::View Provisioner::view_for_move(Instant now) {
  View seen = view(now, true);
  for (std::size_t n = seen.problem.nodes.size(); n-- > 0;) {
    const Claim* there = claims_.find(seen.claim_of_node[n]);
    if (there == nullptr || there->nominated_until <= now) continue;
    seen.problem.nodes.erase(seen.problem.nodes.begin() + static_cast<std::ptrdiff_t>(n));
    seen.claim_of_node.erase(seen.claim_of_node.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return seen;
}

}  // namespace gputide::provisioner
