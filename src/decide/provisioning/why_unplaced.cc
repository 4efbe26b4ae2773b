#include "decide/provisioning/why_unplaced.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/provisioning/node_ask.h"
#include "model/pod_requests.h"

namespace gputide::provisioning {
namespace {

constexpr std::string_view kReservationLabels = "karpenter.k8s.aws/capacity-reservation-";

bool suits(const PackClass& pods, std::size_t kind, std::size_t t) {
  const std::vector<std::uint64_t>& bits = pods.offers[kind];
  return !bits.empty() && (bits[t / 64] >> (t % 64) & 1) != 0;
}

bool fits(const PackClass& pods, const PackOffer& offer) {
  for (std::size_t r = 0; r < offer.capacity.size(); ++r)
    if (pods.demand[r] > 0 && pods.demand[r] > offer.capacity[r]) return false;
  return true;
}

// Cores, GiB, or a count.
std::string text_of(const std::string& resource, std::int64_t amount) {
  if (resource == "cpu") return fmt::format("{:g}", static_cast<double>(amount) / 1000);
  if (resource == "memory" || resource == "ephemeral-storage" || resource.starts_with("hugepages-"))
    return fmt::format("{:.6g}Gi", static_cast<double>(amount) / (std::int64_t{1} << 30));
  return std::to_string(amount);
}

// What stands between the pods of one class and the nodes of one pool.
class Obstacle {
 public:
  Obstacle(const ProvisionProblem& problem, const Compiled& compiled, const PackPlan& plan,
           std::uint32_t k, std::uint32_t pool)
      : problem_(problem),
        compiled_(compiled),
        plan_(plan),
        class_(compiled.pack.classes[k]),
        pod_(*problem.pods[compiled.pods_of_class[k].front()]),
        pool_(problem.pools[pool]),
        number_(pool) {}

  /// How far the pods come (higher is nearer), and what stops them there.
  std::pair<int, std::string> find() const {
    std::string (Obstacle::* const steps[])() const = {
        &Obstacle::stock, &Obstacle::taints, &Obstacle::labels, &Obstacle::size, &Obstacle::limits};
    int far = 0;
    for (const auto step : steps) {
      if (std::string text = (this->*step)(); !text.empty()) return {far, std::move(text)};
      ++far;
    }
    return {far, rules()};
  }

 private:
  bool is_group() const { return node_group(problem_, number_) != nullptr; }
  const char* kind() const { return is_group() ? "node group" : "NodePool"; }
  std::string name() const { return fmt::format("{} {}", kind(), pool_.metadata.name); }

  // What the pool can buy at all.
  std::string stock() const {
    if (pool_.spec.replicas)
      return fmt::format("{} has replicas, so pods buy no nodes of it; raise them", name());
    if (const std::string both = contradiction(pool_); !both.empty())
      return fmt::format("{} asks {} at once, which no node can be; drop one", name(), both);
    const bool any = std::any_of(compiled_.pack.kinds.begin(), compiled_.pack.kinds.end(),
                                 [&](const NodeKind& kind) { return kind.pool == number_; });
    if (any) return {};
    if (problem_.pool_types[number_].empty())
      return fmt::format(
          "no instance type on offer meets what {} asks ({}); ask for less", name(),
          Requirements::from_node_pool(pool_.spec.template_.spec.requirements).text());
    return nothing_with(template_requirements(pool_), "change its requirements");
  }

  std::string taints() const {
    const std::vector<model::Taint> hard = hard_taints(pool_.spec.template_.spec.taints);
    for (const model::Taint& taint : hard)
      if (!untolerated(std::span(&taint, 1), pod_.spec->tolerations).empty())
        return fmt::format("it does not tolerate the taint {} of {}; add a toleration to the pod",
                           text(taint), name());
    return {};
  }

