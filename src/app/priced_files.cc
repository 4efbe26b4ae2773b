#include "app/priced_files.h"

#include <algorithm>
#include <tuple>

#include "decide/cluster/cluster_cost.h"
#include "decide/cluster/node_groups.h"
#include "decide/provisioning/pool_cost.h"
#include "decide/sharing/offer.h"
#include "model/scenario.h"

namespace gputide::app {
namespace {

using pricing::CostLine;
using provisioning::ProviderType;
using provisioning::ProvisionProblem;

// "tide/" where there are several clusters.
std::string prefix_of(const model::ClusterConfig& config, const Checked& checked) {
  const auto objects = checked.input.objects();
  const auto clusters = std::count_if(objects.begin(), objects.end(), [](const auto* object) {
    return object->template as<model::ClusterConfig>() != nullptr;
  });
  return clusters > 1 ? config.metadata.name + "/" : "";
}

void add_clusters(const Checked& checked, std::vector<CostLine>& lines) {
  Diagnostics told;  // by the checks before
  for (const model::Object* object : checked.input.objects()) {
    const auto* config = object->as<model::ClusterConfig>();
    if (config == nullptr) continue;
    const std::string prefix = prefix_of(*config, checked);
    lines.push_back(cluster::control_plane_cost(*config));
    lines.back().name = prefix + "control plane";
    for (const model::NodeGroupPlan& plan : cluster::plan_node_groups(
             *config, checked.catalogue, object->source, object->file, told)) {
      lines.push_back(cluster::node_group_cost(plan, checked.catalogue));
      lines.back().name = prefix + plan.nodegroup_name;
    }
  }
}

std::vector<ProviderType> types_of(const ProvisionProblem& problem, std::size_t pool) {
  std::vector<ProviderType> types;
  for (const std::uint32_t t : problem.pool_types[pool]) types.push_back(problem.types[t]);
  return types;
}

// The problem's pools are the NodePools, then the node groups in the order of the lines.
std::size_t count_node_pools(const Checked& checked) {
  const auto objects = checked.input.objects();
  return static_cast<std::size_t>(
      std::count_if(objects.begin(), objects.end(), [](const model::Object* object) {
        return object->as<model::NodePool>() || object->as<model::v1beta1::NodePool>();
      }));
}

std::int64_t eighths_of(const model::InstanceType& machine) {
  return machine.gpu_eighths > 0 ? machine.gpu_eighths : machine.visible_gpus() * 8;
}

class GpuPrices {
 public:
  GpuPrices(const Checked& checked, const Demand& demand)
      : checked_(checked), demand_(demand), around_(surroundings(checked, demand)) {}

  // Of the line that the problem's `pool` is.
  void add(const CostLine& line, std::size_t pool) {
    for (const pricing::Choice& choice : line.choices) {
      const model::InstanceType* machine = checked_.catalogue.find(choice.type);
      if (machine == nullptr || machine->visible_gpus() == 0) continue;
      GpuPrice price{{line.name},          choice, std::string(machine->gpu_name),
                     eighths_of(*machine), false,  {}};
      for (const std::uint32_t t : demand_.problem.pool_types[pool])
        if (demand_.problem.types[t].name == choice.type)
          offer(*machine, pool, demand_.problem.types[t], price);
      merge(std::move(price));
    }
  }

  std::vector<GpuPrice> take() {
    std::stable_sort(prices_.begin(), prices_.end(), [](const GpuPrice& a, const GpuPrice& b) {
      return std::tuple(a.per_gpu(), a.gpu_eighths) < std::tuple(b.per_gpu(), b.gpu_eighths);
    });
    return std::move(prices_);
  }

 private:
  void offer(const model::InstanceType& machine, std::size_t pool, const ProviderType& type,
             GpuPrice& price) const {
    price.sold = true;
    const Money node = price.choice.price;
    if (!has_plugin(demand_) || !machine.has_nvidia()) {
      for (const auto& [name, amount] : type.allocatable)
        if (name.ends_with("/gpu"))
          price.devices.push_back(
              {name, amount.value(), sharing::device_price(node, {1, amount.value()})});
      return;
    }
    const auto devices = provisioning::devices_on(around_, demand_.problem.pools[pool], type);
    for (const auto& [name, share] : devices.shares)
      if (share.parts > 0)
        price.devices.push_back(
            {name, devices.resources.at(name).value(), sharing::device_price(node, share)});
  }

  // Pools that may buy the same are one row.
  void merge(GpuPrice price) {
    for (GpuPrice& each : prices_) {
      if (each.choice != price.choice || each.sold != price.sold || !alike(each, price)) continue;
      each.pools.push_back(price.pools.front());
      return;
    }
    prices_.push_back(std::move(price));
  }

  static bool alike(const GpuPrice& a, const GpuPrice& b) {
    return std::equal(a.devices.begin(), a.devices.end(), b.devices.begin(), b.devices.end(),
                      [](const DevicePrice& x, const DevicePrice& y) {
                        return x.resource == y.resource && x.count == y.count;
                      });
  }

  const Checked& checked_;
  const Demand& demand_;
  const provisioning::PoolSurroundings around_;
  std::vector<GpuPrice> prices_;
};

std::vector<GpuPrice> gpu_prices(const Checked& checked, const Demand& demand,
                                 const std::vector<CostLine>& lines) {
  GpuPrices prices(checked, demand);
  std::size_t group = count_node_pools(checked), pool = 0;
  for (const CostLine& line : lines) {
    if (line.kind == CostLine::Kind::NodeGroup) prices.add(line, group++);
    if (line.kind == CostLine::Kind::NodePool) prices.add(line, pool++);
  }
  return prices.take();
}

bool has_scenario(const Checked& checked) {
  const auto objects = checked.input.objects();
  return std::any_of(objects.begin(), objects.end(), [](const model::Object* object) {
    return object->as<model::Scenario>() != nullptr;
  });
}

}  // namespace

std::int64_t PricedFiles::unpriced() const {
  return pricing::total(lines, pricing::Size::Maximum).unpriced;
}

Result<PricedFiles> price_files(const CostOptions& options, const Checked& checked) {
  PlanOptions where;
  where.region = options.region;
  where.zones = options.zones;
  Result<Demand> demand = read_demand(where, checked);
  if (!demand) return tl::unexpected(demand.error());
  forget_existing(*demand);
  PricedFiles priced{std::move(*demand),  {}, {}, std::nullopt, has_scenario(checked),
                     checked.reservations};
  const ProvisionProblem& problem = priced.demand.problem;
  add_clusters(checked, priced.lines);
  for (std::size_t p = 0; p < count_node_pools(checked); ++p)
    priced.lines.push_back(provisioning::node_pool_cost(problem.pools[p], types_of(problem, p)));
  if (priced.lines.empty())
    return fail("nothing among the files costs money; give a ClusterConfig or a NodePool with -f");
  priced.gpus = gpu_prices(checked, priced.demand, priced.lines);
  if (!problem.pods.empty() && !problem.pools.empty())
    priced.plan = provisioning::provision(problem);
  return priced;
}

}  // namespace gputide::app
