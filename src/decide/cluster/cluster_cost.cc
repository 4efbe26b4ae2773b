#include "decide/cluster/cluster_cost.h"

#include <algorithm>

#include "decide/cluster/mixed_instances.h"
#include "decide/cluster/node_groups.h"
#include "decide/pricing/eks_versions.h"

namespace gputide::cluster {
namespace {

using model::Market;
using pricing::CostLine;
using pricing::Instances;
using pricing::Size;

// A pool of capacity that the group may take from.
struct Pool {
  std::string type;
  Money price;
};

class GroupCost {
 public:
  GroupCost(const model::NodeGroupPlan& plan, const pricing::Catalogue& catalogue)
      : plan_(plan), catalogue_(catalogue), types_(instance_types(plan.group, plan.launch)) {
    if (plan.group.mixed_instances_policy)
      policy_ = plan.group.mixed_instances_policy->distribution;
  }

  CostLine line() {
    line_.kind = CostLine::Kind::NodeGroup;
    line_.name = plan_.nodegroup_name;
    line_.volume_gib = plan_.bootstrap.volume_gib;
    for (const Market market : markets(plan_.group))
      for (const std::string& zone : plan_.group.availability_zones)
        for (const Pool& pool : pools(market, zone))
          line_.choices.push_back({pool.type, std::string(model::market_name(market)), pool.price});
    pricing::sort_choices(line_.choices);
    fill(Size::Minimum, plan_.group.min_size);
    fill(Size::Desired, plan_.group.desired_capacity);
    fill(Size::Maximum, plan_.group.max_size);
    pricing::add_up(line_);
    return std::move(line_);
  }

 private:
  // In the order in which a launch tries them.
  std::vector<Pool> pools(Market market, const std::string& zone) const {
    std::vector<Pool> found;
    std::vector<PoolChoice> choices;
    const std::string_view region = pricing::region_of_zone(zone);
    for (std::size_t i = 0; i < types_.size(); ++i) {
      const auto price = market == Market::Spot ? catalogue_.spot(region, zone, types_[i])
                                                : catalogue_.on_demand(region, types_[i]);
      if (!price || (market == Market::Spot && policy_.spot_max_price &&
                     price->per_hour > *policy_.spot_max_price))
        continue;
      found.push_back({types_[i], price->per_hour});
      choices.push_back({types_[i], static_cast<std::int64_t>(i), price->per_hour});
    }
    std::vector<Pool> ranked;
    for (const std::size_t i : rank_pools(strategy(market), spread(market, found.size()), choices))
      ranked.push_back(found[i]);
    return ranked;
  }

  const std::string& strategy(Market market) const {
    return market == Market::Spot ? policy_.spot_allocation_strategy
                                  : policy_.on_demand_allocation_strategy;
  }

  // Over how many of `pools` pools a zone's instances are spread.
  std::int64_t spread(Market market, std::size_t pools) const {
    const auto all = static_cast<std::int64_t>(pools);
    if (market == Market::OnDemand) return 1;
    if (strategy(market) == "diversified") return all;
    return strategy(market) == "lowest-price" ? std::min(policy_.spot_instance_pools, all) : 1;
  }

  // On-demand first; each instance in the zone that has the fewest, the first of those.
  void fill(Size size, std::int64_t nodes) {
    std::int64_t on_demand = nodes;
    if (plan_.group.mixed_instances_policy) on_demand = split_capacity(policy_, nodes).on_demand;
    const auto zones = static_cast<std::int64_t>(plan_.group.availability_zones.size());
    for (std::int64_t z = 0; z < zones; ++z) {
      const auto in_zone = [&](std::int64_t first) { return (first + zones - 1 - z) / zones; };
      launch(size, Market::OnDemand, z, in_zone(on_demand));
      launch(size, Market::Spot, z, in_zone(nodes) - in_zone(on_demand));
    }
  }

  void launch(Size size, Market market, std::int64_t zone, std::int64_t nodes) {
    if (nodes == 0) return;
    const std::string& name = plan_.group.availability_zones[static_cast<std::size_t>(zone)];
    const std::vector<Pool> ranked = pools(market, name);
    if (ranked.empty()) return count(size, market, types_.front(), std::nullopt, nodes);
    const std::int64_t over = spread(market, ranked.size());
    for (std::int64_t i = 0; i < over; ++i) {
      const Pool& pool = ranked[static_cast<std::size_t>(i)];
      count(size, market, pool.type, pool.price, (nodes + over - 1 - i) / over);
    }
  }

  void count(Size size, Market market, const std::string& type, std::optional<Money> price,
             std::int64_t nodes) {
    if (nodes == 0) return;
    const std::string_view name = model::market_name(market);
    auto alike =
        std::find_if(line_.instances.begin(), line_.instances.end(), [&](const auto& each) {
          return each.type == type && each.market == name && each.price == price;
        });
    if (alike == line_.instances.end())
      alike = line_.instances.insert(alike, {type, std::string(name), price, {}});
    alike->nodes[static_cast<std::size_t>(size)] += nodes;
  }

  const model::NodeGroupPlan& plan_;
  const pricing::Catalogue& catalogue_;
  const std::vector<std::string> types_;
  model::InstancesDistributionPolicy policy_;
  CostLine line_;
};

}  // namespace

CostLine control_plane_cost(const model::ClusterConfig& config) {
  CostLine line;
  line.name = config.metadata.name;
  line.version = config.metadata.version.value_or(std::string(kDefaultVersion));
  for (const Size size : pricing::kSizes)
    line.size(size).per_hour = pricing::control_plane_price(line.version);
  return line;
}

CostLine node_group_cost(const model::NodeGroupPlan& plan, const pricing::Catalogue& catalogue) {
  return GroupCost(plan, catalogue).line();
}

}  // namespace gputide::cluster