  std::string labels() const {
    for (std::size_t kind = 0; kind < class_.offers.size(); ++kind)
      if (compiled_.pack.kinds[kind].pool == number_)
        for (std::size_t t = 0; t < compiled_.pack.kinds[kind].offers.size(); ++t)
          if (suits(class_, kind, t)) return {};
    const Requirements asked = node_alternatives(*pod_.spec).front();
    const Requirements own = template_requirements(pool_);
    for (const auto& [key, wanted] : asked) {
      const Requirement* has = own.find(key);
      if (has == nullptr && !wanted.allows_absence() && !problem_.well_known.contains(key))
        return fmt::format(
            "it asks {}, and nodes of {} have no such label; add the label to {} or drop it from "
            "the "
            "pod",
            wanted.text(), name(), is_group() ? "the node group" : "the NodePool's template");
      if (has != nullptr && !has->intersects(wanted) &&
          !(has->allows_absence() && wanted.allows_absence()))
        return fmt::format("it asks {}, and {} has {}; change one of the two", wanted.text(),
                           name(), has->text());
    }
    for (const auto& [key, wanted] : asked)
      if (key.starts_with(kReservationLabels) && !wanted.allows_absence())
        return fmt::format(
            "it asks {}, and {}; select another reservation in the EC2NodeClass or drop it from "
            "the pod",
            wanted.text(),
            is_group() ? name() + " has no such label"
                       : "no capacity reservation that " + name() + " may use is that");
    Requirements both = own;
    both.add(asked);
    return nothing_with(both, fmt::format("change what the pod or the {} asks", kind()));
  }

  // No type has all that is asked: names the one label, or the two, that rule out every type.
  std::string nothing_with(const Requirements& asked, std::string_view remedy) const {
    const std::vector<std::uint32_t>& types = problem_.pool_types[number_];
    const auto none_has = [&](const Requirement& a, const Requirement& b) {
      Requirements both;
      both.add(a);
      if (a.key != b.key) both.add(b);
      return std::none_of(types.begin(), types.end(), [&](std::uint32_t t) {
        return problem_.types[t].requirements.intersects(both);
      });
    };
    std::string what;
    for (const bool alone : {true, false})
      for (const auto& [key, first] : asked)
        for (const auto& [other, second] : asked)
          if (what.empty() && alone == (key == other) && none_has(first, second))
            what = alone ? first.text() : fmt::format("{} and {}", first.text(), second.text());
    return fmt::format("no instance type on offer to {} has {}; {}", name(),
                       what.empty() ? asked.text() : what, remedy);
  }

  std::string size() const {
    std::vector<std::int64_t> most(compiled_.pack.dimensions, 0);
    for (std::size_t kind = 0; kind < class_.offers.size(); ++kind) {
      const NodeKind& each = compiled_.pack.kinds[kind];
      for (std::size_t t = 0; each.pool == number_ && t < each.offers.size(); ++t) {
        if (!suits(class_, kind, t)) continue;
        if (fits(class_, each.offers[t])) return {};
        for (std::size_t r = 0; r < most.size(); ++r)
          most[r] = std::max(most[r], each.offers[t].capacity[r]);
      }
    }
    model::ResourceList asked = model::pod_requests(pod_);
    asked["pods"] = Quantity::from_value(1);
    std::vector<std::string> asks;
    for (std::size_t r = 0; r < most.size(); ++r) {
      const std::string& resource = compiled_.dimensions[r];
      if (class_.demand[r] > 0 && most[r] <= 0)
        return fmt::format(
            "it asks {}, and no node that it may use offers any; give the DaemonSet of the device "
            "plugin that offers it, or another {}",
            resource, kind());
      const std::string wanted = asked[resource].text();
      if (class_.demand[r] > most[r])
        return fmt::format(
            "it asks {} of {}; the largest node that it may use offers {}; ask for less, or let it "
            "use larger instance types",
            wanted, resource, text_of(resource, most[r]));
      if (class_.demand[r] > 0) asks.push_back(fmt::format("{} {}", resource, wanted));
    }
    return fmt::format(
        "no instance type that it may use has enough of everything at once ({}); ask for less of "
        "one, or let it use other instance types",
        join(asks, ", "));
  }

  // Whether what is left of the pool's limits, or of reservations, buys no node for it.
  std::string limits() const {
    std::vector<std::int64_t> left = compiled_.pack.pools[number_].limit;
    std::vector<std::int64_t> stock = compiled_.pack.reservations;
    for (const PlannedNode& node : plan_.nodes) {
      if (node.kind == kNone) continue;
      const PackOffer& offer = compiled_.pack.kinds[node.kind].offers[node.offer];
      if (offer.reservation != kNone) --stock[offer.reservation];
      for (std::size_t r = 0; r < left.size() && compiled_.pack.kinds[node.kind].pool == number_;
           ++r)
        left[r] -= offer.limit_use[r];
    }
    bool reserved = true;
    for (std::size_t kind = 0; kind < class_.offers.size(); ++kind) {
      const NodeKind& each = compiled_.pack.kinds[kind];
      for (std::size_t t = 0; each.pool == number_ && t < each.offers.size(); ++t) {
        const PackOffer& offer = each.offers[t];
        if (!suits(class_, kind, t) || !fits(class_, offer)) continue;
        const bool in_stock = offer.reservation == kNone || stock[offer.reservation] > 0;
        reserved = reserved && !in_stock;
        bool within = true;
        for (std::size_t r = 0; r < left.size(); ++r)
          within = within && offer.limit_use[r] <= left[r];
        if (in_stock && within) return {};
      }
    }
    return reserved ? reservations_taken() : limits_reached();
  }

