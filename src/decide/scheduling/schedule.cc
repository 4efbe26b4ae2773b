#include "decide/scheduling/schedule.h"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/core.h>

namespace gputide::scheduling {

using state::NodeId;

namespace {

constexpr std::size_t kMaxFailures = 4096;
constexpr std::int64_t kMinNodesToFind = 100;
constexpr std::int64_t kMinPercentToFind = 5;
constexpr std::int64_t kMinCandidates = 100;

// How many nodes that fit are enough in a cluster of this size.
std::int64_t enough_nodes(std::int64_t nodes) {
  if (nodes < kMinNodesToFind) return nodes;
  const std::int64_t percent = std::max(50 - nodes / 125, kMinPercentToFind);
  return std::max(nodes * percent / 100, kMinNodesToFind);
}

// "0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods."
std::string sentence(std::int64_t nodes,
                     const std::vector<std::pair<std::string, std::int64_t>>& reasons) {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons) parts.push_back(fmt::format("{} {}", count, reason));
  std::sort(parts.begin(), parts.end());
  std::string out = fmt::format("0/{} nodes are available:", nodes);
  for (std::size_t i = 0; i < parts.size(); ++i) out += (i == 0 ? " " : ", ") + parts[i];
  return parts.empty() ? out : out + ".";
}

void count(std::vector<std::pair<std::string, std::int64_t>>& reasons, const std::string& reason,
           std::int64_t nodes) {
  for (auto& [known, times] : reasons)
    if (known == reason) {
      times += nodes;
      return;
    }
  reasons.emplace_back(reason, nodes);
}

}  // namespace

bool Scheduler::fits(Demand& demand, const model::Pod& pod, NodeId node) {
  if (!check_node_name(pod, *cluster_.node(node).object).ok()) return false;
  if (nominations_.empty()) return demand.fits(node);
  return check_with_nominated(filters_, nominations_, pod, node).ok();
}

void Scheduler::find_named(Demand& demand, const model::Pod& pod,
                           const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const NodeId node = cluster_.find(name);
    if (node != state::kNoNode && fits(demand, pod, node)) feasible_.push_back(node);
  }
}

void Scheduler::find_feasible(Demand& demand, const model::Pod& pod) {
  feasible_.clear();
  if (demand.node_names()) return find_named(demand, pod, *demand.node_names());
  const auto enough = static_cast<std::size_t>(enough_nodes(cluster_.node_count()));
  const bool all_alike = nominations_.empty() && pod.spec->nodeName.empty();
  const auto look = [&](NodeId from, NodeId to) {
    if (all_alike) return demand.find(from, to, enough, feasible_);
    for (NodeId node = demand.next(from, to); node != state::kNoNode && feasible_.size() < enough;
         node = demand.next(node + 1, to))
      if (fits(demand, pod, node)) feasible_.push_back(node);
  };
  if (start_ >= cluster_.end()) start_ = 0;
  look(start_, cluster_.end());
  if (feasible_.size() < enough) look(0, start_);
  if (feasible_.size() >= enough && !feasible_.empty()) start_ = feasible_.back() + 1;
}

NodeId Scheduler::select(const model::Pod& pod, Rng& rng) {
  if (feasible_.size() == 1) return feasible_.front();
  ranking_.total(pod, feasible_, totals_);
  const std::int64_t best = *std::max_element(totals_.begin(), totals_.end());
  const auto equal = std::count(totals_.begin(), totals_.end(), best);
  std::uint64_t left = equal == 1 ? 0 : rng.below(static_cast<std::uint64_t>(equal));
  std::size_t at = 0;
  while (totals_[at] != best || left-- > 0) ++at;
  return feasible_[at];
}

// nullptr where the verdict alone does not say what the node is told.
Scheduler::Answer* Scheduler::answer_of(Demand& demand, NodeId node,
                                        std::vector<Answer>& answers) const {
  const std::uint64_t verdict = demand.node_fit().verdict(cluster_, node);
  if (!NodeFit::tells_all(verdict)) return nullptr;
  const auto known = std::find_if(answers.begin(), answers.end(),
                                  [&](const Answer& each) { return each.verdict == verdict; });
  if (known != answers.end()) return &*known;
  return &answers.emplace_back(verdict, demand.node_fit().status(cluster_, node));
}

Scheduler::Diagnosis Scheduler::diagnose(const model::Pod& pod) {
  Diagnosis out;
  Demand& demand = filters_.demand(pod);
  const Status pre_filter = demand.pre_filter();
  if (!pre_filter.ok()) {
    out.rejected_by = plugin_bit(pre_filter.plugin);
    for (const std::string& reason : pre_filter.reasons)
      out.pre_filter += (out.pre_filter.empty() ? "" : ", ") + reason;
    return out;
  }
  const auto& names = demand.node_names();
  const auto blame = [&](const Status& status, std::int64_t nodes) {
    out.rejected_by |= plugin_bit(status.plugin);
    for (const std::string& reason : status.reasons) count(out.reasons, reason, nodes);
  };
  std::vector<Answer> answers;
  const bool all_alike = nominations_.empty() && pod.spec->nodeName.empty();
  std::int64_t outside = 0;
  for (NodeId node = 0; node < cluster_.end(); ++node) {
    if (!cluster_.exists(node)) continue;
    if (names && !names->contains(cluster_.node(node).object->metadata.name)) {
      ++outside;
      continue;
    }
    if (Answer* known = all_alike ? answer_of(demand, node, answers) : nullptr) {
      ++known->nodes;
      if (known->status.code == Code::Unschedulable) out.potential.push_back(node);
      continue;
    }
    const Status status = nominations_.empty()
                              ? check(demand, pod, cluster_, node)
                              : check_with_nominated(filters_, nominations_, pod, node);
    if (status.code == Code::Unschedulable) out.potential.push_back(node);
    blame(status, 1);
  }
  for (const Answer& each : answers) blame(each.status, each.nodes);
  if (outside > 0) {
    out.rejected_by |= plugin_bit(kNodeAffinity);
    count(out.reasons, fmt::format("node(s) didn't satisfy plugin(s) [{}]", kNodeAffinity),
          outside);
  }
  return out;
}

