// `gputide cost -o json`: amounts are whole micro-dollars.
#include "app/cost_view.h"
#include "app/plan_view.h"
#include "app/reservation_use.h"
#include "decide/provisioning/bound.h"

namespace gputide::app {
namespace {

using model::Value;
using pricing::CostLine;
using pricing::Size;
using pricing::SizeCost;

constexpr const char* kSizeNames[] = {"min", "desired", "max"};

Value micros(Money amount) {
  return Value(amount.micros());
}

Value amounts(Money per_hour) {
  Value out{Value::Map{}};
  out.set("micros_per_hour", micros(per_hour));
  out.set("micros_per_month", micros(pricing::per_month(per_hour)));
  return out;
}

Value json_of(const SizeCost& cost) {
  Value out = amounts(cost.per_hour);
  out.set("nodes", cost.nodes);
  out.set("nodes_without_price", cost.unpriced);
  out.set("at_most", cost.at_most);
  out.set("unlimited", cost.unlimited);
  return out;
}

Value json_of(const CostLine& line) {
  static constexpr const char* kKinds[] = {"ControlPlane", "NodeGroup", "NodePool"};
  Value out{Value::Map{}};
  out.set("kind", kKinds[static_cast<std::size_t>(line.kind)]);
  out.set("name", line.name);
  if (line.kind == CostLine::Kind::ControlPlane) out.set("version", line.version);
  if (line.kind == CostLine::Kind::NodeGroup) {
    Value::List instances;
    for (const pricing::Instances& each : line.instances) {
      Value& item = instances.emplace_back(Value::Map{});
      item.set("instanceType", each.type);
      item.set("capacityType", each.market);
      item.set("price_micros", each.price ? micros(*each.price) : Value());
      for (const Size size : pricing::kSizes)
        item.set(kSizeNames[static_cast<std::size_t>(size)],
                 each.nodes[static_cast<std::size_t>(size)]);
    }
    out.set("instances", Value(std::move(instances)));
    out.set("volume_gib", line.volume_gib);
  }
  if (!line.choices.empty()) {
    out.set("cheapest_price_micros", micros(line.choices.front().price));
    out.set("dearest_price_micros", micros(line.choices.back().price));
  }
  for (const Size size : pricing::kSizes)
    out.set(kSizeNames[static_cast<std::size_t>(size)], json_of(line.size(size)));
  return out;
}

Value json_of(const GpuPrice& price) {
  Value out{Value::Map{}};
  out.set("instanceType", price.choice.type);
  out.set("capacityType", price.choice.market);
  out.set("price_micros", micros(price.choice.price));
  out.set("gpu", price.gpu);
  out.set("gpu_eighths", price.gpu_eighths);
  out.set("price_micros_per_gpu", micros(price.per_gpu()));
  out.set("sold", price.sold);
  Value::List devices;
  for (const DevicePrice& each : price.devices) {
    Value& device = devices.emplace_back(Value::Map{});
    device.set("resource", each.resource);
    device.set("count", each.count);
    device.set("price_micros_each", micros(each.each));
  }
  out.set("devices", Value(std::move(devices)));
  Value::List pools;
  for (const std::string& pool : price.pools) pools.push_back(Value(pool));
  out.set("pools", Value(std::move(pools)));
  return out;
}

Value totals(const std::vector<CostLine>& lines) {
  Value out{Value::Map{}};
  for (const Size size : pricing::kSizes)
    out.set(kSizeNames[static_cast<std::size_t>(size)], json_of(pricing::total(lines, size)));
  return out;
}

Value json_of(const Demand& demand, const provisioning::ProvisionPlan& plan) {
  Value out = amounts(plan.per_hour);
  out.set("lower_bound_micros_per_hour", micros(plan.lower_bound));
  const auto ratio = provisioning::over_bound_permille(plan.per_hour, plan.lower_bound);
  out.set("over_bound_permille", ratio ? Value(*ratio) : Value());
  out.set("nodes", machines_json(demand, plan));
  out.set("unplaced", unplaced_json(demand, plan));
  return out;
}

Value plan_json(const PricedFiles& priced) {
  if (!priced.plan) return {};
  Value out = json_of(priced.demand, *priced.plan);
  out.set("capacity_reservations",
          reservations_json(reservation_uses(priced.reservations, priced.demand, *priced.plan)));
  return out;
}

}  // namespace

Value cost_json(const PricedFiles& priced) {
  Value out{Value::Map{}};
  Value::List lines, gpus;
  for (const CostLine& line : priced.lines) lines.push_back(json_of(line));
  for (const GpuPrice& price : priced.gpus) gpus.push_back(json_of(price));
  out.set("lines", Value(std::move(lines)));
  out.set("total", totals(priced.lines));
  out.set("gpus", Value(std::move(gpus)));
  out.set("pods", static_cast<std::int64_t>(priced.demand.problem.pods.size()));
  out.set("plan", plan_json(priced));
  return out;
}

Value change_json(const PricedFiles& a, const PricedFiles& b) {
  Value out{Value::Map{}};
  Value::List lines;
  for (const pricing::LineChange& each : pricing::changes(a.lines, b.lines)) {
    Value& line = lines.emplace_back(Value::Map{});
    line.set("name", each.after ? each.after->name : each.before->name);
    line.set("change", each.equal()   ? "equal"
                       : !each.before ? "added"
                       : !each.after  ? "removed"
                                      : "changed");
    line.set("a", each.before ? json_of(*each.before) : Value());
    line.set("b", each.after ? json_of(*each.after) : Value());
  }
  out.set("lines", Value(std::move(lines)));
  Value totals_{Value::Map{}}, plans{Value::Map{}};
  totals_.set("a", totals(a.lines));
  totals_.set("b", totals(b.lines));
  out.set("total", std::move(totals_));
  plans.set("a", plan_json(a));
  plans.set("b", plan_json(b));
  out.set("plan", std::move(plans));
  return out;
}

}  // namespace gputide::app
