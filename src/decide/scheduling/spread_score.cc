#include "decide/scheduling/spread_score.h"

#include <algorithm>
#include <cmath>

namespace gputide::scheduling {

using state::Cluster;
using state::NodeId;

namespace {

const char* const kHostname = "kubernetes.io/hostname";
const char* const kZone = "topology.kubernetes.io/zone";
constexpr std::int64_t kMaxSpreadScore = 100;

void add(model::LabelSelector& to, const std::optional<model::LabelSelector>& selector) {
  if (!selector) return;
  for (const auto& [key, value] : selector->matchLabels)
    to.matchExpressions.push_back({key, "In", {value}});
  to.matchExpressions.insert(to.matchExpressions.end(), selector->matchExpressions.begin(),
                             selector->matchExpressions.end());
}

bool selects(const model::StringMap& selector, const model::StringMap& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
    const auto at = labels.find(pair.first);
    return at != labels.end() && at->second == pair.second;
  });
}

void merge(model::StringMap& to, const model::StringMap& labels) {
  for (const auto& [key, value] : labels) to[key] = value;
}

std::vector<model::TopologySpreadConstraint> default_constraints() {
  std::vector<model::TopologySpreadConstraint> out(2);
  out[0].topologyKey = kHostname;
  out[0].maxSkew = 3;
  out[1].topologyKey = kZone;
  out[1].maxSkew = 5;
  return out;
}

}  // namespace

model::Selector default_selector(const model::Pod& pod, const state::Objects& objects) {
  const std::string& space = pod.metadata.namespace_;
  model::LabelSelector all;
  for (const auto& [key, service] : objects.services.all())
    if (key.first == space && !service->spec.selector.empty() &&
        selects(service->spec.selector, pod.metadata.labels))
      merge(all.matchLabels, service->spec.selector);
  if (const model::OwnerReference* owner = pod.metadata.controller()) {
    if (owner->kind == "ReplicationController" && owner->apiVersion == "v1") {
      const auto* found = objects.replication_controllers.find(space, owner->name);
      if (found != nullptr) merge(all.matchLabels, found->spec.selector);
    } else if (owner->kind == "ReplicaSet" && owner->apiVersion == "apps/v1") {
      const auto* found = objects.replica_sets.find(space, owner->name);
      if (found != nullptr) add(all, found->spec.selector);
    } else if (owner->kind == "StatefulSet" && owner->apiVersion == "apps/v1") {
      const auto* found = objects.stateful_sets.find(space, owner->name);
      if (found != nullptr) add(all, found->spec.selector);
    }
  }
  return model::Selector::of(std::optional(std::move(all)));
}

SpreadScore::SpreadScore(const model::Pod& pod, Cluster& cluster)
    : namespace_(pod.metadata.namespace_) {
  const auto& written = pod.spec->topologySpreadConstraints;
  const auto take = [&](const model::TopologySpreadConstraint& constraint) {
    constraints_.push_back(compile_spread(constraint, pod.metadata.labels, cluster));
    by_host_.push_back(constraint.topologyKey == kHostname ? 1 : 0);
  };
  if (!written.empty()) {
    for (const auto& constraint : written)
      if (constraint.whenUnsatisfiable == "ScheduleAnyway") take(constraint);
  } else {
    require_all_ = false;
    const model::Selector selector = default_selector(pod, cluster.objects());
    if (selector.empty()) return;
    for (const auto& constraint : default_constraints()) {
      take(constraint);
      constraints_.back().selector = selector;
    }
  }
  std::vector<state::TopologyId> topologies;
  for (const SpreadConstraint& constraint : constraints_) {
    const auto known = std::find(topologies.begin(), topologies.end(), constraint.topology);
    tally_of_.push_back(static_cast<std::size_t>(known - topologies.begin()));
    if (known == topologies.end()) topologies.push_back(constraint.topology);
  }
  tallies_.resize(topologies.size());
  on_node_.resize(constraints_.size());
}

bool SpreadScore::has_all_keys(const Cluster& cluster, NodeId node) const {
  return std::all_of(constraints_.begin(), constraints_.end(), [&](const SpreadConstraint& c) {
    return cluster.domain(c.topology, node) != state::kNoDomain;
  });
}