void Scheduler::preempt(const model::Pod& pod, const Diagnosis& diagnosis, Rng& rng,
                        Placement& placement) {
  const auto fail = [&](const std::string& why) { placement.message += " preemption: " + why; };
  const std::string promised = pod.status.nominatedNodeName;
  Status on_promised;
  if (const NodeId node = cluster_.find(promised); !promised.empty() && node != state::kNoNode)
    on_promised = check(filters_.demand(pod), pod, cluster_, node);
  if (const std::string why = not_eligible(pod, cluster_, promised, on_promised); !why.empty())
    return fail(why);
  std::vector<std::pair<std::string, std::int64_t>> reasons;
  const std::int64_t nodes = cluster_.node_count();
  const auto potential = static_cast<std::int64_t>(diagnosis.potential.size());
  if (nodes > potential)
    count(reasons, "Preemption is not helpful for scheduling", nodes - potential);
  std::vector<Candidate> candidates;
  const std::int64_t enough = std::max(potential / 10, kMinCandidates);
  bool without_violation = false;
  const bool any_lesser = cluster_.lowest_priority() < pod.spec->priority.value_or(0);
  const std::uint64_t offset =
      any_lesser && potential > 0 ? rng.below(static_cast<std::uint64_t>(potential)) : 0;
  for (std::int64_t i = 0; any_lesser && i < potential; ++i) {
    const auto at =
        (static_cast<std::uint64_t>(i) + offset) % static_cast<std::uint64_t>(potential);
    Candidate candidate;
    const Status status =
        select_victims(filters_, nominations_, pod, diagnosis.potential[at], budgets_, candidate);
    if (!status.ok()) {
      for (const std::string& reason : status.reasons) count(reasons, reason, 1);
      continue;
    }
    without_violation = without_violation || candidate.budget_violations == 0;
    candidates.push_back(std::move(candidate));
    if (without_violation && static_cast<std::int64_t>(candidates.size()) >= enough) break;
  }
  if (!any_lesser && potential > 0)
    count(reasons, "No preemption victims found for incoming pod", potential);
  if (candidates.empty()) {
    placement.clear_nomination = !promised.empty();
    return fail(sentence(nodes, reasons));
  }
  const std::vector<std::size_t> best = least_harmful(candidates);
  Candidate& chosen = candidates[best[best.size() == 1 ? 0 : rng.below(best.size())]];
  placement.nominated = cluster_.node(chosen.node).object->metadata.name;
  placement.victims = std::move(chosen.victims);
}

Placement Scheduler::explain(const model::Pod& pod, Rng& rng) {
  Placement out;
  const Diagnosis diagnosis = diagnose(pod);
  out.rejected_by = diagnosis.rejected_by;
  if (diagnosis.pre_filter.empty())
    out.message = sentence(cluster_.node_count(), diagnosis.reasons);
  else
    out.message =
        fmt::format("0/{} nodes are available: {}.", cluster_.node_count(), diagnosis.pre_filter);
  preempt(pod, diagnosis, rng, out);
  return out;
}

Placement Scheduler::schedule(const model::Pod& pod, Rng& rng) {
  Placement out;
  if (cluster_.node_count() == 0) {
    out.message = "no nodes available to schedule pods";
    return out;
  }
  Demand& demand = filters_.demand(pod);
  const bool common = pod.spec->nodeName.empty() && pod.status.nominatedNodeName.empty();
  const std::uint64_t objects_version = cluster_.objects().version();
  if (common)
    if (const auto at = failures_.find(demand.key()); at != failures_.end()) {
      const Failure& known = at->second;
      if (known.sequence == cluster_.sequence() && known.objects_version == objects_version &&
          known.nominations_version == nominations_.version())
        return known.placement;
    }
  if (demand.pre_filter().ok()) {
    if (!pod.status.nominatedNodeName.empty()) {
      const NodeId promised = cluster_.find(pod.status.nominatedNodeName);
      if (promised != state::kNoNode && fits(demand, pod, promised)) {
        out.node = promised;
        return out;
      }
    }
    find_feasible(demand, pod);
    if (!feasible_.empty()) {
      out.node = select(pod, rng);
      return out;
    }
  }
  const std::uint64_t key = demand.key();
  out = explain(pod, rng);
  if (common && out.victims.empty()) {
    if (failures_.size() >= kMaxFailures) failures_.clear();
    failures_[key] = {cluster_.sequence(), objects_version, nominations_.version(), out};
  }
  return out;
}

}  // namespace gputide::scheduling