  std::string reservations_taken() const {
    std::map<std::string, std::int64_t> ids;
    for (std::size_t kind = 0; kind < class_.offers.size(); ++kind) {
      const NodeKind& each = compiled_.pack.kinds[kind];
      for (std::size_t t = 0; each.pool == number_ && t < each.offers.size(); ++t)
        if (suits(class_, kind, t) && fits(class_, each.offers[t]))
          ids[compiled_.kinds[kind].reservation_id] =
              compiled_.pack.reservations[each.offers[t].reservation];
    }
    std::vector<std::string> all;
    for (const auto& [id, count] : ids)
      all.push_back(count == 0 ? fmt::format("{}: full", id)
                               : fmt::format("{}: {} free before", id, count));
    return fmt::format(
        "the capacity reservations that it may use are taken ({}); reserve more, or let it use "
        "spot or on-demand",
        join(all, "; "));
  }

  std::string limits_reached() const {
    if (const NodeGroup* group = node_group(problem_, number_))
      return fmt::format(
          "the maxSize of {} ({}{}) leaves no room for a node that holds it; raise it", name(),
          pool_.spec.limits.at("nodes").text(),
          group->nodes == 0 ? "" : fmt::format(", of which it has {}", group->nodes));
    std::vector<std::string> all;
    for (const auto& [resource, limit] : pool_.spec.limits) {
      const std::int64_t used = limit_used(problem_, number_, resource);
      all.push_back(fmt::format(
          "{}: {}{}", resource, limit.text(),
          used == 0 ? "" : fmt::format(", of which its nodes have {}", text_of(resource, used))));
    }
    return fmt::format("the limits of {} ({}) leave no room for a node that holds it; raise them",
                       name(), join(all, "; "));
  }

  std::string rules() const {
    std::vector<std::string> all;
    for (const auto& spread : pod_.spec->topologySpreadConstraints)
      if (spread.whenUnsatisfiable != "ScheduleAnyway")
        all.push_back("spread over " + spread.topologyKey);
    if (const auto& affinity = pod_.spec->affinity) {
      if (affinity->podAffinity)
        for (const auto& term :
             affinity->podAffinity->requiredDuringSchedulingIgnoredDuringExecution)
          all.push_back("pod affinity by " + term.topologyKey);
      if (affinity->podAntiAffinity)
        for (const auto& term :
             affinity->podAntiAffinity->requiredDuringSchedulingIgnoredDuringExecution)
          all.push_back("pod anti-affinity by " + term.topologyKey);
    }
    if (!class_.ports.empty()) all.emplace_back("host ports");
    if (all.empty() && !class_.counted_in.empty())
      all.emplace_back("distance to pods whose anti-affinity repels it");
    if (all.empty())
      return fmt::format("minValues of {} cannot be kept with it; lower minValues", name());
    return fmt::format(
        "no node keeps its {} beside the pods that are placed; make one a preference, or allow "
        "more zones or nodes",
        join(all, ", its "));
  }

  const ProvisionProblem& problem_;
  const Compiled& compiled_;
  const PackPlan& plan_;
  const PackClass& class_;
  const model::Pod& pod_;
  const model::NodePool& pool_;
  std::uint32_t number_;
};

}  // namespace

std::string impossible(const model::PodSpec& spec) {
  if (const std::string both = contradiction(spec); !both.empty())
    return fmt::format("it asks {} at once, which no node can be; drop one", both);
  if (node_alternatives(spec).empty())
    return "its required node affinity has no term, which matches no node; remove it";
  return {};
}

std::string why_unplaced(const ProvisionProblem& problem, const Compiled& compiled,
                         const PackPlan& plan, std::uint32_t k) {
  if (problem.pools.empty())
    return problem.nodes.empty() ? "there is no NodePool; give one"
                                 : "the nodes that there are have no room for it, and there is no "
                                   "NodePool and no node group; give one";
  std::pair<int, std::string> nearest{-1, ""};
  for (std::uint32_t p = 0; p < problem.pools.size(); ++p)
    if (auto found = Obstacle(problem, compiled, plan, k, p).find(); found.first > nearest.first)
      nearest = std::move(found);
  return std::move(nearest.second);
}

}  // namespace gputide::provisioning