// Where the label is missing and may be, its value counts as "".
state::DomainId SpreadScore::domain(Cluster& cluster, std::size_t constraint, NodeId node) const {
  const state::TopologyId topology = constraints_[constraint].topology;
  const state::DomainId domain = cluster.domain(topology, node);
  return domain == state::kNoDomain ? cluster.domain_of_value(topology, "") : domain;
}

void SpreadScore::clear() {
  for (DomainTally& tally : tallies_) tally.clear();
  for (auto& counts : on_node_) counts.clear();
}

void SpreadScore::forget(NodeId node) {
  for (DomainTally& tally : tallies_) tally.set(node, state::kNoDomain, 0);
}

void SpreadScore::update(Cluster& cluster, NodeRules& rules, NodeId node) {
  if (!cluster.exists(node)) return forget(node);
  const bool counts = !require_all_ || has_all_keys(cluster, node);
  std::vector<std::int64_t> sums(tallies_.size());
  std::vector<state::DomainId> domains(tallies_.size(), state::kNoDomain);
  for (std::size_t i = 0; i < constraints_.size(); ++i) {
    const SpreadConstraint& constraint = constraints_[i];
    const bool included = counts && constraint.includes(rules.at(cluster, node));
    if (!by_host_[i] && !included) continue;
    const std::int64_t count = constraint.count(cluster, node, namespace_);
    if (by_host_[i]) {
      on_node_[i].resize(static_cast<std::size_t>(cluster.end()));
      on_node_[i][static_cast<std::size_t>(node)] = count;
      continue;
    }
    sums[tally_of_[i]] += count;
    domains[tally_of_[i]] = domain(cluster, i, node);
  }
  for (std::size_t t = 0; t < tallies_.size(); ++t) tallies_[t].set(node, domains[t], sums[t]);
}

// Topologies with many domains weigh more: otherwise few pods a domain would make no difference.
std::vector<double> SpreadScore::domain_weights(Cluster& cluster, std::span<const NodeId> nodes,
                                                std::vector<std::uint8_t>& ignored) const {
  std::vector<std::size_t> domains(constraints_.size());
  std::vector<std::vector<std::uint8_t>> seen(tallies_.size());
  std::size_t counted = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (require_all_ && !has_all_keys(cluster, nodes[n])) {
      ignored[n] = 1;
      continue;
    }
    ++counted;
    for (std::size_t i = 0; i < constraints_.size(); ++i) {
      if (by_host_[i]) continue;
      const auto at = static_cast<std::size_t>(domain(cluster, i, nodes[n]));
      auto& marks = seen[tally_of_[i]];
      if (at >= marks.size()) marks.resize(at + 1);
      if (marks[at] == 0) ++domains[i];
      marks[at] = 1;
    }
  }
  std::vector<double> weights;
  for (std::size_t i = 0; i < constraints_.size(); ++i)
    weights.push_back(std::log(static_cast<double>((by_host_[i] ? counted : domains[i]) + 2)));
  return weights;
}

void SpreadScore::score(Cluster& cluster, std::span<const NodeId> nodes,
                        std::span<std::int64_t> raw, std::span<std::int64_t> normalized) const {
  std::vector<std::uint8_t> ignored(nodes.size());
  const std::vector<double> weights = domain_weights(cluster, nodes, ignored);
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  std::int64_t most = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    raw[n] = 0;
    if (ignored[n]) continue;
    double score = 0;
    for (std::size_t i = 0; i < constraints_.size(); ++i) {
      const state::DomainId at = cluster.domain(constraints_[i].topology, nodes[n]);
      if (at == state::kNoDomain) continue;
      const std::int64_t count = by_host_[i] ? on_node_[i][static_cast<std::size_t>(nodes[n])]
                                             : tallies_[tally_of_[i]].sum(at);
      score += static_cast<double>(count) * weights[i] +
               static_cast<double>(constraints_[i].max_skew - 1);
    }
    raw[n] = static_cast<std::int64_t>(std::round(score));
    least = std::min(least, raw[n]);
    most = std::max(most, raw[n]);
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (ignored[n])
      normalized[n] = 0;
    else
      normalized[n] =
          most == 0 ? kMaxSpreadScore : kMaxSpreadScore * (most + least - raw[n]) / most;
  }
}

}  // namespace gputide::scheduling
